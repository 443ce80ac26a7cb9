"""`parkgrid vpp`: what people do in the virtual power plant pilot, each act with the name of who does it."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.documents import PhaseName
    from parkgrid_vpp.ledger import Act

Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]
By = Annotated[str, typer.Option("--by", help="Who does it; the name is stored in the ledger with the act.")]

app = typer.Typer(
    help=(
        "The virtual power plant pilot: registry, events, settlement, proof.\n\n"
        "Everything that is done here is written into a ledger, with the name given by `--by`, and is never changed."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
def phase(
    resource: Annotated[str, typer.Argument(help="A registered resource.")],
    phase: Annotated[
        str,
        typer.Argument(help="registered, documents, joint_test, announced, active, suspended or left."),
    ],
    dsn: Dsn,
    by: By,
    on: Annotated[str | None, typer.Option(help="The day, such as 2026-07-01.  [default: today in Shenzhen]")] = None,
    note: Annotated[str, typer.Option(help="What there is to say about it.")] = "",
) -> None:
    """Write that a resource has come to a phase of the pilot.

    A resource goes through registered, documents, joint_test, announced and active in this order. An active resource
    may be suspended, and a suspended one active again. Each may leave; a resource that left does not come back.

    For example:

        parkgrid vpp phase storage-1 active --by "Li Wei"
    """
    from parkgrid_domain.vpp.documents import Phase
    from parkgrid_vpp.ledger import Act

    day = _day(on)
    write_acts(dsn, by, lambda: [Act(resource, Phase(_phase(phase), day, note))])


def write_acts(dsn: str, by: str, acts: "Callable[[], list[Act]]") -> None:
    """Write acts into the ledger, tell the number of each, and end the command."""

    def action() -> int:
        from parkgrid_domain.vpp.pilot import Pilot
        from parkgrid_vpp.ledger import write

        with connected(dsn) as connection:
            for entry in write(connection, Pilot(), acts(), by, datetime.now(UTC)):
                typer.echo(f"entry {entry.number}: {entry.kind} {entry.subject}")
        return 0

    outcome.finish(action)


def connected(dsn: str) -> "Connection":
    """A connection to the database, to be used with `with`. Raises `StoreError`."""
    import psycopg

    from parkgrid_database.errors import translated

    with translated():
        return psycopg.connect(dsn, autocommit=True, connect_timeout=5)


def _day(text: str | None) -> date:
    from parkgrid_contract.time import SHANGHAI

    if text is None:
        return datetime.now(SHANGHAI).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        outcome.refuse(f"{text!r} is not a day: write it like 2026-07-01")


def _phase(text: str) -> "PhaseName":
    from typing import get_args

    from parkgrid_domain.vpp.documents import PhaseName

    found: PhaseName | None = next((each for each in get_args(PhaseName) if each == text), None)
    return found or outcome.refuse(f"{text!r} is not a phase: {', '.join(get_args(PhaseName))}")
