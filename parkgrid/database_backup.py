"""`parkgrid db backup`, `restore` and `verify`: the database of an address, or that of a folder of `parkgrid up`."""

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import typer
from rich.console import Console

from parkgrid.data_folder import DATABASE, PlaceError, default_data_dir, occupied
from parkgrid.later_entries import LaterEntries, NewestByPeople, later_entries, newest_by_people
from parkgrid.progress import progress
from parkgrid_database.backup import Tell, archive, dump
from parkgrid_database.backup import restore as restoring
from parkgrid_database.backup.dump import Programs
from parkgrid_database.backup.manifest import Manifest
from parkgrid_database.errors import translated
from parkgrid_servers import client_programs
from parkgrid_servers import database as databases

_DIFFERS, _LATER = 1, 3
_KEPT = ("history*.json", "park*.json", "parks/park*.json", "example-*.csv")
"""Of the folder of `up`: how the generated history and the simulated registers go on. Outboxes are
not in it: an old one would send numbers that the store has seen with other content. Passwords are made anew."""
_KEPT_NAME = re.compile(r"(?:parks/)?[\w.-]+\.(?:json|csv)", re.ASCII)
_GB, _MB = 1_000_000_000, 1_000_000


def backup(file: Path, dsn: str | None, data_dir: Path | None, *, password_hashes: bool, as_json: bool) -> int:
    """Write a backup and say what is in it; the exit status."""
    since = time.monotonic()
    with _source(dsn, data_dir) as source, _told() as tell:
        programs = _programs(source.dsn)
        manifest = dump.backup(
            source.dsn, file, programs, tell, password_hashes=password_hashes, folder=_kept(source.folder)
        )
    _show({"file": str(file), **_summary(manifest)}, [f"{file}: complete", *_said(manifest, since)], as_json=as_json)
    return 0


def restore(
    file: Path, dsn: str | None, data_dir: Path | None, jobs: int | None, bundles: Path | None, *, as_json: bool
) -> int:
    """Restore, compare and say what differs; the exit status."""
    since = time.monotonic()
    written_by = archive.read(file).tools_version
    with _target(dsn, data_dir) as address, _told() as tell:
        found = restoring.restore(address, file, _programs(address, written_by), tell, jobs)
        if data_dir:
            _put_back(data_dir, found.folder)
        later = later_entries(address, bundles) if bundles else None
        people = newest_by_people(address)
    lines = _said(found.manifest, since)
    lines += [f"role made: {name}" for name in found.made_roles]
    if found.without_password:
        lines.append(
            f"without a password yet: {', '.join(found.without_password)}; `parkgrid db migrate --logins` sets them"
        )
    lines += _verdict(found.differences, later)
    lines += _of_people(found.manifest, people)
    if found.differences:
        lines.append("it stays closed: correct it and run `parkgrid db verify`, or drop it and restore into a new one")
    document = {
        "roles": found.made_roles,
        "without_password": found.without_password,
        "by_people": [{"table": each.table, "rows": each.rows, "at": each.at, "by": each.by} for each in people],
    }
    _show(_summary(found.manifest) | document | _compared(found.differences, later), lines, as_json=as_json)
    return _status(found.differences, later)


def verify(file: Path, dsn: str | None, data_dir: Path | None, bundles: Path | None, *, as_json: bool) -> int:
    """Check a file, and compare a database with it when one is named; the exit status."""
    since = time.monotonic()
    differences: list[str] = []
    later: LaterEntries | None = None
    with _told() as tell:
        if dsn is None and data_dir is None:
            manifest, _ = archive.check(file, tell)
            lines = [f"{file}: complete and undamaged", *_said(manifest, since)]
            _show(_summary(manifest), lines, as_json=as_json)
            return 0
        with _source(dsn, data_dir) as source:
            manifest, differences = restoring.verify(source.dsn, file, tell)
            later = later_entries(source.dsn, bundles) if bundles else None
    lines = [*_said(manifest, since), *_verdict(tuple(differences), later)]
    _show(_summary(manifest) | _compared(tuple(differences), later), lines, as_json=as_json)
    return _status(tuple(differences), later)


@dataclass(frozen=True, slots=True)
class _Source:
    dsn: str
    folder: Path | None = None


@contextmanager
def _source(dsn: str | None, data_dir: Path | None) -> Iterator[_Source]:
    """The database that is read: of an address, or of a folder, whose server is started if it does not run."""
    if dsn:
        yield _Source(dsn)
        return
    folder = (data_dir or default_data_dir()).absolute()
    if databases.cluster_major(folder / DATABASE) is None:
        raise PlaceError(f"{folder} has no database: name the folder of `parkgrid up` with --data-dir, or give --dsn")
    running = databases.running_dsn(folder / DATABASE)
    if running:
        yield _Source(running, folder)
        return
    with occupied(folder):
        server = databases.start(folder / DATABASE)
        try:
            yield _Source(server.dsn, folder)
        finally:
            server.stop()


@contextmanager
def _target(dsn: str | None, data_dir: Path | None) -> Iterator[str]:
    """The database that is filled; one that is made here for a folder is removed again when that fails."""
    if dsn or data_dir is None:
        yield dsn or ""
        return
    folder = data_dir.absolute()
    with occupied(folder):
        if databases.cluster_major(folder / DATABASE) is not None:
            raise PlaceError(f"{folder} has a database, and a restore overwrites nothing: name a new --data-dir")
        server = databases.start(folder / DATABASE)
        try:
            yield server.dsn
        except BaseException:
            server.stop()
            shutil.rmtree(folder / DATABASE)
            raise
        server.stop()


def _programs(dsn: str, written_by: str | None = None) -> Programs:
    with translated(), psycopg.connect(dsn, connect_timeout=10) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    chosen = client_programs.choose(client_programs.available(), str(row[0]).split()[0] if row else "", written_by)
    return Programs(chosen.folder, chosen.version)


def _kept(folder: Path | None) -> Mapping[str, bytes]:
    if folder is None:
        return {}
    found = (path for pattern in _KEPT for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found if path.is_file()}


def _put_back(data_dir: Path, files: Mapping[str, bytes]) -> None:
    """What is there already stays; a name that `backup` would not have written is left out."""
    for name, data in files.items():
        path = data_dir / name
        if _KEPT_NAME.fullmatch(name) and not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_bytes(data)


@contextmanager
def _told() -> Iterator[Tell]:
    with progress(Console(stderr=True)) as tell:
        yield tell


def _summary(manifest: Manifest) -> dict[str, Any]:
    inventory = manifest.inventory
    head = inventory.head
    return {
        "taken_at": manifest.taken_at,
        "parkgrid": manifest.parkgrid,
        "server_version": manifest.server_version,
        "extensions": dict(manifest.extensions),
        "tables": len(inventory.tables),
        "rows": inventory.rows,
        "objects": len(inventory.objects),
        "schema_sha256": inventory.schema_sha256,
        "head": {"number": head.number, "digest": head.digest} if head else None,
        "dump_bytes": manifest.dump_bytes,
        "dump_sha256": manifest.dump_sha256,
    }


def _said(manifest: Manifest, since: float) -> list[str]:
    inventory = manifest.inventory
    extra = "".join(f", {name} {each}" for name, each in manifest.extensions.items() if name != "plpgsql")
    head = inventory.head
    ledger = f"entry {head.number}, {head.digest}" if head else "no entry"
    return [
        f"state of {manifest.taken_at}, PostgreSQL {manifest.server_version}{extra}, parkgrid {manifest.parkgrid}",
        f"{inventory.rows:,} rows in {len(inventory.tables)} tables, {len(inventory.objects)} objects of the schema",
        f"{_size(manifest.dump_bytes)}, {time.monotonic() - since:.1f} s",
        f"the pilot's ledger: {ledger}",
        f"SHA-256 of the dump: {manifest.dump_sha256}",
    ]


def _size(number: int) -> str:
    return f"{number / _GB:.1f} GB" if number >= _GB else f"{number / _MB:.1f} MB"


def _verdict(differences: tuple[str, ...], later: LaterEntries | None) -> list[str]:
    """A database that a restore left closed stays so while anything differs."""
    lines = [f"DIFFERS: {each}" for each in differences]
    if differences:
        lines.append(f"{len(differences)} differences: this database is not what was backed up")
    else:
        lines.append("nothing differs from the backup")
    if later:
        lines += [*(f"SECOND HISTORY: {each}" for each in later.other_histories), *later.lines]
        lines += [f"not read: {each}" for each in later.unreadable]
    return lines


def _of_people(manifest: Manifest, people: list[NewestByPeople]) -> list[str]:
    """What a person must do about what people had entered."""
    lines = []
    if people:
        lines.append(
            f"entered by people, up to {manifest.taken_at}; what was entered later is missing, enter it again:"
        )
        lines += [each.line for each in people]
    if manifest.inventory.head:
        lines.append(
            "the pilot's ledger takes no entry until it is compared with what was issued after the backup:"
            " `parkgrid vpp ledger read-back BUNDLE... --by NAME`"
        )
    return lines


def _compared(differences: tuple[str, ...], later: LaterEntries | None) -> dict[str, Any]:
    document: dict[str, Any] = {"differences": list(differences)}
    if later:
        document["later"] = {
            "head": later.head,
            "newest": later.newest,
            "missing": later.missing,
            "named": {str(number): told for number, told in sorted(later.named.items())},
            "other_histories": list(later.other_histories),
            "unreadable": list(later.unreadable),
            "declarations": list(later.declarations),
        }
    return document


def _status(differences: tuple[str, ...], later: LaterEntries | None) -> int:
    if differences or (later and later.other_histories):
        return _DIFFERS
    return _LATER if later and (later.missing or later.declarations) else 0


def _show(document: Mapping[str, Any], lines: list[str], *, as_json: bool) -> None:
    for line in lines:
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False))
    sys.stdout.flush()
