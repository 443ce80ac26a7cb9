"""A park's readings, written through the real store, for the tests of the api and of the page."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg

from parkgrid_contract.announcement import Birth, Device, Status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason
from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit, Committed, Quarantined
from parkgrid_ingest.store import Park
from parkgrid_ingest.store.opening import DatabaseStore, open_store
from parkgrid_ingest.store.settings import StoreSettings

EPOCH = 1_800_000_000_000_000
GATEWAY = Gateway("gaoxin-nan", "gw-1")
DEVICES = {
    "pv-1": "pv_inverter",
    "pv-2": "pv_inverter",
    "bess-1": "storage",
    "grid-1": "grid_meter",
    "load-1": "meter",
    "gun-1": "charger",
    "gw-1": "gateway",
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def devices(names: Mapping[str, str] = DEVICES, *, label: str = "", period_s: float = 1.0) -> tuple[Device, ...]:
    return tuple(
        Device(name, kind, tuple(CATALOGUE[kind].by_name), name=label or name, period_s=period_s)
        for name, kind in names.items()
    )


@dataclass
class Feed:
    """Writes what a test says, batch by batch."""

    dsn: str
    gateway: Gateway = GATEWAY
    seq: int = 0
    store: DatabaseStore = field(init=False)
    known: Mapping[str, tuple[int, str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.store = open_store(self.dsn, StoreSettings())

    def announce(self, announced: Sequence[Device] = (), *, simulated: bool = False, online: bool = True) -> None:
        self.store.describe_park(Park(self.gateway.park, "pingshan", "高新南", "Gaoxin South"))
        at = now_ms()
        birth = Birth("0.1.0", EPOCH, at, tuple(announced) or devices(), simulated)
        self.known = self.store.register(self.gateway, birth)
        self.store.set_status(self.gateway, Status(online, EPOCH, at), at)

    @property
    def park_id(self) -> int:
        """The number of the park."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(
                "SELECT park_id FROM public.parks WHERE park = %s", (self.gateway.park,)
            ).fetchone()
        assert row is not None
        return int(row[0])

    def write(
        self,
        readings: Mapping[str, Mapping[str, float]],
        at_ms: int | Sequence[int],
        *,
        flags: Mapping[str, bytes] | None = None,
        received_ms: int | None = None,
        refused: Sequence[tuple[str, Reason, str]] = (),
    ) -> Committed:
        """One batch: the same readings at one instant or at each of several."""
        self.seq += 1
        received = now_ms() if received_ms is None else received_ms
        header = BatchHeader(self.gateway, EPOCH, self.seq, 1, backlog=False, received_ms=received)
        instants = [at_ms] if isinstance(at_ms, int) else list(at_ms)
        rows = [self._rows(device, values, instants, (flags or {}).get(device)) for device, values in readings.items()]
        quarantined = [
            Quarantined(self.gateway.park, self.gateway.gateway, EPOCH, self.seq, device, reason, "here", content, 0)
            for device, reason, content in refused
        ]
        return self.store.commit(Commit([header], rows, quarantined))

    def series(self, device: str, at_ms: Sequence[int], **signals: Sequence[float]) -> None:
        """One device's rows with a value each."""
        self.seq += 1
        header = BatchHeader(self.gateway, EPOCH, self.seq, 1, backlog=False, received_ms=now_ms())
        device_id, kind = self.known[device]
        count = len(at_ms)
        # As `Signal.steps` does, which takes microseconds a value: a district of some days has a million.
        values = {
            name: np.rint(np.asarray(column) * CATALOGUE[kind].by_name[name].per_unit).astype(np.int64)
            for name, column in signals.items()
        }
        rows = ClassRows(
            kind, np.zeros(count, np.int32), np.full(count, device_id, np.int32), np.array(at_ms, np.int64), values
        )
        self.store.commit(Commit([header], [rows]))

    def maintain(self) -> None:
        """Roll-ups of what was written: whole spans at once, as after a history, then what is left."""
        while self.store.roll_up(now_ms()).pending:
            pass
        while self.store.maintain(now_ms()).pending:
            pass

    def _rows(self, device: str, values: Mapping[str, float], at_ms: list[int], flags: bytes | None) -> ClassRows:
        device_id, kind = self.known[device]
        count = len(at_ms)
        columns: dict[str, Any] = {
            name: np.full(count, CATALOGUE[kind].by_name[name].steps(value), np.int64) for name, value in values.items()
        }
        return ClassRows(
            device_class=kind,
            batch=np.zeros(count, np.int32),
            device_id=np.full(count, device_id, np.int32),
            at_ms=np.array(at_ms, np.int64),
            values=columns,
            flags=dict.fromkeys(range(count), flags) if flags else {},
        )
