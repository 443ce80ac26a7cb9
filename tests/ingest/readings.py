"""Short ways to say what a store is given, for the store's tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg

from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit, Committed, Quarantined
from parkgrid_ingest.store import Store

GATEWAY = Gateway("gaoxin-nan", "gw-1")
EPOCH = 1_799_000_000_123
NOON_MS = 1_760_000_400_000
"""2025-10-09T09:00:00Z, 17:00 in Shanghai."""

Reading = tuple[int, int, Mapping[str, int | None]]
"""Device id, instant in ms, signal to stored steps (None: absent)."""


def header(
    seq: int, floor: int = 1, gateway: Gateway = GATEWAY, epoch: int = EPOCH, received_ms: int = NOON_MS + 1_000
) -> BatchHeader:
    """A batch that arrived a second after noon, unless told otherwise."""
    return BatchHeader(gateway, epoch, seq, floor, backlog=False, received_ms=received_ms)


def class_rows(
    device_class: str,
    readings: Sequence[Reading],
    batch: Sequence[int] | int = 0,
    flags: Mapping[int, bytes] | None = None,
) -> ClassRows:
    """Columns out of readings."""
    names = sorted({name for _, _, values in readings for name in values})
    places = [batch] * len(readings) if isinstance(batch, int) else list(batch)
    values, present = {}, {}
    for name in names:
        column = [found.get(name) for _, _, found in readings]
        values[name] = np.array([value or 0 for value in column], np.int64)
        mask = np.array([value is not None for value in column])
        present[name] = None if mask.all() else mask
    return ClassRows(
        device_class,
        np.array(places, np.int32),
        np.array([device for device, _, _ in readings], np.int32),
        np.array([at for _, at, _ in readings], np.int64),
        values,
        present,
        flags or {},
    )


def one_batch(
    seq: int,
    readings: Sequence[Reading],
    device_class: str = "meter",
    floor: int = 1,
    refused: Sequence[Quarantined] = (),
) -> Commit:
    """A commit of one batch with rows of one class."""
    return Commit([header(seq, floor)], [class_rows(device_class, readings)], refused)


def store_one(
    store: Store, seq: int, readings: Sequence[Reading], device_class: str = "meter", floor: int = 1
) -> Committed:
    """Commit one batch."""
    return store.commit(one_batch(seq, readings, device_class, floor))


def birth(epoch: int = EPOCH, *devices: Device) -> Birth:
    """A gateway with one meter, or with these devices."""
    meter = Device("meter-1", "meter", ("active_power_kw", "energy_import_kwh"), "总表", "M1", "1.0")
    return Birth("0.1.0", epoch, NOON_MS, devices or (meter,), simulated=True)


def all_rows(dsn: str, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        return connection.execute(query, arguments or None).fetchall()


def at(ms: int) -> datetime:
    """The instant, computed apart from the program's own."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def every_signal(device_class: str, step: int) -> dict[str, int]:
    """A value for each signal of a class."""
    return {signal.name: step + place for place, signal in enumerate(CATALOGUE[device_class].signals)}


def account(dsn: str) -> None:
    """Take what maintenance noted for metering, as metering does when it has computed it."""
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM base.energy_dirty")


def drain(store: Store, now_ms: int = NOON_MS) -> None:
    """Maintain until nothing is left to do."""
    for round_ in range(1_000):
        report = store.maintain(now_ms + round_)
        if not report.pending and not report.buckets:
            return
    raise AssertionError("maintenance does not come to an end")


def drain_history(store: Store, now_ms: int = NOON_MS) -> None:
    """The same, as after a history: whole spans at once, then what is left. A day by the minute takes a tenth of it."""
    while store.roll_up(now_ms).pending:
        pass
    drain(store, now_ms)
