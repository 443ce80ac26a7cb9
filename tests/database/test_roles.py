"""Who may do what in the database: each login tries to get further than its role, and none does."""

import time
from collections.abc import Iterator, Mapping

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from parkgrid_contract.announcement import Device
from parkgrid_contract.signals import CATALOGUE
from parkgrid_database import roles
from parkgrid_database.migrate import migrate
from parkgrid_database.roles import ROLES, Login, Role
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from parkgrid_servers.database import RunningDatabase
from tests.conftest import temporary_database
from tests.ingest.readings import GATEWAY, NOON_MS, all_rows, birth, drain, one_batch
from tests.logins import logins

REFUSED = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
LIFTED = (
    "SET default_transaction_read_only = off; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
)
"""What any login of any PostgreSQL may lift for its own session."""

ESCALATIONS = (
    "SET ROLE parkgrid_owner",
    "SET ROLE {superuser}",
    "SET SESSION AUTHORIZATION {superuser}",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE parkgrid_owner PASSWORD 'x'",
    "CREATE ROLE parkgrid_test_evil",
    "GRANT {superuser} TO CURRENT_USER",
    "GRANT parkgrid_owner TO CURRENT_USER",
    "ALTER FUNCTION {definer} SECURITY INVOKER",
    "ALTER FUNCTION {definer} RESET search_path",
    "ALTER FUNCTION {definer} OWNER TO CURRENT_USER",
    "DROP FUNCTION {definer}",
    "CREATE OR REPLACE FUNCTION base.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE FUNCTION base.evil() RETURNS int4 LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION public.evil() RETURNS int4 LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.evil() RETURNS int4 LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = int4, FUNCTION = texteq)",
    "CREATE EVENT TRIGGER evil ON ddl_command_start EXECUTE FUNCTION base.refuse_definitions()",
    "DROP EVENT TRIGGER parkgrid_refuse_definitions",
    "SET session_replication_role = replica",
    "SET event_triggers = off",
    "ALTER SYSTEM SET archive_command = 'true'",
    "ALTER DATABASE {database} SET search_path = evil",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/parkgrid-test-evil'",
    "CREATE EXTENSION {extension}",
    "CREATE LANGUAGE plperlu",
    "CREATE SCHEMA evil",
    "CREATE TABLE public.pg_class (x int4)",
    "CREATE VIEW public.evil AS SELECT 1",
    "CREATE TABLE base.evil (x int4)",
    "CREATE PUBLICATION evil FOR ALL TABLES",
    "CREATE OR REPLACE VIEW public.parks AS SELECT 1 AS park",
    "DROP VIEW public.parks CASCADE",
    "ALTER VIEW public.parks OWNER TO CURRENT_USER",
    "CREATE RULE evil AS ON INSERT TO public.parks DO INSTEAD NOTHING",
    "CREATE POLICY evil ON base.park USING (true)",
    "ALTER TABLE base.park DISABLE TRIGGER ALL",
    "CREATE TRIGGER evil BEFORE INSERT ON base.park FOR EACH ROW EXECUTE FUNCTION base.refuse_change()",
    "GRANT ALL ON base.park TO PUBLIC",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_create(0)",
    "SELECT lo_creat(0)",
    "SELECT pg_logical_emit_message(false, 'x', 'x')",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend({backend})",
    "INSERT INTO base.schema_migration VALUES ('9999', 'x', 'x', 'x', now(), 1, true)",
    "DELETE FROM public.parks",
)
READERS_TRY = (
    "CREATE TEMP TABLE parks (x int4)",
    "SELECT pg_advisory_lock(hashtext('parkgrid.metering'), 0)",
    "SELECT pg_try_advisory_lock(1)",
    "BEGIN; LOCK TABLE base.park IN ACCESS SHARE MODE",
    "SELECT * FROM base.park",
)
MAY_WRITE: Mapping[Role, set[str]] = {
    "ingest": {
        *("park", "gateway_birth", "device", "gateway_epoch", "sequence_gap", "quarantine", "conflict", "estimate"),
        *("rollup_dirty", "rollup_progress", "removal", "removed_span", "energy_dirty"),
        *("gateway_retired", "registry_change", "store_restore"),
        *(f"{name}{level}" for name in CATALOGUE for level in ("", "_1m", "_15m", "_1d", "_newest", "_single")),
    },
    "accounting": {
        *("register", "register_declaration", "register_dirty", "register_aside", "register_belief"),
        *("register_finding", "interval_energy", "interval_energy_revision", "data_gap", "energy_dirty"),
        *("energy_day", "heard"),
        *("energy_progress", "closing_progress", "tariff_plan", "rule_text", "supply_agreement", "heat_forecast"),
        *("spot_price", "bill_closing", "cluster_import", "cluster_output", "enterprise", "enterprise_account"),
    },
    "vpp": {"vpp_entry", "vpp_issued", "vpp_restore", "vpp_forecast", "vpp_capability"},
    "api": set(),
    "grafana": set(),
}
ONLY_INSERT = {
    *CATALOGUE,
    *("register_declaration", "interval_energy_revision", "tariff_plan", "rule_text", "supply_agreement"),
    *("heat_forecast", "spot_price", "bill_closing", "cluster_import", "cluster_output", "enterprise"),
    "enterprise_account",
    "heard",
    *("vpp_entry", "vpp_issued", "vpp_restore"),
}


@pytest.fixture(scope="module")
def guarded(database_server: RunningDatabase) -> Iterator[str]:
    """A migrated database of this module: what concerns the database itself is not copied with a template."""
    with temporary_database(database_server.dsn) as (_, dsn):
        migrate(dsn)
        yield dsn


@pytest.fixture(scope="module")
def signed_in(guarded: str) -> Iterator[Mapping[Role, str]]:
    with logins(guarded) as found:
        yield found


def attempt(login: str, statement: str) -> str:
    """Try a statement with every limit of the session lifted; what came of it."""
    with psycopg.connect(login, autocommit=True) as connection:
        connection.execute(LIFTED)
        try:
            connection.execute(statement)
        except REFUSED:
            return "refused"
        except psycopg.Error as error:
            return f"{type(error).__name__}: {error}"
        return "done"


@pytest.mark.parametrize("role", ROLES)
def test_no_login_gets_further(guarded: str, signed_in: Mapping[Role, str], role: Role) -> None:
    with psycopg.connect(guarded) as boss:
        definer = boss.execute(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE prosecdef AND pronamespace = 'base'::regnamespace LIMIT 1"
        ).fetchone()
        extension = boss.execute(
            "SELECT name FROM pg_available_extensions WHERE installed_version IS NULL ORDER BY name <> 'citext' LIMIT 1"
        ).fetchone()
        names = {
            "superuser": sql.Identifier(boss.info.user),
            "database": sql.Identifier(boss.info.dbname),
            "definer": sql.SQL(definer[0]),
            "extension": sql.Identifier(extension[0] if extension else "none"),
            "backend": sql.Literal(boss.info.backend_pid),
        }
        tries = ESCALATIONS + (READERS_TRY if role in ("api", "grafana") else ())
        if not extension:
            tries = tuple(each for each in tries if "EXTENSION" not in each)
        if boss.info.server_version < 170_000:
            tries = tuple(each for each in tries if "event_triggers" not in each)
        tried = {each: attempt(signed_in[role], sql.SQL(each).format(**names).as_string(boss)) for each in tries}
    assert {each: came for each, came in tried.items() if came != "refused"} == {}


@pytest.mark.parametrize("role", ROLES)
def test_each_login_writes_its_own_tables_and_no_others(
    guarded: str, signed_in: Mapping[Role, str], role: Role
) -> None:
    """Every table, view and chunk of the database, as the server judges it."""
    name = conninfo_to_dict(signed_in[role])["user"]
    found = all_rows(
        guarded,
        f"""SELECT c.relname, array_agg(p ORDER BY p)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace,
            unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
            WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v')
              AND NOT pg_has_role('{name}', c.relowner, 'USAGE') AND has_table_privilege('{name}', c.oid, p)
            GROUP BY c.relname""",
    )
    owned = all_rows(
        guarded,
        f"""SELECT c.relname FROM pg_class AS c WHERE pg_has_role('{name}', c.relowner, 'USAGE')
            AND c.relkind IN ('r', 'p', 'v') AND c.relnamespace = 'base'::regnamespace""",
    )
    assert owned == []
    assert {relation for relation, _ in found} == MAY_WRITE[role]
    assert all(set(may) <= {"INSERT", "UPDATE", "DELETE"} for _, may in found)
    appended = {relation for relation, may in found if may == ["INSERT"]}
    assert appended == MAY_WRITE[role] & ONLY_INSERT | ({"energy_dirty"} if role == "ingest" else set())


def test_everything_belongs_to_an_owner_that_nobody_can_be(guarded: str) -> None:
    owners = all_rows(
        guarded,
        """SELECT DISTINCT pg_get_userbyid(c.relowner) FROM pg_class AS c
           WHERE c.relnamespace IN ('base'::regnamespace, 'public'::regnamespace) AND NOT EXISTS (
               SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')""",
    )
    assert owners == [("parkgrid_owner",)]
    flags = all_rows(
        guarded,
        """SELECT bool_or(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls),
                  max(rolconnlimit),
                  (SELECT count(*) FROM pg_authid WHERE rolname LIKE 'parkgrid_%' AND rolpassword IS NOT NULL
                   AND rolname = 'parkgrid_owner')
           FROM pg_roles WHERE rolname = 'parkgrid_owner'""",
    )
    assert flags == [(False, 0, 0)]
    members = all_rows(
        guarded,
        """SELECT m.rolname FROM pg_auth_members AS a JOIN pg_roles AS m ON m.oid = a.member
           WHERE a.roleid = 'parkgrid_owner'::regrole""",
    )
    assert members == []


def test_functions_with_the_owners_rights_are_pinned_and_closed(guarded: str) -> None:
    rows = all_rows(
        guarded,
        """SELECT p.proname, p.proconfig, pg_get_userbyid(p.proowner), p.prosecdef,
                  EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0) OR p.proacl IS NULL
           FROM pg_proc AS p WHERE p.pronamespace = 'base'::regnamespace""",
    )
    assert {name for name, *_ in rows} >= {
        "remove_part",
        "ensure_days",
        "move_days",
        "count_days",
        "refuse_definitions",
    }
    for name, config, owner, definer, public in rows:
        assert "search_path=pg_catalog, pg_temp" in (config or []), name
        assert not public, name
        assert (owner == "parkgrid_owner") != (name == "refuse_definitions"), name
        assert not (name == "refuse_definitions" and definer)
    outside = all_rows(
        guarded,
        """SELECT count(*) FROM pg_proc AS p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace""",
    )
    assert outside == [(0,)]


def test_a_temporary_table_shadows_nothing_that_the_owner_runs(guarded: str, signed_in: Mapping[Role, str]) -> None:
    """Days of a park are counted by the owner, who does not look at tables of the same names in the writer's schema."""
    with psycopg.connect(guarded, autocommit=True) as boss:
        boss.execute(
            "INSERT INTO base.park (park, time_zone) VALUES ('shadow', 'Asia/Shanghai') ON CONFLICT DO NOTHING"
        )
    with psycopg.connect(signed_in["ingest"], autocommit=True) as evil:
        for name in ("energy_day", "register", "device", "interval_energy", "pg_class", "pg_inherits"):
            evil.execute(f"CREATE TEMP TABLE {name} (register_id int4, device_id int4, park text, at timestamptz)")
        evil.execute("SET search_path = pg_temp, base, public, pg_catalog")
        evil.execute("SELECT base.move_days(park_id), base.spread_anew(park_id) FROM base.park WHERE park = 'shadow'")
        assert evil.execute("SELECT count(*) FROM pg_temp.energy_day").fetchone() == (0,)
        assert evil.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def test_a_reader_is_cut_off_unless_it_says_otherwise(signed_in: Mapping[Role, str]) -> None:
    with psycopg.connect(signed_in["grafana"]) as panel:
        shown = [panel.execute(f"SHOW {name}").fetchone() for name in ("statement_timeout", "transaction_read_only")]
        assert shown == [("30s",), ("on",)]
        with pytest.raises(REFUSED):
            panel.execute("CREATE TABLE public.x (x int4)")


def test_a_login_renewed_is_in_one_group_only(guarded: str, signed_in: Mapping[Role, str]) -> None:
    """Accounting had the login of ingest before."""
    name = conninfo_to_dict(signed_in["accounting"])["user"]
    with psycopg.connect(guarded, autocommit=True) as boss:
        boss.execute(f"GRANT parkgrid_ingest TO {name}")
        roles.make_logins(guarded, [Login("accounting", name, "another")])
        groups = boss.execute(
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", (name,)
        ).fetchall()
    assert groups == [("parkgrid_accounting",)]
    with psycopg.connect(make_conninfo(signed_in["accounting"], password="another")) as again:  # noqa: S106
        assert again.execute("SELECT current_user").fetchone() == (name,)
    roles.make_logins(guarded, [Login("accounting", name, conninfo_to_dict(signed_in["accounting"])["password"])])


def test_on_timescale_policies_run_as_the_owner_who_cannot_sign_in(dsn: str) -> None:
    """The way that the decision took: a login without password, under a limit that only workers of the server pass."""
    if all_rows(dsn, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'") == [(0,)]:
        pytest.skip("no TimescaleDB here: there the owner cannot log in at all")
    password = "known to the attacker"  # noqa: S105  (of a role that nobody can use)
    with psycopg.connect(dsn, autocommit=True) as boss:
        boss.execute(
            "INSERT INTO base.meter (park_id, device_id, at, received_at, epoch_id, seq, active_power_kw)"
            " SELECT 1, 1, at, now(), 1, 1, 5 FROM generate_series("
            "timestamptz '2025-01-01', timestamptz '2025-01-04', INTERVAL '1 hour') AS at"
        )
        owners = boss.execute(
            "SELECT DISTINCT owner::text FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'"
        ).fetchall()
        assert owners == [("parkgrid_owner",)]
        boss.execute(f"ALTER ROLE parkgrid_owner PASSWORD '{password}'")
        try:
            with pytest.raises(psycopg.OperationalError, match=r"too many connections|not permitted to log in"):
                psycopg.connect(make_conninfo(dsn, user="parkgrid_owner", password=password))
        finally:
            boss.execute("ALTER ROLE parkgrid_owner PASSWORD NULL")
        boss.execute(
            "SELECT alter_job(job_id, next_start => now()) FROM timescaledb_information.jobs"
            " WHERE hypertable_name = 'meter'"
        )
        deadline = time.monotonic() + 120
        packed = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'meter' AND is_compressed"
        while boss.execute(packed).fetchone() == (0,):
            assert time.monotonic() < deadline, "the scheduler never ran the policy"
            time.sleep(0.2)


def test_the_login_of_ingest_can_write_and_keep(dsn: str) -> None:
    with logins(dsn) as signed_in:
        store = open_store(signed_in["ingest"], StoreSettings())
        device_id, _ = store.register(GATEWAY, birth(1, Device("m", "meter", ("active_power_kw",))))["m"]
        week_ago = NOON_MS - 7 * 86_400_000
        for seq, at in enumerate((NOON_MS, week_ago), start=1):
            assert store.commit(one_batch(seq, [(device_id, at, {"active_power_kw": 1_500})])).stored == 1
            drain(store)
        store.close()
    assert all_rows(dsn, "SELECT samples, active_power_kw FROM meter_1d ORDER BY at") == [(1, 1.5), (1, 1.5)]
