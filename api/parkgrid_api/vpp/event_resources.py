"""The resources of one event: each with its line of money, and one with its baseline and every quarter hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parkgrid_api.answers.vpp_event import BaselineShape, EventResource, EventResourceRow, FindingTold, LaterShape
from parkgrid_api.vpp.amounts import counted, kilo, kilo_or_none, text, yuan
from parkgrid_api.vpp.events import expected, frozen_wh, intervals, promised_kwh, quarter
from parkgrid_api.vpp.registry import eligibility
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import (
    AdjustedResource,
    Award,
    FrozenResource,
    Line,
    Part,
    SettledResource,
    Statement,
)
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.progress import moved_wh


@dataclass(frozen=True, slots=True)
class _OfAward:
    """An award and what was written about it, by resource."""

    award: Award
    excused: frozenset[str]
    frozen: Mapping[str, FrozenResource]
    adjusted: Mapping[str, AdjustedResource]
    entry: Entry | None
    statement: Statement | None
    settled: Mapping[str, SettledResource]
    lines: Mapping[str, Line]

    @classmethod
    def of(cls, book: EventBook, award: Award) -> "_OfAward":
        frozen, adjusted = book.frozen.get(award.award), book.adjusted.get(award.award)
        revisions = book.statements.get(award.award)
        entry, statement = revisions[-1] if revisions else (None, None)
        return cls(
            award,
            book.excused(award.operator),
            {each.resource: each for each in (() if frozen is None else frozen.resources)},
            {each.resource: each for each in (() if adjusted is None else adjusted.resources)},
            entry,
            statement,
            {each.resource: each for each in (() if statement is None else statement.resources)},
            {each.resource: each for each in (() if statement is None else statement.lines)},
        )


def listed(book: EventBook, skip: int, most: int) -> tuple[int, list[EventResourceRow]]:
    """How many resources an event has, and a page of them."""
    found = _all(book)
    return len(found), [_row(book, about, part) for about, part in found[skip : skip + most]]


def one(pilot: Pilot, book: EventBook, resource: str) -> EventResource | None:
    """One resource of an event; None: it was not awarded."""
    found = next(((about, part) for about, part in _all(book) if part.resource == resource), None)
    if found is None:
        return None
    about, part = found
    settled = about.settled.get(resource)
    curve = frozen_wh(book, about.award.award).get(resource)
    later = () if about.statement is None else about.statement.known_later
    return {
        **_row(book, about, part),
        "frozen": _baseline(about, resource),
        "eligibility": eligibility(pilot, resource),
        "quarters": expected(book, part.w, curve)
        if settled is None
        else [quarter(each, book.event.direction) for each in settled.quarters],
        "intervals": [] if settled is None else intervals(settled.intervals),
        "readings": None if settled is None else settled.readings,
        "findings": [
            FindingTold(register=each.register, kind=each.kind, from_ms=to_ms(each.from_), to_ms=to_ms(each.at))
            for each in (() if settled is None else settled.findings)
        ],
        "known_later": [
            LaterShape(day=each.day.isoformat(), was_kwh=kilo_or_none(each.was_wh), is_kwh=kilo_or_none(each.is_wh))
            for each in later
            if each.resource == resource
        ],
    }


def _all(book: EventBook) -> Sequence[tuple[_OfAward, Part]]:
    awards = () if book.awards is None else book.awards.awards
    found = [(about, part) for about in (_OfAward.of(book, each) for each in awards) for part in about.award.parts]
    return sorted(found, key=lambda each: each[1].resource)


def _row(book: EventBook, about: _OfAward, part: Part) -> EventResourceRow:
    name, known = part.resource, book.resources[part.resource]
    frozen, settled, line = about.frozen.get(name), about.settled.get(name), about.lines.get(name)
    statement = about.statement
    return {
        "resource": name,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "park": known.park,
        "kind": known.kind,
        "operator": about.award.operator,
        "award": about.award.award,
        "kw": kilo(part.w),
        "opted_out": name in about.excused,
        "baseline": None if frozen is None else frozen.baseline,
        "eligible": None if frozen is None else frozen.eligible,
        "promised_kwh": promised_kwh(book, part.w, None if settled is None else settled.quarters),
        "measured_kwh": None if settled is None else kilo(moved_wh(settled.quarters)),
        "verdicts": None if settled is None else counted(settled.quarters),
        "note": "" if settled is None else settled.note,
        "status": None if statement is None else statement.status,
        "contract": None if line is None else line.contract,
        "payment_cny": None if line is None else yuan(line.payment),
        "penalty_cny": None if line is None else yuan(line.penalty),
        "operator_part_cny": None if line is None else yuan(line.operator_part),
        "user_part_cny": None if line is None else yuan(line.user_part),
        "statement": None if statement is None else statement.statement,
        "entry": None if about.entry is None else about.entry.number,
    }


def _baseline(about: _OfAward, resource: str) -> BaselineShape | None:
    frozen, change = about.frozen.get(resource), about.adjusted.get(resource)
    if frozen is None:
        return None
    return {
        "name": frozen.baseline,
        "digest": frozen.rule,
        "enough": frozen.enough,
        "eligible": frozen.eligible,
        "readings": frozen.readings,
        "days": [
            {
                "day": each.day.isoformat(),
                "outcome": each.outcome,
                "energy_kwh": kilo_or_none(each.energy_wh),
                "window_kwh": kilo_or_none(each.window_wh),
                "detail": each.detail,
            }
            for each in frozen.days
        ],
        "curve_kwh": None if frozen.curve_wh is None else [kilo(each) for each in frozen.curve_wh],
        "adjustment": None
        if change is None
        else {
            "applied": change.applied,
            "factor": text(change.factor),
            "shift_kwh": kilo(change.shift_wh),
            "capped": change.capped,
            "past_kwh": kilo_or_none(change.past_wh),
            "today_kwh": kilo_or_none(change.today_wh),
        },
    }
