"""A true register and what the field makes of it, for tests that know the truth."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

KINDS = ("zero", "stuck", "spike", "word", "fall", "clock", "refusal", "noise", "duplicate")
"""What may happen to a register that comes back to its own count."""
START_MS = 1_700_000_100_000
RATED_KW = 100.0


@dataclass(slots=True)
class Field:
    """Readings as they are stored, and where they are false."""

    period_s: int
    step: int
    """In stored steps of 0.001 kWh."""
    true: dict[int, int] = field(default_factory=dict)
    """Instant in ms to steps."""
    told: dict[int, int] = field(default_factory=dict)
    touched: list[tuple[int, int]] = field(default_factory=list)
    """Spells [first, last] in ms in which readings are false or absent."""


def true_register(chance: Random, period_s: int, step: int, seconds: int, first_kwh: float) -> Field:
    """A load that wanders below its rating, now and then stands still, read at nearly regular instants."""
    made = Field(period_s, step)
    count, power, at_ms = first_kwh * 1000, chance.uniform(10, 90), START_MS - 7_200_000
    end_ms, idle_until = START_MS + seconds * 1000, 0
    while at_ms < end_ms:
        made.true[at_ms] = int(count // step) * step
        span_ms = max(500, round(period_s * 1000 + chance.uniform(-0.02, 0.02) * 1000 * period_s))
        if chance.random() < 0.0005 * period_s / 10:
            idle_until = at_ms + chance.randint(600, 7200) * 1000
        power = min(RATED_KW, max(0.0, power + chance.gauss(0, 3.0 * (period_s / 60) ** 0.5)))
        count += (0 if at_ms < idle_until else power) * span_ms / 3600
        at_ms += span_ms
    made.told = dict(made.true)
    return made


def corrupt(made: Field, chance: Random, kind: str, at_ms: int, span_ms: int) -> None:
    """Put one spell of corruption into what is told."""
    inside = [at for at in made.told if at_ms <= at < at_ms + span_ms]
    if not inside:
        return
    first, last = inside[0], inside[-1]
    if kind == "clock":
        _clock(made, chance, inside)
    elif kind == "refusal":
        for at in inside:
            del made.told[at]
        made.touched.append((first, last))
    elif kind != "duplicate":
        change = _changes(made, chance, first)[kind]
        for at in inside:
            made.told[at] = max(0, change(made.true.get(at, made.told[at])))
        made.touched.append((first, last))


def _changes(made: Field, chance: Random, first: int) -> dict[str, Callable[[int], int]]:
    step = made.step
    off = chance.choice([65_536, 655_360, 6_553_600, 16_777_216])
    above = chance.choice([1, 10, 1000, 100_000]) * max(step, 1000)
    below = chance.choice([step, 10 * step, 1000 * step])
    stuck = made.true.get(first, 0)
    return {
        "zero": lambda _: 0,
        "stuck": lambda _: stuck,
        "spike": lambda _: stuck + above,
        "word": lambda value: value + off,
        "fall": lambda value: value - below,
        "noise": lambda _: chance.randint(0, 2**31),
    }


def _clock(made: Field, chance: Random, inside: list[int]) -> None:
    """Stamped too early: readings disappear here and come among others there."""
    behind = chance.choice([3_600_000, 12_600_000, 28_800_000]) + 137
    told = {at - behind: made.told[at] for at in inside}
    for at in inside:
        del made.told[at]
    made.told |= told
    made.touched.append((inside[0], inside[-1]))
    made.touched.append((inside[0] - behind, inside[-1] - behind))
