"""`parkgrid vpp report`: a quarter or a year of the pilot as a workbook or a PDF."""

from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands.vpp.files import Lang, Pdf, Xlsx, write_report
from parkgrid.commands.vpp.session import AsJson, Dsn

if TYPE_CHECKING:
    from parkgrid_accounting.report.form import Report
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot


def report(
    period: Annotated[str, typer.Argument(help="A quarter (2026-Q4) or a year (2026).")],
    dsn: Dsn,
    pdf: Pdf = None,
    xlsx: Xlsx = None,
    lang: Lang = "zh",
    as_json: AsJson = False,
) -> None:
    """Write the pilot's report of a quarter or a year: events, energy, verdicts, money, funnel, disputes, accuracy.

    An event belongs to the quarter in which it begins, by the clock of Shenzhen. Each statement counts once, in its
    newest revision. What is not known is named and never counted as zero. For example:

        parkgrid vpp report 2026-Q4 --pdf quarter.pdf --xlsx quarter.xlsx

        parkgrid vpp report 2026 --pdf year.pdf --lang en
    """
    from datetime import UTC, datetime

    def made(connection: "Connection", pilot: "Pilot") -> "Report":
        from parkgrid_vpp.printed.period.facts import facts_of
        from parkgrid_vpp.printed.period.report import period_report
        from parkgrid_vpp.printed.period.telling import report_period

        span = report_period(period)
        return period_report(pilot, span, facts_of(connection, pilot, span, datetime.now(UTC)), lang)

    write_report(dsn, made, {"report": period}, (pdf, xlsx), lang, as_json=as_json)
