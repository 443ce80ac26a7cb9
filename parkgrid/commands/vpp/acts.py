"""`parkgrid vpp bid, opt-out, award, acknowledge, cancel, supersede`: what is done about an event."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.calling import decimal
from parkgrid.commands.vpp.session import AsJson, By, Dsn, EventId, book_of, run, tell, write_acts, written

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.documents import Part
    from parkgrid_domain.vpp.pilot import Pilot

OperatorId = Annotated[str, typer.Option(help="The operator's identifier.")]
Reason = Annotated[str, typer.Option(help="The reason; it is stored in the ledger.")]


def bid(
    event: EventId,
    operator: OperatorId,
    price: Annotated[str, typer.Option(help="Yuan/kWh.")],
    part: Annotated[list[str], typer.Option(help="A resource and its kW, such as storage-1=500; may be repeated.")],
    dsn: Dsn,
    by: By,
    name: Annotated[str | None, typer.Option("--id", help="Identifier of the bid.  [default: made up]")] = None,
    as_json: AsJson = False,
) -> None:
    """Offer resources for an event. A later bid of the same operator takes the place of the former one.

    For example:

        parkgrid vpp bid ev-20260701-1400 --operator op-1 --price 3 --part storage-1=500 --part load-1=100 --by "Li Wei"
    """
    from parkgrid_domain.vpp.documents import Bid
    from parkgrid_vpp.ledger import Act

    yuan = decimal(price, "--price")

    def action(connection: "Connection", pilot: "Pilot") -> None:
        book_of(pilot, event)
        made = name or f"bid-{0 if pilot.head is None else pilot.head.number + 1}"
        document = Bid(made, operator, yuan, tuple(map(_part, part)))
        tell(written(connection, pilot, [Act(event, document)], by), as_json=as_json)

    run(dsn, action)


def opt_out(
    event: EventId,
    resource: Annotated[str, typer.Argument(help="The resource.")],
    operator: OperatorId,
    dsn: Dsn,
    by: By,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take a resource out of an event. After the event's last instant to opt out this is recorded and changes nothing.

    For example:

        parkgrid vpp opt-out ev-20260701-1400 load-1 --operator op-1 --reason "chiller repair" --by "Li Wei"
    """
    from parkgrid_domain.vpp.documents import OptOut
    from parkgrid_vpp.ledger import Act

    def action(connection: "Connection", pilot: "Pilot") -> None:
        until = book_of(pilot, event).event.opt_out_until
        entries = written(connection, pilot, [Act(event, OptOut(operator, resource, reason))], by)
        tell(entries, as_json=as_json)
        if entries[-1].at > until:
            typer.echo(
                f"too late: {resource} could opt out until {until.isoformat()}; it is judged as awarded", err=True
            )

    run(dsn, action)


def award(
    event: EventId,
    file: Annotated[Path, typer.Argument(help="JSON file of the platform above.")],
    dsn: Dsn,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Take in an award of a platform above, and freeze the baselines with it.

    The file: `{"price": "3.5", "awards": [{"award": "up-17", "operator": "op-1", "w": 500000}]}`. An award without
    `parts` (`[{"resource": "storage-1", "w": 400000}]`) is spread over the operator's resources in proportion to what
    each can. For example:

        parkgrid vpp award ev-20260701-1400 award.json --by "Li Wei"
    """
    from parkgrid_vpp.awarding import award_from_above, read_given

    def action(connection: "Connection", pilot: "Pilot") -> None:
        book_of(pilot, event)
        try:
            given = read_given(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            outcome.refuse(f"{file} cannot be read: {error}")
        tell(award_from_above(connection, pilot, event, given, by, datetime.now(UTC)), as_json=as_json)

    run(dsn, action)


def acknowledge(
    event: EventId,
    award: Annotated[str, typer.Argument(help="The award, as `parkgrid vpp event` shows it.")],
    dsn: Dsn,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Say that an operator has seen its award. Example: `parkgrid vpp acknowledge ev-1 ev-1-op-1 --by "Li Wei"`."""
    _state(event, "acknowledged", dsn, by, award=award, as_json=as_json)


def cancel(event: EventId, dsn: Dsn, by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Call an event off before its end. Example: `parkgrid vpp cancel ev-1 --reason "rain" --by "Li Wei"`."""
    _state(event, "cancelled", dsn, by, reason=reason, as_json=as_json)


def supersede(
    event: EventId,
    other: Annotated[str, typer.Option("--with", help="The published event that takes its place.")],
    dsn: Dsn,
    by: By,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Put another event in the place of one that is not over. Example: `parkgrid vpp supersede ev-1 --with ev-2`."""
    _state(event, "superseded", dsn, by, by_event=other, reason=reason, as_json=as_json)


def _state(event: str, state: str, dsn: str, by: str, *, as_json: bool, **told: str) -> None:
    from parkgrid_domain.vpp.documents import State
    from parkgrid_vpp.ledger import Act

    document = State(state, told.get("award"), told.get("by_event"), told.get("reason", ""))  # type: ignore[arg-type]
    write_acts(dsn, by, lambda: [Act(event, document)], as_json=as_json)


def _part(text: str) -> "Part":
    from parkgrid_domain.vpp.documents import Part
    from parkgrid_vpp.calling import watts

    resource, equals, kw = text.partition("=")
    if not equals:
        outcome.refuse(f"--part {text!r}: write a resource and its kW, such as storage-1=500")
    return Part(resource, watts(decimal(kw, f"--part {resource}="), f"the part of {resource}"))
