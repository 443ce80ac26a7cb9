"""`parkgrid vpp phase`: what people do in the registry of the pilot."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import By, Dsn, write_acts

if TYPE_CHECKING:
    from parkgrid_domain.vpp.documents import PhaseName


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
