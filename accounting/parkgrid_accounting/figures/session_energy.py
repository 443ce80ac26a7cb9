"""The energy of a charger's register, cut at the ends of sessions: stored intervals, and what came after them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from parkgrid_accounting.figures.session_rows import DELIVERED, POWER, RETURNED, ChargerRegister, ChargerRows
from parkgrid_domain.energy import Readings
from parkgrid_domain.energy.between import Instants, Pieces, StoredIntervals, cut, energy_along, energy_between, joined
from parkgrid_domain.indicators.visits import Visit
from parkgrid_metering.columns import Int64s

_W_MS_PER_WH = 3_600_000
_NONE = -1


def pieces_of(
    register: ChargerRegister,
    stored: StoredIntervals,
    rows: ChargerRows,
    tail: ChargerRows,
    told: Sequence[Visit],
    span_ms: tuple[int, int],
) -> Pieces:
    """The pieces of a register, cut at the ends of visits and of a span.

    `rows` are the readings around these, `tail` those after the last stored interval.
    """
    cuts_ms = np.array([*span_ms, *(at_ms for visit in told for at_ms in (visit.from_ms, visit.to_ms))], np.int64)
    if register.method != "register":
        counted = _counted(register, rows)
        known = cut(_bounded(stored, counted), counted, register.rule, cuts_ms)
    else:
        known = cut(stored, _read(register, rows, told), register.rule, cuts_ms)
    stop_ms = int(stored.at_ms[-1]) + stored.period_ms
    return Pieces.joined([known, _open(register, tail, stop_ms, cuts_ms)])


def _read(register: ChargerRegister, rows: ChargerRows, told: Sequence[Visit]) -> Readings:
    """The readings of a counter, with its values between two readings that displays of vehicles tell."""
    readings = rows.readings(register.signal)
    turns = [(each.from_ms, each.from_kwh) for each in told if each.from_kwh is not None]
    if not turns or register.signal != DELIVERED:
        return readings
    at_ms, kwh = (np.array(each) for each in zip(*turns, strict=True))
    zero = np.zeros(len(turns), np.int32)
    between = Readings(
        zero, at_ms, np.rint(kwh * 1000).astype(np.int64), zero.astype(np.int8) + 1, zero.astype(np.bool_)
    )
    # A reading at the same instant stays.
    return joined(between, readings)


def _open(register: ChargerRegister, tail: ChargerRows, start_ms: int, cuts_ms: Int64s) -> Pieces:
    """What was counted after the last stored interval, cut at its own intervals too."""
    by_power = register.method != "register"
    readings = _counted(register, tail) if by_power else tail.readings(register.signal)
    if not len(readings) or readings.at_ms[-1] <= start_ms or readings.at_ms[0] > start_ms:
        return Pieces.none()
    last_ms = int(readings.at_ms[-1])
    borders = np.arange(start_ms, last_ms, register.period_ms, dtype=np.int64)
    inside = cuts_ms[(cuts_ms > start_ms) & (cuts_ms < last_ms)]
    edges = np.unique(np.concatenate((borders, inside, [last_ms])))
    count = energy_along if by_power else energy_between
    energy, quality = count(readings, [register.rule], Instants(edges, register.period_ms))
    return Pieces(edges[:-1], edges[1:], energy[0], quality[0])


def _counted(register: ChargerRegister, rows: ChargerRows) -> Readings:
    """A count in Wh made of samples of power in one direction, for a charger that has none."""
    samples = rows.readings(POWER)
    if not len(samples):
        return samples
    power_w = np.maximum(samples.steps * (-1 if register.signal == RETURNED else 1), 0)
    spans_ms = np.diff(samples.at_ms, prepend=samples.at_ms[:1])
    before_w = np.concatenate((power_w[:1], power_w[:-1]))
    energy = np.cumsum((power_w + before_w) * spans_ms / (2 * _W_MS_PER_WH))
    return replace(samples, steps=np.rint(energy).astype(np.int64))


def _bounded(stored: StoredIntervals, counted: Readings) -> StoredIntervals:
    """The same intervals bounded by readings of such a count."""
    if not len(counted):
        return stored
    stops = stored.at_ms + stored.period_ms
    first = np.searchsorted(counted.at_ms, stored.at_ms, side="right") - 1
    last = np.searchsorted(counted.at_ms, stops, side="left")
    there = (first >= 0) & (last < len(counted))
    first, last = np.maximum(first, 0), np.minimum(last, len(counted) - 1)
    return replace(
        stored,
        first_at_ms=np.where(there, counted.at_ms[first], _NONE),
        first_steps=np.where(there, counted.steps[first], _NONE),
        last_at_ms=np.where(there, counted.at_ms[last], _NONE),
        last_steps=np.where(there, counted.steps[last], _NONE),
    )
