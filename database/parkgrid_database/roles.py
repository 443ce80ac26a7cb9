"""Who owns the schema, and the logins of the roles with exactly what each needs.

    parkgrid_owner     owns schema, tables, views and functions; no superuser, and nobody can sign in as it
    parkgrid_ingest    group: writes registry, readings, roll-ups and notes
    parkgrid_accounting   group: writes registers, intervals, bills and clusters
    parkgrid_vpp       group: appends to the ledger of the pilot, reads what it is settled by
    parkgrid_api, parkgrid_grafana   groups: read the views of schema `public`

A login is a member of one group and of nothing else. `migrate` ends with `secure`, so what a migration adds belongs to
the owner and is written by nobody until `sql/roles.sql` names it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import psycopg
import structlog
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_database.errors import SetupError, translated
from parkgrid_database.sql_files import named_statements

_STATEMENTS = named_statements("parkgrid_database", "roles")
_log = structlog.get_logger("ingest.roles")

Role = Literal["ingest", "accounting", "vpp", "api", "grafana"]
ROLES: tuple[Role, ...] = get_args(Role)
NAMES: Mapping[Role, str] = {
    "ingest": "ingest",
    "accounting": "accounting",
    "vpp": "vpp",
    "api": "api",
    "grafana": "grafana_reader",
}
"""What the login of a role is called in a deployment."""
_SETTINGS: Mapping[Role, Mapping[str, str]] = {
    "ingest": {},
    "accounting": {},
    "vpp": {},
    "api": {"default_transaction_read_only": "on"},
    # A panel's query must end and must not write; a login may lift both, but has no right to write.
    "grafana": {
        "default_transaction_read_only": "on",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "60s",
    },
}
_MOST_SESSIONS: Mapping[Role, int] = {"ingest": 40, "accounting": 20, "vpp": 20, "api": 150, "grafana": 20}
"""Sessions of a login, so that no role takes the places of the others: settings of the api allow 141, and
an ingest worker has four, with a fifth at its start."""


@dataclass(frozen=True, slots=True)
class Login:
    """A login to be made or renewed."""

    role: Role
    name: str
    password: str


def create(connection: psycopg.Connection[Any]) -> None:
    """Make the roles of the server that are missing, as far as this login may."""
    connection.execute(_STATEMENTS["create_roles"])


def secure(connection: psycopg.Connection[Any], *, changed: bool) -> None:
    """Hand everything to the owner and set the rights of every role; nothing happens where all of it is so already.

    Where migrations are run by a login that is no superuser, that login stays the owner.
    """
    superuser = connection.execute(_STATEMENTS["is_superuser"]).fetchone() == (True,)
    strangers = _strangers(connection) if superuser else []
    if not (changed or strangers):
        return
    if superuser:
        connection.execute(_STATEMENTS["let_policies_run"])
        close_database(connection)
        connection.execute(_STATEMENTS["fence_definitions"])
    _set_rights(connection)
    if superuser:
        # One by one: a year of partitions has more locks than a server keeps.
        for command in strangers:
            _execute(connection, command)


def exist(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has the roles of the schema."""
    row = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname ~ '^parkgrid_(owner|ingest|accounting|vpp)$'")
    return row.fetchone() == (4,)


def close_database(connection: psycopg.Connection[Any]) -> None:
    """Set the rights on the database itself, which stand in no dump; a superuser's work."""
    connection.execute(_STATEMENTS["close_database"])


def make_logins(dsn: str, logins: Iterable[Login]) -> None:
    """Make logins, or renew their passwords; each is in the group of its role and in no other. Raises `StoreError`."""
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        for login in logins:
            if not login.password:
                raise SetupError(f"the login {login.name} has no password: take one from `openssl rand -hex 32`")
            with connection.transaction():
                _make(connection, login)


def _make(connection: psycopg.Connection[Any], login: Login) -> None:
    name, group = sql.Identifier(login.name), f"parkgrid_{login.role}"
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login.name,)).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    # As a verifier, so that a server which logs statements never sees the password.
    verifier = connection.pgconn.encrypt_password(login.password.encode(), login.name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL(
            "ALTER ROLE {} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            " CONNECTION LIMIT {} PASSWORD {}"
        ).format(name, sql.Literal(_MOST_SESSIONS[login.role]), sql.Literal(verifier.decode()))
    )
    for setting, value in _SETTINGS[login.role].items():
        command = sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
        connection.execute(command)
    others = connection.execute(_STATEMENTS["other_memberships"], (login.name, group)).fetchall()
    for other, grantor in others:
        _log.warning("membership_removed", login=login.name, role=other)
        revoke = sql.SQL("REVOKE {} FROM {} GRANTED BY {}")
        connection.execute(revoke.format(sql.Identifier(other), name, sql.Identifier(grantor)))
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))


def _set_rights(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        connection.execute(_STATEMENTS["close_schemas"])
        wanted = connection.execute(_STATEMENTS["wanted_rights"], {"classes": list(CATALOGUE)}).fetchall()
        for (command,) in wanted:
            _execute(connection, command)


def _strangers(connection: psycopg.Connection[Any]) -> list[str]:
    return [command for _, command in connection.execute(_STATEMENTS["strangers"])]


def _execute(connection: psycopg.Connection[Any], command: str) -> None:
    # Put together by the server, with its own quoting, of the names in its catalogue.
    connection.execute(command)
