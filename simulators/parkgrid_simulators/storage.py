"""Battery storage: energy content, limits with taper near the ends, efficiency, ageing. Pure functions of a state."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

Efficiency = Callable[[float], float]
"""One-way efficiency for a share of the rated power, 0 to 1."""

_EFFICIENCY_POINTS = ((0.0, 0.70), (0.02, 0.80), (0.10, 0.93), (0.30, 0.97), (0.60, 0.97), (1.0, 0.96))
"""Converter and battery together, one way (design default)."""
_EFFICIENCY_SHARES = tuple(share for share, _ in _EFFICIENCY_POINTS)
_LAST = len(_EFFICIENCY_POINTS) - 1


def typical_efficiency(share: float) -> float:
    """Efficiency at a share of the rated power, by lines between the points of a usual converter."""
    share = min(max(share, 0.0), 1.0)
    at = bisect_right(_EFFICIENCY_SHARES, share, 1, _LAST)
    (x0, y0), (x1, y1) = _EFFICIENCY_POINTS[at - 1], _EFFICIENCY_POINTS[at]
    return y0 + (y1 - y0) * (share - x0) / (x1 - x0)


@dataclass(frozen=True, slots=True)
class Battery:
    """One storage unit as its nameplate says."""

    capacity_kwh: float
    power_kw: float
    charge_efficiency: Efficiency = typical_efficiency
    discharge_efficiency: Efficiency = typical_efficiency
    charge_taper_from: float = 0.90
    """State of charge (0-1) from which the charge limit falls, down to a tenth when full."""
    discharge_taper_from: float = 0.10
    """State of charge from which the discharge limit falls, down to nothing at `empty_at`."""
    empty_at: float = 0.05
    auxiliary_idle_share: float = 0.008
    """Cooling, control and fire protection at rest, as a share of the rated power."""
    auxiliary_full_share: float = 0.025
    """The same at full power."""

    def charge_limit_kw(self, energy_kwh: float) -> float:
        """Most power it takes now, in kW at its terminals."""
        soc = energy_kwh / self.capacity_kwh
        if soc >= 1.0:
            return 0.0
        falling = 1.0 - 0.9 * (soc - self.charge_taper_from) / (1.0 - self.charge_taper_from)
        return self.power_kw * min(1.0, max(0.1, falling))

    def discharge_limit_kw(self, energy_kwh: float) -> float:
        """Most power it gives now, in kW at its terminals."""
        soc = energy_kwh / self.capacity_kwh
        rising = (soc - self.empty_at) / (self.discharge_taper_from - self.empty_at)
        return self.power_kw * min(1.0, max(0.0, rising))

    def allowed_kw(self, energy_kwh: float, wanted_kw: float, seconds: float) -> float:
        """The power nearest to what is wanted (discharge positive) that it can hold for a time."""
        if wanted_kw == 0:
            return 0.0
        if wanted_kw > 0:
            power = min(wanted_kw, self.discharge_limit_kw(energy_kwh))
            room = max(energy_kwh - self.empty_at * self.capacity_kwh, 0.0)
            if energy_kwh - self.after(energy_kwh, power, seconds) <= room:
                return power
            # The remainder goes out at the worst efficiency of any smaller power, so it cannot overshoot.
            worst = min(self._given(0.0), self._given(power))
            return room * worst * 3600 / seconds
        power = min(-wanted_kw, self.charge_limit_kw(energy_kwh))
        room = max(self.capacity_kwh - energy_kwh, 0.0)
        return -power if self.after(energy_kwh, -power, seconds) - energy_kwh <= room else -room * 3600 / seconds

    def after(self, energy_kwh: float, power_kw: float, seconds: float) -> float:
        """Energy content after a time at constant power: E' = E + eta_c · P_c · dt, or E - P_d · dt / eta_d."""
        hours = seconds / 3600
        if power_kw >= 0:
            return energy_kwh - (power_kw * hours / self._given(power_kw) if power_kw else 0.0)
        return energy_kwh - power_kw * hours * self._taken(-power_kw)

    def auxiliary_kw(self, power_kw: float) -> float:
        """Its own consumption at a power, drawn from the park."""
        share = abs(power_kw) / self.power_kw
        return self.power_kw * (
            self.auxiliary_idle_share + (self.auxiliary_full_share - self.auxiliary_idle_share) * share
        )

    def dc_power_kw(self, power_kw: float) -> float:
        """Power at the battery behind the converter, discharge positive."""
        if power_kw >= 0:
            return power_kw / self._given(power_kw)
        return power_kw * self._taken(-power_kw)

    def _given(self, power_kw: float) -> float:
        return self.discharge_efficiency(power_kw / self.power_kw)

    def _taken(self, power_kw: float) -> float:
        return self.charge_efficiency(power_kw / self.power_kw)


@dataclass(frozen=True, slots=True)
class Strategy:
    """What the storage is asked to do: fill with surplus and in the valley, give in the peak, cap the import."""

    peak_import_kw: float
    """Above this import it discharges, whatever the hour; charging never lifts the import above it."""
    valley: tuple[tuple[int, int], ...] = ((0, 480),)
    """Minutes of the local day with cheap energy: it charges."""
    peak: tuple[tuple[int, int], ...] = ((600, 720), (840, 1140))
    """Minutes of the local day with high prices: it discharges, never into the grid."""
    valley_share: float = 0.5
    """Share of its rating with which it charges in the valley."""
    least_share: float = 0.02
    """Below this share of its rating the converter loses too much: it rests."""

    def power_kw(self, battery: Battery, energy_kwh: float, residual_kw: float, minute: float, seconds: float) -> float:
        """Power of the storage for a time, discharge positive: what is wanted and allowed, or nothing worth it."""
        power = battery.allowed_kw(energy_kwh, self.wanted_kw(battery, residual_kw, minute), seconds)
        return power if abs(power) >= self.least_share * battery.power_kw else 0.0

    def wanted_kw(self, battery: Battery, residual_kw: float, minute: float) -> float:
        """Power wanted from the storage, discharge positive, for a residual load (load less generation)."""
        if residual_kw < 0:
            return residual_kw
        if residual_kw > self.peak_import_kw:
            return residual_kw - self.peak_import_kw
        if _within(self.peak, minute):
            return min(residual_kw, battery.power_kw)
        if _within(self.valley, minute):
            return -min(self.valley_share * battery.power_kw, self.peak_import_kw - residual_kw)
        return 0.0


def _within(spans: tuple[tuple[int, int], ...], minute: float) -> bool:
    return any(start <= minute < end for start, end in spans)
