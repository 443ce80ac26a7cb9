"""A charger that is read at any instants: its sessions and its balance by the domain alone."""

from collections.abc import Sequence

import numpy as np

from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_domain.energy import Grid, Readings, RegisterRule, interval_energy
from parkgrid_domain.energy.between import Pieces, StoredIntervals, cut, joined
from parkgrid_domain.indicators.sessions import Balance, ChargingSession, Mix, balance, charging_session
from parkgrid_domain.indicators.visits import Shown, Visit, visits_of

MINUTE = 60_000
QUARTER = 900_000
START = 1_795_449_600_000
FREE, OCCUPIED, CHARGING, DISCHARGING, FINISHING, FAULT = (
    CHARGER_STATES.index(state) for state in ("available", "occupied", "charging", "discharging", "finishing", "fault")
)
NAN = float("nan")
Row = Sequence[float]
"""Minute, state, count, delivered register, and if given returned register, display, power and SOC."""


def mix(*intervals: tuple[float, float, float] | None) -> Mix:
    """Quarters of an hour, each with shares of pv, storage and grid; `None`: not known."""
    rows = [(NAN, NAN, NAN) if each is None else each for each in intervals]
    pv, storage, grid = np.array(rows).T
    return Mix(START, QUARTER, {"pv": pv, "storage": storage, "grid": grid}, np.zeros(len(rows), np.bool_))


ALL_GRID = mix(*[(0.0, 0.0, 1.0)] * 8)


def shown(rows: Sequence[Row], *, read: bool = True) -> Shown:
    """Rows as readings, or as minutes."""
    at_ms, state, count, delivered, _, display, power, soc = columns(rows)
    return Shown(
        at_ms, np.full(len(rows), read), state.astype(np.int64), count.astype(np.int64), delivered, display, power, soc
    )


def columns(rows: Sequence[Row]) -> list[np.ndarray]:
    full = [(*row, *(0.0, NAN, NAN, NAN)[len(row) - 4 :]) for row in rows]
    minute, *others = (np.array(each, np.float64) for each in zip(*full, strict=True))
    return [np.rint(START + minute * MINUTE).astype(np.int64), *others]


def readings(at_ms: np.ndarray, kwh: np.ndarray) -> Readings:
    """A register, whose count stands for an hour before the first reading and after the last one."""
    steps = np.rint(kwh * 1000).astype(np.int64)
    beside = np.arange(1, 61) * MINUTE
    at = np.concatenate(((at_ms[0] - beside)[::-1], at_ms, at_ms[-1] + beside))
    values = np.concatenate((np.full(60, steps[0]), steps, np.full(60, steps[-1])))
    zero = np.zeros(len(at), np.int32)
    return Readings(zero, at, values, np.ones(len(at), np.int8), zero.astype(np.bool_))


def stored(told: Readings, rule: RegisterRule, period_ms: int = QUARTER) -> StoredIntervals:
    """All whole intervals between the first reading and the last."""
    first, last = -(-int(told.at_ms[0]) // period_ms), int(told.at_ms[-1]) // period_ms
    grid = Grid(first * period_ms, period_ms, last - first)
    table = interval_energy(told, [rule], grid)
    ends = (each[0] for each in (table.first_at_ms, table.first_steps, table.last_at_ms, table.last_steps))
    return StoredIntervals(grid.edges_ms[:-1], period_ms, table.energy_wh[0], table.quality[0], *ends)


def pieces(at_ms: np.ndarray, kwh: np.ndarray, told: Sequence[Visit], rule: RegisterRule) -> Pieces:
    """A register cut at the ends of visits, and where those told on their display turn."""
    given = readings(at_ms, kwh)
    turns = [(each.from_ms, each.from_kwh) for each in told if each.from_kwh is not None]
    listed = [(0, at, round(held * 1000), 1, False) for at, held in turns]
    known = joined(Readings(*(np.array(each) for each in zip(*listed, strict=True))), given) if turns else given
    cuts = np.array([at for each in told for at in (each.from_ms, each.to_ms)], np.int64)
    return cut(stored(given, rule), known, rule, cuts)


def sessions_of(rows: Sequence[Row], mixed: Mix = ALL_GRID, period_ms: int = MINUTE) -> list[ChargingSession]:
    """The sessions of one charger with registers of both directions."""
    return told(rows, mixed, period_ms)[0]


def told(
    rows: Sequence[Row], mixed: Mix = ALL_GRID, period_ms: int = MINUTE, limit_kw: float | None = None
) -> tuple[list[ChargingSession], Balance]:
    """The sessions, and the balance of everything."""
    found = visits_of(shown(rows), period_ms)
    at_ms, _, _, delivered, returned, *_ = columns(rows)
    rule = RegisterRule((), period_ms, limit_kw)
    given = None if np.isnan(delivered).all() else pieces(at_ms, delivered, found, rule)
    back = None if np.isnan(returned).all() else pieces(at_ms, returned, found, rule)
    whole = (0, 2**42) if given is not None else (0, 0)
    return (
        [charging_session(each, given, back, mixed) for each in found],
        balance(found, Pieces.none() if given is None else given, whole),
    )
