"""`parkgrid import` and `parkgrid show`: measured files into the store, and the page over what is stored."""

from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands import outcome

DataDir = Annotated[Path | None, typer.Option(help="Folder for data and logs.  [default: kept per user]")]
Dsn = Annotated[
    str | None, typer.Option(help="A running PostgreSQL; without it one is started here.", envvar="PARKGRID_DSN")
]


def import_command(
    directory: Annotated[Path, typer.Argument(help="Folder with the measured CSV files.")],
    mapping: Annotated[Path | None, typer.Option(help="TOML that says what the columns mean.")] = None,
    data_dir: DataDir = None,
    dsn: Dsn = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object as the last line.")] = False,
) -> None:
    """Bring measured CSV files into the store and settle their energy; `docs/your-own-data.md` shows it step by step.

    An import that is interrupted goes on where it was; a repeated one adds nothing. Exit status 1, with the reason, if
    nothing matched, a device has no reading, or readings contradict what is stored.

    For example:

        parkgrid import meters --mapping plant.toml --data-dir plant

        parkgrid show --data-dir plant
    """
    from parkgrid.measured import Request, run

    outcome.finish(lambda: run(Request(directory, mapping, data_dir, dsn, as_json)))


def show(
    data_dir: DataDir = None,
    dsn: Dsn = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port of the page; 0 takes any. Without it: 8080 or the next free one."),
    ] = None,
) -> None:
    """Show what is stored as a page: after `import`, `replay --data-dir`, or `influx import`. Ctrl-C ends it.

    For example:

        parkgrid show --data-dir plant
    """
    from parkgrid.showing import run

    outcome.finish(lambda: run(data_dir, dsn, port))
