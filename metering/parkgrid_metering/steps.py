"""What one step of a round hands to the next: values that nobody changes.

notes ─▶ News, Reach ─▶ Round + spans ─▶ windows ─▶ Part ─▶ Judgement ─▶ Outcome ─▶ Result
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy import Readings, RegisterRule
from parkgrid_ingest.store import Throttle
from parkgrid_metering.beliefs import Judged
from parkgrid_metering.columns import Int64s
from parkgrid_metering.completeness import Apart
from parkgrid_metering.days import Days
from parkgrid_metering.findings import Found
from parkgrid_metering.neighbours import Inverters
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import Register
from parkgrid_metering.retry_queue import Failure, Waiting
from parkgrid_metering.revisions import Computed, Written
from parkgrid_metering.work import RegisterSpan, Touched, Window, due_ms


@dataclass(frozen=True, slots=True)
class News:
    """What was noted since the last round, and the registers that it may be about."""

    all: bool
    """Whether that is everything that was noted: a round takes up so many notes at most."""
    known: Sequence[Register]
    touched: Mapping[str, Touched]
    """By class."""
    again: Sequence[Waiting]
    """Registers that were set aside and are tried again."""

    def newest_ms(self) -> dict[int, int]:
        """Device to the start of its newest touched slot."""
        return {device: newest for each in self.touched.values() for device, newest in each.newest_ms.items()}

    def begin_ms(self) -> dict[int, int]:
        """Device to where its news begin."""
        return {device: int(ms[0]) for each in self.touched.values() for device, ms in each.slots_ms.items()}


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the data of the park reach."""

    newest_ms: int | None
    """Start of the newest slot that was ever noted; None: there was none."""
    with_news: bool
    """Whether its registers have news in this round."""

    @property
    def news_ms(self) -> int:
        """How far it reaches, for what goes on since there are news; 0 without."""
        return (self.newest_ms or 0) if self.with_news else 0

    def due_ms(self, register: Register) -> int:
        """Up to where a register that says nothing is given missing intervals."""
        return due_ms(register, self.newest_ms or 0)


@dataclass(frozen=True, slots=True)
class Round:
    """What holds for the whole of a round, which is about one park."""

    park: Park
    days: Days
    now_ms: int
    throttle: Throttle
    news: News
    reach: Reach
    devices_of: Mapping[str, int]
    """How many devices with registers each class has."""
    inverters: Inverters


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round takes up, and what waits for one of the next."""

    taken: Sequence[RegisterSpan]
    waiting: Sequence[RegisterSpan]


@dataclass(frozen=True, slots=True)
class Part:
    """Some windows of a group, with their readings and what is known of their registers."""

    windows: Sequence[Window]
    given: Readings
    rules: Sequence[RegisterRule]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What windows come to."""

    windows: Sequence[Window]
    ends_ms: Int64s
    """Up to where the intervals of each window are told."""
    computed: Computed
    judged: Sequence[Judged]
    found: Sequence[Found]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of windows in the store."""

    windows: Sequence[Window]
    ends_ms: Int64s
    computed: Computed
    written: Written

    def registers(self) -> list[Register]:
        """The register of each window."""
        return [each.span.register for each in self.windows]


@dataclass(frozen=True, slots=True)
class Result:
    """What a round, or a part of it, did."""

    outcomes: tuple[Outcome, ...] = ()
    failures: tuple[Failure, ...] = ()
    readings: int = 0
    """Readings that were looked at."""
    limited: tuple[Register, ...] = ()
    """Registers whose news reach further than one round goes."""
    apart: tuple[Apart, ...] = ()

    def __add__(self, other: "Result") -> "Result":
        """Both, one after the other."""
        return Result(
            self.outcomes + other.outcomes,
            self.failures + other.failures,
            self.readings + other.readings,
            self.limited + other.limited,
            self.apart + other.apart,
        )

    def metered_ms(self) -> dict[int, int]:
        """Register to where its intervals have their rows by now; of those that got on."""
        found: dict[int, int] = {}
        for each in self.outcomes:
            for window, end_ms in zip(each.windows, each.ends_ms.tolist(), strict=True):
                register = window.span.register
                if end_ms > max(window.begin_ms, found.get(register.register_id, register.metered_ms or 0)):
                    found[register.register_id] = end_ms
        return found

    def inserted(self) -> int:
        """Intervals that got their first row."""
        return sum(int(each.written.inserted.sum()) for each in self.outcomes)

    def changed(self) -> int:
        """Intervals whose former row was kept beside a new one."""
        return sum(int(each.written.changed.sum()) for each in self.outcomes)

    def rewritten(self) -> list[tuple[Computed, NDArray[np.bool_]]]:
        """Computed intervals, and which of them have a new row."""
        return [(each.computed, each.written.inserted | each.written.changed) for each in self.outcomes]
