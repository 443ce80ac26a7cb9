"""Answers that no store should give end in a sentence, never in a traceback, and never without an end."""

import contextlib
import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from parkgrid_exchange import answers
from parkgrid_exchange.client import Influx
from parkgrid_exchange.errors import InfluxError
from parkgrid_exchange.sources import InfluxDb2, VictoriaMetrics

pytestmark = pytest.mark.process

START_MS = 1_759_975_200_000
END_MS = START_MS + 3_600_000
HEAD = b"""\
#group,false,false,false,false,true,true\r
#datatype,string,long,%s,%s,string,string\r
#default,_result,,,,,\r
,result,table,_time,_value,_field,_measurement\r
,,0,%s,%s,P,power\r
\r
"""


class _Answers(BaseHTTPRequestHandler):
    """Gives the answer that the test has put there."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        with contextlib.suppress(OSError):
            for part in self.server.answer:
                self.wfile.write(part)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def peer() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(peer: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{peer.server_address[1]}"


def series(timestamps: object, values: object) -> bytes:
    return json.dumps({"metric": {"__name__": "m_P"}, "values": values, "timestamps": timestamps}).encode() + b"\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (series([str(START_MS)], [1]), "which is not an instant in ms"),
        (series([10**300], [1]), "which is not an instant in ms"),
        (series([1e400], [1]).replace(b"Infinity", b"1e400"), "which is not an instant in ms"),
        (series([START_MS + 0.5], [1]), "which is not an instant in ms"),
        (series([True], [1]), "which is not an instant in ms"),
        (series([END_MS], [1]), "which is not an instant in ms"),
        (series([START_MS], [{"a": 1}]), "which is not a number"),
        (series([START_MS], [[1]]), "which is not a number"),
        (series([START_MS], ["1"]), "which is not a number"),
        (series([START_MS], [10**400]), "which is not a number"),
        (series([START_MS], [True]), "which is not a number"),
        (series(5, [1]), "is cut off or not an export"),
        (series([START_MS], {"a": 1}) + b"[]\n", "not a number"),
        (b'{"metric":' * 50_000, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"metric":[1]}\n', "is cut off or not an export"),
        (b'"metric"\n', "is cut off or not an export"),
        (b"<!DOCTYPE html><title>proxy</title>", "is cut off or not an export"),
        (b"\xff\xfe\x00", "is cut off or not an export"),
    ],
)
def test_an_export_that_is_none(peer: ThreadingHTTPServer, answer: bytes, says: str) -> None:
    peer.answer = [answer]
    with pytest.raises(InfluxError) as refused:
        list(VictoriaMetrics(address(peer)).points("m", {}, START_MS, END_MS))
    assert says in str(refused.value)
    assert address(peer) in str(refused.value)
    assert len(str(refused.value)) < 500


def test_values_that_are_none_are_left_out(peer: ThreadingHTTPServer) -> None:
    peer.answer = [series([START_MS + place for place in range(5)], [None, "NaN", "Infinity", "-Infinity", 2.5])]
    assert list(VictoriaMetrics(address(peer)).points("m", {}, START_MS, END_MS)) == [("P", START_MS + 4, 2.5)]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (HEAD % (b"string", b"double", b"soon", b"1"), "which is not an instant in ms"),
        (HEAD % (b"dateTime:RFC3339", b"double", b"soon", b"1"), ""),
        (HEAD % (b"dateTime:RFC3339", b"double", b"9999-12-31T23:59:59Z", b"1"), "which is not an instant in ms"),
        (HEAD % (b"dateTime:RFC3339", b"double", b"99999-12-31T23:59:59Z", b"1"), ""),
        (HEAD % (b"dateTime:RFC3339", b"double", b"2025-10-09T02:00:00Z", b"many"), "cannot be read"),
        (HEAD % (b"dateTime:RFC3339", b"long", b"2025-10-09T02:00:00Z", b"9" * 5_000), "cannot be read"),
        (HEAD % (b"dateTime:RFC3339", b"long", b"2025-10-09T02:00:00Z", b"9" * 400), "which is not a number"),
        (b"<!DOCTYPE html><title>proxy</title>", "cannot be read"),
        (b"#datatype,string\r\n,,,\r\n" + b"\xff\xfe", "cannot be read"),
        (b"#datatype,string\r\n" + b"x" * 200_000, "cannot be read"),
        (b"{}" * 100, "cannot be read"),
    ],
)
def test_a_flux_answer_that_is_none(peer: ThreadingHTTPServer, answer: bytes, says: str) -> None:
    peer.answer = [answer]
    with contextlib.closing(Influx(address(peer), "site", "org", "secret")) as influx, pytest.raises(InfluxError) as no:
        list(InfluxDb2(influx, "site").points("power", {}, START_MS, END_MS))
    assert says in str(no.value)
    assert address(peer) in str(no.value)
    assert len(str(no.value)) < 500


@pytest.mark.parametrize(("part", "says"), [(b"x" * 1_000_000, "a line of more than"), (b"x\n", "more than 20000000")])
def test_an_answer_without_an_end_is_left(
    peer: ThreadingHTTPServer, part: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 20_000_000)
    peer.answer = itertools.repeat(part * (1_000_000 // len(part)))
    with contextlib.closing(Influx(address(peer), "site", "org", "secret")) as influx:
        for source in (VictoriaMetrics(address(peer)), InfluxDb2(influx, "site")):
            with pytest.raises(InfluxError) as refused:
                list(source.points("m", {}, START_MS, END_MS))
            assert says in str(refused.value) or "is cut off" in str(refused.value) or "read" in str(refused.value)


def test_an_answer_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dripping:
        def readline(self, _size: int, /) -> bytes:
            return b"x\n"

    monkeypatch.setattr(answers, "MOST_SECONDS", 0.0)
    with pytest.raises(InfluxError, match="is still answering after 0 s"):
        list(answers.lines(Dripping(), "http://store"))
