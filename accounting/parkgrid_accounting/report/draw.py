"""Draws the report of a park: a workbook with a sheet a section, a PDF on landscape A4, or CSV, table by table."""

import csv
import io
import re
import zipfile
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
_WHEN = re.compile(rb"<dcterms:(created|modified)\b.*?</dcterms:\1>")
_NO_DATE = (1980, 1, 1, 0, 0, 0)


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
    """A sheet a section; numbers are numbers, text is never a formula; an equal report gives an equal file."""
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
        sheet.freeze_panes, sheet.print_title_rows = "A4", "1:3"
        sheet.page_setup.orientation = "landscape"
        if sheet.oddFooter is not None:
            # An ampersand begins a code in a footer.
            sheet.oddFooter.center.text = "   ".join((report.title.replace("&", "&&"), *report.marks, "&P / &N"))
    return _saved(book)


def _saved(book: Workbook) -> bytes:
    """The file without the moment at which it was made: the library writes it into a part and beside each part."""
    made, content = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(content, "w") as file:
        for name in parts.namelist():
            part = parts.read(name)
            told = _WHEN.sub(b"", part) if name == "docProps/core.xml" else part
            file.writestr(zipfile.ZipInfo(name, _NO_DATE), told, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _width(section: Section, place: int) -> float:
    longest = max((len(shown(row[place], section.headings[place])) for row in section.rows), default=0)
    return min(70, max(10, longest + 2, 2 * len(section.headings[place].text)))


def _cell(cell: Any, heading: Heading, value: Any) -> None:
    if isinstance(value, str):
        _text(cell, value)
    elif value is not None:
        cell.value = value
        cell.number_format = _format(heading)


def _format(heading: Heading) -> str:
    """Digits of the column; a mark is part of the format, the number stays one."""
    mark = f'" {heading.mark}"' if heading.mark else ""
    if heading.decimals is None:
        return f"General{mark}"
    return f"#,##0{'.' if heading.decimals else ''}{'0' * heading.decimals}{mark}"


def _text(cell: Any, text: str) -> Cell:
    cell.value = _printable(text)
    cell.data_type = "s"
    # Without it, a text that somebody opens for editing and confirms becomes the formula that it looks like.
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    return cell  # type: ignore[no-any-return]  # the library types a merged cell beside it, which is never read here


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def draw_pdf(report: Report) -> bytes:
    """Landscape A4, a table a section with its head on every page, page numbers."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

    from parkgrid_accounting.report.fonts import report_font

    font = report_font()
    # Chinese lines break anywhere, English ones between words.
    wrap = "CJK" if report.language == "zh" else None
    style = ParagraphStyle("cell", fontName=font, fontSize=7, leading=9, wordWrap=wrap)
    big = ParagraphStyle("title", parent=style, fontSize=14, leading=20)
    part = ParagraphStyle("part", parent=style, fontSize=10, leading=14)
    width = landscape(A4)[0] - 24 * mm

    def paragraph(text: str, look: ParagraphStyle = style) -> Paragraph:
        return Paragraph(escape(_printable(text)), look)

    story: list[Any] = [paragraph(report.title, big), paragraph(report.subtitle)]
    for section in report.sections:
        story += [Spacer(1, 5 * mm), CondPageBreak(30 * mm), paragraph(section.title, part)]
        body = [[paragraph(each.text) for each in section.headings]]
        for row in section.rows:
            told = [shown(value, each) for each, value in zip(section.headings, row, strict=True)]
            body.append([paragraph(text) for text in told])
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
        story += [table, Spacer(1, 1 * mm), *(paragraph(note) for note in section.notes)]

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
