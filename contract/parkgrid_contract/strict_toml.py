"""TOML that cannot bloat or stop its reader: size, depth, names and numbers are bounded before anything is built.

Every TOML that parkgrid reads comes through here: settings, mappings, scenarios, tariff plans, and what is packaged.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from parkgrid_contract.refusal import shorten

MAX_BYTES = 1_048_576
MAX_DEPTH = 16
"""Tables and lists inside each other."""
MAX_WORD = 128
"""Characters of a name without quotes, or of a number."""
MAX_VALUES = 200_000
_LARGEST_INTEGER = 2**63 - 1
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?!"")(?:[^"\\\n]|\\.)*"'
    r"|'(?!'')[^'\n]*'"
    r"|\#[^\n]*"
    r"|(?P<word>[^\s\[\]{}\"'#.,=]+)"
    r"|(?P<mark>[\[\]{}.,=\n])"
    r"|(?P<open>[\"'])"
    r"|.",
    re.DOTALL,
)


class TomlError(ValueError):
    """The text is no TOML, or is beyond the bounds; the message names place, value, limit and remedy."""


def loads(text: str, number: Callable[[str], Any] = float) -> dict[str, Any]:
    """The document in a text; `number` reads the numbers with a point, for example `Decimal`. Raises `TomlError`."""
    if (size := len(text.encode("utf-8", "replace"))) > MAX_BYTES:
        raise TomlError(f"it has {size} bytes, at most {MAX_BYTES}: write only what is needed")
    _check_tokens(text)
    try:
        document = tomllib.loads(text, parse_float=lambda written: _fraction(written, number))
    except TomlError:
        raise
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise TomlError(f"is not valid TOML: {shorten(str(error))}") from error
    _check_values(document)
    return document


def _check_tokens(text: str) -> None:
    """Depth of brackets, parts of a name, and length of a word, by one pass that builds nothing.

    It reads strings and comments as TOML does, up to the first mistake; there the parser stops, too.
    """
    depth = parts = 0
    for match in _TOKEN.finditer(text):
        if match["open"]:
            return
        if (word := match["word"]) and len(word) > MAX_WORD:
            raise TomlError(
                f"line {_line(text, match)}: {shorten(word, 40)!r} has {len(word)} characters, at most {MAX_WORD} "
                "for a name or a number: write it shorter, or a text in quotes"
            )
        mark = match["mark"]
        if mark and mark in "\n,=":
            # A name or a number ends there; a list goes on.
            parts = 0
        elif mark == ".":
            parts += 1
        elif mark:
            parts = 0
            depth += 1 if mark in "[{" else -1
        if depth > MAX_DEPTH or parts >= MAX_DEPTH:
            raise TomlError(
                f"line {_line(text, match)}: tables and lists are nested more than {MAX_DEPTH} deep: flatten them"
            )


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _fraction(written: str, number: Callable[[str], Any]) -> Any:
    found = Decimal(written.replace("_", ""))
    if not found.is_finite():
        # `inf` and `nan` are words of TOML: who reads the key says that it wants a number.
        return number(written)
    if not math.isfinite(float(found)) or found.adjusted() < -300:  # noqa: PLR2004  as float
        raise TomlError(f"the number {shorten(written, 40)} is not between -1e308 and 1e308: write a finite number")
    return number(written)


def _check_values(document: dict[str, Any]) -> None:
    for count, (path, value, depth) in enumerate(_values(document)):
        if count >= MAX_VALUES:
            raise TomlError(f"it has more than {MAX_VALUES} values: write only what is needed")
        if depth > MAX_DEPTH:
            raise TomlError(
                f"{shorten(path, 80)}: tables and lists are nested more than {MAX_DEPTH} deep: flatten them"
            )
        if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            raise TomlError(
                f"{path} = {shorten(f'{value:x}', 40)} (hexadecimal): a whole number has at most 64 bits, "
                f"so {_LARGEST_INTEGER} at most"
            )


def _values(document: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Every value with its key and depth, without recursion."""
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        yield path, value, depth
        if isinstance(value, dict):
            waiting += ((f"{path}.{key}".lstrip("."), each, depth + 1) for key, each in value.items())
        elif isinstance(value, list):
            waiting += ((f"{path}[{place}]", each, depth + 1) for place, each in enumerate(value))
