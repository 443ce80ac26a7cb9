"""Short ways to say what an account used in a month, for the tests of tariffs."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.calendar import packaged
from parkgrid_domain.period import period
from parkgrid_domain.tariff import power_factor
from parkgrid_domain.tariff.bill import Bill, Terms
from parkgrid_domain.tariff.engine import bill
from parkgrid_domain.tariff.month import MonthPlan, month_plan
from parkgrid_domain.tariff.plan import Plan
from parkgrid_domain.tariff.reader import examples, read_plan
from parkgrid_domain.tariff.usage import QUARTER_MS, Series, Usage, quarters

IMPORT = "energy_import_kwh"
TERMS = Terms("4401-1", "gaoxin-nan", "none")


def plan_of(example: str, *changes: tuple[str, str]) -> Plan:
    """One of the examples with some of its text replaced; every replaced text must be there."""
    text = examples()[example]
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return read_plan(text, "plan.toml")


def laid(
    plan: Plan,
    month: str,
    forecasts: Mapping[date, str] | None = None,
    spot: Mapping[int, Decimal] | None = None,
) -> MonthPlan:
    """A plan over a month of the plan's own zone."""
    maxima = {day: Decimal(text) for day, text in (forecasts or {}).items()}
    return month_plan(plan, period(month, plan.zone), packaged(), maxima, spot)


def series(
    values: NDArray[np.int64],
    signal: str = IMPORT,
    period_s: int = 900,
    quality: NDArray[np.int8] | int = 1,
    device_class: str = "grid_meter",
) -> Series:
    """A register's intervals; one quality for all of them, or one each."""
    qualities = np.full(len(values), quality, np.int8) if isinstance(quality, int) else quality
    return Series(device_class, signal, period_s, np.asarray(values, np.int64), qualities)


def usage(
    count: int, imported: list[Series], reactive: list[Series] | None = None, returned: list[Series] | None = None
) -> Usage:
    """What registers counted over so many quarter hours."""
    fed_in = {("charger", "energy_returned_kwh"): quarters(returned, count)} if returned else {}
    return Usage(quarters(imported, count), quarters(reactive or [], count), fed_in)


def constant_kw(count: int, kw: int) -> NDArray[np.int64]:
    """A constant power: 1 kW is 250 Wh in a quarter of an hour."""
    return np.full(count, kw * 250, np.int64)


def billed(month: MonthPlan, used: Usage, terms: Terms = TERMS) -> Bill:
    """The bill under the packaged power-factor table."""
    return bill(month, used, terms, power_factor.packaged())


def only(month: MonthPlan, day: date, values: Callable[[int], NDArray[np.int64]]) -> NDArray[np.int64]:
    """Energies of one local day of a month without daylight saving time, nothing on the others."""
    first = (day - month.period.first).days * 96
    energies = np.zeros(month.count, np.int64)
    energies[first : first + 96] = values(96)
    return energies


def slot_ms(month: MonthPlan, number: int) -> int:
    """The start of a quarter hour of the month."""
    return month.period.start_ms + number * QUARTER_MS
