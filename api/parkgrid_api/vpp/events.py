"""Events: the list, one event whole, and an award as a site reads it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from parkgrid_api.answers.vpp import EntryShape, EventShort
from parkgrid_api.answers.vpp_event import (
    AwardOrder,
    AwardShape,
    BidShape,
    CourseStep,
    DisputeShape,
    EventWhole,
    IntervalMoney,
    LoserShape,
    OptOutShape,
    PackShape,
    QuarterShape,
    StatementShape,
)
from parkgrid_api.vpp.amounts import counted, head, kilo, kilo_or_none, money, text, yuan
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import AdjustedResource, Award, IntervalTold, Part, QuarterTold, Statement
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pack import Pack, read_pack
from parkgrid_domain.vpp.pilot import EventBook, Pilot, late_steps
from parkgrid_domain.vpp.progress import moved_wh, standing
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Direction
from parkgrid_vpp.freezing import baseline_wh

QUARTERS_AN_HOUR = 4
_NOT_YET = AdjustedResource("", "none", Decimal(1), 0, False, None, None, "", ())
"""Before the hours before the event were read, a frozen baseline is its curve."""


def short(book: EventBook) -> EventShort:
    """An event as a list shows it."""
    event, awards = book.event, () if book.awards is None else book.awards.awards
    staying = [part for award in awards for part in parts(book, award)]
    statements = [statement for _, _, statement in standing([book])]
    quarters = [quarter for statement in statements for quarter in statement.quarters]
    awarded_w = sum(part.w for part in staying)
    return {
        "event": book.event_id,
        "name_zh": event.name_zh,
        "name_en": event.name_en,
        "direction": event.direction,
        "type": event.type,
        "notice_class": event.notice_class,
        "setup": event.setup,
        "state": book.state,
        "from_ms": to_ms(event.from_),
        "to_ms": to_ms(event.to),
        "target_kw": kilo(event.target_w),
        "awarded_kw": kilo(awarded_w),
        "short_kw": None if book.awards is None else kilo(book.awards.short_w),
        "operators": len({award.operator for award in awards}),
        "resources": len(staying),
        "promised_kwh": promised_kwh(book, awarded_w, quarters if statements else None),
        "measured_kwh": kilo(moved_wh(quarters)) if statements else None,
        "verdicts": counted(quarters) if statements else None,
        "money": money(statements),
        "open_disputes": len(book.open_disputes()),
    }


def promised_kwh(book: EventBook, awarded_w: int, quarters: Sequence[QuarterTold] | None) -> float:
    """The energy that an award means over the event, or over its quarter hours that could be verified."""
    if quarters is None:
        return kilo(awarded_w * len(quarters_of(book.event.from_, book.event.to)) // QUARTERS_AN_HOUR)
    return kilo(sum(each.award_wh for each in quarters if each.moved_wh is not None))


def parts(book: EventBook, award: Award) -> list[Part]:
    """The parts of an award without what opted out in time."""
    out = book.excused(award.operator)
    return [part for part in award.parts if part.resource not in out]


def whole(pilot: Pilot, book: EventBook, entries: Sequence[EntryShape], total: int, now: datetime) -> EventWhole:
    """Everything about one event but its resources; `entries` are its newest ones, of so many in all."""
    event = book.event
    places = [(name, pilot.locations[name]) for name in event.targets]
    return {
        **short(book),
        "as_of_ms": to_ms(now),
        "head": head(pilot),
        "bids_until_ms": to_ms(event.bids_until),
        "opt_out_until_ms": to_ms(event.opt_out_until),
        "targets": [{"location": name, "name": each.name, "level": each.level} for name, each in places],
        "pack": _pack(pack_of(pilot, book)),
        "price_cny_per_kwh": None if book.awards is None else text(book.awards.price),
        "course": _course(book, entries),
        "bids": _bids(book),
        "losers": _losers(book),
        "opt_outs": _opt_outs(book),
        "awards": [_award(pilot, book, each) for each in (() if book.awards is None else book.awards.awards)],
        "disputes": _disputes(book),
        "entries_total": total,
        "entries": list(entries),
    }


def order(book: EventBook, operator: str) -> AwardOrder | None:
    """What an operator's site is to do; None: nothing was awarded to it."""
    awards = book.awards
    award = None if awards is None else next((each for each in awards.awards if each.operator == operator), None)
    if awards is None or award is None:
        return None
    event, out = book.event, book.excused(operator)
    resources = [(part, book.resources[part.resource]) for part in award.parts]
    return {
        "event": book.event_id,
        "award": award.award,
        "operator": operator,
        "direction": event.direction,
        "state": book.state,
        "from_ms": to_ms(event.from_),
        "to_ms": to_ms(event.to),
        "opt_out_until_ms": to_ms(event.opt_out_until),
        "kw": kilo(sum(part.w for part in parts(book, award))),
        "price_cny_per_kwh": text(awards.price),
        "parts": [
            {
                "resource": part.resource,
                "name_zh": each.name_zh,
                "name_en": each.name_en,
                "park": each.park,
                "kind": each.kind,
                "kw": kilo(part.w),
                "opted_out": part.resource in out,
            }
            for part, each in resources
        ],
    }


def quarter(of: QuarterTold, direction: Direction) -> QuarterShape:
    """A quarter hour that was judged."""
    return {
        "at_ms": to_ms(of.at),
        "award_kwh": kilo(of.award_wh),
        "baseline_kwh": kilo_or_none(of.baseline_wh),
        "metered_kwh": kilo_or_none(of.metered_wh),
        "target_kwh": _target(of.award_wh, of.baseline_wh, direction),
        "moved_kwh": kilo_or_none(of.moved_wh),
        "verdict": of.verdict,
        "unsure": of.unsure,
    }


def expected(book: EventBook, award_w: int, baseline_wh: Sequence[int] | None) -> list[QuarterShape]:
    """The quarter hours of an event that is not settled: the award, and the baseline as far as it is frozen."""
    return [
        {
            "at_ms": to_ms(at),
            "award_kwh": kilo(award_w // QUARTERS_AN_HOUR),
            "baseline_kwh": None if baseline_wh is None else kilo(baseline_wh[place]),
            "metered_kwh": None,
            "target_kwh": _target(
                award_w // QUARTERS_AN_HOUR, None if baseline_wh is None else baseline_wh[place], book.event.direction
            ),
            "moved_kwh": None,
            "verdict": None,
            "unsure": "",
        }
        for place, at in enumerate(quarters_of(book.event.from_, book.event.to))
    ]


def _target(award_wh: int, baseline_wh: int | None, direction: Direction) -> float | None:
    if baseline_wh is None:
        return None
    return kilo(baseline_wh - award_wh if direction == "shave" else baseline_wh + award_wh)


def intervals(told: Iterable[IntervalTold]) -> list[IntervalMoney]:
    """The intervals of the rules, exact."""
    return [
        {
            "at_ms": to_ms(each.at),
            "award_kwh": text(each.award_kwh),
            "response_kwh": text(each.response_kwh),
            "counted_kwh": text(each.counted_kwh),
            "payment_cny": text(each.payment_cny),
            "penalty_cny": text(each.penalty_cny),
            "quarters": each.quarters,
        }
        for each in told
    ]


def frozen_wh(book: EventBook, award: str) -> dict[str, list[int]]:
    """The baselines of an award by resource, adjusted as far as that was done; of its own meter it is zero."""
    frozen, adjusted = book.frozen.get(award), book.adjusted.get(award)
    if frozen is None:
        return {}
    changes = {} if adjusted is None else {each.resource: each for each in adjusted.resources}
    count = len(quarters_of(book.event.from_, book.event.to))
    curves = {
        each.resource: baseline_wh(each, changes.get(each.resource, _NOT_YET), count) for each in frozen.resources
    }
    return {name: curve for name, curve in curves.items() if curve is not None}


def _award(pilot: Pilot, book: EventBook, award: Award) -> AwardShape:
    revisions = book.statements.get(award.award, [])
    latest = revisions[-1][1] if revisions else None
    staying = parts(book, award)
    operator = pilot.operators[award.operator]
    return {
        "award": award.award,
        "bid": award.bid,
        "operator": award.operator,
        "operator_zh": operator.name_zh,
        "operator_en": operator.name_en,
        "awarded_kw": kilo(award.w),
        "kw": kilo(sum(part.w for part in staying)),
        "resources": len(staying),
        "verdicts": None if latest is None else counted(latest.quarters),
        "quarters": _expected_of_award(book, award)
        if latest is None
        else [quarter(each, latest.direction) for each in latest.quarters],
        "intervals": [] if latest is None else intervals(latest.intervals),
        "statements": [statement_shape(one, each) for one, each in revisions],
    }


def _expected_of_award(book: EventBook, award: Award) -> list[QuarterShape]:
    staying, known = parts(book, award), frozen_wh(book, award.award)
    all_known = bool(staying) and all(part.resource in known for part in staying)
    columns = zip(*(known[part.resource] for part in staying), strict=True) if all_known else None
    baseline = None if columns is None else [sum(column) for column in columns]
    return expected(book, sum(part.w for part in staying), baseline)


def statement_shape(of: Entry, statement: Statement) -> StatementShape:
    """A statement and its entry."""
    return {
        "statement": statement.statement,
        "revision": statement.revision,
        "cause": statement.cause,
        "status": statement.status,
        "price_cny_per_kwh": text(statement.price),
        "payment_cny": yuan(statement.payment),
        "penalty_cny": yuan(statement.penalty),
        "net_cny": yuan(statement.net),
        "entry": of.number,
        "at_ms": to_ms(of.at),
        "by": of.by,
        "digest": of.digest,
    }


def pack_of(pilot: Pilot, book: EventBook) -> Pack:
    """The settlement rules of an event, out of the ledger."""
    return _read_pack(pilot.rules[book.event.rules.pack].text)


def _pack(found: Pack) -> PackShape:
    return {
        "pack": found.pack_id,
        "digest": found.digest,
        "name_zh": found.name_zh,
        "name_en": found.name_en,
        "status": found.status,
        "source": found.source,
        "interval_min": found.interval_min,
        "questions": [{"zh": each.zh, "en": each.en} for each in found.questions],
    }


@lru_cache(maxsize=32)
def _read_pack(text: str) -> Pack:
    return read_pack(text, "the pack in the ledger")


def _course(book: EventBook, entries: Sequence[EntryShape]) -> list[CourseStep]:
    """Every state in order; when it was awarded stands in the entry of its awards."""
    nothing = {"award": None, "by_event": None, "reason": ""}
    steps: list[CourseStep] = [{"state": "published", "at_ms": to_ms(book.published.at), **nothing}]  # type: ignore[typeddict-item]
    steps += [{"state": "awarded", "at_ms": each["at_ms"], **nothing} for each in entries if each["kind"] == "award"]  # type: ignore[typeddict-item]
    steps += [
        {
            "state": each.state,
            "at_ms": to_ms(at),
            "award": each.award,
            "by_event": each.by_event,
            "reason": each.reason,
        }
        for at, each in book.states
    ]
    return steps


def _bids(book: EventBook) -> list[BidShape]:
    return [
        {
            "bid": each.bid.bid,
            "operator": operator,
            "price_cny_per_kwh": text(each.bid.price),
            "kw": kilo(sum(part.w for part in each.bid.parts)),
            "resources": len(each.bid.parts),
            "at_ms": to_ms(each.at),
            "entry": each.number,
        }
        for operator, each in sorted(book.bids.items(), key=lambda found: found[1].number)
    ]


def _losers(book: EventBook) -> list[LoserShape]:
    return [
        {"bid": each.bid, "operator": each.operator, "resource": each.resource, "reason": each.reason}
        for each in (() if book.awards is None else book.awards.losers)
    ]


def _opt_outs(book: EventBook) -> list[OptOutShape]:
    return [
        {
            "operator": each.operator,
            "resource": each.resource,
            "at_ms": to_ms(at),
            "in_time": at <= book.event.opt_out_until,
            "reason": each.reason,
        }
        for at, each in book.opt_outs
    ]


def _disputes(book: EventBook) -> list[DisputeShape]:
    return [
        {
            "dispute": name,
            "statement": steps[0][1].statement,
            "open": steps[-1][1].step != "decided",
            "steps": [
                {"step": each.step, "at_ms": to_ms(at), "late": late, "text": each.text, "due": each.due.isoformat()}
                for (at, each), late in zip(steps, late_steps(steps), strict=True)
            ],
        }
        for name, steps in book.disputes.items()
    ]
