"""The control port of a running simulator: real process, real HTTP, real Modbus bytes behind it."""

import asyncio
import json
import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from parkgrid_simulators import control_connection, control_guard, options
from parkgrid_simulators.__main__ import main
from parkgrid_simulators.clock import ParkClock
from parkgrid_simulators.control_server import ControlServer
from parkgrid_simulators.controls import Controls
from parkgrid_simulators.faults import FAULTS, FaultKind
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.opening import open_at
from parkgrid_simulators.scenario import load_scenario

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef" * 2


@contextmanager
def simulator(folder: Path, *arguments: str) -> Iterator[dict]:
    """A process whose clock stands nearly still, and the document that it wrote."""
    out = folder / "endpoints.json"
    command = [sys.executable, "-m", "parkgrid_simulators", "--endpoints-out", str(out), "--control-port", "0"]
    process = subprocess.Popen([*command, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not out.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield json.loads(out.read_text("utf-8"))
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[dict]:
    with simulator(tmp_path_factory.mktemp("control"), "--start", "2026-06-21T12:00") as document:
        yield document


@pytest.fixture
def http(running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running["control"], timeout=60) as client:
        yield client
        client.delete("/faults")
        client.delete("/sun")
        client.put("/clock", json={"speed": 1})


def modbus(document: dict, device: str, function: int, address: int, count: int) -> bytes:
    """What a device answers on the wire, behind the header."""
    (place,) = [one["connection"] for one in document["endpoints"] if one["device"] == device]
    with socket.create_connection((place["host"], place["port"]), timeout=10) as connection:
        connection.sendall(struct.pack(">HHHBBHH", 1, 0, 6, place["unit"], function, address, count))
        return connection.recv(260)[7:]


def test_it_says_what_runs(http, running) -> None:
    assert http.get("/health").json() == {"status": "ok", "park": "pingshan-park", "devices": 13}
    assert http.get("/scenario").json()["seed"] == 20261123
    devices = {one["device"]: one for one in http.get("/devices").json()}
    assert devices["pv-1"]["connection"] in [one["connection"] for one in running["endpoints"]]
    assert devices["storage-1"]["set_points"] == {"setpoint_kw": {"low": -500.0, "high": 500.0}}
    assert http.get("/devices/weather").json()["values"]["irradiance_horizontal_w_m2"] > 0
    paths = http.get("/openapi.json").json()["paths"]
    assert {"/health", "/metrics", "/faults", "/sun", "/clock", "/fault-kinds"} <= paths.keys()


def test_it_began_at_the_local_time_that_was_said(http, running) -> None:
    assert running["clock"]["start_ms"] == 1782014400000
    assert http.get("/clock").json()["now"].startswith("2026-06-21T04:0")


def test_a_fault_is_on_the_wire_until_it_is_cleared(http, running) -> None:
    good = modbus(running, "pv-1", 3, 32080, 2)
    assert good[:2] == b"\x03\x04"
    fault = {"device": "pv-1", "kind": "exception", "duration_s": 3600, "parameters": {"code": 6}}
    made = http.post("/faults", json=fault)
    assert made.status_code == 201
    assert modbus(running, "pv-1", 3, 32080, 2) == b"\x83\x06"
    assert 'parkgrid_simulator_faults{device="pv-1",kind="exception"} 1' in http.get("/metrics").text
    (listed,) = http.get("/faults").json()
    assert (listed["number"], listed["holds"], listed["parameters"]) == (made.json()["number"], True, {"code": 6.0})
    assert http.delete(f"/faults/{listed['number']}").json() == {"cleared": 1}
    assert modbus(running, "pv-1", 3, 32080, 2)[:2] == b"\x03\x04"


def test_every_kind_can_be_injected_and_is_described(http) -> None:
    kinds = {one["kind"]: one["parameters"] for one in http.get("/fault-kinds").json()}
    assert kinds.keys() == {kind.value for kind in FAULTS}
    for kind, parameters in kinds.items():
        given = {one["name"]: one["high"] for one in parameters}
        body = {"device": "pv-1", "kind": kind, "after_s": 3600, "parameters": given}
        assert http.post("/faults", json=body).status_code == 201, kind
    assert http.delete("/faults", params={"kind": "silent"}).json() == {"cleared": 1}
    assert http.delete("/faults", params={"device": "pv-1"}).json() == {"cleared": len(FaultKind) - 1}


def test_sun_clock_and_set_points(http) -> None:
    assert http.put("/sun", json={"irradiance_w_m2": 900}).json() == {"cloud_index": None, "irradiance_w_m2": 900.0}
    http.post("/clock/advance", json={"seconds": 10})
    assert http.get("/devices/weather").json()["values"]["irradiance_horizontal_w_m2"] == 900
    assert http.get("/devices/pv-1").json()["values"]["active_power_kw"] > 200
    http.put("/devices/pv-1/set-points/limit_pct", json={"value": 10})
    before = http.post("/clock/advance", json={"seconds": 10}).json()["now"]
    assert http.get("/devices/pv-1").json()["values"]["active_power_kw"] == pytest.approx(30, abs=0.01)
    assert http.delete("/devices/pv-1/set-points/limit_pct").status_code == 200
    assert http.post("/clock/advance", json={"seconds": 600}).json()["now"] > before
    assert http.get("/devices/pv-1").json()["values"]["active_power_kw"] > 200
    assert http.put("/clock", json={"speed": 60}).json()["speed"] == 60
    assert http.put("/clock", json={"speed": 1}).json()["speed"] == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt install curl")
@pytest.mark.usefixtures("http")
def test_every_request_of_the_document_works(running) -> None:
    text = (ROOT / "docs" / "simulators-in-ci.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("curl ")]
    assert len(lines) > 10
    for line in lines:
        command = shlex.split(line.replace("http://127.0.0.1:8100", running["control"]))
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, (line, run.stdout, run.stderr)


FAULT = {"device": "pv-1", "kind": "silent"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/faults", FAULT | {"device": "pv-9"}, 404, ["'pv-9'", "did you mean pv-", "there are: grid"]),
        ("POST", "/faults", FAULT | {"kind": "silence"}, 404, ["'silence'", "did you mean silent"]),
        ("POST", "/faults", FAULT | {"parameters": {"code": 6}}, 422, ["code", "6", "it takes: share"]),
        ("POST", "/faults", FAULT | {"parameters": {"share": 2}}, 422, ["2", "between 0.001 and 1"]),
        ("POST", "/faults", FAULT | {"duration_s": -5}, 422, ["duration_s", "-5", "greater than 0"]),
        ("POST", "/faults", FAULT | {"sped": 1}, 422, ["sped", "Extra inputs"]),
        ("POST", "/faults", {"device": "grid", "kind": "late_clock"}, 422, ["late_clock", "no clock of its own"]),
        ("POST", "/faults", [], 422, ["[]"]),
        ("PUT", "/sun", {"irradiance_w_m2": 9000}, 422, ["9000", "1400"]),
        ("PUT", "/sun", {"irradiance_w_m2": 1, "cloud_index": 1}, 422, ["not both"]),
        ("PUT", "/sun", {}, 422, ["give cloud_index or irradiance_w_m2"]),
        ("DELETE", "/faults?devcie=pv-1", None, 422, ["devcie"]),
        ("PUT", "/clock", {"speed": "fast"}, 422, ["'fast'", "number"]),
        ("POST", "/clock/advance", {"seconds": 1e9}, 422, ["604800"]),
        ("PUT", "/devices/pv-1/set-points/limit_pct", {"value": 101}, 422, ["101", "between 0 and 100 %"]),
        ("PUT", "/devices/pv-1/set-points/limit_kw", {"value": 1}, 404, ["limit_kw", "it takes: limit_pct"]),
        ("PUT", "/devices/weather/set-points/x", {"value": 1}, 404, ["it takes none"]),
        ("GET", "/devices/nobody", None, 404, ["nobody", "there are: grid"]),
        ("DELETE", "/faults/77777", None, 404, ["77777", "there are: none"]),
        ("DELETE", "/faults/zero", None, 422, ["zero", "integer"]),
        ("GET", "/nowhere", None, 404, ["/nowhere", "there is no such path"]),
        ("PATCH", "/clock", None, 405, ["PATCH", "this path does not take it"]),
        ("PUT", "/clock", {"speed": True}, 422, ["True", "valid number"]),
        ("PUT", "/clock", {"speed": "60"}, 422, ["'60'", "valid number"]),
        ("PUT", "/clock", {"speed": 10**400}, 422, ["speed", "number"]),
        ("POST", "/faults", FAULT | {"parameters": {"share": True}}, 422, ["True", "valid number"]),
        ("POST", "/faults", FAULT | {"duration_s": 10**400}, 422, ["duration_s", "number"]),
    ],
)
def test_wrong_requests_name_value_and_remedy(http, method, path, body, status, told) -> None:
    answer = http.request(method, path, json=body) if body is not None else http.request(method, path)
    assert answer.status_code == status, answer.text
    problems = answer.json()["problems"]
    assert all(problem.keys() == {"key", "value", "remedy"} and problem["remedy"] for problem in problems)
    assert all(part in str(problems) for part in told), problems


@pytest.mark.parametrize(
    "content",
    [
        b'{"irradiance_w_m2": ' + b"1" * 5_000 + b"}",
        b" " * 300_000,
        b'{"irradiance_w_m2": NaN}',
        b'{"irradiance_w_m2": 1e999}',
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b"",
    ],
)
def test_hostile_bodies_are_refused(http, content) -> None:
    answer = http.put("/sun", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 413, 422}, answer.text
    assert all(problem["remedy"] for problem in answer.json()["problems"])
    assert http.get("/health").status_code == 200


def test_a_page_elsewhere_cannot_call_it_by_its_own_name(http) -> None:
    answer = http.get("/devices", headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["problems"][0]["value"]) == (400, "'evil.example'")


def test_one_jump_at_a_time_and_it_ends_with_its_client(running, http) -> None:
    address = running["control"].removeprefix("http://").split(":")
    body = b'{"seconds": 604800}'
    head = b"POST /clock/advance HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.create_connection((address[0], int(address[1])), timeout=10) as first:
        first.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        deadline = time.monotonic() + 60
        while (second := http.post("/clock/advance", json={"seconds": 1})).status_code != 409:
            assert time.monotonic() < deadline
        assert "being moved already" in second.json()["problems"][0]["remedy"]
    deadline = time.monotonic() + 60
    while http.post("/clock/advance", json={"seconds": 0}).status_code == 409:
        assert time.monotonic() < deadline
    # A week takes minutes here, so it was not all simulated.
    assert http.get("/clock").json()["now"] < "2026-06-28"


def test_it_ends_in_silence_whatever_its_clients_do(tmp_path) -> None:
    half = b"PUT /sun HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    with simulator(tmp_path, "--start", "2026-06-21T00:00") as document:
        place = document["control"].removeprefix("http://").split(":")
        clients = [socket.create_connection((place[0], int(place[1])), timeout=10) for _ in range(3)]
        clients[0].sendall(half)
        clients[1].sendall(
            half.replace(b"PUT /sun", b"POST /clock/advance").replace(b"100", b"19") + b'"seconds": 604800}'
        )
        assert httpx.get(f"{document['control']}/health").status_code == 200
    for client in clients:
        client.close()
    # `simulator` looks at the exit status and at the messages.


def test_a_slow_body_is_given_up(monkeypatch) -> None:
    """In this process, for only the constant can be made short enough for a test."""
    monkeypatch.setattr(control_guard, "BODY_S", 0.05)
    sent: list[dict] = []

    async def never() -> dict:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict) -> None:
        sent.append(message)

    async def ask() -> None:
        app = FastAPI()
        control_guard.guard(app, ())

        @app.put("/sun")
        async def sun(body: dict) -> dict:
            return body

        head = {"type": "http", "method": "PUT", "path": "/sun", "query_string": b"", "headers": [], "root_path": ""}
        await app(head | {"http_version": "1.1", "scheme": "http"}, never, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 408
    assert "send it within 0.05 s" in json.loads(sent[1]["body"])["problems"][0]["remedy"]


def place(document: dict) -> tuple[str, int]:
    host, port = document["control"].removeprefix("http://").split(":")
    return host, int(port)


def test_half_requests_cost_only_each_other(running, http) -> None:
    with ExitStack() as clients:
        for number in range(3 * control_connection.MOST_CONNECTIONS):
            client = clients.enter_context(socket.create_connection(place(running), timeout=10))
            client.sendall(b"" if number % 2 else b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-More: ")
        with httpx.Client(base_url=running["control"], timeout=10) as other:
            assert other.get("/health").status_code == 200
        assert modbus(running, "pv-1", 3, 32080, 2)[:2] == b"\x03\x04"
        assert files_of(running) < 2 * control_connection.MOST_CONNECTIONS
    assert http.get("/health").status_code == 200


def files_of(running: dict) -> int:
    """The open files of the process that listens on the control port."""
    inode = next(
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
        if line.split()[1] == f"0100007F:{place(running)[1]:04X}" and line.split()[3] == "0A"
    )
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
            if f"socket:[{inode}]" in links:
                return len(links)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-More: ",
        # The second request is half, and the body of the first one was never asked for.
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc",
    ],
)
def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch, sent) -> None:
    """In this process, for only the constant can be made short enough for a test."""
    monkeypatch.setattr(control_connection, "HEAD_S", 0.2)

    async def ask(control: ControlServer) -> None:
        reader, writer = await asyncio.open_connection(*place({"control": control.url}))
        writer.write(sent)
        # What comes byte by byte is given up as well.
        with suppress(ConnectionError):
            async with asyncio.timeout(4):
                while not writer.is_closing() and not reader.at_eof():
                    writer.write(b"x" if sent else b"")
                    await writer.drain()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await reader.read(65_536)
        writer.close()

    serve_and(ask)


def test_who_does_not_take_an_answer_is_cut_off(monkeypatch) -> None:
    monkeypatch.setattr(control_connection, "TAKE_S", 0.2)

    async def ask(control: ControlServer) -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, place({"control": control.url}))
        await loop.sock_sendall(client, 400 * b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(30):
            for wanted in (1, 0):
                while control.held != wanted:  # noqa: ASYNC110  the port tells nobody
                    await asyncio.sleep(0.01)
        client.close()

    serve_and(ask)


def serve_and(ask: Callable[[ControlServer], Coroutine[Any, Any, None]]) -> None:
    """Serve a park's control port in this process while a client does something."""

    async def run() -> None:
        scenario = load_scenario()
        clock = ParkClock(1782014400000, 0)
        park = open_at(scenario, clock.start_ms)
        server = ModbusServer(park, clock)
        controls = Controls(park, server, clock, ())
        control = ControlServer(controls, scenario, "127.0.0.1", 0, None)
        control.start()
        try:
            await ask(control)
        finally:
            await control.stop()

    asyncio.run(run())


def test_an_answer_names_no_more_problems_than_anybody_reads(http) -> None:
    body = {"device": "pv-1", "kind": "silent", "parameters": {f"p{number}": 1 for number in range(20_000)}}
    answer = http.post("/faults", json=body)
    assert answer.status_code == 422
    problems = answer.json()["problems"]
    assert (len(problems), problems[0]["key"], problems[-1]["value"]) == (51, "p0", "19950")
    assert len(answer.content) < 10_000


def test_a_token_is_asked_for(tmp_path) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n", "utf-8")
    with (
        simulator(tmp_path, "--control-token-file", str(secret), "--start", "2026-06-21T00:00") as document,
        httpx.Client(base_url=document["control"], timeout=60) as client,
    ):
        assert client.get("/health").status_code == 200
        assert client.get("/devices").status_code == 401
        assert client.get("/devices", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/openapi.json").status_code == 200
        assert client.get("/devices", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


SHARED = ("--speed", "1", "--wall-start-ms", "1782014400000")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--control-port", "0", "--control-host", "0.0.0.0"], "give --control-token-file"),
        (["--control-port", "70000"], "--control-port 70000: must be between 0 and 65535"),
        (["--port-base", "-1"], "--port-base -1: must be between 0 and 65535"),
        (["--start", "noon"], "--start noon: must be a local time between 2000 and 2200"),
        (["--start", "1999-01-01T00:00"], "must be a local time between 2000 and 2200"),
        (["--start", "2026-06-21T12:00", "--speed", "0"], "--speed 0: must be between 1 and 3600"),
        (["--control-port", "0", "--control-token-file", "/nowhere"], "cannot be read"),
        (["--scenario", "nowhere"], "cannot be read"),
        (["--scenario", "x" * 5_000], "cannot be read"),
        ([*SHARED, "--start-ms", "1" + "0" * 30], "--start-ms 1000000000000000000000000000000: must lie between 2000"),
        ([*SHARED, "--start-ms", "-1"], "--start-ms -1: must lie between 2000 and 2200"),
        (["--port-base", "65530"], "--port-base 65530: the park needs 9 ports from there on: at most 65527"),
        (["--control-port", "0", "--control-token-file", "/dev/zero"], "must hold 16 to 512 characters"),
    ],
)
def test_wrong_options_are_explained(capsys, arguments, message) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_missing_extra_is_named_with_its_command(capsys, monkeypatch) -> None:
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda _name: None)
    assert main(["--control-port", "0"]) == 2
    assert 'pip install "parkgrid-simulators[control]"' in capsys.readouterr().err


def test_nothing_of_the_extra_is_imported_unless_asked_for() -> None:
    program = "import sys, parkgrid_simulators.__main__, parkgrid_simulators.running_park; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True)
    assert not {"fastapi", "uvicorn", "pydantic", "starlette", "psycopg"} & set(run.stdout.split())
