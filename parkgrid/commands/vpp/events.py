"""`parkgrid vpp events` and `parkgrid vpp event`: what was called, who delivers it, what came of it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from parkgrid.commands.vpp.session import AsJson, Dsn, EventId, book_of, run, show

if TYPE_CHECKING:
    from parkgrid_domain.vpp.documents import Award, Statement
    from parkgrid_domain.vpp.pilot import EventBook, Pilot
    from parkgrid_domain.vpp.settlement import Verdict

SIMULATED = "模拟 / simulation"
"""Stands beside every amount that does not come from a verified pack."""
_VERDICTS: Sequence["Verdict"] = ("delivered", "partial", "not_delivered", "unverified")


def events(dsn: Dsn, as_json: AsJson = False) -> None:
    """List all events with their state, what was wanted and awarded, and the money. Example: `parkgrid vpp events`."""

    def action(_connection: object, pilot: "Pilot") -> None:
        told = [_summary(book) for book in pilot.events.values()]
        rows: list[tuple[str, ...]] = [("event", "from", "to", "", "target kW", "award kW", "state", "net yuan", "")]
        rows += [tuple(map(str, each.values())) for each in told]
        show({"events": told}, _aligned(rows) if told else ["no events"], as_json=as_json)

    run(dsn, action)


def event(name: EventId, dsn: Dsn, as_json: AsJson = False) -> None:
    """Show one event: its states, awards, losers with reasons, verdicts, and the money of each resource.

    For example:

        parkgrid vpp event ev-20260701-1400
    """

    def action(_connection: object, pilot: "Pilot") -> None:
        from parkgrid_domain.vpp import forms

        book = book_of(pilot, name)
        standing = [revisions[-1] for revisions in book.statements.values()]
        told = {
            "event": name,
            "state": book.state,
            **forms.document(book.event),
            "awards": None if book.awards is None else forms.document(book.awards),
            "statements": [forms.document(each) for _, each in standing],
            "disputes": [forms.document(steps[-1][1]) for steps in book.disputes.values()],
        }
        show(told, list(_lines(book)), as_json=as_json)

    run(dsn, action)


def _summary(book: "EventBook") -> dict[str, Any]:
    event, zone = book.event, ZoneInfo(book.event.zone)
    standing = [revisions[-1][1] for revisions in book.statements.values()]
    awarded = "" if book.awards is None else f"{sum(each.w for each in book.awards.awards) / 1000:g}"
    return {
        "event": book.event_id,
        "from": f"{event.from_.astimezone(zone):%Y-%m-%d %H:%M}",
        "to": f"{event.to.astimezone(zone):%H:%M}",
        "direction": event.direction,
        "target_kw": f"{event.target_w / 1000:g}",
        "award_kw": awarded,
        "state": book.state,
        "net": f"{sum(each.net for each in standing):.2f}" if standing else "",
        "money": _stamp(standing),
    }


def _lines(book: "EventBook") -> Iterator[str]:
    from parkgrid_domain.vpp.pilot import late_steps

    event, zone = book.event, ZoneInfo(book.event.zone)
    when = f"{event.from_.astimezone(zone):%Y-%m-%d %H:%M} to {event.to.astimezone(zone):%H:%M} ({event.zone})"
    yield f"{book.event_id}  {event.name_zh} / {event.name_en}  {event.direction} {event.target_w / 1000:g} kW  {when}"
    yield f"state: {book.state}" + (f"; {len(book.bids)} bids" if book.awards is None else "")
    for at, state in book.states:
        more = " ".join(each for each in (state.award, state.by_event, state.reason) if each)
        yield f"  {at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {state.state}  {more}".rstrip()
    if book.awards is not None:
        for award in book.awards.awards:
            yield from _award(book, award)
        for loser in book.awards.losers:
            yield f"  not awarded: {loser.operator} {loser.resource or loser.bid}: {loser.reason}"
        if book.awards.short_w:
            yield f"  short of the target: {book.awards.short_w / 1000:g} kW"
    for name, steps in book.disputes.items():
        last, late = steps[-1][1], " (late)" if late_steps(steps)[-1] else ""
        yield f"dispute {name} about {last.statement}: {last.step}{late}, next step due {last.due}: {last.text}"


def _award(book: "EventBook", award: "Award") -> Iterator[str]:
    price = "" if book.awards is None else f"{book.awards.price:f} yuan/kWh"
    yield f"award {award.award}: {award.operator} {award.w / 1000:g} kW at {price}"
    statement = book.latest(award.award)
    if statement is None:
        excused = book.excused(award.operator)
        for part in award.parts:
            yield f"  {part.resource} {part.w / 1000:g} kW" + ("  opted out" if part.resource in excused else "")
        return
    yield from _money(statement)


def _money(statement: "Statement") -> Iterator[str]:
    stamp = _stamp([statement])
    told = f"payment {statement.payment} yuan, penalty {statement.penalty} yuan, net {statement.net} yuan"
    yield f"  statement {statement.statement} ({statement.cause}): {told}  {stamp}".rstrip()
    lines = {each.resource: each for each in statement.lines}
    rows: list[tuple[str, ...]] = [("resource", *_VERDICTS, "payment", "penalty", "operator", "user", "why")]
    for each in statement.resources:
        found = [quarter.verdict for quarter in each.quarters]
        line = lines[each.resource]
        money = (line.payment, line.penalty, line.operator_part, line.user_part)
        rows.append((each.resource, *(str(found.count(verdict)) for verdict in _VERDICTS), *map(str, money), each.note))
    yield from (f"  {row}" for row in _aligned(rows))


def _stamp(statements: Sequence["Statement"]) -> str:
    return SIMULATED if any(each.status != "payable" for each in statements) else ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
