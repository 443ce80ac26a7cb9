"""The api as a process of its own, over real connections.

It is forked from a process that has imported the api once: what is served is what `python -m parkgrid_api` serves, and
a start takes two seconds of processor time less. There are some seventy. That the command itself starts it is held by
`tests/parkgrid/test_up.py`.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from parkgrid_servers.process import free_port

PATIENCE_S = 60.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["parkgrid_api.__main__"])


@dataclass
class Served:
    """A real api process."""

    url: str
    process: Any
    log: Path

    def stop(self, patience_s: float = 10.0) -> int | None:
        """End it as an operator does; its exit status, None when it did not end."""
        self.process.terminate()
        self.process.join(patience_s)
        return self.process.exitcode

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()


def start(dsn: str, folder: Path, environment: Mapping[str, str] | None = None) -> Served:
    """An api that answers; `environment` has further settings."""
    settings = {"PARKGRID_API_DATABASE_DSN": dsn, "PARKGRID_API_PORT": str(free_port()), **(environment or {})}
    port = settings["PARKGRID_API_PORT"]
    log = folder / f"api-{port}.log"
    process = _FORKS.Process(target=_be_the_api, args=({**os.environ, **settings}, log), daemon=True)
    process.start()
    served = Served(f"http://127.0.0.1:{port}", process, log)
    deadline = time.monotonic() + PATIENCE_S
    while not _answers(served):
        if not process.is_alive() or time.monotonic() > deadline:
            served.kill()
            raise AssertionError(log.read_text() if log.is_file() else f"no api: {process.exitcode}")
        time.sleep(0.05)
    return served


def _be_the_api(environment: Mapping[str, str], log: Path) -> None:
    from parkgrid_api.__main__ import main

    os.environ.clear()
    os.environ.update(environment)
    with log.open("a") as output:
        for standard in (1, 2):
            os.dup2(output.fileno(), standard)
    sys.exit(main([]))


def _answers(served: Served) -> bool:
    try:
        return httpx.get(f"{served.url}/healthz", timeout=2).json()["status"] == "ok"
    except httpx.HTTPError:
        return False
