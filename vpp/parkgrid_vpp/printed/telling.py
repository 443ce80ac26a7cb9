"""What a printed statement tells beside its document: what the ledger holds about its award, in words and names."""

from parkgrid_accounting.report.form import Heading, Language
from parkgrid_domain.vpp.documents import AdjustedResource, FrozenResource, Statement
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_vpp.printed.wording import Wording
from parkgrid_vpp.rules import rules_of


class Telling(Wording):
    """One statement in one language. Raises `PilotError` where the ledger lacks its rules."""

    def __init__(self, pilot: Pilot, book: EventBook, entry: Entry, told: Statement, language: Language) -> None:
        self.rules = rules_of(pilot, book.event)
        super().__init__(language, self.rules.zone)
        self.pilot, self.book, self.entry, self.told = pilot, book, entry, told
        self.mark = "" if told.status == "payable" else self.word("simulation")
        """Behind every amount that may not be paid."""
        self.revisions = book.statements[told.award]
        frozen, adjusted, award = book.frozen.get(told.award), book.adjusted.get(told.award), book.award(told.award)
        self.frozen: dict[str, FrozenResource] = {each.resource: each for each in frozen.resources} if frozen else {}
        self.adjusted: dict[str, AdjustedResource] = (
            {each.resource: each for each in adjusted.resources} if adjusted else {}
        )
        self.awarded_w = {each.resource: each.w for each in award.parts} if award else {}

    def in_yuan(self, *keys: str, decimals: int | None = 2) -> tuple[Heading, ...]:
        """Headings of columns of money, with the mark behind every amount."""
        return self.of_money(self.mark, *keys, decimals=decimals)

    def marked(self, amount: str, unit: str) -> str:
        """An amount as text, with its unit and the mark."""
        return " ".join(filter(None, (amount, self.word(unit), self.mark)))

    def span(self) -> str:
        """The event's time."""
        event = self.book.event
        return f"{self.local(event.from_)} – {self.local(event.to)} ({event.zone})"

    def resource(self, name: str) -> str:
        """A resource as it was registered when it was awarded, with its identifier."""
        found = self.book.resources.get(name) or self.pilot.resources[name]
        return f"{self.half(found.name_zh, found.name_en)} ({name})"

    def operator(self) -> str:
        """The operator's name."""
        found = self.pilot.operators[self.told.operator]
        return self.half(found.name_zh, found.name_en)
