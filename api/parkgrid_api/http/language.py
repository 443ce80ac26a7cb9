"""The language of what a client is told: Chinese or English, by its `Accept-Language` header."""

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]
LANGUAGE: ContextVar[Language] = ContextVar("language", default="en")
"""Of the request that is being answered; English where the client prefers neither."""
_MOST_PARTS = 20


def told(en: str, zh: str) -> str:
    """A sentence in the language of the present request."""
    return zh if LANGUAGE.get() == "zh" else en


def preferred(header: str) -> Language:
    """The language that an `Accept-Language` header prefers (RFC 9110, 12.5.4); the first one of equal ones."""
    best = 0.0
    found: Language = "en"
    for part in header.lower().split(",")[:_MOST_PARTS]:
        name, _, options = part.strip().partition(";")
        quality = _quality(options)
        if quality > best and name.strip().partition("-")[0] in {"en", "zh"}:
            best, found = quality, "zh" if name.strip().startswith("zh") else "en"
    return found


def _quality(options: str) -> float:
    name, _, value = options.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0


@contextlib.contextmanager
def spoken(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
    """While it lasts, the language that a request prefers is the one that `told` takes."""
    header = next((value for name, value in headers if name == b"accept-language"), b"")
    mark = LANGUAGE.set(preferred(header.decode("latin-1")))
    try:
        yield
    finally:
        LANGUAGE.reset(mark)
