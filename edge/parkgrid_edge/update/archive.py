"""A bundle as it comes to a gateway: read within bounds, and believed only when the trusted key signed its manifest.

The archive is a zip file whose files are stored as they are, so its size bounds everything that comes out of it.
Nothing of it is written or understood before the signature over the bytes of `manifest.json` is known to be right; the
manifest then says the SHA-256 of each other file.
"""

import hashlib
import io
import os
import re
import struct
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkgrid_contract import strict_json
from parkgrid_contract.refusal import RefusedError
from parkgrid_edge.update.signature import is_signed

FORMAT = "parkgrid-gateway-1"
MANIFEST, SIGNATURE = "manifest.json", "signature"
MOST_ARCHIVE, MOST_FILES, MOST_DIRECTORY, MOST_MANIFEST = 32 << 20, 64, 16 << 10, 64 << 10
_NAME = re.compile(r"(wheels/)?[A-Za-z0-9][A-Za-z0-9._+-]{0,119}", re.ASCII)
_NUMBER = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}", re.ASCII)
_PYTHON = re.compile(r"\d{1,3}\.\d{1,3}", re.ASCII)
_END = struct.Struct("<4s4H2IH")
_READING = (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error)


class ArchiveRefusedError(Exception):
    """The archive is not installed; the message says why."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature and files are right."""

    version: str
    machine: str
    python: str
    manifest: bytes
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """The name of its release: one for each content."""
        return f"{self.version}-{hashlib.sha256(self.manifest).hexdigest()[:12]}"


def machine() -> str:
    """The kind of machine that programs are made for here; a 32-bit system may run on a 64-bit kernel."""
    kernel = os.uname().machine
    return "armv7l" if kernel in ("aarch64", "armv8l") and sys.maxsize < 1 << 32 else kernel


def numbers(version: str) -> tuple[int, ...]:
    """A version in its order."""
    if not _NUMBER.fullmatch(version):
        raise ArchiveRefusedError(f"{version[:40]!r} is not a version: three numbers are expected, for example 0.2.0")
    return tuple(map(int, version.split(".")))


def opened(path: Path, key: str | None) -> Bundle:
    """The bundle in a file, if the key signed it. Raises `ArchiveRefusedError`."""
    if key is None:
        raise ArchiveRefusedError("no key is trusted: write the centre's public key to [update] key, then update")
    files = _files(_bytes(path))
    if MANIFEST not in files:
        raise ArchiveRefusedError(f"{MANIFEST} is missing: this is not a bundle for gateways")
    if SIGNATURE not in files:
        raise ArchiveRefusedError("it is not signed: the centre signs it by `parkgrid gateway sign`")
    manifest = files.pop(MANIFEST)
    if not is_signed(bytes.fromhex(key), manifest, _signature(files.pop(SIGNATURE))):
        raise ArchiveRefusedError("the trusted key did not sign it, or its manifest was altered")
    return _checked(manifest, files)


def fits(bundle: Bundle, running: str) -> None:
    """Whether a bundle is for this machine and newer than what runs. Raises `ArchiveRefusedError`."""
    if bundle.machine != machine():
        raise ArchiveRefusedError(f"it is for {bundle.machine}; this machine is {machine()}")
    if tuple(map(int, bundle.python.split("."))) > sys.version_info[:2]:
        raise ArchiveRefusedError(f"it needs Python {bundle.python}; here is {sys.version.split()[0]}")
    if numbers(bundle.version) <= numbers(running):
        kind = "the same version" if bundle.version == running else f"older than {running}"
        raise ArchiveRefusedError(f"{bundle.version} is {kind}: only a newer one is installed")


def _bytes(path: Path) -> bytes:
    """The archive, read once: what is checked is what is installed."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_ARCHIVE + 1)
    except OSError as error:
        raise ArchiveRefusedError(f"it cannot be read ({error.strerror})") from error
    if len(data) > MOST_ARCHIVE:
        raise ArchiveRefusedError(f"it has more than {MOST_ARCHIVE} bytes")
    return data


def _files(data: bytes) -> dict[str, bytes]:
    _check_end(data)
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            for each in members:
                _check_member(each, files)
            if sum(each.file_size for each in members) > len(data):
                raise ArchiveRefusedError("its files are larger than the archive")
            for each in members:
                files[each.filename] = archive.read(each)
    except _READING as error:
        raise ArchiveRefusedError(f"it is damaged ({error})") from error
    return files


def _check_end(data: bytes) -> None:
    """The directory of the archive must be small, since `zipfile` reads it whole: no comment, prefix or 64-bit form."""
    if len(data) < _END.size or data[-22:-18] != b"PK\x05\x06" or b"PK\x06\x07" in data[-42:-22]:
        raise ArchiveRefusedError("it is not a plain zip archive")
    _, _, _, here, count, directory, offset, comment = _END.unpack(data[-22:])
    if here != count or comment or offset + directory + _END.size != len(data):
        raise ArchiveRefusedError("bytes stand before, between or behind its files")
    if count > MOST_FILES or directory > MOST_DIRECTORY:
        raise ArchiveRefusedError(f"it has {count} files; at most {MOST_FILES} are read")


def _check_member(member: zipfile.ZipInfo, seen: dict[str, bytes]) -> None:
    name = member.filename
    if not _NAME.fullmatch(name):
        raise ArchiveRefusedError(f"{name[:80]!r} is not a name of a bundle")
    if name in seen:
        raise ArchiveRefusedError(f"{name} occurs twice")
    seen[name] = b""
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 or member.compress_size != member.file_size:
        raise ArchiveRefusedError(f"{name} is packed or encrypted; the files of a bundle are stored as they are")


def _signature(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii").removesuffix("\n"))
    except ValueError:
        raise ArchiveRefusedError("its signature is not 128 hexadecimal digits") from None


def _checked(manifest: bytes, files: dict[str, bytes]) -> Bundle:
    try:
        told = strict_json.loads(manifest, MANIFEST, MOST_MANIFEST)
        if not isinstance(told, dict):
            raise ArchiveRefusedError(f"{MANIFEST} is no table")
        form, version, kind, python = (
            strict_json.field(told, key, str, MANIFEST) for key in ("format", "version", "machine", "python")
        )
        listed: dict[str, Any] = strict_json.field(told, "files", dict, MANIFEST)
    except RefusedError as error:
        raise ArchiveRefusedError(f"its manifest is wrong ({error})") from error
    if form != FORMAT:
        raise ArchiveRefusedError(f"its format is {form[:40]!r}; this agent knows {FORMAT}")
    if not _PYTHON.fullmatch(python):
        raise ArchiveRefusedError(f"{python[:40]!r} is not a version of Python")
    numbers(version)
    for name in sorted(files.keys() ^ listed.keys()):
        raise ArchiveRefusedError(f"{name[:80]} is {'not in the manifest' if name in files else 'missing'}")
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != listed[name]:
            raise ArchiveRefusedError(f"{name} was altered: its SHA-256 is not that of the manifest")
    return Bundle(version, kind, python, manifest, files)
