"""The importer: foreign series as readings of a gateway of their own, through the store that measured ones take.

    source ─▶ mapping, scale ─▶ readings ─▶ parkgrid_ingest.bulk

A field that is not mapped is told about, never created.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from parkgrid_contract.identity import Gateway
from parkgrid_exchange.errors import InfluxError
from parkgrid_exchange.mapping import DeviceSettings, MappingSettings
from parkgrid_exchange.sources import Source
from parkgrid_ingest.bulk import BATCH_MS, Imported, Progress, Target, bring_in, epoch_of
from parkgrid_ingest.decode import Reading
from parkgrid_ingest.store import Park, Store


@dataclass(frozen=True, slots=True)
class ImportSpan:
    """What is imported, in whole hours, the end left out."""

    start_ms: int
    end_ms: int
    round: int = 1
    """1 to 999; another round reads a span again, for data that came later into the source. What is there stays."""


def import_series(
    store: Store, source: Source, mapping: MappingSettings, span: ImportSpan, now_ms: int, tell: Progress | None = None
) -> Imported:
    """Store what an earlier run with this mapping did not. Raises `InfluxError`, `StoreError`."""
    _check(span, now_ms)
    gateway = Gateway(mapping.park, mapping.gateway)
    store.describe_park(Park(mapping.park, mapping.district, mapping.name_zh, mapping.name_en, mapping.zone))
    devices = store.register(gateway, mapping.birth(now_ms, now_ms))
    store.mark_imported(gateway)
    epoch = epoch_of(span.start_ms, span.round, mapping.kind, mapping.devices)
    found = Imported()

    def read(start_ms: int, end_ms: int) -> Iterator[Reading]:
        for device in mapping.devices:
            yield from _readings(source, device, start_ms, end_ms, found.unmapped)

    target = Target(gateway, devices, epoch, span.start_ms, span.end_ms, now_ms)
    bring_in(store, read, target, found, tell)
    return found


def _check(span: ImportSpan, now_ms: int) -> None:
    if span.start_ms % BATCH_MS or span.end_ms % BATCH_MS or not 0 <= span.start_ms < span.end_ms:
        raise InfluxError("an import covers full hours: write start and end like 2026-01-01T00:00+08:00")
    if span.end_ms > now_ms:
        raise InfluxError("the end is in the future: an incomplete hour would count as complete")
    if not 1 <= span.round <= 999:  # noqa: PLR2004  rounds of one span stay within its second
        raise InfluxError(f"round {span.round}: must be between 1 and 999")


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
