"""Whether irradiance in the plane of the modules can be true: against the sun, the night, and what was generated.

    sun below the horizon ─▶ what the sensor reads then is its offset: taken off by day, and nothing by night
    sun up                ─▶ no more than a plane turned to the sun can get; not below 0; never the same for hours
    energy generated      ─▶ not more than the light explains, in an interval and over a day

An interval that cannot be true counts as missing, so a few of them cost coverage and many cost the figure. A sensor
whose night is wrong is not believed on that day. Without the park's coordinates, night is from 0 to 4 o'clock local
time, and nothing is known of the sun's height by day.
"""

from dataclasses import replace

import numpy as np

from parkgrid_domain.indicators.definition import Inputs, Quantity, Screened, Unavailable
from parkgrid_domain.indicators.sky import Flags, Floats, Sky, sky_over

IRRADIANCE, GENERATED, RATED = "irradiance_plane_w_m2", "pv_kwh", "pv_rated_kwp"
ZERO_OFFSET_W_M2 = 30.0
"""The largest zero offset of a pyranometer that is one: class C of ISO 9060:2018 [from memory, unverified]."""
_DARK_SHARE = 0.1
"""Share of a night's intervals that may read light before the whole day is not believed."""
_DAY_SHARE = 0.2
"""Share of the light of a day that may be false before the whole day is not believed."""
_SAME_INTERVALS = 6
"""So many equal means one after the other are a value that stands still."""
_MOST_BRIEFLY, _SLACK_BRIEFLY = 1.5, 0.15
"""Within an interval clouds are over the sensor and not over the plant: half as much again, and 15 % of the rating."""
_MOST_A_DAY, _SLACK_A_DAY_H = 1.2, 0.05
"""Over a day no plant gives more than 1.2 of its rating times the irradiation [design default]; see PR's bounds."""
_W_PER_KW = 1000.0
_S_PER_H = 3600


def screen_irradiance(grid: Inputs) -> Screened:
    """Irradiance without its offset and without what cannot be true."""
    quantity = grid.quantities[IRRADIANCE]
    sky = sky_over(grid)
    offset = _night_offset(quantity.values, sky)
    level = quantity.values - offset
    struck = {
        _Reason.NIGHT: _false_nights(level, offset, sky),
        _Reason.RANGE: ~sky.dark & ((level > sky.most_w_m2) | (level < -ZERO_OFFSET_W_M2)),
        _Reason.STUCK: _standing_still(quantity.values) & (np.abs(level) > ZERO_OFFSET_W_M2),
    }
    # By night the sensor has nothing to tell, and a little below 0 is its noise.
    light = np.where(sky.dark & np.isfinite(level), 0.0, level).clip(min=0.0)
    light[_any(struck)] = np.nan
    struck[_Reason.ENERGY] = _unexplained(grid, light, sky)
    seen = ~sky.dark & ((np.abs(level) > ZERO_OFFSET_W_M2) | (_in_ratings(grid) > _DARK_SHARE))
    struck = {reason: _whole_days(flags, seen, sky) for reason, flags in struck.items()}
    light[_any(struck)] = np.nan
    return Screened(
        {IRRADIANCE: replace(quantity, values=light)}, _doubts(struck, quantity), _details(struck, quantity, offset)
    )


def _whole_days(flags: Flags, seen: Flags, sky: Sky) -> Flags:
    """Also the rest of a day on which much of the light cannot be true: what is left of it is no fair choice."""
    found = flags.copy()
    for day in np.unique(sky.day[flags & seen]):
        of_day = sky.day == day
        if (flags & seen & of_day).sum() > _DAY_SHARE * (seen & of_day).sum():
            found |= of_day & ~sky.dark
    return found


def _in_ratings(grid: Inputs) -> Floats:
    """Mean power of the interval as a part of the rating; 0 where it is not known."""
    rated = grid.ratings.get(RATED, 0.0)
    if GENERATED not in grid.quantities or rated <= 0:
        return np.zeros(grid.count)
    found: Floats = np.nan_to_num(grid.quantities[GENERATED].values / (rated * grid.period_s / _S_PER_H))
    return found


class _Reason:
    """What is wrong with an interval, in both languages."""

    NIGHT = ("reports light while the sun is below the horizon", "太阳落山后仍有读数")
    RANGE = ("is above the possible irradiance or below 0", "超过太阳可能给出的辐照度或低于 0")
    STUCK = ("stands still", "读数长时间不变")
    ENERGY = ("is too low for the energy that was generated", "低于发电量所需的辐照度")


Struck = dict[tuple[str, str], Flags]


def _any(struck: Struck) -> Flags:
    found: Flags = np.logical_or.reduce(list(struck.values()))
    return found


def _doubts(struck: Struck, quantity: Quantity) -> tuple[Unavailable, ...]:
    count = max(1, len(quantity.values))
    shares = ((reason, 100 * int((flags & np.isfinite(quantity.values)).sum()) / count) for reason, flags in
              struck.items())  # fmt: skip
    return tuple(
        Unavailable(f"irradiance {english} in {share:.1f} % of the intervals", f"{share:.1f} % 的时段辐照度{chinese}")
        for (english, chinese), share in shares
        if share > 0
    )


def _details(struck: Struck, quantity: Quantity, offset: Floats) -> dict[str, float | str | None]:
    known = np.isfinite(quantity.values)
    lost = _any(struck) & known
    details: dict[str, float | str | None] = {}
    if lost.any():
        details["irradiance_struck_pct"] = 100 * float(lost.sum()) / len(lost)
    if (used := known & ~lost).any() and abs(mean := float(offset[used].mean())) > 0:
        details["irradiance_night_offset_w_m2"] = mean
    return details


def _night_offset(values: Floats, sky: Sky) -> Floats:
    """What the sensor reads in the dark, day by day; a day without a night has that of the whole span."""
    dark = sky.dark & np.isfinite(values)
    usual = float(np.median(values[dark])) if dark.any() else 0.0
    offset = np.full(len(values), usual)
    for day in np.unique(sky.day[dark]):
        offset[sky.day == day] = np.median(values[dark & (sky.day == day)])
    return offset


def _false_nights(level: Floats, offset: Floats, sky: Sky) -> Flags:
    """Every interval of a day whose night shows too large an offset, or light; else the lit ones of its night."""
    lit = sky.dark & (np.abs(level) > ZERO_OFFSET_W_M2)
    false = np.abs(offset) > ZERO_OFFSET_W_M2
    for day in np.unique(sky.day[lit]):
        of_day = sky.day == day
        if lit[of_day].sum() > _DARK_SHARE * (sky.dark & of_day).sum():
            false |= of_day
    return false | lit


def _standing_still(values: Floats) -> Flags:
    """Intervals in a row of equal values."""
    if len(values) < _SAME_INTERVALS:
        return np.zeros(len(values), np.bool_)
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    lengths = np.diff(np.r_[starts, len(values)])
    found: Flags = np.repeat(lengths >= _SAME_INTERVALS, lengths)
    return found


def _unexplained(grid: Inputs, light: Floats, sky: Sky) -> Flags:
    """Intervals in which more was generated than the light allows, and the light of days in which it was so."""
    given, worth = _in_ratings(grid), light / _W_PER_KW
    found: Flags = given > _MOST_BRIEFLY * worth + _SLACK_BRIEFLY
    known = np.isfinite(worth) & ~found
    slack = _SLACK_A_DAY_H / (grid.period_s / _S_PER_H)
    for day in np.unique(sky.day[known & (given > 0)]):
        of_day = known & (sky.day == day)
        if given[of_day].sum() > _MOST_A_DAY * worth[of_day].sum() + slack:
            found |= of_day & ~sky.dark
    return found
