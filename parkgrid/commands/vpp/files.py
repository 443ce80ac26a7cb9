"""Reports of the pilot as files: a workbook, a PDF or both, in Chinese or English."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import run, show

if TYPE_CHECKING:
    from parkgrid_accounting.report.form import Report
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot

Language = Literal["zh", "en"]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the file.")]
Pdf = Annotated[Path | None, typer.Option(help="The PDF to write.")]
Xlsx = Annotated[Path | None, typer.Option(help="The workbook to write.")]


def write_report(
    dsn: str,
    made: Callable[["Connection", "Pilot"], "Report"],
    told: dict[str, str],
    files: tuple[Path | None, Path | None],
    language: Language,
    *,
    as_json: bool,
) -> NoReturn:
    """Write a report into a PDF, a workbook or both, tell which, and end the command."""
    from parkgrid_accounting.spreadsheet.errors import FileError

    pdf, xlsx = files
    if pdf is None and xlsx is None:
        outcome.refuse("nothing to write: name a file with --pdf or --xlsx")

    def action(connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_accounting.report.draw import draw_pdf, draw_xlsx
        from parkgrid_accounting.spreadsheet.blank import write_file

        report, written = made(connection, pilot), []
        for path, draw in ((xlsx, draw_xlsx), (pdf, draw_pdf)):
            if path is not None:
                write_file(path, draw(report))
                written.append(str(path))
        show({**told, "files": written}, written, as_json=as_json)

    try:
        run(dsn, action)
    except FileError as error:
        outcome.refuse(f"error: {error.zh if language == 'zh' else error.en}")
