"""A hostile bundle is refused with a reason: no traceback, no memory and no time without bounds."""

import hashlib
import io
import json
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_vpp import verify

FILES = dict.fromkeys(verify.MOST_FILE, b"")
MEBIBYTE = 1 << 20


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as target:
        for name, data in files.items():
            target.writestr(name, data)
    return packed.getvalue()


def refusal(tmp_path: Path, data: bytes) -> verify.Refused:
    path = tmp_path / "x.bundle"
    path.write_bytes(data)
    report = verify.report_on(path, [])
    assert report.code == verify.ALTERED
    assert report.refusal is not None
    # The outermost guard names the exception: what is foreseen never comes to it.
    assert "Error:" not in report.refusal.said
    return report.refusal


@pytest.mark.parametrize("data", [b"", b"x", b"PK\x05\x06", bytes(10_000), b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    assert refusal(tmp_path, data).code in ("unreadable", "missing")


@pytest.mark.parametrize("name", FILES)
def test_each_missing_file_is_named(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, archive({each: b"{}" for each in FILES if each != name})).item == name


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a\\b", "rules/x.toml", "rules/", "Manifest.json", "x\0y", "C:x", "a/../b"]
)
def test_a_name_that_is_not_of_the_format(tmp_path: Path, name: str) -> None:
    found = refusal(tmp_path, archive({**FILES, name: b"x"}))
    assert found.code in ("unknown", "unreadable")


def test_a_name_that_occurs_twice(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("signature", "a")
        with pytest.warns(UserWarning, match="Duplicate"):
            target.writestr("signature", "b")
    found = refusal(tmp_path, packed.getvalue())
    assert (found.code, found.item) == ("unknown", "x.bundle: signature")


def test_bytes_around_the_archive(tmp_path: Path) -> None:
    data = archive(FILES)
    assert refusal(tmp_path, b"#!/bin/sh\n" + data).code == "unreadable"
    assert refusal(tmp_path, data + b"more").code == "unreadable"
    with_comment = data[:-2] + struct.pack("<H", 4) + b"more"
    assert refusal(tmp_path, with_comment).code == "unreadable"


def test_another_way_of_packing(tmp_path: Path) -> None:
    assert refusal(tmp_path, archive(FILES, zipfile.ZIP_BZIP2)).code == "unreadable"


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    # Honest about its size, and lying about it.
    bomb = archive({**FILES, "manifest.json": bytes(20 * MEBIBYTE)})
    assert refusal(tmp_path, bomb).code == "large"
    size = struct.pack("<I", 20 * MEBIBYTE)
    assert bomb.count(size) == 2
    assert refusal(tmp_path, bomb.replace(size, struct.pack("<I", 10))).code in ("large", "unreadable")


def test_very_many_files(tmp_path: Path) -> None:
    assert refusal(tmp_path, archive({f"rules/{each:064x}.toml": b"" for each in range(2_000)})).code == "large"


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"format":1e400}',
        b'{"format":NaN}',
        b'{"format":' + b"9" * 100_000 + b"}",
        b'{"format":"x","format":"y"}',
        b'{"format":"\xff"}',
        b'{"format":"\\ud800"}',
        b'{"format": "x"}',
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"format":null}',
    ],
)
def test_a_hostile_manifest(tmp_path: Path, text: bytes) -> None:
    assert "manifest.json" in refusal(tmp_path, archive({**FILES, "manifest.json": text})).item


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("entries.jsonl", b"[" + b"[]," * (verify.MOST_MARKS // 3) + b"[]]\n"),
        ("chain.txt", b"\n" * (90 * MEBIBYTE)),
    ],
)
def test_memory_stays_within_bounds(tmp_path: Path, name: str, data: bytes) -> None:
    """A file as large as it may be, of what costs most: the program ends, in 1.5 GiB."""
    path = tmp_path / "x.bundle"
    files = {**FILES, "chain.txt": b"0" * 64 + b"\n", name: data}
    digests = {each: hashlib.sha256(files[each]).hexdigest() for each in FILES.keys() - {"signature", "manifest.json"}}
    small = dict.fromkeys(("event", "operator", "statement", "created", "engine"), "x")
    head = {"number": 1, "digest": "0" * 64}
    manifest = {**small, "format": verify.FORMATS[-1], "head": head, "files": digests}
    files["manifest.json"] = verify.canonical(manifest).encode()
    path.write_bytes(archive(files))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1_536 * MEBIBYTE, 1_536 * MEBIBYTE))

    ran = subprocess.run(
        [sys.executable, "-I", verify.__file__, str(path), "--json"],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (verify.ALTERED, "")
    told = json.loads(ran.stdout.splitlines()[-1])["bundles"][0]
    assert told["item"].startswith(name), told
    assert "Error" not in told["why"]


@given(data=st.data())
def test_any_byte_of_an_archive_may_be_wrong(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = bytearray(archive({**FILES, "manifest.json": b"{}"}))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    folder = tmp_path_factory.getbasetemp()
    refusal(folder, bytes(whole))
    refusal(folder, bytes(whole[:cut]))


def test_a_broken_stream(tmp_path: Path) -> None:
    data = archive({**FILES, "manifest.json": b'{"a":"b"}' * 100})
    packed = zlib.compress(b'{"a":"b"}' * 100, 6)[2:-4]
    assert packed in data
    assert refusal(tmp_path, data.replace(packed, bytes(len(packed)))).code == "unreadable"
