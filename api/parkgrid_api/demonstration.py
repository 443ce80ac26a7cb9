"""What `parkgrid up` tells while its parks are not live yet: that it writes their history and how far it is. Pure.

It tells on a channel of the database, once a second, and this is kept nowhere. Only an api that `up` has started
listens: nobody can have troubles hidden elsewhere.
"""

import json
from dataclasses import dataclass
from typing import get_args

from parkgrid_api.answers.present import DemonstrationShape, Phase

CHANNEL = "parkgrid_demonstration"
PHASES: tuple[Phase, ...] = get_args(Phase)
"""A history is being written; gateways are being started."""
SILENT_S = 10.0
"""So long after the last word nothing is on its way any more."""
_MOST_PARKS = 1_000


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What is on its way."""

    phase: Phase
    share: float | None
    """How much of the history is written, 0 to 1; None where nothing can be told."""
    parks: tuple[str, ...]

    def document(self) -> DemonstrationShape:
        """The answer's form."""
        return {"phase": self.phase, "share": self.share, "parks": list(self.parks)}


class Told:
    """The last word of `up`; every instant is given."""

    def __init__(self) -> None:
        self._last: Demonstration | None = None
        self._heard_ms = 0

    def take(self, payload: str, now_ms: int) -> None:
        """Read what came; a word that is none ends it."""
        self._last, self._heard_ms = _read(payload), now_ms

    def at(self, now_ms: int) -> Demonstration | None:
        """What is on its way now."""
        return self._last if now_ms - self._heard_ms <= SILENT_S * 1000 else None


def _read(payload: str) -> Demonstration | None:
    try:
        told = json.loads(payload)
        phase, share, parks = told["phase"], told["share"], told["parks"]
    except (ValueError, TypeError, KeyError):
        return None
    if phase not in PHASES or not isinstance(parks, list):
        return None
    part = min(1.0, max(0.0, share)) if isinstance(share, int | float) else None
    return Demonstration(phase, part, tuple(park for park in parks[:_MOST_PARKS] if isinstance(park, str)))
