"""Bundles and gateways for the tests of updates: real archives, real environments, an agent of a few lines.

The signer is written from RFC 8032, 5.1.6, on affine points and apart from what is tested; a test with the library
`cryptography` compares both.
"""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkgrid_edge.update.archive import machine

P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))

AGENT = """
import json, pathlib, sys, tomllib

STORES = {stores}
CONFIG = pathlib.Path(sys.argv[sys.argv.index("--config") + 1])

def main():
    outbox = pathlib.Path(tomllib.loads(CONFIG.read_text())["outbox"]["path"])
    if "--check" in sys.argv:
        return {check}
    release = pathlib.Path(sys.prefix).resolve().name
    outbox.with_name(outbox.name + ".release.json").write_text(json.dumps(dict(release=release, stored=STORES)))
    with outbox.with_name("started").open("a") as file:
        file.write(release + "\\n")
"""
SCRIPT = """#!/bin/sh
case "$*" in *--check*) exit 0;; esac
echo {name} >>{folder}/started
printf '{{"release": "{name}", "stored": {stores}}}' >{folder}/outbox.db.release.json
"""


def _add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    (a, b), (c, d) = one, two
    both = D * a * b * c * d
    return (a * d + b * c) * pow(1 + both, -1, P) % P, (b * d + a * c) * pow(1 - both, -1, P) % P


def _base() -> tuple[int, int]:
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (P - x if x % 2 else x), y


def _times(factor: int) -> bytes:
    total, point = (0, 1), _base()
    for bit in range(factor.bit_length()):
        if factor >> bit & 1:
            total = _add(total, point)
        point = _add(point, point)
    return (total[1] | (total[0] & 1) << 255).to_bytes(32, "little")


def signed(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    """The public key of a seed, and its signature of a message."""
    digest = hashlib.sha512(seed).digest()
    secret = (int.from_bytes(digest[:32], "little") & ((1 << 254) - 8)) | 1 << 254
    public = _times(secret)
    r = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % Q
    point = _times(r)
    k = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % Q
    return public, point + ((r + k * secret) % Q).to_bytes(32, "little")


PUBLIC = signed(SEED, b"")[0].hex()


def wheel(version: str, *, stores: bool = True, check: int = 0) -> bytes:
    """A wheel of an agent that checks its configuration, or starts and says whether a reading was stored."""
    info = f"parkgrid_edge-{version}.dist-info"
    files = {
        "parkgrid_tiny.py": AGENT.format(stores=stores, check=check),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: parkgrid-edge\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nparkgrid-edge = parkgrid_tiny:main\n",
    }
    record = "".join(f"{name},sha256={_record(text)},{len(text)}\n" for name, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    return stored({name: text.encode() for name, text in files.items()})


def _record(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def contents(version: str = "0.2.0", *, stores: bool = True, check: int = 0) -> dict[str, bytes]:
    """The files of a small bundle, without manifest and signature."""
    content = wheel(version, stores=stores, check=check)
    name = f"wheels/parkgrid_edge-{version}-py3-none-any.whl"
    line = f"parkgrid-edge=={version} --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"
    return {name: content, "requirements.txt": line.encode()}


def manifest(files: Mapping[str, bytes], version: str = "0.2.0", **other: Any) -> bytes:
    """The manifest of some files."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    told = {"format": "parkgrid-gateway-1", "version": version, "machine": machine(), "python": "3.11"}
    return json.dumps({**told, "files": digests, **other}).encode()


def bundle(files: Mapping[str, bytes], told: bytes, seed: bytes = SEED) -> dict[str, bytes]:
    """All files of a signed bundle."""
    return {**files, "manifest.json": told, "signature": signed(seed, told)[1].hex().encode() + b"\n"}


def stored(files: Mapping[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of some files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in files.items():
            # Of one time, so that the same files give the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), content, packing)
    return buffer.getvalue()


def archive(folder: Path, version: str = "0.2.0", *, stores: bool = True, check: int = 0) -> Path:
    """A signed archive of a version, on disk."""
    files = contents(version, stores=stores, check=check)
    path = folder / f"{version}-{stores}-{check}.zip"
    path.write_bytes(stored(bundle(files, manifest(files, version))))
    return path


@dataclass(frozen=True)
class Gateway:
    """A gateway on which the release `0.1.0-old` runs."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "edge.toml"

    @property
    def agent(self) -> Path:
        return self.folder / "opt" / "current" / "bin" / "parkgrid-edge"

    def write(self, *, key: str | None = PUBLIC, restart: list[str] | None = None, wait_s: float = 1.0) -> None:
        """Write its configuration."""
        trusted = f'key = "{key}"\n' if key else ""
        command = json.dumps(restart or [str(self.agent), "--config", str(self.config)])
        self.config.write_text(
            f'park = "park-1"\ngateway = "gw-1"\n[outbox]\npath = "{self.folder}/outbox.db"\n'
            f'[update]\n{trusted}folder = "{self.folder}/opt"\nrestart = {command}\nwait_s = {wait_s}\n'
        )
        self.config.chmod(0o640)

    def running(self) -> str:
        """The release that would be started."""
        return (self.folder / "opt" / "current").readlink().name

    def started(self) -> list[str]:
        """The releases that were started, in order."""
        path = self.folder / "started"
        return path.read_text().split() if path.exists() else []

    def result(self) -> dict[str, str]:
        """How the last update ended."""
        found: dict[str, str] = json.loads((self.folder / "opt" / "result.json").read_text())
        return found

    def complete(self, name: str, version: str, *, stores: bool = True) -> None:
        """A complete release whose agent is a script."""
        folder = self.folder / "opt" / "releases" / name
        (folder / "bin").mkdir(parents=True)
        (folder / "release.json").write_bytes(manifest({}, version))
        agent = folder / "bin" / "parkgrid-edge"
        agent.write_text(SCRIPT.format(name=name, folder=self.folder, stores=json.dumps(stores)))
        agent.chmod(0o755)


def gateway(folder: Path) -> Gateway:
    """A gateway in an empty folder."""
    made = Gateway(folder)
    made.complete("0.1.0-old", "0.1.0")
    for link in ("previous", "current"):
        (folder / "opt" / link).symlink_to("releases/0.1.0-old")
    (folder / "outbox.db").write_bytes(b"readings that wait")
    made.write()
    return made
