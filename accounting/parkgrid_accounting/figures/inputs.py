"""Reads what indicators are computed from: energies, gauges, states and ratings of a scope over a period.

    interval_energy ─┐                        ┌─ quantities on the grid of intervals
    *_15m, *_1m     ─┼─▶ read_inputs ─▶ Inputs ┼─ the same span by the minute
    devices.ratings ─┘                        └─ ratings, dated factors

The grid is the coarsest interval of the registers that are asked for; finer ones are summed up. A quantity of several
devices is present in an interval only when all of them are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from parkgrid_accounting.figures.estimates import Estimates, read_estimates
from parkgrid_accounting.figures.gauges import read_gauge, read_minutes, read_states, read_stored
from parkgrid_accounting.figures.grid import Grid
from parkgrid_accounting.figures.quantities import (
    QUANTITIES,
    Gauge,
    Metered,
    MinuteGauge,
    Origin,
    States,
    Stored,
    signals_of,
    unit_of,
)
from parkgrid_accounting.figures.ratings import ratings_of
from parkgrid_accounting.figures.site import Site, SiteRegister, site_of
from parkgrid_accounting.keys import keys
from parkgrid_accounting.scope import Scope
from parkgrid_accounting.statements import statement
from parkgrid_database.connection import Connection
from parkgrid_domain.factors import factors_for, region_of
from parkgrid_domain.indicators.definition import Factor, Inputs, Quantity
from parkgrid_domain.period import Period
from parkgrid_metering.columns import unpacked

_INTERVAL_S = 900
_MINUTE_S = 60
_WH_PER_KWH = 1000


@dataclass(frozen=True, slots=True)
class Series:
    """A factor that changes with time, for example the carbon intensity of each hour."""

    unit: str
    at_ms: NDArray[np.int64]
    """Starts of its steps, ascending."""
    values: NDArray[np.float64]
    step_s: int
    """Length of a step; a value holds for its step and no longer."""

    def on(self, grid: Grid) -> NDArray[np.float64]:
        """The value of the step that each interval starts in; nan where there is none."""
        place = np.searchsorted(self.at_ms, grid.at_ms, side="right") - 1
        held = self.at_ms[np.maximum(place, 0)]
        covered = (place >= 0) & (grid.at_ms < held + self.step_s * 1000)
        return np.where(covered, self.values[np.maximum(place, 0)], np.nan)


@dataclass(frozen=True, slots=True)
class Given:
    """What people state beside the measurements."""

    until_ms: int | None = None
    """A period that still runs ends here; without it, what has not come yet is missing."""
    as_of: date | None = None
    """The day of the report: factors published later do not exist for it; without it, the latest are used."""
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """Numbers of the operator: `output_10k_cny`, `green_electricity_kwh`; they go before the packaged ones."""
    series: Mapping[str, Series] = field(default_factory=dict)
    """Factors by the interval: `carbon_intensity_kg_per_kwh`."""


NOTHING_GIVEN = Given()


def read_inputs(
    connection: Connection, scope: Scope, period: Period, names: Iterable[str], given: Given = NOTHING_GIVEN
) -> Inputs:
    """The quantities of these names that the scope has, with its ratings and the factors that hold for the period.

    The days of the period are the park's own, whatever zone it was read in.

    Raises `UnknownParkError`.
    """
    return inputs_of(connection, site_of(connection, scope), period, names, given)


def inputs_of(
    connection: Connection, site: Site, period: Period, names: Iterable[str], given: Given = NOTHING_GIVEN
) -> Inputs:
    """As `read_inputs`, for a site that was read before."""
    period = replace(period, zone=site.zone)
    wanted = [name for name in dict.fromkeys(names) if name in QUANTITIES]
    grid = grid_of(site, period, wanted, given.until_ms)
    quantities, members = _metered(connection, site, grid, wanted)
    estimates = read_estimates(connection, site.devices, grid)
    quantities |= _others(connection, site, grid, wanted, estimates)
    for name, series in given.series.items():
        quantities[name] = Quantity(name, series.unit, series.on(grid), np.zeros(grid.count, np.bool_))
    return Inputs(
        start_ms=grid.start_ms,
        period_s=grid.period_s,
        count=grid.count,
        quantities=quantities,
        ratings=ratings_of(site, grid.start_ms, grid.stop_ms),
        factors=_factors(site, period, given),
        fine=_minutes(connection, site, grid, wanted, estimates),
        members=members,
        zone=site.zone,
        place=site.place,
    )


def grid_of(site: Site, period: Period, names: Iterable[str], until_ms: int | None) -> Grid:
    """The intervals of a period: as long as the longest of the registers behind these quantities."""
    registers = [each for found in sources_of(site, period, names).values() for each in found]
    period_s = max((each.period_s for each in registers), default=_INTERVAL_S)
    stop_ms = period.end_ms if until_ms is None else min(period.end_ms, until_ms)
    return Grid(period.start_ms, period_s, max(0, (stop_ms - period.start_ms) // (period_s * 1000)))


def sources_of(site: Site, period: Period, names: Iterable[str]) -> dict[str, list[SiteRegister]]:
    """The registers behind each quantity of these names that is metered: where a trace goes on."""
    found: dict[str, list[SiteRegister]] = {}
    for name in names:
        origin = QUANTITIES.get(name)
        if isinstance(origin, Metered):
            found[name] = site.registers_of(origin.device_class, origin.signals, period.start_ms, period.end_ms)
    return found


@dataclass(frozen=True, slots=True)
class _Energies:
    """What the registers of a scope metered: (registers, slots)."""

    place: Mapping[int, int]
    energy_kwh: NDArray[np.float64]
    missing: NDArray[np.bool_]
    """Whether some interval of the slot is not known although the register should be there."""
    expected: NDArray[np.bool_]
    estimated: NDArray[np.bool_]

    def total(self, registers: list[SiteRegister]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The sum of registers, nan unless every one is whole, and whether it contains an estimate."""
        rows = [self.place[each.register_id] for each in registers]
        whole = self.expected[rows].any(axis=0) & ~self.missing[rows].any(axis=0)
        estimated: NDArray[np.bool_] = np.logical_or.reduce(self.estimated[rows], axis=0)
        return np.where(whole, self.energy_kwh[rows].sum(axis=0), np.nan), estimated


def _metered(
    connection: Connection, site: Site, grid: Grid, names: Iterable[str]
) -> tuple[dict[str, Quantity], dict[str, tuple[Quantity, ...]]]:
    asked = {name: origin for name in names if isinstance(origin := QUANTITIES[name], Metered)}
    registers = {
        (origin.device_class, signal): site.registers_of(origin.device_class, (signal,), grid.start_ms, grid.stop_ms)
        for origin in asked.values()
        for signal in origin.signals
    }
    energies = _energies(connection, [each for found in registers.values() for each in found], grid)
    quantities, members = {}, {}
    for name, origin in asked.items():
        if found := registers[origin.device_class, origin.signal]:
            quantities[name] = _quantity(name, energies, found, registers.get((origin.device_class, origin.less or "")))
        if origin.by_device and found:
            members[name] = tuple(_quantity(each.device.name, energies, [each], None) for each in found)
    return quantities, members


def _quantity(
    name: str, energies: _Energies, registers: list[SiteRegister], less: list[SiteRegister] | None
) -> Quantity:
    values, estimated = energies.total(registers)
    if less:
        taken, guessed = energies.total(less)
        values, estimated = values - taken, estimated | guessed
    unit = unit_of(name) if name in QUANTITIES else "kWh"
    return Quantity(name, unit, values, estimated & np.isfinite(values))


def _energies(connection: Connection, registers: list[SiteRegister], grid: Grid) -> _Energies:
    place = {each.register_id: index for index, each in enumerate(registers)}
    shape = (len(registers), grid.count)
    energy, known, estimated = np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    parameters = grid.parameters() | keys("registers", (each.key for each in registers))
    for register, *packed in connection.execute(statement("indicators/energies"), parameters, binary=True):
        slot, energy_wh, count, guessed = (unpacked([each]) for each in packed)
        where = place[register], slot
        energy[where], known[where], estimated[where] = energy_wh / _WH_PER_KWH, count, guessed > 0
    begins = np.array([each.from_ms for each in registers])[:, None]
    ends = np.array([each.to_ms for each in registers])[:, None]
    expected = (grid.at_ms + grid.period_ms > begins) & (grid.at_ms < ends)
    parts = np.array([max(1, grid.period_s // each.period_s) for each in registers])[:, None]
    return _Energies(place, energy, expected & (known < parts), expected, estimated)


def _others(
    connection: Connection, site: Site, grid: Grid, names: Iterable[str], estimates: Estimates
) -> dict[str, Quantity]:
    found: dict[str, NDArray[np.float64] | None] = {}
    told: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]] | None] = {}
    for name in names:
        match QUANTITIES[name]:
            case Gauge() as origin:
                found[name] = read_gauge(connection, site, grid, origin)
            case States() as origin:
                if origin.name not in told:
                    told[origin.name] = read_states(connection, site, grid, origin)
                minutes = told[origin.name]
                found[name] = None if minutes is None else minutes[0 if origin.known else 1]
            case Stored(at_end=at_end):
                found[name] = read_stored(connection, site, grid, at_end=at_end)
            case Metered() | MinuteGauge():
                pass
    return {
        name: Quantity(name, unit_of(name), values, _estimated(site, grid, estimates, QUANTITIES[name], values))
        for name, values in found.items()
        if values is not None
    }


def _estimated(
    site: Site, grid: Grid, estimates: Estimates, origin: Origin, values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which of the values of gauges or states rest on an estimate."""
    marked = np.zeros(grid.count, np.bool_)
    for device_class, signals in signals_of(origin).items():
        devices = site.devices_of(device_class, grid.start_ms, grid.stop_ms)
        marked |= estimates.within([each.device_id for each in devices], signals, grid)
    return marked & np.isfinite(values)


def _minutes(
    connection: Connection, site: Site, grid: Grid, names: Iterable[str], estimates: Estimates
) -> Inputs | None:
    asked = {name: origin for name in names if isinstance(origin := QUANTITIES[name], MinuteGauge)}
    if not asked:
        return None
    fine = Grid(grid.start_ms, _MINUTE_S, grid.count * grid.period_s // _MINUTE_S)
    quantities, members = {}, {}
    for name, origin in asked.items():
        if devices := read_minutes(connection, site, fine, origin):
            # A sum, or for shares of a rating any one: presence asks for every device either way.
            total = np.sum(list(devices.values()), axis=0)
            estimated = _estimated(site, fine, estimates, origin, total)
            quantities[name] = Quantity(name, origin.unit, total, estimated)
            members[name] = tuple(Quantity(each, origin.unit, values, estimated) for each, values in devices.items())
    return Inputs(fine.start_ms, fine.period_s, fine.count, quantities, members=members, zone=site.zone)


def _factors(site: Site, period: Period, given: Given) -> dict[str, Factor]:
    region = region_of(site.district, site.zone.key)
    packaged = factors_for(period.end - timedelta(days=1), given.as_of or date.max, region)
    return packaged | dict(given.factors)
