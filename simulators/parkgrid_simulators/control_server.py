"""The control port on its socket, in the loop that serves the park."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from parkgrid_simulators.control_connection import connection
from parkgrid_simulators.control_port import build_app
from parkgrid_simulators.controls import Controls
from parkgrid_simulators.scenario import Scenario

_GOODBYE_S = 1.0


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the park's: it ends both."""
        yield


class ControlServer:
    """Serves the control port until it is stopped."""

    def __init__(self, controls: Controls, scenario: Scenario, host: str, port: int, token: str | None) -> None:
        self._host = host
        self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        hosts = (host, "localhost", "127.0.0.1", "[::1]") if token is None else ()
        made = connection()
        config = uvicorn.Config(
            build_app(controls, scenario, token, hosts),
            access_log=False,
            log_level="error",
            http=made,
            ws="none",
            lifespan="off",
            server_header=False,
        )
        self._controls = controls
        self._server = _Server(config)
        self._connection = made
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    @property
    def held(self) -> int:
        """Clients that are connected."""
        return len(self._connection.held)

    def start(self) -> None:
        """Begin to answer; connections that came before wait in the socket."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._socket]))

    async def stop(self) -> None:
        """Let open answers end, hang up on who still sends or waits, and close the port."""
        self._controls.stop()
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_GOODBYE_S)
            for connection in list(self._server.server_state.connections):
                if transport := connection.transport:
                    transport.abort()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._socket.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
