"""Writes the supervision table of a quarter into a file, in the form that the ending of its name says."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psycopg

from parkgrid_accounting.clusters.figures import cluster_figures
from parkgrid_accounting.report.supervision import Document, document
from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_database.errors import translated
from parkgrid_domain.clusters.quarter import Quarter


def write_report(dsn: str, quarter: Quarter, out: Path, language: str, now: datetime) -> None:
    """Write the table of a quarter as the ending of the name says. Raises `FileError` and the errors of the store."""
    draw = _drawing(out.suffix.lower())
    with translated(), psycopg.connect(dsn, connect_timeout=5) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        figures = cluster_figures(connection, quarter)
    content = draw(document(figures, language, now))
    try:
        out.write_bytes(content)
    except OSError as error:
        raise FileError(f"无法写入 {out}：{error.strerror}", f"{out} cannot be written: {error.strerror}") from error


def _drawing(ending: str) -> Callable[[Document], bytes]:
    match ending:
        case ".xlsx":
            from parkgrid_accounting.report.xlsx import draw_xlsx

            return draw_xlsx
        case ".pdf":
            from parkgrid_accounting.report.pdf import draw_pdf

            return draw_pdf
        case ".csv":
            from parkgrid_accounting.report.text import draw_csv

            return draw_csv
    raise FileError(
        f"“{ending}”不是可写的格式：.xlsx、.pdf 或 .csv", f"{ending!r} is not a report format: .xlsx, .pdf or .csv"
    )
