"""How a printed statement tells things: words, names, units, local time; and what the ledger holds about its award."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from parkgrid_accounting.report.form import Heading, Language
from parkgrid_domain.vpp.documents import AdjustedResource, FrozenResource, Statement
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_vpp.printed.words import WORDS
from parkgrid_vpp.rules import rules_of

_WH_PER_KWH = 1000
_DISPUTE = "dispute "


class Telling:
    """One statement in one language. Raises `PilotError` where the ledger lacks its rules."""

    def __init__(self, pilot: Pilot, book: EventBook, entry: Entry, told: Statement, language: Language) -> None:
        self.pilot, self.book, self.entry, self.told, self.language = pilot, book, entry, told, language
        self.rules = rules_of(pilot, book.event)
        self.mark = "" if told.status == "payable" else self.word("simulation")
        """Behind every amount that may not be paid."""
        self.revisions = book.statements[told.award]
        self._zone = ZoneInfo(book.event.zone)
        frozen, adjusted, award = book.frozen.get(told.award), book.adjusted.get(told.award), book.award(told.award)
        self.frozen: dict[str, FrozenResource] = {each.resource: each for each in frozen.resources} if frozen else {}
        self.adjusted: dict[str, AdjustedResource] = (
            {each.resource: each for each in adjusted.resources} if adjusted else {}
        )
        self.awarded_w = {each.resource: each.w for each in award.parts} if award else {}

    def word(self, key: str, **values: object) -> str:
        """A word or sentence of the language."""
        return WORDS[key][self.language].format(**values)

    def maybe(self, group: str, key: str) -> str:
        """A word of a group, or what the document says where there is none."""
        return self.word(f"{group}.{key}") if f"{group}.{key}" in WORDS else key

    def half(self, zh: str, en: str) -> str:
        """A name in the language."""
        return zh if self.language == "zh" else en

    def headings(self, *keys: str) -> tuple[Heading, ...]:
        """Headings of columns of text."""
        return tuple(Heading(self.word(key)) for key in keys)

    def in_kwh(self, *keys: str) -> tuple[Heading, ...]:
        """Headings of columns of energy, to the Wh."""
        return tuple(Heading(f"{self.word(key)} (kWh)", 3) for key in keys)

    def in_yuan(self, *keys: str, decimals: int | None = 2) -> tuple[Heading, ...]:
        """Headings of columns of money, with the mark behind every amount."""
        return tuple(Heading(f"{self.word(key)} ({self.word('yuan')})", decimals, self.mark) for key in keys)

    def marked(self, amount: str, unit: str) -> str:
        """An amount as text, with its unit and the mark."""
        return " ".join(filter(None, (amount, self.word(unit), self.mark)))

    def local(self, at: datetime) -> str:
        """An instant on the event's clock."""
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def span(self) -> str:
        """The event's time."""
        event = self.book.event
        return f"{self.local(event.from_)} – {self.local(event.to)} ({event.zone})"

    def cause(self, cause: str) -> str:
        """Why a revision was made."""
        if cause.startswith(_DISPUTE):
            return f"{self.word('cause.dispute')} {cause.removeprefix(_DISPUTE)}"
        return self.maybe("cause", cause)

    def resource(self, name: str) -> str:
        """A resource as it was registered when it was awarded, with its identifier."""
        found = self.book.resources.get(name) or self.pilot.resources[name]
        return f"{self.half(found.name_zh, found.name_en)} ({name})"

    def operator(self) -> str:
        """The operator's name."""
        found = self.pilot.operators[self.told.operator]
        return self.half(found.name_zh, found.name_en)


def kwh(energy_wh: int | None) -> Decimal | None:
    """Energy in kWh; nothing where it is not known."""
    return None if energy_wh is None else Decimal(energy_wh) / _WH_PER_KWH
