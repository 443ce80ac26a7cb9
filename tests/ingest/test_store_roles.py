"""The login that a deployment gives to ingest is enough for commits and for maintenance, and no more than it needs."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from contract.announcement import Device
from ingest.store import StoreSettings, open_store
from ingest.store.opening import DatabaseStore
from tests.ingest.readings import GATEWAY, NOON_MS, all_rows, birth, drain, one_batch


@pytest.fixture
def ingest_dsn(dsn: str) -> Iterator[str]:
    """A login as docker/database-roles.sh makes it: in the group, and on TimescaleDB in the owner's role, too."""
    name = f"parkgrid_test_login_{uuid4().hex[:8]}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE schemaname = 'base' LIMIT 1").fetchone()[0]
        store = connection.execute("SELECT extname FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' IN ROLE parkgrid_ingest")
        if store:
            connection.execute(f"GRANT {owner} TO {name} WITH INHERIT TRUE, SET FALSE")
        yield make_conninfo(dsn, user=name, password=name)
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


@pytest.fixture
def store(ingest_dsn: str) -> Iterator[DatabaseStore]:
    opened = open_store(ingest_dsn, StoreSettings())
    yield opened
    opened.close()


def test_the_login_can_write_and_keep(dsn: str, store: DatabaseStore) -> None:
    device_id, _ = store.register(GATEWAY, birth(1, Device("m", "meter", ("active_power_kw",))))["m"]
    week_ago = NOON_MS - 7 * 86_400_000
    for seq, at in enumerate((NOON_MS, week_ago), start=1):
        assert store.commit(one_batch(seq, [(device_id, at, {"active_power_kw": 1_500})])).stored == 1
        drain(store)
    assert all_rows(dsn, "SELECT samples, active_power_kw FROM meter_1d ORDER BY at") == [(1, 1.5), (1, 1.5)]


def test_the_login_is_no_administrator(ingest_dsn: str) -> None:
    with psycopg.connect(ingest_dsn) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE schemaname = 'base' LIMIT 1").fetchone()[0]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SET ROLE {owner}")
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")
