"""`parkgrid import` and `parkgrid show`: measured files into the store, and the page over what is stored."""

from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands import outcome

DataDir = Annotated[Path | None, typer.Option(help="Folder for data and logs.  [default: one for each user]")]
Dsn = Annotated[
    str | None, typer.Option(help="An existing PostgreSQL. Without it, one is started here.", envvar="PARKGRID_DSN")
]


def import_command(
    directory: Annotated[Path, typer.Argument(help="Folder with the measured CSV files.")],
    mapping: Annotated[Path | None, typer.Option(help="TOML file that describes the columns.")] = None,
    data_dir: DataDir = None,
    dsn: Dsn = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Store measured CSV files and compute their energy; `docs/your-own-data.md` shows it step by step.

    An interrupted import continues where it stopped; a repeated one adds nothing. Exit status 1, with the reason, if
    nothing matched, a device has no reading, or readings differ from those already stored.

    For example:

        parkgrid import meters --mapping plant.toml --data-dir plant

        parkgrid show --data-dir plant
    """
    from parkgrid.import_measured import Request, run

    outcome.finish(lambda: run(Request(directory, mapping, data_dir, dsn, as_json)))


def show(
    data_dir: DataDir = None,
    dsn: Dsn = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Port of the page; 0: any free port.  [default: 8080 or the next free one]"
        ),
    ] = None,
) -> None:
    """Open the page for stored data: after `import`, `replay --data-dir`, or `influx import`. Ctrl-C ends it.

    For example:

        parkgrid show --data-dir plant
    """
    from parkgrid.show import run

    outcome.finish(lambda: run(data_dir, dsn, port))
