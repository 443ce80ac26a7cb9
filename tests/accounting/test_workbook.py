"""Workbooks and CSV files that are damaged, hostile or only odd: bounded, and refused with a reason."""

import io
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from parkgrid_accounting.spreadsheet import package
from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_accounting.spreadsheet.sheet import Take, read_sheet
from parkgrid_domain.spreadsheet.cell import CellKind, Sheet

SHEET = "季度产值 Output"
PART = "xl/worksheets/sheet1.xml"
Parts = dict[str, bytes]
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def parts(**formats: str) -> Parts:
    """A right workbook, taken apart; `D2="0%"` sets a number format."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    sheet.append(["产业集群", "季度", "口径", "产值", "单位", "来源"])
    sheet.append(["新能源", "2024-Q2", "当季", 150.75, "亿元", "统计局"])
    for cell, code in formats.items():
        sheet[cell].number_format = code
    book.save(file := io.BytesIO())
    with zipfile.ZipFile(file) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(content: Parts, *, doubled: str = "", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        if doubled:
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr(doubled, content[doubled])
    return file.getvalue()


def memory_kb() -> int:
    """The most that this process ever took."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(content: bytes, take: Take | None = None) -> Sheet:
    return read_sheet(Path("q.xlsx"), content, SHEET, take)


def changed(old: bytes, new: bytes) -> Parts:
    content = parts()
    assert old in content[PART]
    content[PART] = content[PART].replace(old, new)
    return content


def behind(new: bytes) -> Parts:
    return changed(b"</sheetData>", new)


def with_sheets(number: int) -> Parts:
    content = parts()
    one = content["xl/workbook.xml"]
    first = one[one.index(b"<sheet ") : one.index(b"</sheets>")]
    content["xl/workbook.xml"] = one.replace(first, first * number)
    return content


def with_code(code: bytes) -> Parts:
    content = parts(D2="0.000")
    content["xl/styles.xml"] = content["xl/styles.xml"].replace(b'"0.000"', b'"%s"' % code)
    return content


HARMLESS: dict[str, Callable[[], Parts]] = {
    "merged": lambda: behind(b'</sheetData><mergeCells count="1"><mergeCell ref="A3:XFD1048576"/></mergeCells>'),
    "links": lambda: behind(b'</sheetData><hyperlinks><hyperlink ref="A3:XFD1048576"/></hyperlinks>'),
    "far": lambda: behind(b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'),
    "dimension": lambda: changed(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'),
    "columns": lambda: changed(b"<sheetData>", b'<cols><col min="8" max="16384" hidden="1"/></cols><sheetData>'),
    "rows": lambda: behind(b"".join(b'<row r="%d" ht="9"/>' % row for row in range(3, 100_000)) + b"</sheetData>"),
    "doctype elsewhere": lambda: parts() | {"docProps/app.xml": b"<!DOCTYPE x>"},
}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: packed(behind(b"</sheetData>" + b" " * 25_000_000)), "more than 20000000 bytes"),
    "elements": (lambda: packed(behind(b"<row/>" * 1_000_001 + b"</sheetData>")), "more than 1000000 elements"),
    "deep": (lambda: packed(behind(b"</sheetData>" + b"<a>" * 60 + b"</a>" * 60)), "more than 50 deep"),
    "entities": (
        lambda: packed(changed(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet')),
        "document type",
    ),
    "attributes": (
        lambda: packed(behind(b"<row " + b"".join(b'a%d="" ' % i for i in range(20_000)) + b"/></sheetData>")),
        "longer than 131072 bytes",
    ),
    "entries": (lambda: packed({f"a{number}": b"" for number in range(1_001)}), "1001 parts, at most 1000"),
    "twice": (lambda: packed(parts(), doubled=PART), f"contains {PART} twice"),
    "method": (lambda: packed(parts(), method=zipfile.ZIP_LZMA), "packed in another way"),
    "sheets": (lambda: packed(with_sheets(101)), "101 sheets, at most 100"),
    "far content": (
        lambda: packed(behind(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')),
        "1048576 rows and 16384 columns, at most 10000 and 50",
    ),
    "cell twice": (lambda: packed(behind(b'<row r="2"><c r="D2"><v>1</v></c></row></sheetData>')), "there twice"),
    "no cell": (
        lambda: packed(behind(b'<row r="3"><c r="ZZZZ9"><v>1</v></c></row></sheetData>')),
        "'ZZZZ9' is not a cell",
    ),
    "no row": (lambda: packed(behind(b'<row r="99999999999"/></sheetData>')), "row '99999999999' is not a number"),
    "no text": (lambda: packed(behind(b'<row><c t="s"><v>99</v></c></row></sheetData>')), "text '99' is not a number"),
    "no style": (
        lambda: packed(behind(b'<row><c s="99"><v>9</v></c></row></sheetData>')),
        "style '99' is not a number",
    ),
    "format": (lambda: packed(with_code(b"0" * 256)), "256 characters, at most 255"),
    "merged often": (
        lambda: packed(behind(b"</sheetData><mergeCells>" + b'<mergeCell ref="A3:B3"/>' * 1_001 + b"</mergeCells>")),
        "more than 1000 merged cells",
    ),
    "no sheet": (lambda: packed({"a": b""}), "there is no _rels/.rels"),
    "cut off": (lambda: packed(parts())[:3000], "cannot be opened as .xlsx"),
    "not XML": (lambda: packed(parts() | {PART: b"\xff\xfe<\0"}), "cannot be opened as .xlsx"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_only_declared_is_not_expanded(name: str) -> None:
    """A merged range over the whole sheet took > 75 s and > 3 GB, 10^6 empty rows 60 s and 1.1 GB."""
    content = packed(HARMLESS[name]())
    before = memory_kb()
    found = read(content)
    assert memory_kb() - before < 200_000
    assert [len(row) for row in found.rows] == [6, 6]
    assert found.rows[1][3].text == "150.75"


LONG = {"elements": [pytest.mark.nightly]}
"""A million elements take seconds; by day `test_elements_are_counted` has fewer."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=LONG.get(name, [])) for name in REFUSED])
def test_what_is_beyond_the_bounds_is_refused(name: str) -> None:
    make, says = REFUSED[name]
    content = make()
    before = memory_kb()
    with pytest.raises(FileError, match=r"^q\.xlsx: ") as refused:
        read(content)
    assert memory_kb() - before < 200_000
    assert says in str(refused.value)
    assert refused.value.zh.startswith("q.xlsx：")


def test_elements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert package.MOST_ELEMENTS == 1_000_000
    monkeypatch.setattr(package, "MOST_ELEMENTS", 10_000)
    with pytest.raises(FileError, match="more than 10000 elements"):
        read(packed(behind(b"<row/>" * 10_001 + b"</sheetData>")))


def test_a_long_text_is_cut_and_told_by_its_cell() -> None:
    text = b"x" * 100_000
    found = read(packed(behind(b'<row r="3"><c r="A3" t="inlineStr"><is><t>%s</t></is></c></row></sheetData>' % text)))
    assert (found.rows[2][0].kind, len(found.rows[2][0].text)) == (CellKind.TEXT, 501)


def test_how_a_word_is_read_aloud_is_not_part_of_it() -> None:
    text = b"<is><r><t>\xe5\x9d\xaa</t></r><rPh sb='0' eb='1'><t>ping</t></rPh><r><t>\xe5\xb1\xb1</t></r></is>"
    found = read(packed(behind(b'<row r="3"><c r="A3" t="inlineStr">%s</c></row></sheetData>' % text)))
    assert found.rows[2][0].text == "坪山"


@pytest.mark.parametrize(
    ("code", "shown", "number"), [("0!.0000", "0.0151", "0.0151"), ("0%", "15075%", "15075"), ("0.0,", "0.2", "0.2")]
)
def test_a_number_that_is_shown_otherwise_waits_for_a_word(code: str, shown: str, number: str) -> None:
    content = packed(parts(D2=code))
    cell = read(content).rows[1][3]
    assert (cell.kind, cell.text, cell.display) == (CellKind.OTHERWISE, "150.75", shown)
    for take, taken in (("shown", number), ("stored", "150.75")):
        sheet = read(content, take)  # type: ignore[arg-type]
        assert (sheet.rows[1][3].kind, sheet.rows[1][3].text) == (CellKind.NUMBER, taken)
        assert list(sheet.notes) == [f"D2: {shown!r} (150.75) = {taken}"]


def test_a_number_hidden_by_its_format_cannot_be_taken_as_shown() -> None:
    content = packed(parts(D2=";;;"))
    assert read(content, "shown").rows[1][3].kind is CellKind.OTHERWISE
    assert read(content, "stored").rows[1][3].text == "150.75"


@pytest.mark.parametrize(
    ("first", "part", "times", "says"),
    [
        (b"", b"x\n", 4_999_999, "10001 rows and 1 columns"),
        (b"", b"\n", 9_999_999, "10001 rows"),
        (b"", b",", 9_999_999, "9999999 times ',', at most 500000 cells"),
        (b"", b",", 60, "1 rows and 61 columns"),
        (b'"', b"x", 9_999_990, "field larger than field limit"),
        (b"", b"x", 10_000_001, "at most 10000000"),
    ],
)
def test_a_csv_is_bounded_before_it_is_kept(first: bytes, part: bytes, times: int, says: str) -> None:
    content = first + part * times
    before = memory_kb()
    with pytest.raises(FileError, match=r"^q.csv: .*") as refused:
        read_sheet(Path("q.csv"), content, SHEET)
    assert says in str(refused.value)
    assert memory_kb() - before < 200_000
