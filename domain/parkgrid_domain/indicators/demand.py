"""The highest mean power at the connection point, how even the load is, and its power factor."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from parkgrid_domain.indicators.bounds import RATIO, SHARE, not_negative, part
from parkgrid_domain.indicators.definition import Indicator, Observed, Unavailable, Value

DEMAND_PERIOD_S = 900
"""The demand period (需量周期) of Chinese meters: 15 minutes."""
_CENT = Decimal("0.01")
_NOTHING = Unavailable("nothing was imported in this period", "本期无下网电量")


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest of some powers, and whether it rests on an estimate."""

    place: int
    estimated: bool
    good_place: int | None
    """The highest of those without an estimate, if there is any."""


def peak_of(power_kw: NDArray[np.float64], estimated: NDArray[np.bool_]) -> Peak:
    """The highest power, nan never; where a good one is as high as an estimated one, the good one."""
    place = int(np.nanargmax(power_kw))
    good = np.where(estimated, np.nan, power_kw)
    if not np.isfinite(good).any():
        return Peak(place, estimated=True, good_place=None)
    best = int(np.nanargmax(good))
    doubtful = bool(good[best] < power_kw[place])
    return Peak(place if doubtful else best, doubtful, best)


def _rests_on(peak: Peak, power_kw: NDArray[np.float64], missing: int) -> dict[str, float | str | None]:
    """What a maximum says of the interval that it rests on, and of those that may have been higher."""
    told: dict[str, float | str | None] = {"quality": "estimated" if peak.estimated else "good"}
    if peak.estimated:
        told["good_maximum_kw"] = None if peak.good_place is None else float(power_kw[peak.good_place])
    if missing:
        told["missing_intervals"] = float(missing)
    return told


def _maximum(observed: Observed) -> Value:
    power = observed.series("grid_import_kwh") / observed.interval_h
    peak = peak_of(power, observed.inputs.quantities["grid_import_kwh"].estimated[observed.present])
    details = {"period_min": observed.inputs.period_s / 60}
    missing = int((~observed.present).sum())
    return Value(
        float(power[peak.place]),
        at_ms=int(observed.at_ms[peak.place]),
        details=details | _rests_on(peak, power, missing),
    )


def _sliding(observed: Observed) -> Value | Unavailable:
    width = DEMAND_PERIOD_S // observed.inputs.period_s
    step = max(1, round(observed.factor("demand_slide_min") * 60 / observed.inputs.period_s))
    imported = observed.inputs.quantities["grid_import_kw"]
    power = imported.values
    if len(power) < width:
        return Unavailable("the period is shorter than 15 minutes", "统计时段不足 15 分钟")
    means = sliding_window_view(power, width)[::step].mean(axis=1)
    if not np.isfinite(means).any():
        return Unavailable("no 15 minutes without a gap", "无连续完整的 15 分钟数据")
    guessed: NDArray[np.bool_] = np.logical_or.reduce(sliding_window_view(imported.estimated, width)[::step], axis=1)
    peak = peak_of(means, guessed)
    start_ms = observed.inputs.start_ms + peak.place * step * observed.inputs.period_s * 1000
    details = {"period_min": DEMAND_PERIOD_S / 60, "slide_min": step * observed.inputs.period_s / 60}
    missing = int(np.isnan(means).sum())
    return Value(float(means[peak.place]), at_ms=start_ms, details=details | _rests_on(peak, means, missing))


def _spread(observed: Observed) -> tuple[float, float, float]:
    """Highest, lowest and mean power over the used intervals, in kW."""
    power = observed.series("grid_import_kwh") / observed.interval_h
    return float(power.max()), float(power.min()), float(power.mean())


def _load_factor(observed: Observed) -> Value | Unavailable:
    highest, _, mean = _spread(observed)
    if highest <= 0:
        return _NOTHING
    return Value(mean / highest, details={"mean_kw": mean, "maximum_kw": highest})


def _difference(observed: Observed) -> Value:
    highest, lowest, _ = _spread(observed)
    return Value(highest - lowest, details={"maximum_kw": highest, "minimum_kw": lowest})


def _difference_ratio(observed: Observed) -> Value | Unavailable:
    highest, lowest, _ = _spread(observed)
    if highest <= 0:
        return _NOTHING
    return Value((highest - lowest) / highest, details={"maximum_kw": highest, "minimum_kw": lowest})


def power_factor(active_kwh: Decimal, reactive_kvarh: Decimal) -> Decimal:
    """The factor kWh / sqrt(kWh² + kvarh²) of a month, rounded half up to two decimals as the adjustment table asks."""
    apparent = (active_kwh**2 + reactive_kvarh**2).sqrt()
    return (active_kwh / apparent).quantize(_CENT, ROUND_HALF_UP)


def _power_factor(observed: Observed) -> Value | Unavailable:
    active = Decimal(str(round(observed.energy("grid_import_kwh"), 3)))
    # Reactive energy that is sent back counts by its magnitude: over-compensation does not mend the factor.
    reactive = Decimal(
        str(round(observed.energy("reactive_import_kvarh") + abs(observed.energy("reactive_export_kvarh")), 3))
    )
    if active <= 0:
        return _NOTHING
    return Value(
        float(power_factor(active, reactive)),
        details={
            "active_kwh": float(active),
            "reactive_kvarh": float(reactive),
            "unrounded": float(active / (active**2 + reactive**2).sqrt()),
        },
    )


_AT_THE_METER = "Power at the connection point, import only; export counts as 0."
DEMAND = (
    Indicator(
        name="maximum_demand_kw",
        name_zh="最大需量（区间式）",
        name_en="Maximum demand, fixed blocks",
        formula="max over intervals of E_import / Δt, Δt = 15 min (the interval length of the data where that is "
        "longer)",
        unit="kW",
        inputs=("grid_import_kwh",),
        minimum_coverage_pct=95,
        source=f"需量, block method; DL/T 645-2007 demand registers, 04000103 period [verified]. {_AT_THE_METER}",
        compute=_maximum,
        bounds=not_negative("import only"),
    ),
    Indicator(
        name="maximum_demand_sliding_kw",
        name_zh="最大需量（滑差式）",
        name_en="Maximum demand, sliding",
        formula="max over t of the mean of P_import in [t, t + 15 min), t in steps of the slide",
        unit="kW",
        inputs=("grid_import_kw",),
        factors=("demand_slide_min",),
        minimum_coverage_pct=95,
        by_minute=True,
        source="需量, sliding method; DL/T 645-2007 04000103 period and 04000104 slide [verified]. Means of one "
        f"minute; a window with a missing minute does not count. {_AT_THE_METER}",
        compute=_sliding,
        bounds=not_negative("import only"),
    ),
    Indicator(
        name="load_factor",
        name_zh="负荷率",
        name_en="Load factor",
        formula="P_mean / P_max of interval means",
        unit="",
        inputs=("grid_import_kwh",),
        source=f"Common definition. {_AT_THE_METER}",
        compute=_load_factor,
        bounds=part(),
        display=SHARE,
    ),
    Indicator(
        name="peak_valley_difference_kw",
        name_zh="峰谷差",
        name_en="Peak-valley difference",
        formula="P_max - P_min of interval means",
        unit="kW",
        inputs=("grid_import_kwh",),
        minimum_coverage_pct=95,
        source=f"Common definition. {_AT_THE_METER}",
        compute=_difference,
        bounds=not_negative("import only"),
    ),
    Indicator(
        name="peak_valley_difference_ratio",
        name_zh="峰谷差率",
        name_en="Peak-valley difference rate",
        formula="(P_max - P_min) / P_max of interval means",
        unit="",
        inputs=("grid_import_kwh",),
        minimum_coverage_pct=95,
        source=f"Common definition. {_AT_THE_METER}",
        compute=_difference_ratio,
        bounds=part(),
        display=SHARE,
    ),
    Indicator(
        name="power_factor",
        name_zh="功率因数",
        name_en="Power factor",
        formula="kWh / sqrt(kWh² + kvarh²), kvarh = |import| + |export|, rounded half up to 2 decimals",
        unit="",
        inputs=("grid_import_kwh", "reactive_import_kvarh"),
        optional=("reactive_export_kvarh",),
        minimum_coverage_pct=95,
        source="〔83〕水电财字215号, monthly power factor; rounding read in a public implementation [verified]; the "
        "magnitude of reactive energy sent back is added [from memory, unverified]",
        compute=_power_factor,
        bounds=part(),
        display=RATIO,
    ),
)
