"""How a printed report of the pilot tells things: words, units, headings, local time, the mark of its money."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from parkgrid_accounting.report.form import Heading, Language
from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.vpp.documents import Dispute
from parkgrid_vpp.printed.words import WORDS

_KILO = 1000


class Wording:
    """Words and units of one language."""

    def __init__(self, language: Language, zone: ZoneInfo = SHANGHAI) -> None:
        self.language: Language = language
        self._zone = zone

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

    def counts(self, *keys: str) -> tuple[Heading, ...]:
        """Headings of columns of whole numbers."""
        return tuple(Heading(self.word(key), 0) for key in keys)

    def in_kw(self, *keys: str) -> tuple[Heading, ...]:
        """Headings of columns of power."""
        return tuple(Heading(f"{self.word(key)} (kW)", 1) for key in keys)

    def in_kwh(self, *keys: str) -> tuple[Heading, ...]:
        """Headings of columns of energy, to the Wh."""
        return tuple(Heading(f"{self.word(key)} (kWh)", 3) for key in keys)

    def of_money(self, mark: str, *keys: str, decimals: int | None = 2) -> tuple[Heading, ...]:
        """Headings of columns of money, with the mark behind every amount."""
        return tuple(Heading(f"{self.word(key)} ({self.word('yuan')})", decimals, mark) for key in keys)

    def local(self, at: datetime) -> str:
        """An instant on the clock of the pilot."""
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def step(self, dispute: Dispute, *, late: bool) -> str:
        """A step of a dispute, and whether it came after it was due."""
        step = self.word(f"step.{dispute.step}")
        return f"{step} ({self.word('step.late')})" if late else step

    def cause(self, cause: str) -> str:
        """Why a revision was made."""
        dispute = "dispute "
        if cause.startswith(dispute):
            return f"{self.word('cause.dispute')} {cause.removeprefix(dispute)}"
        return self.maybe("cause", cause)


def kilo(whole: int | None) -> Decimal | None:
    """W as kW, Wh as kWh; nothing where it is not known."""
    return None if whole is None else Decimal(whole) / _KILO
