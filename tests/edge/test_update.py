"""Updates: what is refused, what is installed, the way back, and a power cut at every step."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from parkgrid_contract.telemetry import Ack
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.update import archive as archive_module
from parkgrid_edge.update.archive import ArchiveRefusedError, fits, opened
from parkgrid_edge.update.command import main
from parkgrid_edge.update.evidence import Evidence, file_of, stored
from parkgrid_edge.update.releases import NotInstalledError, Place
from parkgrid_edge.update.signature import is_signed
from parkgrid_edge.update.trial import Outcome, Trial, alone, begin, judge
from tests.edge import bundles
from tests.edge.bundles import OTHER_SEED, PUBLIC, SEED, Gateway, archive, bundle, contents, gateway, manifest
from tests.edge.disk import small_disk

pytestmark = pytest.mark.edge

# RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        b"",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        b"\x72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        b"\xaf\x82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL = ["01" + 31 * "00", "ec" + 30 * "ff" + "7f", 32 * "00"]
"""Points of order 1, 2 and 4: with such a key, one signature fits many messages."""


@pytest.fixture(autouse=True)
def _process_state() -> Iterator[None]:
    """The command changes the mask of new files and what a closed terminal does."""
    mask, before = os.umask(0o022), signal.getsignal(signal.SIGHUP)
    yield
    os.umask(mask)
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_and_each_alteration_of_them(public, message, signature) -> None:
    key, right = bytes.fromhex(public), bytes.fromhex(signature)
    assert is_signed(key, message, right)
    assert not is_signed(key, message + b"x", right)
    for place in (0, 31, 32, 63):
        assert not is_signed(key, message, right[:place] + bytes([right[place] ^ 1]) + right[place + 1 :])
    second = (int.from_bytes(right[32:], "little") + ORDER).to_bytes(32, "little")
    assert not is_signed(key, message, right[:32] + second)
    assert not is_signed(key, message, right[:63])
    assert not is_signed(key[:31], message, right)


@pytest.mark.parametrize("point", SMALL)
def test_keys_of_small_order_are_no_keys(point) -> None:
    assert not is_signed(bytes.fromhex(point), b"anything", bytes.fromhex(point) + bytes(32))


def refusal(tmp_path: Path, data: bytes, key: str | None = PUBLIC, running: str = "0.1.0") -> str:
    """Why an archive is refused."""
    path = tmp_path / "archive.zip"
    path.write_bytes(data)
    with pytest.raises(ArchiveRefusedError) as caught:
        fits(opened(path, key), running)
    return str(caught.value)


def test_a_signed_archive_for_this_machine_that_is_newer_is_taken(tmp_path) -> None:
    found = opened(archive(tmp_path), PUBLIC)
    fits(found, "0.1.0")
    assert found.version == "0.2.0"
    assert dict(found.files) == contents()


def test_who_signed_and_what_was_signed(tmp_path) -> None:
    files = contents()
    told = manifest(files)
    right = bundle(files, told)
    assert "no key is trusted" in refusal(tmp_path, bundles.stored(right), None)
    unsigned = {name: content for name, content in right.items() if name != "signature"}
    assert "it is not signed" in refusal(tmp_path, bundles.stored(unsigned))
    foreign = bundle(files, told, OTHER_SEED)
    assert "the trusted key did not sign it" in refusal(tmp_path, bundles.stored(foreign))
    altered = {**right, "manifest.json": told.replace(b"0.2.0", b"9.2.0")}
    assert "its manifest was altered" in refusal(tmp_path, bundles.stored(altered))
    assert "128 hexadecimal digits" in refusal(tmp_path, bundles.stored({**right, "signature": b"xyz"}))


def test_every_file_is_the_one_that_was_signed(tmp_path) -> None:
    files = contents()
    right = bundle(files, manifest(files))
    for name in files:
        altered = bundles.stored({**right, name: files[name] + b" "})
        assert refusal(tmp_path, altered) == f"{name} was altered: its SHA-256 is not that of the manifest"
        missing = bundles.stored({each: content for each, content in right.items() if each != name})
        assert refusal(tmp_path, missing) == f"{name} is missing"
    more = bundles.stored({**right, "wheels/more.whl": b"x"})
    assert refusal(tmp_path, more) == "wheels/more.whl is not in the manifest"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("0.1.0", "0.1.0 is the same version: only a newer one is installed"),
        ("0.0.9", "0.0.9 is older than 0.1.0: only a newer one is installed"),
        ("0.2", "'0.2' is not a version: three numbers are expected, for example 0.2.0"),
    ],
)
def test_only_a_newer_version(tmp_path, version, reason) -> None:
    files = contents()
    assert refusal(tmp_path, bundles.stored(bundle(files, manifest(files, version)))) == reason


def test_versions_are_compared_as_numbers(tmp_path) -> None:
    files = contents()
    data = bundles.stored(bundle(files, manifest(files, "0.9.0")))
    assert refusal(tmp_path, data, running="0.10.0").startswith("0.9.0 is older than 0.10.0")


def test_only_for_this_machine_and_its_python(tmp_path) -> None:
    files = contents()
    other = bundles.stored(bundle(files, manifest(files, machine="riscv64")))
    assert refusal(tmp_path, other) == f"it is for riscv64; this machine is {archive_module.machine()}"
    later = bundles.stored(bundle(files, manifest(files, python="3.99")))
    assert refusal(tmp_path, later).startswith("it needs Python 3.99")


@pytest.mark.parametrize(
    ("kernel", "most", "kind"),
    [
        ("armv7l", 2**31 - 1, "armv7l"),
        # A 32-bit system on a kernel of 64 bits, as a Raspberry Pi may have it.
        ("aarch64", 2**31 - 1, "armv7l"),
        ("armv8l", 2**31 - 1, "armv7l"),
        ("aarch64", 2**63 - 1, "aarch64"),
        ("armv6l", 2**31 - 1, "armv6l"),
    ],
)
def test_the_kind_of_machine_is_that_of_its_programs(monkeypatch, kernel, most, kind) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "gw", "6", "1", kernel)))
    monkeypatch.setattr(sys, "maxsize", most)
    assert archive_module.machine() == kind


@pytest.mark.parametrize(
    "told",
    [b"", b"[]", b'{"a":1,"a":2}', b"{" * 100, b'{"format":1}', b'{"format":"parkgrid-gateway-1","version":1}'],
)
def test_a_signed_manifest_in_another_form_is_refused(tmp_path, told) -> None:
    assert "manifest" in refusal(tmp_path, bundles.stored(bundle({}, told)))


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "wheels/../../evil", "wheels/", "a/b", ".hidden", "a\\b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, name) -> None:
    files = {name: b"x"}
    reason = refusal(tmp_path, bundles.stored(bundle(files, manifest(files))))
    assert "is not a name of a bundle" in reason


def test_what_is_packed_cannot_unfold(tmp_path) -> None:
    files = {"requirements.txt": bytes(10_000_000)}
    packed = bundles.stored(bundle(files, manifest(files)), zipfile.ZIP_DEFLATED)
    assert len(packed) < 100_000
    assert "is packed or encrypted" in refusal(tmp_path, packed)


def test_sizes_are_bounded_before_anything_is_read(tmp_path, monkeypatch) -> None:
    many = {f"file-{number}": b"" for number in range(archive_module.MOST_FILES)}
    assert "files; at most 64 are read" in refusal(tmp_path, bundles.stored(bundle(many, manifest(many))))
    twice = bundles.stored({"abc": b"x", "abd": b"y"}).replace(b"abd", b"abc")
    assert refusal(tmp_path, twice) == "abc occurs twice"
    right = archive(tmp_path).read_bytes()
    assert refusal(tmp_path, b"x" + right) == "bytes stand before, between or behind its files"
    assert refusal(tmp_path, right + b"x") == "it is not a plain zip archive"
    assert refusal(tmp_path, right[:-30]) == "it is not a plain zip archive"
    assert refusal(tmp_path, b"") == "it is not a plain zip archive"
    monkeypatch.setattr(archive_module, "MOST_ARCHIVE", len(right) - 1)
    assert refusal(tmp_path, right) == f"it has more than {len(right) - 1} bytes"


def test_files_that_share_their_bytes_are_refused(tmp_path) -> None:
    """Two entries of the directory that point to one file: the archive is small, what comes out is not."""
    one, two = bundles.stored({"aaaa": bytes(5000)}), bundles.stored({"bbbb": bytes(5000)})
    body, end = one[: one.index(b"PK\x01\x02")], one[-22:]
    entries = one[one.index(b"PK\x01\x02") : -22] + two[two.index(b"PK\x01\x02") : -22]
    count = (2).to_bytes(2, "little")
    tail = end[:8] + count + count + len(entries).to_bytes(4, "little") + end[16:]
    assert "its files are larger than the archive" in refusal(tmp_path, body + entries + tail)


@pytest.fixture
def here(tmp_path: Path) -> Gateway:
    return gateway(tmp_path)


def update(at: Gateway, path: Path) -> int:
    return main(["update", str(path), "--config", str(at.config)])


@pytest.mark.process
def test_an_update_is_installed_started_and_stays_when_it_stores(here, tmp_path, capsys) -> None:
    assert update(here, archive(tmp_path)) == 0
    assert here.running().startswith("0.2.0-")
    assert here.started() == [here.running()]
    assert (here.folder / "outbox.db").read_bytes() == b"readings that wait"
    assert here.result()["outcome"] == "stored"
    assert not (here.folder / "opt" / "trial.json").exists()
    assert f"update to {here.running()}: runs: a reading of it is stored" in capsys.readouterr().out
    assert main(["update", "--last", "--config", str(here.config)]) == 0
    assert "a reading of it is stored" in capsys.readouterr().out
    # What ran before stays until the next update, and goes then.
    assert (here.folder / "opt" / "previous").readlink().name == "0.1.0-old"
    first = here.running()
    place = Place(here.folder / "opt")
    here.complete("0.2.1-new", "0.2.1")
    begin(place, "0.2.1-new")
    assert judge(Trial(place, here.folder / "outbox.db", [str(here.agent)], 1.0)) == 0
    assert place.linked("previous") == first
    assert {each.name for each in (here.folder / "opt" / "releases").iterdir()} == {first, "0.2.1-new"}
    assert update(here, archive(tmp_path)) == 3


@pytest.mark.process
def test_an_update_that_stores_nothing_goes_back_and_may_be_tried_again(here, tmp_path, capsys) -> None:
    assert update(here, archive(tmp_path, stores=False)) == 1
    assert here.running() == "0.1.0-old"
    assert [each[:5] for each in here.started()] == ["0.2.0", "0.1.0"]
    assert here.result()["outcome"] == "went_back"
    told = capsys.readouterr().out
    assert "went back to 0.1.0-old: no reading of it was stored within 1 s" in told
    assert [each.name for each in (here.folder / "opt" / "releases").iterdir()] == ["0.1.0-old"]
    fits(opened(archive(tmp_path), PUBLIC), Place(here.folder / "opt").version())


@pytest.mark.process
def test_what_another_release_or_an_earlier_trial_has_stored_is_no_evidence(here) -> None:
    here.complete("0.2.0-new", "0.2.0", stores=False)
    place = Place(here.folder / "opt")
    for earlier in ("0.1.0-old", "0.2.0-new"):
        file_of(here.folder / "outbox.db").write_text(json.dumps({"release": earlier, "stored": True}))
        begin(place, "0.2.0-new")
        assert judge(Trial(place, here.folder / "outbox.db", ["true"], 0.2)) == 1
        here.complete("0.2.0-new", "0.2.0", stores=False)


@pytest.mark.process
def test_a_release_that_does_not_accept_the_configuration_is_not_started(here, tmp_path, capsys) -> None:
    assert update(here, archive(tmp_path, check=2)) == 4
    assert "0.2.0 does not accept" in capsys.readouterr().err
    assert (here.running(), here.started()) == ("0.1.0-old", [])
    assert [each.name for each in (here.folder / "opt" / "releases").iterdir()] == ["0.1.0-old"]


@pytest.mark.process
def test_a_signed_wheel_that_is_not_the_required_one_is_not_installed(here, tmp_path, capsys) -> None:
    files = contents()
    files["requirements.txt"] = b"parkgrid-edge==0.2.0 --hash=sha256:" + b"0" * 64 + b"\n"
    path = tmp_path / "wrong.zip"
    path.write_bytes(bundles.stored(bundle(files, manifest(files))))
    assert update(here, path) == 4
    assert "pip failed" in capsys.readouterr().err
    assert here.running() == "0.1.0-old"


@pytest.mark.process
def test_where_nothing_can_be_restarted_the_link_goes_back_and_it_is_told(here, capsys) -> None:
    here.write(restart=["sh", "-c", "echo no such unit >&2; exit 5"])
    here.complete("0.2.0-new", "0.2.0")
    begin(Place(here.folder / "opt"), "0.2.0-new")
    assert main(["trial", "--config", str(here.config)]) == 5
    assert here.running() == "0.1.0-old"
    assert "which is not running: `sh -c" in (told := capsys.readouterr().out)
    assert "no such unit" in told


def test_a_refused_archive_changes_nothing(here, tmp_path, capsys) -> None:
    here.write(key=bundles.signed(OTHER_SEED, b"")[0].hex())
    before = sorted(str(each) for each in here.folder.rglob("*"))
    path = archive(tmp_path)
    assert update(here, path) == 3
    assert f"{path}: refused: the trusted key did not sign it" in capsys.readouterr().err
    assert sorted(str(each) for each in here.folder.rglob("*") if each != path) == before
    here.write(key=None)
    assert update(here, path) == 3


@pytest.mark.parametrize("mode", [0o660, 0o646])
def test_a_configuration_that_others_may_write_names_no_key(here, tmp_path, capsys, mode) -> None:
    here.config.chmod(mode)
    assert update(here, archive(tmp_path)) == 3
    assert f"others may write {here.config}, so its key proves nothing: chown root" in capsys.readouterr().err
    here.config.chmod(0o644)
    assert update(here, tmp_path / "none.zip") == 3
    assert "none.zip: refused: it cannot be read" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_a_configuration_of_another_user_names_no_key(here, tmp_path, capsys) -> None:
    os.chown(here.config, 65534, 65534)
    assert update(here, archive(tmp_path)) == 3
    assert "so its key proves nothing" in capsys.readouterr().err


def test_a_wrong_key_in_the_configuration_is_named(here, tmp_path, capsys) -> None:
    here.write(key="abc")
    assert update(here, archive(tmp_path)) == 2
    assert "update.key = 'abc': must be 64 hexadecimal digits" in capsys.readouterr().err


def test_a_gateway_that_was_installed_otherwise_is_told(here, tmp_path, capsys) -> None:
    (here.folder / "opt" / "current").unlink()
    assert update(here, archive(tmp_path)) == 4
    assert "no agent that was installed from a bundle" in capsys.readouterr().err


def test_one_update_at_a_time(here, tmp_path, capsys) -> None:
    with alone(Place(here.folder / "opt"), wait=False):
        assert update(here, archive(tmp_path)) == 4
    assert "another update is under way" in capsys.readouterr().err
    (here.folder / "opt" / "trial.json").write_text("{}")
    assert update(here, archive(tmp_path)) == 4
    assert "an update is still on trial" in capsys.readouterr().err


def test_without_a_trial_there_is_nothing_to_end(here, capsys) -> None:
    assert main(["trial", "--config", str(here.config)]) == 0
    assert "no update is on trial" in capsys.readouterr().out


# Begins and judges a trial of a release that is complete, as the command does after installing.
TRY = """
import pathlib, sys
from parkgrid_edge.update.releases import NotInstalledError, Place
from parkgrid_edge.update.trial import Trial, begin, judge
folder = pathlib.Path(sys.argv[1])
place = Place(folder / "opt")
if not place.trial.exists():
    begin(place, "0.2.0-new")
sys.exit(judge(Trial(place, folder / "outbox.db", [str(folder / "opt/current/bin/parkgrid-edge")], 0.2)))
"""


def cut(point: str, *command: str | Path) -> int:
    """Run a program in a process that dies at a point."""
    environment = {**os.environ, "PARKGRID_CRASH_AT": point, "PYTHONPATH": ":".join(sys.path)}
    program = [sys.executable, *command]
    return subprocess.run(program, env=environment, capture_output=True, check=False, timeout=900).returncode


def works(at: Gateway) -> bool:
    """Whether the release that would be started now is a whole one."""
    asked = [at.agent, "--config", at.config, "--check"]
    return subprocess.run(asked, check=False, timeout=120).returncode == 0


@pytest.mark.process
@pytest.mark.parametrize(
    "point", ["update.checked", "update.installing", pytest.param("update.installed", marks=pytest.mark.nightly)]
)
def test_a_power_cut_before_the_exchange_leaves_the_old_release_and_the_next_update_works(
    here, tmp_path, point
) -> None:
    asked = ("-m", "parkgrid_edge", "update", archive(tmp_path), "--config", here.config)
    assert cut(point, *asked) == -signal.SIGKILL
    assert here.running() == "0.1.0-old"
    assert works(here)
    assert not (here.folder / "opt" / "trial.json").exists()
    if point == "update.installing":
        assert update(here, archive(tmp_path, "0.3.0")) == 0
        assert works(here)
        assert {each.name[:5] for each in (here.folder / "opt" / "releases").iterdir()} == {"0.1.0", "0.3.0"}


# Point, whether the new release stores, which one runs after the cut, and how it ends.
CUTS = [
    ("update.noted", True, "0.1.0-old", "not_installed"),
    ("update.switched", True, "0.2.0-new", "stored"),
    ("update.restarted", True, "0.2.0-new", "stored"),
    ("update.stored", True, "0.2.0-new", "stored"),
    ("update.told", True, "0.2.0-new", "stored"),
    ("update.switched", False, "0.2.0-new", "went_back"),
    ("update.restarted", False, "0.2.0-new", "went_back"),
    ("update.going_back", False, "0.2.0-new", "went_back"),
    ("update.went_back", False, "0.1.0-old", "went_back"),
    ("update.told", False, "0.1.0-old", "went_back"),
]


@pytest.mark.process
@pytest.mark.parametrize(("point", "stores", "after", "outcome"), CUTS)
def test_a_power_cut_at_every_step_of_a_trial_leaves_one_that_works(here, point, stores, after, outcome) -> None:
    here.complete("0.2.0-new", "0.2.0", stores=stores)
    assert cut(point, "-c", TRY, here.folder) == -signal.SIGKILL
    assert here.running() == after
    assert works(here)
    # At the next start, systemd runs this, since a trial was noted.
    assert (here.folder / "opt" / "trial.json").exists()
    main(["trial", "--config", str(here.config)])
    assert here.result()["outcome"] == outcome
    assert here.running() == ("0.2.0-new" if outcome == "stored" else "0.1.0-old")
    assert works(here)
    assert not (here.folder / "opt" / "trial.json").exists()
    assert (here.folder / "outbox.db").read_bytes() == b"readings that wait"


@pytest.mark.process
def test_more_power_cuts_in_a_trial_are_survived_too(here) -> None:
    here.complete("0.2.0-new", "0.2.0", stores=False)
    for point in ("update.restarted", "update.going_back", "update.went_back", "update.told"):
        assert cut(point, "-c", TRY, here.folder) == -signal.SIGKILL
        assert works(here)
    assert main(["trial", "--config", str(here.config)]) == 1
    assert here.running() == "0.1.0-old"


@pytest.mark.process
def test_a_release_that_takes_the_machine_down_each_time_does_not_stay(here) -> None:
    here.complete("0.2.0-new", "0.2.0")
    for _ in range(3):
        assert cut("update.restarted", "-c", TRY, here.folder) == -signal.SIGKILL
    assert main(["trial", "--config", str(here.config)]) == 1
    assert here.result()["reason"] == "it was started 3 times without a result"
    assert here.running() == "0.1.0-old"


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_disk_without_room_is_named_before_anything_is_written(tmp_path, capsys) -> None:
    with small_disk(tmp_path, 8) as disk:
        here = gateway(disk)
        before = sorted(str(each) for each in here.folder.rglob("*"))
        assert update(here, archive(tmp_path)) == 4
        assert f"{disk}/opt has 7 MB free, and 100 MB are needed: free space" in capsys.readouterr().err
        lock = str(disk / "opt" / "update.lock")
        assert sorted(str(each) for each in here.folder.rglob("*") if str(each) != lock) == before


def fill(disk: Path) -> None:
    """Leave not one byte."""
    with suppress(OSError), (disk / "filler").open("wb", 0) as file:
        while file.write(bytes(4096)):
            pass


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
@pytest.mark.parametrize("early", [True, False])
def test_an_update_goes_back_on_a_disk_that_is_full(tmp_path, early) -> None:
    with small_disk(tmp_path, 4) as disk:
        here = gateway(disk)
        here.complete("0.2.0-new", "0.2.0")
        place = Place(disk / "opt")
        (place.release("0.2.0-new") / "library").write_bytes(bytes(100_000))
        begin(place, "0.2.0-new")
        if early:
            fill(disk)
        fills = ["sh", "-c", f"cat /dev/zero 2>/dev/null >{disk}/filler; true"]
        assert judge(Trial(place, disk / "outbox.db", fills, 0.2)) == Outcome.WENT_BACK
        assert (here.running(), works(here)) == ("0.1.0-old", True)
        assert not place.trial.exists()
        # Deleting the new release has made room for the result.
        reason = f"{place.trial} cannot be written (No space left on device)" if early else "no reading of it was"
        assert here.result()["reason"].startswith(reason)


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_an_update_that_cannot_be_noted_is_not_begun(tmp_path) -> None:
    with small_disk(tmp_path, 1) as disk:
        here = gateway(disk)
        here.complete("0.2.0-new", "0.2.0")
        fill(disk)
        with pytest.raises(NotInstalledError, match="cannot be written"):
            begin(Place(disk / "opt"), "0.2.0-new")
        assert here.running() == "0.1.0-old"
        assert not Place(disk / "opt").trial.exists()


def release(tmp_path: Path) -> Path:
    prefix = tmp_path / "releases" / "0.2.0-abc"
    prefix.mkdir(parents=True)
    (prefix / "release.json").write_text("{}")
    return prefix


def rows(*numbers: int) -> list[OutboxBatch]:
    return [OutboxBatch(seq, 1, 1, b"[]") for seq in numbers]


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    """Of an agent that found six batches waiting and has committed the seventh and eighth of epoch 5."""
    found = Evidence(tmp_path / "outbox.db", release(tmp_path))
    found.committed(5, [])
    found.committed(5, rows(7))
    found.committed(5, rows(8))
    return found


@pytest.mark.parametrize(
    ("ack", "told"),
    [
        (Ack(5, 0), False),
        # What waited before the update is confirmed: the new release has stored nothing yet.
        (Ack(5, 6), False),
        (Ack(5, 2, ((4, 6),)), False),
        (Ack(5, 7), True),
        # Live readings overtake what waits.
        (Ack(5, 2, ((4, 4), (8, 8))), True),
        (Ack(4, 9), False),
        (Ack(6, 9), False),
    ],
)
def test_a_reading_counts_as_stored_when_a_batch_of_this_process_is_confirmed(tmp_path, evidence, ack, told) -> None:
    evidence.confirmed(ack)
    assert stored(tmp_path / "outbox.db", "0.2.0-abc") is told
    assert not stored(tmp_path / "outbox.db", "0.1.0-old")


def test_batches_that_are_numbered_anew_are_compared_by_their_new_numbers(tmp_path, evidence) -> None:
    evidence.committed(9, rows(20))
    evidence.confirmed(Ack(9, 19))
    assert not stored(tmp_path / "outbox.db", "0.2.0-abc")
    evidence.confirmed(Ack(9, 20))
    assert stored(tmp_path / "outbox.db", "0.2.0-abc")


def test_what_a_full_disk_did_not_take_is_told_with_the_next_acknowledgement(tmp_path, evidence) -> None:
    blocked = tmp_path / ".outbox.db.release.json.new"
    blocked.mkdir()
    evidence.confirmed(Ack(5, 7))
    assert not stored(tmp_path / "outbox.db", "0.2.0-abc")
    blocked.rmdir()
    evidence.confirmed(Ack(5, 8))
    assert stored(tmp_path / "outbox.db", "0.2.0-abc")


def test_an_agent_that_was_not_installed_from_a_bundle_writes_no_file(tmp_path) -> None:
    evidence = Evidence(tmp_path / "outbox.db", tmp_path)
    evidence.committed(5, rows(1))
    evidence.confirmed(Ack(5, 1))
    assert list(tmp_path.iterdir()) == []


def test_the_word_of_an_agent_is_read_within_bounds(tmp_path) -> None:
    path = tmp_path / "outbox.db"
    told = file_of(path)
    right = tmp_path / "right"
    right.write_text(json.dumps({"release": "a", "stored": True}))
    told.symlink_to(right)
    assert not stored(path, "a")
    told.unlink()
    os.mkfifo(told)
    assert not stored(path, "a")
    told.unlink()
    for text in (
        "",
        "[]",
        "{" * 5000,
        '{"release": "a", "stored": 1}',
        '{"release": "a", "stored": true}' + " " * 9999,
    ):
        told.write_text(text)
        assert not stored(path, "a") or text.startswith('{"release": "a", "stored": true}')
    told.write_text(json.dumps({"release": "a", "stored": True}))
    assert stored(path, "a")


def test_the_signer_of_these_tests_makes_what_the_standard_says() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public, signature = bundles.signed(seed, b"")
    assert (public.hex(), signature.hex()) == (VECTORS[0][0], VECTORS[0][2])
    assert is_signed(bytes.fromhex(PUBLIC), b"abc", bundles.signed(SEED, b"abc")[1])
