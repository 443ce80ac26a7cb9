"""Makes a backup: manifest and dump of one and the same state, in one file."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from parkgrid_database.backup import Tell, archive, fence, tools
from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.inventory import extensions, inventory
from parkgrid_database.backup.manifest import Manifest
from parkgrid_database.backup.snapshot import Snapshot, snapshot
from parkgrid_database.backup.statements import STATEMENTS, Connection

_COUNTED, _DUMPED = 0.25, 0.95
"""Where the bar stands after counting and after the dump; the rest is the digest."""
_MB = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Programs:
    """A folder with pg_dump and pg_restore, and their version."""

    folder: Path
    version: str


def backup(
    dsn: str,
    file: Path,
    programs: Programs,
    tell: Tell,
    *,
    password_hashes: bool = False,
    folder: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Write a backup of a database to a new file. Raises `BackupError`, `StoreError`."""
    if file.exists():
        raise BackupError(f"{file} exists: name another file, or move it away")
    fence.refuse_unfinished(dsn)
    with archive.unfinished(file) as path:
        with snapshot(dsn) as held:
            manifest = _manifest(held, programs, part(tell, 0, _COUNTED), password_hashes=password_hashes)
            _dump(dsn, path, programs, held, part(tell, _COUNTED, _DUMPED))
        return archive.complete(path, file, manifest, folder or {}, part(tell, _DUMPED, 1))


def part(tell: Tell, first: float, last: float) -> Tell:
    """Progress of one of several steps, as a share of all of them."""
    return lambda what, share: tell(what, first + (last - first) * min(max(share, 0.0), 1.0))


def _manifest(held: Snapshot, programs: Programs, tell: Tell, *, password_hashes: bool) -> Manifest:
    server, _, encoding, at, superuser, database = _server(held.connection)
    if not superuser:
        raise BackupError(
            "this login may not read everything, for example roles and the owners of tables: use the administrator's"
            " (a superuser)"
        )
    return Manifest(
        parkgrid=version("parkgrid"),
        taken_at=at.astimezone(UTC).isoformat(timespec="milliseconds"),
        database=database,
        server_version=server,
        encoding=encoding,
        tools_version=programs.version,
        extensions=extensions(held.connection),
        inventory=inventory(held, tell, password_hashes=password_hashes),
    )


def _server(connection: Connection) -> tuple[str, int, str, datetime, bool, str]:
    row = connection.execute(STATEMENTS["server"]).fetchone()
    if row is None:
        raise BackupError("the server does not name this database")
    return (str(row[0]).split()[0], *row[1:])


def _dump(dsn: str, path: Path, programs: Programs, held: Snapshot, tell: Tell) -> None:
    total = sum(held.sizes.values()) or 1
    # pg_dump says names without quotes.
    sizes = {name.replace('"', ""): size for name, size in held.sizes.items()}

    def look(heard: tools.Heard) -> None:
        # The table that is being written counts as half done.
        done = sum(sizes.get(name, 0) for name in heard.tables) - sizes.get(heard.step, 0) / 2
        tell(f"{path.stat().st_size / _MB:,.0f} MB written, {heard.step or 'reading the schema'}", done / total)

    arguments = ["--format=custom", f"--snapshot={held.name}", "--lock-wait-timeout=60s", f"--file={path}"]
    tools.run(programs.folder / "pg_dump", arguments, dsn, look)
