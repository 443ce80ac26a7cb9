"""Gauges and states on a grid, from the roll-ups of 1 and 15 minutes; nan where a device that should tell does not."""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_accounting.figures.grid import Grid
from parkgrid_accounting.figures.quantities import Gauge, MinuteGauge, States
from parkgrid_accounting.figures.site import WEATHER, Site, SiteDevice
from parkgrid_accounting.keys import keys
from parkgrid_accounting.statements import statement
from parkgrid_contract.signals import CATALOGUE, CHARGER_STATES, OPERATING_STATES
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_metering.columns import unpacked

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_MINUTE_S = 60
_DAY_S = 86_400
_ENOUGH = 0.9
"""Share of the expected minutes that an interval must know: the 90 % rule of completeness."""


def read_gauge(connection: Connection, site: Site, grid: Grid, gauge: Gauge) -> Floats | None:
    """The mean over the devices that tell it; several weather stations stand in for each other."""
    devices = site.devices_of(gauge.device_class, grid.start_ms, grid.stop_ms)
    table = _means(connection, devices, grid, gauge.device_class, gauge.signal, "_15m")
    if not table:
        return None
    known = np.isfinite(list(table.values()))
    counted = known.sum(axis=0)
    whole = counted > 0 if gauge.device_class == WEATHER else counted == len(devices)
    total = np.nansum(list(table.values()), axis=0)
    return np.where(whole, total / np.maximum(counted, 1), np.nan)


def read_minutes(connection: Connection, site: Site, grid: Grid, gauge: MinuteGauge) -> dict[str, Floats]:
    """Each device's gauge by the minute; nothing if there is no such device."""
    devices = site.devices_of(gauge.device_class, grid.start_ms, grid.stop_ms)
    if gauge.percent_of is not None:
        devices = [each for each in devices if each.ratings.get(gauge.percent_of, 0) > 0]
    table = _means(connection, devices, grid, gauge.device_class, gauge.signal, "_1m")
    nothing = np.full(grid.count, np.nan)
    found = {}
    for each in devices if table else ():
        values = table.get(each.device_id, nothing)
        values = np.maximum(values, 0.0) if gauge.positive else values
        found[each.name] = values if gauge.percent_of is None else 100 * values / each.ratings[gauge.percent_of]
    return found


def read_states(connection: Connection, site: Site, grid: Grid, states: States) -> tuple[Floats, Floats] | None:
    """Minutes with a known state and those in one of the states, over all devices that told any.

    Both are nan where too few minutes are known. A state that is read every quarter of an hour stands for all of it:
    what counts is how often a device was read then, not how often it is read at present.
    """
    minutes = grid.period_s / _MINUTE_S
    known, matching, expected = np.zeros(grid.count), np.zeros(grid.count), 0.0
    for device_class, wanted in states.states.items():
        devices = site.devices_of(device_class, grid.start_ms, grid.stop_ms)
        parameters = grid.parameters() | _keys(devices) | {"states": _codes(device_class, wanted)}
        query = _of("indicators/states", device_class, "_1m")
        for _, *packed in connection.execute(query, parameters, binary=True):
            slot, told, readings, counted = (unpacked([each]) for each in packed)
            stands_for = minutes / _told_minutes(grid, slot, told, readings)
            known[slot] += np.minimum(minutes, told * stands_for)
            matching[slot] += np.minimum(minutes, told * stands_for) * counted / told
            expected += minutes
    if not expected:
        return None
    enough = known >= _ENOUGH * expected
    return np.where(enough, known, np.nan), np.where(enough, matching, np.nan)


def _told_minutes(grid: Grid, slot: Ints, told: Ints, readings: Ints) -> Floats:
    """How many minutes of each slot a device would tell if none were missing.

    A device with several readings in its minutes tells every minute. One with a single reading in each tells as many as
    it usually did on that day: the median of its slots.
    """
    minutes = grid.period_s / _MINUTE_S
    found = np.full(len(slot), minutes)
    sparse = readings <= told
    days = slot * grid.period_s // _DAY_S
    for day in np.unique(days[sparse]):
        of_day = sparse & (days == day)
        found[of_day] = min(minutes, float(np.median(told[of_day])))
    return found


def read_stored(connection: Connection, site: Site, grid: Grid, *, at_end: bool) -> Floats | None:
    """Stored energy of all storage at the start or the end of each interval."""
    devices = site.devices_of("storage", grid.start_ms, grid.stop_ms)
    if not devices:
        return None
    reach = {"from": from_ms(grid.start_ms - grid.period_ms), "to": from_ms(grid.stop_ms + grid.period_ms)}
    total, counted = np.zeros(grid.count + 1), np.zeros(grid.count + 1)
    parameters = grid.parameters() | reach | _keys(devices)
    for _, edge, stored_kwh in connection.execute(statement("indicators/stored"), parameters):
        total[edge] += stored_kwh
        counted[edge] += 1
    edges = np.where(counted == len(devices), total, np.nan)
    return edges[1:] if at_end else edges[:-1]


def _means(
    connection: Connection, devices: list[SiteDevice], grid: Grid, device_class: str, signal: str, suffix: str
) -> dict[int, Floats]:
    found: dict[int, Floats] = {}
    parameters = grid.parameters() | _keys(devices)
    query = _of("indicators/gauge", device_class, suffix, signal)
    for device, slots, means in connection.execute(query, parameters, binary=True):
        found[device] = np.full(grid.count, np.nan)
        found[device][unpacked([slots])] = np.frombuffer(means, ">f8")
    return found


def _keys(devices: Iterable[SiteDevice]) -> dict[str, object]:
    return keys("devices", (each.key for each in devices))


def _codes(device_class: str, states: Iterable[str]) -> list[int]:
    names = CHARGER_STATES if device_class == "charger" else OPERATING_STATES
    return [names.index(state) for state in states]


@cache
def _of(name: str, device_class: str, suffix: str, signal: str | None = None) -> bytes:
    """A statement for one view of the catalogue's classes; `KeyError` for any other name."""
    found = CATALOGUE[device_class]
    parts = {"relation": sql.Identifier("public", found.name + suffix)}
    if signal is not None:
        parts["signal"] = sql.Identifier(found.by_name[signal].name)
    return sql.SQL(statement(name)).format(**parts).as_bytes()
