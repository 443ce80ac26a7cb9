"""Loads that may run off their plan: an interruptible one loses what it does not draw, a shiftable one draws it later.

Whole watts and watt-milliseconds: what a shiftable load has drawn and what it still owes are together exactly its plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MINUTE_MS = 60_000


@dataclass(slots=True)
class FlexibleLoad:
    """One load, its bounds, and what it has used of them."""

    shiftable: bool
    least_w: int
    most_w: int
    day_ms: int
    """How long it may run off its plan in a local day."""
    used_ms: int = 0
    """How long it has today."""
    owed: int = 0
    """Watt-milliseconds that a shiftable load still has to draw; negative: what it has drawn in advance."""

    def begin_day(self) -> None:
        """Another local day: its time begins anew, what it owes stays."""
        self.used_ms = 0

    def power_w(self, plan_w: int, wanted_w: int | None, milliseconds: int) -> tuple[int, str]:
        """The power of a step, and what kept it from the wanted one: `time`, `demand` or nothing."""
        plan_w = min(max(plan_w, self.least_w), self.most_w)
        if wanted_w is None:
            return self._made_up(plan_w, milliseconds), ""
        if self.used_ms + milliseconds > self.day_ms:
            return self._made_up(plan_w, milliseconds), "time"
        wanted_w = min(max(wanted_w, self.least_w), self.most_w)
        power_w = wanted_w if self.shiftable else min(wanted_w, plan_w)
        if power_w != plan_w:
            self.used_ms += milliseconds
        if self.shiftable:
            self.owed += (plan_w - power_w) * milliseconds
        return power_w, "demand" if power_w < wanted_w else ""

    @property
    def state(self) -> Mapping[str, int]:
        """What it carries on, as plain numbers."""
        return {"used_ms": self.used_ms, "owed": self.owed}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go on from a state; an empty one is that of a load which was not flexible before."""
        self.used_ms, self.owed = int(state.get("used_ms", 0)), int(state.get("owed", 0))

    def _made_up(self, plan_w: int, milliseconds: int) -> int:
        """The plan, and as much of what is owed as the bounds leave room for."""
        # Towards zero, so that a rest below one watt over a step is not drawn to and fro.
        rest_w = abs(self.owed) // milliseconds
        power_w = min(max(plan_w + (rest_w if self.owed > 0 else -rest_w), self.least_w), self.most_w)
        self.owed -= (power_w - plan_w) * milliseconds
        return power_w
