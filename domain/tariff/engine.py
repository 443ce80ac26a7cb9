"""The bill engine: lines out of exact integers and decimal numbers, rounded half-up at the line and nowhere else."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from domain.tariff.bill import Bill, BillLine, Coverage, Peak, Rule, Terms
from domain.tariff.month import NO_PRICE, MonthPlan, Prices
from domain.tariff.notes import notes
from domain.tariff.plan import BAND_NAMES_ZH, BANDS, Basic, Component, Plan
from domain.tariff.power_factor import Table, power_factor
from domain.tariff.usage import QUARTER_MS, Quarters, Usage

_CENT = Decimal("0.01")
_WH_PER_KWH = 1000
_RATE_PER_KW = 24_000
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class TermsError(ValueError):
    """The plan cannot price what the supply agreement says."""


def bill(month: MonthPlan, usage: Usage, terms: Terms, power_factors: Table, through_ms: int | None = None) -> Bill:
    """What an account owes under a plan. Raises `TermsError` when agreement and plan do not fit."""
    with localcontext(_EXACT):
        return _bill(month, usage, terms, power_factors, month.period.end_ms if through_ms is None else through_ms)


def cents(amount: Decimal) -> Decimal:
    """An amount rounded half-up to 0.01 CNY."""
    # Adding zero turns a negative zero into zero.
    return amount.quantize(_CENT, ROUND_HALF_UP) + 0


def _bill(month: MonthPlan, usage: Usage, terms: Terms, power_factors: Table, through_ms: int) -> Bill:
    plan = month.plan
    energy = list(_energy_lines(month, usage.imported))
    peak_kw, peak_at = _peak(usage.imported, month)
    basic = list(_basic_lines(plan, terms, usage.imported, peak_kw))
    factor = power_factor(usage.imported.total_wh, usage.reactive.total_wh) if usage.reactive.registers else None
    adjusted = list(_power_factor_lines(plan, terms, power_factors, [*energy, *basic], factor, usage))
    demand_cost = sum((line.amount_cny for line in basic if "peak_kw" in line.inputs), Decimal(0))
    window_s = usage.imported.coarsest_period_s
    return Bill(
        account=terms.account,
        park=terms.park,
        month=month.period.text,
        plan_id=plan.plan_id,
        plan_version=plan.version,
        plan_name_zh=plan.name_zh,
        plan_name_en=plan.name_en,
        currency=plan.currency,
        time_zone=plan.zone.key,
        start_ms=month.period.start_ms,
        end_ms=month.period.end_ms,
        through_ms=through_ms,
        terms=terms,
        lines=(*energy, *basic, *adjusted, *_feed_in_lines(month, usage)),
        energy_kwh=_kwh(usage.imported.total_wh),
        estimated_kwh=_kwh(usage.imported.estimated_wh),
        coverage=_coverages(plan, terms, usage),
        minimum_coverage_pct=plan.minimum_coverage_pct,
        peak=None if peak_kw is None or peak_at is None else Peak(peak_kw, peak_at, window_s, demand_cost),
        power_factor=factor,
        notes=tuple(notes(month, usage, terms, through_ms, _unpriced(month, usage.imported))),
    )


def _energy_lines(month: MonthPlan, imported: Quarters) -> Iterator[BillLine]:
    plan = month.plan
    if month.prices is not None:
        yield _priced_line(month, month.prices, imported)
    by_band = band_sums(month.band, imported.energy_wh) if plan.schedules else {}
    for component in plan.components:
        if not component.time_of_use:
            yield _plain_line(plan, component, imported.total_wh)
            continue
        for band, energy_wh in by_band.items():
            yield _band_line(plan, component, band, energy_wh)


def band_sums(band: NDArray[np.int8], energy_wh: NDArray[np.int64]) -> dict[int, int]:
    """Wh of each band that the month has, exactly."""
    return {number: int(energy_wh[band == number].sum()) for number in np.unique(band).tolist()}


def _plain_line(plan: Plan, component: Component, energy_wh: int) -> BillLine:
    price = component.price or Decimal(0)
    inputs = {"energy_wh": str(energy_wh), "price_cny_per_kwh": str(price)}
    names = component.name_zh, component.name_en
    return _line(plan, (component.code, *names), (_kwh(energy_wh), "kWh"), price, inputs, component.clause)


def _band_line(plan: Plan, component: Component, band: int, energy_wh: int) -> BillLine:
    inputs = {"band": BANDS[band], "energy_wh": str(energy_wh)}
    if band in component.band_prices:
        price = component.band_prices[band]
    else:
        price = (component.price or Decimal(0)) * plan.ratio(band)
        inputs |= {"flat_price_cny_per_kwh": str(component.price), "ratio": str(plan.ratio(band))}
    named = _of_band(component.code, component.name_zh, component.name_en, band)
    return _line(plan, named, (_kwh(energy_wh), "kWh"), price, inputs, component.clause)


def _priced_line(month: MonthPlan, prices: Prices, imported: Quarters) -> BillLine:
    """One line over many prices: the sum of Wh x price, exact, rounded once."""
    plan, spot = month.plan, month.plan.spot
    sums = price_sums(prices, imported.energy_wh)
    priced_wh = sum(sums.values())
    exact = sum((Decimal(energy_wh) * prices.distinct[place] for place, energy_wh in sums.items()), Decimal(0)) / 1000
    mean = str((exact * 1000 / priced_wh).quantize(Decimal("0.000001"))) if priced_wh else "-"
    inputs = {"energy_wh": str(priced_wh), "mean_price_cny_per_kwh": mean, "distinct_prices": str(len(sums))}
    if spot is None:
        inputs |= {f"kwh at {prices.distinct[place]}": str(_kwh(wh)) for place, wh in sums.items()}
        names = ("energy_curve", "合同曲线电量电费", "energy at the contract's curve")
        clause = ", ".join(curve.scope.name for curve in plan.curves)
    else:
        inputs |= {"series": spot.series, "margin_cny_per_kwh": str(spot.margin)}
        names, clause = ("energy_spot", spot.name_zh, spot.name_en), spot.clause
    rule = Rule(plan.plan_id, plan.version, clause)
    return BillLine(*names, _kwh(priced_wh), "kWh", None, cents(exact), inputs, rule)


def price_sums(prices: Prices, energy_wh: NDArray[np.int64]) -> dict[int, int]:
    """Wh of each price that has energy or holds in the month, exactly; quarter hours without a price are left out."""
    sums = np.zeros(len(prices.distinct), np.int64)
    priced = prices.place != NO_PRICE
    np.add.at(sums, prices.place[priced], energy_wh[priced])
    return dict(enumerate(sums.tolist()))


def _unpriced(month: MonthPlan, imported: Quarters) -> int:
    if month.prices is None:
        return 0
    return int(((month.prices.place == NO_PRICE) & (imported.energy_wh != 0)).sum())


def _feed_in_lines(month: MonthPlan, usage: Usage) -> Iterator[BillLine]:
    """Credits: energy fed in has a negative price on the bill."""
    plan = month.plan
    for part in plan.feed_in:
        group = usage.fed_in.get((part.device_class, part.signal))
        if group is None or not group.registers:
            continue
        if not part.time_of_use:
            named, inputs = (part.code, part.name_zh, part.name_en), {"energy_wh": str(group.total_wh)}
            yield _line(plan, named, (_kwh(group.total_wh), "kWh"), -part.price, inputs, part.clause)
            continue
        for band, energy_wh in band_sums(month.band, group.energy_wh).items():
            ratio = plan.ratio(band)
            inputs = {"band": BANDS[band], "energy_wh": str(energy_wh), "ratio": str(ratio)}
            inputs["flat_price_cny_per_kwh"] = str(part.price)
            named = _of_band(part.code, part.name_zh, part.name_en, band)
            yield _line(plan, named, (_kwh(energy_wh), "kWh"), -part.price * ratio, inputs, part.clause)


def _basic_lines(plan: Plan, terms: Terms, imported: Quarters, peak_kw: Decimal | None) -> Iterator[BillLine]:
    basic = plan.basic
    if basic is None or terms.demand_basis == "none":
        return
    if terms.demand_basis == "capacity":
        kva = _needed(terms.capacity_kva, terms, "capacity_kva")
        price = _needed(basic.capacity_cny_per_kva, terms, f"a capacity price in plan {plan.plan_id}")
        named = ("basic_capacity", "基本电费（容量）", "basic charge (capacity)")
        yield _line(plan, named, (kva, "kVA"), price, {"capacity_kva": str(kva)}, basic.clause)
        return
    demand_price = _needed(basic.demand_cny_per_kw, terms, f"a demand price in plan {plan.plan_id}")
    price, inputs, clause = _demand_price(basic, terms, imported.total_wh, demand_price)
    if terms.demand_basis == "measured_demand":
        named = ("basic_demand", "基本电费（实测最大需量）", "basic charge (measured maximum demand)")
        kw = peak_kw or Decimal(0)
        yield _line(plan, named, (kw, "kW"), price, inputs | {"peak_kw": str(kw)}, clause)
        return
    contracted = _needed(terms.contracted_kw, terms, "contracted_kw")
    named = ("basic_demand", "基本电费（合同需量）", "basic charge (contracted demand)")
    yield _line(plan, named, (contracted, "kW"), price, inputs | {"contracted_kw": str(contracted)}, clause)
    yield from _excess_lines(plan, basic, contracted, price, peak_kw)


def _demand_price(basic: Basic, terms: Terms, energy_wh: int, price: Decimal) -> tuple[Decimal, dict[str, str], str]:
    """The demand price, reduced for high use per kVA where the plan has that rule, with its inputs and clause."""
    inputs = {"demand_cny_per_kw": str(price)}
    rule = basic.high_use
    if rule is None or not terms.capacity_kva:
        return price, inputs, basic.clause
    per_kva = _kwh(energy_wh) / terms.capacity_kva
    inputs |= {
        "capacity_kva": str(terms.capacity_kva),
        "kwh_per_kva": str(per_kva.quantize(Decimal("0.001"))),
        "reduced_from_kwh_per_kva": str(rule.at_least_kwh_per_kva),
    }
    if per_kva < rule.at_least_kwh_per_kva:
        return price, inputs, basic.clause
    return price * rule.ratio, inputs | {"ratio": str(rule.ratio)}, f"{basic.clause}; {rule.clause}"


def _excess_lines(
    plan: Plan, basic: Basic, contracted: Decimal, price: Decimal, peak_kw: Decimal | None
) -> Iterator[BillLine]:
    rule = basic.excess
    if rule is None or peak_kw is None:
        return
    limit = contracted * (1 + rule.tolerance_pct / 100)
    if peak_kw > limit:
        named = ("basic_excess", "超合同需量电费", "demand above the contract")
        inputs = {"peak_kw": str(peak_kw), "limit_kw": str(limit), "multiplier": str(rule.multiplier)}
        yield _line(plan, named, (peak_kw - limit, "kW"), price * rule.multiplier, inputs, rule.clause)


def _power_factor_lines(
    plan: Plan, terms: Terms, table: Table, lines: Sequence[BillLine], factor: Decimal | None, usage: Usage
) -> Iterator[BillLine]:
    if not plan.power_factor_adjustment or terms.power_factor_standard is None or factor is None:
        return
    try:
        standard = table.standard(terms.power_factor_standard)
    except ValueError as error:
        raise TermsError(f"account {terms.account}: {error}") from error
    outside = {component.code for component in plan.components if not component.power_factor_base}
    base = sum((line.amount_cny for line in lines if line.code.partition(".")[0] not in outside), Decimal(0))
    pct = standard.adjustment_pct(factor)
    inputs = {
        "active_kwh": str(_kwh(usage.imported.total_wh)),
        "reactive_kvarh": str(_kwh(usage.reactive.total_wh)),
        "power_factor": str(factor),
        "standard": str(standard.power_factor),
        "adjustment_pct": str(pct),
        "base_cny": str(base),
    }
    named = ("power_factor", "力调电费", "power-factor adjustment")
    yield _line(plan, named, (base, "CNY"), pct / 100, inputs, table.source)


def _peak(imported: Quarters, month: MonthPlan) -> tuple[Decimal | None, int | None]:
    """The highest mean power of an interval whose energy every register knows, and its start."""
    if not imported.registers or not imported.known.any():
        return None, None
    place = int(np.where(imported.known, imported.rate, -1).argmax())
    return Decimal(int(imported.rate[place])) / _RATE_PER_KW, month.period.start_ms + place * QUARTER_MS


def _coverages(plan: Plan, terms: Terms, usage: Usage) -> dict[str, Coverage]:
    groups = {"import": usage.imported}
    if plan.power_factor_adjustment and terms.power_factor_standard is not None:
        groups["reactive"] = usage.reactive
    for part in plan.feed_in:
        group = usage.fed_in.get((part.device_class, part.signal))
        if group is not None and group.registers:
            groups[part.code] = group
    return {
        name: Coverage(group.expected, group.known_count, group.estimated_count, group.coverage_pct)
        for name, group in groups.items()
    }


def _of_band(code: str, name_zh: str, name_en: str, band: int) -> tuple[str, str, str]:
    name = BANDS[band]
    return f"{code}.{name}", f"{name_zh}（{BAND_NAMES_ZH[band]}）", f"{name_en} ({name.replace('_', ' ')})"


def _line(
    plan: Plan,
    named: tuple[str, str, str],
    counted: tuple[Decimal, str],
    price: Decimal,
    inputs: dict[str, str],
    clause: str,
) -> BillLine:
    quantity, unit = counted
    return BillLine(
        *named, quantity, unit, price, cents(quantity * price), inputs, Rule(plan.plan_id, plan.version, clause)
    )


def _needed(value: Decimal | None, terms: Terms, what: str) -> Decimal:
    if value is None:
        raise TermsError(f"account {terms.account}: a basic charge by {terms.demand_basis} needs {what}")
    return value


def _kwh(energy_wh: int) -> Decimal:
    return Decimal(energy_wh) / _WH_PER_KWH
