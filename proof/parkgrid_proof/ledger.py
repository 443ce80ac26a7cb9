"""Reads the proof ledgers of gateway agents: what was offered to the outbox, and what the outbox then accepted.

A ledger is a file of JSON lines outside the system: `{"offered": [samples], "n": k}` is written before the commit of
the outbox, `{"accepted": seq, "epoch": e, "n": k}` after it. What was offered but never accepted may be stored (the
process died between the commit and the second line) and need not be.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Offer:
    """Samples that went into the outbox together, and under which number they were accepted, if they were."""

    samples: tuple[Mapping[str, Any], ...]
    epoch: int | None
    seq: int | None


class LedgerError(ValueError):
    """A line of a ledger cannot be read, so nothing can be concluded from it."""


def read_offers(path: Path, accepted_before: int | None = None) -> Iterator[Offer]:
    """Every offer of a ledger; an acceptance from byte `accepted_before` on counts as not yet made.

    Running numbers start again with the agent, so a number belongs to the last offer that carries it.
    """
    waiting: dict[int, tuple[Mapping[str, Any], ...]] = {}
    for offset, document in _lines(path):
        number = int(document["n"])
        if "offered" in document:
            if number in waiting:
                yield Offer(waiting[number], None, None)
            waiting[number] = tuple(document["offered"])
        elif "accepted" in document:
            samples = waiting.pop(number, None)
            if samples is None:
                raise LedgerError(f"{path}: byte {offset}: {number} was accepted without having been offered")
            settled = accepted_before is None or offset < accepted_before
            yield Offer(samples, document["epoch"], document["accepted"]) if settled else Offer(samples, None, None)
    for samples in waiting.values():
        yield Offer(samples, None, None)


def epochs(path: Path) -> Iterator[int]:
    """The epoch of every acceptance, in order."""
    for _, document in _lines(path, b'"accepted"'):
        if "accepted" in document:
            yield document["epoch"]


def _lines(path: Path, containing: bytes = b"") -> Iterator[tuple[int, dict[str, Any]]]:
    """Offset and document of each line; a torn last line was never finished and says nothing."""
    offset = 0
    with path.open("rb") as ledger:
        for line in ledger:
            if containing in line and line.endswith(b"\n"):
                yield offset, _document(path, offset, line)
            offset += len(line)


def _document(path: Path, offset: int, line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise LedgerError(f"{path}: byte {offset}: {error}: {line[:80]!r}") from error
    if not isinstance(document, dict) or "n" not in document:
        raise LedgerError(f"{path}: byte {offset}: neither an offer nor an acceptance: {line[:80]!r}")
    return document
