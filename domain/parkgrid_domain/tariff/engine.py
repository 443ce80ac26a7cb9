"""The bill engine: lines out of exact integers and decimal numbers, rounded half-up at the line and nowhere else."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.money import cents
from parkgrid_domain.tariff.bill import Bill, BillLine, Coverage, Marks, Rule, Terms
from parkgrid_domain.tariff.demand import basic_lines, highest, peak_of
from parkgrid_domain.tariff.lines import TermsError, bill_line, kwh, marks_of, merged
from parkgrid_domain.tariff.month import NO_PRICE, MonthPlan, Prices
from parkgrid_domain.tariff.notes import notes
from parkgrid_domain.tariff.plan import BAND_NAMES_ZH, BANDS, Component, Plan
from parkgrid_domain.tariff.power_factor import Table, power_factor
from parkgrid_domain.tariff.usage import Quarters, Usage

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def bill(month: MonthPlan, usage: Usage, terms: Terms, power_factors: Table, through_ms: int | None = None) -> Bill:
    """What an account owes under a plan. Raises `TermsError` when agreement and plan do not fit."""
    with localcontext(_EXACT):
        return _bill(month, usage, terms, power_factors, month.period.end_ms if through_ms is None else through_ms)


def _bill(month: MonthPlan, usage: Usage, terms: Terms, power_factors: Table, through_ms: int) -> Bill:
    plan = month.plan
    energy = list(_energy_lines(month, usage.imported))
    found = highest(usage.imported)
    basic = list(basic_lines(plan, terms, usage.imported, found))
    factor = power_factor(usage.imported.total_wh, usage.reactive.total_wh) if usage.reactive.registers else None
    adjusted = list(_power_factor_lines(plan, terms, power_factors, [*energy, *basic], factor, usage))
    peak = peak_of(plan, terms, usage.imported, found, month.period.start_ms)
    groups = _groups(plan, terms, usage)
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
        energy_kwh=kwh(usage.imported.total_wh),
        estimated_kwh=kwh(usage.imported.estimated_wh),
        coverage={
            name: Coverage(group.expected, group.known_count, group.estimated_count, group.coverage_pct)
            for name, group in groups.items()
        },
        minimum_coverage_pct=plan.minimum_coverage_pct,
        peak=peak,
        power_factor=factor,
        notes=tuple(notes(month, usage, terms, through_ms, _unpriced(month, usage.imported), peak)),
        marks=merged(*(marks_of(name, group) for name, group in groups.items()), found.marks),
    )


def _energy_lines(month: MonthPlan, imported: Quarters) -> Iterator[BillLine]:
    plan = month.plan
    if month.prices is not None:
        yield _priced_line(month, month.prices, imported)
    by_band = band_sums(month.band, imported.energy_wh) if plan.schedules else {}
    for component in plan.components:
        if not component.time_of_use:
            yield _plain_line(plan, component, imported)
            continue
        for band, energy_wh in by_band.items():
            yield _band_line(plan, component, band, energy_wh, marks_of("import", imported, month.band == band))


def band_sums(band: NDArray[np.int8], energy_wh: NDArray[np.int64]) -> dict[int, int]:
    """Wh of each band that the month has, exactly."""
    return {number: int(energy_wh[band == number].sum()) for number in np.unique(band).tolist()}


def _plain_line(plan: Plan, component: Component, imported: Quarters) -> BillLine:
    price, energy_wh = component.price or Decimal(0), imported.total_wh
    inputs = {"energy_wh": str(energy_wh), "price_cny_per_kwh": str(price)}
    names = component.name_zh, component.name_en
    counted, marks = (kwh(energy_wh), "kWh"), marks_of("import", imported)
    return bill_line(plan, (component.code, *names), counted, price, inputs, component.clause, marks)


def _band_line(plan: Plan, component: Component, band: int, energy_wh: int, marks: Marks) -> BillLine:
    inputs = {"band": BANDS[band], "energy_wh": str(energy_wh)}
    if band in component.band_prices:
        price = component.band_prices[band]
    else:
        price = (component.price or Decimal(0)) * plan.ratio(band)
        inputs |= {"flat_price_cny_per_kwh": str(component.price), "ratio": str(plan.ratio(band))}
    named = _of_band(component.code, component.name_zh, component.name_en, band)
    return bill_line(plan, named, (kwh(energy_wh), "kWh"), price, inputs, component.clause, marks)


def _priced_line(month: MonthPlan, prices: Prices, imported: Quarters) -> BillLine:
    """One line over many prices: the sum of Wh x price, exact, rounded once."""
    plan, spot = month.plan, month.plan.spot
    sums = price_sums(prices, imported.energy_wh)
    priced_wh = sum(sums.values())
    exact = sum((Decimal(energy_wh) * prices.distinct[place] for place, energy_wh in sums.items()), Decimal(0)) / 1000
    mean = str((exact * 1000 / priced_wh).quantize(Decimal("0.000001"))) if priced_wh else "-"
    inputs = {"energy_wh": str(priced_wh), "mean_price_cny_per_kwh": mean, "distinct_prices": str(len(sums))}
    if spot is None:
        inputs |= {f"kwh at {prices.distinct[place]}": str(kwh(wh)) for place, wh in sums.items()}
        names = ("energy_curve", "合同曲线电量电费", "energy at the contract's curve")
        clause = ", ".join(curve.scope.name for curve in plan.curves)
    else:
        inputs |= {"series": spot.series, "margin_cny_per_kwh": str(spot.margin)}
        names, clause = ("energy_spot", spot.name_zh, spot.name_en), spot.clause
    rule = Rule(plan.plan_id, plan.version, clause)
    marks = marks_of("import", imported, prices.place != NO_PRICE)
    return BillLine(*names, kwh(priced_wh), "kWh", None, cents(exact), inputs, rule, marks)


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
            counted, marks = (kwh(group.total_wh), "kWh"), marks_of(part.code, group)
            yield bill_line(plan, named, counted, -part.price, inputs, part.clause, marks)
            continue
        for band, energy_wh in band_sums(month.band, group.energy_wh).items():
            ratio = plan.ratio(band)
            inputs = {"band": BANDS[band], "energy_wh": str(energy_wh), "ratio": str(ratio)}
            inputs["flat_price_cny_per_kwh"] = str(part.price)
            named = _of_band(part.code, part.name_zh, part.name_en, band)
            counted, marks = (kwh(energy_wh), "kWh"), marks_of(part.code, group, month.band == band)
            yield bill_line(plan, named, counted, -part.price * ratio, inputs, part.clause, marks)


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
        "active_kwh": str(kwh(usage.imported.total_wh)),
        "reactive_kvarh": str(kwh(usage.reactive.total_wh)),
        "power_factor": str(factor),
        "standard": str(standard.power_factor),
        "adjustment_pct": str(pct),
        "base_cny": str(base),
    }
    named = ("power_factor", "力调电费", "power-factor adjustment")
    own = marks_of("import", usage.imported), marks_of("reactive", usage.reactive)
    marks = merged(*own, *(line.marks for line in lines))
    yield bill_line(plan, named, (base, "CNY"), pct / 100, inputs, table.source, marks)


def _groups(plan: Plan, terms: Terms, usage: Usage) -> dict[str, Quarters]:
    """What is counted, by its name: `import`, `reactive`, and codes of feed-in lines."""
    groups = {"import": usage.imported}
    if plan.power_factor_adjustment and terms.power_factor_standard is not None:
        groups["reactive"] = usage.reactive
    for part in plan.feed_in:
        group = usage.fed_in.get((part.device_class, part.signal))
        if group is not None and group.registers:
            groups[part.code] = group
    return groups


def _of_band(code: str, name_zh: str, name_en: str, band: int) -> tuple[str, str, str]:
    name = BANDS[band]
    return f"{code}.{name}", f"{name_zh}（{BAND_NAMES_ZH[band]}）", f"{name_en} ({name.replace('_', ' ')})"
