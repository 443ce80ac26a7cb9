"""`parkgrid db`: the schema of a database, its backup, and its restore."""

import os
from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands.outcome import finish, refuse

app = typer.Typer(
    help=(
        "The database: its schema, its backup and its restore.\n\n"
        "Start with `parkgrid db status`. `parkgrid db backup FILE` writes everything into one file, and `parkgrid db "
        "restore FILE` makes a database of it and checks that nothing is missing."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_ADMINISTRATOR = "The database, with an administrator's login (a superuser)."
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of the backup.", dir_okay=False)]
Dsn = Annotated[str | None, typer.Option(help=_ADMINISTRATOR, envvar="PARKGRID_DSN")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Bundles = Annotated[
    Path | None,
    typer.Option(
        help="Folder with bundles of the pilot: names entries of the ledger that are in them, but not in the backup.",
        exists=True,
        file_okay=False,
    ),
]


@app.command()
def migrate(
    dsn: Annotated[str, typer.Option(help="The database, with an administrator's login.", envvar="PARKGRID_DSN")],
    logins: Annotated[
        bool,
        typer.Option(
            "--logins",
            help="Also create the logins ingest, accounting, api, grafana_reader, or change their passwords, to those"
            " in PARKGRID_INGEST_DB_PASSWORD, PARKGRID_ACCOUNTING_DB_PASSWORD, …",
        ),
    ] = False,
) -> None:
    """Update schema, owner and rights. It may be repeated, and may run while ingest is running."""
    from parkgrid import database_schema

    finish(lambda: database_schema.migrate(dsn, os.environ if logins else None))


@app.command()
def status(dsn: Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]) -> None:
    """List the migrations and whether each is applied. Exit status 1 if some are missing."""
    from parkgrid import database_schema

    finish(lambda: database_schema.status(dsn))


@app.command()
def backup(
    file: File,
    dsn: Dsn = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of `parkgrid up`, running or stopped.  [default: one for each user]"),
    ] = None,
    password_hashes: Annotated[
        bool,
        typer.Option(
            "--with-password-hashes",
            help="Also keep the password hashes of the logins. Without them, `db migrate --logins` sets new passwords"
            " after a restore.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a whole database into one file, with a manifest by which a restore is checked.

    The services may go on: counts and rows are of one instant. The file has its name only when it is complete; until
    then it ends in `.unfinished`. It holds tables, keys, roles and the pilot's ledger, and only its owner can read it.
    pg_dump must not be older than the server.

    For example:

        parkgrid db backup parkgrid-2026-11-30.backup

        parkgrid db backup parkgrid.backup --dsn postgresql://admin@db.example/parkgrid

        parkgrid db backup demo.backup --data-dir demo
    """
    from parkgrid import database_backup

    _one_of(dsn, data_dir)
    finish(lambda: database_backup.backup(file, dsn, data_dir, password_hashes=password_hashes, as_json=as_json))


@app.command()
def restore(
    file: File,
    dsn: Annotated[
        str | None, typer.Option(help=f"{_ADMINISTRATOR} It must exist and be empty.", envvar="PARKGRID_DSN")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="A new folder for `parkgrid up`, instead of --dsn; its database is made here.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Tables at the same time; TimescaleDB takes one.  [default: processors, up to 4]"
        ),
    ] = None,
    bundles: Bundles = None,
    as_json: AsJson = False,
) -> None:
    """Make a database of a backup, and check that nothing is missing.

    Only an empty database is accepted. Until the check has found every row, key, index, trigger, role and the head of
    the ledger, the database is closed to everybody but superusers and says so; after a failure it stays closed.

    Exit status 0: whole. 1: something differs, and each difference is printed with its remedy. 3: whole, but the
    bundles hold entries of the ledger that were made after the backup; they are printed.

    For example:

        createdb parkgrid_new && parkgrid db restore FILE --dsn postgresql://admin@db.example/parkgrid_new

        parkgrid db restore FILE --dsn postgresql://admin@db.example/parkgrid_new --bundles bundles

        parkgrid db restore demo.backup --data-dir demo-again && parkgrid up --data-dir demo-again
    """
    from parkgrid import database_backup

    _one_of(dsn, data_dir)
    if dsn is None and data_dir is None:
        refuse("name an empty database with --dsn, or a new folder for `parkgrid up` with --data-dir")
    finish(lambda: database_backup.restore(file, dsn, data_dir, jobs, bundles, as_json=as_json))


@app.command()
def verify(
    file: File,
    dsn: Dsn = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of `parkgrid up`, running or stopped, instead of --dsn.")
    ] = None,
    bundles: Bundles = None,
    as_json: AsJson = False,
) -> None:
    """Check a backup; with a database, compare it with the backup.

    Without one only the file is read: whether it is whole, and what is in it. Otherwise every difference is printed
    with its remedy; rows that were stored after the backup are differences as well. A database that a restore left
    closed is opened when nothing differs any more.

    For example:

        parkgrid db verify parkgrid-2026-11-30.backup

        parkgrid db verify parkgrid-2026-11-30.backup --dsn postgresql://admin@db.example/parkgrid_new
    """
    from parkgrid import database_backup

    _one_of(dsn, data_dir)
    if bundles and not (dsn or data_dir):
        refuse("--bundles compares bundles with a database: name it with --dsn or --data-dir")
    finish(lambda: database_backup.verify(file, dsn, data_dir, bundles, as_json=as_json))


def _one_of(dsn: str | None, data_dir: Path | None) -> None:
    if dsn and data_dir:
        refuse("give --dsn (or PARKGRID_DSN) or --data-dir, not both")
