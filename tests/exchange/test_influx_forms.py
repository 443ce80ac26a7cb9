"""Line protocol, Flux, mapping and cursor without a VictoriaMetrics; Flux answers laid out as InfluxDB 2 does."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point
from influxdb_client.client.write.point import WritePrecision
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_contract.settings import SettingsError
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import SystemClock
from parkgrid_exchange.client import Influx
from parkgrid_exchange.cursor import Cursor
from parkgrid_exchange.errors import InfluxError
from parkgrid_exchange.export import Wanted, export
from parkgrid_exchange.importing import ImportSpan, import_series
from parkgrid_exchange.lines import head, line
from parkgrid_exchange.mapping import load_mapping
from parkgrid_exchange.sources import InfluxDb2, VictoriaMetrics, flux
from parkgrid_ingest.store.opening import open_store

HOUR_MS = 3_600_000
START_MS = 1_759_975_200_000
"""2025-10-09T02:00:00Z."""
WORDS = st.text(alphabet="ab中 ,=\\é_-", min_size=1, max_size=8).filter(lambda text: not text.endswith("\\"))


@given(measurement=WORDS, tag=WORDS, value=WORDS, number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_line_is_what_the_client_itself_would_write(measurement, tag, value, number) -> None:
    point = Point(measurement).tag(tag, value).field("P", number).time(START_MS, WritePrecision.MS)
    fields, at = point.to_line_protocol().rsplit(" ", 1)
    mine, my_at = line(head(measurement, {tag: value}), ["P"], [number], START_MS).rsplit(" ", 1)
    assert at == my_at == str(START_MS)
    assert mine.rsplit("=", 1)[0] == fields.rsplit("=", 1)[0]
    assert float(mine.rsplit("=", 1)[1]) == number == float(fields.rsplit("=", 1)[1])


def test_a_backslash_at_the_end_swallows_nothing() -> None:
    assert head("m", {"t": "a\\"}) == "m,t=a\\\\ "


def test_absent_values_and_tags_are_not_in_a_line() -> None:
    start = head("grid_meter", {"park": "p", "line": "", "device": "grid"})
    assert start == "grid_meter,device=grid,park=p"
    assert line(start, ["a", "b", "c"], [1.5, None, -0.001], 7) == "grid_meter,device=grid,park=p a=1.5,c=-0.001 7"
    assert line(start, ["a"], [None], 7) is None


class _Answers(BaseHTTPRequestHandler):
    """Gives the answer that the test has put there, and keeps what it was asked."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.asked.append((self.path, asked.decode(errors="replace"), self.headers["Authorization"]))
        status, content = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", "text/csv; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def peer() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.asked, server.answer = [], (200, b"")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(peer: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{peer.server_address[1]}"


# The layout of InfluxDB 2, "Annotated CSV": annotations, header, records, an empty line between tables.
ANNOTATED = b"""\
#group,false,false,true,true,false,false,true,true,true\r
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string\r
#default,_result,,,,,,,,\r
,result,table,_start,_stop,_time,_value,_field,_measurement,meter\r
,,0,2025-10-09T02:00:00Z,2025-10-09T03:00:00Z,2025-10-09T02:00:00Z,1500,P,power,main\r
,,0,2025-10-09T02:00:00Z,2025-10-09T03:00:00Z,2025-10-09T02:15:00.25Z,-250,P,power,main\r
,,1,2025-10-09T02:00:00Z,2025-10-09T03:00:00Z,2025-10-09T02:00:00Z,12345.678,E,power,main\r
\r
#group,false,false,true,true,false,false,true,true,true\r
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,string,string,string,string\r
#default,_result,,,,,,,,\r
,result,table,_start,_stop,_time,_value,_field,_measurement,meter\r
,,2,2025-10-09T02:00:00Z,2025-10-09T03:00:00Z,2025-10-09T02:00:00Z,ok,state,power,main\r
\r
"""

MAPPING = """
park = "fab-7"
kind = "influxdb2"
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
"""


def test_an_answer_of_influxdb_2_becomes_readings(dsn, peer, tmp_path) -> None:
    peer.answer = (200, ANNOTATED)
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, "utf-8")
    with (
        contextlib.closing(open_store(dsn)) as store,
        contextlib.closing(Influx(address(peer), "site", "org", "secret")) as influx,
    ):
        span = ImportSpan(START_MS, START_MS + HOUR_MS)
        found = import_series(store, InfluxDb2(influx, "site"), load_mapping(path), span, SystemClock().now_ms())
    assert found.stored == 2
    assert rows(dsn) == [
        ("2025-10-09 02:00:00+00", 1.5, 12345.678),
        ("2025-10-09 02:15:00.25+00", -0.25, None),
    ]
    route, asked, authorization = peer.asked[0]
    assert route == "/api/v2/query?org=org"
    assert authorization == "Token secret"
    assert json.loads(asked)["query"] == (
        'from(bucket: "site") |> range(start: 2025-10-09T02:00:00Z, stop: 2025-10-09T03:00:00Z)'
        ' |> filter(fn: (r) => r._measurement == "power" and r["meter"] == "main")'
    )


def rows(dsn: str) -> list[tuple]:
    import psycopg

    with psycopg.connect(dsn) as connection:
        connection.execute("SET timezone TO 'UTC'")
        query = "SELECT at::text, active_power_kw, energy_import_kwh FROM grid_meter ORDER BY at"
        return connection.execute(query).fetchall()


def test_no_word_of_a_mapping_leaves_its_string_in_flux() -> None:
    found = flux("b", 'm" or true', {"t": "a\\b${x}"}, START_MS, START_MS + 250)
    assert '"m\\" or true"' in found
    assert '"a\\\\b\\${x}"' in found
    assert "stop: 2025-10-09T02:00:00.250000Z" in found


@pytest.mark.process
@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "check the token and its rights"), (404, "check address, org and bucket"), (500, "answers 500")],
)
def test_a_refusal_of_the_server_is_told(peer, status, words) -> None:
    peer.answer = (status, b'{"code":"x","message":"no"}')
    with contextlib.closing(Influx(address(peer), "site")) as influx:
        with pytest.raises(InfluxError, match=words):
            list(influx.query("from(bucket: 1)"))
        with pytest.raises(InfluxError, match=words):
            influx.write(["m f=1 1"])


@pytest.mark.process
def test_a_refusal_of_victoria_metrics_is_told(peer) -> None:
    peer.answer = (422, b"too many series")
    with pytest.raises(InfluxError, match="answers 422 too many series"):
        list(VictoriaMetrics(address(peer)).points("m", {}, 0, 1))


def test_a_server_that_is_not_there_is_told(free_port) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with contextlib.closing(Influx(url, "site")) as influx, pytest.raises(InfluxError, match="is the server running"):
        influx.write(["m f=1 1"])
    with pytest.raises(InfluxError, match="is the server running"):
        list(VictoriaMetrics(url).points("m", {}, 0, 1))
    with pytest.raises(InfluxError, match="is not an address of a server"):
        list(VictoriaMetrics("/etc/passwd").points("m", {}, 0, 1))


@pytest.mark.process
def test_a_token_is_shown_to_victoria_metrics(peer) -> None:
    peer.answer = (200, b"")
    assert list(VictoriaMetrics(address(peer), "secret").points("m.x", {"a": 'q"'}, 0, 1_500)) == []
    route, _, authorization = peer.asked[0]
    assert authorization == "Bearer secret"
    # __name__=~"m\\.x_.+" and a="q\"": a dot is no wildcard, a quote does not end the label; the end is included there.
    assert parse_qs(urlsplit(route).query) == {
        "match[]": ['{__name__=~"m\\\\.x_.+",a="q\\""}'],
        "start": ["0.000"],
        "end": ["1.499"],
    }


@pytest.mark.process
def test_an_answer_that_is_cut_off_is_not_taken_for_a_whole(peer) -> None:
    peer.answer = (200, b'{"metric":{"__name__":"m_P"},"values":[1],"timestamps":[1]}\n{"metric":{"__na')
    found = VictoriaMetrics(address(peer)).points("m", {}, 0, 2)
    assert next(found) == ("P", 1, 1.0)
    with pytest.raises(InfluxError, match="is cut off or not an export"):
        next(found)


def test_values_that_are_not_good_stay_at_home(dsn, peer, tmp_path) -> None:
    import psycopg

    from parkgrid_ingest.rows import Commit
    from tests.ingest.readings import GATEWAY as gateway  # noqa: N811
    from tests.ingest.readings import NOON_MS, birth, class_rows, header

    with contextlib.closing(open_store(dsn)) as store:
        number, _ = store.register(gateway, birth())["meter-1"]
        readings = [
            (number, NOON_MS, {"active_power_kw": 1_000, "energy_import_kwh": 5}),
            (number, NOON_MS + 1_000, {"active_power_kw": 2_000, "energy_import_kwh": 6}),
        ]
        flags = {0: b'{"active_power_kw":"stale"}', 1: b'{"energy_import_kwh":"estimated"}'}
        store.commit(Commit([header(1)], [class_rows("meter", readings, flags=flags)]))
    with contextlib.closing(Influx(address(peer), "b")) as influx, psycopg.connect(dsn) as connection:
        peer.answer = (204, b"")
        wanted = Wanted("samples", (), NOON_MS, NOON_MS + 2_000)
        found = export(connection, influx, wanted, Cursor(tmp_path / "c.json", "test"))
    assert (found.points, found.left_out) == (3, 1)


def test_an_unknown_park_is_refused_with_those_that_there_are(dsn, peer, tmp_path) -> None:
    import psycopg

    cursor = Cursor(tmp_path / "c.json", "test")
    with (
        contextlib.closing(Influx(address(peer), "b")) as influx,
        psycopg.connect(dsn) as connection,
        pytest.raises(InfluxError, match="'nowhere' is not a park of this database; there are: none"),
    ):
        export(connection, influx, Wanted("samples", ("nowhere",), 0, HOUR_MS), cursor)


class TestCursor:
    def test_it_keeps_how_far_an_export_is(self, tmp_path) -> None:
        cursor = Cursor(tmp_path / "c.json", "a")
        assert cursor.read() is None
        cursor.write(7)
        cursor.write(8)
        assert Cursor(tmp_path / "c.json", "a").read() == 8

    def test_that_of_another_export_is_refused(self, tmp_path) -> None:
        Cursor(tmp_path / "c.json", "a").write(7)
        with pytest.raises(InfluxError, match="belongs to another export"):
            Cursor(tmp_path / "c.json", "b").read()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"export": "a"}', "null"])
    def test_a_damaged_one_is_told(self, tmp_path, text) -> None:
        (tmp_path / "c.json").write_text(text, "utf-8")
        with pytest.raises(InfluxError, match="remove it to start again"):
            Cursor(tmp_path / "c.json", "a").read()

    def test_a_folder_that_is_not_there_is_told(self, tmp_path) -> None:
        with pytest.raises(InfluxError, match="cannot be written"):
            Cursor(tmp_path / "none" / "c.json", "a").write(7)


def test_a_wrong_mapping_is_told_with_all_its_mistakes(tmp_path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(_WRONG, "utf-8")
    with pytest.raises(SettingsError) as found:
        load_mapping(path)
    told = [(problem.key, problem.value) for problem in found.value.problems]
    assert told == [
        ("kind", "opentsdb"),
        ("park", "Fab 7"),
        ("devices[0].signals[1].signal", "power"),
        ("devices[0].signals[2]", "active_power_kw = P"),
        ("devices[0].signals[3].scale", 0.0),
        ("devices[1].id", "grid"),
        ("devices[1].device_class", "windmill"),
    ]


_WRONG = """
park = "Fab 7"
kind = "opentsdb"
[[devices]]
id = "grid"
device_class = "grid_meter"
measurement = "power"
[[devices.signals]]
signal = "active_power_kw"
field = "P"
[[devices.signals]]
signal = "power"
field = "Q"
[[devices.signals]]
signal = "active_power_kw"
field = "P"
[[devices.signals]]
signal = "frequency_hz"
field = "f"
scale = 0.0
[[devices]]
id = "grid"
device_class = "windmill"
measurement = "power"
signals = []
"""


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (ImportSpan(START_MS + 1, START_MS + HOUR_MS), "full hours"),
        (ImportSpan(START_MS, START_MS), "full hours"),
        (ImportSpan(START_MS, 4_102_444_800_000), "is in the future"),
        (ImportSpan(START_MS, START_MS + HOUR_MS, 1000), "between 1 and 999"),
    ],
)
def test_a_span_that_cannot_be_is_refused(dsn, tmp_path, span, words) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING, "utf-8")
    with contextlib.closing(open_store(dsn)) as store, pytest.raises(InfluxError, match=words):
        import_series(store, VictoriaMetrics(""), load_mapping(path), span, SystemClock().now_ms())


def test_the_commands_teach_with_an_example() -> None:
    for name in ("export", "import"):
        shown = CliRunner().invoke(app, ["influx", name, "--help"])
        assert shown.exit_code == 0
        assert f"parkgrid influx {name} --" in shown.output


def test_what_a_user_can_mend_is_said_in_a_sentence(dsn, tmp_path, free_port) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.replace("influxdb2", "victoria-metrics"), "utf-8")
    where = ["--dsn", dsn, "--url", f"http://127.0.0.1:{free_port()}", "--mapping", str(mapping)]
    span = ["--from", "2025-10-09T02:00Z", "--to", "2025-10-09T03:00Z"]
    shown = CliRunner().invoke(app, ["influx", "import", *where, *span])
    assert shown.exit_code == 1
    assert "error: " in shown.output
    assert "is the server running there?" in shown.output
    wrong = CliRunner().invoke(app, ["influx", "import", *where, "--from", "yesterday", "--to", "today"])
    assert wrong.exit_code == 2
    assert "'yesterday' is not an instant" in wrong.output


@pytest.mark.process
def test_without_the_client_a_sentence_says_what_to_install() -> None:
    # Whatever is not in the modules and may not be found is not installed.
    code = (
        "import sys; sys.modules['influxdb_client'] = None\n"
        "from parkgrid_exchange.client import Influx\n"
        "try: Influx('http://127.0.0.1:1', 'b')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("InfluxError influxdb-client is not installed")
    assert "parkgrid[influx]" in done.stdout


def test_only_one_file_knows_the_client() -> None:
    from pathlib import Path

    root = Path(__file__).parents[2]
    found = {
        str(path.relative_to(root))
        for package in (root / "parkgrid", *root.glob("*/parkgrid_*/"))
        for path in package.rglob("*.py")
        if "influxdb_client" in path.read_text("utf-8")
    }
    assert found == {"exchange/parkgrid_exchange/client.py"}


def test_every_class_can_be_exported(dsn, peer, tmp_path) -> None:
    import psycopg

    with contextlib.closing(Influx(address(peer), "b")) as influx, psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO base.park (park) VALUES ('empty')")
        cursor = Cursor(tmp_path / "c.json", "test")
        found = export(connection, influx, Wanted("samples", (), START_MS, START_MS + HOUR_MS), cursor)
    assert (found.points, cursor.read()) == (0, START_MS + HOUR_MS)
    assert len(CATALOGUE) == 8
