"""The ledger of the pilot: every act is one entry, and each entry carries the digest of the one before.

    entry 1 ─digest─▶ entry 2 ─digest─▶ entry 3 ...      an altered, missing or exchanged entry breaks the chain

The digest is the SHA-256 of a version tag and of every field, as canonical JSON: keys in order, no spaces, no floating
point. A chain that is not there is not checked; it is never called valid.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
"""What an entry says: objects, arrays, texts, whole numbers, true, false and null."""
VERSION = "parkgrid-vpp-1"
"""Stands first in what is digested: another rule of digesting is another version."""
START = "0" * 64
"""What the first entry carries as the digest of the one before."""
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class ChainError(ValueError):
    """A chain that is broken, with the first entry that does not fit."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, as it stands in the ledger."""

    number: int
    """1 for the first, and one more each."""
    kind: str
    subject: str
    """What it is about: the identifier of an event, a resource, an operator."""
    at: datetime
    """When it was written, UTC, whole seconds."""
    by: str
    """Who did it."""
    document: Document
    previous: str
    """The digest of the entry before."""
    digest: str

    @classmethod
    def after(cls, head: "Entry | None", kind: str, subject: str, at: datetime, by: str, document: Document) -> "Entry":
        """The entry that follows `head`, or the first one. Raises `ValueError` for a document that has no one form."""
        number, previous = (1, START) if head is None else (head.number + 1, head.digest)
        at = at.astimezone(UTC).replace(microsecond=0)
        return cls(number, kind, subject, at, by, document, previous, "").sealed()

    def computed(self) -> str:
        """The digest that its fields come to."""
        fields = [
            VERSION,
            self.number,
            self.previous,
            self.kind,
            self.subject,
            instant(self.at),
            self.by,
            self.document,
        ]
        return hashlib.sha256(canonical(fields).encode()).hexdigest()

    def sealed(self) -> "Entry":
        """The same with the digest that its fields come to."""
        fields = (self.number, self.kind, self.subject, self.at, self.by, self.document, self.previous)
        return Entry(*fields, digest=self.computed())


def canonical(value: object) -> str:
    """The one text of a JSON value. Raises `ValueError` for floating point and for keys that are not texts."""
    _refuse_floats(value)
    return _ENCODER.encode(value)


@lru_cache(maxsize=10_000)
def instant(at: datetime) -> str:
    """An instant as documents tell it: UTC, whole seconds. Remembered: many resources have the same quarter hours."""
    return at.astimezone(UTC).strftime(_INSTANT)


def check_chain(entries: Iterable[Entry], head: Entry | None = None) -> Entry | None:
    """The last entry of a chain that begins after `head`, each of them checked. Raises `ChainError`."""
    for entry in entries:
        number, previous = (1, START) if head is None else (head.number + 1, head.digest)
        if entry.number != number:
            raise ChainError(
                f"entry {entry.number} stands where entry {number} belongs: entries are missing or doubled"
            )
        if entry.previous != previous:
            raise ChainError(f"entry {number} carries another digest of the entry before than that entry has")
        if entry.digest != entry.computed():
            raise ChainError(f"entry {number} was altered: its digest is {entry.computed()}, it carries {entry.digest}")
        head = entry
    return head


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_PLAIN = frozenset((str, int, bool, type(None)))
"""What nearly all of a document is; every entry is looked through whenever its digest is computed."""


def _refuse_floats(value: object) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if type(each) in _PLAIN:
            continue
        if isinstance(each, float):
            raise ValueError(f"{each} is a floating-point number: documents hold whole numbers and decimal texts")  # noqa: TRY004
        if isinstance(each, dict):
            wrong = next((key for key in each if not isinstance(key, str)), "")
            if not isinstance(wrong, str):
                raise ValueError(f"{wrong!r} is not a text: keys of a document are texts")  # noqa: TRY004
            waiting += each.values()
        elif isinstance(each, (list, tuple)):
            waiting += each
