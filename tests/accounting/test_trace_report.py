"""The report of a park in three forms and two languages: the figures of the room, each with an address that traces."""

import csv
import io
import json
import re
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.bills.bill import bill_of
from parkgrid_accounting.report.words import WORDS, half
from parkgrid_accounting.trace.figure import trace
from parkgrid_contract.signals import CATALOGUE, SignalKind
from tests.accounting.billing import At
from tests.accounting.february import ACCOUNT, AFTER, AFTER_MS, Month, february, kept_month
from tests.accounting.printed import pages_of

__all__ = ["february", "kept_month"]
ROOT = Path(__file__).parents[2]


def written(month: Month, out: Path, *more: str, kind: str = "month", span: str = "2026-02") -> Path:
    told = CliRunner().invoke(app, ["report", kind, "gaoxin-nan", span, "--out", str(out), "--dsn", month.dsn, *more])
    assert told.exit_code == 0, told.output
    return out


def test_a_month_as_a_workbook(february: Month, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written(february, tmp_path / "month.xlsx", "--lang", "en"))
    assert book.sheetnames == ["Energies", "Indicators", "Completeness", "Bills 2026-02"]
    energies = {row[2]: row for row in book["Energies"].iter_rows(min_row=4, values_only=True) if row[2]}
    registers = {"energy_import_kwh": "Import register", "energy_export_kwh": "Export register",
                 "energy_generated_kwh": "Generation register"}  # fmt: skip
    for device, signal in february.truth_wh:
        row = energies[registers[signal]]
        assert row[0] == f"gw-1/{device}"
        assert row[4] == pytest.approx(february.kwh((device, signal)), abs=1e-9)
        # 28 x 96 intervals, nine of them estimated across the outage.
        assert row[6:10] == (2_679, 9, 0, 0)
        assert row[10] == pytest.approx(100 * (8_064 - 26) / 8_064)
        # Read at 10:00 and 12:15 again: what the nine quarter hours in between hold together is known.
        assert row[11] == pytest.approx(february.outage_wh((device, signal)) / 1000)
    with february.connection() as connection:
        bill = bill_of(connection, ACCOUNT, "2026-02", clock=At(AFTER))
    *lines, total = [row for row in book["Bills 2026-02"].iter_rows(min_row=4, values_only=True) if row[7]]
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


def test_names_are_the_readers_and_marks_are_on_every_page(february: Month, tmp_path: Path) -> None:
    with february.connection() as connection:
        connection.execute("UPDATE base.park SET name_zh = '高新南', name_en = 'Gaoxin South'")
        connection.execute("UPDATE base.device SET name = '屋顶光伏 / Rooftop PV' WHERE device = 'pv-1'")
        connection.execute("UPDATE base.gateway_birth SET simulated = true")
    said = {
        "zh": ("高新南", "屋顶光伏", "发电量", "仿真数据", "示例电价"),
        "en": ("Gaoxin South", "Rooftop PV", "Generation register", "simulated data", "example tariff"),
    }
    for language, (park, device, register, simulated, example) in said.items():
        made = written(february, tmp_path / f"{language}.xlsx", "--lang", language)
        for sheet in openpyxl.load_workbook(made):
            assert sheet["A1"].value.startswith(f"{park}  2026-02")
            assert simulated in sheet["A2"].value
            assert example in sheet["A2"].value
            assert simulated in sheet.oddFooter.center.text
        energies = openpyxl.load_workbook(made).worksheets[0]
        cells = [cell for row in energies.iter_rows(min_row=4, values_only=True) for cell in row]
        assert device in cells
        assert register in cells
        for page in pages_of(written(february, tmp_path / f"{language}.pdf", "--lang", language)):
            assert simulated.replace(" ", "") in page
            assert example.replace(" ", "") in page
    text = (written(february, tmp_path / "zh.csv")).read_text("utf-8-sig")
    assert "仿真数据" in text.splitlines()[1]
    # Addresses are for machines; nothing else says an identifier.
    told = [row[:-1] if row and "/" in row[-1] else row for row in csv.reader(io.StringIO(text))]
    assert not [
        cell for row in told for cell in row if re.search(r"pv_inverter|grid_meter|energy_\w+|guangdong-", cell)
    ]
    printed = CliRunner().invoke(app, ["bill", "show", ACCOUNT, "2026-02", "--dsn", february.dsn])
    assert "〔仿真数据〕" in printed.output
    assert "〔示例电价〕" in printed.output
    assert "不是真实园区" in printed.output


def test_real_meters_have_no_mark(february: Month, tmp_path: Path) -> None:
    text = written(february, tmp_path / "zh.csv").read_text("utf-8-sig")
    assert "仿真" not in text
    assert "示例电价" in text


def test_the_report_and_the_page_name_registers_and_classes_alike() -> None:
    for language in ("zh", "en"):
        page = json.loads(
            (ROOT / "api" / "parkgrid_api" / "web" / "src" / "locales" / f"{language}.json").read_text("utf-8")
        )
        same = [key for key in WORDS if key.startswith(("class.", "signal."))]
        assert {key: WORDS[key][language] for key in same} == {key: page[key] for key in same}
    counters = {
        f"signal.{signal.name}"
        for kind in CATALOGUE.values()
        for signal in kind.signals
        if signal.kind is SignalKind.COUNTER and signal.unit in {"kWh", "kvarh"}
    }
    assert counters <= set(WORDS)


# The page has the same names and halves in its own test, tests/web/page/names_and_numbers.test.ts.
@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("洁净厂房屋顶光伏 / Clean room rooftop", "洁净厂房屋顶光伏", "Clean room rooftop"),
        ("Grid meter / 并网点总表", "并网点总表", "Grid meter"),
        ("V2G 桩 1 / V2G charger 1", "V2G 桩 1", "V2G charger 1"),
        *((name, name, name) for name in ("并网点总表", "Feeder 1 / Feeder 2", "一号线 / 二号线", "A / 乙 / C")),
        *((name, name, name) for name in ("kW/kWh 表", " / Roof", "屋顶 / ")),
    ],
)
def test_a_name_in_two_languages_is_halved_as_the_page_does_it(name: str, zh: str, en: str) -> None:
    assert (half(name, "zh"), half(name, "en")) == (zh, en)


def test_a_quarter_as_a_pdf_in_chinese(february: Month, tmp_path: Path) -> None:
    with february.connection() as connection:
        connection.execute("UPDATE base.park SET name_zh = '高新南'")
    made = written(february, tmp_path / "quarter.pdf", kind="quarter", span="2026-Q1")
    assert made.read_bytes().startswith(b"%PDF-")
    pages = pages_of(made)
    assert len(pages) >= 4
    for part in ("高新南", "2026-Q1", "能源报告", "电量", "指标", "数据完整性", "产业集群", "智能网联汽车"):
        assert part in "".join(pages), part


def test_what_cannot_be_written_is_refused(february: Month, tmp_path: Path) -> None:
    for arguments, said in (
        (["month", "gaoxin-nan", "2026-02", "--out", "x.docx"], ".xlsx, .pdf or .csv"),
        (["month", "gaoxin-nan", "2026-Q1", "--out", "x.csv"], "is not a month"),
        (["quarter", "gaoxin-nan", "2026-02", "--out", "x.csv"], "is not a quarter"),
        (["month", "gaoxin-nan", "2026-13", "--out", "x.csv"], "not a period"),
        (["month", "nowhere", "2026-02", "--out", "x.csv"], "no park 'nowhere'"),
        (["month", "gaoxin-nan", "2026-02", "--out", str(tmp_path / "no" / "x.csv")], "cannot be written"),
    ):
        told = CliRunner().invoke(app, ["report", *arguments, "--dsn", february.dsn])
        assert told.exit_code == 2, arguments
        assert said in told.output, arguments
