"""An MQTT broker to work with: a given one, else mosquitto from this machine, else amqtt in a child process.

No broker is trusted with the promise: PUBACK proves nothing, and a broker that loses everything only costs a re-send.
"""

import getpass
import importlib.util
import pwd
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from parkgrid_contract.broker import BrokerAddress, BrokerAddressError, broker_address
from parkgrid_contract.broker_probe import find_mosquitto, listens
from parkgrid_contract.identity import Gateway
from parkgrid_servers import process, unprivileged
from parkgrid_servers.broker_access import TAP, Logins, acl, logins
from parkgrid_servers.private_file import write_private

BrokerKind = Literal["url", "mosquitto", "amqtt"]

_START_PATIENCE_S = 60.0
_DIAL_S = 5.0

_MOSQUITTO = """\
# Written by parkgrid at each start; nobody but this machine can connect.
listener {port} 127.0.0.1
{access}
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
_ANYBODY = "allow_anonymous true"
# A client is who it signed in as: nobody can take another's session by calling himself like it.
_LOGINS = """\
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/access
use_username_as_clientid true"""


class BrokerStartError(Exception):
    """No broker could be started; the message says what to do."""


@dataclass(slots=True)
class RunningBroker:
    """A broker that answers; `stop` and `kill` end it only if it was started here."""

    host: str
    port: int
    kind: BrokerKind
    address: BrokerAddress
    logins: Logins | None = None
    """Those of a broker that was started here and asks for one."""
    child: process.Process | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id, if it was started here."""
        return self.child.pid if self.child else None

    @property
    def url(self) -> str:
        """Its address; where it asks for a login, with that of a reader."""
        login = self.login(TAP)
        return replace(self.address, username=login.get("username"), password=login.get("password")).url

    def login(self, username: str) -> dict[str, str]:
        """User name and password of a part of ours: its own here, the one of the address at a given broker."""
        if self.logins:
            return {"username": username, "password": self.logins.password(username)}
        found = {"username": self.address.username, "password": self.address.password}
        return {name: text for name, text in found.items() if text}

    def settings(self, username: str) -> dict[str, Any]:
        """Where it is and how a part signs in, as the roles' settings name it."""
        files = {"tls_ca": self.address.ca, "tls_cert": self.address.cert, "tls_key": self.address.key}
        named = {name: path.absolute() for name, path in files.items() if path}
        tls = {"tls": True, **named} if self.address.tls else {}
        return {"host": self.host, "port": self.port, **tls, **self.login(username)}

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
    """A broker that somebody else runs, by its address. Raises `BrokerStartError` when it does not answer."""
    try:
        address = broker_address(url)
        context = address.context()
    except BrokerAddressError as error:
        raise BrokerStartError(f"--mqtt-url {error}") from error
    except OSError as error:
        raise BrokerStartError(f"the certificates cannot be used: {error}") from error
    place = f"{address.host}:{address.port}"
    try:
        with socket.create_connection((address.host, address.port), timeout=_DIAL_S) as connection:
            if context:
                context.wrap_socket(connection, server_hostname=address.host).close()
    except OSError as error:
        raise BrokerStartError(f"the broker at {place} does not answer: {error}") from error
    return RunningBroker(address.host, address.port, "url", address)


def start(
    data_dir: Path,
    port: int | None = None,
    prefer: BrokerKind | None = None,
    *,
    url: str | None = None,
    gateways: Sequence[Gateway] | None = None,
    user: pwd.struct_passwd | None = None,
) -> RunningBroker:
    """The first broker of the chain that is there: `url`, mosquitto, amqtt. Raises `BrokerStartError`.

    With `gateways` it lets in these, ingest and the tap, each with its own password and topics; without, everybody on
    this machine may do everything, as tests and measurements need it.
    It runs as `user`, to whom its folder is given; None is ourselves.
    """
    if url:
        return given(url)
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    chosen_port = port or process.free_port()
    known = None if gateways is None else logins(data_dir, gateways)
    program = None if prefer == "amqtt" else find_mosquitto()
    if program:
        return run(_mosquitto(program, data_dir, chosen_port, known), data_dir, chosen_port, known=known, user=user)
    if prefer == "mosquitto":
        raise BrokerStartError("mosquitto is not here: `apt install mosquitto`")
    if importlib.util.find_spec("amqtt") is None:
        raise BrokerStartError(
            "no MQTT broker found: `apt install mosquitto`, or `pip install amqtt==0.12.1`, "
            "or name a running one with --mqtt-url",
        )
    command = [sys.executable, "-m", "parkgrid_servers.amqtt_broker", "--port", str(chosen_port)]
    if known:
        command += ["--logins", str(data_dir), *map(str, known.gateways)]
    return run(command, data_dir, chosen_port, "amqtt", known, user)


def run(
    command: list[str],
    data_dir: Path,
    port: int,
    kind: BrokerKind = "mosquitto",
    known: Logins | None = None,
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
    return RunningBroker("127.0.0.1", port, kind, BrokerAddress("127.0.0.1", port), known, started)


def _mosquitto(program: str, data_dir: Path, port: int, known: Logins | None) -> list[str]:
    access = _ANYBODY
    if known:
        access = _LOGINS.format(folder=data_dir)
        write_private(data_dir / "passwords", known.mosquitto_passwords())
        write_private(data_dir / "access", acl())
    configuration = data_dir / "mosquitto.conf"
    # The folder may be the broker's own: what stands there under this name is not followed.
    configuration.unlink(missing_ok=True)
    text = _MOSQUITTO.format(port=port, user=getpass.getuser(), folder=data_dir, access=access)
    configuration.write_text(text, "utf-8")
    return [program, "-c", str(configuration)]
