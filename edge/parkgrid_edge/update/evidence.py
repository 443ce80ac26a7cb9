"""What a release that runs says of itself, in a file beside the outbox: whether a reading of it is stored.

It is written at the start and once more when the store has confirmed batches while new readings came in; only where the
agent was installed from a bundle.
"""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Protocol

import structlog

from parkgrid_edge.update.releases import MARK

_log = structlog.get_logger("edge.update")
_MOST_BYTES = 4096


class Counted(Protocol):
    """The numbers of an outbox that are looked at."""

    @property
    def epoch(self) -> int:
        """The epoch of all batches that are sent."""
        ...

    @property
    def floor(self) -> int:
        """The lowest number that waits for the store."""
        ...

    @property
    def stats(self) -> Any:
        """`accepted` and `dropped` samples, since the first day."""
        ...


def file_of(outbox: Path) -> Path:
    """Where the agent with this outbox writes."""
    return outbox.with_name(f"{outbox.name}.release.json")


class Evidence:
    """Watches the outbox of an agent that runs, until a reading of it is stored."""

    def __init__(self, outbox: Path, prefix: Path | None = None) -> None:
        """`prefix` is the environment that the agent runs in."""
        own = prefix or Path(sys.prefix)
        self._file = file_of(outbox)
        self._release = own.resolve().name if (own / MARK).is_file() else ""
        self._first: tuple[int, int, int, int] | None = None
        self._stored = False

    def look(self, outbox: Counted) -> None:
        """Look after each flush; costs a comparison once a reading is stored."""
        if not self._release or self._stored or not outbox.epoch:
            return
        stats = outbox.stats
        first, now = self._first, (outbox.epoch, stats.dropped, outbox.floor, stats.accepted)
        # Batches that were dropped leave as those do that were confirmed: then it counts anew.
        if first is None or now[:2] != first[:2]:
            self._first = now
        elif now[2] > first[2] and now[3] > first[3]:
            self._stored = True
        if first is None or self._stored:
            self._write()

    def _write(self) -> None:
        fresh = self._file.with_name(f".{self._file.name}.new")
        try:
            fresh.write_text(json.dumps({"release": self._release, "stored": self._stored}) + "\n", "utf-8")
            fresh.replace(self._file)
        except OSError as error:
            _log.warning("release_not_told", path=str(self._file), error=str(error))


def stored(outbox: Path, release: str) -> bool:
    """Whether a release says that a reading of it is stored. The file is another user's: no link, no pipe, no end."""
    try:
        handle = os.open(file_of(outbox), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            found = json.loads(file.read(_MOST_BYTES)) if regular else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("release") == release and found.get("stored") is True
