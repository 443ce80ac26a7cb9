"""Migrations: once, in order, after a kill where they stopped; and the schema is what the catalogue says."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import parkgrid_database
from parkgrid_contract.signals import CATALOGUE, DeviceClass, Signal, SignalKind
from parkgrid_database import telemetry
from parkgrid_database.errors import SetupError, StoreUnavailableError
from parkgrid_database.migrate import drift, migrate, status
from parkgrid_ingest.store.opening import open_store
from tests.ingest.readings import NOON_MS, all_rows, drain, store_one

MIGRATIONS = Path(parkgrid_database.__file__).with_name("migrations")
LEVELS = ("1m", "15m", "1d")
WIDER: dict[str, DeviceClass] = {}
"""A catalogue of a later version, filled by its test."""
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
    files = [name for name in first if name.endswith(".sql")]
    assert len(all_rows(empty_dsn, "SELECT * FROM public.schema_migrations WHERE complete")) == len(files)


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
    keys = ["park_id", "device_id", "at", "received_at", "epoch_id", "seq", "flags", "untrusted"]
    assert list(stored) == list(seen) == [*keys, *(signal.name for signal in device_class.signals)]
    for signal_ in device_class.signals:
        assert stored[signal_.name] == _TYPE[signal_.storage_bytes]
        assert seen[signal_.name] == "double precision"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_columns_of_single_readings_are_the_catalogue(dsn, name):
    stored = columns(dsn, "base", f"{name}_single")
    wanted = {signal_.name: _TYPE[signal_.storage_bytes] for signal_ in CATALOGUE[name].signals}
    assert stored == {"park_id": "integer", "device_id": "integer", "at": "timestamp with time zone"} | wanted


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_rollup_columns_are_the_catalogue(dsn, name, level):
    expected = ["park_id", "device_id", "at", "samples"]
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
        "integer",
        "timestamp with time zone",
        "bigint",
        *["double precision"] * (len(expected) - 4),
    ]


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_views_divide_by_the_resolution_of_the_catalogue(dsn, name):
    device_class = CATALOGUE[name]
    day = "2025-10-09"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT base.ensure_days(%s, ARRAY[%s]::date[])", (name, day))
        names = ", ".join(signal_.name for signal_ in device_class.signals)
        values = ", ".join("12345" for _ in device_class.signals)
        connection.execute(
            f"INSERT INTO base.{name} (park_id, device_id, at, received_at, epoch_id, seq, {names})"
            f" VALUES (1, 1, '{day} 09:00Z', now(), 1, 1, {values})"
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
    assert sorted(map(len, applied))[:2] == [0, 0]
    assert len({*applied[0], *applied[1], *applied[2]}) == max(map(len, applied)) > len(status(empty_dsn))


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


def relations_of(dsn: str) -> list[tuple]:
    return all_rows(dsn, "SELECT relation, digest = encode(sha256(statement::bytea), 'hex') FROM public.schema_steps")


def test_what_the_catalogue_asks_for_is_made_once_and_noted(dsn):
    noted = relations_of(dsn)
    assert {relation for relation, _ in noted} == {
        f"{schema}.{name}{suffix}"
        for name in CATALOGUE
        for schema, suffixes in (
            ("base", ("", "_newest", "_single", "_1m", "_15m", "_1d")),
            ("public", ("", "_newest", "_1m", "_15m", "_1d")),
        )
        for suffix in suffixes
    }
    assert all(same for _, same in noted)
    assert drift(dsn) == []
    assert migrate(dsn) == []
    assert relations_of(dsn) == noted


def test_a_signal_and_a_class_that_are_new_are_added_to_a_filled_store(dsn, monkeypatch):
    """As one row and one entry of the catalogue; readings of before stay, and roll-ups take the new ones in."""
    with closing(open_store(dsn)) as store:
        store_one(store, 1, [(1, NOON_MS, {"active_power_kw": 5_000})])
        store_one(store, 2, [(2, NOON_MS, {"voltage_v": 7_000})], "dc_bus")
        drain(store)
    oil = Signal("oil_temperature_c", "°C", SignalKind.GAUGE, 0.1, -50, 200)
    wider = DeviceClass("meter", (oil, *CATALOGUE["meter"].signals))
    transformer = DeviceClass("transformer", (oil, Signal("tap", "", SignalKind.STATE, 1, 0, 40)))
    for name, each in CATALOGUE.items():
        monkeypatch.setitem(WIDER, name, each)
    monkeypatch.setitem(WIDER, "meter", wider)
    monkeypatch.setitem(WIDER, "transformer", transformer)
    monkeypatch.setattr(telemetry, "CATALOGUE", WIDER)
    told = {each.relation: each.text for each in drift(dsn)}
    assert told["base.meter"] == "lacks oil_temperature_c"
    assert told["base.transformer_15m"] == "is missing"
    made = migrate(dsn)
    tables = {f"meter{suffix}" for suffix in ("", "_newest", "_single", "_1m", "_15m", "_1d")}
    assert {relation.partition(".")[2] for relation in made} == tables | {
        name.replace("meter", "transformer") for name in tables
    }
    assert drift(dsn) == migrate(dsn) == []
    assert all_rows(dsn, "SELECT active_power_kw, oil_temperature_c FROM meter") == [(5.0, None)]
    assert all_rows(dsn, "SELECT active_power_kw_max, oil_temperature_c_max FROM meter_1d") == [(5.0, None)]
    assert all_rows(dsn, "SELECT count(*) FROM transformer_1d") == [(0,)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE base.meter_1d DROP CONSTRAINT meter_1d_pkey", "base.meter_1d: the primary key is nothing"),
        (
            "DROP VIEW public.weather_newest; ALTER TABLE base.weather_newest ALTER COLUMN humidity_pct TYPE int8",
            "base.weather_newest: column humidity_pct is bigint and must be smallint",
        ),
    ],
)
def test_a_key_or_a_type_that_is_another_one_is_told_and_nothing_is_done(dsn, change, told):
    """As a dump leaves it that was restored without its keys: the same reading would be stored twice."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE base.gateway_1d DROP COLUMN samples CASCADE")
        connection.execute(change)
    with pytest.raises(SetupError, match=told):
        migrate(dsn)
    found = [each.relation for each in drift(dsn) if each.relation != "public.weather_newest"]
    assert found == [told.partition(":")[0], "base.gateway_1d", "public.gateway_1d"]


def test_a_column_of_a_newer_version_stays(dsn, monkeypatch):
    known = CATALOGUE["weather"].signals
    monkeypatch.setitem(WIDER, "weather", DeviceClass("weather", known[1:]))
    monkeypatch.setattr(telemetry, "CATALOGUE", WIDER)
    assert migrate(dsn) == []
    assert known[0].name in columns(dsn, "base", "weather")
    assert known[0].name in columns(dsn, "public", "weather")


def test_a_database_of_the_schema_before_is_refused_and_left_alone(empty_dsn):
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA base")
        connection.execute("CREATE TABLE base.park (park text PRIMARY KEY)")
    for call in (migrate, status, drift):
        with pytest.raises(SetupError, match=r"before 0\.1\.0.*nothing in it was changed.*empty database"):
            call(empty_dsn)
    assert all_rows(empty_dsn, "SELECT relname FROM pg_class WHERE relnamespace = 'base'::regnamespace ORDER BY 1") == [
        ("park",),
        ("park_pkey",),
    ]
