"""The small pilot's park with its registers metered: readings every quarter hour, through the store and metering."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import to_ms
from tests.metering.park import Metering, meter, metering
from tests.vpp.small_pilot import PARK

GATEWAY = Gateway(PARK, "gw-1")
FIVE = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)
STORAGE_WH = 125_000
"""What the storage is awarded, a quarter hour."""
LOAD, CHARGED, DISCHARGED = "energy_import_kwh", "energy_charged_kwh", "energy_discharged_kwh"
NOW_MS = to_ms(datetime(2026, 6, 25, tzinfo=UTC))


def local(text: str) -> datetime:
    """An instant of June 2026 in Shenzhen, as `24 14:00`."""
    return datetime.fromisoformat(f"2026-06-{text}+08:00").astimezone(UTC)


@dataclass(slots=True)
class Meters:
    """What the registers show; energies are said by the start of a quarter hour, in Wh, else 90 kWh of load."""

    park: Metering
    load: Mapping[datetime, int] = field(default_factory=dict)
    storage: Mapping[datetime, int] = field(default_factory=dict)
    """Positive: discharged."""
    shown: dict[str, int] = field(default_factory=lambda: dict.fromkeys((LOAD, CHARGED, DISCHARGED), 1_000_000))
    kept: list[tuple[str, datetime, dict[str, int]]] = field(default_factory=list)
    """Readings that were not delivered yet."""

    fine_from: datetime = field(default_factory=lambda: local("23 12:00"))
    """From here on there are readings every five minutes."""

    def born(self) -> None:
        """Announce both devices."""
        storage = meter("storage-1", "storage", ("active_power_kw", CHARGED, DISCHARGED), period_s=900.0)
        self.park.born(meter("load-1", period_s=900.0), storage, gateway=GATEWAY, at_ms=NOW_MS)

    def run(self, spans: Sequence[tuple[datetime, datetime]], without: Collection[tuple[str, datetime]] = ()) -> None:
        """Read both devices over spans, the end left out; readings of `without` (device, instant) are kept back."""
        rows: dict[str, list[tuple[int, int, dict[str, int]]]] = {"load-1": [], "storage-1": []}
        for device, at, values in (each for span in spans for each in self._readings(*span)):
            if (device, at) in without:
                self.kept.append((device, at, values))
            else:
                rows[device].append((self.park.devices[device], to_ms(at), values))
        self._store(rows["load-1"], "meter")
        self._store(rows["storage-1"], "storage")
        self.park.metered(NOW_MS)

    def deliver(self, now_ms: int = NOW_MS) -> None:
        """Bring the readings that were kept back, late."""
        for device, at, values in self.kept:
            self._store([(self.park.devices[device], to_ms(at), values)], "meter" if device == "load-1" else "storage")
        self.kept.clear()
        self.park.metered(now_ms)

    def show(self, at: datetime, value: int) -> None:
        """A reading of the load's register that may be false."""
        self._store([(self.park.devices["load-1"], to_ms(at), {LOAD: value})], "meter")
        self.park.metered(NOW_MS)

    def _store(self, rows: list[tuple[int, int, dict[str, int]]], device_class: str) -> None:
        if rows:
            self.park.store_readings(rows, device_class, received_ms=NOW_MS, gateway=GATEWAY)

    def _readings(self, start: datetime, end: datetime) -> Iterator[tuple[str, datetime, dict[str, int]]]:
        at = start
        while at < end:
            load, given = self.load.get(at, 90_000), self.storage.get(at, 0)
            moved = {LOAD: load, CHARGED: max(0, -given), DISCHARGED: max(0, given)}
            for step in range(3 if at >= self.fine_from else 1):
                now = {name: self.shown[name] + energy * step // 3 for name, energy in moved.items()}
                yield "load-1", at + step * FIVE, {LOAD: now[LOAD]}
                yield "storage-1", at + step * FIVE, {name: now[name] for name in (CHARGED, DISCHARGED)}
            for name, energy in moved.items():
                self.shown[name] += energy
            at += QUARTER


@contextmanager
def answering(dsn: str) -> Iterator[Meters]:
    """Meters of an event day with a twentieth more load than other days; then both answer, well and badly."""
    day = [local("24 00:00") + place * QUARTER for place in range(72)]
    load = dict.fromkeys(day, 94_500)
    load.update(dict.fromkeys(day[56:60], 69_500) | {day[60]: 82_000})
    storage = {local(f"{each} 10:00"): 100_000 for each in range(10, 24)}
    storage |= {local(f"{each} 11:00"): -100_000 for each in range(10, 24)}
    storage |= dict.fromkeys(day[56:63], STORAGE_WH) | {day[61]: 100_000}
    with metering(dsn) as park:
        made = Meters(park, load, storage)
        made.born()
        yield made
