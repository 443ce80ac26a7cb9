"""Resources and operators of the pilot, and an operator's own side."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from parkgrid_api.answers.vpp import (
    Earning,
    EligibilityShape,
    Invitation,
    MoneyStatus,
    OperatorEarnings,
    OperatorShort,
    OperatorSide,
    ResourceContract,
    ResourceShape,
)
from parkgrid_api.vpp.amounts import head, kilo, local_day, money, text, year_of, yuan
from parkgrid_api.vpp.events import parts
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import Provenance, Statement
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot, holds_on
from parkgrid_domain.vpp.progress import available, standing

_LEAST_PROVEN_FIRST: Sequence[Provenance] = ("unverified", "declared", "verified")
_STATUSES: Sequence[MoneyStatus] = ("payable", "simulation")


def chosen(pilot: Pilot, day: date, park: str | None, operator: str | None, phase: str | None) -> list[str]:
    """The resources of a park, of an operator on a day, in a phase; in the order of their identifiers."""
    return [
        name
        for name in sorted(pilot.resources)
        if (park is None or pilot.resources[name].park == park)
        and (phase is None or pilot.phase(name) == phase)
        and (operator is None or pilot.contract_of(operator, name, day) is not None)
    ]


def only(pilot: Pilot, day: date, operator: str | None, resource: str | None) -> list[str] | None:
    """The resources that a question is about; None: all."""
    if operator is None and resource is None:
        return None
    found = chosen(pilot, day, None, operator, None)
    return [name for name in found if resource in (None, name)]


def resource(pilot: Pilot, name: str, day: date) -> ResourceShape:
    """A resource as it stands on a day."""
    known = pilot.resources[name]
    path = list(pilot.path(known.account))
    steps = pilot.phases.get(name, [])
    found = {pilot.locations[each].provenance for each in path}
    return {
        "resource": name,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "park": known.park,
        "account": known.account,
        "transformer": next((each for each in path if pilot.locations[each].level == "transformer"), None),
        "kind": known.kind,
        "up_kw": kilo(known.up_w),
        "down_kw": kilo(known.down_w),
        "ramp_kw_per_min": kilo(known.ramp_w_per_min),
        "notice_min": known.notice_min,
        "sustain_min": known.sustain_min,
        "recovery_min": known.recovery_min,
        "baseline": known.baseline,
        "phase": steps[-1].phase if steps else None,
        "phases": [{"phase": each.phase, "on": each.on.isoformat(), "note": each.note} for each in steps],
        "provenance": next((each for each in _LEAST_PROVEN_FIRST if each in found), "unverified"),
        "unproven": pilot.unproven(name),
        "contracts": _contracts(pilot, name, day),
        "eligibility": eligibility(pilot, name),
    }


def _contracts(pilot: Pilot, name: str, day: date) -> list[ResourceContract]:
    named = [(each, pilot.contracts[each]) for each in sorted(pilot.offered.get(name, ()))]
    return [
        {
            "contract": contract,
            "operator": each.operator,
            "type": each.type,
            "valid_from": each.valid_from.isoformat(),
            "valid_to": None if each.valid_to is None else each.valid_to.isoformat(),
            "in_force": holds_on(each, day),
            "operator_pct": text(each.operator_pct),
            "user_pct": text(each.user_pct),
        }
        for contract, each in named
        if name in each.resources
    ]


def eligibility(pilot: Pilot, name: str) -> EligibilityShape | None:
    """How good the baseline of a resource was when that was last looked at."""
    found = pilot.eligibility.get(name)
    if found is None:
        return None
    return {
        "rule": found.rule,
        "digest": found.digest,
        "from_day": found.from_.isoformat(),
        "to_day": found.to.isoformat(),
        "days": found.days,
        "mae_kw": text(found.mae_kw),
        "bias_pct": text(found.bias_pct),
        "rrmse_pct": text(found.rrmse_pct),
        "passes": found.passes,
        "why": found.why,
    }


def operator_short(pilot: Pilot, name: str, now: datetime) -> OperatorShort:
    """An operator in this year."""
    known, day = pilot.operators[name], local_day(now)
    own = [each for each in chosen(pilot, day, None, name, None) if available(pilot, each, day)]
    books = _of_year(pilot, now)
    return {
        "operator": name,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "resources": len(own),
        "up_kw": kilo(sum(pilot.resources[each].up_w for each in own)),
        "down_kw": kilo(sum(pilot.resources[each].down_w for each in own)),
        "events": sum(_awarded(book, name) is not None for book in books),
        "money": money(statement for _, _, statement in standing(books, name)),
    }


def operator_side(pilot: Pilot, name: str, now: datetime, skip: int, most: int) -> OperatorSide:
    """Invitations, awards and earnings of one operator; a page of each, the newest first."""
    books = sorted(pilot.events.values(), key=lambda each: each.event.from_, reverse=True)
    earned = standing(books, name)
    this_year = [statement for _, _, statement in standing(_of_year(pilot, now), name)]
    return {
        **operator_short(pilot, name, now),
        "year": year_of(now),
        "head": head(pilot),
        "invitations_total": len(books),
        "invitations": [_invitation(book, name, now) for book in books[skip : skip + most]],
        "earnings_total": len(earned),
        "earnings": [_earning(*each) for each in earned[skip : skip + most]],
        "earned": _earned(this_year),
    }


def _of_year(pilot: Pilot, now: datetime) -> list[EventBook]:
    year = year_of(now)
    return [book for book in pilot.events.values() if year_of(book.event.from_) == year]


def _awarded(book: EventBook, operator: str) -> str | None:
    awards = () if book.awards is None else book.awards.awards
    return next((each.award for each in awards if each.operator == operator), None)


def _invitation(book: EventBook, operator: str, now: datetime) -> Invitation:
    event, offered, award_id = book.event, book.bids.get(operator), _awarded(book, operator)
    award = None if award_id is None else book.award(award_id)
    bids = event.type == "invitation" and event.setup == "pilot"
    return {
        "event": book.event_id,
        "name_zh": event.name_zh,
        "name_en": event.name_en,
        "direction": event.direction,
        "state": book.state,
        "from_ms": to_ms(event.from_),
        "to_ms": to_ms(event.to),
        "bids_until_ms": to_ms(event.bids_until),
        "opt_out_until_ms": to_ms(event.opt_out_until),
        "takes_bids": bids and book.reached == "published" and now <= event.bids_until,
        "target_kw": kilo(event.target_w),
        "bid": None if offered is None else offered.bid.bid,
        "bid_kw": None if offered is None else kilo(sum(part.w for part in offered.bid.parts)),
        "price_cny_per_kwh": None if offered is None else text(offered.bid.price),
        "award": award_id,
        "awarded_kw": None if award is None else kilo(sum(part.w for part in parts(book, award))),
    }


def _earning(book: EventBook, of: Entry, statement: Statement) -> Earning:
    return {
        "event": book.event_id,
        "name_zh": book.event.name_zh,
        "name_en": book.event.name_en,
        "from_ms": to_ms(book.event.from_),
        "statement": statement.statement,
        "revision": statement.revision,
        "status": statement.status,
        "payment_cny": yuan(statement.payment),
        "penalty_cny": yuan(statement.penalty),
        "net_cny": yuan(statement.net),
        "operator_part_cny": yuan(_operator_part([statement])),
        "user_part_cny": yuan(_user_part([statement])),
        "entry": of.number,
        "digest": of.digest,
    }


def _earned(statements: Sequence[Statement]) -> list[OperatorEarnings]:
    by_status = [(status, [each for each in statements if each.status == status]) for status in _STATUSES]
    return [
        {
            "status": status,
            "operator_part_cny": yuan(_operator_part(each)),
            "user_part_cny": yuan(_user_part(each)),
        }
        for status, each in by_status
        if each
    ]


def _operator_part(statements: Iterable[Statement]) -> Decimal:
    return sum((line.operator_part for each in statements for line in each.lines), Decimal(0))


def _user_part(statements: Iterable[Statement]) -> Decimal:
    return sum((line.user_part for each in statements for line in each.lines), Decimal(0))
