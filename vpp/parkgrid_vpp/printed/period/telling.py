"""Which events and statements a period has, with its words.

An event belongs to the period in which it begins, by the clock of Shenzhen, however long it lasts. A statement counts
once, in its newest revision, whenever that was written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

from parkgrid_accounting.report.form import Language
from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.period import Period, period
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.progress import Standing, standing
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.forecast import ParkScore
from parkgrid_vpp.printed.wording import Wording

Status: TypeAlias = Literal["payable", "simulation"]
_STATUSES: tuple[Status, ...] = ("payable", "simulation")


def report_period(text: str) -> Period:
    """A quarter (2026-Q4) or a year (2026). Raises `PilotError` for anything else."""
    try:
        found = period(text)
    except ValueError:
        found = None
    if found is None or not ("-Q" in text or text.isdigit()):
        raise PilotError(f"{text!r} is not a quarter or a year: write 2026-Q4 or 2026")
    return found


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report needs beside the ledger."""

    now: datetime
    parks: Mapping[str, tuple[str, str]]
    """Names of parks, Chinese and English."""
    forecasts: Sequence[ParkScore]
    """Of the end of the period; none where none is stored any more."""


class PeriodTelling(Wording):
    """The pilot in one period and one language."""

    def __init__(self, pilot: Pilot, of: Period, facts: Facts, language: Language) -> None:
        super().__init__(language, of.zone)
        self.pilot, self.period, self.facts = pilot, of, facts
        self.books: list[EventBook] = sorted(
            (book for book in pilot.events.values() if of.first <= _day(book.event.from_) < of.end),
            key=lambda book: (book.event.from_, book.published.number),
        )
        self.standing: list[Standing] = standing(self.books)

    @property
    def quarter(self) -> bool:
        """A quarter, else a year."""
        return "-Q" in self.period.text

    @property
    def running(self) -> bool:
        """Whether the period is not over."""
        return self.facts.now < self.period.interval.end

    @property
    def last_day(self) -> date:
        """The last day of the period, or today while it runs."""
        return min(_day(self.facts.now), self.period.end - timedelta(days=1))

    @property
    def simulated(self) -> bool:
        """Whether some of the money may not be paid."""
        return any(told.status == "simulation" for _, _, told in self.standing)

    def by_status(self) -> list[tuple[str, list[Standing]]]:
        """The statements that can be paid and the simulations apart, with the mark of their amounts."""
        found = [(status, [each for each in self.standing if each[2].status == status]) for status in _STATUSES]
        return [("" if status == "payable" else self.word("simulation"), each) for status, each in found if each]

    def titled(self, title: str, mark: str, found: Sequence[Standing]) -> str:
        """The title of a table of money that can be paid, or of a simulation."""
        return f"{self.word(title)}: {mark or self.word('payable')}" if found else self.word(title)

    def event(self, book: EventBook) -> str:
        """An event with its identifier."""
        return f"{self.half(book.event.name_zh, book.event.name_en)} ({book.event_id})"

    def span(self, book: EventBook) -> str:
        """When an event is."""
        return f"{self.local(book.event.from_)} – {self.local(book.event.to)}"

    def operator(self, name: str) -> str:
        """An operator with its identifier."""
        found = self.pilot.operators[name]
        return f"{self.half(found.name_zh, found.name_en)} ({name})"

    def resource(self, book: EventBook, name: str) -> str:
        """A resource as it was registered when it was awarded, with its identifier."""
        found = book.resources.get(name) or self.pilot.resources[name]
        return f"{self.half(found.name_zh, found.name_en)} ({name})"


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
