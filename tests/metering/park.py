"""A park with meters for the tests of metering: births, readings through the store itself, and what came of them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import to_ms
from parkgrid_ingest.rows import BatchHeader, Commit
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from parkgrid_metering.rounds import Report, run_rounds
from tests.ingest.readings import Reading, class_rows, drain_history
from tests.logins import acting

PARK = Gateway("gaoxin-nan", "gw-1")
EPOCH = 1_799_000_000_123
DAY_MS = 86_400_000
SLOT_MS = 900_000
MINUTE_MS = 60_000
BATCH_MS = 600_000
METERED_AT = to_ms(datetime(2026, 3, 20, tzinfo=UTC))


def ms(text: str) -> int:
    """Milliseconds of an instant of March 2026 in UTC, as `05 10:15` or `05 10:15:30`."""
    return to_ms(datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=UTC))


def meter(name: str = "m-1", device_class: str = "meter", signals: Sequence[str] = (), **more: Any) -> Device:
    """A meter with one counter, read every five minutes."""
    named = tuple(signals) or ("active_power_kw", "energy_import_kwh")
    return Device(name, device_class, named, **({"period_s": 300.0} | more))


@dataclass(slots=True)
class Metering:
    """One park over one database."""

    dsn: str
    store: Store
    devices: Mapping[str, int] = field(default_factory=dict)
    seq: int = 0

    def born(self, *devices: Device, gateway: Gateway = PARK, at_ms: int = METERED_AT) -> Mapping[str, int]:
        """Announce devices; their numbers by name."""
        known = self.store.register(gateway, Birth("0", EPOCH, at_ms, devices))
        self.devices = {**self.devices, **{name: number for name, (number, _) in known.items()}}
        return self.devices

    def store_readings(
        self,
        readings: Iterable[Reading],
        device_class: str = "meter",
        received_ms: int | None = None,
        flags: Mapping[int, bytes] | None = None,
        gateway: Gateway = PARK,
    ) -> None:
        """Commit readings, ten minutes of them a batch, received at their end unless told otherwise."""
        rows = sorted(readings, key=lambda row: row[1])
        batches = [at // BATCH_MS if received_ms is None else 0 for _, at, _ in rows]
        numbers = {name: place for place, name in enumerate(dict.fromkeys(batches))}
        headers = []
        for name in numbers:
            self.seq += 1
            received = (name + 1) * BATCH_MS if received_ms is None else received_ms
            headers.append(BatchHeader(gateway, EPOCH, self.seq, 1, backlog=False, received_ms=received))
        places = [numbers[name] for name in batches]
        self.store.commit(Commit(headers, [class_rows(device_class, rows, places, flags)]))

    def register_values(self, values: Mapping[str, int], device: str = "m-1", **more: Any) -> None:
        """Readings of a counter: instant in the form of `ms` to Wh, each received a second after its instant."""
        for at, steps in values.items():
            self.store_readings([(self.devices[device], ms(at), {"energy_import_kwh": steps})], **more)

    def metered(self, now_ms: int = METERED_AT) -> Report:
        """Maintain, then meter, until nothing is left."""
        drain_history(self.store, now_ms)
        with psycopg.connect(acting(self.dsn, "accounting"), autocommit=True) as connection:
            return run_rounds(connection, now_ms)

    def ask(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """What a query answers."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("SET timezone TO 'UTC'")
            return connection.execute(query, arguments or None).fetchall()

    def number(self, name: str = PARK.park) -> int:
        """The number of a park."""
        [(number,)] = self.ask("SELECT park_id FROM base.park WHERE park = %s", name)
        return number

    def energies(self, device: str = "m-1", signal: str = "energy_import_kwh") -> dict[str, tuple[float | None, str]]:
        """Start of each interval in the form of `ms`, its kWh and quality."""
        rows = self.ask(
            "SELECT at, energy_kwh, quality FROM interval_energy WHERE device = %s AND signal = %s ORDER BY at",
            device,
            signal,
        )
        return {f"{at:%d %H:%M}": (energy, quality) for at, energy, quality in rows}

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the intervals and of what is made of them."""
        return {
            view: self.ask(f"SELECT * FROM {view} ORDER BY register_id, {key}")
            for view, key in (
                ("interval_energy", "at"),
                ("interval_energy_revisions", "at, revision"),
                ("energy_1h", "at"),
                ("energy_1d", "at"),
                ("energy_1mo", "at"),
                ("completeness_1d", "day"),
            )
        }


def metering(dsn: str, settings: StoreSettings | None = None) -> closing[Any]:
    """The park over a migrated database; close its store."""
    return closing(_Closing(dsn, open_store(acting(dsn, "ingest"), settings)))


class _Closing(Metering):
    def close(self) -> None:
        """End the store's connections."""
        self.store.close()
