"""Faults of real devices (domain: what field devices do wrong), injectable by instant and by device.

What a fault is called, what it does and which parameters it takes stands once, in `FAULTS`: scenarios, the control
port, the pytest fixtures and docs/scenarios.md all read it there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

FOREVER_MS = 2**62
"""The end of a fault that nobody mends."""
MOST_FAULTS = 1_000
"""A plan holds no more at a time: whoever injects without end must not fill the memory."""


class FaultKind(StrEnum):
    """What goes wrong; `FAULTS` says what each does."""

    SILENT = "silent"
    HANG = "hang"
    EXCEPTION = "exception"
    REFUSED = "refused"
    LATE = "late"
    WRONG_UNIT = "wrong_unit"
    STUCK = "stuck"
    ZERO = "zero"
    SPIKE = "spike"
    WORD_SWAP = "word_swap"
    WORD_GLITCH = "word_glitch"
    COUNTER_RESET = "counter_reset"
    COUNTER_WRAP = "counter_wrap"
    COUNTER_FALL = "counter_fall"
    LATE_CLOCK = "late_clock"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that shapes a fault, within its range."""

    name: str
    unit: str
    """Empty for a plain number."""
    low: float
    high: float
    default: float | None
    """None: drawn with the seed."""
    help: str
    whole: bool = False
    """Whether it is a whole number."""

    def problem(self, value: object) -> str | None:
        """A remedy, or None where the value is right."""
        kind = "a whole number" if self.whole else "a number"
        right = isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        if right and (not self.whole or value == int(value)):  # type: ignore[call-overload]  # a number by now
            return None
        return f"must be {kind} between {self.low:g} and {self.high:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class FaultRule:
    """What one kind of fault does."""

    help: str
    parameters: tuple[Parameter, ...] = ()
    remembers: bool = False
    """Whether it goes on from what the device measured when it began: then it happens once."""

    def parameter(self, name: str) -> Parameter:
        """One parameter by its name. Raises `KeyError`."""
        return {parameter.name: parameter for parameter in self.parameters}[name]


_SHARE = Parameter("share", "", 0.001, 1, 1, "part of the answers that it spoils, drawn with the seed")
_SOME = replace(_SHARE, default=0.1)
_CODE = Parameter("code", "", 1, 255, 4, "exception code of the Modbus protocol", whole=True)
_ADDRESS = Parameter("address", "", 0, 65_535, 0, "first refused address, as sent on the wire", whole=True)
_COUNT = Parameter("count", "registers", 1, 65_536, 1, "how many addresses are refused", whole=True)
_DELAY = Parameter("delay_s", "s", 0, 600, 1, "real time between the request and its answer")
_WORD = Parameter("word", "", 0, 65_535, 65_535, "what every register reads", whole=True)
_MASK = Parameter("mask", "", 1, 65_535, None, "bits of the word that are turned over; drawn unless given", whole=True)
_DISTANCE = Parameter("distance_kwh", "kWh", 0, 1e9, 1, "what may still be counted before the end (or kvarh)")
_FALL = Parameter("fall_kwh", "kWh", 0.001, 1e9, 0.1, "how far the counters fall (or kvarh); never below zero")
_BEHIND = Parameter("behind_s", "s", 0, 315_360_000, 3_600, "how far the device's clock is behind")

FAULTS: Mapping[FaultKind, FaultRule] = MappingProxyType(
    {
        FaultKind.SILENT: FaultRule("no answer at all", (_SHARE,)),
        FaultKind.HANG: FaultRule("half of the answer, then nothing on this connection", (_SHARE,)),
        FaultKind.EXCEPTION: FaultRule("a Modbus exception instead of the answer", (_CODE, _SHARE)),
        FaultKind.REFUSED: FaultRule(
            "exception 2 for every request that touches some addresses", (_ADDRESS, _COUNT, _SHARE)
        ),
        FaultKind.LATE: FaultRule("the answer comes late", (_DELAY, _SHARE)),
        FaultKind.WRONG_UNIT: FaultRule("the answer carries the next unit number", (_SHARE,)),
        FaultKind.STUCK: FaultRule("every measured value stays as it was when the fault began", remembers=True),
        FaultKind.ZERO: FaultRule("every measured value reads 0, counters too", (_SHARE,)),
        FaultKind.SPIKE: FaultRule("every register of the answer reads one word", (_WORD, _SHARE)),
        FaultKind.WORD_SWAP: FaultRule("numbers of several registers come with their words exchanged", (_SHARE,)),
        FaultKind.WORD_GLITCH: FaultRule(
            "one word of one number of 32 or 64 bits is wrong; number and word are drawn", (_MASK, _SOME)
        ),
        FaultKind.COUNTER_RESET: FaultRule(
            "counters start again from zero, as after a change of meter", remembers=True
        ),
        FaultKind.COUNTER_WRAP: FaultRule("counters pass the end of their register", (_DISTANCE,), remembers=True),
        FaultKind.COUNTER_FALL: FaultRule("counters fall a little and count on from there", (_FALL,)),
        FaultKind.LATE_CLOCK: FaultRule("the device's own clock is behind, where its driver names one", (_BEHIND,)),
    }
)
"""Every fault by its kind, in the order of the reference."""
REMEMBERING = frozenset(kind for kind, rule in FAULTS.items() if rule.remembers)
"""Faults that go on from what the device measured when they began: they happen once."""


def parameter_problems(kind: FaultKind, given: Mapping[str, object]) -> Iterator[tuple[str, object, str]]:
    """What is wrong with the parameters of a fault, as (name, value, remedy)."""
    known = {parameter.name: parameter for parameter in FAULTS[kind].parameters}
    there_are = f"it takes: {', '.join(known)}" if known else "it takes none"
    for name, value in given.items():
        remedy = known[name].problem(value) if name in known else f"is no parameter of {kind.value}; {there_are}"
        if remedy:
            yield name, value, remedy


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one device over a half-open span of simulated time."""

    device: str
    kind: FaultKind
    start_ms: int
    end_ms: int
    parameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    """By the names in `FAULTS`; what is missing has its default."""
    every_ms: int = 0
    """Comes back after this time, for habits like the nightly reconnect; 0 for once."""

    def holds(self, at_ms: int) -> bool:
        """Whether it is on at an instant."""
        if self.every_ms and at_ms >= self.start_ms:
            at_ms = self.start_ms + (at_ms - self.start_ms) % self.every_ms
        return self.start_ms <= at_ms < self.end_ms

    @property
    def share(self) -> float:
        """The part of the answers that it spoils; 1 for a fault of every answer."""
        spoils_some = any(parameter.name == "share" for parameter in FAULTS[self.kind].parameters)
        return self.value("share") if spoils_some else 1.0

    def value(self, name: str) -> float:
        """A parameter, given or by default. Raises `KeyError`."""
        found = self.parameters.get(name, FAULTS[self.kind].parameter(name).default)
        if found is None:
            raise KeyError(name)
        return found


class FaultPlan:
    """The faults of a plant: those of its scenario and those injected while it runs."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 1) -> None:
        self.seed = seed
        """What is drawn (which answers, which words) is the same for the same seed and the same requests."""
        self._faults: dict[int, Fault] = {}
        self._waiting: list[Fault] = []
        self._last = 0
        for fault in faults:
            self.inject(fault)

    def inject(self, fault: Fault) -> int:
        """Add a fault, which may already hold; its number. Raises `ValueError` where there are too many."""
        if len(self._faults) >= MOST_FAULTS:
            raise ValueError(f"there are {MOST_FAULTS} faults already: clear some first")
        self._last += 1
        self._faults[self._last] = fault
        if fault.kind in REMEMBERING:
            self._waiting.append(fault)
            self._waiting.sort(key=lambda waiting: waiting.start_ms)
        return self._last

    def begun(self, at_ms: int) -> Sequence[Fault]:
        """Faults that need a snapshot of their device and began up to an instant; each is given out once."""
        found: list[Fault] = []
        while self._waiting and self._waiting[0].start_ms <= at_ms:
            found.append(self._waiting.pop(0))
        return found

    def clear(self, device: str | None = None, kind: FaultKind | None = None, number: int | None = None) -> int:
        """End the faults of a device, of a kind, of a number, or all of them; how many there were."""
        ended = {
            one: fault
            for one, fault in self._faults.items()
            if device in {None, fault.device} and kind in {None, fault.kind} and number in {None, one}
        }
        self._faults = {one: fault for one, fault in self._faults.items() if one not in ended}
        left = set(self._faults.values())
        self._waiting = [fault for fault in self._waiting if fault in left]
        return len(ended)

    def forget(self, at_ms: int) -> None:
        """Drop what ended before an instant and does not come back."""
        self._faults = {one: fault for one, fault in self._faults.items() if fault.every_ms or fault.end_ms > at_ms}

    def listed(self) -> Mapping[int, Fault]:
        """Every fault by its number, those that wait for their time too."""
        return dict(self._faults)

    def active(self, device: str, at_ms: int) -> Sequence[Fault]:
        """What is wrong with a device at an instant."""
        if not self._faults:
            return ()
        return [fault for fault in self._faults.values() if fault.device == device and fault.holds(at_ms)]
