"""What a database server offers: with TimescaleDB's columnstore and continuous aggregates, or plain PostgreSQL."""

from dataclasses import dataclass
from typing import Any

import psycopg

from parkgrid_database import StoreKind
from parkgrid_database.sql_files import named_statements

_OLDEST_TIMESCALE = (2, 20)
"""The first version whose columnstore takes late rows under a unique key at a useful rate, and hierarchical origins."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The store that a server allows, and why."""

    kind: StoreKind
    reason: str


def offered(connection: psycopg.Connection[Any]) -> Offer:
    """Look at the server; changes nothing."""
    row = connection.execute(named_statements("parkgrid_database", "migrate")["server_offer"]).fetchone()
    version, installed, preloaded, license_name, may_create = row or (None, False, False, None, False)
    if version is None:
        return Offer("postgres", "the server has no TimescaleDB")
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_TIMESCALE:
        return Offer("postgres", f"TimescaleDB {version} is older than 2.20")
    if not (installed or preloaded):
        return Offer("postgres", "timescaledb is not in shared_preload_libraries")
    if license_name == "apache":
        return Offer("postgres", "TimescaleDB runs under its Apache licence, without columnstore and aggregates")
    if not (installed or may_create):
        return Offer("postgres", "this role may not create the extension timescaledb")
    return Offer("timescale", f"TimescaleDB {version}")
