"""The supervision table: workbook read back cell by cell, PDF taken apart, CSV that no spreadsheet computes."""

import csv
import io
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook

from parkgrid_accounting.clusters.figures import cluster_figures
from parkgrid_accounting.report.supervision import Document, Entry, document
from parkgrid_accounting.report.text import harmless
from parkgrid_accounting.report.write import write_report
from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_database.errors import StoreError
from parkgrid_domain.clusters.quarter import quarter
from tests.accounting.clusters_feed import NOW, outputs
from tests.accounting.printed import pages_of
from tests.accounting.test_clusters_figures import WHEN, estimate_days, feed

ZH = [
    "序号", "产业集群", "2023年产值\n(亿元)", "本季产值\n(亿元)", "本年累计产值\n(亿元)", "累计同比\n(%)",
    "最新年度产值\n(亿元)", "2025年目标\n(亿元)", "2025年目标完成率\n(%)", "至2025年需年均增速\n(%)",
    "2030年目标\n(亿元)", "2030年目标完成率\n(%)", "至2030年需年均增速\n(%)", "本季用电量\n(kWh)",
    "单位产值电耗\n(kWh/万元)", "单位产值用电折标煤（当量，含光伏）\n(tce/万元)",
    "单位产值用电折标煤（等价，含光伏）\n(tce/万元)", "电力消费弹性系数", "占全区光伏比\n(%)", "占全区储能放电比\n(%)",
    "计量企业产值占比\n(%)", "计量区间完整率\n(%)", "其中估算区间占比\n(%)", "修订", "来源",
]  # fmt: skip


@pytest.fixture
def fed(dsn: str, tmp_path: Path) -> str:
    feed(dsn)
    evil = tmp_path / "=cmd.csv"
    text = '产业集群,季度,口径,产值（亿元）,来源\n文化体育旅游,2024-Q2,当季,2.125,"=HYPERLINK(""http://x"")"\n'
    evil.write_text(text, "utf-8")
    assert outputs(dsn, evil).revised == 1
    return dsn


def written(dsn: str, path: Path, language: str = "zh") -> Path:
    write_report(dsn, WHEN, path, language, NOW)
    return path


def drawn(dsn: str, language: str = "zh") -> Document:
    with psycopg.connect(dsn) as connection:
        return document(cluster_figures(connection, WHEN), language, NOW)


def test_the_workbook_cell_by_cell(fed: str, tmp_path: Path) -> None:
    sheet = load_workbook(written(fed, tmp_path / "r.xlsx"))["监督表"]
    assert sheet["A1"].value == "坪山区“6＋3”产业集群逐季滚动监督表"
    assert sheet["A2"].value == "2024年第二季度    制表时间 2026-11-25 12:00 (UTC+8)"
    assert [cell.value for cell in sheet[3]] == ZH
    row = [cell.value for cell in sheet[4]]
    assert row[:5] == ["1", "智能网联汽车", 3121, 850.3, 1662.8]
    assert row[5] == pytest.approx(14.675862069)
    assert row[6:9] == [3121, 4000, 78.025]
    assert [row[9], row[11], row[12]] == [
        pytest.approx(each, rel=1e-9) for each in (13.2095623099, 52.0166666667, 9.7870381587)
    ]
    assert row[13] == 497_315
    assert row[14:17] == [pytest.approx(each) for each in (46.7896036693, 0.00575044229096, 0.0140368811008)]
    assert row[17] == "—[1]"
    # 0.125 % of the output stands behind the meters, whose intervals are all known.
    assert row[18:24] == [50, 50, 0.125, 100, 0, "1"]
    assert row[24].startswith(
        "深坪府〔2024〕1 号（2024-02-18）三（一）1（2）；区统计局 2024 年 1-3 月（quarters.csv D3）；"
    )
    formats = {column: sheet[f"{column}4"].number_format for column in "DGINO"}
    assert formats == {
        "D": "#,##0.00",
        "G": '#,##0.00" (2023)"',
        "I": "#,##0.00",
        "N": '#,##0"* (0.125 %)"',
        "O": '#,##0.00"* (0.125 %)"',
    }
    assert sheet["O5"].number_format == '"≥"#,##0.000'
    potential = [cell.value for cell in sheet[10]]
    assert potential[1:4] == ["细胞与基因", "—[8]", 3.2]
    notes = [sheet.cell(number, 1).value for number in range(15, 25)]
    assert notes[0] == "[1] 数据覆盖率 0.0 % 低于 90 %"
    assert notes[7] == "[8] 规划未列 2023 年产值"
    assert (sheet.freeze_panes, sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("C4", "landscape", 9)
    assert sheet.print_title_rows == "$3:$3"
    assert sheet.page_setup.fitToHeight == 0


def test_estimated_intervals_stand_beside_those_that_are_known(fed: str, tmp_path: Path) -> None:
    estimate_days(fed, "load-1", 3)
    sheet = load_workbook(written(fed, tmp_path / "r.xlsx"))["监督表"]
    # 3 of 91 days are 3.297 %, rounded up so that no estimate is told as none; the vehicles have none.
    assert [sheet.cell(row, 23).value for row in (4, 5)] == [0, 3.3]
    pages = "".join(pages_of(written(fed, tmp_path / "r.pdf")))
    assert "其中估算区间占比" in pages
    assert "3.3" in pages
    with written(fed, tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row[22] for row in list(csv.reader(file))[:3]] == ["其中估算区间占比 (%)", "0", "3.3"]


def test_every_row_of_the_workbook_is_its_cluster(fed: str, tmp_path: Path) -> None:
    book = load_workbook(written(fed, tmp_path / "r.xlsx", "en"))
    sheet = book["Supervision"]
    made = drawn(fed, "en")
    for number, row in enumerate(made.rows, 4):
        for place, column in enumerate(made.columns, 1):
            cell, entry = sheet.cell(number, place), row[column.key]
            assert cell.value == (entry.text if entry.number is None else pytest.approx(float(entry.number)))
    parks = [[cell.value for cell in row] for row in book["Parks"].iter_rows(2)]
    assert parks == [["Gaoxin South", 994_630, 679_315, 315_315, 100, 0]]
    notes = [row[0].value for row in book["Notes and sources"].iter_rows()]
    assert any(note and "least" not in note and "below 90 %" in note for note in notes)


def test_simulated_energy_and_example_outputs_are_marked_in_every_form(fed: str, tmp_path: Path) -> None:
    example = tmp_path / "example.csv"
    example.write_text("产业集群,季度,口径,产值（亿元）,来源,备注\n生物医药,2024-Q2,当季,41,示例,示例\n", "utf-8")
    assert outputs(fed, example).revised == 1
    with psycopg.connect(fed, autocommit=True) as connection:
        connection.execute("UPDATE base.gateway_birth SET simulated = true")
    words = {"zh": ("仿真数据", "示例产值"), "en": ("simulated data", "example outputs")}
    for language, (simulated, marked) in words.items():
        book = load_workbook(written(fed, tmp_path / f"{language}.xlsx", language))
        assert f"〔{simulated}〕" in book.worksheets[0]["A2"].value
        assert f"〔{marked}〕" in book.worksheets[0]["A2"].value
        for page in pages_of(written(fed, tmp_path / f"{language}.pdf", language)):
            assert simulated.replace(" ", "") in page
            assert marked.replace(" ", "") in page
        text = written(fed, tmp_path / f"{language}.csv", language).read_text("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
        assert [simulated in row[-1] for row in rows[1:3]] == [True, True]


def test_real_data_have_no_mark(fed: str, tmp_path: Path) -> None:
    text = written(fed, tmp_path / "r.csv").read_text("utf-8-sig")
    assert "仿真" not in text
    assert load_workbook(written(fed, tmp_path / "r.xlsx"))["监督表"]["A2"].value.endswith("(UTC+8)")


def test_chosen_texts_stay_texts(fed: str, tmp_path: Path) -> None:
    """A source that is a formula, in a file whose name is one: neither is computed anywhere."""
    book = load_workbook(written(fed, tmp_path / "r.xlsx"))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    assert "=HYPERLINK" in book["监督表"]["Y12"].value
    with written(fed, tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 10
    assert rows[1][3] == "850.3"
    assert rows[1][14].startswith("46.789603669")
    assert rows[1][14].endswith("* (0.125 %)")
    assert rows[2][14] == "≥0.4"
    assert rows[9][24].startswith("深坪府")
    assert all(not cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_dangerous_text_is_quoted(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("电力 =1") == "电力 =1"


def test_the_pdf_says_it_in_chinese(fed: str, tmp_path: Path) -> None:
    made = written(fed, tmp_path / "r.pdf")
    pdf = made.read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/MediaBox [ 0 0 841.8898 595.2756 ]" in pdf
    pages = pages_of(made)
    whole = "".join(pages)
    for text in (
        "坪山区“6＋3”产业集群逐季滚动监督表",
        "2024年第二季度",
        *("智能网联汽车", "半导体与集成电路", "高端医疗器械", "生物医药", "新能源", "智能终端"),
        *("细胞与基因", "低空经济与空天", "文化体育旅游"),
        *(
            "3,121.00",
            "850.30",
            "1,662.80",
            "78.03",
            "13.21",
            "52.02",
            "9.79",
            "497,315*(0.125%)",
            "46.79*(0.125%)",
            "≥0.400",
        ),
        *(
            "0.00575*(0.125%)",
            "0.01404*(0.125%)",
            "计量区间完整率",
            "未归属",
            "315,315",
            "未填报2023-Q2的产值",
            "深坪府〔2024〕1号",
        ),
        "区统计局2024年1-6月（quarters.csvD4）",
    ):
        assert text in whole, text
    assert [f"{number}/{len(pages)}" in page for number, page in enumerate(pages, 1)] == [True] * len(pages)


def test_the_pdf_in_english_keeps_chinese_sources(fed: str, tmp_path: Path) -> None:
    whole = "".join(pages_of(written(fed, tmp_path / "r.pdf", "en")))
    assert "Unattributed" in whole
    assert "nooutputisstatedfor2023-Q2" in whole
    assert "深坪府" in whole


def test_numbers_are_rounded_once_and_half_up() -> None:
    from decimal import Decimal

    assert Entry(Decimal("78.025")).shown(2) == "78.03"
    assert Entry(Decimal("-2.125")).shown(2) == "-2.13"
    assert Entry(Decimal("1234567.5")).shown(0) == "1,234,568"
    assert Entry(Decimal("0.000004916"), before="≥").shown(5) == "≥0.00000492"
    assert Entry(Decimal(0)).shown(5) == "0.00000"
    assert Entry(text="—[1]").shown(2) == "—[1]"


def test_what_cannot_be_written_is_refused(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not a report format"):
        write_report(dsn, WHEN, tmp_path / "r.docx", "zh", NOW)
    with pytest.raises(FileError, match="cannot be written"):
        write_report(dsn, WHEN, tmp_path / "no folder" / "r.csv", "zh", NOW)
    with pytest.raises(StoreError):
        write_report("host=127.0.0.1 port=1", WHEN, tmp_path / "r.csv", "zh", NOW)


def test_a_quarter_without_anything_is_all_reasons(dsn: str, tmp_path: Path) -> None:
    write_report(dsn, quarter("2030-Q1"), tmp_path / "r.csv", "en", NOW)
    rows = list(csv.reader(io.StringIO((tmp_path / "r.csv").read_text("utf-8-sig"))))
    assert [row[3] for row in rows[1:]] == ["—[1]"] * 9
    assert len(written(dsn, tmp_path / "r.pdf").read_bytes()) > 1000
