"""Interchange with a real VictoriaMetrics: what goes out is there once, however often, and comes back equal."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.commands.influx import app
from parkgrid_contract.time import SystemClock
from parkgrid_demo.prefill import HistorySpan, prefill
from parkgrid_exchange.client import Influx
from parkgrid_exchange.cursor import Cursor
from parkgrid_exchange.errors import InfluxError
from parkgrid_exchange.export import Exported, Wanted, export
from parkgrid_exchange.importing import ImportSpan, import_series
from parkgrid_exchange.mapping import load_mapping
from parkgrid_exchange.sources import VictoriaMetrics
from parkgrid_ingest.store.opening import open_store
from parkgrid_servers import process
from parkgrid_simulators.scenario import load_scenario
from parkgrid_simulators.weather import PINGSHAN

BINARY = shutil.which("victoria-metrics")
DAY_MS = 86_400_000
START_MS = PINGSHAN.midnight_ms(date(2026, 6, 22))
END_MS = START_MS + 2 * DAY_MS
SAMPLES = Wanted("samples", (), START_MS, END_MS)
needs_server = pytest.mark.skipif(
    BINARY is None, reason="NOT TESTED: victoria-metrics is not installed; `apt-get install victoria-metrics`"
)


class Victoria:
    """A server of the module's own, on a free port, with its data in a folder that is thrown away."""

    def __init__(self, folder: Path) -> None:
        port = process.free_port()
        self.url = f"http://127.0.0.1:{port}"
        arguments = [
            f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=10y",
            "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s", "-loggerLevel=ERROR",
        ]  # fmt: skip
        self._log = (folder.parent / "victoria.log").open("wb")
        self._process = subprocess.Popen([BINARY, *arguments], stdout=self._log, stderr=self._log)

    def wait(self) -> None:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.url}/health").raise_for_status()
                return
            time.sleep(0.05)
        raise AssertionError("victoria-metrics does not answer")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()

    def empty(self) -> None:
        self._get("/api/v1/admin/tsdb/delete_series", {"match[]": '{__name__=~".+"}'})

    def flush(self) -> None:
        """Make visible what was written within the last second."""
        self._get("/internal/force_flush", {})

    def series(self, match: str = '{__name__=~".+"}') -> dict[str, dict[int, float]]:
        """Every raw sample of the module's span by series."""
        self.flush()
        query = {"match[]": match, "start": str(START_MS / 1000 - DAY_MS), "end": str(END_MS / 1000 + DAY_MS)}
        found: dict[str, dict[int, float]] = {}
        for text in self._get("/api/v1/export", query).splitlines():
            series = json.loads(text)
            assert len(set(series["timestamps"])) == len(series["timestamps"]), "a point is there twice"
            name = json.dumps(series["metric"], sort_keys=True)
            found[name] = dict(zip(series["timestamps"], series["values"], strict=True))
        return found

    def _get(self, path: str, query: dict[str, str]) -> str:
        return httpx.get(f"{self.url}{path}", params=query, timeout=30).raise_for_status().text


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Victoria]:
    running = Victoria(tmp_path_factory.mktemp("victoria") / "data")
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture
def victoria(server) -> Victoria:
    server.empty()
    return server


@pytest.fixture(scope="module")
def filled(database_server, template_database) -> Iterator[str]:
    """A database with two days of a park, a reading each quarter of an hour; nobody changes it."""
    from tests.conftest import temporary_database

    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        with contextlib.closing(open_store(dsn)) as store:
            prefill(store, dsn, [load_scenario()], HistorySpan(START_MS, END_MS))
        yield dsn


def ask(dsn: str, query: str, *arguments: object) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query, arguments or None).fetchall()


def send(dsn: str, victoria: Victoria, cursor: Path, wanted: Wanted = SAMPLES) -> Exported:
    with contextlib.closing(Influx(victoria.url, "parkgrid")) as influx, psycopg.connect(dsn) as connection:
        found = export(connection, influx, wanted, Cursor(cursor, "test"))
    victoria.flush()
    return found


def stored(dsn: str, view: str, signal: str) -> tuple[int, float]:
    """Number and sum of one signal's values."""
    return ask(dsn, f"SELECT count({signal}), sum({signal}) FROM {view}")[0]


def there(victoria: Victoria, name: str) -> tuple[int, float]:
    values = [value for each in victoria.series(f'{{__name__="{name}"}}').values() for value in each.values()]
    return len(values), sum(values)


@needs_server
def test_counts_and_sums_are_those_of_the_store(filled, victoria, tmp_path) -> None:
    found = send(filled, victoria, tmp_path / "cursor.json")
    for view, name in (
        ("grid_meter", "energy_import_kwh"),
        ("meter", "active_power_kw"),
        ("charger", "vehicle_soc_pct"),
        ("weather", "irradiance_plane_w_m2"),
    ):
        count, total = stored(filled, view, name)
        assert count > 0
        assert there(victoria, f"{view}_{name}") == (count, pytest.approx(total, rel=1e-12))
    assert sum(len(points) for points in victoria.series().values()) == found.points
    assert found.left_out == 0
    # 2 days x 96 x 13 devices rows, from 4 signals of a charger to 29 of an inverter each.
    assert found.points > 2 * 96 * 13 * 4


@needs_server
def test_what_is_sent_again_adds_nothing(filled, victoria, tmp_path) -> None:
    first = send(filled, victoria, tmp_path / "cursor.json")
    before = victoria.series()
    again = send(filled, victoria, tmp_path / "cursor.json")
    assert (again.points, again.from_ms) == (0, END_MS)
    anew = send(filled, victoria, tmp_path / "another.json")
    assert anew.points == first.points
    assert victoria.series() == before


@needs_server
def test_an_export_that_is_killed_goes_on(filled, victoria, tmp_path) -> None:
    complete = send(filled, victoria, tmp_path / "complete.json")
    expected = victoria.series()
    victoria.empty()
    cursor = tmp_path / "cursor.json"
    arguments = [filled, victoria.url, str(cursor), str(START_MS), str(END_MS)]
    killed = subprocess.Popen([sys.executable, "-c", _SLOW_EXPORT, *arguments], stdout=subprocess.PIPE)
    try:
        # The first day is noted, the second is under way: it has written one of its parts and sleeps.
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"in the middle\n"
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(10)
        killed.stdout.close()
    part = sum(len(points) for points in victoria.series().values())
    assert complete.points / 2 < part < complete.points
    rest = send(filled, victoria, cursor)
    assert rest.from_ms == START_MS + DAY_MS
    assert victoria.series() == expected


_SLOW_EXPORT = """
import sys, time
from pathlib import Path
import psycopg
from parkgrid_exchange import export as module
from parkgrid_exchange.client import Influx
from parkgrid_exchange.cursor import Cursor

dsn, url, cursor, start, end = sys.argv[1:]
module._LINES_AT_ONCE = 500
noted = Cursor(Path(cursor), "test")

class Slow(Influx):
    def write(self, lines):
        super().write(lines)
        if noted.read() is not None:
            print("in the middle", flush=True)
            time.sleep(60)

with psycopg.connect(dsn) as connection:
    module.export(connection, Slow(url, "parkgrid"), module.Wanted("samples", (), int(start), int(end)), noted)
"""


def mapping_of_everything(dsn: str, folder: Path, park: str = "pingshan-park") -> Path:
    """A mapping that takes back what an export wrote."""
    lines = [f'park = "{park}"', 'gateway = "gw-1"', "simulated = true"]
    for device, device_class, signals in ask(dsn, "SELECT device, device_class, signals FROM devices ORDER BY device"):
        lines += ["[[devices]]", f'id = "{device}"', f'device_class = "{device_class}"']
        lines += [f'measurement = "{device_class}"', f'tags = {{ device = "{device}", park = "pingshan-park" }}']
        lines += ["period_s = 900"]
        for name in signals:
            lines += ["[[devices.signals]]", f'signal = "{name}"', f'field = "{name}"']
    path = folder / "mapping.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def rows(dsn: str) -> list[tuple]:
    """Every value of every class, without what says where it came from."""
    found = []
    for name in ("grid_meter", "meter", "pv_inverter", "storage", "charger", "weather"):
        query = (
            "SELECT device, at, to_jsonb(t) - '{device_id,received_at,epoch_id,seq}'::text[]"
            f" FROM {name} t JOIN devices USING (device_id) ORDER BY device, at"
        )
        found += ask(dsn, query)
    return found


@needs_server
def test_what_comes_back_is_what_went_out(filled, dsn, victoria, tmp_path) -> None:
    send(filled, victoria, tmp_path / "cursor.json")
    mapping = load_mapping(mapping_of_everything(filled, tmp_path))
    span, now_ms = ImportSpan(START_MS, END_MS), SystemClock().now_ms()
    with contextlib.closing(open_store(dsn)) as store:
        found = import_series(store, VictoriaMetrics(victoria.url), mapping, span, now_ms)
        assert (found.stored, found.repeated, found.conflicting) == (2 * 96 * 13, 0, 0)
        assert not found.refused
        assert not found.unmapped
        assert rows(dsn) == rows(filled)
        again = import_series(store, VictoriaMetrics(victoria.url), mapping, span, now_ms)
        assert (again.stored, again.from_ms) == (0, END_MS)
        twice = import_series(store, VictoriaMetrics(victoria.url), mapping, ImportSpan(START_MS, END_MS, 2), now_ms)
        assert (twice.stored, twice.repeated, twice.conflicting) == (0, 2 * 96 * 13, 0)
    assert ask(dsn, "SELECT committed::text FROM base.gateway_epoch ORDER BY epoch") == [("{[1,49)}",)] * 2


class _BreakingSource:
    """A source that is gone after so many questions."""

    def __init__(self, source: VictoriaMetrics, questions: int) -> None:
        self._source, self._left = source, questions

    def points(self, *arguments):
        self._left -= 1
        if self._left < 0:
            raise InfluxError("gone")
        return self._source.points(*arguments)


@needs_server
def test_an_import_that_breaks_goes_on(filled, dsn, victoria, tmp_path) -> None:
    send(filled, victoria, tmp_path / "cursor.json")
    mapping = load_mapping(mapping_of_everything(filled, tmp_path))
    span, now_ms = ImportSpan(START_MS, END_MS), SystemClock().now_ms()
    whole = VictoriaMetrics(victoria.url)
    with contextlib.closing(open_store(dsn)) as store:
        # 13 devices: the first day is complete, the second breaks off at its fifth device.
        with pytest.raises(InfluxError, match="gone"):
            import_series(store, _BreakingSource(whole, 13 + 4), mapping, span, now_ms)
        assert len(rows(dsn)) == 96 * 13
        rest = import_series(store, whole, mapping, span, now_ms)
    assert (rest.stored, rest.repeated, rest.from_ms) == (96 * 13, 0, START_MS + DAY_MS)
    assert rows(dsn) == rows(filled)


@needs_server
def test_units_are_scaled_and_strangers_told_about(dsn, victoria, tmp_path) -> None:
    at_ms = START_MS + 60_000
    with contextlib.closing(Influx(victoria.url, "site")) as influx:
        influx.write([
            f"power,meter=main P=-1234567,E=987654321,cosphi=0.5,rpm=12 {at_ms}",
            f"power,meter=other P=5 {at_ms}",
            f"power,meter=main P=9e15 {at_ms + 1000}",
        ])  # fmt: skip
    victoria.flush()
    path = tmp_path / "mapping.toml"
    path.write_text(_SITE, "utf-8")
    with contextlib.closing(open_store(dsn)) as store:
        found = import_series(
            store,
            VictoriaMetrics(victoria.url),
            load_mapping(path),
            ImportSpan(START_MS, START_MS + DAY_MS),
            SystemClock().now_ms(),
        )
    # P in W: -1234567 W = -1234.567 kW; E in Wh: 987654321 Wh = 987654.321 kWh. 9e12 kW cannot be stored.
    assert ask(dsn, "SELECT active_power_kw, energy_import_kwh, power_factor FROM grid_meter") == [
        (-1234.567, 987654.321, None)
    ]
    assert dict(found.unmapped) == {"grid: power.cosphi": 1, "grid: power.rpm": 1}
    assert dict(found.refused) == {"not_representable": 1}
    assert ask(dsn, "SELECT device, simulated FROM devices") == [("grid", False)]


_SITE = """
park = "fab-7"
[[devices]]
id = "grid"
device_class = "grid_meter"
measurement = "power"
tags = { meter = "main" }
[[devices.signals]]
signal = "active_power_kw"
field = "P"
scale = 0.001
[[devices.signals]]
signal = "energy_import_kwh"
field = "E"
scale = 0.001
"""


@needs_server
def test_two_series_for_one_signal_are_refused(dsn, victoria, tmp_path) -> None:
    with contextlib.closing(Influx(victoria.url, "site")) as influx:
        influx.write([f"power,meter=main,phase={phase} P={value} {START_MS}" for phase, value in (("a", 1), ("b", 2))])
    victoria.flush()
    path = tmp_path / "mapping.toml"
    path.write_text(_SITE, "utf-8")
    with contextlib.closing(open_store(dsn)) as store, pytest.raises(InfluxError, match="name more tags"):
        import_series(
            store,
            VictoriaMetrics(victoria.url),
            load_mapping(path),
            ImportSpan(START_MS, START_MS + DAY_MS),
            SystemClock().now_ms(),
        )
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == [(0,)]


@needs_server
def test_the_commands_do_the_same(filled, dsn, victoria, tmp_path) -> None:
    common = ["--url", victoria.url, "--from", "2026-06-22T00:00+08:00", "--to", "2026-06-23T00:00+08:00"]
    cursor = ["--cursor", str(tmp_path / "cursor.json"), "--park", "pingshan-park"]
    out = CliRunner().invoke(app, ["export", "--dsn", filled, *common, *cursor])
    assert out.exit_code == 0, out.output
    assert " points written, 0 left out" in out.output
    victoria.flush()
    mapping = mapping_of_everything(filled, tmp_path)
    back = CliRunner().invoke(app, ["import", "--dsn", dsn, *common, "--mapping", str(mapping)])
    assert back.exit_code == 0, back.output
    assert f"{96 * 13} readings stored, 0 already stored" in back.output
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == [(96,)]


@needs_server
def test_intervals_are_exported_with_quality_and_revision(filled, victoria, tmp_path) -> None:
    number = ask(filled, "SELECT count(*) FROM interval_energy WHERE energy_kwh IS NOT NULL")[0][0]
    if not number:
        register = ask(
            filled,
            "INSERT INTO base.register (park_id, device_id, signal, period_s, method)"
            " SELECT park_id, device_id, 'energy_import_kwh', 900, 'register' FROM base.device WHERE device = 'grid'"
            " RETURNING park_id, register_id",
        )[0]
        ask(
            filled,
            "INSERT INTO base.interval_energy (park_id, register_id, at, period_s, energy_wh, quality, expected,"
            " received, valid, estimated, late, revision, changed_at, cause)"
            " VALUES (%s, %s, to_timestamp(%s), 900, 12345, 2, 1, 1, 1, 0, 0, 3, now(), 'test') RETURNING 1",
            *register,
            START_MS / 1000,
        )
    found = send(filled, victoria, tmp_path / "cursor.json", Wanted("intervals", (), START_MS, END_MS))
    rows_ = ask(
        filled, "SELECT energy_kwh, quality, revision FROM interval_energy WHERE energy_kwh IS NOT NULL AND at < %s",
        "2026-06-24T00:00+08:00",
    )  # fmt: skip
    assert found.points == 3 * len(rows_)
    assert there(victoria, "interval_energy_energy_kwh")[1] == pytest.approx(sum(row[0] for row in rows_))
    codes = {"good": 1, "estimated": 2}
    assert there(victoria, "interval_energy_quality")[1] == sum(codes[row[1]] for row in rows_)
    assert there(victoria, "interval_energy_revision")[1] == sum(row[2] for row in rows_)


_FOREIGN_NAMES = """
park = "fab-7"
[[devices]]
id = "weather"
device_class = "weather"
measurement = "表°1"
tags = { meter-id = "北 1", "所" = "a" }
[[devices.signals]]
signal = "temperature_c"
field = "°C"
[[devices.signals]]
signal = "humidity_pct"
field = "rel-hum"
"""


@needs_server
def test_names_in_any_letters_are_found(dsn, victoria, tmp_path) -> None:
    with contextlib.closing(Influx(victoria.url, "site")) as influx:
        influx.write([
            rf"表°1,meter-id=北\ 1,所=a °C=21.5,rel-hum=60 {START_MS}",
            rf"表°1,meter-id=北\ 1,所=b °C=99 {START_MS}",
            rf"表°1,meter-id=南,所=a °C=98 {START_MS}",
        ])  # fmt: skip
    victoria.flush()
    path = tmp_path / "mapping.toml"
    path.write_text(_FOREIGN_NAMES, "utf-8")
    with contextlib.closing(open_store(dsn)) as store:
        span, now_ms = ImportSpan(START_MS, START_MS + DAY_MS), SystemClock().now_ms()
        found = import_series(store, VictoriaMetrics(victoria.url), load_mapping(path), span, now_ms)
    assert found.stored == 1
    assert ask(dsn, "SELECT temperature_c, humidity_pct FROM weather") == [(21.5, 60.0)]


def imported(dsn: str, victoria: Victoria, mapping: Path, *more: str):
    span = ["--from", "2026-06-22T00:00+08:00", "--to", "2026-06-24T00:00+08:00"]
    return CliRunner().invoke(
        app, ["import", "--dsn", dsn, "--url", victoria.url, "--mapping", str(mapping), *span, *more]
    )


@needs_server
def test_an_import_that_finds_nothing_fails_and_notes_nothing_as_done(dsn, victoria, tmp_path) -> None:
    with contextlib.closing(Influx(victoria.url, "site")) as influx:
        influx.write([f"power,meter=main P=5000,E={1000 + hour} {START_MS + hour * 3_600_000}" for hour in range(48)])
    victoria.flush()
    path = tmp_path / "mapping.toml"
    path.write_text(_SITE.replace('"power"', '"powr"'), "utf-8")
    missed = imported(dsn, victoria, path)
    assert missed.exit_code == 1
    assert "nothing in the source matches the mapping" in missed.output
    assert ask(dsn, "SELECT count(*) FROM base.gateway_epoch WHERE through > 0") == [(0,)]
    path.write_text(_SITE, "utf-8")
    found = imported(dsn, victoria, path)
    assert found.exit_code == 0, found.output
    assert "48 readings stored, 0 already stored" in found.output
    # Metered at once, without ingest and without a metering process beside it.
    assert ask(dsn, "SELECT count(*) FROM interval_energy WHERE quality <> 'missing'")[0][0] > 0
    assert ask(dsn, "SELECT count(*) FROM base.rollup_dirty") == [(0,)]
    again = imported(dsn, victoria, path)
    assert (again.exit_code, "imported completely before" in again.output) == (0, True)
    later = imported(dsn, victoria, path, "--round", "2")
    assert (later.exit_code, "all 48 readings were already stored with the same values" in later.output) == (0, True)
    # One device of several that has no series is named.
    more = _SITE + _SITE[_SITE.index("[[devices]]") :].replace('"grid"', '"gird"', 1).replace('"main"', '"mian"')
    path.write_text(more, "utf-8")
    part = imported(dsn, victoria, path)
    assert part.exit_code == 1
    assert "no reading of gird: compare its names" in part.output
    # The same instants with other values contradict what is there, now and whenever it is asked again.
    path.write_text(_SITE.replace("scale = 0.001", "scale = 1", 1), "utf-8")
    for _ in range(2):
        other = imported(dsn, victoria, path)
        assert other.exit_code == 1
        assert "48 readings differ from those already stored" in other.output
