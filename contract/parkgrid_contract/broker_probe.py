"""Is there a broker: mosquitto's program on this machine, and what answers on a port."""

import os
import shutil
import socket

_CONNACK = b"\x20\x02\x00"
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
"""An MQTT 3.1.1 CONNECT: clean session, keep-alive 10 s, no client identifier."""
_DISCONNECT = b"\xe0\x00"
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


def find_mosquitto() -> str | None:
    """The mosquitto program; Debian puts it where a normal user's PATH does not look."""
    search = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS))
    return shutil.which("mosquitto", path=search)


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
