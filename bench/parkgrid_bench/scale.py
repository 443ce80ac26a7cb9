"""How cost grows with the number of parks: `parkgrid bench scale`.

    for 10, 100, 1,000 parks of 20 devices ─▶ an empty database ─▶ an hour of readings, each a minute
        commit · roll-up · metering            milliseconds a park and minute of its readings
        one park: live, day, page's devices    milliseconds an answer, which should stay flat
        all parks: list, district, gateways    milliseconds an answer, and a park

Readings come as fast as they are stored, so an hour of 1,000 parks takes a minute or two. Every park sends the same
devices; each answer that is counted is checked for its park and its rows.
"""

import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from parkgrid_bench.figures import BenchmarkError, Progress
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_database.migrate import migrate
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.rounds import run_rounds
from parkgrid_servers import process

SIZES = (10, 100, 1_000)
DEVICES = {"grid_meter": 1, "meter": 11, "pv_inverter": 3, "storage": 2, "charger": 2, "gateway": 1}
"""Of each park: twenty."""
MINUTES = 60
MOST_GROWTH = 1.2
"""How much the cost of a park may grow from the first size to the last."""
_EVERY = 5
"""Minutes between two rounds of roll-ups and metering."""
_MINUTE_MS = 60_000
_QUARTER_MS = 15 * _MINUTE_MS
_ASKED = 9
_KEPT_S = 1.05
"""An answer is kept for a second: the same question is asked again after it."""
_PATIENCE_S = 60.0
_ROWS = "SELECT count(*) FROM public.{}"
_SAMPLES = "SELECT sum(samples)::int8 FROM public.{}"
_METERED = (
    "SELECT count(*) FROM public.interval_energy WHERE device_class = 'meter' AND signal = 'energy_import_kwh'"
    " AND quality = 'good' AND energy_wh = 15000"
)
"""Each meter counts a kilowatt-hour a minute."""


@dataclass(slots=True)
class Size:
    """What was measured with so many parks."""

    parks: int
    commit_ms: float = 0.0
    """Of a park and minute: twenty readings."""
    rollup_ms: float = 0.0
    metering_ms: float = 0.0
    answers_ms: dict[str, float] = field(default_factory=dict)
    """Name of the question to the median of its answers."""
    rows: int = 0

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "parks": self.parks,
            "commit_ms_a_park_minute": round(self.commit_ms, 4),
            "rollup_ms_a_park_minute": round(self.rollup_ms, 4),
            "metering_ms_a_park_minute": round(self.metering_ms, 4),
            "answers_ms": {name: round(value, 2) for name, value in self.answers_ms.items()},
            "rows": self.rows,
        }


def measure(server_dsn: str, folder: Path, sizes: Sequence[int], tell: Progress) -> Iterator[Size]:
    """Each size on a database of its own on this server, which is dropped afterwards."""
    for parks in sizes:
        with _database(server_dsn, f"parkgrid_scale_{parks}") as dsn:
            tell(f"{parks} parks: making the schema")
            migrate(dsn)
            yield _measured(dsn, folder, parks, tell)


def _measured(dsn: str, folder: Path, parks: int, tell: Progress) -> Size:
    found = Size(parks)
    start_ms = int(time.time() * 1000) // _QUARTER_MS * _QUARTER_MS - MINUTES * _MINUTE_MS
    with closing(open_store(dsn)) as store:
        gateways = [Gateway(f"park-{number:04}", "gw-1") for number in range(parks)]
        numbers = {gateway: _born(store, gateway, start_ms) for gateway in gateways}
        tell(f"{parks} parks: storing {MINUTES} minutes")
        for minute in range(MINUTES + 1):
            at_ms = start_ms + minute * _MINUTE_MS
            commit = _commit(gateways, numbers, minute, at_ms)
            found.commit_ms += _timed(partial(store.commit, commit))
            if minute % _EVERY == 0:
                found.rollup_ms += _timed(partial(_rolled, store, at_ms + 1_000))
                with psycopg.connect(dsn, autocommit=True) as connection:
                    found.metering_ms += _timed(partial(run_rounds, connection, at_ms + 1_000))
    for name in ("commit_ms", "rollup_ms", "metering_ms"):
        setattr(found, name, getattr(found, name) / parks / (MINUTES + 1))
    found.rows = _checked(dsn, parks)
    tell(f"{parks} parks: asking")
    with _api(dsn, folder) as url:
        found.answers_ms = dict(_answers(url, parks))
    return found


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1_000


def _rolled(store: Store, now_ms: int) -> None:
    while store.maintain(now_ms).pending:
        pass


def _born(store: Store, gateway: Gateway, at_ms: int) -> dict[str, list[int]]:
    """Announce a park; the numbers of its devices by class."""
    devices = tuple(
        Device(
            f"{name}-{number:02}",
            name,
            tuple(signal.name for signal in CATALOGUE[name].signals),
            period_s=60.0,
        )
        for name, count in DEVICES.items()
        for number in range(count)
    )
    found: dict[str, list[int]] = {}
    for number, device_class in store.register(gateway, Birth("bench", 1, at_ms, devices)).values():
        found.setdefault(device_class, []).append(number)
    return {name: sorted(each) for name, each in found.items()}


def _commit(
    gateways: Sequence[Gateway], numbers: dict[Gateway, dict[str, list[int]]], minute: int, at_ms: int
) -> Commit:
    """One minute of every park, as ingest would commit what arrived in one flush."""
    headers = [BatchHeader(each, 1, minute + 1, 1, backlog=False, received_ms=at_ms + 500) for each in gateways]
    rows = [_rows(name, gateways, numbers, minute, at_ms) for name in DEVICES]
    return Commit(headers, rows)


def _rows(
    device_class: str,
    gateways: Sequence[Gateway],
    numbers: dict[Gateway, dict[str, list[int]]],
    minute: int,
    at_ms: int,
) -> ClassRows:
    devices = np.array([number for each in gateways for number in numbers[each][device_class]], np.int32)
    batch = np.repeat(np.arange(len(gateways), dtype=np.int32), DEVICES[device_class])
    values = {}
    for place, each in enumerate(CATALOGUE[device_class].signals):
        low, high = each.steps(max(0.0, each.low)), each.steps(min(each.high, 400.0))
        if each.kind is SignalKind.COUNTER:
            # 60 kW, the same for all: a kilowatt-hour a minute.
            values[each.name] = np.full(len(devices), 1_000 * (minute + 1), np.int64)
        else:
            values[each.name] = low + (devices.astype(np.int64) * 7 + minute * 13 + place * 101) % max(1, high - low)
    return ClassRows(device_class, batch, devices, np.full(len(devices), at_ms, np.int64), values)


def _checked(dsn: str, parks: int) -> int:
    """That everything was stored, rolled up and metered; the number of readings."""
    wanted = parks * (MINUTES + 1)
    with psycopg.connect(dsn) as connection:
        raw = [_number(connection, _ROWS.format(name)) for name in DEVICES]
        minutes, days = (
            [_number(connection, _SAMPLES.format(f"{name}_{level}")) for name in DEVICES] for level in ("1m", "1d")
        )
        metered = _number(connection, _METERED)
    stored = [wanted * count for count in DEVICES.values()]
    # The last quarter of an hour is closed by the first reading after it.
    intervals = parks * DEVICES["meter"] * (MINUTES // 15)
    if (raw, minutes, days, metered) != (stored, stored, stored, intervals):
        raise BenchmarkError(
            f"{parks} parks: {raw} rows, {minutes} in minutes, {days} in days and {metered} intervals; "
            f"wanted are {stored} each and {intervals}"
        )
    return sum(raw)


def _number(connection: "psycopg.Connection[tuple[int]]", query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _answers(url: str, parks: int) -> Iterator[tuple[str, float]]:
    """The median of each question in ms; one about a park is asked of another park each time."""
    chosen = [f"park-{number:04}" for number in np.linspace(0, parks - 1, min(parks, _ASKED)).astype(int).tolist()]
    for name, path in (("live", "live"), ("day", "day"), ("devices", "devices")):
        yield name, median(_asked(f"{url}/api/v1/parks/{park}/{path}", park) for park in chosen)
    for name, path in (("parks", "parks"), ("district", "district"), ("gateways", "gateways")):
        times = []
        for _ in range(_ASKED):
            times.append(_asked(f"{url}/api/v1/{path}", chosen[-1]))
            time.sleep(_KEPT_S)
        yield name, median(times)


def _asked(url: str, holds: str) -> float:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    began = time.perf_counter()
    with opener.open(url, timeout=_PATIENCE_S) as answer:
        body = answer.read()
    taken = (time.perf_counter() - began) * 1_000
    if holds.encode() not in body:
        raise BenchmarkError(f"{url} does not name {holds}")
    return taken


@contextmanager
def _api(dsn: str, folder: Path) -> Iterator[str]:
    port = process.free_port()
    settings, log = folder / "scale-api.toml", folder / "scale-api.log"
    settings.write_text(f'port = {port}\n[database]\ndsn = "{dsn}"\n', "utf-8")
    child = process.start(process.Child("api", [sys.executable, "-m", "parkgrid_api", "--config", str(settings)], log))
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while True:
            try:
                _asked(f"{url}/api/v1/parks", "park-0000")
                break
            except (OSError, urllib.error.URLError) as error:
                if time.monotonic() > deadline:
                    raise BenchmarkError(f"the api did not answer; its log ends:\n{process.tail(log)}") from error
                time.sleep(0.1)
        yield url
    finally:
        process.stop(child, signal.SIGTERM)


@contextmanager
def _database(server_dsn: str, name: str) -> Iterator[str]:
    """A database of its own, which is dropped in any case."""
    dropped = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute(dropped)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield make_conninfo(server_dsn, dbname=name)
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as connection:
            connection.execute(dropped)


def growth(sizes: Sequence[Size]) -> dict[str, float]:
    """From the first size to the last: the cost of a park, and of an answer about one park; 1 is linear, or flat."""
    first, last = sizes[0], sizes[-1]
    grown = {
        name: getattr(last, f"{name}_ms") / getattr(first, f"{name}_ms") for name in ("commit", "rollup", "metering")
    }
    grown |= {name: last.answers_ms[name] / first.answers_ms[name] for name in ("live", "day", "devices")}
    for name in ("parks", "district", "gateways"):
        grown[name] = last.answers_ms[name] / first.answers_ms[name] / (last.parks / first.parks)
    return grown
