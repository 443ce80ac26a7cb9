"""The importer: foreign series as readings of a gateway of their own, through the store that measured ones take.

    source ─▶ mapping, scale ─▶ readings of an hour ─▶ ingest.admission ─▶ Store.commit under (epoch, hour)

Each hour is one batch, numbered from the first; the store keeps how far it has come together with the rows. So an
import that is killed goes on where it was, and what is done twice adds nothing. A field that is not mapped is told
about, never created.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from contract.identity import Gateway
from ingest.admission import Arrival, admit
from ingest.decode import Reading
from ingest.quarantine import DetailBudget, Refused
from ingest.rows import BatchHeader
from ingest.store import Known, Park, Store
from parkgrid.influx.errors import InfluxError
from parkgrid.influx.mapping import DeviceSettings, MappingSettings
from parkgrid.influx.sources import Source

BATCH_MS = 3_600_000
_HOURS_AT_ONCE = 24

Tell = Callable[[int, int], None]
"""Told how many readings are stored and until when, in ms."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is imported, in whole hours, the end left out."""

    start_ms: int
    end_ms: int
    round: int = 1
    """1 to 999; another round reads the same span again, for a mapping that has grown. What is there stays."""

    @property
    def epoch(self) -> int:
        """Under which its batches are stored: the first second, and the round behind it."""
        return self.start_ms + self.round

    @property
    def batches(self) -> int:
        """How many hours it has."""
        return (self.end_ms - self.start_ms) // BATCH_MS


@dataclass(slots=True)
class Imported:
    """What an import did."""

    stored: int = 0
    """Readings that are new."""
    repeated: int = 0
    """Readings that were there already."""
    conflicting: int = 0
    """Readings that say something else than what was there already; the first stays, both are kept."""
    refused: Counter[str] = field(default_factory=Counter)
    """What the catalogue refused, by reason."""
    unmapped: Counter[str] = field(default_factory=Counter)
    """Points of fields that no row of the mapping names, by device and field."""
    from_ms: int = 0
    """Where it began, later than asked for if an earlier run had come further."""


@dataclass(frozen=True, slots=True)
class _Announced:
    """The devices of the mapping, as the store knows them."""

    devices: Known
    rated_kw: Mapping[int, float]


def import_series(
    store: Store, source: Source, mapping: MappingSettings, span: Span, now_ms: int, tell: Tell | None = None
) -> Imported:
    """Store what an earlier run did not. Raises `InfluxError`, `StoreError`."""
    _check(span, now_ms)
    gateway = Gateway(mapping.park, mapping.gateway)
    store.describe_park(Park(mapping.park, mapping.district, mapping.name_zh, mapping.name_en, mapping.zone))
    known = _Announced(store.register(gateway, mapping.birth(now_ms, now_ms)), store.rated_kw(gateway))
    ack = store.ack_of(gateway, span.epoch)
    done = ack.through if ack else 0
    found = Imported(from_ms=span.start_ms + done * BATCH_MS)
    for first in range(done + 1, span.batches + 1, _HOURS_AT_ONCE):
        seqs = range(first, min(first + _HOURS_AT_ONCE, span.batches + 1))
        refused = Refused(DetailBudget())
        arrivals = _arrivals(source, mapping, span, seqs, known, found.unmapped)
        committed = store.commit(admit(arrivals, refused))
        found.stored += committed.stored
        found.repeated += committed.repeated
        found.conflicting += committed.conflicting
        found.refused.update(refused.counts)
        if tell:
            tell(found.stored, span.start_ms + seqs[-1] * BATCH_MS)
    return found


def _check(span: Span, now_ms: int) -> None:
    if span.start_ms % BATCH_MS or span.end_ms % BATCH_MS or not 0 <= span.start_ms < span.end_ms:
        raise InfluxError("an import goes forward in whole hours: give both ends like 2026-01-01T00:00+08:00")
    if span.end_ms > now_ms:
        raise InfluxError("the end lies ahead: an hour that is not over would be taken as complete")
    if not 1 <= span.round <= 999:  # noqa: PLR2004  rounds of one span stay within its second
        raise InfluxError(f"round {span.round}: must be between 1 and 999")


def _arrivals(
    source: Source,
    mapping: MappingSettings,
    span: Span,
    seqs: range,
    known: _Announced,
    unmapped: Counter[str],
) -> list[Arrival]:
    """One batch for each hour, an empty one too: their numbers have no holes."""
    start_ms, end_ms = (span.start_ms + (seq - 1) * BATCH_MS for seq in (seqs[0], seqs[-1] + 1))
    hours: dict[int, list[Reading]] = {seq: [] for seq in seqs}
    for device in mapping.devices:
        for reading in _readings(source, device, start_ms, end_ms, unmapped):
            hours[(reading.at_ms - span.start_ms) // BATCH_MS + 1].append(reading)
    gateway = Gateway(mapping.park, mapping.gateway)
    return [
        Arrival(
            BatchHeader(gateway, span.epoch, seq, 1, backlog=True, received_ms=span.start_ms + seq * BATCH_MS),
            readings,
            devices=known.devices,
            rated_kw=known.rated_kw,
        )
        for seq, readings in hours.items()
    ]


def _readings(
    source: Source, device: DeviceSettings, start_ms: int, end_ms: int, unmapped: Counter[str]
) -> Iterator[Reading]:
    """The points of one device, gathered by instant."""
    fields = {each.field: each for each in device.signals}
    gathered: dict[int, dict[str, float]] = {}
    for name, at_ms, value in source.points(device.measurement, device.tags, start_ms, end_ms):
        row = fields.get(name)
        if row is None:
            unmapped[f"{device.id}: {device.measurement}.{name}"] += 1
            continue
        values = gathered.setdefault(at_ms, {})
        scaled = value * row.scale + row.offset
        if values.setdefault(row.signal, scaled) != scaled:
            raise InfluxError(
                f"{device.id}: two series of {device.measurement}.{name} have a point at {at_ms} ms: "
                "name more tags in the mapping, so that one is meant"
            )
    for at_ms in sorted(gathered):
        yield Reading(device.id, at_ms, gathered[at_ms])
