"""Documents of the ledger as frozen dataclasses: read strictly, with every mistake at once, and told as JSON.

The annotation of a field says its form and its range, so a document has one description. What a number or text may be
is said by `Annotated`: see the names below.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from parkgrid_domain.vpp.ledger import Document, instant

T = TypeVar("T")
MOST_ITEMS = 5_000
"""Of any list in a document: resources of one event, quarter hours, days."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,20})?")
_CONTROL = re.compile(r"[\x00-\x1f]")
_HALF = re.compile(r"[\ud800-\udfff]")
_QUARTER_S = 900
_NO_INSTANT = "is not an instant, for example 2026-07-01T06:00:00Z"


class DocumentError(ValueError):
    """A document that is refused, with every mistake: where, the value and the remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Text:
    """A text of so many characters, of a form."""

    most: int = 500
    least: int = 0
    pattern: str = ""
    remedy: str = ""

    def wrong(self, found: str) -> str:
        """What is wrong with a text; empty if nothing is."""
        if not self.least <= len(found) <= self.most:
            return f"has {len(found)} characters: {self.least} to {self.most} are right"
        if _CONTROL.search(found):
            return "has control characters"
        if not found.isascii() and _HALF.search(found):
            return "has half a character: such a text has no UTF-8"
        return f"is not {self.remedy}" if self.pattern and not re.fullmatch(self.pattern, found) else ""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds, a multiple of `step`."""

    low: int
    high: int
    step: int = 1

    def wrong(self, found: int) -> str:
        """What is wrong with a number; empty if nothing is."""
        if not self.low <= found <= self.high:
            return f"lies outside {self.low} to {self.high}"
        return f"is not a multiple of {self.step}" if found % self.step else ""


@dataclass(frozen=True, slots=True)
class Exact:
    """A decimal number within bounds, with at most so many places."""

    low: Decimal
    high: Decimal
    places: int

    def wrong(self, found: Decimal) -> str:
        """What is wrong with a number; empty if nothing is."""
        if not self.low <= found <= self.high:
            return f"lies outside {self.low} to {self.high}"
        places = found.as_tuple().exponent
        many = isinstance(places, int) and -places > self.places
        return f"has more than {self.places} decimal places" if many else ""


@dataclass(frozen=True, slots=True)
class OnQuarter:
    """An instant on the quarter hour."""

    def wrong(self, found: datetime) -> str:
        """What is wrong with an instant; empty if nothing is."""
        return "is not on the quarter hour" if found.timestamp() % _QUARTER_S else ""


_MOST_W = 10**11
_MOST_WH = 10**12
Identifier: TypeAlias = Annotated[str, Text(64, 1, r"[a-z0-9][a-z0-9-]{0,63}", "small letters, digits and -")]
Named: TypeAlias = Annotated[str, Text(200, 1)]
Note: TypeAlias = Annotated[str, Text()]
Sha256: TypeAlias = Annotated[str, Text(64, 64, r"[0-9a-f]{64}", "64 hexadecimal digits")]
RegisterAddress: TypeAlias = Annotated[
    str, Text(300, 7, r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*){3}", "park/gateway/device/signal")
]
Watts: TypeAlias = Annotated[int, Whole(0, _MOST_W)]
SignedWatts: TypeAlias = Annotated[int, Whole(-_MOST_W, _MOST_W)]
"""Negative where a resource gives back, or draws less."""
OfferedWatts: TypeAlias = Annotated[int, Whole(100, _MOST_W, 100)]
"""What is bid and awarded, in steps of 0.1 kW, so that a quarter hour of it is whole Wh."""
WattHours: TypeAlias = Annotated[int, Whole(-_MOST_WH, _MOST_WH)]
Minutes: TypeAlias = Annotated[int, Whole(0, 10_080)]
Count: TypeAlias = Annotated[int, Whole(0, 10**9)]
Price: TypeAlias = Annotated[Decimal, Exact(Decimal(0), Decimal(1000), 8)]
"""Yuan/kWh."""
Money: TypeAlias = Annotated[Decimal, Exact(Decimal(-(10**12)), Decimal(10**12), 2)]
Amount: TypeAlias = Annotated[Decimal, Exact(Decimal(-(10**14)), Decimal(10**14), 20)]
"""An exact amount before it is rounded."""
Percent: TypeAlias = Annotated[Decimal, Exact(Decimal(-(10**6)), Decimal(10**6), 6)]
Share: TypeAlias = Annotated[Decimal, Exact(Decimal(0), Decimal(100), 6)]
Quarter: TypeAlias = Annotated[datetime, OnQuarter()]


def read(form: type[T], told: object, where: str = "") -> T:
    """The document of a form that JSON tells. Raises `DocumentError` with every mistake."""
    problems: list[str] = []
    found = _reader(cast("Any", form))(told, where, problems)
    if problems:
        raise DocumentError(problems)
    return cast("T", found)


def told(value: Any) -> Any:
    """A document as JSON."""
    return _teller(cast("Any", type(value)))(value)


def document(value: Any) -> Document:
    """A dataclass as the document of an entry."""
    return cast("Document", told(value))


@cache
def _teller(kind: type) -> Callable[[Any], Any]:
    """What tells a value of a type; made once for each, since a statement has a hundred thousand values."""
    if issubclass(kind, tuple | list):
        return lambda value: [told(each) for each in value]
    if issubclass(kind, Mapping):
        return lambda value: {key: told(each) for key, each in value.items()}
    if issubclass(kind, Decimal):
        return lambda value: f"{value:f}"
    if issubclass(kind, date):
        return instant if issubclass(kind, datetime) else date.isoformat
    if is_dataclass(kind):
        names = [(_key(each.name), each.name) for each in fields(kind)]
        return lambda value: {key: told(getattr(value, name)) for key, name in names}
    return lambda value: value


Where: TypeAlias = "str | tuple[Where, str | int]"
"""Where a value stands: in what, and under which key or at which place."""
_Reader: TypeAlias = Callable[[object, Where, list[str]], object]
"""What reads a value that stands somewhere, and adds what is wrong to the problems."""


def _text_of(where: Where) -> str:
    """For example `resources[3].quarters[0].at`; put together only where something is wrong."""
    if isinstance(where, str):
        return where
    outer, step = _text_of(where[0]), where[1]
    if isinstance(step, int):
        return f"{outer}[{step}]"
    return f"{outer}.{step}" if outer else step


@cache
def _reader(hint: Any) -> _Reader:
    """What reads a value of an annotation; made once for each."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        inner = _reader(next(each for each in get_args(hint) if each is not NoneType))
        return lambda told, where, problems: None if told is None else inner(told, where, problems)
    if origin in _BY_ORIGIN:
        return _BY_ORIGIN[origin](hint)
    return _dataclass(hint) if is_dataclass(hint) else _plain(hint)


def _dataclass(form: Any) -> _Reader:
    hints = get_type_hints(form, include_extras=True)
    readers = {_key(each.name): (each.name, _reader(hints[each.name])) for each in fields(form)}

    def read_object(told: object, where: Where, problems: list[str]) -> object:
        if not isinstance(told, dict):
            problems.append(f"{_text_of(where) or 'the document'}: {_shown(told)} is not an object")
            return None
        unknown = told.keys() - readers.keys()
        problems += [f"{_text_of((where, key))}: unknown; the keys are {', '.join(readers)}" for key in unknown]
        values = {}
        for key, (name, reader) in readers.items():
            if key in told:
                values[name] = reader(told[key], (where, key), problems)
            else:
                problems.append(f"{_text_of((where, key))}: is missing")
        return None if problems else form(**values)

    return read_object


def _choice(hint: Any) -> _Reader:
    words = get_args(hint)

    def read_word(told: object, where: Where, problems: list[str]) -> object:
        if told not in words or isinstance(told, bool):
            problems.append(f"{_text_of(where)}: {_shown(told)} is not one of {', '.join(map(str, words))}")
        return told

    return read_word


def _list(hint: Any) -> _Reader:
    inner = _reader(get_args(hint)[0])

    def read_list(told: object, where: Where, problems: list[str]) -> object:
        if not isinstance(told, list) or len(told) > MOST_ITEMS:
            problems.append(f"{_text_of(where)}: {_shown(told)} is not a list of at most {MOST_ITEMS} items")
            return ()
        return tuple([inner(each, (where, place), problems) for place, each in enumerate(told)])

    return read_list


def _mapping(hint: Any) -> _Reader:
    inner = _reader(get_args(hint)[1])

    def read_mapping(told: object, where: Where, problems: list[str]) -> object:
        if not isinstance(told, dict) or len(told) > MOST_ITEMS:
            problems.append(f"{_text_of(where)}: {_shown(told)} is not an object")
            return {}
        return {key: inner(each, (where, key), problems) for key, each in told.items()}

    return read_mapping


def _formed(hint: Any) -> _Reader:
    base, form = get_args(hint)[:2]
    plain = _plain(base)

    def read_formed(told: object, where: Where, problems: list[str]) -> object:
        before = len(problems)
        found = plain(told, where, problems)
        wrong = form.wrong(found) if len(problems) == before else ""
        if wrong:
            problems.append(f"{_text_of(where)}: {_shown(told)} {wrong}")
        return found

    return read_formed


def _plain(base: Any) -> _Reader:
    read_value = _READERS[base]

    def read_plain(told: object, where: Where, problems: list[str]) -> object:
        try:
            return read_value(told)
        except (ValueError, TypeError) as error:
            problems.append(f"{_text_of(where)}: {_shown(told)} {error}")
            return None

    return read_plain


def _key(name: str) -> str:
    """`from` is a word of Python, so the field is `from_`."""
    return name.removesuffix("_")


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError("is not a text")
    return told


def _whole(told: object) -> int:
    if not isinstance(told, int) or isinstance(told, bool):
        raise TypeError("is not a whole number")
    return told


def _flag(told: object) -> bool:
    if not isinstance(told, bool):
        raise TypeError("is not true or false")
    return told


def _exact(told: object) -> Decimal:
    if not isinstance(told, str) or not _DECIMAL.fullmatch(told):
        raise ValueError('is not a decimal number as a text, for example "3.5"')
    return Decimal(told)


def _instant(told: object) -> datetime:
    if not isinstance(told, str):
        raise TypeError(_NO_INSTANT)
    return _instant_of(told)


@lru_cache(maxsize=10_000)
def _instant_of(text: str) -> datetime:
    """Remembered: a thousand resources name the same quarter hours."""
    if _INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise ValueError(_NO_INSTANT)


def _day(told: object) -> date:
    if isinstance(told, str) and len(told) == len("2026-07-01"):
        try:
            return date.fromisoformat(told)
        except ValueError:
            pass
    raise ValueError("is not a day, for example 2026-07-01")


_BY_ORIGIN = {Annotated: _formed, Literal: _choice, tuple: _list, dict: _mapping}
_READERS = {str: _text, int: _whole, bool: _flag, Decimal: _exact, datetime: _instant, date: _day}


def _shown(told: object) -> str:
    try:
        text = repr(told)
    except RecursionError:
        text = f"{type(told).__name__} too deep to show"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004
