"""A copy of every entry, outside the database: line k of `ledger-copy.jsonl` is entry k, as bundles write entries.

Bundles do not hold every entry (a losing bid is in none), so a restored ledger could not be read back from them alone.
The pilot's process keeps the copy in the folder of what was issued. It holds what all parties did, and stays with the
centre: mode 0600, and it is never handed out.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.ledger import ChainError, Entry, check_chain
from parkgrid_vpp.bundle import entry_line
from parkgrid_vpp.errors import IssuedError
from parkgrid_vpp.issued import GivenUp, flush_folder, locked
from parkgrid_vpp.ledger import entries_after

NAME = "ledger-copy.jsonl"
_ONLY_OWNER = 0o600
_STEP_BYTES = 1 << 20
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def parsed(line: bytes) -> Entry:
    """An entry as bundles and copies write it. Raises `ValueError`, `KeyError`, `TypeError`."""
    told: dict[str, Any] = json.loads(line)
    at = datetime.strptime(told["at"], _FORM).replace(tzinfo=UTC)
    names = ("number", "kind", "subject", "by", "document", "previous", "digest")
    number, kind, subject, by, document, previous, digest = (told[name] for name in names)
    return Entry(number, kind, subject, at, by, document, previous, digest)


def read(folder: Path) -> Iterator[Entry]:
    """The entries of the copy, each checked against the one before. Raises `IssuedError` for one that was altered."""
    try:
        file = (folder / NAME).open("rb")
    except FileNotFoundError:
        return
    head: Entry | None = None
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # It was being written when the power went.
            try:
                head = check_chain([parsed(line)], head)
            except (ChainError, ValueError, KeyError, TypeError) as error:
                raise IssuedError(f"line {number} of {folder / NAME} was altered or is damaged: {error}") from error
            if head is not None:
                yield head


@dataclass(slots=True)
class Copy:
    """The copy of one folder, brought up to the head again and again."""

    folder: Path
    _last: Entry | None = None
    _known: bool = False

    def keep(self, connection: Connection, chain: Sequence[str], given_up: GivenUp) -> dict[int, str]:
        """Append what the copy lacks of a chain; its last entry where the chain lacks that, and then nothing is done.

        A copy whose rest was given up is put aside, and another one begun. Raises `IssuedError`.
        """
        path = self.folder / NAME
        if not self._known or not path.exists():
            self._last = _last(path)
            self._known = True
        last = self._last
        if last is not None and (last.number > len(chain) or chain[last.number - 1] != last.digest):
            if (last.number, last.digest) not in given_up:
                return {last.number: last.digest}
            path.replace(self.folder / f"given-up-copy-{last.digest[:12]}.jsonl")
            last = self._last = None
        if (0 if last is None else last.number) < len(chain):
            self._append(connection, path, last)
        return {}

    def _append(self, connection: Connection, path: Path, last: Entry | None) -> None:
        try:
            with locked(path, _ONLY_OWNER) as handle:
                place = _whole(handle)
                os.ftruncate(handle, place)
                for entry in entries_after(connection, 0 if last is None else last.number):
                    line = entry_line(entry).encode() + b"\n"
                    while line:
                        written = os.pwrite(handle, line, place)
                        line, place = line[written:], place + written
                    self._last = entry
                os.fsync(handle)
            flush_folder(self.folder)
        except OSError as error:
            self._known = False
            raise IssuedError(f"{path} cannot be written ({error.strerror})") from error


def _last(path: Path) -> Entry | None:
    try:
        with path.open("rb") as file:
            line = _last_line(file.fileno())
            return parsed(line) if line else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IssuedError(f"the last line of {path} cannot be read ({error}): move it away, it is made anew") from error


def _last_line(handle: int) -> bytes:
    """The last line that has an end."""
    end = _whole(handle)
    begin = _before(handle, end - 1)
    return os.pread(handle, end - begin, begin)


def _whole(handle: int) -> int:
    """Where the last line that has an end ends."""
    return _before(handle, os.fstat(handle).st_size)


def _before(handle: int, end: int) -> int:
    """Behind the last line feed before a place; 0 where there is none."""
    while end > 0:
        begin = max(0, end - _STEP_BYTES)
        found = os.pread(handle, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
