"""`parkgrid db`: the migrations of a database, applied and listed, and what retention removes from it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import typer

from parkgrid_database import migrate as runner
from parkgrid_database.roles import NAMES, ROLES, Login, make_logins
from parkgrid_ingest.retention import Removal, removals

_APPLIED = "applied"
_PASSWORD = "PARKGRID_{}_DB_PASSWORD"  # noqa: S105  (the name of a variable)
_REMOVALS_SHOWN = 20
"""Of those that are over; the view `removals` has them all."""


def migrate(dsn: str, passwords: Mapping[str, str] | None = None) -> int:
    """Apply what is missing and name it, and make the logins whose passwords are given; the exit status."""
    applied = runner.migrate(dsn)
    for file in applied:
        typer.echo(f"applied  {file}")
    typer.echo("the schema is up to date")
    if passwords is None:
        return 0
    given = {role: passwords.get(_PASSWORD.format(role.upper())) for role in ROLES}
    logins = [Login(role, NAMES[role], password) for role, password in given.items() if password]
    make_logins(dsn, logins)
    for login in logins:
        typer.echo(f"login    {login.name}")
    missing = [_PASSWORD.format(role.upper()) for role, password in given.items() if not password]
    if missing:
        typer.echo(f"no login for {', '.join(missing)}: set them, each from `openssl rand -hex 32`", err=True)
    return 0


def status(dsn: str) -> int:
    """List every migration, where the catalogue asks for more, and what retention removes.

    1 when `parkgrid db migrate` has something to do, or cannot do what is needed.
    """
    states = runner.status(dsn)
    for each in states:
        typer.echo(f"{each.state:11} {each.version}  {each.name}  {each.applied_at}".rstrip())
    differences = runner.drift(dsn)
    for difference in differences:
        typer.echo(f"{'pending' if difference.statements else 'DIFFERS':11} {difference.relation}  {difference.text}")
    for line in _told(removals(dsn)):
        typer.echo(line)
    return int(bool(differences) or any(each.state != _APPLIED for each in states))


def _told(found: Sequence[Removal]) -> Iterator[str]:
    """A line for what was announced, or removed, on one day of one relation."""
    gone = [each for each in found if each.removed_at is not None]
    coming = [each for each in found if each.removed_at is None]
    lines = [_line(list(same)) for _, same in groupby(gone, key=_day_and_relation)]
    yield from lines[-_REMOVALS_SHOWN:]
    yield from (_line(list(same)) for _, same in groupby(coming, key=_day_and_relation))


def _day_and_relation(each: Removal) -> tuple[object, ...]:
    return (each.removed_at or each.due_at).date(), each.relation


def _line(same: Sequence[Removal]) -> str:
    first = same[0]
    parks = sorted({park or "(unknown)" for each in same for park in each.parks})
    span = f"{min(each.from_at for each in same):%Y-%m-%d} to {max(each.to_at for each in same):%Y-%m-%d}"
    what = f"{first.relation}  {span}  {sum(each.rows for each in same):,} rows of {', '.join(parks)}"
    kept = f"kept are {first.kept_days} days"
    if first.removed_at is not None:
        return f"removed on {first.removed_at:%Y-%m-%d}  {what}  ({kept})"
    return f"goes on {first.due_at:%Y-%m-%d}  {what}  ({kept}; announced on {first.announced_at:%Y-%m-%d})"
