"""Draws the report of a park: a workbook with a sheet a section, a PDF on landscape A4, or CSV, table by table."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from parkgrid_accounting.report.form import Heading, Report, Section, shown
from parkgrid_accounting.report.text import harmless

_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FILL = PatternFill("solid", fgColor="FFDDEBF7")
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
_LONGEST_NAME = 31


def drawing(out: Path) -> Callable[[Report], bytes] | None:
    """How a file of this ending is drawn; None for an ending that is none of them."""
    return {".xlsx": draw_xlsx, ".pdf": draw_pdf, ".csv": draw_csv}.get(out.suffix.lower())


def draw_csv(report: Report) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheet programs see Chinese; numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([[harmless(report.title)], [harmless(report.subtitle)]])
    for section in report.sections:
        writer.writerow([])
        writer.writerow([harmless(section.title)])
        writer.writerow([harmless(each.text) for each in section.headings])
        writer.writerows([[harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in section.rows])
        writer.writerows([[harmless(note)] for note in section.notes])
    return (_BOM + text.getvalue()).encode()


def draw_xlsx(report: Report) -> bytes:
    """A sheet a section; numbers are numbers, text is never a formula."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for section in report.sections:
        sheet = book.create_sheet(section.title.translate(_FORBIDDEN)[:_LONGEST_NAME])
        _text(sheet.cell(1, 1), report.title).font = Font(bold=True, size=14)
        _text(sheet.cell(2, 1), report.subtitle)
        for place, heading in enumerate(section.headings, 1):
            cell = _text(sheet.cell(3, place), heading.text)
            cell.font, cell.fill, cell.alignment = Font(bold=True), _FILL, Alignment(wrap_text=True)
            sheet.column_dimensions[get_column_letter(place)].width = _width(section, place - 1)
        for number, row in enumerate(section.rows, 4):
            for place, (heading, value) in enumerate(zip(section.headings, row, strict=True), 1):
                _cell(sheet.cell(number, place), heading, value)
        for number, note in enumerate(section.notes, 5 + len(section.rows)):
            _text(sheet.cell(number, 1), note)
        sheet.freeze_panes = "A4"
        sheet.page_setup.orientation = "landscape"
        if sheet.oddFooter is not None:
            # An ampersand begins a code in a footer.
            sheet.oddFooter.center.text = "   ".join((report.title.replace("&", "&&"), *report.marks, "&P / &N"))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _width(section: Section, place: int) -> float:
    longest = max((len(shown(row[place], section.headings[place].decimals)) for row in section.rows), default=0)
    return min(70, max(10, longest + 2, 2 * len(section.headings[place].text)))


def _cell(cell: Any, heading: Heading, value: Any) -> None:
    if isinstance(value, str):
        _text(cell, value)
    elif value is not None:
        cell.value = value
        digits = heading.decimals or 0
        cell.number_format = "#,##0" + (f".{'0' * digits}" if digits else "")


def _text(cell: Any, text: str) -> Cell:
    cell.value = "".join(sign if sign.isprintable() else " " for sign in text)
    cell.data_type = "s"
    return cell  # type: ignore[no-any-return]  # the library types a merged cell beside it, which is never read here


def draw_pdf(report: Report) -> bytes:
    """Landscape A4, a table a section with its head on every page, page numbers."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    from parkgrid_accounting.report.fonts import report_font

    font = report_font()
    style = ParagraphStyle("cell", fontName=font, fontSize=7, leading=9, wordWrap="CJK")
    big = ParagraphStyle("title", parent=style, fontSize=14, leading=20)
    part = ParagraphStyle("part", parent=style, fontSize=10, leading=14)
    width = landscape(A4)[0] - 24 * mm
    story: list[Any] = [Paragraph(escape(report.title), big), Paragraph(escape(report.subtitle), style)]
    for section in report.sections:
        story += [Spacer(1, 5 * mm), Paragraph(escape(section.title), part)]
        body = [[Paragraph(escape(each.text), style) for each in section.headings]]
        for row in section.rows:
            told = [shown(value, each.decimals) for each, value in zip(section.headings, row, strict=True)]
            body.append([Paragraph(escape(text), style) for text in told])
        weights = [_width(section, place) for place in range(len(section.headings))]
        table = Table(body, [width * weight / sum(weights) for weight in weights], repeatRows=1)
        table.setStyle(
            [
                ("FONTNAME", (0, 0), (-1, -1), font),
                ("GRID", (0, 0), (-1, -1), 0.3, colors.HexColor("#9BA5B0")),
                ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#DDEBF7")),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
        story += [table, *(Paragraph(escape(note), style) for note in section.notes)]

    def numbered(canvas: Any, document: Any) -> None:
        canvas.setFont(font, 8)
        canvas.drawCentredString(
            landscape(A4)[0] / 2, 6 * mm, "   ".join((report.title, *report.marks, str(document.page)))
        )

    content = io.BytesIO()
    margin = 12 * mm
    template = SimpleDocTemplate(
        content,
        pagesize=landscape(A4),
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=report.title,
        author="parkgrid",
        # The date of the document stands on it: equal figures give an equal file, byte by byte.
        invariant=1,
        initialFontName=font,
        lang="zh-CN" if report.language == "zh" else "en",
    )
    template.build(story, onFirstPage=numbered, onLaterPages=numbered)
    return content.getvalue()
