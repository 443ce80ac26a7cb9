"""Draws the supervision table as a workbook: numbers as numbers, frozen head, ready to print on landscape A4."""

import io

from openpyxl import Workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from parkgrid_accounting.report.supervision import Document, Entry, TableColumn

_THIN = Side(style="thin", color="FF9BA5B0")
_GRID = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_HEAD = PatternFill("solid", fgColor="FFDDEBF7")
_CENTRE = Alignment(horizontal="center", vertical="center", wrap_text=True)
_HEAD_ROW = 3
_WIDTHS = {"number": 6, "cluster": 20, "source": 60, "revision": 7}
_NUMBER_WIDTH = 13
_SHEETS = {"zh": ("监督表", "园区归属", "说明与来源"), "en": ("Supervision", "Parks", "Notes and sources")}


def draw_xlsx(document: Document) -> bytes:
    """The workbook: the table, the parks, the notes with numbered reasons and sources."""
    book = Workbook()
    names = _SHEETS[document.language]
    sheet = book.worksheets[0]
    sheet.title = names[0]
    _table(sheet, document)
    parks = book.create_sheet(names[1])
    _head(parks, document.park_columns, 1)
    for number, row in enumerate(document.park_rows, 2):
        _row(parks, number, document.park_columns, row)
    _notes(book.create_sheet(names[2]), document)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _table(sheet: Worksheet, document: Document) -> None:
    last = get_column_letter(len(document.columns))
    _text(sheet.cell(1, 1), document.title).font = Font(bold=True, size=14)
    _text(sheet.cell(2, 1), f"{document.subtitle}    {document.made}")
    _head(sheet, document.columns, _HEAD_ROW)
    for number, row in enumerate(document.rows, _HEAD_ROW + 1):
        _row(sheet, number, document.columns, row)
    sheet.freeze_panes = f"C{_HEAD_ROW + 1}"
    end = _HEAD_ROW + len(document.rows)
    notes = _footnotes(document)
    for number, note in enumerate(notes, end + 2):
        _text(sheet.cell(number, 1), note)
    end += 1 + len(notes)
    sheet.print_area = f"A1:{last}{end}"
    sheet.print_title_rows = f"{_HEAD_ROW}:{_HEAD_ROW}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = int(sheet.PAPERSIZE_A4)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    if sheet.oddFooter is not None:
        sheet.oddFooter.center.text = "&P / &N"


def _footnotes(document: Document) -> list[str]:
    reasons = [f"[{number}] {reason}" for number, reason in enumerate(document.reasons, 1)]
    return [f"{document.word('notes')}:", *reasons, *document.notes]


def _head(sheet: Worksheet, columns: tuple[TableColumn, ...], number: int) -> None:
    for place, column in enumerate(columns, 1):
        cell = _text(sheet.cell(number, place), f"{column.heading}\n({column.unit})" if column.unit else column.heading)
        cell.fill, cell.font, cell.border, cell.alignment = _HEAD, Font(bold=True), _GRID, _CENTRE
        sheet.column_dimensions[get_column_letter(place)].width = _WIDTHS.get(column.key, _NUMBER_WIDTH)


def _row(sheet: Worksheet, number: int, columns: tuple[TableColumn, ...], row: dict[str, Entry]) -> None:
    for place, column in enumerate(columns, 1):
        entry = row[column.key]
        if entry.number is None:
            cell = _text(sheet.cell(number, place), entry.text)
            cell.alignment = Alignment(
                wrap_text=True, vertical="center", horizontal=None if column.key in ("cluster", "source") else "right"
            )
        else:
            cell = _text(sheet.cell(number, place), "")
            cell.value = entry.number
            cell.number_format = _format(column, entry)
        cell.border = _GRID


def _format(column: TableColumn, entry: Entry) -> str:
    """Thousands and digits of the column; marks around the number are part of the format, the number stays one."""
    count = entry.digits(column.decimals)
    digits = f".{'0' * count}" if count else ""
    marks = [f'"{mark}"' if mark else "" for mark in (entry.before, entry.behind)]
    return f"{marks[0]}#,##0{digits}{marks[1]}"


def _notes(sheet: Worksheet, document: Document) -> None:
    lines = [
        *_footnotes(document),
        "",
        f"{document.word('sources')}:",
        *(f"[S{number}] {source}" for number, source in enumerate(document.sources, 1)),
    ]
    for number, line in enumerate(lines, 1):
        _text(sheet.cell(number, 1), line)
    sheet.column_dimensions["A"].width = 2 * _WIDTHS["source"]


def _text(cell: Cell | MergedCell, text: str) -> Cell:
    """A text that stays one, whatever it starts with."""
    assert isinstance(cell, Cell)  # noqa: S101  (nothing is merged in a workbook that is made here)
    cell.value = text
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(("=", "+", "-", "@"))
    return cell
