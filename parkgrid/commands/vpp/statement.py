"""`parkgrid vpp statement`: a statement as a workbook or a PDF."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import AsJson, Dsn, run, show, statement_of

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot

Lang = Annotated[Literal["zh", "en"], typer.Option("--lang", help="Language of the file.")]


def statement(
    name: Annotated[str, typer.Argument(metavar="ID", help="The statement, as `parkgrid vpp event` shows it.")],
    dsn: Dsn,
    pdf: Annotated[Path | None, typer.Option(help="The PDF to write.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="The workbook to write.")] = None,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Write a statement as a PDF, as a workbook, or both: money, verdicts, baselines, entry and head of the chain.

    The same ledger gives the same files. For example:

        parkgrid vpp statement ev-1-op-1-1 --pdf statement.pdf --xlsx statement.xlsx --lang en
    """
    from parkgrid_accounting.spreadsheet.errors import FileError

    if pdf is None and xlsx is None:
        outcome.refuse("nothing to write: name a file with --pdf or --xlsx")

    def action(_connection: "Connection", pilot: "Pilot") -> None:
        from parkgrid_accounting.report.draw import draw_pdf, draw_xlsx
        from parkgrid_accounting.spreadsheet.blank import write_file
        from parkgrid_vpp.printed.statement import statement_report

        report = statement_report(pilot, statement_of(pilot, name), lang)
        written = []
        for path, draw in ((xlsx, draw_xlsx), (pdf, draw_pdf)):
            if path is not None:
                write_file(path, draw(report))
                written.append(str(path))
        show({"statement": name, "files": written}, written, as_json=as_json)

    try:
        run(dsn, action)
    except FileError as error:
        outcome.refuse(f"error: {error.zh if lang == 'zh' else error.en}")
