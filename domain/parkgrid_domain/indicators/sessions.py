"""Charging sessions: what each visit of a vehicle took and gave back, and where that energy came from.

    pieces of the registers   ├──── outside ────┼──── session ────┼─ outside ─┼──── session ────┤
    intervals of the mix           │ pv, storage, grid │ pv, storage, grid │

A session's energy is the difference of the registers at its own ends, summed from pieces of stored intervals; the
display of the charger is kept beside it to compare. Every piece belongs to one session or to none, so sessions and
what is outside of them add up to the registers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.between import Pieces
from parkgrid_domain.energy.readings import IntervalQuality
from parkgrid_domain.indicators.visits import Visit

_WH_PER_KWH = 1000


class SessionQuality(StrEnum):
    """How far a session's energy can be believed."""

    GOOD = "good"
    ESTIMATED = "estimated"
    INCOMPLETE = "incomplete"
    """Energy of some of its time is not known and not contained."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Share of each origin in what fed the park, by interval; nan where it is not known."""

    start_ms: int
    period_ms: int
    shares: Mapping[str, NDArray[np.float64]]
    estimated: NDArray[np.bool_]
    """Intervals of which a source is an estimate."""

    @property
    def count(self) -> int:
        """How many intervals there are."""
        return min(len(share) for share in self.shares.values())

    @property
    def stop_ms(self) -> int:
        """The end of the last interval."""
        return self.start_ms + self.period_ms * self.count


@dataclass(frozen=True, slots=True)
class ChargingSession:
    """One session."""

    visit: Visit
    energy_kwh: float | None
    """None: nothing is known of it."""
    returned_kwh: float | None
    """None: nothing is known of it; 0 for a charger that cannot take energy back."""
    quality: SessionQuality
    origin_kwh: Mapping[str, float] | None
    """Delivered energy by origin: pv, storage, grid; None while it goes on, and where none of it is known."""
    unattributed_kwh: float | None
    """Delivered energy of intervals in which the sources are not known; None while it goes on."""
    origin_estimated: bool
    """Whether a source of its intervals is an estimate."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What registers delivered in a span, and whose it was, in kWh; registers = sessions + outside."""

    registers_kwh: float
    sessions_kwh: float
    """Of sessions, whenever they began, the part in the span."""
    outside_kwh: float
    """Of no session: nothing that the charger showed tells whose it was."""
    estimated: bool
    """Whether some of it is an estimate, or some of the span is missing."""

    def __add__(self, other: "Balance") -> "Balance":
        """Both together."""
        return Balance(
            self.registers_kwh + other.registers_kwh,
            self.sessions_kwh + other.sessions_kwh,
            self.outside_kwh + other.outside_kwh,
            self.estimated or other.estimated,
        )


NOTHING = Balance(0.0, 0.0, 0.0, estimated=False)


def charging_session(visit: Visit, delivered: Pieces | None, returned: Pieces | None, mix: Mix) -> ChargingSession:
    """A visit with its energy; pieces are None for a register that is absent or never answered.

    One that has no register of what it delivers is told by its display, as an estimate.
    """
    if delivered is None:
        energy_kwh, quality, origin, unknown_kwh, guessed = _by_display(visit, mix)
    else:
        mine = delivered.within(visit.from_ms, visit.to_ms)
        energy_kwh, quality = _energy(mine, visit)
        origin, unknown_kwh, guessed = _origins(mine, mix)
    back_kwh: float | None = 0.0
    back_quality = SessionQuality.GOOD
    if returned is not None:
        back_kwh, back_quality = _energy(returned.within(visit.from_ms, visit.to_ms), visit)
    attributed = energy_kwh is not None and not visit.goes_on
    known = attributed and (sum(origin.values()) > 0 or unknown_kwh == 0)
    return ChargingSession(
        visit,
        energy_kwh,
        back_kwh,
        _worse(quality, back_quality, SessionQuality.ESTIMATED if visit.unsure else SessionQuality.GOOD),
        origin if known else None,
        unknown_kwh if attributed else None,
        guessed,
    )


def balance(visits: Sequence[Visit], delivered: Pieces, span_ms: tuple[int, int]) -> Balance:
    """What a charger's register delivered in a span at whose ends it was cut, and whose it was."""
    mine = delivered.within(*span_ms)
    known = np.where(mine.quality == IntervalQuality.MISSING, 0, mine.energy_wh)
    total = int(known.sum())
    owned = int(known[_owned(mine, visits)].sum())
    return Balance(
        total / _WH_PER_KWH,
        owned / _WH_PER_KWH,
        (total - owned) / _WH_PER_KWH,
        estimated=bool((mine.quality != IntervalQuality.GOOD).any()),
    )


def _owned(pieces: Pieces, visits: Sequence[Visit]) -> NDArray[np.bool_]:
    if not visits:
        return np.zeros(len(pieces.start_ms), np.bool_)
    begins, ends = (np.array([getattr(each, name) for each in visits], np.int64) for name in ("from_ms", "to_ms"))
    place = np.searchsorted(begins, pieces.start_ms, side="right") - 1
    owned: NDArray[np.bool_] = (place >= 0) & (pieces.stop_ms <= ends[np.maximum(place, 0)])
    return owned


def _energy(mine: Pieces, visit: Visit) -> tuple[float | None, SessionQuality]:
    """The sum of the pieces of a visit; None where none of them is known."""
    known = mine.quality != IntervalQuality.MISSING
    known_ms = int((mine.stop_ms - mine.start_ms)[known].sum())
    energy_kwh = int(mine.energy_wh[known].sum()) / _WH_PER_KWH
    if known_ms < visit.to_ms - visit.from_ms:
        return energy_kwh if known_ms else None, SessionQuality.INCOMPLETE
    guessed = (mine.quality == IntervalQuality.ESTIMATED).any()
    return energy_kwh, SessionQuality.ESTIMATED if guessed else SessionQuality.GOOD


def _origins(pieces: Pieces, mix: Mix) -> tuple[dict[str, float], float, bool]:
    """Energy by origin, what is of none, and whether a source of it is an estimate."""
    there = pieces.quality != IntervalQuality.MISSING
    energy_kwh = pieces.energy_wh[there] / _WH_PER_KWH
    slots = (pieces.start_ms[there] - mix.start_ms) // mix.period_ms
    return _attributed(energy_kwh, slots, mix)


def _by_display(visit: Visit, mix: Mix) -> tuple[float | None, SessionQuality, dict[str, float], float, bool]:
    """As if the display had risen evenly from the first reading to the last."""
    if visit.displayed_kwh is None:
        return None, SessionQuality.INCOMPLETE, dict.fromkeys(mix.shares, 0.0), 0.0, False
    last_ms = max(visit.end_ms - 1, visit.start_ms)
    slots = np.arange((visit.start_ms - mix.start_ms) // mix.period_ms, (last_ms - mix.start_ms) // mix.period_ms + 1)
    starts = mix.start_ms + slots * mix.period_ms
    spans = np.minimum(starts + mix.period_ms, visit.end_ms) - np.maximum(starts, visit.start_ms)
    energy_kwh = visit.displayed_kwh * spans / max(int(spans.sum()), 1)
    return visit.displayed_kwh, SessionQuality.ESTIMATED, *_attributed(energy_kwh, slots, mix)


def _attributed(
    energy_kwh: NDArray[np.float64], slots: NDArray[np.int64], mix: Mix
) -> tuple[dict[str, float], float, bool]:
    covered = (slots >= 0) & (slots < mix.count)
    places = np.where(covered, slots, 0)
    if not mix.count:
        return dict.fromkeys(mix.shares, 0.0), float(energy_kwh.sum()), False
    shares = {name: np.where(covered, share[places], np.nan) for name, share in mix.shares.items()}
    unknown = np.any([np.isnan(share) for share in shares.values()], axis=0)
    origin = {name: float((energy_kwh * share)[~unknown].sum()) for name, share in shares.items()}
    counted = ~unknown & (energy_kwh > 0)
    guessed = bool(mix.estimated[places[counted]].any())
    return origin, float(energy_kwh[unknown].sum()), guessed


def _worse(*qualities: SessionQuality) -> SessionQuality:
    return max(qualities, key=list(SessionQuality).index)
