"""One child process on a leash: it dies with its parent, runs as a stated user and is ended by its own pid."""

import os
import pwd
import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parkgrid_contract.leash import leash
from parkgrid_servers.unprivileged import Start, start_as

Process = subprocess.Popen[bytes]
_ATTEMPTS = 100
_KEPT_PORTS = range(12_000, 32_768)
"""Below those that the system hands out: nobody's connection comes by one of them in between."""


@dataclass(frozen=True, slots=True)
class Child:
    """What to start and how to end it."""

    name: str
    command: Sequence[str]
    log: Path
    """Its standard output and error are appended here."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Put over our own environment; None takes a variable away."""
    user: pwd.struct_passwd | None = None
    """The user to run as; None is ourselves."""
    stop_signal: signal.Signals = signal.SIGTERM
    directory: Path | None = None


def start(child: Child) -> Process:
    """Start a child in a session of its own, so that Ctrl-C reaches only us and we decide the order."""
    child.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    how = Start(child.command, {}) if child.user is None else start_as(child.user, child.command)
    with open(child.log, "ab", opener=_private) as log:
        started: Process = subprocess.Popen(
            list(how.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment({**child.environment, **how.environment}),
            pass_fds=how.descriptors,
            cwd=child.directory,
            start_new_session=True,
            preexec_fn=leash(child.stop_signal),  # noqa: PLW1509  (one prctl call, after setuid would have cleared it)
            **_credentials(child.user),
        )
    return started


def stop(process: Process, stop_signal: signal.Signals, patience_s: float = 20.0) -> int:
    """End one process by its own pid: politely first, by force when its patience is used up; its exit status."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """The first of `count` consecutive loopback ports that nobody listens on now."""
    for _ in range(_ATTEMPTS):
        first = random.choice(_KEPT_PORTS[:-count])  # noqa: S311  no secret
        if all(map(is_free, range(first, first + count))):
            return first
    raise OSError(f"no {count} consecutive free ports found in {_ATTEMPTS} attempts")


def is_free(port: int) -> bool:
    """Whether nobody listens on a loopback port now."""
    with socket.socket() as probe:
        # As a server would: connections that linger from the last one do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


def _private(path: str, flags: int) -> int:
    # Its folder may belong to the child: root does not follow where that points.
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _environment(added: Mapping[str, str | None]) -> dict[str, str]:
    merged: dict[str, str | None] = {**os.environ, **added}
    return {name: value for name, value in merged.items() if value is not None}


def _credentials(user: pwd.struct_passwd | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
