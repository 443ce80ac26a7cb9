"""Charging sessions out of what a charger shows by the minute, each with the origin of its energy.

    state      available │ occupied  charging  charging  finishing │ available
    count          7     │    8         8         8         8      │     8
    register     100.0   │  100.0     104.0     109.0     109.0    │   109.0   ──▶ one session, 9 kWh

A session begins when a vehicle comes (or the count rises while another leaves) and ends when the charger is free. One
that does not count is told by its display too, which begins at zero with each vehicle. The energy of a session is the
difference of the registers, never the display, which is kept beside it to compare.
Within an interval the registers by the minute only say who got how much: together they get what the interval metered.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.signals import CHARGER_STATES

IN_SESSION = ("occupied", "charging", "discharging", "finishing")
_MINUTE_MS = 60_000
_CODES = [CHARGER_STATES.index(state) for state in IN_SESSION]
_CHARGING = CHARGER_STATES.index("charging")
_DISPLAY_TOLERANCE_KWH = 0.05
"""Display and register are rounded, and read one after the other."""
_POWERED = [CHARGER_STATES.index(state) for state in ("charging", "discharging")]


@dataclass(frozen=True, slots=True)
class ChargerMinutes:
    """What one charger showed at the end of minutes, ascending; idle minutes may be left out."""

    at_ms: NDArray[np.int64]
    state: NDArray[np.int64]
    """Code of `CHARGER_STATES`."""
    session_count: NDArray[np.int64]
    """-1 where the charger does not count."""
    delivered_kwh: NDArray[np.float64]
    """Cumulative register."""
    returned_kwh: NDArray[np.float64]
    """Cumulative register; nan where the charger has none."""
    session_kwh: NDArray[np.float64]
    """The charger's own display of the session's energy; nan where it has none."""
    power_kw: NDArray[np.float64]
    """The highest power of the minute, negative towards the grid; nan where it is not measured."""
    soc_pct: NDArray[np.float64]
    """State of charge of the vehicle; nan where the charger is not told."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Share of each origin in what fed the park, by interval; nan where it is not known."""

    start_ms: int
    period_ms: int
    shares: Mapping[str, NDArray[np.float64]]

    @property
    def stop_ms(self) -> int:
        """The end of the last interval."""
        return self.start_ms + self.period_ms * min(len(share) for share in self.shares.values())


@dataclass(frozen=True, slots=True)
class ChargingSession:
    """One session, or the part of it that lies in the span that was asked for."""

    start_ms: int
    end_ms: int
    energy_kwh: float
    returned_kwh: float
    origin_kwh: Mapping[str, float]
    """Delivered energy by origin: pv, storage, grid."""
    unattributed_kwh: float
    """Delivered energy of intervals in which the sources are not known."""
    displayed_kwh: float | None
    """The highest energy that the charger itself displayed."""
    peak_kw: float | None
    """The highest power to the vehicle; 0 where it only gave back, None where no power is measured."""
    soc_start_pct: float | None
    soc_end_pct: float | None
    """State of charge of the vehicle at the first and the last minute that it is told of."""
    charging_min: int
    coverage_pct: float
    """Minutes of the session of which the charger told, of all its minutes; 0 to 100 %."""
    estimated: bool
    """Whether minutes are missing inside (their energy is spread evenly) or the energy is only what was displayed."""
    began_before: bool
    goes_on: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """Every minute of a span, gaps filled."""

    at_ms: NDArray[np.int64]
    known: NDArray[np.bool_]
    """Minutes of which the charger told."""
    metered: bool
    """Whether it has a register of what it delivers."""
    state: NDArray[np.int64]
    count: NDArray[np.int64]
    delivered: NDArray[np.float64]
    returned: NDArray[np.float64]
    displayed: NDArray[np.float64]
    power: NDArray[np.float64]
    soc: NDArray[np.float64]

    def owners(self) -> NDArray[np.int64]:
        """The session that each minute's energy belongs to, from 1; 0 for none."""
        inside = np.isin(self.state, _CODES)
        before = np.concatenate((self.count[:1], self.count[:-1]))
        rose = (self.count > before) & (before >= 0)
        inside |= rose
        began = rose | self._began_anew()
        begins = inside & (began | ~np.concatenate(([False], inside[:-1])))
        number = np.where(inside, np.cumsum(begins), 0)
        # What was delivered in the minute in which the vehicle left is its own.
        return np.where(inside, number, np.concatenate(([0], number[:-1])))

    def _began_anew(self) -> NDArray[np.bool_]:
        """Where a charger that does not count shows the display of another vehicle while it charges.

        It is lower than before, and no higher than what was delivered since two readings back: in the minute of the
        change the former vehicle's display is the one that was kept.
        """
        told = np.flatnonzero(self.known & np.isfinite(self.displayed))
        shown, delivered = self.displayed[told], self.delivered[told]
        before = np.concatenate((shown[:1], shown[:-1]))
        since = np.concatenate((delivered[:1], delivered[:1], delivered[:-2]))[: len(told)]
        anew = (shown < before) & (shown <= delivered - since + _DISPLAY_TOLERANCE_KWH)
        found = np.zeros(len(self.at_ms), np.bool_)
        found[told] = anew & (self.state[told] == _CHARGING) & (self.count[told] < 0)
        return found


def charging_sessions(
    minutes: ChargerMinutes, mix: Mix, metered_kwh: NDArray[np.float64] | None = None
) -> list[ChargingSession]:
    """The sessions of one charger in the span of a mix, in order.

    `metered_kwh` is what the charger delivered in each interval of the mix, nan where that is not known. A minute
    before the span, if there is one among `minutes`, gives the registers at its start. Energy of a minute in which one
    vehicle leaves and another comes belongs to the one that came: the one that left had finished.
    """
    if len(minutes.at_ms) == 0:
        return []
    line = _line(minutes)
    owner = line.owners()
    within = (line.at_ms >= mix.start_ms) & (line.at_ms < mix.stop_ms)
    delivered = np.diff(line.delivered, prepend=line.delivered[0])
    if metered_kwh is not None:
        delivered[within] = _as_metered(line.at_ms[within], owner[within] > 0, delivered[within], mix, metered_kwh)
    everywhere = np.flatnonzero(owner)
    _, first = np.unique(owner[everywhere], return_index=True)
    return [
        _session(line, delivered, places, mix)
        for places in np.split(everywhere, first[1:])
        if places.size and within[places].any()
    ]


def _as_metered(
    at_ms: NDArray[np.int64],
    owned: NDArray[np.bool_],
    delivered: NDArray[np.float64],
    mix: Mix,
    metered_kwh: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The energies of minutes, scaled so that those of an interval add up to what its registers metered.

    Where no minute shows any, the vehicles that were there share alike: a reading at the end shows in the next minute.
    """
    slots = (at_ms - mix.start_ms) // mix.period_ms
    count = len(metered_kwh)
    shown = np.bincount(slots, delivered, minlength=count)[slots]
    there = np.bincount(slots, owned, minlength=count)[slots]
    metered = metered_kwh[slots]
    scaled = delivered * (metered / np.where(shown > 0, shown, 1.0))
    alike = np.where(owned, metered / np.maximum(there, 1), 0.0)
    return np.where(np.isnan(metered), delivered, np.where(shown > 0, scaled, alike))


def _session(
    line: _Line,
    all_delivered: NDArray[np.float64],
    everywhere: NDArray[np.int64],
    mix: Mix,
) -> ChargingSession:
    at_ms = line.at_ms[everywhere]
    places = everywhere[(at_ms >= mix.start_ms) & (at_ms < mix.stop_ms)]
    delivered = all_delivered[places]
    returned = line.returned[places] - line.returned[np.maximum(places - 1, 0)]
    slots = (line.at_ms[places] - mix.start_ms) // mix.period_ms
    origin = {name: float(np.nansum(delivered * share[slots])) for name, share in mix.shares.items()}
    unknown = np.any([np.isnan(share[slots]) for share in mix.shares.values()], axis=0)
    energy = float(delivered.sum())
    shown = _finite(line.displayed[places])
    power = _finite(line.power[places])
    soc = _finite(line.soc[places])
    return ChargingSession(
        start_ms=int(line.at_ms[places[0]]),
        end_ms=int(line.at_ms[places[-1]]) + _MINUTE_MS,
        energy_kwh=energy,
        returned_kwh=float(np.nansum(returned)),
        origin_kwh=origin,
        unattributed_kwh=float(delivered[unknown].sum()),
        displayed_kwh=float(shown.max()) if shown.size else None,
        peak_kw=max(0.0, float(power.max())) if power.size else None,
        soc_start_pct=float(soc[0]) if soc.size else None,
        soc_end_pct=float(soc[-1]) if soc.size else None,
        charging_min=int(np.isin(line.state[places], _POWERED).sum()),
        coverage_pct=100 * float(line.known[places].mean()),
        estimated=not (line.metered and bool(line.known[places].all())),
        began_before=bool(everywhere[0] < places[0]),
        goes_on=bool(
            everywhere[-1] > places[-1] or (everywhere[-1] == len(line.at_ms) - 1 and line.state[-1] in _CODES)
        ),
    )


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _line(minutes: ChargerMinutes) -> _Line:
    first, last = int(minutes.at_ms[0]), int(minutes.at_ms[-1])
    at_ms = np.arange(first, last + 1, _MINUTE_MS, dtype=np.int64)
    held = np.searchsorted(minutes.at_ms, at_ms, side="right") - 1
    known = minutes.at_ms[held] == at_ms
    busy = np.isin(minutes.state[held], _CODES)
    unmetered = not np.isfinite(minutes.delivered_kwh).any()
    delivered = _displayed_total(minutes.session_kwh) if unmetered else minutes.delivered_kwh
    return _Line(
        at_ms,
        known,
        not unmetered,
        minutes.state[held],
        # A minute without the count has that of the minute before.
        np.maximum.accumulate(minutes.session_count)[held],
        _register(minutes.at_ms, delivered, at_ms, held, busy),
        _register(minutes.at_ms, minutes.returned_kwh, at_ms, held, busy),
        np.where(known, minutes.session_kwh[held], np.nan),
        np.where(known & busy, minutes.power_kw[held], np.nan),
        np.where(known & busy, minutes.soc_pct[held], np.nan),
    )


def _displayed_total(session_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    """A register made of displays that begin at zero with each session, for a charger that has none: an estimate."""
    shown = np.nan_to_num(session_kwh)
    before = np.concatenate(([0.0], shown[:-1]))
    total: NDArray[np.float64] = np.cumsum(np.where(shown >= before, shown - before, shown))
    return total


def _register(
    read_ms: NDArray[np.int64],
    read_kwh: NDArray[np.float64],
    at_ms: NDArray[np.int64],
    held: NDArray[np.int64],
    busy: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """A register at every minute: across a gap inside a session it rises evenly, while a charger is free it stands."""
    there = np.isfinite(read_kwh)
    if not there.any():
        return np.full(len(at_ms), np.nan)
    even = np.interp(at_ms, read_ms[there], read_kwh[there])
    return np.where(busy | ~there[held], even, read_kwh[held])
