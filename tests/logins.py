"""Sessions with the rights of a role, for tests that would otherwise be a superuser and see no missing right."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import token_urlsafe
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from parkgrid_database.roles import ROLES, Login, Role, make_logins


def acting(dsn: str, role: Role) -> str:
    """An address whose sessions have the rights of a role: they act as its group from their first statement on."""
    return make_conninfo(dsn, options=f"-c role=parkgrid_{role}")


@contextmanager
def logins(dsn: str) -> Iterator[Mapping[Role, str]]:
    """Addresses of one login a role, as a deployment has them, under names of their own."""
    suffix = uuid4().hex[:8]
    made = [Login(role, f"parkgrid_test_{role}_{suffix}", token_urlsafe(12)) for role in ROLES]
    make_logins(dsn, made)
    try:
        yield {each.role: make_conninfo(dsn, user=each.name, password=each.password) for each in made}
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for each in made:
                connection.execute(f"DROP OWNED BY {each.name}")
                connection.execute(f"DROP ROLE {each.name}")
