"""`parkgrid clusters`: outputs of industrial clusters in, progress and intensity out."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from parkgrid_accounting.clusters.intake import Taken

_REFUSED = 1
_WRONG = 2
Language = Literal["zh", "en"]
Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]
By = Annotated[str, typer.Option("--by", help="Your name; it is stored with every figure.  [default: your login]")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of what is printed or written.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Check the file against the database and change nothing.")]

app = typer.Typer(
    help=(
        "Industrial clusters: import quarterly outputs, report progress to the targets and energy per output.\n\n"
        "Start with `parkgrid clusters template outputs.xlsx`, fill it in, "
        "then `parkgrid clusters import outputs.xlsx`."
    ),
    no_args_is_help=True,
)


@app.command("template")
def template(
    out: Annotated[Path, typer.Argument(help="File to write.")],
    form: Annotated[
        Literal["xlsx", "csv"] | None, typer.Option("--format", help="By default, the ending of the file name.")
    ] = None,
    kind: Annotated[
        Literal["output", "enterprise"], typer.Option(help="Outputs of clusters, or the accounts of enterprises.")
    ] = "output",
    language: Lang = "en",
) -> None:
    """Write a file to fill in, with headings in Chinese and English, hints and an example.

    For example:

        parkgrid clusters template outputs.xlsx

        parkgrid clusters template accounts.csv --kind enterprise
    """
    from parkgrid_accounting.clusters.template import write_template
    from parkgrid_accounting.spreadsheet.errors import FileError

    try:
        write_template(out, kind, form)
    except FileError as error:
        _refuse(error.zh if language == "zh" else error.en)
    typer.echo(str(out))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="XLSX or CSV, as `parkgrid clusters template` writes it.")],
    dsn: Dsn,
    by: By = "",
    kind: Annotated[
        Literal["output", "enterprise"], typer.Option(help="Outputs of clusters, or the accounts of enterprises.")
    ] = "output",
    take: Annotated[
        Literal["shown", "stored"] | None,
        typer.Option(help="Which value counts if a number format shows another value than the cell stores."),
    ] = None,
    dry: Dry = False,
    language: Lang = "zh",
) -> None:
    """Import a file. If it has a mistake, nothing is imported and all mistakes are listed with their cells.

    If the number format of a cell shows another number than the cell stores (a percentage, thousands, a point between
    the digits), this is a mistake and both numbers are printed. Then choose: `--take shown` or `--take stored`.
    Importing the same file again changes nothing.

    For example:

        parkgrid clusters import outputs.xlsx --dry-run

        parkgrid clusters import outputs.xlsx --by "Li Wei"

        parkgrid clusters import accounts.csv --kind enterprise --lang en
    """
    from parkgrid_accounting.clusters.intake import take_enterprises, take_outputs
    from parkgrid_accounting.spreadsheet.errors import FileError
    from parkgrid_database.errors import StoreError

    who = by.strip() or getpass.getuser()
    take_in = take_outputs if kind == "output" else take_enterprises
    typer.echo(f"{'读取' if language == 'zh' else 'reading'} {file}", err=True)
    try:
        taken = take_in(dsn, file, who, datetime.now(UTC), take=take, dry=dry)
    except FileError as error:
        _refuse(error.zh if language == "zh" else error.en)
    except StoreError as error:
        _refuse(str(error))
    for note in taken.notes:
        typer.echo(note, err=True)
    if taken.mistakes:
        _list_mistakes(file, taken, language)
    typer.echo(_summary(taken, language))


def _list_mistakes(file: Path, taken: "Taken", language: Language) -> NoReturn:
    for mistake in taken.mistakes:
        typer.echo(mistake.text(language))
    count = len(taken.mistakes)
    zh, en = f"{file}：{count} 处错误，整个文件未导入", f"{file}: {count} mistakes, nothing was imported"
    typer.echo(zh if language == "zh" else en, err=True)
    raise typer.Exit(_REFUSED)


def _summary(taken: "Taken", language: Language) -> str:
    if taken.before:
        zh, en = (
            f"此文件已导入（{taken.before}），无变化",
            f"this file was imported before ({taken.before}): nothing to do",
        )
        return zh if language == "zh" else en
    numbers = (taken.rows, taken.added, taken.revised, taken.unchanged)
    zh = "共 {} 条：新增 {}，修订 {}，未变 {}".format(*numbers)
    en = "{} entries: {} new, {} revised, {} unchanged".format(*numbers)
    if taken.dry:
        zh, en = f"{zh}（试运行，未写入）", f"{en} (dry run, nothing was written)"
    return zh if language == "zh" else en


@app.command("report")
def report(
    quarter: Annotated[str, typer.Argument(help="A quarter, such as 2024-Q2.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .xlsx, .pdf or .csv.")],
    dsn: Dsn,
    language: Lang = "zh",
) -> None:
    """Write the quarterly supervision table (逐季滚动监督表) of all clusters.

    For example:

        parkgrid clusters report 2024-Q2 --out 2024-Q2.xlsx

        parkgrid clusters report 2024-Q2 --out 2024-Q2.pdf --lang zh
    """
    from parkgrid_accounting.report.write import write_report
    from parkgrid_accounting.spreadsheet.errors import FileError
    from parkgrid_database.errors import StoreError
    from parkgrid_domain.clusters.quarter import quarter as read

    try:
        when = read(quarter)
        write_report(dsn, when, out, language, datetime.now(UTC))
    except FileError as error:
        _refuse(error.zh if language == "zh" else error.en)
    except (ValueError, StoreError) as error:
        _refuse(str(error))
    typer.echo(str(out))


def _refuse(sentence: str) -> NoReturn:
    typer.echo(f"error: {sentence}", err=True)
    raise typer.Exit(_WRONG)
