"""`parkgrid vpp dispute`: a statement is disputed, answered, decided; a decision gives a revision of the statement."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import AsJson, By, Dsn, run, statement_of, tell, written

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot

app = typer.Typer(
    help=(
        "Disputes about statements: raised, answered, decided.\n\n"
        "After a decision `parkgrid vpp run` writes a revision of the statement; the former one stays."
    ),
    no_args_is_help=True,
)
Text = Annotated[str, typer.Option("--text", help="What there is to say, up to 500 characters.")]
Due = Annotated[str | None, typer.Option(help="Day until which the next step is to follow.  [default: in 15 days]")]
DisputeId = Annotated[str, typer.Argument(help="The dispute, as `parkgrid vpp event` shows it.")]
_DAYS = 15


@app.command("raise")
def raise_(
    statement: Annotated[str, typer.Argument(help="The statement, as `parkgrid vpp event` shows it.")],
    text: Text,
    dsn: Dsn,
    by: By,
    due: Due = None,
    name: Annotated[str | None, typer.Option("--id", help="Identifier of the dispute.  [default: made up]")] = None,
    as_json: AsJson = False,
) -> None:
    """Dispute a statement. Example: `parkgrid vpp dispute raise ev-1-op-1-1 --text "the curve" --by "Li Wei"`."""
    _step(name, statement, "raised", text, due, dsn, by, as_json=as_json)


@app.command()
def answer(dispute: DisputeId, text: Text, dsn: Dsn, by: By, due: Due = None, as_json: AsJson = False) -> None:
    """Answer a dispute. Example: `parkgrid vpp dispute answer d-40 --text "see the readings" --by "Li Wei"`."""
    _step(dispute, None, "answered", text, due, dsn, by, as_json=as_json)


@app.command()
def decide(dispute: DisputeId, text: Text, dsn: Dsn, by: By, due: Due = None, as_json: AsJson = False) -> None:
    """Decide a dispute. Example: `parkgrid vpp dispute decide d-40 --text "it stands" --by "Li Wei"`."""
    _step(dispute, None, "decided", text, due, dsn, by, as_json=as_json)


def _step(
    name: str | None,
    statement: str | None,
    step: Literal["raised", "answered", "decided"],
    text: str,
    due: str | None,
    dsn: str,
    by: str,
    *,
    as_json: bool,
) -> None:
    until = _day(due)

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_domain.vpp.documents import Dispute
        from parkgrid_vpp.ledger import Act

        event, about = _about(pilot, name, statement)
        made = name or f"d-{0 if pilot.head is None else pilot.head.number + 1}"
        tell(written(connection, pilot, [Act(event, Dispute(made, about, step, text, until))], by), as_json=as_json)

    run(dsn, action)


def _about(pilot: "Pilot", name: str | None, statement: str | None) -> tuple[str, str]:
    """The event and the statement of a dispute. Raises `PilotError` for one that is not there."""
    from parkgrid_vpp.errors import PilotError

    if statement is not None:
        return statement_of(pilot, statement)[0].event_id, statement
    for event_id, book in pilot.events.items():
        if name in book.disputes:
            return event_id, book.disputes[name][-1][1].statement
    raise PilotError(f"{name!r} is not a dispute: `parkgrid vpp dispute raise` begins one")


def _day(text: str | None) -> date:
    from parkgrid_contract.time import SHANGHAI

    if text is None:
        return datetime.now(SHANGHAI).date() + timedelta(days=_DAYS)
    try:
        return date.fromisoformat(text)
    except ValueError:
        outcome.refuse(f"{text!r} is not a day: write it like 2026-07-01")
