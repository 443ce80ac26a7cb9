"""What a release that runs says of itself, in a file beside the outbox: that a reading of it is stored.

It is written once, when the store has confirmed a batch that this process committed; batches that waited already prove
nothing. It is written only where the agent was installed from a bundle.
"""

import json
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from parkgrid_contract.telemetry import Ack
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.update.releases import MARK

_log = structlog.get_logger("edge.update")
_MOST_BYTES = 4096


def file_of(outbox: Path) -> Path:
    """Where the agent with this outbox writes."""
    return outbox.with_name(f"{outbox.name}.release.json")


class Evidence:
    """Compares what an agent has committed with what the store confirms, until both meet."""

    def __init__(self, outbox: Path, prefix: Path | None = None) -> None:
        """`prefix` is the environment that the agent runs in."""
        own = prefix or Path(sys.prefix)
        self._file = file_of(outbox)
        self._release = own.resolve().name if (own / MARK).is_file() else ""
        self._epoch = self._first = 0

    def committed(self, epoch: int, rows: Sequence[OutboxBatch]) -> None:
        """Note the first batch of each epoch that this process wrote itself."""
        if rows and epoch != self._epoch:
            self._epoch, self._first = epoch, rows[0].seq

    def confirmed(self, ack: Ack) -> None:
        """Tell once that the store has such a batch; what could not be written is tried again with the next one."""
        if not self._release or ack.epoch != self._epoch:
            return
        if max(ack.through, *(last for _, last in ack.beyond), 0) >= self._first and self._written():
            self._release = ""

    def _written(self) -> bool:
        fresh = self._file.with_name(f".{self._file.name}.new")
        try:
            fresh.write_text(json.dumps({"release": self._release, "stored": True}) + "\n", "utf-8")
            fresh.replace(self._file)
        except OSError as error:
            _log.warning("release_not_told", path=str(self._file), error=str(error))
            return False
        return True


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
