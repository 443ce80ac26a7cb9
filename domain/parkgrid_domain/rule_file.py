"""Reads the fields of a rule file and collects every mistake with file, key, value and remedy; nothing stops early."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from importlib import resources
from typing import Any, TypeVar

from parkgrid_contract import strict_toml
from parkgrid_contract.settings import Problem, SettingsError

T = TypeVar("T")

_MOST_PLACES = 8
"""Decimal places of a price: published Chinese prices have up to eight."""


def version_of(text: str) -> str:
    """The identity of a text: SHA-256, line ends as on Unix."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def read_rules(text: str, file: str, build: "Callable[[Fields, str], T]") -> T:
    """What `build` makes of the fields of a text, and the text. Raises `SettingsError` with every mistake."""
    problems: list[Problem] = []
    try:
        document = strict_toml.loads(text, Decimal)
    except strict_toml.TomlError as error:
        raise SettingsError([Problem(file, "file", MISSING, str(error))]) from error
    found = build(Fields(file, document, "", problems), text)
    if problems:
        raise SettingsError(problems)
    return found


def packaged(package: str, folder: str) -> dict[str, str]:
    """The rule files in `data/<folder>` of a package: name without `.toml` to text, in order of names."""
    place = resources.files(package) / "data" / folder
    files = sorted((file for file in place.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_text("utf-8") for file in files}


class Fields:
    """One table of the file; what is asked for is checked, what nobody asked for is reported by `close`."""

    def __init__(self, file: str, document: Mapping[str, Any], path: str, problems: list[Problem]) -> None:
        self._file = file
        self._document = document
        self._path = path
        self._problems = problems
        self._asked: set[str] = set()

    def wrong(self, key: str, value: object, remedy: str) -> None:
        """Note a mistake."""
        self._problems.append(Problem(self._file, f"{self._path}{key}", value, remedy))

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._document

    def close(self) -> None:
        """Report every key that nobody asked for."""
        for key in self._document.keys() - self._asked:
            self.wrong(key, self._document[key], f"unknown: the keys are {', '.join(sorted(self._asked))}")

    def _raw(self, key: str, remedy: str, *, optional: bool = False) -> Any:
        self._asked.add(key)
        if key not in self._document and not optional:
            self.wrong(key, MISSING, f"is missing: {remedy}")
        return self._document.get(key)

    def text(self, key: str, remedy: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._raw(key, remedy, optional=default is not None)
        if value is None:
            return default or ""
        if not isinstance(value, str) or not value.strip():
            self.wrong(key, value, f"must be a text: {remedy}")
            return ""
        return value.strip()

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of some words."""
        value = self.text(key, f"one of {', '.join(choices)}", default)
        if value and value not in choices:
            self.wrong(key, value, f"must be one of {', '.join(choices)}")
        return value if value in choices else choices[0]

    def choices(self, key: str, choices: Sequence[Any], default: Sequence[Any]) -> list[Any]:
        """A list of words or numbers, each one of the choices."""
        value = self._raw(key, "", optional=True)
        if value is None:
            return list(default)
        if not isinstance(value, list) or not value:
            self.wrong(key, value, "must be a list that is not empty")
            return list(default)
        for each in value:
            if each not in choices or isinstance(each, bool):
                self.wrong(key, each, f"must be one of {', '.join(map(str, choices))}")
        return [each for each in value if each in choices]

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._raw(key, "", optional=True)
        if value is not None and not isinstance(value, bool):
            self.wrong(key, value, "must be true or false")
        return value if isinstance(value, bool) else default

    def day(self, key: str, remedy: str, *, optional: bool = False) -> date | None:
        """A date."""
        value = self._raw(key, remedy, optional=optional)
        if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
            self.wrong(key, value, "must be a date without quotation marks, for example 2026-01-01")
            return None
        return value

    def number(
        self, key: str, remedy: str, *, low: int | None = 0, high: int | None = None, default: Decimal | None = None
    ) -> Decimal:
        """An exact decimal number within bounds."""
        value = self._raw(key, remedy, optional=default is not None)
        if value is None:
            return default if default is not None else Decimal(0)
        return self.exact(key, value, low=low, high=high)

    def optional_number(self, key: str, remedy: str) -> Decimal | None:
        """An exact decimal number, or None where the key is absent."""
        return self.number(key, remedy) if self._mark(key) else None

    def exact(self, key: str, value: object, *, low: int | None = 0, high: int | None = None) -> Decimal:
        """A value as the decimal number it was written as; 0 and a problem for anything else."""
        try:
            if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
                raise InvalidOperation
            number = Decimal(value)
        except InvalidOperation:
            self.wrong(key, value, "must be a decimal number, for example 0.453")
            return Decimal(0)
        places = number.as_tuple().exponent
        if not isinstance(places, int):
            self.wrong(key, str(value), "must be a finite number: it is multiplied by energies")
            return Decimal(0)
        if -places > _MOST_PLACES:
            self.wrong(key, str(value), f"has {-places} decimal places: give at most {_MOST_PLACES}, as published")
        if (low is not None and number < low) or (high is not None and number > high):
            self.wrong(key, str(value), f"must be {'' if low is None else f'at least {low}'}{_and_at_most(high)}")
        return number

    def numbers(self, key: str, lengths: Sequence[int]) -> tuple[Decimal, ...]:
        """A list of so many exact numbers; negative ones are allowed, since market prices can be."""
        value = self._raw(key, f"a list of {' or '.join(map(str, lengths))} prices")
        if not isinstance(value, list) or len(value) not in lengths:
            if value is not None:
                found = f"{len(value)} values" if isinstance(value, list) else value
                self.wrong(key, found, f"must be a list of {' or '.join(map(str, lengths))} prices")
            return (Decimal(0),) * lengths[0]
        return tuple(self.exact(f"{key}[{place}]", each, low=None) for place, each in enumerate(value))

    def table(self, key: str) -> "Fields | None":
        """A sub-table, or None."""
        value = self._raw(key, "", optional=True)
        if value is not None and not isinstance(value, dict):
            self.wrong(key, value, f"must be a table: write [{self._path}{key}]")
            return None
        return None if value is None else Fields(self._file, value, f"{self._path}{key}.", self._problems)

    def tables(self, key: str) -> "list[Fields]":
        """The tables of a list, none where the key is absent."""
        value = self._raw(key, "", optional=True)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.wrong(key, value, f"must be tables: write [[{self._path}{key}]]")
            return []
        return [
            Fields(self._file, each, f"{self._path}{key}[{place}].", self._problems) for place, each in enumerate(value)
        ]

    def all_keys(self) -> Iterable[str]:
        """The keys of the table, for a table whose keys are data."""
        self._asked.update(self._document)
        return self._document.keys()

    def _mark(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._document


def _and_at_most(high: int | None) -> str:
    return "" if high is None else f" and at most {high}"
