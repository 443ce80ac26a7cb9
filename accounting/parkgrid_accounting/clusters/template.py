"""Templates to fill in: headings in both languages, hints where the cursor stands, an example that is not read."""

import io
from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from parkgrid_accounting.spreadsheet.blank import csv_bytes, say_hint, write_file, write_headings, write_meanings
from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_domain.clusters import enterprise_file, output_file
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.spreadsheet.table import FileColumn

_FILLED_ROWS = 500
_EXAMPLE_TITLE = "示例 Example"
_OUTPUT_EXAMPLES = (
    ("智能网联汽车", "2024-Q1", "当季", "812.5", "亿元", "区统计局 2024 年 1-3 月规上工业报表", "1 至 3 月"),
    ("智能网联汽车", "2024-Q2", "累计", "1,650.25", "亿元", "区统计局 2024 年 1-6 月规上工业报表", "1 至 6 月"),
    ("半导体与集成电路", "2024年第二季度", "当季", "412500", "万元", "企业直报汇总 2024-07-15", "即 41.25 亿元"),
)
_ENTERPRISE_EXAMPLES = (
    (
        "example-motors",
        "示例汽车",
        "Example Motors",
        "智能网联汽车",
        "12.5",
        "gaoxin-nan",
        "0400123",
        "100",
        "2024-01",
        "",
        "供电合同",
    ),
    (
        "example-chips",
        "示例芯片",
        "Example Chips",
        "半导体与集成电路",
        "",
        "gaoxin-nan",
        "0400124",
        "60",
        "2024-01",
        "2025-07",
        "租约",
    ),
)


def write_template(path: Path, kind: str = "output", form: str | None = None) -> None:
    """Write a template for `output` or `enterprise` as xlsx or csv; without a form the name's ending tells it."""
    form = form or path.suffix.lower().lstrip(".")
    columns = output_file.COLUMNS if kind == "output" else enterprise_file.COLUMNS
    match form:
        case "xlsx":
            write_file(path, _workbook(kind, columns))
        case "csv":
            write_file(path, csv_bytes([[column.heading for column in columns]]))
        case _:
            raise FileError(f"“{form}”不是可写的格式：xlsx 或 csv", f"{form!r} is not a template format: xlsx or csv")


def _workbook(kind: str, columns: Sequence[FileColumn]) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = output_file.SHEET if kind == "output" else enterprise_file.SHEET
    write_headings(sheet, columns)
    for place, column in enumerate(columns, 1):
        if rule := _rule(column):
            sheet.add_data_validation(rule)
            letter = get_column_letter(place)
            rule.add(f"{letter}2:{letter}{_FILLED_ROWS}")
            # Of the column, for all rows to come. Numbers stay as they are typed: a percent sign would change them.
            number = column.key in ("output", "share", "output_share")
            sheet.column_dimensions[letter].number_format = "General" if number else "@"
    _examples(book.create_sheet(_EXAMPLE_TITLE), kind, columns)
    _meanings(book.create_sheet("说明 Meaning"), columns)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _rule(column: FileColumn) -> DataValidation:
    """A list to choose from, a number within bounds, or only the hint."""
    choices = {
        "cluster": [cluster.name_zh for cluster in plan().clusters],
        "basis": ["当季", "累计"],
        "unit": list(output_file.UNITS_CNY),
    }.get(column.key)
    if choices:
        rule = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=True)
    elif column.key == "output":
        rule = DataValidation(type="decimal", operator="greaterThanOrEqual", formula1="0", allow_blank=True)
    elif column.key in ("share", "output_share"):
        rule = DataValidation(type="decimal", operator="between", formula1="0", formula2="100", allow_blank=True)
    else:
        rule = DataValidation(allow_blank=True)
    say_hint(rule, column)
    return rule


def _examples(sheet: Worksheet, kind: str, columns: Sequence[FileColumn]) -> None:
    write_headings(sheet, columns)
    for number, row in enumerate(_OUTPUT_EXAMPLES if kind == "output" else _ENTERPRISE_EXAMPLES, 2):
        for place, text in enumerate(row, 1):
            cell = sheet.cell(number, place)
            cell.value = text
            cell.data_type = "s"
    sheet.cell(len(columns), 1, "本表仅为示例，导入时不读取。 This sheet is an example; it is not read.")


def _meanings(sheet: Worksheet, columns: Sequence[FileColumn]) -> None:
    write_meanings(sheet, columns)
    sheet.append(["来源 Source", "", plan().title_zh, plan().title_en])
