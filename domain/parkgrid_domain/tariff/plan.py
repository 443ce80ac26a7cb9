"""What a tariff plan says: prices, the bands of each day, the basic charge, and what is paid for energy fed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

BANDS = ("sharp", "peak", "flat", "valley", "deep_valley")
"""尖, 峰, 平, 谷, 深谷; a band's number is its place here."""
BAND_NAMES_ZH = ("尖峰", "高峰", "平段", "低谷", "深谷")
QUARTERS = 96
"""Quarter hours of a day: bands and curves change at none but these."""

PlanKind = Literal["administrative_tou", "retail_curve", "spot"]
Basis = Literal["none", "capacity", "contracted_demand", "measured_demand"]
Weather = Literal["any", "ordinary", "hot"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The days that a schedule or a curve is for."""

    name: str
    dates: frozenset[tuple[int, int]]
    """(month, day of month)."""
    kinds: frozenset[str]
    """`workday`, `weekend`, names of holidays."""
    weather: Weather

    def holds(self, day: date, kind: str, *, hot: bool) -> bool:
        """Whether a day is one of them."""
        fits = self.weather == "any" or (self.weather == "hot") == hot
        return fits and kind in self.kinds and (day.month, day.day) in self.dates


@dataclass(frozen=True, slots=True)
class Schedule:
    """The band of every quarter hour of its days."""

    scope: Scope
    bands: tuple[int, ...]
    """96 numbers of bands."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The price of every point of its days: a retail contract's curve."""

    scope: Scope
    prices: tuple[Decimal, ...]
    """24 or 96 prices, CNY/kWh."""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the price of a kWh: purchase, transmission, system operation, line losses, a government fund."""

    code: str
    name_zh: str
    name_en: str
    price: Decimal | None
    """CNY/kWh, multiplied by the band's ratio if it follows the time of use."""
    band_prices: Mapping[int, Decimal]
    """CNY/kWh by band, where the plan gives prices instead of ratios."""
    time_of_use: bool
    power_factor_base: bool
    """Whether the power-factor adjustment is a share of it; a government fund is not in that base."""
    clause: str


@dataclass(frozen=True, slots=True)
class FeedIn:
    """What is paid for energy that a register counts on its way back."""

    code: str
    name_zh: str
    name_en: str
    device_class: str
    signal: str
    price: Decimal
    time_of_use: bool
    clause: str


@dataclass(frozen=True, slots=True)
class HighUse:
    """The demand price is reduced for users that draw much per kVA of capacity."""

    at_least_kwh_per_kva: Decimal
    ratio: Decimal
    clause: str


@dataclass(frozen=True, slots=True)
class Excess:
    """Demand above the contracted value and its tolerance costs a multiple."""

    tolerance_pct: Decimal
    multiplier: Decimal
    clause: str


@dataclass(frozen=True, slots=True)
class Basic:
    """The basic charge (基本电费) of a two-part tariff, by the month."""

    capacity_cny_per_kva: Decimal | None
    demand_cny_per_kw: Decimal | None
    clause: str
    high_use: HighUse | None = None
    excess: Excess | None = None


@dataclass(frozen=True, slots=True)
class HotDay:
    """A day is hot when the forecast of its maximum reaches a threshold."""

    place: str
    at_least_c: Decimal
    forecast: str


@dataclass(frozen=True, slots=True)
class Spot:
    """Energy at the price of a market series plus a margin."""

    series: str
    margin: Decimal
    name_zh: str
    name_en: str
    clause: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A tariff plan as one file says it; its version is the digest of that file's text."""

    plan_id: str
    version: str
    text: str
    kind: PlanKind
    name_zh: str
    name_en: str
    currency: str
    zone: ZoneInfo
    valid_from: date
    valid_to: date | None
    """The first day on which it is no longer valid; None while no end is known."""
    source: str
    example: bool
    """Shipped to show the form; nobody claims that it is in force today."""
    minimum_coverage_pct: Decimal
    """Below it a month is not closed."""
    power_factor_adjustment: bool
    ratios: Mapping[int, Decimal]
    schedules: tuple[Schedule, ...]
    curves: tuple[Curve, ...]
    components: tuple[Component, ...]
    feed_in: tuple[FeedIn, ...]
    spot: Spot | None
    basic: Basic | None
    hot_day: HotDay | None

    @property
    def short_version(self) -> str:
        """The version as people write it."""
        return self.version[:12]

    def valid_in(self, first: date, end: date) -> bool:
        """Whether it is valid on every day of [first, end)."""
        return self.valid_from <= first and (self.valid_to is None or end <= self.valid_to)

    def ratio(self, band: int) -> Decimal:
        """The ratio of a band to the flat price; 1 where the plan gives none."""
        return self.ratios.get(band, Decimal(1))
