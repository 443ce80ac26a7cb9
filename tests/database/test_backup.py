"""A backup and its restore with a real server: whole, or refused, or closed and named; never something in between."""

import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from parkgrid_database.backup import archive, dump, fence, tools
from parkgrid_database.backup.dump import Programs, backup
from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.inventory import inventory
from parkgrid_database.backup.manifest import Manifest
from parkgrid_database.backup.restore import restore, verify
from parkgrid_database.backup.snapshot import snapshot
from parkgrid_database.errors import SetupError
from parkgrid_database.migrate import migrate, status
from parkgrid_database.roles import Login, make_logins
from parkgrid_servers import client_programs, database
from parkgrid_servers.database import RunningDatabase
from tests.conftest import temporary_database
from tests.database.every_table import READINGS, empty_tables, fill

KINDS = {binaries.kind for binaries in database.available()}


def silent(what: str, share: float) -> None:
    assert what
    assert 0 <= share <= 1


def ask(dsn: str, query: str, *values: object) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        done = connection.execute(query, values or None)
        return done.fetchall() if done.description else []


def programs_for(dsn: str, written_by: str | None = None) -> Programs:
    server = ask(dsn, "SHOW server_version")[0][0].split()[0]
    chosen = client_programs.choose(client_programs.available(), server, written_by)
    return Programs(chosen.folder, chosen.version)


@pytest.fixture(scope="module")
def filled(database_server: RunningDatabase, template_database: str) -> Iterator[str]:
    """A database with rows in every table, which no test changes."""
    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        fill(dsn)
        assert empty_tables(dsn) == []
        yield dsn


@pytest.fixture(scope="module")
def made(filled: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup."""
    file = tmp_path_factory.mktemp("backup") / "whole.backup"
    backup(filled, file, programs_for(filled), silent)
    return file


@pytest.fixture
def timescale(filled: str) -> bool:
    return "timescaledb" in {name for (name,) in ask(filled, "SELECT extname FROM pg_extension")}


def altered(file: Path, to: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """The same dump under another manifest, as a program with other versions would have written it."""
    manifest = archive.read(file)
    with archive.unfinished(to) as path:
        path.write_bytes(file.read_bytes()[: manifest.dump_bytes])
        archive.complete(path, to, change(manifest), {}, silent)
    return to


def limit_of(dsn: str) -> int:
    return ask(dsn, "SELECT datconnlimit FROM pg_database WHERE datname = current_database()")[0][0]


def test_every_table_and_object_comes_back(filled: str, made: Path, empty_dsn: str, timescale: bool) -> None:
    steps: list[tuple[str, float]] = []
    restored = restore(empty_dsn, made, programs_for(empty_dsn), lambda *step: steps.append(step))
    assert restored.differences == ()
    assert (restored.made_roles, restored.without_password) == ((), ())
    assert [share for _, share in steps] == sorted(share for _, share in steps)
    assert limit_of(empty_dsn) == -1
    assert ask(empty_dsn, "SELECT to_regclass('public.parkgrid_restore')") == [(None,)]
    # Computed without the program under test: rows of each kind, and what the views say of them.
    for table in ("base.meter", "base.vpp_entry", "base.device", "base.bill_closing", "meter_1d", "quarantine"):
        rows = f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} AS t"
        assert ask(empty_dsn, rows) == ask(filled, rows), table
    assert ask(empty_dsn, "SELECT count(*) FROM base.meter") == [(2 * READINGS + 1,)]
    with pytest.raises(errors.UniqueViolation):
        ask(empty_dsn, "INSERT INTO base.meter SELECT * FROM base.meter LIMIT 1")
    if timescale:
        packed = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
        # A policy may have packed more of them since.
        assert ask(empty_dsn, packed)[0][0] >= ask(filled, packed)[0][0] >= 1
    # Instants are compared, not how a login has them written.
    written_otherwise = make_conninfo(empty_dsn, options="-c timezone=Asia/Shanghai -c datestyle=German")
    assert verify(written_otherwise, made, silent)[1] == []
    # It goes on as any other database: nothing to migrate, owners and rights as they were, rows can be stored.
    assert {each.state for each in status(empty_dsn)} == {"applied"}
    assert migrate(empty_dsn) == []


def test_the_manifest_says_what_is_in_the_file(filled: str, made: Path) -> None:
    manifest = archive.read(made)
    assert made.stat().st_mode & 0o777 == 0o600
    assert manifest.inventory.tables["base.vpp_entry"].rows == ask(filled, "SELECT count(*) FROM base.vpp_entry")[0][0]
    assert (
        sum(
            rows.rows
            for name, rows in manifest.inventory.tables.items()
            if name.startswith("base.meter") and "_1" not in name
        )
        >= 2 * READINGS + 1
    )
    number, digest = ask(filled, "SELECT number, digest FROM base.vpp_entry ORDER BY number DESC LIMIT 1")[0]
    assert manifest.inventory.head is not None
    assert (manifest.inventory.head.number, manifest.inventory.head.digest) == (number, digest)
    applied = {
        (version, checksum) for version, checksum in ask(filled, "SELECT version, checksum FROM base.schema_migration")
    }
    assert {(each[0], each[3]) for each in manifest.inventory.migrations} == applied
    assert ("constraint", "base.meter", "meter_pkey") in manifest.inventory.objects
    assert manifest.inventory.tables["base.vpp_entry"].first_at == manifest.inventory.tables["base.vpp_entry"].last_at
    # Ordinary programs read both parts.
    listed = subprocess.run(
        [programs_for(filled).folder / "pg_restore", "--list", made], capture_output=True, text=True, check=True
    )
    assert "TABLE DATA base vpp_entry" in listed.stdout
    assert archive.check(made, silent)[0] == manifest


def test_counts_and_rows_are_of_one_instant(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    """Somebody writes while the backup is made: always as many rows into one table as into the other."""
    ask(dsn, "CREATE TABLE public.one (n int4)")
    ask(dsn, "CREATE TABLE public.two (n int4)")
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(dsn) as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO public.one SELECT generate_series(1, 10)")
                connection.execute("INSERT INTO public.two SELECT generate_series(1, 10)")
                connection.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        manifest = backup(dsn, tmp_path / "busy.backup", programs_for(dsn), silent)
    finally:
        stop.set()
        writer.join()
    rows = [manifest.inventory.tables[f"public.{name}"].rows for name in ("one", "two")]
    assert rows[0] == rows[1]
    assert ask(dsn, "SELECT count(*) FROM public.one")[0][0] > rows[0]
    assert restore(empty_dsn, tmp_path / "busy.backup", programs_for(dsn), silent).differences == ()
    assert ask(empty_dsn, "SELECT (SELECT count(*) FROM public.one), (SELECT count(*) FROM public.two)") == [
        tuple(rows)
    ]


def test_no_table_is_emptied_between_snapshot_and_dump(dsn: str) -> None:
    """`TRUNCATE`, which moves a chunk into the columnstore, is not seen by row versions: it has to wait."""
    with snapshot(dsn) as held:
        assert held.name
        with pytest.raises(errors.LockNotAvailable):
            ask(make_conninfo(dsn, options="-c lock_timeout=200ms"), "TRUNCATE base.conflict")
        ask(dsn, "INSERT INTO base.park (park, time_zone) VALUES ('goes-on', 'Asia/Shanghai')")
        assert held.connection.execute("SELECT count(*) FROM base.park WHERE park = 'goes-on'").fetchone() == (0,)


def test_counting_keeps_no_locks_of_indexes(filled: str) -> None:
    """A year of partitions has some ten thousand indexes, a server with default settings some seven thousand locks."""
    with snapshot(filled) as held:
        found = inventory(held, silent)
        assert held.row("SELECT count(*) FROM base.vpp_entry") == (found.tables["base.vpp_entry"].rows,)
        pids = [held.connection.info.backend_pid, held.counting.info.backend_pid]
        locks = ask(
            filled,
            """SELECT c.relname FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
               JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE l.pid = ANY(%s) AND n.nspname = 'base' AND c.relkind IN ('i', 'I')""",
            pids,
        )
        # Those of the ledger's head and of the migrations, which are few.
        assert all(name.startswith(("vpp_entry", "schema_migration")) for (name,) in locks)


def test_a_name_that_is_taken_is_not_written_over(filled: str, tmp_path: Path) -> None:
    taken = tmp_path / "taken.backup"
    taken.write_text("mine")
    with pytest.raises(BackupError, match="exists: name another file"):
        backup(filled, taken, programs_for(filled), silent)
    assert taken.read_text() == "mine"


def test_a_backup_that_fails_leaves_nothing(filled: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(BackupError, match="pg_dump"):
        backup(filled, tmp_path / "x.backup", broken_programs(tmp_path / "bin", "pg_dump", "disk full"), silent)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
    with pytest.raises(BackupError, match=r"missing/x\.backup\.unfinished cannot be written"):
        backup(filled, tmp_path / "missing" / "x.backup", programs_for(filled), silent)


def broken_programs(folder: Path, name: str, says: str) -> Programs:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{name}: error: {says}' >&2\nexec sleep 60\n")
    program.chmod(0o755)
    return Programs(folder, "18.0")


def test_an_error_ends_the_program_at_once(tmp_path: Path, filled: str) -> None:
    since = time.monotonic()
    with pytest.raises(BackupError, match="pg_dump failed: no space"):
        tools.run(broken_programs(tmp_path, "pg_dump", "no space").folder / "pg_dump", [], filled, lambda _: None)
    assert time.monotonic() - since < 30


def test_a_backup_that_is_killed_is_never_taken_for_a_whole_one(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "killed.backup"
    script = (
        "import sys, time; from pathlib import Path; from parkgrid_database.backup import archive;\n"
        "with archive.unfinished(Path(sys.argv[1])) as path:\n"
        "    path.write_bytes(b'PGDMP' + bytes(1000)); print('half', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        with pytest.raises(BackupError, match="another backup is writing"):
            backup(filled, file, programs_for(filled), silent)
        child.kill()
    half = tmp_path / "killed.backup.unfinished"
    assert half.exists()
    assert not file.exists()
    with pytest.raises(BackupError, match="not a complete backup"):
        archive.read(half)
    # What the killed one left does not stand in the way.
    backup(filled, file, programs_for(filled), silent)
    assert not half.exists()
    archive.check(file, silent)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.95, 0.999])
def test_a_file_that_was_cut_off_is_refused(made: Path, tmp_path: Path, share: float, empty_dsn: str) -> None:
    whole = made.read_bytes()
    cut = tmp_path / "cut.backup"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BackupError, match=r"not a complete backup|not a backup of parkgrid"):
        restore(empty_dsn, cut, programs_for(empty_dsn), silent)
    assert limit_of(empty_dsn) == -1


def test_a_dump_without_its_manifest_is_refused(made: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.dump"
    bare.write_bytes(made.read_bytes()[: archive.read(made).dump_bytes])
    with pytest.raises(BackupError, match="not a complete backup"):
        archive.read(bare)
    with pytest.raises(BackupError, match="cannot be read: No such file"):
        archive.read(tmp_path / "nothing")


def test_a_damaged_byte_anywhere_is_found(made: Path, tmp_path: Path) -> None:
    whole = bytearray(made.read_bytes())
    size = archive.read(made).dump_bytes
    for place in (10, size // 2, size - 1, size + (len(whole) - size) // 2):
        damaged = tmp_path / f"damaged-{place}"
        other = bytearray(whole)
        other[place] ^= 0x40
        damaged.write_bytes(other)
        with pytest.raises(BackupError, match="damaged"):
            archive.check(damaged, silent)


def test_a_database_that_is_not_empty_is_refused_and_stays_as_it_is(made: Path, dsn: str, empty_dsn: str) -> None:
    with pytest.raises(BackupError, match=r"is not empty \(it has .*CREATE DATABASE parkgrid_restored"):
        restore(dsn, made, programs_for(dsn), silent)
    assert {each.state for each in status(dsn)} == {"applied"}
    for thing in ("TABLE mine (n int4)", "SCHEMA mine", "FUNCTION mine() RETURNS int4 LANGUAGE sql RETURN 1"):
        with temporary_database(empty_dsn) as (_, other):
            ask(other, f"CREATE {thing}")
            with pytest.raises(BackupError, match=r"not empty .*mine"):
                restore(other, made, programs_for(other), silent)
            assert limit_of(other) == -1


def test_a_dropped_primary_key_is_found_and_after_its_repair_nothing_differs(made: Path, empty_dsn: str) -> None:
    assert restore(empty_dsn, made, programs_for(empty_dsn), silent).differences == ()
    ask(empty_dsn, "ALTER TABLE base.vpp_entry DROP CONSTRAINT vpp_entry_pkey")
    _, found = verify(empty_dsn, made, silent)
    (said,) = found
    assert said == (
        "primary key vpp_entry_pkey of base.vpp_entry is missing (without it the same reading can be stored twice):"
        " ALTER TABLE base.vpp_entry ADD CONSTRAINT vpp_entry_pkey PRIMARY KEY (number)"
    )
    ask(empty_dsn, said.partition("): ")[2])
    assert verify(empty_dsn, made, silent)[1] == []


def test_everything_that_can_be_lost_is_named(made: Path, empty_dsn: str) -> None:
    restore(empty_dsn, made, programs_for(empty_dsn), silent)
    ask(empty_dsn, "ALTER TABLE base.vpp_entry DISABLE TRIGGER USER")
    for statement in (
        "DROP INDEX base.vpp_entry_subject",
        "DROP TRIGGER append_only ON base.vpp_entry",
        "DROP VIEW public.vpp_entries",
        "ALTER TABLE base.register_finding DROP CONSTRAINT register_finding_kind_check",
        "DROP EVENT TRIGGER parkgrid_refuse_definitions",
        "REVOKE SELECT ON public.parks FROM parkgrid_api",
        "ALTER TABLE base.spot_price OWNER TO parkgrid_ingest",
        "DELETE FROM base.conflict",
        "DROP TABLE base.removal CASCADE",
        "UPDATE base.schema_migration SET checksum = 'other' WHERE version = '0001'",
        "DELETE FROM base.vpp_entry WHERE number = (SELECT max(number) FROM base.vpp_entry)",
        "SELECT setval(pg_get_serial_sequence('base.device', 'device_id'), 1, false)",
    ):
        ask(empty_dsn, statement)
    _, found = verify(empty_dsn, made, silent)
    text = "\n".join(found)
    for expected in (
        "index base.vpp_entry_subject of base.vpp_entry is missing: CREATE INDEX vpp_entry_subject",
        "trigger append_only of base.vpp_entry is missing: CREATE TRIGGER append_only",
        "view public.vpp_entries is missing",
        "constraint register_finding_kind_check of base.register_finding is missing: ALTER TABLE",
        "event trigger parkgrid_refuse_definitions is missing",
        "rights public.parks differs",
        "owner base.spot_price differs: now 'parkgrid_ingest', in the backup 'parkgrid_owner'",
        "table base.conflict has 0 rows, in the backup 1",
        "table base.removal is missing",
        "migration 0001 registry is not applied with the checksum",
        "the head of the pilot's ledger is entry",
        "sequence base.device_device_id_seq stands at 0, in the backup at 1",
    ):
        assert expected in text, expected


def test_on_timescale_a_restore_without_its_steps_is_found_to_have_no_keys(
    made: Path, empty_dsn: str, timescale: bool
) -> None:
    """What pg_restore alone does: it says "errors ignored", and the same reading fits in twice."""
    if not timescale:
        pytest.skip("no TimescaleDB here: there pg_restore alone makes every key")
    ask(empty_dsn, f"CREATE EXTENSION timescaledb VERSION '{archive.read(made).extensions['timescaledb']}'")
    command = [programs_for(empty_dsn).folder / "pg_restore", "--dbname", empty_dsn, made]
    assert b"errors ignored on restore" in subprocess.run(command, capture_output=True, check=False).stderr
    # Chunks that were restored have keys of their own, new ones have none.
    twice = (
        "INSERT INTO base.weather (park_id, device_id, at, received_at, epoch_id, seq)"
        " VALUES (1, 1, '2026-05-01Z', now(), 1, 1)"
    )
    ask(empty_dsn, twice)
    ask(empty_dsn, twice)
    _, found = verify(empty_dsn, made, silent)
    missing = [each for each in found if each.startswith("primary key") and "of base." in each]
    classes = ask(
        empty_dsn, "SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_schema = 'base'"
    )
    assert len(missing) == classes[0][0] >= 8
    assert any("weather_pkey of base.weather is missing (without it the same reading" in each for each in missing)
    assert any(each == "table base.weather has 3 rows, in the backup 1" for each in found)


@contextmanager
def ended_half_way(dsn: str) -> Iterator[None]:
    """The server ends the session of pg_restore as soon as it has made a table of the schema."""
    stop = threading.Event()

    def watch() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_restore'
                       AND datname = current_database() AND to_regclass('base.park') IS NOT NULL"""
                )
                time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def test_a_restore_that_fails_half_way_leaves_a_closed_database_that_says_so(made: Path, empty_dsn: str) -> None:
    with ended_half_way(empty_dsn), pytest.raises(BackupError, match=r"pg_restore failed.*The database stays closed"):
        restore(empty_dsn, made, programs_for(empty_dsn), silent, jobs=1)
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        mark = fence.marked(connection)
    assert mark is not None
    assert "its restore failed: pg_restore failed" in mark.state
    assert limit_of(empty_dsn) == 0
    name = f"reader_{token_hex(4)}"
    ask(empty_dsn, f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    try:
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(make_conninfo(empty_dsn, user=name, password="secret"))  # noqa: S106
    finally:
        ask(empty_dsn, f"DROP ROLE {name}")
    for use in (
        lambda: migrate(empty_dsn),
        lambda: status(empty_dsn),
        lambda: backup(empty_dsn, made.with_name("of-half"), programs_for(empty_dsn), silent),
        lambda: restore(empty_dsn, made, programs_for(empty_dsn), silent),
    ):
        with pytest.raises((SetupError, BackupError), match="not a whole restore"):
            use()
    _, found = verify(empty_dsn, made, silent)
    assert found
    assert limit_of(empty_dsn) == 0


def test_a_restore_that_is_killed_leaves_a_closed_database(made: Path, empty_dsn: str) -> None:
    script = (
        "import sys; from pathlib import Path; from parkgrid_database.backup.restore import restore;\n"
        "from parkgrid_database.backup.dump import Programs;\n"
        "restore(sys.argv[1], Path(sys.argv[2]), Programs(Path(sys.argv[3]), '0'), lambda *_: None, 1)\n"
    )
    command = [sys.executable, "-c", script, empty_dsn, str(made), str(programs_for(empty_dsn).folder)]
    with subprocess.Popen(command) as child:
        deadline = time.monotonic() + 60
        while ask(empty_dsn, "SELECT to_regclass('base.park')") == [(None,)]:
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.002)
        child.kill()
    assert limit_of(empty_dsn) == 0
    with pytest.raises(SetupError, match="it is being restored"):
        migrate(empty_dsn)


def test_a_database_with_differences_stays_closed_until_they_are_gone(
    made: Path, empty_dsn: str, tmp_path: Path
) -> None:
    """The manifest asks for one row more than the dump has: the restore says so; the right manifest opens it."""

    def one_more(manifest: Manifest) -> Manifest:
        tables = dict(manifest.inventory.tables)
        tables["base.conflict"] = dataclasses.replace(tables["base.conflict"], rows=2)
        return dataclasses.replace(manifest, inventory=dataclasses.replace(manifest.inventory, tables=tables))

    other = altered(made, tmp_path / "other.backup", one_more)
    restored = restore(empty_dsn, other, programs_for(empty_dsn), silent)
    assert restored.differences == ("table base.conflict has 1 rows, in the backup 2",)
    assert limit_of(empty_dsn) == 0
    with pytest.raises(SetupError, match="1 differences from its backup were found"):
        migrate(empty_dsn)
    assert verify(empty_dsn, made, silent)[1] == []
    assert limit_of(empty_dsn) == -1
    assert migrate(empty_dsn) == []


def test_missing_roles_are_made_with_their_groups_and_no_power(dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    """A login of a role, an analyst's group and a superuser that owns something: none is on the new server."""
    login, analyst, boss = (f"parkgrid_test_{kind}_{token_hex(4)}" for kind in ("login", "analyst", "boss"))
    password = token_hex(8)
    make_logins(dsn, [Login("grafana", login, password)])
    ask(dsn, f"CREATE ROLE {analyst} NOLOGIN CREATEROLE")
    ask(dsn, f"GRANT SELECT ON public.parks TO {analyst}")
    ask(dsn, f"CREATE ROLE {boss} SUPERUSER")
    ask(dsn, f"CREATE TABLE public.of_boss (n int4); ALTER TABLE public.of_boss OWNER TO {boss}")
    ask(dsn, f"GRANT SELECT ON public.gateways TO {boss}")
    try:
        without, with_hashes = tmp_path / "without.backup", tmp_path / "with.backup"
        backup(dsn, without, programs_for(dsn), silent)
        backup(dsn, with_hashes, programs_for(dsn), silent, password_hashes=True)
    finally:
        ask(dsn, f"DROP OWNED BY {login}, {analyst}, {boss}")
        ask(dsn, f"DROP ROLE {login}, {analyst}, {boss}")
    assert b"SCRAM" not in archive.read(without).to_json()
    try:
        restored = restore(empty_dsn, without, programs_for(dsn), silent)
        assert restored.differences == ()
        assert set(restored.made_roles) == {login, analyst}
        assert restored.without_password == (login,)
        made_roles = ask(
            empty_dsn,
            """SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls, rolconnlimit,
                      rolpassword IS NOT NULL FROM pg_authid WHERE rolname = ANY(%s) ORDER BY rolname""",
            [login, analyst, boss],
        )
        assert made_roles == [(analyst, False, False, -1, False), (login, True, False, 20, False)]
        assert ask(empty_dsn, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'of_boss'") == [
            (conninfo_to_dict(empty_dsn)["user"],)
        ]
        assert ask(empty_dsn, f"SELECT pg_has_role('{login}', 'parkgrid_grafana', 'MEMBER')") == [(True,)]
        assert ask(empty_dsn, f"SELECT has_table_privilege('{analyst}', 'public.parks', 'SELECT')") == [(True,)]
        ask(empty_dsn, f"REVOKE parkgrid_grafana FROM {login}")
        assert verify(empty_dsn, without, silent)[1] == [
            f"role {login} is not in the group parkgrid_grafana: GRANT parkgrid_grafana TO {login}"
        ]
        ask(empty_dsn, f"DROP OWNED BY {login}, {analyst}; DROP ROLE {login}, {analyst}")
        assert f"role {login} is missing" in verify(empty_dsn, without, silent)[1]
        with temporary_database(empty_dsn) as (_, other):
            assert restore(other, with_hashes, programs_for(dsn), silent).without_password == ()
            with psycopg.connect(make_conninfo(other, user=login, password=password)) as signed_in:
                assert signed_in.execute("SHOW statement_timeout").fetchone() == ("30s",)
            ask(other, f"DROP OWNED BY {login}, {analyst}")
    finally:
        for name in (login, analyst):
            if ask(empty_dsn, "SELECT FROM pg_roles WHERE rolname = %s", name):
                ask(empty_dsn, f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_login_without_the_rights_is_told_so(made: Path, dsn: str, empty_dsn: str, tmp_path: Path) -> None:
    name = f"parkgrid_test_{token_hex(4)}"
    ask(dsn, f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE pg_read_all_data")
    try:
        with pytest.raises(BackupError, match="administrator's"):
            backup(make_conninfo(dsn, user=name, password="secret"), tmp_path / "x", programs_for(dsn), silent)  # noqa: S106
        with pytest.raises(BackupError, match="administrator's"):
            restore(make_conninfo(empty_dsn, user=name, password="secret"), made, programs_for(dsn), silent)  # noqa: S106
    finally:
        ask(dsn, f"DROP ROLE {name}")


def test_another_version_of_timescale_is_refused_with_the_remedy(
    made: Path, empty_dsn: str, tmp_path: Path, timescale: bool
) -> None:
    other = altered(made, tmp_path / "x", lambda each: dataclasses.replace(each, extensions={"timescaledb": "2.19.3"}))
    with pytest.raises(BackupError, match=r"is of TimescaleDB 2\.19\.3.*(install TimescaleDB 2\.19\.3|none)") as caught:
        restore(empty_dsn, other, programs_for(empty_dsn), silent)
    assert "ALTER EXTENSION timescaledb UPDATE" in str(caught.value)
    assert limit_of(empty_dsn) == -1
    if timescale:
        ask(empty_dsn, "CREATE EXTENSION timescaledb")
        with pytest.raises(BackupError, match=r"is of TimescaleDB 2\.19\.3, this database has 2\."):
            restore(empty_dsn, other, programs_for(empty_dsn), silent)


def test_an_older_server_and_another_encoding_are_refused(made: Path, empty_dsn: str, tmp_path: Path) -> None:
    newer = altered(made, tmp_path / "x", lambda each: dataclasses.replace(each, server_version="99.1"))
    with pytest.raises(BackupError, match=r"PostgreSQL 99\.1, this server is .*: restore into PostgreSQL 99 or newer"):
        restore(empty_dsn, newer, programs_for(empty_dsn), silent)
    latin = altered(made, tmp_path / "y", lambda each: dataclasses.replace(each, encoding="LATIN1"))
    with pytest.raises(BackupError, match="ENCODING 'LATIN1' TEMPLATE template0"):
        restore(empty_dsn, latin, programs_for(empty_dsn), silent)
    lacking = altered(made, tmp_path / "z", lambda each: dataclasses.replace(each, extensions={"cube_of_mine": "1"}))
    with pytest.raises(BackupError, match="needs the extension cube_of_mine 1"):
        restore(empty_dsn, lacking, programs_for(empty_dsn), silent)


@pytest.mark.skipif({"embedded", "debian"} != KINDS, reason="needs two servers: apt install postgresql")
def test_from_one_major_version_to_a_newer_one(server_dir: Path, empty_dsn: str, tmp_path: Path) -> None:
    """With the old server's own programs, and with the newer ones, which set what the old server does not know."""
    old = database.start(server_dir, prefer="debian")
    try:
        new_version = ask(empty_dsn, "SHOW server_version")[0][0].split()[0]
        if old.version.split(".")[0] == new_version.split(".")[0]:
            pytest.skip("both servers have the same major version")
        migrate(old.dsn)
        fill(old.dsn)
        backup(old.dsn, tmp_path / "old.backup", programs_for(old.dsn), silent)
        restored = restore(empty_dsn, tmp_path / "old.backup", programs_for(empty_dsn), silent)
        assert restored.differences == ()
        assert migrate(empty_dsn) == []
        newer = programs_for(empty_dsn)
        backup(old.dsn, tmp_path / "newer.backup", newer, silent)
        ask(old.dsn, "CREATE DATABASE again")
        again = make_conninfo(old.dsn, dbname="again")
        assert programs_for(again, newer.version) == newer
        assert restore(again, tmp_path / "newer.backup", newer, silent).differences == ()
        with pytest.raises(client_programs.ClientProgramsError, match=rf"written by pg_dump {newer.version}"):
            client_programs.choose(
                [each for each in client_programs.available() if each.version == old.version],
                old.version,
                newer.version,
            )
    finally:
        old.stop()


def test_a_password_is_never_an_argument(filled: str, tmp_path: Path) -> None:
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments; echo "$PGPASSWORD" > {tmp_path}/password\n')
    program.chmod(0o755)
    tools.run(program, ["--x"], make_conninfo(filled, password="hidden word"), lambda _: None)  # noqa: S106
    assert "hidden" not in (tmp_path / "arguments").read_text()
    assert (tmp_path / "password").read_text() == "hidden word\n"


def test_progress_of_a_part_stays_within_it() -> None:
    told: list[tuple[str, float]] = []
    tell = dump.part(lambda what, share: told.append((what, share)), 0.2, 0.6)
    for share in (-1.0, 0.0, 0.5, 1.0, 2.0):
        tell("x", share)
    assert [round(share, 3) for _, share in told] == [0.2, 0.2, 0.4, 0.6, 0.6]


def test_the_file_is_durable_before_it_has_its_name(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, link = os.fsync, os.link
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("synced"), sync(descriptor))[1])
    monkeypatch.setattr(os, "link", lambda *names: (done.append("named"), link(*names))[1])
    altered(made, tmp_path / "x", lambda each: each)
    assert done == ["synced", "named", "synced"]


def test_what_several_jobs_say_at_once_is_understood() -> None:
    """Each writes its line in pieces, so one may stand in the middle of another."""
    heard = tools.Heard()
    heard.line(
        "pg_restore: pg_restore: finished item 4704 TABLE DATA parkerror: "
        'could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"'
    )
    heard.line("pg_restore: launching itempg_restore: error: could not execute query: ERROR:  no such table")
    assert (heard.harmless, heard.errors) == (1, ["could not execute query: ERROR:  no such table"])
