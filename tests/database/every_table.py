"""A row in every table of the schema, whatever a migration adds, and a ledger of the pilot: what a backup must keep."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, write
from tests.vpp.small_pilot import WRITTEN, registry, rules

DAY = "2026-03-01"
READINGS = 2_000
"""Of each of two meters, a minute apart: two days."""
_BY_TYPE = {
    "text": "'x'",
    "int2": "1",
    "int4": "1",
    "int8": "1",
    "numeric": "1",
    "float4": "1",
    "float8": "1",
    "bool": "true",
    "jsonb": "'{}'",
    "bytea": r"'\x01'",
    "date": f"date '{DAY}'",
    "timestamptz": f"timestamptz '{DAY} 00:00Z'",
    "tstzrange": f"'[{DAY},2026-03-02)'",
    "tstzmultirange": f"'{{[{DAY},2026-03-02)}}'",
    "int8multirange": "'{[1,2)}'",
    "_text": "ARRAY['x']",
    "_int4": "ARRAY[1]",
    "_int8": "ARRAY[1]",
    "_float8": "ARRAY[1.5]",
}
_BY_COLUMN = {
    "month": "'2026-03'",
    "quarter": "'2026-Q1'",
    "valid_to": "date '2026-04-01'",
    "version": f"'{'a' * 64}'",
    "file_digest": f"'{'a' * 64}'",
    "basis": "'quarter'",
    "demand_basis": "'none'",
    "cause": "'gateway'",
    "method": "'register'",
}
_BY_TABLE = {
    ("cluster_import", "kind"): "'output'",
    ("register_finding", "kind"): "'jumped'",
    ("tariff_plan", "kind"): "'spot'",
    ("vpp_capability", "kind"): "'all'",
    ("register", "period_s"): "900",
    ("spot_price", "period_s"): "900",
    ("vpp_restore", "state"): "'compared'",
}
_FILLED_OTHERWISE = ("schema_migration", "schema_step", "vpp_entry")


def fill(dsn: str) -> None:
    """Fill a migrated database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        timescale = _ask(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")[0][0] == 1
        if not timescale:
            _make_days(connection)
        # Rows are made in the order of names: a key is checked when the backup is restored.
        connection.execute("SET session_replication_role = replica")
        for table in _tables(connection):
            if table not in _FILLED_OTHERWISE:
                _insert(connection, table)
        connection.execute(
            "INSERT INTO base.meter (park_id, device_id, at, received_at, epoch_id, seq, active_power_kw)"
            " SELECT 1, device, at, at, 1, 1, device FROM generate_series(2, 3) AS device,"
            f" generate_series(1, {READINGS}) AS minute, LATERAL"
            f" (SELECT timestamptz '{DAY} Z' + minute * '1 minute'::interval) AS each (at)"
        )
        connection.execute("SET session_replication_role = origin")
        write(connection, Pilot(), [Act(*each) for each in (*rules(), *registry())], "tester", WRITTEN)
        if timescale:
            # Rows in the columnstore, of readings and of a roll-up.
            for table in ("meter", "meter_1m"):
                connection.execute(f"SELECT compress_chunk(c) FROM show_chunks('base.{table}') AS c LIMIT 1")


def empty_tables(dsn: str) -> list[str]:
    """The tables of the schema that have no row: none, as long as `fill` knows all types and checks."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return [table for table in _tables(connection) if not _ask(connection, f"SELECT 1 FROM base.{table} LIMIT 1")]


def append(dsn: str, acts: int) -> None:
    """More entries in the ledger."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in range(acts):
            write(connection, Pilot(), [Act(*registry()[0])], f"later {number}", datetime(2026, 7, 1, tzinfo=UTC))


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    query = """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
               AND relnamespace = 'base'::regnamespace ORDER BY relname"""
    return [name for (name,) in _ask(connection, query)]


def _insert(connection: psycopg.Connection[Any], table: str) -> None:
    query = f"""SELECT a.attname, t.typname FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
                WHERE a.attrelid = 'base.{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped
                  AND a.attidentity = '' AND a.attgenerated = ''"""
    columns = _ask(connection, query)
    values = [_BY_TABLE.get((table, name)) or _BY_COLUMN.get(name) or _BY_TYPE[kind] for name, kind in columns]
    names = ", ".join(name for name, _ in columns)
    connection.execute(f"INSERT INTO base.{table} ({names}) VALUES ({', '.join(values)}) ON CONFLICT DO NOTHING")


def _make_days(connection: psycopg.Connection[Any]) -> None:
    parted = "SELECT relname FROM pg_class WHERE relkind = 'p' AND relnamespace = 'base'::regnamespace"
    for (table,) in _ask(connection, parted):
        connection.execute("SELECT base.ensure_days(%s, ARRAY[%s, %s]::date[])", (table, DAY, "2026-03-02"))


def _ask(connection: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()
