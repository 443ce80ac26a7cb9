"""`parkgrid db`: the migrations of a database, applied and listed."""

import typer

from ingest import migrate as runner

_APPLIED = "applied"


def migrate(dsn: str) -> int:
    """Apply what is missing and name it; the exit status."""
    applied = runner.migrate(dsn)
    for file in applied:
        typer.echo(f"applied  {file}")
    typer.echo("the schema is up to date")
    return 0


def status(dsn: str) -> int:
    """List every migration and its state; 1 when `parkgrid db migrate` has something to do."""
    states = runner.status(dsn)
    for each in states:
        typer.echo(f"{each.state:11} {each.version}  {each.name}  {each.applied_at}".rstrip())
    return int(any(each.state != _APPLIED for each in states))
