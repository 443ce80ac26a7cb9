"""Where the judging of registers begins, and goes on: windows of spans, each with the belief that it starts from.

late reading ──▶ from the last belief before it ──▶ until a day's belief comes out as it was held, else to the newest
overturned   ──▶ from the last belief before what is overturned ──▶ to the newest
nothing new  ──▶ on to the next reading; where that lies too far away, alone, and from there with nothing believed
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from parkgrid_domain.energy import NOTHING, Belief
from parkgrid_domain.energy.readings import NONE
from parkgrid_metering import beliefs
from parkgrid_metering.answering import begins_after, fallen_back, first_readings
from parkgrid_metering.beliefs import DAY_MS, Held
from parkgrid_metering.completeness import Apart
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import LAST_MS, Register
from parkgrid_metering.work import APART_MS, LONGEST_MS, SLOT_MS, RegisterSpan, Window

_AFTER_MS = 7_200_000
"""Readings so long after a day are read with it, so that what follows it is known."""
_LONGER = 4
"""A window that did not come out as it was is followed by one so many times as long."""


@dataclass(slots=True)
class Opener:
    """The windows of a round, register by register."""

    _park: Park
    _reached: int | None
    """How far the data of the park reach; None: nothing was ever noted."""
    _news: Mapping[int, int] = field(default_factory=dict)
    """Where the news of each device begin."""
    apart: list[Apart] = field(default_factory=list)
    """Where readings lie too far apart."""
    limited: list[Register] = field(default_factory=list)
    """Registers whose news reach further than one round goes."""
    sought: dict[int, int] = field(default_factory=dict)
    """Before which instant a register that was never metered has no usable reading."""
    _waiting: dict[int, list[RegisterSpan]] = field(default_factory=dict)
    _next: list[Window] = field(default_factory=list)
    _again: list[tuple[RegisterSpan, int]] = field(default_factory=list)
    _stuck: list[tuple[Window, int]] = field(default_factory=list)
    """Windows that came to no end, with the last reading known to each."""

    def begin(self, work: Iterable[RegisterSpan]) -> list[Window]:
        """The first window of each register: its spans come one after the other."""
        for span in work:
            self._waiting.setdefault(span.register.register_id, []).append(span)
        firsts = []
        for waiting in self._waiting.values():
            waiting.sort(key=lambda span: (span.low_ms, span.forward))
            firsts.append(waiting.pop(0))
        return self._opened([(span, span.low_ms) for span in firsts])

    def further(self) -> list[Window]:
        """What is to be computed after the windows so far."""
        stuck, self._stuck = self._stuck, []
        self._look_on(stuck)
        made, again = self._next, self._again
        self._next, self._again = [], []
        return [*self._with_held(made), *self._opened(again)]

    def overturned(self, window: Window, reopened_ms: int) -> bool:
        """Whether readings overturn what came before a window: it is computed again from there."""
        if reopened_ms == NONE or window.first:
            return False
        register = window.span.register
        low_ms = min(register.floor(reopened_ms), window.begin_ms - 1)
        self._again.append((replace(window.span, low_ms=low_ms), low_ms))
        return True

    def unchanged(self, window: Window) -> None:
        """A window came out as it was held: nothing after it changes."""
        self._take_next(window.span.register)

    def reached(self, window: Window, end_ms: int, belief: Belief, last_ms: int) -> None:
        """A window with a last reading is told up to an instant; go on where that is not the end."""
        span, register = window.span, window.span.register
        if register.method == "power" and not span.forward:
            self._take_next(register)
        elif window.head:
            if end_ms == register.until_ms:
                self.limited.append(register)
        elif window.alone or end_ms <= window.begin_ms:
            self._stuck.append((window, max(last_ms, end_ms)))
        elif span.forward and end_ms > (register.metered_ms or 0):
            self.limited.append(register)
        else:
            longer_ms = (window.end_ms - window.begin_ms) * _LONGER
            self._next.append(self._window(span, end_ms, belief, min(longer_ms, LONGEST_MS), first=False))

    def _look_on(self, stuck: Sequence[tuple[Window, int]]) -> None:
        """From windows that came to no end to the readings that follow them."""
        by_source: dict[tuple[str, str], dict[int, int]] = {}
        for window, _ in stuck:
            register = window.span.register
            source = by_source.setdefault((register.device_class, register.source), {})
            source[register.device_id] = min(window.end_ms, source.get(register.device_id, window.end_ms))
        following = {
            source: first_readings(self._park, source, after, self._end_ms) for source, after in by_source.items()
        }
        for window, last_ms in stuck:
            register = window.span.register
            next_ms = following[register.device_class, register.source].get(register.device_id)
            self._go_on(window, last_ms, next_ms)

    def _go_on(self, window: Window, last_ms: int, next_ms: int | None) -> None:
        span, register, begin_ms = window.span, window.span.register, window.begin_ms
        newest_ms = begin_ms if self._reached is None else self._reached
        if (newest_ms if next_ms is None else next_ms) - last_ms <= APART_MS:
            longer_ms = (newest_ms if next_ms is None else next_ms) - begin_ms + LONGEST_MS
            self._next.append(self._window(span, begin_ms, window.belief, longer_ms, first=window.first))
        elif not window.alone:
            self._next.append(replace(window, alone=True))
        elif next_ms is None or next_ms >= span.high_ms:
            self._take_next(register)
        else:
            low_ms = register.floor(next_ms)
            self.apart.append(Apart(register.register_id, register.floor(last_ms), low_ms))
            self._next.append(self._window(replace(span, low_ms=low_ms), low_ms, NOTHING, LONGEST_MS, first=True))

    def _take_next(self, register: Register) -> None:
        waiting = self._waiting.get(register.register_id)
        if waiting:
            span = waiting.pop(0)
            self._again.append((span, span.low_ms))

    def _opened(self, wanted: Sequence[tuple[RegisterSpan, int]]) -> list[Window]:
        """Windows from the last belief at or before each instant, or from the first reading of a register."""
        counted = [(span, low) for span, low in wanted if span.register.method == "register" and low >= 0]
        held = beliefs.before(
            self._park, [(span.register.register_id, span.register.floor(low)) for span, low in counted]
        )
        found: list[Window] = []
        begun: list[RegisterSpan] = [span for span, low in wanted if low < 0]
        for place, (span, _) in enumerate(counted):
            if place in held:
                found.append(self._from(span, held[place]))
            elif span.low_ms >= DAY_MS and span.register.metered_ms is not None and span.high_ms < LAST_MS:
                found.append(self._unheld(span))
            else:
                begun.append(span)
        for span, low in wanted:
            if span.register.method == "power" and low >= 0:
                found.append(self._of_power(span))
        found += self._from_first(begun)
        return self._with_held(found)

    def _from(self, span: RegisterSpan, held: Held) -> Window:
        return self._window(span, held.at_ms, held.belief, self._length(span, held.at_ms), first=False)

    def _unheld(self, span: RegisterSpan) -> Window:
        """A window before which nothing is held: the first day of a register, or a store that a former version wrote.

        A day of readings before it teaches what is believed.
        """
        begin_ms = span.low_ms if span.forward else span.register.floor(span.low_ms) - DAY_MS
        return self._window(span, begin_ms, NOTHING, self._length(span, begin_ms), first=True)

    def _length(self, span: RegisterSpan, begin_ms: int) -> int:
        """To the end of the day after the news, or as long as one computation may be."""
        if span.forward or span.high_ms - begin_ms > LONGEST_MS:
            return LONGEST_MS
        end_ms = (span.high_ms + 3_600_000) // DAY_MS * DAY_MS + DAY_MS
        return min(end_ms + _AFTER_MS - begin_ms, LONGEST_MS)

    def _window(self, span: RegisterSpan, begin_ms: int, belief: Belief, length_ms: int, *, first: bool) -> Window:
        newest_ms = (begin_ms if self._reached is None else self._reached) + SLOT_MS
        if span.register.until_ms is not None:
            newest_ms = min(newest_ms, span.register.until_ms + 2 * span.register.period_ms)
        end_ms = min(begin_ms + max(length_ms, DAY_MS), newest_ms)
        head = end_ms >= newest_ms
        return Window(span, begin_ms, max(end_ms, begin_ms + span.register.period_ms), head, belief, first, {})

    def _of_power(self, span: RegisterSpan) -> Window:
        """Power says nothing about more than the intervals beside it."""
        register = span.register
        if span.forward:
            return self._window(span, span.low_ms, NOTHING, LONGEST_MS, first=False)
        low_ms = register.floor(span.low_ms) - 2 * register.period_ms
        length_ms = min(span.high_ms, register.metered_ms or 0) - low_ms + 4 * register.period_ms
        return self._window(span, low_ms, NOTHING, min(length_ms, LONGEST_MS), first=False)

    def _from_first(self, begun: Sequence[RegisterSpan]) -> list[Window]:
        """Windows from the first reading of registers; those that never had one fall away."""
        by_source: dict[tuple[str, str], list[RegisterSpan]] = {}
        for span in begun:
            by_source.setdefault((span.register.device_class, span.register.source), []).append(span)
        found = []
        for source, members in by_source.items():
            after_ms: dict[int, int] = {}
            for register in (span.register for span in members):
                begin_ms = begins_after(register, self._news)
                after_ms[register.device_id] = min(begin_ms, after_ms.get(register.device_id, begin_ms))
            first_ms = first_readings(self._park, source, after_ms, self._end_ms)
            for span in members:
                at_ms = first_ms.get(span.register.device_id)
                if at_ms is not None:
                    found.append(self._first(span, at_ms))
            silent = {span.register.register_id: span for span in members if span.register.device_id not in first_ms}
            found += self._from_power(silent, after_ms)
        return found

    def _from_power(self, silent: Mapping[int, RegisterSpan], after_ms: Mapping[int, int]) -> list[Window]:
        """Windows of those whose power stands in; for the others is noted how far nothing was found."""
        asked = [(span.register, after_ms[span.register.device_id]) for span in silent.values()]
        told = fallen_back(self._park, asked, self._end_ms)
        for register, _ in asked:
            powered_ms = told.powered_ms.get(register.device_id, self._end_ms)
            self.sought[register.register_id] = powered_ms if register.falls_back else self._end_ms
        return [
            self._first(replace(silent[register.register_id], register=register), at_ms)
            for register, at_ms in told.fallen
        ]

    def _first(self, span: RegisterSpan, at_ms: int) -> Window:
        """The first window of a register, from its first reading on."""
        begin_ms = span.register.floor(at_ms)
        self.sought[span.register.register_id] = begin_ms
        return self._window(span, begin_ms, NOTHING, LONGEST_MS, first=True)

    @property
    def _end_ms(self) -> int:
        """After every reading whose news have come."""
        return (self._reached or 0) + SLOT_MS

    def _with_held(self, windows: list[Window]) -> list[Window]:
        """The same with what was believed after the news, where the news end."""
        ending = [each for each in windows if not each.span.forward and each.span.high_ms < each.end_ms]
        held = beliefs.between(
            self._park,
            [
                (each.span.register.register_id, max(each.span.high_ms, each.begin_ms), each.end_ms)
                for each in ending
                if each.span.register.method == "register"
            ],
        )
        return [
            replace(each, held=held.get(each.span.register.register_id, {})) if each in ending else each
            for each in windows
        ]
