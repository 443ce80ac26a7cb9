"""The database that a backup is restored into: whether it may be, and what the server needs before."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.fence import marked
from parkgrid_database.backup.inventory import extensions
from parkgrid_database.backup.manifest import Manifest, Role
from parkgrid_database.backup.statements import STATEMENTS, Connection

TIMESCALE = "timescaledb"
_SHOWN = 5


def refuse_unfit(connection: Connection, manifest: Manifest) -> None:
    """Raises `BackupError` for a database that a backup cannot be restored into; changes nothing."""
    row = connection.execute(STATEMENTS["server"]).fetchone()
    if row is None:
        raise BackupError("the server does not name this database")
    version, number, encoding, _, superuser, database = row
    if not superuser:
        raise BackupError("a restore makes roles and hands tables to them: use the administrator's login (a superuser)")
    if number // 10_000 < manifest.server_major:
        raise BackupError(
            f"the backup is of PostgreSQL {manifest.server_version}, this server is {version}: restore into PostgreSQL"
            f" {manifest.server_major} or newer"
        )
    if encoding != manifest.encoding:
        raise BackupError(
            f"the backup has the encoding {manifest.encoding}, this database {encoding}: make one with CREATE DATABASE"
            f" name ENCODING '{manifest.encoding}' TEMPLATE template0"
        )
    _refuse_filled(connection, database)
    _refuse_extensions(connection, manifest)


def _refuse_filled(connection: Connection, database: str) -> None:
    mark = marked(connection)
    if mark:
        raise BackupError(
            f"{mark.sentence}. In psql, connected to another database: DROP DATABASE {database} WITH (FORCE);"
            f" CREATE DATABASE {database}"
        )
    with connection.transaction():
        connection.execute("SELECT set_config('search_path', '', true)")
        found = [name for (name,) in connection.execute(STATEMENTS["strange_relations"])]
    if found:
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else "")
        raise BackupError(
            f"the database {database} is not empty (it has {shown}). A restore overwrites nothing: make an empty one"
            " (CREATE DATABASE parkgrid_restored) and name it with --dsn"
        )


def _refuse_extensions(connection: Connection, manifest: Manifest) -> None:
    offered: dict[str, set[str]] = {}
    for name, version in connection.execute(STATEMENTS["offered_extensions"]):
        offered.setdefault(name, set()).add(version)
    for name, version in manifest.extensions.items():
        if name == TIMESCALE:
            _refuse_timescale(connection, version, offered.get(name, set()))
        elif name not in offered:
            raise BackupError(f"the backup needs the extension {name} {version}, which this server does not have")


def _refuse_timescale(connection: Connection, version: str, offered: set[str]) -> None:
    """Its catalogue is restored as rows, which another version would not understand."""
    installed = extensions(connection).get(TIMESCALE)
    then = f"after the restore ALTER EXTENSION {TIMESCALE} UPDATE goes on to a newer one"
    if installed not in (None, version):
        raise BackupError(
            f"the backup is of TimescaleDB {version}, this database has {installed}: make a database without it, from"
            f" template0, on a server that offers {version}; {then}"
        )
    if version not in offered:
        have = ", ".join(sorted(offered)) or "none"
        raise BackupError(
            f"the backup is of TimescaleDB {version}, this server offers {have}: install TimescaleDB {version} and add"
            f" it to shared_preload_libraries; {then}"
        )
    row = connection.execute("SELECT current_setting('shared_preload_libraries')").fetchone()
    if row is None or TIMESCALE not in row[0]:
        raise BackupError(f"add {TIMESCALE} to shared_preload_libraries in postgresql.conf and restart the server")


def make_roles(connection: Connection, wanted: tuple[Role, ...]) -> list[str]:
    """Make the roles that are missing, none of them a superuser; their names. Roles that exist stay as they are."""
    there = _existing(connection)
    missing = [role for role in wanted if not role.superuser and role.name not in there]
    for role in missing:
        with connection.transaction():
            _make(connection, role)
    for role in missing:
        for group in role.groups:
            grant = sql.SQL("GRANT {} TO {}")
            connection.execute(grant.format(sql.Identifier(group), sql.Identifier(role.name)))
    return [role.name for role in missing]


def _existing(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}


def _make(connection: Connection, role: Role) -> None:
    name = sql.Identifier(role.name)
    words = f"{'LOGIN' if role.login else 'NOLOGIN'} {'INHERIT' if role.inherit else 'NOINHERIT'}"
    statement = sql.SQL(f"CREATE ROLE {{}} {words} CONNECTION LIMIT {{}}")
    connection.execute(statement.format(name, sql.Literal(role.connection_limit)))
    if role.password_hash:
        # A verifier, which the server takes as it is.
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(role.password_hash)))
    for setting in role.settings:
        key, _, value = setting.partition("=")
        words_of = sql.SQL("ALTER ROLE {} SET {} = {}")
        connection.execute(words_of.format(name, sql.Identifier(*key.split(".")), sql.Literal(value)))


@contextmanager
def stand_ins(connection: Connection, manifest: Manifest) -> Iterator[None]:
    """Superusers of the former server that this one does not have: there while a dump names them, and gone after it.

    What they own becomes this login's. They cannot sign in.
    """
    superusers = {role.name for role in manifest.inventory.roles if role.superuser}
    missing = sorted(superusers - _existing(connection))
    for name in missing:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN SUPERUSER").format(sql.Identifier(name)))
    try:
        yield
    finally:
        for name in missing:
            for words in ("REASSIGN OWNED BY {} TO CURRENT_USER", "DROP OWNED BY {}", "DROP ROLE {}"):
                connection.execute(sql.SQL(words).format(sql.Identifier(name)))


def set_database(connection: Connection, settings: tuple[str, ...]) -> None:
    """The settings that the database itself had, which a dump leaves out."""
    for setting in settings:
        key, _, value = setting.partition("=")
        statement = sql.SQL("ALTER DATABASE {} SET {} = {}")
        names = sql.Identifier(connection.info.dbname), sql.Identifier(*key.split("."))
        connection.execute(statement.format(*names, sql.Literal(value)))
