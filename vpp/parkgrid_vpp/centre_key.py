"""The key by which the centre signs bundles: Ed25519 (RFC 8032), the private part in a file that only its owner reads.

centre.key   64 hexadecimal digits, mode 0600: never leaves the centre
centre.pub   64 hexadecimal digits: given to everybody who verifies, on another way than the bundles
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parkgrid_vpp.errors import PilotError

PRIVATE, PUBLIC = "centre.key", "centre.pub"
_ONLY_OWNER = 0o600
_HEX = re.compile(r"[0-9a-f]{64}\n?")


class KeyFileError(PilotError):
    """A key file that cannot be used, with the remedy."""


@dataclass(frozen=True, slots=True, repr=False)
class CentreKey:
    """The centre's private key."""

    seed: bytes

    @property
    def public(self) -> bytes:
        """The 32 bytes that verifiers are given."""
        return self._key().public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return self._key().sign(message)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def create(folder: Path) -> CentreKey:
    """Make a new key in a folder, where none is yet. Raises `KeyFileError` where there is one."""
    key = CentreKey(Ed25519PrivateKey.generate().private_bytes_raw())
    path = folder / PRIVATE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OWNER)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists: a new key would make every bundle signed so far unverifiable; move it away"
        ) from error
    with os.fdopen(handle, "w") as file:
        file.write(key.seed.hex() + "\n")
    write_public(folder, key)
    return key


def write_public(folder: Path, key: CentreKey) -> Path:
    """Write the public part beside the bundles of a folder, for those who verify them."""
    path = folder / PUBLIC
    path.write_text(key.public.hex() + "\n", "ascii")
    return path


def load(folder: Path) -> CentreKey:
    """The key of a folder. Raises `KeyFileError` for a file that is missing, open to others, or no key."""
    path = folder / PRIVATE
    try:
        mode, text = path.stat().st_mode & 0o777, path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{path} cannot be read: make a key with `parkgrid vpp key`") from error
    if os.name == "posix" and mode & 0o077:
        raise KeyFileError(f"{path} has mode {mode:03o}, so others may read it: set it to 600 or make a new key")
    if not _HEX.fullmatch(text):
        raise KeyFileError(f"{path} is not a key: it has 64 hexadecimal digits")
    return CentreKey(bytes.fromhex(text.strip()))


def load_or_create(folder: Path) -> CentreKey:
    """The key of a folder, a new one where there is none."""
    return load(folder) if (folder / PRIVATE).exists() else create(folder)
