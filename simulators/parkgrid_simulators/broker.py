"""A small MQTT broker for tests, on this machine only: mosquitto where it is installed, else amqtt.

Everybody on the machine may connect and do everything; what it holds is gone when it ends. It ends with the process
that started it, even when that one is killed.
"""

import getpass
import importlib.util
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from parkgrid_contract.broker_probe import find_mosquitto, listens
from parkgrid_contract.leash import leash

_START_PATIENCE_S, _STOP_PATIENCE_S = 60.0, 10.0
_MOSQUITTO = """\
user {user}
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_packet_size 2097152
log_dest stderr
connection_messages false
"""
"""The user is who starts it: a change of user would take it off its leash."""


class BrokerMissingError(Exception):
    """No broker is installed; the message says how to get one."""


@dataclass(slots=True)
class Broker:
    """A broker that answers until it is stopped."""

    host: str
    port: int
    kind: str
    """mosquitto or amqtt."""
    process: "subprocess.Popen[bytes]"
    ended: threading.Event
    """Set when it is stopped: then nobody needs to hold its leash any more."""

    @property
    def url(self) -> str:
        """Its address, as MQTT clients take it."""
        return f"mqtt://{self.host}:{self.port}"

    def stop(self) -> None:
        """End it; a second time does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_broker(folder: Path, prefer: str | None = None) -> Broker:
    """A broker on a free loopback port; it writes into `folder`.

    `prefer="amqtt"` leaves mosquitto out. Raises `BrokerMissingError` where none is installed, `OSError` where it does
    not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = None if prefer == "amqtt" else find_mosquitto()
    if program:
        configuration = folder / "mosquitto.conf"
        configuration.write_text(_MOSQUITTO.format(user=getpass.getuser(), port=port), "utf-8")
        return _started("mosquitto", [program, "-c", str(configuration)], folder, port)
    if importlib.util.find_spec("amqtt") is None:
        raise BrokerMissingError(
            'no MQTT broker is installed: `apt install mosquitto`, or `pip install "parkgrid-simulators[broker]"`'
        )
    return _started("amqtt", [sys.executable, "-m", "parkgrid_simulators.amqtt_broker", str(port)], folder, port)


def _leashed(command: list[str], log: Path) -> tuple["subprocess.Popen[bytes]", threading.Event]:
    """A child on a leash, and what lets its holder go.

    The kernel ends it with the thread that started it, and a caller's thread may end long before its tests do: a thread
    of its own starts it and stays until it is stopped.
    """
    begun: Future[subprocess.Popen[bytes]] = Future()
    ended = threading.Event()

    def hold() -> None:
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    preexec_fn=leash(signal.SIGTERM),  # noqa: PLW1509  (one prctl call)
                )
        except BaseException as error:  # noqa: BLE001  whoever waits for the start is told
            begun.set_exception(error)
            return
        begun.set_result(process)
        ended.wait()

    threading.Thread(target=hold, name=f"parkgrid broker {command[0]}", daemon=True).start()
    return begun.result(), ended


def _started(kind: str, command: list[str], folder: Path, port: int) -> Broker:
    log = folder / f"{kind}.log"
    process, ended = _leashed(command, log)
    broker = Broker("127.0.0.1", port, kind, process, ended)
    deadline = time.monotonic() + _START_PATIENCE_S
    while not listens(broker.host, port):
        if process.poll() is not None or time.monotonic() > deadline:
            broker.stop()
            raise OSError(f"{kind} did not start; its log says: {log.read_text('utf-8', 'replace')[-2_000:]}")
        time.sleep(0.03)
    return broker
