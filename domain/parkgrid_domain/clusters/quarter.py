"""Quarters of a year as people write them: 2024-Q2, 2024Q2, 2024年第二季度, 2024年2季度."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

QUARTERS = 4
_MONTHS = 3
_FORMS = (
    re.compile(r"(\d{4})[-/ ]?Q([1-4])", re.IGNORECASE | re.ASCII),
    re.compile(r"(\d{4})年?第?([1-4一二三四])季度?", re.ASCII),
    re.compile(r"Q([1-4])[-/ ](\d{4})", re.IGNORECASE | re.ASCII),
)
_CHINESE = {"一": 1, "二": 2, "三": 3, "四": 4}
_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_COMPARED_YEARS = 2
"""Years before the first one that a quarter is compared with."""


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Three calendar months; ordered by time."""

    year: int
    number: int
    """1 to 4."""

    def __post_init__(self) -> None:
        """Refuse what no calendar has."""
        if not (_FIRST_YEAR - _COMPARED_YEARS <= self.year <= _LAST_YEAR and 1 <= self.number <= QUARTERS):
            raise ValueError(f"{self.year}-Q{self.number} is not a quarter of the years {_FIRST_YEAR} to {_LAST_YEAR}")

    def __str__(self) -> str:
        """The form that is stored: 2024-Q2."""
        return f"{self.year}-Q{self.number}"

    @property
    def chinese(self) -> str:
        """2024年第二季度."""
        return f"{self.year}年第{'一二三四'[self.number - 1]}季度"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number * _MONTHS - 2, 1)

    @property
    def end(self) -> date:
        """The day after its last one."""
        return date(self.year + self.number // QUARTERS, self.number % QUARTERS * _MONTHS + 1, 1)

    @property
    def months(self) -> tuple[date, ...]:
        """The first days of its months."""
        return tuple(date(self.year, self.number * _MONTHS - 2 + month, 1) for month in range(_MONTHS))

    @property
    def before(self) -> "Quarter":
        """The quarter before."""
        return Quarter(self.year - (self.number == 1), (self.number + 2) % QUARTERS + 1)

    @property
    def year_before(self) -> "Quarter":
        """The same quarter of the year before."""
        return Quarter(self.year - 1, self.number)

    @property
    def of_year(self) -> tuple["Quarter", ...]:
        """The quarters of its year up to and including itself."""
        return tuple(Quarter(self.year, number) for number in range(1, self.number + 1))


def quarter(text: str) -> Quarter:
    """Read a quarter; full-width characters are read as plain ones. `ValueError` for a text that names none."""
    plain = unicodedata.normalize("NFKC", text).strip().replace(" ", "")
    for form in _FORMS[:2]:
        if found := form.fullmatch(plain):
            return _stated(int(found[1]), _number(found[2]))
    if found := _FORMS[2].fullmatch(unicodedata.normalize("NFKC", text).strip()):
        return _stated(int(found[2]), int(found[1]))
    raise ValueError(f"{text!r} is not a quarter: write 2024-Q2 or 2024年第二季度")


def _stated(year: int, number: int) -> Quarter:
    if year < _FIRST_YEAR:
        raise ValueError(f"{year}-Q{number} is not a quarter of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return Quarter(year, number)


def _number(text: str) -> int:
    return _CHINESE.get(text) or int(text)
