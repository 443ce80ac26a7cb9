"""(d) A history request for 1,000 points against the same server sending as many constant bytes.

The constant route exists only in the bench's own process: `python -m parkgrid_bench.history --config api.toml`.
"""

import argparse
import asyncio
import os
import re
import select
import signal
import socket
import sys
import time
from pathlib import Path
from urllib.parse import quote

import uvicorn
from fastapi import Request, Response

from parkgrid_api.app import create_app
from parkgrid_api.http.middleware import AccessMiddleware
from parkgrid_api.page import Page
from parkgrid_api.services import Services
from parkgrid_api.settings import ApiSettings
from parkgrid_bench.figures import BenchmarkError, Figure, Leg, Progress, finish, run_pairs
from parkgrid_bench.plant import METERS, device
from parkgrid_bench.stack import GATEWAYS, Stack
from parkgrid_bench.writing import store_span
from parkgrid_contract.settings import load
from parkgrid_contract.time import SystemClock
from parkgrid_servers import process

POINTS = 1_000
_REQUESTS = 600
_CONNECTIONS = 8
_PATIENCE_S = 30.0
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_CONSTANT = "/api/v1/bench/constant"


def measure(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `history_api`: the same request repeated, as pages do; the detail has new requests too."""
    [span] = stack.spans(POINTS * METERS, METERS, GATEWAYS[:1])
    store_span(stack, span, METERS)
    port = process.free_port()
    settings = stack.folder / "api.toml"
    settings.write_text(f'port = {port}\n[database]\ndsn = "{stack.database.dsn}"\n', "utf-8")
    command = [sys.executable, "-m", "parkgrid_bench.history", "--config", str(settings)]
    server = process.start(process.Child("api", command, stack.folder / "api.log"))
    address = f"/api/v1/devices/{span.gateway.park}/{span.gateway.gateway}/{device(0)}/history"
    query = f"?signals={quote('active_power_kw')}&from={{}}&to={span.end_ms}&points={POINTS}&resolution=raw"
    try:
        _await(port, server)
        body = _bodies(port, [address + query.format(span.start_ms)])[0]
        right = body.count(b",") >= 2 * (POINTS - 1) and b'"rows":%d' % POINTS in body.replace(b" ", b"")
        figure = Figure("history_api", correct=right)
        constant = [f"{_CONSTANT}?bytes={len(body)}"] * _REQUESTS
        asked = [address + query.format(span.start_ms)] * _REQUESTS
        # A window that starts elsewhere within the same gap between two points gives the same points, never cached.
        fresh = [address + query.format(span.start_ms - 1 - number) for number in range(_REQUESTS)]
        legs = list(run_pairs(figure, lambda: _leg(port, constant), lambda: _leg(port, asked), pairs, tell))
        uncached = _leg(port, fresh)
    finally:
        process.stop(server, signal.SIGTERM)
    finish(figure, "requests/s", legs)
    figure.detail += f" when repeated; {uncached.rate:,.0f} when every request is new"
    return figure


def _leg(port: int, addresses: list[str]) -> Leg:
    started = time.monotonic()
    bodies = _bodies(port, addresses)
    seconds = time.monotonic() - started
    return Leg(len(bodies) / seconds, len({len(body) // 100 for body in bodies}) == 1)


def _bodies(port: int, addresses: list[str]) -> list[bytes]:
    """Ask all addresses over a few connections at a time; a client as lean as possible, since it shares the cores."""
    requests = [f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for address in addresses]
    free = [socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) for _ in range(_CONNECTIONS)]
    busy: dict[socket.socket, bytearray] = {}
    bodies: list[bytes] = []
    everyone = list(free)
    try:
        while requests or busy:
            while requests and free:
                connection = free.pop()
                connection.sendall(requests.pop())
                busy[connection] = bytearray()
            ready, _, _ = select.select(list(busy), [], [], _PATIENCE_S)
            if not ready:
                raise BenchmarkError("the api did not answer")
            for connection in ready:
                busy[connection] += connection.recv(1 << 18)
                body = _complete(busy[connection])
                if body is not None:
                    bodies.append(body)
                    del busy[connection]
                    free.append(connection)
    finally:
        for connection in everyone:
            connection.close()
    return bodies


def _complete(answer: bytearray) -> bytes | None:
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not separator or length is None or len(body) < int(length.group(1)):
        return None
    if not head.startswith(b"HTTP/1.1 200"):
        raise BenchmarkError(f"the api answered {bytes(head[:80])!r} {bytes(body[:300])!r}")
    return bytes(body)


def _await(port: int, server: process.Process) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            _bodies(port, [f"{_CONSTANT}?bytes=10"])
        except OSError as error:
            if time.monotonic() > deadline or server.poll() is not None:
                raise BenchmarkError("the api did not start") from error
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Serve the api with a route more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    settings = load(ApiSettings, parser.parse_args().config, os.environ, "api")
    services = Services.of(settings, SystemClock(), Page())
    app = create_app(services)

    async def constant(request: Request) -> Response:
        return Response(b"x" * int(request.query_params["bytes"]), media_type="application/json")

    app.add_api_route(_CONSTANT, constant)
    # Before the page's own route, which answers for everything that nobody else knows.
    app.router.routes.insert(0, app.router.routes.pop())
    config = uvicorn.Config(
        AccessMiddleware(app, settings), host=settings.host, port=settings.port, access_log=False, log_level="warning"
    )
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
