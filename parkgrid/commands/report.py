"""`parkgrid report`: a park's month or quarter as a workbook, a PDF or CSV."""

import re
import time
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

_WRONG = 2
Language = Literal["zh", "en"]
Park = Annotated[str, typer.Argument(help="The park.")]
Out = Annotated[Path, typer.Option("--out", help="File to write: .xlsx, .pdf or .csv.")]
Dsn = Annotated[
    str | None, typer.Option(help="The database.  [default: that of the running `up`]", envvar="PARKGRID_DSN")
]
DataDir = Annotated[Path | None, typer.Option(help="Data folder of a running `up`.  [default: one for each user]")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the report.")]

app = typer.Typer(
    help="Reports of a park: energies, indicators, completeness and bills, each figure with its address.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
def month(
    park: Park,
    month: Annotated[str, typer.Argument(help="The month, for example 2026-11.")],
    out: Out,
    dsn: Dsn = None,
    data_dir: DataDir = None,
    lang: Lang = "zh",
) -> None:
    """Write the report of a month, or of this month so far.

    For example:

        parkgrid report month pingshan-park 2026-11 --out november.xlsx

        parkgrid report month pingshan-park 2026-11 --out november.pdf --lang en
    """
    _write(park, month, r"\d{4}-\d{2}", "a month such as 2026-11", out, found(dsn, data_dir), lang)


@app.command()
def quarter(
    park: Park,
    quarter: Annotated[str, typer.Argument(help="The quarter, for example 2026-Q4.")],
    out: Out,
    dsn: Dsn = None,
    data_dir: DataDir = None,
    lang: Lang = "zh",
) -> None:
    """Write the report of a quarter, including the industrial clusters.

    For example:

        parkgrid report quarter pingshan-park 2026-Q4 --out quarter.pdf
    """
    _write(park, quarter, r"\d{4}-Q[1-4]", "a quarter such as 2026-Q4", out, found(dsn, data_dir), lang)


def found(dsn: str | None, data_dir: Path | None) -> str:
    """The database that is named, else that of the running `up`; ends the command when there is neither."""
    from parkgrid.data_folder import PlaceError
    from parkgrid.running_instance import find

    try:
        return dsn or find(data_dir, "a database with --dsn").dsn
    except PlaceError as error:
        _refuse(str(error))


def _write(park: str, text: str, form: str, meant: str, out: Path, dsn: str, language: Language) -> None:
    import psycopg

    from parkgrid_accounting.errors import AccountingError
    from parkgrid_accounting.report.draw import drawing
    from parkgrid_accounting.report.month import park_report
    from parkgrid_domain.period import period

    draw = drawing(out)
    if draw is None:
        _refuse(f"{out.suffix!r} is not a report format: use .xlsx, .pdf or .csv")
    if not re.fullmatch(form, text, re.ASCII):
        _refuse(f"{text!r} is not {meant}")
    try:
        span = period(text)
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            report = park_report(connection, park, span, language, time.time_ns() // 1_000_000)
        out.write_bytes(draw(report))
    except (AccountingError, ValueError) as error:
        _refuse(str(error))
    except psycopg.Error as error:
        _refuse(f"the database does not answer: {str(error).splitlines()[0]}")
    except OSError as error:
        _refuse(f"{out} cannot be written: {error.strerror}")
    typer.echo(str(out))


def _refuse(sentence: str) -> NoReturn:
    typer.echo(f"error: {sentence}", err=True)
    raise typer.Exit(_WRONG)
