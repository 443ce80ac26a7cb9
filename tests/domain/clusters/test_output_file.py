"""Files of outputs, cell by cell: what is read, what is refused and with which words."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.clusters.output_file import OutputFile, read_outputs
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Findings, Sheet, number
from parkgrid_domain.spreadsheet.table import address

TODAY = date(2026, 11, 25)
HEADINGS = ("产业集群", "季度", "口径", "产值", "单位", "来源")
GOOD = ("智能网联汽车", "2024-Q2", "当季", "850.30", "亿元", "统计局")


def sheet(*rows: Sequence[str | Cell]) -> Sheet:
    def cell(place: int, line: int, content: str | Cell) -> Cell:
        if isinstance(content, Cell):
            return Cell(address(place, line), content.kind, content.text, content.display, content.behind)
        return Cell(address(place, line), CellKind.TEXT if content else CellKind.EMPTY, content)

    return Sheet(
        "s", [[cell(place, line, content) for place, content in enumerate(row)] for line, row in enumerate(rows, 1)]
    )


def read(*rows: Sequence[str | Cell]) -> OutputFile:
    return read_outputs(sheet(*rows), plan(), TODAY)


def one(**changes: str | Cell) -> OutputFile:
    keys = ("cluster", "quarter", "basis", "output", "unit", "source")
    return read(HEADINGS, [changes.get(key, good) for key, good in zip(keys, GOOD, strict=True)])


def refusal(**changes: str | Cell) -> str:
    found = one(**changes)
    assert found.rows == ()
    (only,) = found.mistakes
    return only.text("en")


@pytest.mark.parametrize(
    ("text", "unit", "cny"),
    [
        ("850.30", "亿元", "85030000000"),
        ("８５０．３", "亿元", "85030000000"),
        ("1,234.5", "亿元", "123450000000"),
        ("１，２３４．５", "亿元", "123450000000"),
        (" 850 ", "亿元", "85000000000"),
        ("8503000", "万元", "85030000000"),
        ("8,503,000.0001", "万元", "85030000001.0000"),
        ("85030000000.01", "元", "85030000000.01"),
        ("850.3", "100 million CNY", "85030000000"),
        ("8503000", "１００００ CNY", "85030000000"),
        ("0", "亿元", "0"),
        ("3.121", "亿元", "312100000"),
    ],
)
def test_numbers_and_units_are_read_exactly(text: str, unit: str, cny: str) -> None:
    found = one(output=text, unit=unit)
    assert found.mistakes == ()
    assert found.rows[0].output_cny == Decimal(cny)
    assert (found.rows[0].stated, found.rows[0].cell) == (text.strip(), "D2")


@pytest.mark.parametrize(
    "text",
    ["12,34.5", "1.234,5", "850亿元", "8.5e2", "850-", "约850", "1 234", "--", "(850)", "0x10", "1,2345", "∞", "٨٥٠"],
)
def test_what_is_ambiguous_is_no_number(text: str) -> None:
    if text == "٨٥٠":
        assert "is not a number" in refusal(output=text)
        return
    assert (
        refusal(output=text) == f"D2: {text!r} is not a number: write 1234.5 or 1,234.5, and the unit in its own column"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output": "85%"}, "D2: '85%' is a percentage: write an amount"),
        (
            {"output": Cell("", CellKind.OTHERWISE, "0.85", "85%")},
            (
                "D2: '85%' is shown, but 0.85 is stored: use a plain format, or say which is meant "
                "(--take shown, stored)"
            ),
        ),
        (
            {"output": Cell("", CellKind.NUMBER, "850.3", behind="万")},
            "D2: its number format shows '万', but the unit is '亿元': correct one of them",
        ),
        ({"output": "-3"}, "D2: -3 is negative: output cannot be below 0"),
        ({"output": "−3"}, "D2: −3 is negative: output cannot be below 0"),
        ({"output": ""}, "D2: Output is missing"),
        (
            {"output": Cell("", CellKind.FORMULA)},
            (
                "D2: a formula without a stored result: "
                "open and save the file in a spreadsheet program, or write the number"
            ),
        ),
        ({"output": Cell("", CellKind.ERROR, "#DIV/0!")}, "D2: the cell contains the error #DIV/0!"),
        ({"output": Cell("", CellKind.TRUTH, "TRUE")}, "D2: the cell is a truth value, TRUE"),
        ({"quarter": Cell("", CellKind.DATE, "2024-04-01")}, "B2: the cell is a date: write it as text"),
        ({"quarter": "2024-06"}, "B2: '2024-06' is not a quarter: write 2024-Q2 or 2024年第二季度"),
        ({"quarter": "2026-Q4"}, "B2: 2026-Q4 has not ended on 2026-11-25: only quarters that are over can be stated"),
        (
            {"basis": "全年"},
            ("C2: '全年' is not a basis: write 'quarter' (these three months) or 'cumulative' (since January)"),
        ),
        (
            {"unit": "千元"},
            ("E2: '千元' is not a unit of output: write 亿元 (100 million CNY), 万元 (10,000 CNY) or 元 (CNY)"),
        ),
        ({"unit": ""}, "E2: Unit is missing"),
        (
            {"unit": "万元"},
            "D2: 0.08503 亿元 is implausibly low (at least 3.121 亿元 for this cluster): is the unit 亿元?",
        ),
        ({"source": " "}, "F2: Source is missing"),
        ({"source": "a\x07b"}, "F2: the text contains invisible characters: type it again"),
        ({"source": "x" * 501}, "F2: the text is longer than 500 characters"),
        ({"cluster": "智能网联"}, "A2: there is no cluster '智能网联': did you mean 'Intelligent connected vehicles'?"),
        ({"cluster": "房地产"}, "A2: there is no cluster '房地产': choose one of the template's list"),
        (
            {"output": "8503000"},
            ("D2: 8503000 亿元 is implausibly high (at most 60000 亿元 for this cluster): is the unit 万元?"),
        ),
    ],
)
def test_each_mistake_names_its_cell_and_remedy(changes, words) -> None:
    changes = {key: Cell("", CellKind.EMPTY) if value == " " else value for key, value in changes.items()}
    assert refusal(**changes) == words


def test_the_same_in_chinese() -> None:
    assert one(output="85%").mistakes[0].text("zh") == "D2: “85%”是百分数：请填金额"
    assert one(cluster="智能网联").mistakes[0].text("zh") == "A2: 没有名为“智能网联”的产业集群：是否为“智能网联汽车”？"
    assert one(source="").mistakes[0].text("zh") == "F2: 缺少来源"


def test_a_quarter_may_be_stated_the_day_after_it_ends() -> None:
    assert read_outputs(sheet(HEADINGS, GOOD), plan(), date(2024, 7, 1)).mistakes == ()
    assert [each.code for each in read_outputs(sheet(HEADINGS, GOOD), plan(), date(2024, 6, 30)).mistakes] == [
        "future_quarter"
    ]


def test_a_cluster_without_a_base_may_be_as_small_as_it_is() -> None:
    assert one(cluster="细胞与基因", output="0.000000001").rows[0].output_cny == Decimal("0.1")
    assert one(cluster="细胞与基因", output="10000.01").mistakes[0].code == "implausible"
    assert one(output="3.12").mistakes[0].code == "too_small"


def test_the_unit_of_a_heading() -> None:
    headings = ("集群", "季度", "口径", "产值（万元）", "数据来源")
    row = ("新能源", "2024-Q2", "累计", "1507500", "统计局")
    assert read(headings, row).rows[0].output_cny == Decimal(15_075_000_000)
    both = ("集群", "季度", "口径", "产值(亿元)", "单位", "来源")
    assert read(both, GOOD).mistakes == ()
    clash = read(both, (*GOOD[:4], "万元", "统计局"))
    assert clash.mistakes[0].text("en") == "E2: the unit '万元' contradicts the heading's '亿元'"
    none = read(("集群", "季度", "口径", "产值", "来源"), row)
    assert [each.text("en") for each in none.mistakes] == [
        "D1: no unit is stated: add the column 'unit', or write '产值（亿元）'"
    ]
    assert read(("集群", "季度", "口径", "产值（千元）", "来源"), row).mistakes[0].code == "bad_unit"


def test_headings_are_found_below_a_title_and_told_when_wrong() -> None:
    assert read(("2024年产值填报表",), (), HEADINGS, GOOD).rows[0].cell == "D4"
    assert [each.code for each in read(("a", "b"), GOOD).mistakes] == ["no_heading"]
    assert [each.text("en") for each in read((*HEADINGS, "增速"), (*GOOD, "5")).mistakes] == [
        "G1: unknown column '增速': remove it, or use a heading of the template"
    ]
    assert [each.code for each in read((*HEADINGS, "产值"), (*GOOD, "5")).mistakes] == ["doubled_column"]
    assert [each.text("en") for each in read(HEADINGS[:5], GOOD[:5]).mistakes] == ["A1: the column 'Source' is missing"]
    assert [each.code for each in read(HEADINGS).mistakes] == ["no_rows"]
    assert [each.text("en") for each in read(HEADINGS, (*GOOD, "tail")).mistakes] == [
        "G2: 'tail' has no heading above it: remove it; in a CSV a text with a comma needs quotes"
    ]


def test_the_same_cluster_and_quarter_twice_whatever_its_name() -> None:
    found = read(HEADINGS, GOOD, ("Intelligent connected vehicles", "2024年第二季度", "累计", "x", "亿元", "s"))
    assert [each.text("en") for each in found.mistakes] == [
        "D3: 'x' is not a number: write 1234.5 or 1,234.5, and the unit in its own column",
        "A3: repeats A2: Intelligent connected vehicles 2024-Q2 may stand only once in a file",
    ]


@given(st.decimals(0, 99_999, places=6), st.sampled_from(["plain", "full", "separated"]))
def test_every_way_to_write_a_number_is_the_same_number(value: Decimal, way: str) -> None:
    text = f"{value:f}" if way != "separated" else f"{value:,f}"
    if way == "full":
        text = text.translate({ord("0") + digit: ord("０") + digit for digit in range(10)} | {ord("."): "．"})
    assert number(Cell("D2", CellKind.TEXT, text), Findings()) == value


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = read(HEADINGS, (text, text, text, text, text, text))
    assert found.rows == ()
    assert all(each.cell and each.zh and each.en for each in found.mistakes)
