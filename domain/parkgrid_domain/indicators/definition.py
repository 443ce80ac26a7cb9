"""What an indicator is: one definition with formula, unit, inputs, least coverage and source, and one way to a figure.

    Inputs ──▶ checks ──▶ intervals in which every input is present ──▶ Observed ──▶ compute ──▶ Value ──▶ Figure
                 │                    │                                                     │          ▲
                 │ cannot be true     │ too few                             out of bounds   │          │
                 └────────────────────┴──────── unavailable, with the reason ◀──────────────┘ ─────────┘

Ratios are never averaged over time: a definition sums energies first and divides once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.indicators.named import told_zh

SECONDS_PER_HOUR = 3600
_ROUNDING = 1e-9
"""What is left of a difference of equal doubles."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured quantity of a scope on an interval grid."""

    name: str
    unit: str
    values: NDArray[np.float64]
    """One per interval; nan is missing, never 0."""
    estimated: NDArray[np.bool_]
    """Whether the value of the interval is an estimate."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A dated number that somebody published or set: an emission factor, a coal factor, a threshold, an output."""

    name: str
    value: float
    unit: str
    source: str
    """Publication with clause, and whether it was read there or is from memory."""
    region: str = ""
    year: int | None = None
    """The year that the number describes, where it describes one."""
    published: date | None = None
    marker: str = ""
    """`verified`, `verified-weak`, `from memory`, `computed`, `design default` or `given`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a park lies."""

    latitude: float
    """Degrees north, -90 to 90."""
    longitude: float
    """Degrees east, -180 to 180."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that indicators of one scope and period are computed from."""

    start_ms: int
    period_s: int
    count: int
    quantities: Mapping[str, Quantity]
    """By quantity name, each with `count` values; a quantity without any device behind it is not in here."""
    ratings: Mapping[str, float] = field(default_factory=dict)
    """Nameplate sums of the scope by name, for example `pv_rated_kwp`."""
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """Dated numbers by name, as valid for the period."""
    fine: "Inputs | None" = None
    """The same span by the minute, for figures that look inside an interval."""
    members: Mapping[str, tuple[Quantity, ...]] = field(default_factory=dict)
    """What single devices contribute to a quantity, where a figure asks for each of them."""
    zone: ZoneInfo = SHANGHAI
    """The park's zone: its days are local."""
    place: Place | None = None
    """Where the park lies; without it, night is told by the local clock."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a compute function found."""

    value: float
    at_ms: int | None = None
    """The start of the interval of a maximum."""
    details: Mapping[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why there is no number, in both languages."""

    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A published number, or the reason why there is none."""

    name: str
    value: float | None
    unit: str
    coverage_pct: float
    """Share of the period's intervals in which every input was present, 0 to 100."""
    estimated_pct: float
    """Share of the used intervals in which some input was an estimate, 0 to 100."""
    unavailable: str | None = None
    at_ms: int | None = None
    details: Mapping[str, float | str | None] = field(default_factory=dict)
    unavailable_zh: str | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """The intervals that enter a figure: those in which all of its inputs are present."""

    inputs: Inputs
    present: NDArray[np.bool_]

    def has(self, name: str) -> bool:
        """Whether the scope has this quantity at all."""
        return name in self.inputs.quantities

    def series(self, name: str) -> NDArray[np.float64]:
        """The values of the used intervals; zeros where the scope has no such device."""
        if not self.has(name):
            return np.zeros(int(self.present.sum()))
        return self.inputs.quantities[name].values[self.present]

    def energy(self, name: str) -> float:
        """The sum over the used intervals; 0 where the scope has no such device."""
        return float(self.series(name).sum())

    def rating(self, name: str) -> float:
        """A nameplate sum that the definition asked for."""
        return self.inputs.ratings[name]

    def factor(self, name: str) -> float:
        """The value of a dated number that the definition asked for."""
        return self.inputs.factors[name].value

    def members(self, name: str) -> dict[str, NDArray[np.float64]]:
        """The used intervals of each device behind a quantity; the quantity itself where they are not told apart."""
        parts = self.inputs.members.get(name) or (self.inputs.quantities[name],)
        return {part.name: part.values[self.present] for part in parts}

    @property
    def interval_h(self) -> float:
        """Length of one interval in hours."""
        return self.inputs.period_s / SECONDS_PER_HOUR

    @property
    def hours(self) -> float:
        """Length of all used intervals in hours."""
        return self.interval_h * int(self.present.sum())

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """The starts of the used intervals."""
        return self.inputs.start_ms + np.flatnonzero(self.present).astype(np.int64) * self.inputs.period_s * 1000


@dataclass(frozen=True, slots=True)
class Screened:
    """What a check of the inputs left of them."""

    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    """Those that it changed: nan where an interval cannot be true, a known offset taken off."""
    doubts: tuple[Unavailable, ...] = ()
    """What was found, for the reason of a figure that too little is left for."""
    details: Mapping[str, float | str | None] = field(default_factory=dict)
    """What was found, for a figure that is published all the same."""
    refused: Unavailable | None = None
    """Why there can be no figure at all."""


Check: TypeAlias = Callable[[Inputs], Screened]
"""A check of inputs before anything is computed; a quantity that the scope has not is no concern of it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a figure can be at all; outside of it, its inputs are wrong and there is no figure."""

    low: float | None
    high: float | None
    why: str
    """The physics or the publication that it follows from."""
    look_at: str
    """What to look at when a figure is outside."""
    look_at_zh: str
    per_hour: bool = False
    """Whether the upper bound is that of each hour of the period."""

    def broken(self, value: float, hours: float) -> Unavailable | None:
        """Why a value cannot be true, or `None` for one that can."""
        high = self.high * hours if self.high is not None and self.per_hour else self.high
        if (self.low is None or value >= self.low - _ROUNDING) and (high is None or value <= high + _ROUNDING):
            return None
        least, most = ("…" if end is None else f"{end:g}" for end in (self.low, high))
        return Unavailable(
            f"{value:.4g} is not possible (range {least} to {most}): check {self.look_at}",
            f"计算结果 {value:.4g} 超出物理可能范围（{least} 至 {most}），请检查{self.look_at_zh}",
        )


@dataclass(frozen=True, slots=True)
class Display:
    """How a figure is shown, wherever it is shown."""

    share: bool = False
    """Whether a value of 0 to 1 is told in per cent."""
    digits: int | None = None
    """Digits after the point, of the per cent for a share; None: three significant ones."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One definition, used by every window that shows the figure."""

    name: str
    name_zh: str
    name_en: str
    formula: str
    """As people write it."""
    unit: str
    """Empty for a ratio of 0 to 1."""
    inputs: tuple[str, ...]
    """Quantities that must exist and be present in an interval that counts."""
    source: str
    """Standard and clause, paper or page, and whether it was read there or is from memory."""
    compute: Callable[[Observed], Value | Unavailable]
    bounds: Bounds
    display: Display = Display()
    checks: tuple[Check, ...] = ()
    """Checks of its inputs, one after the other."""
    minimum_coverage_pct: float = 90.0
    optional: tuple[str, ...] = ()
    """Quantities that count as 0 where the scope has no such device, and must be present where it has one."""
    ratings: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    optional_factors: tuple[str, ...] = ()
    """Dated numbers that are used where they are given."""
    by_minute: bool = False
    """Whether the inputs are those by the minute."""

    def figure(self, inputs: Inputs) -> Figure:
        """The figure for these inputs, or why there is none."""
        grid = inputs.fine if self.by_minute else inputs
        if grid is None:
            return self._without(0.0, 0.0, _no_minutes())
        if lacking := self._lacking(inputs, grid):
            return self._without(0.0, 0.0, lacking)
        screened = self._screened(replace(grid, ratings=inputs.ratings, factors=inputs.factors))
        if screened.refused:
            return self._without(0.0, 0.0, screened.refused)
        observed, estimated_pct = self._observe(screened.grid)
        coverage_pct = 100.0 * int(observed.present.sum()) / grid.count if grid.count else 0.0
        if coverage_pct < self.minimum_coverage_pct or coverage_pct == 0:
            too_few = _too_few(coverage_pct, self.minimum_coverage_pct, by_minute=self.by_minute)
            return self._without(coverage_pct, estimated_pct, _because(too_few, screened.doubts))
        found = self._computed(observed)
        if isinstance(found, Unavailable):
            return self._without(coverage_pct, estimated_pct, found)
        details = {**self._rules(inputs), **screened.details, **found.details}
        return Figure(
            self.name, found.value, self.unit, coverage_pct, estimated_pct, at_ms=found.at_ms, details=details
        )

    def _computed(self, observed: Observed) -> Value | Unavailable:
        found = self.compute(observed)
        if isinstance(found, Unavailable):
            return found
        return self.bounds.broken(found.value, observed.hours) or found

    def _screened(self, grid: Inputs) -> "_Passed":
        """What all checks leave of the inputs."""
        passed = _Passed(grid)
        for check in self.checks:
            found = check(passed.grid)
            if found.refused:
                return _Passed(grid, refused=found.refused)
            left = replace(passed.grid, quantities={**passed.grid.quantities, **found.quantities})
            passed = _Passed(left, (*passed.doubts, *found.doubts), {**passed.details, **found.details})
        return passed

    def used(self, grid: Inputs) -> tuple[str, ...]:
        """The quantities that enter the figure of a scope that has these."""
        return (*self.inputs, *(name for name in self.optional if name in grid.quantities))

    def _lacking(self, inputs: Inputs, grid: Inputs) -> Unavailable | None:
        for kind, kind_zh, names, there in (
            ("quantity", "数据", self.inputs, grid.quantities),
            ("rating", "额定参数", self.ratings, inputs.ratings),
            ("factor", "因子或阈值", self.factors, inputs.factors),
        ):
            if missing := [name for name in names if name not in there]:
                named = ", ".join(missing)
                return Unavailable(f"no {kind} {named}", f"缺少{kind_zh}：{told_zh(missing)}")
        return None

    def _observe(self, grid: Inputs) -> tuple[Observed, float]:
        present = np.ones(grid.count, dtype=np.bool_)
        estimated = np.zeros(grid.count, dtype=np.bool_)
        for name in self.used(grid):
            quantity = grid.quantities[name]
            present &= np.isfinite(quantity.values)
            estimated |= quantity.estimated
        share = 100.0 * float(estimated[present].mean()) if present.any() else 0.0
        return Observed(grid, present), share

    def _rules(self, inputs: Inputs) -> dict[str, float | str | None]:
        """The dated numbers that were used: a figure keeps the year of its factor."""
        rules: dict[str, float | str | None] = {}
        for name in (*self.factors, *(each for each in self.optional_factors if each in inputs.factors)):
            factor = inputs.factors[name]
            rules[name] = factor.value
            rules[f"{name}_source"] = factor.source
            if factor.year is not None:
                rules[f"{name}_year"] = float(factor.year)
            if factor.region:
                rules[f"{name}_region"] = factor.region
        return rules

    def _without(self, coverage_pct: float, estimated_pct: float, why: Unavailable) -> Figure:
        return Figure(self.name, None, self.unit, coverage_pct, estimated_pct, why.reason, unavailable_zh=why.reason_zh)


@dataclass(frozen=True, slots=True)
class _Passed:
    """Inputs after the checks, and what those found."""

    grid: Inputs
    doubts: tuple[Unavailable, ...] = ()
    details: Mapping[str, float | str | None] = field(default_factory=dict)
    refused: Unavailable | None = None


def _because(what: Unavailable, doubts: tuple[Unavailable, ...]) -> Unavailable:
    """A reason with the doubts that led to it."""
    if not doubts:
        return what
    reasons, reasons_zh = (each.reason for each in doubts), (each.reason_zh for each in doubts)
    return Unavailable(f"{what.reason}: {'; '.join(reasons)}", f"{what.reason_zh}：{'；'.join(reasons_zh)}")


def _no_minutes() -> Unavailable:
    return Unavailable("no readings by the minute", "缺少分钟级数据")


def _too_few(coverage_pct: float, minimum_pct: float, *, by_minute: bool) -> Unavailable:
    # A device that is read every 15 minutes has whole days in the calendar and hardly a minute in these figures.
    of, of_zh = ("coverage of minutes", "分钟数据完整率") if by_minute else ("coverage", "数据完整率")
    return Unavailable(
        f"{of} {coverage_pct:.1f} % is below the minimum of {minimum_pct:g} %",
        f"{of_zh} {coverage_pct:.1f} % 低于最低要求 {minimum_pct:g} %",
    )
