"""An MQTT broker to work with: a given one, else mosquitto from this machine, else amqtt in a child process.

No broker is trusted with the promise: PUBACK proves nothing, and a broker that loses everything only costs a re-send.
"""

import getpass
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from parkgrid import process, unprivileged

Kind = Literal["url", "mosquitto", "amqtt"]

_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
"""An MQTT 3.1.1 CONNECT: clean session, keep-alive 10 s, no client identifier."""
_CONNACK = b"\x20\x02\x00"
_DISCONNECT = b"\xe0\x00"
_START_PATIENCE_S = 20.0
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")

_MOSQUITTO = """\
# Written by parkgrid at each start. Anonymous access is safe only because nobody but this machine can connect.
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_interval 30
max_inflight_messages 1000
# Small acknowledgements must not wait for each other: a third of the drain rate otherwise.
set_tcp_nodelay true
# What waits for an absent client is bounded twice; the edge re-sends whatever is dropped here.
max_queued_messages 100000
max_queued_bytes 268435456
max_packet_size 2097152
persistent_client_expiration 14d
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""


class BrokerStartError(Exception):
    """No broker could be started; the message says what to do."""


@dataclass(slots=True)
class RunningBroker:
    """A broker that answers; `stop` and `kill` end it only if it was started here."""

    host: str
    port: int
    kind: Kind
    url: str
    child: process.Process | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id, if it was started here."""
        return self.child.pid if self.child else None

    @property
    def credentials(self) -> dict[str, str]:
        """User name and password, if the address carries them."""
        parts = urlsplit(self.url)
        found = {"username": parts.username, "password": parts.password}
        return {name: unquote(text) for name, text in found.items() if text}

    def stop(self) -> None:
        """Let it write what it keeps and end."""
        if self.child:
            process.stop(self.child, signal.SIGTERM, 10.0)

    def kill(self) -> None:
        """As a power cut would."""
        if self.child:
            self.child.kill()
            self.child.wait()


def given(url: str) -> RunningBroker:
    """A broker that somebody else runs, as `mqtt://host:port`. Raises `BrokerStartError` when it does not answer."""
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise BrokerStartError(f"--mqtt-url {url!r} is not a broker's address: write mqtt://host:1883")
    port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    try:
        socket.create_connection((parts.hostname, port), timeout=5).close()
    except OSError as error:
        raise BrokerStartError(f"the broker at {parts.hostname}:{port} does not answer: {error}") from error
    return RunningBroker(parts.hostname, port, "url", url)


def start(
    data_dir: Path,
    port: int | None = None,
    prefer: Kind | None = None,
    *,
    url: str | None = None,
    user: pwd.struct_passwd | None = None,
) -> RunningBroker:
    """The first broker of the chain that is there: `url`, mosquitto, amqtt. Raises `BrokerStartError`.

    It runs as `user`, to whom its folder is given; None is ourselves.
    """
    if url:
        return given(url)
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    chosen_port = port or process.free_port()
    program = None if prefer == "amqtt" else find_mosquitto()
    if program:
        return run(_mosquitto(program, data_dir, chosen_port), data_dir, chosen_port, user=user)
    if prefer == "mosquitto":
        raise BrokerStartError("mosquitto is not here: `apt install mosquitto`")
    if importlib.util.find_spec("amqtt") is None:
        raise BrokerStartError(
            "no MQTT broker found: `apt install mosquitto`, or `pip install amqtt==0.12.1`, "
            "or name a running one with --mqtt-url",
        )
    command = [sys.executable, "-m", "parkgrid.amqtt_broker", "--port", str(chosen_port)]
    return run(command, data_dir, chosen_port, "amqtt", user)


def find_mosquitto() -> str | None:
    """The mosquitto program; Debian puts it where a normal user's PATH does not look."""
    search = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS))
    return shutil.which("mosquitto", path=search)


def run(
    command: list[str],
    data_dir: Path,
    port: int,
    kind: Kind = "mosquitto",
    user: pwd.struct_passwd | None = None,
) -> RunningBroker:
    """Start a broker's program and wait until it answers on a loopback port. Raises `BrokerStartError`."""
    log = data_dir / f"{kind}.log"
    if user is not None:
        unprivileged.own_folder(data_dir)
    started = process.start(process.Child("broker", command, log, user=user, directory=data_dir if user else None))
    deadline = time.monotonic() + _START_PATIENCE_S
    while not listens("127.0.0.1", port):
        if started.poll() is not None or time.monotonic() > deadline:
            started.kill()
            started.wait()
            raise BrokerStartError(f"{kind} did not start; its log ends:\n{process.tail(log)}")
        time.sleep(0.03)
    return RunningBroker("127.0.0.1", port, kind, f"mqtt://127.0.0.1:{port}", started)


def listens(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Whether an MQTT broker is there, be it one that wants a password."""
    return _connack(host, port, timeout_s).startswith(_CONNACK)


def answers(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Whether an MQTT broker accepts an anonymous connection there."""
    return _connack(host, port, timeout_s) == _CONNACK + b"\x00"


def _connack(host: str, port: int, timeout_s: float) -> bytes:
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(_CONNECT)
            answer = connection.recv(4)
            if answer == _CONNACK + b"\x00":
                connection.sendall(_DISCONNECT)
            return answer
    except OSError:
        return b""


def _mosquitto(program: str, data_dir: Path, port: int) -> list[str]:
    configuration = data_dir / "mosquitto.conf"
    # The folder may be the broker's own: what stands there under this name is not followed.
    configuration.unlink(missing_ok=True)
    configuration.write_text(_MOSQUITTO.format(port=port, user=getpass.getuser(), folder=data_dir), "utf-8")
    return [program, "-c", str(configuration)]
