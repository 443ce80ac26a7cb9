"""What is believed of one register at an instant: the state with which the next readings are judged.

The readings of a register are judged one after the other, in the order of their instants (`chains`). What that judging
has learned up to an instant is a `Belief`. It is kept in the store, so that a later round goes on from there and comes
to the same result as one round over everything.
"""

from dataclasses import dataclass, field

from domain.energy.readings import NONE

Differences = tuple[int, ...]
"""The three smallest differences between two believed readings, in steps, rising; fewer while there are fewer."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One believed reading of a chain that is in doubt."""

    at_ms: int
    steps: int
    since_ms: int
    """When the register first showed this value."""
    behind_ms: int
    """How much movement came after it, in ms (see `chains`)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A stretch of a chain whose rises are not yet known to be true: nothing is known of how fast this register counts."""

    anchor_ms: int
    """The last reading before it."""
    anchor_steps: int
    behind_ms: int
    """How much movement came since the anchor."""
    first_ms: int
    first_steps: int
    rises: tuple[tuple[int, int, int], ...]
    """Instant, time since the reading before it in ms, and rise in steps."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One of several chains of readings that may be the true one."""

    cost_ms: int
    """Above the cost of the best one."""
    marks: tuple[Mark, ...]
    """Its last believed readings, in order."""
    fork_ms: int
    """The last reading that it shares with the best one; `NONE`: with none."""
    smallest: Differences
    peak_kw: float
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class Unsure:
    """What is open at an instant: the chains in question, the best one first, and the last reading of all."""

    chains: tuple[Doubt, ...]
    at_ms: int
    """Of the last reading, believed or not."""
    steps: int
    moved_ms: int
    """When the readings around it last moved."""
    begun_ms: int
    """How much movement there was since the count began, in ms, as far as it matters."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of a register just before an instant."""

    at_ms: int
    """Of the last believed reading; `NONE`: there is none."""
    steps: int
    since_ms: int
    """When the register first showed this value."""
    smallest: Differences
    peak_kw: float
    """The highest power that the register itself has shown; a limit is learned from it where no rating is declared."""
    unsure: Unsure | None = None
    """None: nothing is open, and all usable readings of the last quarter of an hour are believed."""
    next_ms: int = field(default=NONE, compare=False)
    """The believed reading after it, as far as was known; `NONE`: none."""


NOTHING = Belief(NONE, NONE, NONE, (), 0.0)
"""Before the first reading."""
