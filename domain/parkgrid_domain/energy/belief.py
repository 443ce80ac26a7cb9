"""What is believed of one register at an instant: the state with which the next readings are judged.

The readings of a register are judged one after the other, in the order of their instants (`chains`). What that judging
has learned up to an instant is a `Belief`. It is kept in the store, so that a later round goes on from there and comes
to the same result as one round over everything.
"""

from dataclasses import dataclass, field

from parkgrid_domain.energy.readings import NONE

Differences = tuple[int, ...]
"""The three smallest grains of believed rises (`nodes.grain`), in steps, rising; fewer while there are fewer."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One believed reading of a chain that is in doubt."""

    at_ms: int
    steps: int
    since_ms: int
    """When the register first showed this value."""
    behind_ms: int
    """How much movement came after it, in ms (see `chains`)."""
    cost_ms: int
    """What it costs to believe it as the last one, above the cost of the best chain."""
    smallest: Differences
    peak_kw: float
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A stretch of a chain whose rises are not yet known to be true: nobody knows how fast this register counts."""

    anchor_ms: int
    """The last reading before it."""
    anchor_steps: int
    behind_ms: int
    """How much movement came since its first reading, with it."""
    first_ms: int
    first_steps: int
    paid_ms: int
    """What the break costs that began it."""
    rises: tuple[tuple[int, int, int, int], ...]
    """Instant, time since the reading before it in ms, rise and grain in steps."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One of several chains of readings that may be the true one."""

    marks: tuple[Mark, ...]
    """Its last believed readings, one a value, in order."""
    fork_ms: int
    """The last reading that it shares with the best one; `NONE`: with none."""
    led: bool
    """Whether it ever was the best one."""
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class Unsure:
    """What is open at an instant: the chains in question, the best one first, and the last reading of all."""

    chains: tuple[Doubt, ...]
    at_ms: int
    """Of the last reading, believed or not."""
    steps: int
    before_ms: int
    """Of the last but one."""
    moved_ms: int
    """When the readings around it last moved."""
    run_steps: int
    """The value with which the present run of readings began."""
    first_ms: int
    """The first reading of this count."""
    begun_ms: int
    """What it costs to believe none of the readings of this count, above the cost of the best chain."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of a register just before an instant."""

    at_ms: int
    """Of the last believed reading; `NONE`: there is none."""
    steps: int
    anchor_ms: int
    """The last believed reading that nothing can overturn any more; where nothing is open, all usable readings after it
    are believed too."""
    anchor_steps: int
    since_ms: int
    """When the register first showed the value of the anchor."""
    smallest: Differences
    peak_kw: float
    """The highest power that the register had shown by then; a limit is learned from it where none is declared."""
    seen_ms: int
    """How much movement the power was learned from, in ms, as far as it matters."""
    unsure: Unsure | None = None
    """What is open; None: nothing."""
    next_ms: int = field(default=NONE, compare=False)
    """The believed reading after it, as far as was known; `NONE`: none."""

    def followed(self, next_ms: int) -> "Belief":
        """The same with the reading after it: written out, since it is done for every register and edge."""
        anchor = (self.anchor_ms, self.anchor_steps, self.since_ms)
        return Belief(self.at_ms, self.steps, *anchor, self.smallest, self.peak_kw, self.seen_ms, self.unsure, next_ms)


NOTHING = Belief(NONE, NONE, NONE, NONE, NONE, (), 0.0, 0)
"""Before the first reading."""
