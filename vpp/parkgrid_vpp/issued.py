"""What was issued of the chain, seen outside the database: a small file of digests beside the bundles, and the bundles.

    entry 1..n stored ─▶ n digests in the file, on the disk ─▶ only then a bundle is handed out

Line k of `issued-chain.txt` is the digest of entry k, as in `chain.txt` of a bundle: it tells nothing that bundles do
not tell. It is only appended to. A store that was restored lies behind it; that is how anybody notices.

It belongs on another disk than the database. Who may write in the folder is trusted as the database is: a line that is
false closes the ledger, and a person has to decide.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parkgrid_database.connection import Connection
from parkgrid_vpp import verify as verifier
from parkgrid_vpp.errors import IssuedError
from parkgrid_vpp.statements import statement

NAME = "issued-chain.txt"
_MODE = 0o664
_DIGEST = re.compile(r"[0-9a-f]{64}")
GivenUp = frozenset[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Outside:
    """A chain that stands outside the database."""

    source: str
    digests: Sequence[str]
    """Of entry 1 and all that follow."""


def read(folder: Path) -> list[str]:
    """The digests of the file; none where there is no file. Raises `IssuedError`."""
    try:
        return _digests((folder / NAME).read_bytes(), folder / NAME)
    except FileNotFoundError:
        _there(folder)
        return []
    except OSError as error:
        raise IssuedError(f"{folder / NAME} cannot be read: {error.strerror}") from error


def bundles(
    folder: Path, known: Mapping[Path, tuple[object, Outside | None]]
) -> dict[Path, tuple[object, Outside | None]]:
    """The chains of the bundles in a folder, by file; what is no bundle is passed over. Unchanged ones are kept."""
    found: dict[Path, tuple[object, Outside | None]] = {}
    for path in sorted(folder.glob("*.bundle")):
        about = path.stat()
        mark = (about.st_mtime_ns, about.st_size, about.st_ino)
        found[path] = known[path] if path in known and known[path][0] == mark else (mark, _chain_of(path))
    return found


def _chain_of(path: Path) -> Outside | None:
    try:
        files = verifier.read_archive(path)
        manifest = verifier.check_manifest(files)
        verifier.check_files(files, manifest)
        return Outside(path.name, verifier.read_chain(files, manifest))
    except (verifier.Refused, OSError):
        return None


def lacking(chain: Sequence[str], outside: Outside, given_up: GivenUp) -> dict[int, str]:
    """What stands outside and not in the chain of the store, by number; empty: nothing, or a person gave it up."""
    common = _common(chain, outside.digests)
    rest = dict(enumerate(outside.digests[common:], common + 1))
    return {number: digest for number, digest in rest.items() if (number, digest) not in given_up}


def keep(folder: Path, chain: Sequence[str], given_up: GivenUp = frozenset()) -> dict[int, str]:
    """Bring the file up to the head of a chain and onto the disk; what the file has and the chain lacks, if it does.

    Then nothing is written. A file whose rest was given up is put aside, and another one begun. Raises `IssuedError`.
    """
    _there(folder)
    path = folder / NAME
    try:
        with locked(path) as handle:
            before = _read_all(handle)
            found = _digests(before, path)
            missing = lacking(chain, Outside(NAME, found), given_up)
            if missing:
                return missing
            common = _common(chain, found)
            if common < len(found):
                _put_aside(folder, found)
                os.lseek(handle, 0, os.SEEK_SET)
                os.truncate(handle, 0)
                common = 0
            if common < len(chain):
                _append(handle, before if common else b"", chain[common:])
                flush_folder(folder)
    except OSError as error:
        raise IssuedError(
            f"{path} cannot be written ({error.strerror}): nothing is issued before its digest is there"
        ) from error
    return {}


@dataclass(slots=True)
class Issued:
    """The folder of what was issued, compared with a store again and again: only what is new is read."""

    folder: Path
    _chain: list[str] = field(default_factory=list)
    _mark: object = None
    _file: Outside | None = None
    _bundles: dict[Path, tuple[object, Outside | None]] = field(default_factory=dict)

    def compare(self, connection: Connection) -> dict[str, dict[int, str]]:
        """What each source has and the store lacks; where nothing is lacking, the file is brought up to the head.

        Raises `IssuedError`, and psycopg's errors.
        """
        self._follow(connection)
        self._look()
        given_up = given_up_in(connection)
        sources = [*([self._file] if self._file else []), *(each for _, each in self._bundles.values() if each)]
        found = {each.source: missing for each in sources if (missing := lacking(self._chain, each, given_up))}
        if not found and self._chain and (self._file is None or self._file.digests != self._chain):
            missing = keep(self.folder, self._chain, given_up)
            found = {NAME: missing} if missing else {}
        return found

    @property
    def chain(self) -> Sequence[str]:
        """The digests of the store, as they were compared last."""
        return self._chain

    def _follow(self, connection: Connection) -> None:
        first = max(1, len(self._chain))
        rows = connection.execute(statement("issued/digests_from"), {"first": first}).fetchall()
        if self._chain and (not rows or rows[0][1] != self._chain[-1]):
            rows = connection.execute(statement("issued/digests_from"), {"first": 1}).fetchall()
            self._chain = []
        self._chain[first - 1 if self._chain else 0 :] = [digest for _, digest in rows]

    def _look(self) -> None:
        path = self.folder / NAME
        try:
            about = path.stat()
            mark: object = (about.st_mtime_ns, about.st_size, about.st_ino)
        except OSError:
            mark = None
        if mark is None or mark != self._mark:
            digests = read(self.folder)
            self._file, self._mark = (Outside(NAME, digests) if digests else None), mark
        self._bundles = bundles(self.folder, self._bundles)


def given_up_in(connection: Connection) -> GivenUp:
    """The digests of entries that a person gave up."""
    return frozenset(connection.execute(statement("issued/given_up")).fetchall())


def write_bundle(path: Path, data: bytes) -> None:
    """Write a file that has its name only when all of it is on the disk."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    flush_folder(path.parent)


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    """How many entries are the same from the first on. One that is the same at its end is the same before it."""
    end = min(len(one), len(two))
    if end and one[end - 1] == two[end - 1] and list(one[:end]) == list(two[:end]):
        return end
    return next((place for place in range(end) if one[place] != two[place]), end)


def _digests(data: bytes, path: Path) -> list[str]:
    # What stands behind the last line feed was being written when the power went: nothing of it was issued.
    lines = data.decode("ascii", "replace").split("\n")[:-1]
    wrong = next((number for number, line in enumerate(lines, 1) if not _DIGEST.fullmatch(line)), None)
    if wrong is not None:
        raise IssuedError(
            f"line {wrong} of {path} is not a digest: the file is damaged. Compare the ledger with the bundles"
            " (`parkgrid vpp ledger read-back`), then move the file away: it is made anew from the ledger"
        )
    return lines


def _there(folder: Path) -> None:
    if not folder.is_dir():
        raise IssuedError(
            f"{folder} is not a folder: is its disk mounted? What was issued cannot be compared without it"
        )


@contextmanager
def locked(path: Path, mode: int = _MODE) -> Iterator[int]:
    """A file that is made where it is missing, for this process alone."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _read_all(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    return os.pread(handle, size, 0)


def _append(handle: int, before: bytes, digests: Sequence[str]) -> None:
    whole = before.rfind(b"\n") + 1
    os.truncate(handle, whole)
    data, place = "".join(f"{each}\n" for each in digests).encode(), whole
    while data:
        written = os.pwrite(handle, data, place)
        data, place = data[written:], place + written
    os.fsync(handle)


def _put_aside(folder: Path, digests: Sequence[str]) -> None:
    """The chain that was given up is kept under its last digest."""
    aside = folder / f"given-up-chain-{digests[-1][:12]}.txt"
    write_bundle(aside, "".join(f"{each}\n" for each in digests).encode())


def flush_folder(folder: Path) -> None:
    """Whatever was named in a folder has its name on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
