"""The money of a statement by line, by interval of the rules, and the quarter hours that it follows from."""

from decimal import Decimal

from parkgrid_accounting.report.form import Cell, Heading, Section
from parkgrid_domain.vpp.documents import IntervalTold, Line, QuarterTold
from parkgrid_vpp.printed.telling import Telling
from parkgrid_vpp.printed.wording import kilo

_Row = tuple[Cell, ...]


def money(of: Telling) -> Section:
    """A line for each resource, with the operator's and the user's part, and the total."""
    told = of.told
    operator_part = sum((each.operator_part for each in told.lines), Decimal(0))
    user_part = sum((each.user_part for each in told.lines), Decimal(0))
    amounts = (told.payment, told.penalty, told.net, operator_part, user_part)
    rows = (*(_line(of, each) for each in told.lines), (of.word("total"), None, None, *amounts, None, None))
    headings = (
        *of.headings("resource", "contract"),
        *of.in_kw("award"),
        *of.in_yuan("payment", "penalty", "net", "operator_part", "user_part"),
        *of.headings("shares", "penalty_shares"),
    )
    notes = (of.word("money.why"), *([of.word("simulation.why")] if of.mark else ()))
    return Section(of.word("money"), headings, rows, notes)


def _line(of: Telling, line: Line) -> _Row:
    awarded_w = of.awarded_w.get(line.resource)
    shares: tuple[Cell, ...] = (None, None)
    if line.resource in of.book.contracts:
        _, terms = of.book.contracts[line.resource]
        of_payment = f"{terms.operator_pct:f} / {terms.user_pct:f}"
        shares = (of_payment, f"{terms.penalty_operator_pct:f} / {terms.penalty_user_pct:f}")
    return (
        of.resource(line.resource),
        line.contract,
        kilo(awarded_w),
        *(line.payment, line.penalty, line.payment - line.penalty, line.operator_part, line.user_part),
        *shares,
    )


def intervals(of: Telling) -> Section:
    """What each interval of the rules came to, exact: of the award, or of each resource where none covers another."""
    rows = [_interval(of, of.word("whole"), each) for each in of.told.intervals]
    for one in of.told.resources:
        rows += [_interval(of, of.resource(one.resource), each) for each in one.intervals]
    headings = (
        *of.headings("time", "resource"),
        *(Heading(f"{of.word(key)} (kWh)") for key in ("award", "response", "counted")),
        *of.in_yuan("payment", "penalty", decimals=None),
        *of.counts("sure"),
    )
    notes = (of.word("intervals.of", minutes=of.rules.pack.interval_min), of.word("intervals.exact"))
    return Section(of.word("intervals"), headings, tuple(rows), notes)


def _interval(of: Telling, whose: str, each: IntervalTold) -> _Row:
    energies = (each.award_kwh, each.response_kwh, each.counted_kwh)
    return (of.local(each.at), whose, *energies, each.payment_cny, each.penalty_cny, each.quarters)


def award_quarters(of: Telling) -> Section:
    """The award as a whole by quarter hour, with verdict and reason."""
    rows = tuple(_quarter(of, each) for each in of.told.quarters)
    return Section(of.word("quarters.award"), _of_quarter(of), rows, (of.word("quarters.why"),))


def resource_quarters(of: Telling) -> Section:
    """Each resource by quarter hour, with its baseline as it was frozen, before the adjustment."""
    rows = []
    for one in of.told.resources:
        frozen = of.frozen.get(one.resource)
        curve = None if frozen is None else frozen.curve_wh
        for place, each in enumerate(one.quarters):
            before = None if curve is None else kilo(curve[place])
            rows.append((of.resource(one.resource), before, *_quarter(of, each)))
    headings = (*of.headings("resource"), *of.in_kwh("frozen_curve"), *_of_quarter(of))
    return Section(of.word("quarters.resources"), headings, tuple(rows), (of.word("quarters.why"),))


def _of_quarter(of: Telling) -> tuple[Heading, ...]:
    energies = of.in_kwh("award", "baseline", "metered", "moved")
    return (*of.headings("time"), *energies, *of.headings("verdict", "reason"))


def _quarter(of: Telling, each: QuarterTold) -> _Row:
    energies = map(kilo, (each.award_wh, each.baseline_wh, each.metered_wh, each.moved_wh))
    return (of.local(each.at), *energies, of.word(f"verdict.{each.verdict}"), of.maybe("unsure", each.unsure))
