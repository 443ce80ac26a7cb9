"""Files come in whole or not at all, once, and every former figure stays readable."""

import threading
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from parkgrid_accounting.clusters.figures import cluster_figures, newest_quarter, revisions
from parkgrid_accounting.clusters.template import write_template
from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_domain.clusters.quarter import Quarter, quarter
from tests.accounting.clusters_feed import HEADINGS, accounts_file, enterprises, outputs, quarter_rows, workbook

TWELVE = [
    "E13: 合并单元格 E13:E14：请取消合并并逐格填写",
    "上年!B2: 工作表“上年”是隐藏的且有内容：请删除或取消隐藏",
    "A2: 没有名为“智能网联”的产业集群：是否为“智能网联汽车”？",
    "B3: “2024-13”不是季度：请写 2024-Q2 或 2024年第二季度",
    "B4: 2026-Q4 尚未结束（今天是 2026-11-25）：只能填报已结束的季度",
    "D6: -150.75 为负数：产值不能小于 0",
    "D7: 显示为“85%”，存储的却是 0.85：请改用普通数字格式，或确认以哪个为准（--take shown 或 --take stored）",
    "D8: “12,34”不是数字：请写 1234.5 或 1,234.5，单位写在单位列",
    "D9: 公式没有保存计算结果：请在表格软件中打开并保存，或直接填数值",
    "E10: “千元”不是可用的单位：请写 亿元、万元 或 元",
    "F11: 缺少来源",
    "A12: 与 A11 重复：文化体育旅游 2024-Q2 在一个文件中只能出现一次",
]


def planted(path: Path) -> Path:
    """A filled template with twelve mistakes, one of each kind; the other cells are right."""
    write_template(path)
    book = load_workbook(path)
    sheet = book["季度产值 Output"]
    rows = [
        ["智能网联", "2024-Q2", "当季", 850.3, "亿元", "统计局"],
        ["半导体与集成电路", "2024-13", "当季", 45.5, "亿元", "统计局"],
        ["高端医疗器械", "2026-Q4", "当季", 27.25, "亿元", "统计局"],
        ["生物医药", "2024-Q2", "当季", 40, "亿元", "统计局"],
        ["新能源", "2024-Q2", "当季", -150.75, "亿元", "统计局"],
        ["智能终端", "2024-Q2", "当季", 0.85, "亿元", "统计局"],
        ["细胞与基因", "2024-Q2", "当季", "12,34", "亿元", "统计局"],
        ["低空经济与空天", "2024-Q2", "当季", "=1+2", "亿元", "统计局"],
        ["文化体育旅游", "2024-Q1", "当季", 2.125, "千元", "统计局"],
        ["文化体育旅游", "2024-Q2", "当季", 2.125, "亿元", None],
        ["文化体育旅游", "2024-Q2", "当季", 2.125, "亿元", "统计局"],
        ["新能源", "2024-Q1", "当季", 140, "亿元", "统计局"],
        ["生物医药", "2024-Q1", "当季", 38, None, "统计局"],
    ]
    for number, row in enumerate(rows, 2):
        for place, value in enumerate(row, 1):
            sheet.cell(number, place).value = value
    sheet["D7"].number_format = "0%"
    sheet.merge_cells("E13:E14")
    hidden = book.create_sheet("上年")
    hidden["B2"] = 3121
    hidden.sheet_state = "hidden"
    book.save(path)
    return path


def test_planted_mistakes_are_all_told_and_nothing_comes_in(dsn: str, tmp_path: Path) -> None:
    taken = outputs(dsn, planted(tmp_path / "q.xlsx"))
    assert sorted(each.text("zh") for each in taken.mistakes) == sorted(TWELVE)
    assert len({each.code for each in taken.mistakes}) == len(TWELVE) == 12
    with psycopg.connect(dsn) as connection:
        assert revisions(connection) == []
        assert newest_quarter(connection) is None
        assert connection.execute("SELECT count(*) FROM public.cluster_imports").fetchone() == (0,)


def test_a_file_comes_in_once(dsn: str, tmp_path: Path) -> None:
    file = workbook(tmp_path / "q.xlsx", quarter_rows())
    dry = outputs(dsn, file, dry=True)
    assert (dry.rows, dry.added, dry.dry) == (9, 9, True)
    first = outputs(dsn, file)
    assert (first.rows, first.added, first.revised, first.before) == (9, 9, 0, "")
    again = outputs(dsn, file.rename(tmp_path / "other name.xlsx"))
    assert (again.rows, again.before) == (0, "q.xlsx, 李伟, 2026-11-25 04:00Z")
    same = outputs(dsn, workbook(tmp_path / "same.xlsx", quarter_rows(), [*HEADINGS[:6], "说明"]))
    assert (same.rows, same.added, same.revised, same.unchanged) == (9, 0, 0, 9)
    with psycopg.connect(dsn) as connection:
        assert newest_quarter(connection) == Quarter(2024, 2)
        assert len(revisions(connection)) == 9


def test_a_later_figure_is_a_revision_and_the_former_stays(dsn: str, tmp_path: Path) -> None:
    first = workbook(tmp_path / "q.xlsx", quarter_rows())
    outputs(dsn, first)
    corrected = quarter_rows()
    corrected[4][3:6] = ["1512500.5", "万元", "核定数"]
    taken = outputs(dsn, workbook(tmp_path / "r.xlsx", corrected))
    assert (taken.added, taken.revised, taken.unchanged) == (0, 1, 8)
    with psycopg.connect(dsn) as connection:
        former, now = revisions(connection, "new-energy")
        figure = cluster_figures(connection, quarter("2024-Q2"))["new-energy"]["quarter_output"]
    assert (former.current, former.output.output_100m_cny, former.output.revision) == (False, Decimal("150.75"), 1)
    assert (now.current, now.output.output_100m_cny, now.output.revision) == (True, Decimal("151.25005"), 2)
    assert (now.stated, now.unit, now.output.cell, now.output.file) == ("1512500.5", "万元", "D6", "r.xlsx")
    assert (now.output.entered_by, now.output.entered_at.isoformat()) == ("李伟", "2026-11-25T04:00:00+00:00")
    assert (figure.value, figure.revision, figure.sources) == (Decimal("151.25005"), 2, ("核定数（r.xlsx D6）",))
    # The first file again does not bring the former figure back: it was taken in.
    assert outputs(dsn, first).before.startswith("q.xlsx")


def test_stated_figures_cannot_be_altered(dsn: str, tmp_path: Path) -> None:
    outputs(dsn, workbook(tmp_path / "q.xlsx", quarter_rows()))
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table in ("cluster_import", "cluster_output", "enterprise", "enterprise_account"):
            for statement in (f"DELETE FROM base.{table}", f"TRUNCATE base.{table} CASCADE"):
                with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
                    connection.execute(statement)
        granted = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'cluster%' "
            "AND has_table_privilege('parkgrid_api', oid, 'SELECT') ORDER BY relname"
        ).fetchall()
    assert [name for (name,) in granted] == ["cluster_imports", "cluster_output_revisions", "cluster_outputs"]


def test_two_at_once_take_a_file_in_once(dsn: str, tmp_path: Path) -> None:
    file = workbook(tmp_path / "q.xlsx", quarter_rows())
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(outputs(dsn, file))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.added for each in taken) == [0, 0, 0, 9]
    with psycopg.connect(dsn) as connection:
        assert len(revisions(connection)) == 9


def test_enterprises_are_revised_and_never_overfull(dsn: str, tmp_path: Path) -> None:
    row = "motors,新能源,10,gaoxin-nan,A,{share},2024-01,{end},合同"
    assert enterprises(dsn, accounts_file(tmp_path / "a.csv", [row.format(share=60, end="")])).added == 2
    other = "chips,生物医药,,gaoxin-nan,A,{share},2024-01,,合同"
    full = enterprises(dsn, accounts_file(tmp_path / "b.csv", [other.format(share=50)]))
    assert [each.text("zh") for each in full.mistakes] == ["A1: 账户 gaoxin-nan/A 的份额合计超过 100 %（110 %）"]
    ended = enterprises(dsn, accounts_file(tmp_path / "c.csv", [row.format(share=60, end="2024-02")]))
    assert (ended.added, ended.revised, ended.unchanged) == (0, 1, 1)
    assert enterprises(dsn, accounts_file(tmp_path / "d.csv", [other.format(share=40)])).added == 2
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT enterprise, share_pct, valid_to::text, revision FROM enterprise_accounts"
        ).fetchall()
    assert sorted(rows) == [("chips", 40, None, 1), ("motors", 60, "2024-02-01", 2)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_as_spreadsheets_write_it(dsn: str, tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [["产业集群", "季度", "口径", "产值（亿元）", "来源"], ["新能源", "2024-Q2", "当季", "１50.75", "统计局"]]
    file = tmp_path / "q.csv"
    file.write_bytes("\r\n".join(delimiter.join(line) for line in lines).encode(encoding))
    taken = outputs(dsn, file, dry=True)
    assert (taken.mistakes, taken.added) == ((), 1)
    assert taken.notes == ("D2: '１50.75' = 150.75",)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("q.xls", b"\xd0\xcf\x11\xe0", "neither .xlsx nor .csv"),
        ("q.xlsx", b"\xd0\xcf\x11\xe0", "cannot be opened as .xlsx"),
        ("q.xlsx", b"PK\x05\x06" + bytes(18), "cannot be opened as .xlsx"),
        ("q.csv", b"\xff\xff\xff", "encoding"),
        ("q.csv", b"a,b\0", "encoding"),
        ("q.csv", b'a,"b\nc', "not a valid CSV"),
        ("q.csv", b"x\n" * 10_001, "10001 rows"),
        ("q.csv", b"x" * 10_000_001, "at most 10000000"),
    ],
)
def test_what_is_no_table_is_refused(dsn: str, tmp_path: Path, name: str, content: bytes, says: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(FileError, match=says) as refused:
        outputs(dsn, file)
    assert refused.value.zh
    with pytest.raises(FileError, match="cannot be read"):
        outputs(dsn, tmp_path / "missing.csv")


def filled(path: Path) -> tuple[Workbook, Worksheet]:
    book = load_workbook(workbook(path, quarter_rows()[:2]))
    return book, book.worksheets[0]


def codes(dsn: str, book: Workbook, path: Path) -> list[tuple[str, str]]:
    book.save(path)
    return [(each.cell, each.code) for each in outputs(dsn, path, dry=True).mistakes]


def test_what_a_person_cannot_see_is_told(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "q.xlsx"
    book, sheet = filled(path)
    sheet.row_dimensions[3].hidden = True
    assert codes(dsn, book, path) == [("A3", "hidden_row")]
    book, sheet = filled(path)
    sheet.column_dimensions["F"].hidden = True
    assert codes(dsn, book, path) == [("F1", "hidden_column")]
    book, sheet = filled(path)
    book.create_sheet("empty").sheet_state = "veryHidden"
    book.create_sheet("示例")["A1"] = "an example"
    assert codes(dsn, book, path) == []


def test_a_title_may_be_merged_and_two_tables_may_not(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "q.xlsx"
    book, sheet = filled(path)
    sheet.insert_rows(1)
    sheet["A1"] = "2024 年产值"
    sheet.merge_cells("A1:G1")
    assert codes(dsn, book, path) == []
    book.worksheets[0].title = "a"
    book.create_sheet("b")["A1"] = "content"
    book.save(path)
    with pytest.raises(FileError, match="found: a, b"):
        outputs(dsn, path)


def test_a_formula_with_its_result_is_its_result(dsn: str, tmp_path: Path) -> None:
    """The stored result is what the person saw; openpyxl stores none, so it is put into the file by hand."""
    import zipfile

    path = tmp_path / "q.xlsx"
    book, sheet = filled(path)
    sheet["D2"] = "=850.1+0.2"
    book.save(path)
    with zipfile.ZipFile(path) as packed:
        parts = {each: packed.read(each) for each in packed.namelist()}
    old = b"<f>850.1+0.2</f><v></v>" if b"<v></v>" in parts["xl/worksheets/sheet1.xml"] else b"<f>850.1+0.2</f><v />"
    assert old in parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(
        old, b"<f>850.1+0.2</f><v>850.30000000000007</v>"
    )
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    assert outputs(dsn, path).mistakes == ()
    with psycopg.connect(dsn) as connection:
        assert revisions(connection, "intelligent-connected-vehicles")[0].output.output_100m_cny == Decimal("850.3")


@pytest.mark.parametrize("kind", ["output", "enterprise"])
@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_an_empty_template_is_only_empty(dsn: str, tmp_path: Path, kind: str, form: str) -> None:
    path = tmp_path / f"t.{form}"
    write_template(path, kind)
    take = outputs if kind == "output" else enterprises
    assert [each.code for each in take(dsn, path).mistakes] == ["no_rows"]
    with pytest.raises(FileError, match="not a template format"):
        write_template(tmp_path / "t.pdf")


def test_a_template_offers_lists_and_hints(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_template(path)
    book = load_workbook(path)
    sheet = book["季度产值 Output"]
    assert [cell.value for cell in sheet[1]] == HEADINGS
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert "智能网联汽车" in rules["A2:A500"].formula1
    assert rules["C2:C500"].formula1 == '"当季,累计"'
    assert "自 1 月起" in rules["C2:C500"].prompt
    assert sheet.freeze_panes == "A2"
    assert book["示例 Example"]["A2"].value == "智能网联汽车"
    # The example can be taken in as it stands.
    example = workbook(
        tmp_path / "e.xlsx", [[cell.value for cell in row] for row in book["示例 Example"].iter_rows(2, 4)]
    )
    assert (outputs(dsn, example, dry=True).mistakes, outputs(dsn, example).added) == ((), 3)
