"""The file of a backup: what pg_dump wrote in its custom format, and behind it a zip archive with the manifest.

    ┌───────────────────────────────┬──────────────────────────────────────────────┐
    │ dump (pg_restore reads this)  │ zip: manifest.json, manifest.sha256, folder/… │
    └───────────────────────────────┴──────────────────────────────────────────────┘

Both parts can be read with ordinary tools: `pg_restore --list FILE`, `unzip -p FILE manifest.json`. The end is written
last, so a file that was cut off has no manifest. Until it is complete it has another name.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from parkgrid_database.backup import Tell
from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.manifest import MOST_BYTES, Manifest, from_json

_MAGIC = b"PGDMP"
_MANIFEST, _DIGEST, _FOLDER = "manifest.json", "manifest.sha256", "folder/"
_BLOCK = 4 * 1024 * 1024
_MOST_FOLDER_BYTES = 64 * 1024 * 1024


@contextmanager
def unfinished(file: Path) -> Iterator[Path]:
    """A file beside `file`, for this user only, to be written and then completed; removed if that does not happen."""
    path = file.with_name(f"{file.name}.unfinished")
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(held.fileno(), 0o600)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
    except BlockingIOError as error:
        raise BackupError(f"another backup is writing {path}: wait for it, or name another file") from error
    except OSError as error:
        raise BackupError(f"{error.filename or path} cannot be written: {error.strerror}") from error


def complete(path: Path, file: Path, manifest: Manifest, folder: Mapping[str, bytes], tell: Tell) -> Manifest:
    """Add the manifest behind the dump and give the file its name; the manifest as it was written."""
    size = path.stat().st_size
    digest = _sha256(path, size, tell)
    manifest = dataclasses.replace(manifest, dump_bytes=size, dump_sha256=digest, files=tuple(sorted(folder)))
    text = manifest.to_json()
    with path.open("r+b") as target:
        target.seek(0, os.SEEK_END)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(folder.items()):
                archive.writestr(_FOLDER + name, data)
            archive.writestr(_MANIFEST, text)
            archive.writestr(_DIGEST, f"{hashlib.sha256(text).hexdigest()}\n")
        target.flush()
        os.fsync(target.fileno())
    # Not over a file that appeared meanwhile.
    try:
        os.link(path, file)
    except FileExistsError as error:
        raise BackupError(f"{file} exists: name another file") from error
    except OSError:
        # A file system without hard links.
        path.rename(file)
    with contextlib.closing(_Folder(file.parent)) as parent:
        parent.sync()
    return manifest


def read(file: Path) -> Manifest:
    """The manifest of a backup; the dump itself is not read. Raises `BackupError`."""
    return _opened(file)[0]


def check(file: Path, tell: Tell) -> tuple[Manifest, Mapping[str, bytes]]:
    """Read the whole file and compare it with its manifest; also the files of the folder. Raises `BackupError`."""
    manifest, folder = _opened(file)
    digest = _sha256(file, manifest.dump_bytes, tell)
    if digest != manifest.dump_sha256:
        raise BackupError(
            f"{file} is damaged: its dump has the SHA-256 {digest}, its manifest says {manifest.dump_sha256}."
            " Copy it again from where it was made, or use another backup"
        )
    return manifest, folder


def _opened(file: Path) -> tuple[Manifest, Mapping[str, bytes]]:
    try:
        with file.open("rb") as source:
            magic = source.read(len(_MAGIC))
        if magic != _MAGIC:
            raise BackupError(f"{file} is not a backup of parkgrid: it begins with {magic!r}")
        with zipfile.ZipFile(file) as archive:
            return _contents(file, archive)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise BackupError(
            f"{file} is not a complete backup: its end is missing or damaged ({error})."
            " It was cut off while it was copied, or never completed: use another backup"
        ) from error
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error


def _contents(file: Path, archive: zipfile.ZipFile) -> tuple[Manifest, Mapping[str, bytes]]:
    infos = {each.filename: each for each in archive.infolist()}
    if not {_MANIFEST, _DIGEST} <= infos.keys():
        raise BackupError(f"{file} has no manifest: it was not made by `parkgrid db backup`")
    if infos[_MANIFEST].file_size > MOST_BYTES or sum(each.file_size for each in infos.values()) > 2 * MOST_BYTES:
        raise BackupError(f"{file}: its manifest is larger than any that parkgrid writes")
    text = archive.read(_MANIFEST)
    if hashlib.sha256(text).hexdigest() != archive.read(_DIGEST).decode("ascii", "replace").strip():
        raise BackupError(f"{file} is damaged: its manifest has another SHA-256 than stands beside it")
    manifest = from_json(text)
    begin = min(each.header_offset for each in infos.values())
    if begin != manifest.dump_bytes:
        raise BackupError(
            f"{file} is damaged: its dump has {begin} bytes, its manifest says {manifest.dump_bytes}: use another"
        )
    if any(infos[_FOLDER + name].file_size > _MOST_FOLDER_BYTES for name in manifest.files if _FOLDER + name in infos):
        raise BackupError(f"{file}: a file of the folder is larger than any that parkgrid writes")
    return manifest, {name: archive.read(_FOLDER + name) for name in manifest.files}


def _sha256(path: Path, size: int, tell: Tell) -> str:
    digest, left = hashlib.sha256(), size
    with path.open("rb") as source:
        while left:
            block = source.read(min(_BLOCK, left))
            if not block:
                raise BackupError(f"{path} became shorter while it was read")
            digest.update(block)
            left -= len(block)
            tell(f"checking {path.name}", 1 - left / size)
    return digest.hexdigest()


class _Folder:
    """A folder whose entries are to be durable."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
