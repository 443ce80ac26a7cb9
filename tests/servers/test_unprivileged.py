"""Parts of the chain that root starts: somebody else, from an interpreter that they could not reach by its path."""

import json
import os
import sys
from pathlib import Path

import pytest

from parkgrid_servers import process, unprivileged

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else to be")

_PROGRAM = """
import json, os, pathlib, sys
import parkgrid_metering.rounds, parkgrid_api.app  # what the parts are made of
import parkgrid_edge.agent, parkgrid_ingest.service
own, foreign = map(pathlib.Path, sys.argv[1:])
(own / "made").write_text("x")
def refused(action):
    try:
        action()
    except PermissionError:
        return True
    return False
print(json.dumps({
    "user": os.getuid(), "groups": os.getgroups(),
    "home": refused(lambda: os.listdir("/root")) or bool(os.stat("/root").st_mode & 0o4),
    "foreign": refused(lambda: (foreign / "made").write_text("x")),
    "become": refused(lambda: os.setuid(0)),
}))
"""


def test_a_part_is_nobody_and_reaches_its_own_folder_only(server_dir: Path) -> None:
    own, log = unprivileged.own_folder(server_dir / "own"), server_dir / "logs" / "part.log"
    command = [sys.executable, "-c", _PROGRAM, str(own), str(server_dir)]
    child = process.Child("part", command, log, user=unprivileged.user(), directory=server_dir)
    assert process.start(child).wait() == 0, log.read_text()
    told = json.loads(log.read_text().splitlines()[-1])
    nobody = unprivileged.user()
    assert nobody is not None
    assert told == {"user": nobody.pw_uid, "groups": [], "home": True, "foreign": True, "become": True}
    assert (own / "made").stat().st_uid == nobody.pw_uid


def test_files_of_a_former_version_move_on(tmp_path: Path) -> None:
    for name in ("outbox.db", "outbox.db-wal", "park.json", "edge.toml"):
        (tmp_path / name).write_text(name)
    unprivileged.own_folder(unprivileged.taken_along(tmp_path / "parks", tmp_path, ("outbox.db", "park.json")))
    assert sorted(path.name for path in (tmp_path / "parks").iterdir()) == ["outbox.db", "outbox.db-wal", "park.json"]
    assert {path.stat().st_uid for path in (tmp_path / "parks").iterdir()} == {65_534}
    # A new file of the same name is never overwritten by an old one.
    (tmp_path / "park.json").write_text("old")
    unprivileged.taken_along(tmp_path / "parks", tmp_path, ("park.json",))
    assert (tmp_path / "parks" / "park.json").read_text() == "park.json"


def test_root_writes_no_log_through_a_link(server_dir: Path) -> None:
    own = unprivileged.own_folder(server_dir / "own")
    target = server_dir / "target"
    target.write_text("")
    (own / "part.log").symlink_to(target)
    with pytest.raises(OSError, match="symbolic link"):
        process.start(process.Child("part", [sys.executable, "-c", "print(1)"], own / "part.log"))
    assert target.read_text() == ""
