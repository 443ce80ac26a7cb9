"""The report of a park in three forms and two languages: the figures of the room, each with an address that traces."""

import base64
import csv
import io
import re
import zlib
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from accounting.bills.bill import bill_of
from accounting.trace.figure import trace
from parkgrid.cli import app
from tests.accounting.billing import At
from tests.accounting.february import ACCOUNT, AFTER, AFTER_MS, Month, february, kept_month

__all__ = ["february", "kept_month"]


def written(month: Month, out: Path, *more: str, kind: str = "month", span: str = "2026-02") -> Path:
    told = CliRunner().invoke(app, ["report", kind, "gaoxin-nan", span, "--out", str(out), "--dsn", month.dsn, *more])
    assert told.exit_code == 0, told.output
    return out


def test_a_month_as_a_workbook(february: Month, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written(february, tmp_path / "month.xlsx", "--lang", "en"))
    assert book.sheetnames == ["Energies", "Indicators", "Completeness", "Bills 2026-02"]
    energies = {row[2]: row for row in book["Energies"].iter_rows(min_row=4, values_only=True) if row[2]}
    for _, signal in february.truth_wh:
        row = energies[signal]
        assert row[4] == pytest.approx(february.kwh((row[0].partition("/")[2], signal)), abs=1e-9)
        # 28 x 96 intervals, nine of them estimated across the outage.
        assert row[6:10] == (2_679, 9, 0, 0)
        assert row[10] == pytest.approx(100 * (8_064 - 26) / 8_064)
    with february.connection() as connection:
        bill = bill_of(connection, ACCOUNT, "2026-02", clock=At(AFTER))
    *lines, total = [row for row in book["Bills 2026-02"].iter_rows(min_row=4, values_only=True) if row[0]]
    assert [row[5] for row in lines] == [float(line.amount_cny) for line in bill.lines]
    assert total[5] == float(bill.total_cny)


def test_every_address_of_a_report_traces(february: Month, tmp_path: Path) -> None:
    text = written(february, tmp_path / "month.csv").read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    addresses = [cell for row in rows for cell in row if cell.startswith(("indicator/", "bill/"))]
    assert len(addresses) > 30
    told = {row[-1]: row for row in rows if row}
    with february.connection() as connection:
        for address in addresses:
            found = trace(connection, address, AFTER_MS)
            assert found.equal, address
            shown = told[address][5] if address.startswith("bill/") else told[address][1]
            assert shown == ("" if found.published is None else str(found.published)), address


def drawn(content: bytes) -> str:
    """The text of every page whose font is the standard Chinese one: UTF-16 in literal strings."""
    found = b""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            page = zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
        except (ValueError, zlib.error):
            continue
        for literal in re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", page, re.DOTALL):
            octal = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), literal)
            found += re.sub(rb"\\(.)", rb"\1", octal, flags=re.DOTALL)
    return found.decode("utf-16-be", "replace")


def test_a_quarter_as_a_pdf_in_chinese(february: Month, tmp_path: Path) -> None:
    content = written(february, tmp_path / "quarter.pdf", kind="quarter", span="2026-Q1").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") >= 4
    if b"STSong-Light" in content:
        text = drawn(content)
        for part in ("gaoxin-nan", "2026-Q1", "能源报告", "电量", "指标", "数据完整性", "产业集群", "智能网联汽车"):
            assert part in text, part


def test_what_cannot_be_written_is_refused(february: Month, tmp_path: Path) -> None:
    for arguments, said in (
        (["month", "gaoxin-nan", "2026-02", "--out", "x.docx"], ".xlsx, .pdf or .csv"),
        (["month", "gaoxin-nan", "2026-Q1", "--out", "x.csv"], "is not a month"),
        (["quarter", "gaoxin-nan", "2026-02", "--out", "x.csv"], "is not a quarter"),
        (["month", "gaoxin-nan", "2026-13", "--out", "x.csv"], "no period"),
        (["month", "nowhere", "2026-02", "--out", "x.csv"], "no park 'nowhere'"),
        (["month", "gaoxin-nan", "2026-02", "--out", str(tmp_path / "no" / "x.csv")], "cannot be written"),
    ):
        told = CliRunner().invoke(app, ["report", *arguments, "--dsn", february.dsn])
        assert told.exit_code == 2, arguments
        assert said in told.output, arguments
