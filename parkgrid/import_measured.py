"""`parkgrid import`: measured CSV files straight into the store, with their energy at once.

    mapping, files ─▶ series ─▶ readings ─▶ parkgrid_ingest.bulk ─▶ store ─▶ roll-ups ─▶ intervals
                        └──▶ breaks ─▶ declarations: what was counted in a hole of the files is not known

`parkgrid replay` sends the same files through devices, gateway and broker instead.
"""

import asyncio
import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from parkgrid.data_folder import default_data_dir, occupied
from parkgrid.local_system import LocalSystem
from parkgrid.long_running import announcer, quiet_logs
from parkgrid.progress import as_share, progress
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import SystemClock, from_ms
from parkgrid_ingest.bulk import BATCH_MS, Imported, Target, bring_in, epoch_of, hours, problems, sentences
from parkgrid_ingest.decode import Reading
from parkgrid_ingest.store import Park, Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.catching_up import Progress, caught_up
from parkgrid_metering.declarations import Wish, declare
from parkgrid_simulators.measured.loading import Measured, open_measured
from parkgrid_simulators.measured.mapping import ReplayMapping
from parkgrid_simulators.measured.series import Series
from parkgrid_simulators.plant import SimulatedDevice

GATEWAY = "import"
AGENT = "import"
_READINGS_AT_ONCE = 200_000
_DAY, _MONTH = 24, 744
"""Hours that one transaction stores, at least and at most."""
_BY = "parkgrid import"
_UNKNOWN = "the files have a hole before this instant: what was counted in it is not known"


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    directory: Path
    mapping: Path | None = None
    data_dir: Path | None = None
    dsn: str | None = None
    as_json: bool = False


def run(request: Request) -> int:
    """Import, and print what came of it; the exit status. Raises `ReplayError` for data that is wrong."""
    console = Console(stderr=True)
    quiet_logs()
    measured = open_measured(request.directory, request.mapping)
    if request.dsn:
        return _import(request, measured, request.dsn, console)
    with occupied((request.data_dir or default_data_dir()).absolute()):
        return asyncio.run(_with_database(request, measured, console))


async def _with_database(request: Request, measured: Measured, console: Console) -> int:
    system = LocalSystem((request.data_dir or default_data_dir()).absolute(), announcer(console))
    try:
        await system.start_database(None)
        return await asyncio.to_thread(_import, request, measured, system.dsn, console)
    finally:
        await system.supervisor.close()


def _import(request: Request, measured: Measured, dsn: str, console: Console) -> int:
    with progress(console) as tell:
        found = import_measured(dsn, measured, SystemClock().now_ms(), tell)
    for sentence in sentences(found):
        console.print(sentence, highlight=False, soft_wrap=True)
    wrong = list(problems(found, dsn))
    for problem in wrong:
        console.print(f"error: {problem}", highlight=False, soft_wrap=True)
    if request.as_json:
        print(json.dumps(_document(found)), flush=True)  # noqa: T201  (read by programs)
    return 1 if wrong else 0


def _document(found: Imported) -> dict[str, Any]:
    return {
        name: getattr(found, name) for name in ("stored", "repeated", "conflicting", "refused", "matched", "complete")
    }


def import_measured(dsn: str, measured: Measured, now_ms: int, tell: Progress) -> Imported:
    """Store what an earlier run did not, and compute its energy. Raises `StoreError`."""
    mapping = measured.mapping
    gateway = Gateway(mapping.park, GATEWAY)
    found = Imported()
    with closing(open_store(dsn)) as store:
        target = _begin(store, gateway, measured, now_ms)
        declare_breaks(dsn, gateway, measured.series, now_ms)
        told = as_share(target.start_ms, target.end_ms, "readings stored", tell)
        with caught_up(dsn, store.kind, tell):
            bring_in(store, _Readings(measured).between, target, found, told)
    return found


def park_of(mapping: ReplayMapping) -> Park:
    """How the park of a mapping is called and where it lies."""
    names = (mapping.name_zh or mapping.name, mapping.name_en or mapping.name)
    return Park(mapping.park, mapping.district, *names, mapping.zone, mapping.latitude, mapping.longitude)


def _begin(store: Store, gateway: Gateway, measured: Measured, now_ms: int) -> Target:
    """Name the park and its devices; a device has the signals of its columns and no others."""
    store.describe_park(park_of(measured.mapping))
    devices = [_device(one, series) for one, series in zip(measured.devices, measured.series, strict=True)]
    known = store.register(gateway, Birth(AGENT, now_ms, now_ms, tuple(devices), measured.mapping.simulated))
    store.mark_imported(gateway)
    start_ms, end_ms = hours(measured.start_ms, measured.end_ms)
    readings = sum(len(series.at_ms) for series in measured.series)
    at_once = _READINGS_AT_ONCE * (end_ms - start_ms) // BATCH_MS // max(readings, 1)
    epoch = epoch_of(measured.mapping, _content(measured.series))
    return Target(gateway, known, epoch, start_ms, end_ms, now_ms, min(max(at_once, _DAY), _MONTH))


def _device(device: SimulatedDevice, series: Series) -> Device:
    return Device(
        device.device,
        device.device_class,
        tuple(series.values),
        device.name,
        period_s=device.period_s,
        ratings=device.ratings,
        point=device.point,
    )


def _content(series: Sequence[Series]) -> str:
    """A digest of every value: changed files are another import."""
    digest = sha256()
    for one in series:
        digest.update(repr((one.mapping.device, one.at_ms)).encode())
        for name, values in one.values.items():
            digest.update(repr((name, [None if value is None else str(value) for value in values])).encode())
    return digest.hexdigest()


def declare_breaks(dsn: str, gateway: Gateway, series: Sequence[Series], now_ms: int) -> None:
    """Say where a count goes on from an unknown past, once."""
    wanted = {
        (f"{gateway}/{one.mapping.device}/{each.signal}", from_ms(each.at_ms), each.initial)
        for one in series
        for each in one.breaks
    }
    if not wanted:
        return
    with psycopg.connect(dsn, autocommit=True) as connection:
        known = {
            (f"{park}/{gw}/{device}/{signal}", at, Decimal(initial).scaleb(-3))
            for park, gw, device, signal, at, initial in connection.execute(_KNOWN_BREAKS, (gateway.park, _BY))
        }
        for register, at, initial in sorted(wanted):
            kwh = initial.quantize(Decimal("0.001"))
            if (register, at, kwh) not in known:
                declare(connection, Wish(register, at, _BY, _UNKNOWN, initial_kwh=kwh), now_ms)


_KNOWN_BREAKS = """
SELECT d.park, d.gateway, d.device, r.signal, c.valid_from, c.initial_steps
FROM base.register_declaration AS c
JOIN base.register AS r USING (park_id, register_id)
JOIN base.device AS d USING (park_id, device_id)
WHERE d.park = %s AND c.declared_by = %s AND c.initial_steps IS NOT NULL
"""


class _Readings:
    """The series as readings, by span."""

    def __init__(self, measured: Measured) -> None:
        self._members = list(zip(measured.devices, measured.series, strict=True))

    def between(self, start_ms: int, end_ms: int) -> Iterator[Reading]:
        """Every reading of the half-open span."""
        return chain.from_iterable(_of_one(device, series, start_ms, end_ms) for device, series in self._members)


def _of_one(device: SimulatedDevice, series: Series, start_ms: int, end_ms: int) -> Iterator[Reading]:
    for place in range(bisect_left(series.at_ms, start_ms), bisect_left(series.at_ms, end_ms)):
        values = {name: float(value) for name, rows in series.values.items() if (value := rows[place]) is not None}
        if values:
            yield Reading(device.device, series.at_ms[place], values)
