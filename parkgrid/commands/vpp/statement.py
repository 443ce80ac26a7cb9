"""`parkgrid vpp statement`: a statement as a workbook or a PDF."""

from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands.vpp.files import Lang, Pdf, Xlsx, write_report
from parkgrid.commands.vpp.session import AsJson, Dsn, statement_of

if TYPE_CHECKING:
    from parkgrid_accounting.report.form import Report
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot


def statement(
    name: Annotated[str, typer.Argument(metavar="ID", help="The statement, as `parkgrid vpp event` shows it.")],
    dsn: Dsn,
    pdf: Pdf = None,
    xlsx: Xlsx = None,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Write a statement as a PDF, as a workbook, or both: money, verdicts, baselines, entry and head of the chain.

    The same ledger gives the same files. For example:

        parkgrid vpp statement ev-1-op-1-1 --pdf statement.pdf --xlsx statement.xlsx --lang en
    """

    def made(_connection: "Connection", pilot: "Pilot") -> "Report":
        from parkgrid_vpp.printed.statement import statement_report

        return statement_report(pilot, statement_of(pilot, name), lang)

    write_report(dsn, made, {"statement": name}, (pdf, xlsx), lang, as_json=as_json)
