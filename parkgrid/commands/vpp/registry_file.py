"""`parkgrid vpp registry`: operators, places, resources, contracts and phases as files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import By, Dsn, connected

if TYPE_CHECKING:
    from collections.abc import Callable

    from parkgrid_vpp.sheets.intake import Imported

_REFUSED = 1
Language = Literal["zh", "en"]
Lang = Annotated[Language, typer.Option("--lang", help="Language of what is printed.")]
File = Annotated[Path, typer.Argument(help="A workbook (.xlsx), or a folder of CSV files.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Check the file against the ledger and write nothing.")]

app = typer.Typer(
    help=(
        "The registry of the pilot as files: operators, places, resources, contracts, phases.\n\n"
        "Start with `parkgrid vpp registry template registry.xlsx`, fill it in, then import it."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("template")
def template(file: File, language: Lang = "zh") -> None:
    """Write an empty workbook or a folder of empty CSV files, with headings in Chinese and English and explanations.

    For example:

        parkgrid vpp registry template registry.xlsx

        parkgrid vpp registry template registry
    """
    from parkgrid_vpp.sheets.writing import write_template

    def action() -> int:
        write_template(file)
        typer.echo(str(file))
        return 0

    _finish(action, language)


@app.command("export")
def export(file: File, dsn: Dsn, language: Lang = "zh") -> None:
    """Write everything that is registered. Importing the file again writes nothing.

    For example:

        parkgrid vpp registry export registry.xlsx
    """
    from parkgrid_domain.vpp.pilot import Pilot
    from parkgrid_vpp.ledger import follow
    from parkgrid_vpp.sheets.writing import write_registry

    def action() -> int:
        pilot = Pilot()
        with connected(dsn) as connection:
            follow(connection, pilot)
        rows = write_registry(file, pilot)
        typer.echo(f"{file}：{rows} 行" if language == "zh" else f"{file}: {rows} rows")
        return 0

    _finish(action, language)


@app.command("import")
def import_file(
    file: File,
    dsn: Dsn,
    by: By,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Check the file against the ledger and write nothing.")
    ] = False,
    take: Annotated[
        Literal["shown", "stored"] | None,
        typer.Option(help="Which value counts if a number format shows another value than the cell stores."),
    ] = None,
    language: Lang = "zh",
) -> None:
    """Import a file. If it has a mistake, nothing is written, and all mistakes are listed with their cells.

    A row that says what is registered already writes nothing. What is registered otherwise is registered anew; the
    former entry stays in the ledger. A table that is left out says nothing.

    For example:

        parkgrid vpp registry import registry.xlsx --by "Li Wei" --dry-run

        parkgrid vpp registry import registry --by "Li Wei" --lang en
    """
    from parkgrid_vpp.sheets.intake import take_registry

    def action() -> int:
        typer.echo(f"{'读取' if language == 'zh' else 'reading'} {file}", err=True)
        with connected(dsn) as connection:
            found = take_registry(connection, file, by, datetime.now(UTC), take=take, dry=dry)
        for note in found.notes:
            typer.echo(note, err=True)
        if found.mistakes:
            return _list_mistakes(file, found, language)
        typer.echo(_summary(found, language))
        return 0

    _finish(action, language)


def _list_mistakes(file: Path, found: "Imported", language: Language) -> int:
    for mistake in found.mistakes:
        typer.echo(mistake.text(language))
    count = len(found.mistakes)
    zh, en = f"{file}：{count} 处错误，整个文件未写入", f"{file}: {count} mistakes, nothing was written"
    typer.echo(zh if language == "zh" else en, err=True)
    return _REFUSED


def _summary(found: "Imported", language: Language) -> str:
    numbers = (found.rows, found.added, found.changed, found.unchanged)
    zh = "共 {} 条：新增 {}，变更 {}，未变 {}".format(*numbers)
    en = "{} entries: {} new, {} changed, {} unchanged".format(*numbers)
    if found.dry:
        zh, en = f"{zh}（试运行，未写入）", f"{en} (dry run, nothing was written)"
    return zh if language == "zh" else en


def _finish(action: "Callable[[], int]", language: Language) -> NoReturn:
    """End the command; a file that cannot be read or written at all is said in the language."""
    from parkgrid_accounting.spreadsheet.errors import FileError

    try:
        outcome.finish(action)
    except FileError as error:
        outcome.refuse(f"error: {error.zh if language == 'zh' else error.en}")
