"""The basic charge, by capacity or by demand, and the interval that the highest demand rests on.

quarter hours that every register knows ──▶ highest mean power ──▶ demand lines, marked if it is an estimate
             └─ those without estimates ──▶ their highest, and what it would cost
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.tariff.bill import PEAK, BillLine, Mark, Marks, Peak, Terms
from parkgrid_domain.tariff.lines import bill_line, kwh, marks_of, needed
from parkgrid_domain.tariff.plan import Basic, Plan
from parkgrid_domain.tariff.usage import QUARTER_MS, Quarters

_RATE_PER_KW = 24_000


@dataclass(frozen=True, slots=True)
class Highest:
    """The highest mean power of the quarter hours that every register knows, import only."""

    kw: Decimal | None
    """None where nothing is known."""
    place: int
    estimated: bool
    missing: int
    """Quarter hours that some register does not know."""
    good_kw: Decimal | None
    good_place: int

    @property
    def marks(self) -> Marks:
        """What a line that follows from it has to say."""
        if not self.estimated and not self.missing:
            return ()
        estimated = self.kw if self.estimated and self.kw is not None else Decimal(0)
        return (Mark(PEAK, "kW", estimated, int(self.estimated), self.missing),)

    @property
    def inputs(self) -> dict[str, str]:
        """What a line tells of the demand that it counts."""
        told = {"peak_kw": str(self.kw or Decimal(0))}
        if self.estimated:
            told |= {"peak_quality": "estimated", "good_peak_kw": "-" if self.good_kw is None else str(self.good_kw)}
        return told


def highest(imported: Quarters) -> Highest:
    """The highest demand; where a good interval is as high as an estimated one, it rests on the good one."""
    missing = int((imported.missing > 0).sum())
    place, good = _place(imported, imported.known), _place(imported, imported.known & (imported.estimates == 0))
    if place is None:
        return Highest(None, 0, estimated=False, missing=missing, good_kw=None, good_place=0)
    if good is None:
        return Highest(_kw(imported, place), place, estimated=True, missing=missing, good_kw=None, good_place=0)
    estimated = bool(imported.rate[good] < imported.rate[place])
    kw, good_kw = _kw(imported, place), _kw(imported, good)
    return Highest(kw, place if estimated else good, estimated, missing, good_kw, good)


def _place(imported: Quarters, among: NDArray[np.bool_]) -> int | None:
    if not imported.registers or not among.any():
        return None
    return int(np.where(among, imported.rate, -1).argmax())


def _kw(imported: Quarters, place: int) -> Decimal:
    return Decimal(int(imported.rate[place])) / _RATE_PER_KW


def peak_of(plan: Plan, terms: Terms, imported: Quarters, found: Highest, start_ms: int) -> Peak | None:
    """The highest demand with its cost, and what the highest of the good intervals would cost."""
    if found.kw is None:
        return None
    good = found.good_kw
    return Peak(
        demand_kw=found.kw,
        at_ms=start_ms + found.place * QUARTER_MS,
        window_s=imported.coarsest_period_s,
        cost_cny=_cost(plan, terms, imported, found),
        estimated=found.estimated,
        missing=found.missing,
        good_kw=good,
        good_at_ms=None if good is None else start_ms + found.good_place * QUARTER_MS,
        good_cost_cny=None if good is None else _cost(plan, terms, imported, replace(found, kw=good, estimated=False)),
    )


def _cost(plan: Plan, terms: Terms, imported: Quarters, found: Highest) -> Decimal:
    lines = basic_lines(plan, terms, imported, found)
    return sum((line.amount_cny for line in lines if "peak_kw" in line.inputs), Decimal(0))


def basic_lines(plan: Plan, terms: Terms, imported: Quarters, found: Highest) -> Iterator[BillLine]:
    """The lines of the basic charge. Raises `TermsError` when agreement and plan do not fit."""
    basic = plan.basic
    if basic is None or terms.demand_basis == "none":
        return
    if terms.demand_basis == "capacity":
        kva = needed(terms.capacity_kva, terms, "capacity_kva")
        price = needed(basic.capacity_cny_per_kva, terms, f"a capacity price in plan {plan.plan_id}")
        named = ("basic_capacity", "基本电费（容量）", "basic charge (capacity)")
        yield bill_line(plan, named, (kva, "kVA"), price, {"capacity_kva": str(kva)}, basic.clause)
        return
    demand_price = needed(basic.demand_cny_per_kw, terms, f"a demand price in plan {plan.plan_id}")
    price, inputs, clause = _demand_price(basic, terms, imported.total_wh, demand_price)
    # The price is the lower one from a certain use on, so then the line rests on the energy as well.
    energy = marks_of("import", imported) if "kwh_per_kva" in inputs else ()
    if terms.demand_basis == "measured_demand":
        named = ("basic_demand", "基本电费（实测最大需量）", "basic charge (measured maximum demand)")
        kw = found.kw or Decimal(0)
        yield bill_line(plan, named, (kw, "kW"), price, inputs | found.inputs, clause, (*found.marks, *energy))
        return
    contracted = needed(terms.contracted_kw, terms, "contracted_kw")
    named = ("basic_demand", "基本电费（合同需量）", "basic charge (contracted demand)")
    inputs |= {"contracted_kw": str(contracted)}
    yield bill_line(plan, named, (contracted, "kW"), price, inputs, clause, energy)
    yield from _excess_lines(plan, basic, (contracted, price), found, energy)


def _demand_price(basic: Basic, terms: Terms, energy_wh: int, price: Decimal) -> tuple[Decimal, dict[str, str], str]:
    """The demand price, reduced for high use per kVA where the plan has that rule, with its inputs and clause."""
    inputs = {"demand_cny_per_kw": str(price)}
    rule = basic.high_use
    if rule is None or not terms.capacity_kva:
        return price, inputs, basic.clause
    per_kva = kwh(energy_wh) / terms.capacity_kva
    inputs |= {
        "capacity_kva": str(terms.capacity_kva),
        "kwh_per_kva": str(per_kva.quantize(Decimal("0.001"))),
        "reduced_from_kwh_per_kva": str(rule.at_least_kwh_per_kva),
    }
    if per_kva < rule.at_least_kwh_per_kva:
        return price, inputs, basic.clause
    return price * rule.ratio, inputs | {"ratio": str(rule.ratio)}, f"{basic.clause}; {rule.clause}"


def _excess_lines(
    plan: Plan, basic: Basic, agreed: tuple[Decimal, Decimal], found: Highest, energy: Marks
) -> Iterator[BillLine]:
    """The demand above the contracted kW, at a multiple of its price."""
    rule, (contracted, price) = basic.excess, agreed
    if rule is None or found.kw is None:
        return
    limit = contracted * (1 + rule.tolerance_pct / 100)
    if found.kw > limit:
        named = ("basic_excess", "超合同需量电费", "demand above the contract")
        inputs = found.inputs | {"limit_kw": str(limit), "multiplier": str(rule.multiplier)}
        over = (found.kw - limit, "kW")
        yield bill_line(plan, named, over, price * rule.multiplier, inputs, rule.clause, (*found.marks, *energy))
