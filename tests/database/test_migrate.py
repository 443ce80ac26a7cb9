"""Migrations: once, in order, after a kill where they stopped; and the schema is what the catalogue says."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

import parkgrid_database
from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_database.draft import draft, main
from parkgrid_database.errors import SetupError, StoreUnavailableError
from parkgrid_database.migrate import migrate, status
from parkgrid_ingest.store.opening import open_store
from tests.ingest.readings import all_rows

MIGRATIONS = Path(parkgrid_database.__file__).with_name("migrations")
LEVELS = ("1m", "15m", "1d")
_TYPE = {2: "smallint", 4: "integer", 8: "bigint"}


def files(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(text)
    return folder


def columns(dsn: str, schema: str, relation: str) -> dict[str, str]:
    query = """SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
               WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
    return dict(all_rows(dsn, query, f"{schema}.{relation}"))


def test_an_empty_database_is_brought_up_once(empty_dsn):
    first = migrate(empty_dsn)
    assert first[0] == "0001_registry.sql"
    assert migrate(empty_dsn) == []
    assert {state.state for state in status(empty_dsn)} == {"applied"}
    assert len(all_rows(empty_dsn, "SELECT * FROM public.schema_migrations WHERE complete")) == len(first)


def test_status_of_an_empty_database_changes_nothing(empty_dsn):
    assert {state.state for state in status(empty_dsn)} == {"pending"}
    assert all_rows(empty_dsn, "SELECT to_regclass('base.schema_migration')") == [(None,)]


def test_a_store_is_not_opened_before_migration(empty_dsn):
    with pytest.raises(SetupError, match="parkgrid db migrate"):
        open_store(empty_dsn)


def test_an_unreachable_database_is_retriable(free_port):
    dsn = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    for call in (migrate, status, open_store):
        with pytest.raises(StoreUnavailableError):
            call(dsn)


def test_the_variant_follows_the_server_and_stays(empty_dsn):
    migrate(empty_dsn)
    has_extension = bool(all_rows(empty_dsn, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"))
    store = open_store(empty_dsn)
    assert store.kind == ("timescale" if has_extension else "postgres")
    store.close()
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("UPDATE base.schema_migration SET variant = 'postgres'")
    # On a server with TimescaleDB the files for PostgreSQL alone are now looked for, and were not applied.
    for_postgres = {file.name[:4] for file in MIGRATIONS.glob("*.sql") if ".timescale." not in file.name}
    assert {state.version for state in status(empty_dsn) if state.state != "unknown"} == for_postgres
    again = open_store(empty_dsn)
    assert again.kind == "postgres"
    again.close()


@pytest.mark.parametrize("suffix", ["", "_newest"])
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_raw_columns_are_the_catalogue(dsn, name, suffix):
    device_class = CATALOGUE[name]
    stored, seen = columns(dsn, "base", name + suffix), columns(dsn, "public", name + suffix)
    keys = ["device_id", "at", "received_at", "epoch_id", "seq", "flags"]
    assert list(stored) == list(seen) == [*keys, *(signal.name for signal in device_class.signals), "untrusted"]
    for signal_ in device_class.signals:
        assert stored[signal_.name] == _TYPE[signal_.storage_bytes]
        assert seen[signal_.name] == "double precision"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_columns_of_single_readings_are_the_catalogue(dsn, name):
    stored = columns(dsn, "base", f"{name}_single")
    if not stored and all_rows(dsn, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
        pytest.skip("no table of single readings on TimescaleDB: its aggregates compute themselves")
    wanted = {signal_.name: _TYPE[signal_.storage_bytes] for signal_ in CATALOGUE[name].signals}
    assert stored == {"device_id": "integer", "at": "timestamp with time zone"} | wanted


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_rollup_columns_are_the_catalogue(dsn, name, level):
    expected = ["device_id", "at", "samples"]
    for signal_ in CATALOGUE[name].signals:
        match signal_.kind:
            case SignalKind.GAUGE:
                expected += [signal_.name, f"{signal_.name}_min", f"{signal_.name}_max"]
            case SignalKind.COUNTER:
                expected += [f"{signal_.name}_first", f"{signal_.name}_last"]
            case SignalKind.STATE:
                expected.append(signal_.name)
    seen = columns(dsn, "public", f"{name}_{level}")
    assert list(seen) == expected
    assert list(seen.values()) == [
        "integer",
        "timestamp with time zone",
        "bigint",
        *["double precision"] * (len(expected) - 3),
    ]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_views_divide_by_the_resolution_of_the_catalogue(dsn, name):
    device_class = CATALOGUE[name]
    day = "2025-10-09"
    with psycopg.connect(dsn, autocommit=True) as connection:
        if all_rows(dsn, "SELECT to_regproc('base.ensure_days') IS NOT NULL") == [(True,)]:
            connection.execute("SELECT base.ensure_days(%s, ARRAY[%s]::date[])", (name, day))
        names = ", ".join(signal_.name for signal_ in device_class.signals)
        values = ", ".join("12345" for _ in device_class.signals)
        connection.execute(
            f"INSERT INTO base.{name} (device_id, at, received_at, epoch_id, seq, {names})"
            f" VALUES (1, '{day} 09:00Z', now(), 1, 1, {values})"
        )
    (row,) = all_rows(dsn, f"SELECT {names} FROM public.{name}")
    for value, signal_ in zip(row, device_class.signals, strict=True):
        assert value == pytest.approx(12345 * signal_.resolution, rel=1e-12)


def test_public_holds_views_only_and_base_is_closed(dsn):
    kinds = all_rows(
        dsn,
        """SELECT DISTINCT c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
           WHERE n.nspname = 'public' AND d.objid IS NULL""",
    )
    assert kinds == [("v",)]
    with psycopg.connect(dsn) as connection:
        connection.execute("SET ROLE parkgrid_grafana")
        assert connection.execute("SELECT count(*) FROM public.meter").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM base.meter")
    with psycopg.connect(dsn) as connection:
        connection.execute("SET ROLE parkgrid_api")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM public.quarantine")
    settings = all_rows(dsn, "SELECT rolconfig, rolcanlogin FROM pg_roles WHERE rolname = 'parkgrid_grafana'")
    assert settings == [(["statement_timeout=30s", "default_transaction_read_only=on"], False)]


def test_an_edited_file_is_refused_by_name(empty_dsn, tmp_path):
    folder = files(tmp_path / "m", m0001_first="CREATE TABLE base.a (x int4);")
    assert migrate(empty_dsn, folder) == ["0001_first.sql"]
    files(folder, m0001_first="CREATE TABLE base.a (x int8);")
    with pytest.raises(SetupError, match=r"0001_first\.sql was changed.*new migration"):
        migrate(empty_dsn, folder)
    assert [state.state for state in status(empty_dsn, folder)] == ["edited"]


def test_a_number_that_is_used_twice_is_refused(empty_dsn, tmp_path):
    folder = files(tmp_path / "m", m0001_a="SELECT 1;", m0001_b="SELECT 1;")
    with pytest.raises(SetupError, match="0001 is taken"):
        migrate(empty_dsn, folder)


def test_a_file_that_fails_leaves_nothing(empty_dsn, tmp_path):
    folder = files(
        tmp_path / "m", m0001_a="CREATE TABLE base.a (x int4);", m0002_b="CREATE TABLE base.b (x int4); SELECT wrong;"
    )
    with pytest.raises(SetupError, match=r"0002_b\.sql"):
        migrate(empty_dsn, folder)
    assert all_rows(empty_dsn, "SELECT to_regclass('base.a') IS NOT NULL, to_regclass('base.b')") == [(True, None)]
    files(folder, m0002_b="CREATE TABLE base.b (x int4);")
    assert migrate(empty_dsn, folder) == ["0002_b.sql"]


def test_a_database_ahead_of_this_version_is_left_alone(empty_dsn, tmp_path):
    folder = files(tmp_path / "m", m0001_a="SELECT 1;", m0002_b="SELECT 1;")
    migrate(empty_dsn, folder)
    (folder / "0002_b.sql").unlink()
    assert migrate(empty_dsn, folder) == []
    assert [state.state for state in status(empty_dsn, folder)] == ["applied", "unknown"]


def test_two_migrations_at_once_apply_each_file_once(empty_dsn):
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(empty_dsn))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(len, applied)) == [0, 0, len(status(empty_dsn))]


def _migrate_until_killed(dsn: str, folder: Path, ready: str) -> None:
    """Run the runner in a process of its own and kill it while its statement sleeps."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "from pathlib import Path; from parkgrid_database.migrate import migrate; "
                f"migrate({dsn!r}, Path({str(folder)!r}))"
            ),
        ]
    )
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"
                " AND pid <> pg_backend_pid() AND state = 'active'"
            )
            while connection.execute(query, (f"%{ready}%",)).fetchone() == (0,):
                assert child.poll() is None
            os.kill(child.pid, signal.SIGKILL)
            child.wait(10)
            # The server goes on with a dead client's statement until it looks up; it must not be waited for.
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
    finally:
        if child.poll() is None:
            child.kill()
            child.wait(10)


def test_a_killed_transaction_is_repeated(empty_dsn, tmp_path):
    slow = "CREATE TABLE base.b (x int4);\nSELECT pg_sleep(600);"
    folder = files(tmp_path / "m", m0001_a="CREATE TABLE base.a (x int4);", m0002_b=slow)
    _migrate_until_killed(empty_dsn, folder, "pg_sleep(600)")
    assert all_rows(empty_dsn, "SELECT to_regclass('base.a') IS NOT NULL, to_regclass('base.b')") == [(True, None)]
    files(folder, m0002_b="CREATE TABLE base.b (x int4);")
    assert migrate(empty_dsn, folder) == ["0002_b.sql"]


def test_statements_outside_a_transaction_go_on_where_they_were_killed(empty_dsn, tmp_path):
    wait = "DO $$ BEGIN IF NOT EXISTS (SELECT FROM base.go) THEN PERFORM pg_sleep(600); END IF; END $$;\n"
    text = (
        "-- parkgrid: no transaction\nCREATE TABLE base.log (n int4);\nCREATE TABLE base.go (n int4);\n"
        f"-- next\nINSERT INTO base.log VALUES (2);\n-- next\n{wait}-- next\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS log_n ON base.log (n);\n"
    )
    folder = files(tmp_path / "m", m0001_a=text)
    _migrate_until_killed(empty_dsn, folder, "pg_sleep(600)")
    assert [state.state for state in status(empty_dsn, folder)] == ["unfinished"]
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO base.go VALUES (1)")
    assert migrate(empty_dsn, folder) == ["0001_a.sql"]
    assert all_rows(empty_dsn, "SELECT n FROM base.log") == [(2,)]
    assert all_rows(empty_dsn, "SELECT to_regclass('base.log_n') IS NOT NULL") == [(True,)]
    assert [state.state for state in status(empty_dsn, folder)] == ["applied"]


@pytest.mark.parametrize("store", ["postgres", "timescale"])
@pytest.mark.parametrize("section", ["telemetry", "rollups", "views", "singles"])
def test_the_draft_has_a_relation_for_every_class(section, store, capsys):
    assert main([section, store]) == 0
    printed = capsys.readouterr().out
    assert printed == draft(section, store)
    suffix = {"rollups": "_15m", "singles": "_single"}.get(section, "")
    for name in CATALOGUE:
        assert f".{name}{suffix} " in printed or f".{name}\n" in printed


def test_the_draft_says_how_it_is_called(capsys):
    assert main(["tables"]) == 2
    assert "usage" in capsys.readouterr().err
