"""`parkgrid db backup`, `restore` and `verify` as a user runs them: exit statuses, words, folders of `up`, bundles."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid.data_folder import DATABASE, occupied
from parkgrid.later_entries import later_entries
from parkgrid_database.backup import archive
from parkgrid_database.migrate import migrate
from parkgrid_servers import client_programs, database
from parkgrid_servers.client_programs import ClientPrograms
from parkgrid_vpp.bundle import write as write_bundle
from parkgrid_vpp.bundling import contents
from parkgrid_vpp.centre_key import create
from tests.conftest import temporary_database
from tests.logins import acting
from tests.vpp.metered_park import Meters, answering
from tests.vpp.test_bundling import settled_twice


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["db", *map(str, arguments)])


def last_line(result: Result) -> dict:
    return json.loads(result.stdout.splitlines()[-1])


def ask(dsn: str, query: str) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        done = connection.execute(query)
        return done.fetchall() if done.description else []


def test_status_tells_what_the_catalogue_lacks_and_what_no_migration_adds(dsn: str) -> None:
    assert "DIFFERS" not in run("status", "--dsn", dsn).stdout
    ask(dsn, "ALTER TABLE base.meter_1d DROP CONSTRAINT meter_1d_pkey")
    ask(dsn, "ALTER TABLE base.weather_single DROP COLUMN rain_mm CASCADE")
    told = run("status", "--dsn", dsn)
    assert told.exit_code == 1
    assert "DIFFERS     base.meter_1d  the primary key is nothing and must be park_id, device_id, at" in told.stdout
    assert "pending     base.weather_single  lacks rain_mm" in told.stdout


def test_from_a_database_to_an_empty_one(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    ask(dsn, "INSERT INTO base.park (park, time_zone) VALUES ('kept', 'Asia/Shanghai')")
    file = tmp_path / "a.backup"
    made = run("backup", file, "--dsn", dsn, "--json")
    assert made.exit_code == 0, made.output
    assert f"{file}: complete" in made.stdout
    assert "the pilot's ledger: no entry" in made.stdout
    # The user sees that it goes on, and how far it is.
    assert "100 %" in made.stderr
    document = last_line(made)
    assert document["head"] is None
    assert document["rows"] == sum(rows.rows for rows in archive.read(file).inventory.tables.values())
    checked = run("verify", file)
    assert (checked.exit_code, checked.stdout.splitlines()[0]) == (0, f"{file}: complete and undamaged")
    restored = run("restore", file, "--dsn", empty_dsn, "--json")
    assert restored.exit_code == 0, restored.output
    assert "nothing differs from the backup" in restored.stdout
    assert last_line(restored)["differences"] == []
    assert ask(empty_dsn, "SELECT park FROM parks") == [("kept",)]
    assert run("verify", file, "--dsn", empty_dsn).exit_code == 0
    ask(empty_dsn, "ALTER TABLE base.bill_closing DROP CONSTRAINT bill_closing_pkey")
    differs = run("verify", file, "--dsn", empty_dsn, "--json")
    assert differs.exit_code == 1
    assert "DIFFERS: primary key bill_closing_pkey of base.bill_closing is missing" in differs.stdout
    assert len(last_line(differs)["differences"]) == 1
    again = run("restore", file, "--dsn", empty_dsn)
    assert again.exit_code == 1
    assert "is not empty" in again.stderr
    assert "CREATE DATABASE" in again.stderr


def test_what_a_user_can_get_wrong_is_said_with_its_remedy(dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "a.backup"
    file.write_bytes(b"PGDMP no backup")
    for command in (("restore", file, "--dsn", dsn), ("verify", file)):
        refused = run(*command)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "is not a complete backup" in refused.stderr
    both = run("backup", tmp_path / "b", "--dsn", dsn, "--data-dir", tmp_path)
    assert (both.exit_code, both.stderr) == (2, "give --dsn (or PARKGRID_DSN) or --data-dir, not both\n")
    neither = run("restore", file)
    assert neither.exit_code == 2
    assert "--dsn" in neither.stderr
    assert "--data-dir" in neither.stderr
    alone = run("verify", file, "--bundles", tmp_path)
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "name it with --dsn or --data-dir" in alone.stderr
    nothing = run("backup", tmp_path / "b", "--data-dir", tmp_path)
    assert nothing.exit_code == 1
    assert "has no database" in nothing.stderr


def test_programs_older_than_the_server_are_refused_with_both_versions(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_programs, "available", lambda: [ClientPrograms(Path("/old"), "14.2")])
    refused = run("backup", tmp_path / "a", "--dsn", dsn)
    assert refused.exit_code == 1
    server = ask(dsn, "SHOW server_version")[0][0].split()[0]
    assert f"the server is PostgreSQL {server}, but here is only pg_dump 14.2 in /old" in refused.stderr
    assert "apt install postgresql-client-" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def _folder(folder: Path) -> str:
    """A folder as `parkgrid up` leaves it: a database, the state of simulated registers, outboxes and passwords."""
    (folder / "parks").mkdir(parents=True)
    folder.chmod(0o711)
    (folder / "history.json").write_text('{"kept": 1}')
    (folder / "parks" / "park-2.json").write_text('{"kept": 2}')
    (folder / "outbox.db").write_text("unsent")
    (folder / "page-token").write_text("secret")
    server = database.start(folder / DATABASE)
    try:
        migrate(server.dsn)
        ask(server.dsn, "INSERT INTO base.park (park, time_zone) VALUES ('of-folder', 'Asia/Shanghai')")
    finally:
        server.stop()
    return server.dsn


@pytest.mark.process
def test_the_folder_of_up_stopped_and_running(server_dir: Path) -> None:
    folder, file = server_dir / "up", server_dir / "stopped.backup"
    _folder(folder)
    stopped = run("backup", file, "--data-dir", folder)
    assert stopped.exit_code == 0, stopped.output
    assert not (folder / DATABASE / "postgres" / "postmaster.pid").exists()
    with occupied(folder):
        server = database.start(folder / DATABASE)
        try:
            assert database.running_dsn(folder / DATABASE) == server.dsn
            ask(server.dsn, "INSERT INTO base.park (park, time_zone) VALUES ('later', 'Asia/Shanghai')")
            running = run("backup", server_dir / "running.backup", "--data-dir", folder)
            assert running.exit_code == 0, running.output
            refused = run("restore", file, "--data-dir", folder)
            assert refused.exit_code == 1
            assert "is in use" in refused.stderr
        finally:
            server.stop()
    assert database.running_dsn(folder / DATABASE) is None
    for name, parks in (("stopped", ["of-folder"]), ("running", ["later", "of-folder"])):
        restored = run("restore", server_dir / f"{name}.backup", "--data-dir", server_dir / f"again-{name}")
        assert restored.exit_code == 0, restored.output
        server = database.start(server_dir / f"again-{name}" / DATABASE)
        try:
            assert [park for (park,) in ask(server.dsn, "SELECT park FROM parks ORDER BY park")] == parks
        finally:
            server.stop()
        # An old outbox would send numbers again that the store has seen; passwords are made anew.
        kept = {path.name: path.read_text() for path in (server_dir / f"again-{name}").rglob("*.json")}
        assert kept == {"history.json": '{"kept": 1}', "park-2.json": '{"kept": 2}'}
        assert not (server_dir / f"again-{name}" / "outbox.db").exists()
        assert not (server_dir / f"again-{name}" / "page-token").exists()
    filled = run("restore", file, "--data-dir", folder)
    assert filled.exit_code == 1
    assert "has a database, and a restore overwrites nothing" in filled.stderr


@pytest.mark.process
def test_a_folder_whose_restore_fails_has_no_database(server_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, file = server_dir / "up", server_dir / "a.backup"
    _folder(folder)
    assert run("backup", file, "--data-dir", folder).exit_code == 0
    broken = server_dir / "bin"
    broken.mkdir()
    program = broken / "pg_restore"
    program.write_text("#!/bin/sh\necho 'pg_restore: error: no space left' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(client_programs, "available", lambda: [ClientPrograms(broken, "99.0")])
    failed = run("restore", file, "--data-dir", server_dir / "again")
    assert failed.exit_code == 1
    assert "pg_restore failed: no space left" in failed.stderr
    assert not (server_dir / "again" / DATABASE).exists()


def _as_replica(dsn: str) -> str:
    """Whoever may do everything may also change what is append-only."""
    return make_conninfo(dsn, options="-c session_replication_role=replica")


@pytest.fixture
def meters(dsn: str) -> Iterator[Meters]:
    with answering(dsn) as made:
        yield made


def test_entries_made_after_the_backup_are_named_from_bundles(
    meters: Meters, dsn: str, empty_dsn: str, tmp_path: Path
) -> None:
    """The last entries of the ledger are taken from the store before its backup: they are known from a bundle alone."""
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        settled_twice(meters, connection)
        bundle = contents(connection, "ev-1", "op-1", datetime(2026, 7, 1, tzinfo=UTC))
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    (bundles / bundle.file_name).write_bytes(write_bundle(bundle, create(tmp_path)))
    (bundles / "torn.bundle").write_bytes(b"PK nothing")
    head = ask(dsn, "SELECT max(number) FROM base.vpp_entry")[0][0]
    kinds = dict(ask(dsn, "SELECT number, kind || ' ' || subject FROM base.vpp_entry"))
    old = head - 5
    ask(_as_replica(dsn), f"DELETE FROM base.vpp_entry WHERE number > {old}")
    file = tmp_path / "a.backup"
    assert run("backup", file, "--dsn", dsn).exit_code == 0
    restored = run("restore", file, "--dsn", empty_dsn, "--bundles", bundles, "--json")
    assert restored.exit_code == 3, restored.output
    assert f"the pilot's ledger ends at entry {old}, bundles know of {head}: 5 are missing" in restored.stdout
    later = last_line(restored)["later"]
    inside = {entry.number for entry in bundle.entries if entry.number > old}
    assert inside
    assert {int(number) for number in later["named"]} == inside
    for number, told in later["named"].items():
        assert told.startswith(kinds[int(number)] + ", 2026-")
        assert f"  entry {number}: {told}" in restored.stdout
    assert ("of them are in no bundle here" in restored.stdout) == (len(inside) < 5)
    (unreadable,) = later["unreadable"]
    assert unreadable.startswith("torn.bundle")
    # The same store with everything in it: nothing is missing. One whose entry differs: a second history.
    digests = dict(ask(empty_dsn, "SELECT number, digest FROM base.vpp_entry"))
    whole = later_entries(None, bundles, dict(enumerate(bundle.chain, 1)))
    assert (whole.missing, whole.lines, whole.other_histories) == (0, [], ())
    other = later_entries(None, bundles, digests | {3: "0" * 64})
    (said,) = other.other_histories
    assert said == f"{bundle.file_name} has another entry 3 than the restored ledger: a second history"
    ask(_as_replica(empty_dsn), "UPDATE base.vpp_entry SET digest = repeat('0', 64) WHERE number = 3")
    changed = run("verify", file, "--dsn", empty_dsn, "--bundles", bundles)
    assert changed.exit_code == 1
    assert "SECOND HISTORY" in changed.stdout
    assert "do not carry the digest of the one before" in changed.stdout


def test_a_closed_database_is_opened_when_nothing_differs(dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "a.backup"
    assert run("backup", file, "--dsn", dsn).exit_code == 0
    with temporary_database(dsn) as (name, other):
        assert run("restore", file, "--dsn", other).exit_code == 0
        ask(other, "ALTER TABLE base.bill_closing RENAME CONSTRAINT bill_closing_pkey TO other_name")
        ask(
            other,
            "CREATE TABLE public.parkgrid_restore AS SELECT 'its restore failed: x' AS state, 'a.backup' AS backup,"
            " now() AS begun_at, 7 AS connection_limit",
        )
        ask(other, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        refused = run("status", "--dsn", other)
        assert refused.exit_code == 1
        assert "not a whole restore: its restore failed: x" in refused.stderr
        assert run("verify", file, "--dsn", other).exit_code == 1
        ask(other, "ALTER TABLE base.bill_closing RENAME CONSTRAINT other_name TO bill_closing_pkey")
        assert run("verify", file, "--dsn", other).exit_code == 0
        assert ask(other, f"SELECT datconnlimit FROM pg_database WHERE datname = '{name}'") == [(7,)]
        assert run("status", "--dsn", other).exit_code == 0
