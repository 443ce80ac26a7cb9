"""Readings of a foreign source into the store, in bulk: the same admission and the same rows as those of a gateway.

    readings of an hour ─▶ ingest.admission ─▶ Store.commit under (epoch, hour) ─▶ roll-ups, intervals

Each hour is one batch, numbered from the first; the store keeps how far it has come together with the rows. So an
import that is killed goes on where it was, and what is done twice adds nothing. The epoch is made of what is imported
and how it is read: when either changes, everything is read again and compared with what is there. As long as nothing
has matched, nothing is noted as done.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import psycopg

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack
from parkgrid_contract.time import from_ms
from parkgrid_ingest.admission import Arrival, admit
from parkgrid_ingest.decode import Reading
from parkgrid_ingest.quarantine import DetailBudget, Refused
from parkgrid_ingest.rows import BatchHeader, Commit
from parkgrid_ingest.store import Known, Store

BATCH_MS = 3_600_000

Read = Callable[[int, int], Iterable[Reading]]
"""The readings of a half-open span."""
Progress = Callable[[int, int], None]
"""Told how many readings are stored and until when, in ms."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where readings go."""

    gateway: Gateway
    devices: Known
    epoch: int
    start_ms: int
    end_ms: int
    """Whole hours; the end is left out."""
    now_ms: int
    """No reading may lie ahead of it."""
    hours_at_once: int = 24
    """What one transaction stores."""

    @property
    def batches(self) -> int:
        """How many hours it has."""
        return -(-(self.end_ms - self.start_ms) // BATCH_MS)


@dataclass(slots=True)
class Imported:
    """What an import did, in readings."""

    stored: int = 0
    """New ones."""
    repeated: int = 0
    """Those that were there already."""
    conflicting: int = 0
    """Those that differ from a stored one; the first is kept, the view `conflicts` has both."""
    refused: Counter[str] = field(default_factory=Counter)
    """What the catalogue refused, by reason."""
    unmapped: Counter[str] = field(default_factory=Counter)
    """Points of fields that no row of the mapping names, by device and field."""
    matched: Counter[str] = field(default_factory=Counter)
    """Readings that the source has, by device."""
    from_ms: int = 0
    """Where it began, later than asked for if an earlier run had come further."""
    complete: bool = False
    """Whether an earlier run had done everything."""

    whole: bool = True
    """Whether this run read its span from the beginning, so that a device without a reading has none."""
    target: Target | None = None


def problems(found: Imported, dsn: str) -> Iterator[str]:
    """Why an import has not achieved what was asked for; nothing when it has."""
    target = found.target
    if target is None:
        return
    if found.complete:
        yield from _contradictions(_told_before(dsn, target))
        return
    silent = [device for device in target.devices if not found.matched[device]] if found.whole else []
    if not found.matched and found.whole:
        yield "nothing in the source matches the mapping, so nothing is stored: compare names, tags, times"
    elif silent:
        yield f"no reading of {', '.join(silent)}: compare its names, tags, times with the source"
    yield from _contradictions(found.conflicting)
    if found.refused and not (found.stored or found.repeated or found.conflicting):
        yield "every reading was refused: the view `quarantine` has the reasons"


def _contradictions(count: int) -> Iterator[str]:
    if count:
        yield (
            f"{count} readings differ from those already stored: the first ones are kept, the view `conflicts` has "
            "both. Import corrected data into another park or an empty database"
        )


def epoch_of(*parts: object) -> int:
    """A number for an import: another one as soon as any of its parts differs. 1 to 2^48."""
    digest = sha256("\x00".join(map(repr, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") + 1


def bring_in(store: Store, read: Read, target: Target, found: Imported, tell: Progress | None = None) -> None:
    """Store what an earlier run did not; `found` is added to. Raises what `read` raises, and `StoreError`."""
    done = _through(store.ack_of(target.gateway, target.epoch))
    found.from_ms, found.whole = target.start_ms + done * BATCH_MS, done == 0
    found.complete, found.target = done >= target.batches, target
    waiting: list[BatchHeader] = []
    rated_kw = store.rated_kw(target.gateway)
    for first in range(done + 1, target.batches + 1, target.hours_at_once):
        seqs = range(first, min(first + target.hours_at_once, target.batches + 1))
        refused = Refused(DetailBudget())
        arrivals = [
            Arrival(_header(target, seq), readings, devices=target.devices, rated_kw=rated_kw)
            for seq, readings in _hours(read, target, seqs, found.matched).items()
        ]
        commit = admit(arrivals, refused)
        found.refused.update(refused.counts)
        if not found.matched and not done:
            waiting += commit.batches
            continue
        if waiting:
            store.commit(Commit(waiting))
            waiting = []
        committed = store.commit(commit)
        found.stored += committed.stored
        found.repeated += committed.repeated
        found.conflicting += committed.conflicting
        if tell:
            tell(found.stored, target.start_ms + seqs[-1] * BATCH_MS)


def _told_before(dsn: str, target: Target) -> int:
    """How many readings of the devices and the span contradict what is stored, from any earlier run."""
    numbers = [number for number, _ in target.devices.values()]
    values = (numbers, from_ms(target.start_ms), from_ms(target.end_ms))
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_CONFLICTS, values).fetchone()
    return int(row[0]) if row else 0


def sentences(found: Imported) -> Iterator[str]:
    """What an import did, in words."""
    if found.complete:
        yield "this was imported completely before: nothing to do"
    elif found.repeated and not (found.stored or found.conflicting):
        yield f"all {found.repeated} readings were already stored with the same values"
    else:
        yield (
            f"{found.stored} readings stored, {found.repeated} already stored, "
            f"{found.conflicting} differ from stored ones"
        )
    for what, count in sorted(found.refused.items()):
        yield f"refused: {count} {what}"
    for name, count in sorted(found.unmapped.items()):
        yield f"not in the mapping: {name}, {count} points"


_CONFLICTS = "SELECT count(*) FROM public.conflicts WHERE device_id = ANY(%s) AND at >= %s AND at < %s"


def _through(ack: Ack | None) -> int:
    return ack.through if ack else 0


def _hours(read: Read, target: Target, seqs: range, matched: Counter[str]) -> dict[int, list[Reading]]:
    """The readings of each hour, an empty one too: the numbers of batches have no holes."""
    start_ms, end_ms = (target.start_ms + (seq - 1) * BATCH_MS for seq in (seqs[0], seqs[-1] + 1))
    hours: dict[int, list[Reading]] = {seq: [] for seq in seqs}
    for reading in read(start_ms, end_ms):
        hours[(reading.at_ms - target.start_ms) // BATCH_MS + 1].append(reading)
        matched[reading.device] += 1
    return hours


def _header(target: Target, seq: int) -> BatchHeader:
    received_ms = min(target.start_ms + seq * BATCH_MS, target.now_ms)
    return BatchHeader(target.gateway, target.epoch, seq, 1, backlog=True, received_ms=received_ms)


def hours(start_ms: int, end_ms: int) -> tuple[int, int]:
    """The whole hours around a span whose last instant is `end_ms`."""
    return start_ms // BATCH_MS * BATCH_MS, (end_ms // BATCH_MS + 1) * BATCH_MS
