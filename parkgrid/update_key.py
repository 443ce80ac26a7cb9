"""The key by which a centre signs updates of gateways: Ed25519, the private part in a file that its owner alone reads.

update.key   64 hexadecimal digits, mode 0600: never on a gateway
update.pub   64 hexadecimal digits: stands in `[update] key` of each gateway
"""

import hashlib
import json
import os
import re
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parkgrid_edge.update.archive import FORMAT, MANIFEST, SIGNATURE, ArchiveRefusedError, opened

PRIVATE, PUBLIC = "update.key", "update.pub"
_HEX = re.compile(r"[0-9a-f]{64}\n?")


class UpdateKeyError(Exception):
    """A key or an archive that cannot be used, with the remedy."""


def create(folder: Path) -> str:
    """Make a new key in a folder where none is yet; gives its public part."""
    key = Ed25519PrivateKey.generate()
    public, path = _public(key), folder / PRIVATE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UpdateKeyError(f"{path} exists: gateways trust it; move it away to make another") from error
    except OSError as error:
        raise UpdateKeyError(f"{path} cannot be written ({error.strerror})") from error
    try:
        with os.fdopen(handle, "w") as file:
            file.write(key.private_bytes_raw().hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        (folder / PUBLIC).write_text(public + "\n", "ascii")
    except OSError as error:
        # Half a key would be in the way of the next attempt.
        path.unlink(missing_ok=True)
        raise UpdateKeyError(f"{folder} cannot be written ({error.strerror})") from error
    return public


def load(folder: Path) -> Ed25519PrivateKey:
    """The private key of a folder."""
    path = folder / PRIVATE
    try:
        mode, text = path.stat().st_mode & 0o777, path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UpdateKeyError(f"{path} cannot be read: make a key with `parkgrid gateway key`") from error
    if os.name == "posix" and mode & 0o077:
        raise UpdateKeyError(f"{path} has mode {mode:03o}, so others may read it: set it to 600 or make a new key")
    if not _HEX.fullmatch(text):
        raise UpdateKeyError(f"{path} is not a key: it has 64 hexadecimal digits")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def sign(archive: Path, key: Ed25519PrivateKey) -> None:
    """Put the signature of its manifest into an archive of `scripts/gateway-bundle`; a former one is replaced.

    What is written is read as a gateway reads it: an archive that gateways refuse is not left behind as a signed one.
    """
    try:
        with zipfile.ZipFile(archive) as read:
            members = [each for each in read.infolist() if each.filename != SIGNATURE]
            files = {each.filename: read.read(each) for each in members}
        manifest = json.loads(files[MANIFEST])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UpdateKeyError(f"{archive} is not an archive of scripts/gateway-bundle ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UpdateKeyError(f"{archive} has not the format {FORMAT}")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != MANIFEST}
    if manifest.get("files") != digests:
        raise UpdateKeyError(f"{archive} has files that are not as in its manifest: build it again")
    info = zipfile.ZipInfo(SIGNATURE, members[0].date_time)
    info.create_system, info.external_attr = members[0].create_system, members[0].external_attr
    part = archive.with_suffix(".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as written:
            for each in members:
                written.writestr(each, files[each.filename], zipfile.ZIP_STORED)
            written.writestr(info, key.sign(files[MANIFEST]).hex() + "\n")
        opened(part, _public(key))
        part.replace(archive)
    except ArchiveRefusedError as error:
        raise UpdateKeyError(f"{archive} is not signed: gateways would refuse it, since {error}") from error
    except OSError as error:
        raise UpdateKeyError(f"{part} cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)
