"""The registry by file: what comes back is what went in, every mistake has its cell, nothing is written by halves."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from openpyxl import Workbook, load_workbook

from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_domain.vpp.documents import Location, Operator, Phase
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, follow, write
from parkgrid_vpp.sheets.intake import Imported, examine, take_registry
from parkgrid_vpp.sheets.writing import write_registry, write_template
from tests.vpp.small_pilot import registry, rules

NOW = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
SHEETS = {
    "operators": "运营商 Operators",
    "locations": "位置 Locations",
    "resources": "资源 Resources",
    "meters": "计量 Meters",
    "contracts": "合同 Contracts",
    "contract_resources": "合同资源 Contract resources",
    "phases": "阶段 Phases",
}
ROWS: dict[str, list[list[Any]]] = {
    "operators": [["op-1", "一号", "One"]],
    "locations": [
        ["acc-1", "户", "0301", "tr-1", "declared", "", "park-a", ""],
        ["sta-1", "站 station", "Substation", "", "verified", "drawing 1", "", ""],
        ["tr-1", "Transformer", "T 1", "line-1", "已核实", "drawing 1", "", "1250.5"],
        ["line-1", "line", "Line", "sta-1", "verified", "drawing 1", "", ""],
    ],
    "resources": [
        ["load-1", "负荷", "Load", "park-a", "acc-1", "可中断负荷", "200", "0", "50", "30", "60", "0", "workday-5"]
    ],
    "meters": [
        ["load-1", "park-a/gw-1/site/energy_import_kwh", "加"],
        ["load-1", "park-a/gw-1/storage-1/energy_charged_kwh", "subtract"],
    ],
    "contracts": [["con-1", "op-1", "acc-1", "日前响应型", "2026-01-01", "", 30, "30", "70", "100", "0", "", ""]],
    "contract_resources": [["con-1", "load-1"]],
    "phases": [["load-1", "注册", "2026-05-01", ""], ["load-1", "documents", "2026-05-02", "complete"]],
}


@pytest.fixture
def connection(dsn: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        yield opened


def followed(connection: psycopg.Connection) -> Pilot:
    pilot = Pilot()
    follow(connection, pilot)
    return pilot


@cache
def template() -> bytes:
    """The template as it is written: the same for every test."""
    with TemporaryDirectory() as folder:
        write_template(Path(folder) / "template.xlsx")
        return (Path(folder) / "template.xlsx").read_bytes()


def filled(path: Path, rows: dict[str, list[list[Any]]]) -> Path:
    """The template with rows, as a person saves it."""
    book = load_workbook(BytesIO(template()))
    for name, each in rows.items():
        for number, row in enumerate(each, 2):
            for column, value in enumerate(row, 1):
                book[SHEETS[name]].cell(number, column).value = value
    book.save(path)
    return path


def changed(name: str, row: int, column: int, value: Any) -> dict[str, list[list[Any]]]:
    rows = {each: [list(row) for row in given] for each, given in ROWS.items()}
    rows[name][row][column] = value
    return rows


def take(connection: psycopg.Connection, path: Path, **more: Any) -> Imported:
    return take_registry(connection, path, "李伟", NOW, **more)


def test_a_filled_template_is_registered_in_any_order_of_rows(connection: psycopg.Connection, tmp_path: Path) -> None:
    file = filled(tmp_path / "r.xlsx", ROWS)
    dry = take(connection, file, dry=True)
    assert (dry.mistakes, dry.added, followed(connection).head) == ((), 9, None)
    done = take(connection, file)
    assert (done.mistakes, done.rows, done.added, done.changed, done.unchanged) == ((), 9, 9, 0, 0)
    pilot = followed(connection)
    assert pilot.locations["tr-1"] == Location("transformer", "T 1", "line-1", "verified", "drawing 1", None, 1_250_500)
    assert [(each.register[-18:], each.sign) for each in pilot.resources["load-1"].meter] == [
        ("/energy_import_kwh", 1),
        ("energy_charged_kwh", -1),
    ]
    assert pilot.contracts["con-1"].resources == ("load-1",)
    assert pilot.phases["load-1"][-1] == Phase("documents", date(2026, 5, 2), "complete")
    assert pilot.head is not None
    assert pilot.head.by == "李伟"
    again = take(connection, file)
    assert (again.rows, again.unchanged) == (9, 9)
    assert followed(connection).head == pilot.head


@pytest.mark.parametrize("name", ["export.xlsx", "export"])
def test_an_export_reads_back_to_nothing_new(connection: psycopg.Connection, tmp_path: Path, name: str) -> None:
    acts = [Act(subject, document) for subject, document in [*rules(), *registry()]]
    hostile = [
        Act(f"op-{place}", Operator(text, text))
        for place, text in enumerate(("=1+1", "+cmd|'x'!A1", "@a", "'=", "-1"), 5)
    ]
    head = write(connection, Pilot(), [*acts, *hostile], "the bureau", NOW)[-1]
    path = tmp_path / name
    rows = write_registry(path, followed(connection))
    taken = take(connection, path)
    # Registers and the resources of contracts have rows of their own.
    assert (taken.mistakes, taken.unchanged, rows) == ((), 24, 24 + 3 + 2)
    assert followed(connection).head == head


def test_no_cell_of_an_export_is_a_formula(connection: psycopg.Connection, tmp_path: Path) -> None:
    write(connection, Pilot(), [Act("op-1", Operator("=HYPERLINK(1)", "@SUM(1)"))], "x", NOW)
    write_registry(tmp_path / "e.xlsx", followed(connection))
    sheet = load_workbook(tmp_path / "e.xlsx")[SHEETS["operators"]]
    assert [(cell.value, cell.data_type) for cell in sheet[2]] == [
        ("op-1", "s"),
        ("=HYPERLINK(1)", "s"),
        ("@SUM(1)", "s"),
    ]
    write_registry(tmp_path / "folder", followed(connection))
    with (tmp_path / "folder" / "operators.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1] == ["op-1", "'=HYPERLINK(1)", "'@SUM(1)"]


def test_an_empty_template_says_nothing(tmp_path: Path) -> None:
    for name in ("t.xlsx", "t"):
        write_template(tmp_path / name)
        assert examine(Pilot(), tmp_path / name, "x", NOW) == ([], Imported(()))
    meaning = load_workbook(tmp_path / "t.xlsx")["说明 Meaning"]
    told = [cell.value for row in meaning for cell in row]
    assert "park/gateway/device/signal, such as park-a/gw-1/storage-1/energy_charged_kwh" in told
    assert "kW, at least 0, at most three decimal places" in (tmp_path / "t" / "meaning.txt").read_text("utf-8-sig")


WRONG = {
    "identifier": (
        ("operators", 0, 0, "Op 1"),
        "运营商 Operators!A2: 'Op 1' is not right: small letters,",
    ),
    "missing": (("operators", 0, 2, None), "运营商 Operators!C2: English name is missing"),
    "choice": (("locations", 2, 1, "substation"), "位置 Locations!B4: 'substation' is not right: level: station, line"),
    "power": (("resources", 0, 6, "0.0001"), "资源 Resources!G2: '0.0001' is not right: kW, at least 0"),
    "negative": (("resources", 0, 7, "-1"), "资源 Resources!H2: '-1' is not right: kW, at least 0"),
    "unit": (("resources", 0, 8, "50 kW"), "资源 Resources!I2: '50 kW' is not a number"),
    "percentage": (("contracts", 0, 7, "30%"), "合同 Contracts!H2: '30%' is a percentage"),
    "share": (("contracts", 0, 8, "60"), "合同 Contracts!I2: '60': the shares of payment are 30 and 60 per cent"),
    "day": (("contracts", 0, 4, "1.1.2026"), "合同 Contracts!E2: '1.1.2026' is not right: a day, as text, such as"),
    "date cell": (("contracts", 0, 4, date(2026, 1, 1)), "合同 Contracts!E2: the cell is a date: write it as text"),
    "register": (("meters", 1, 1, "storage-1"), "计量 Meters!B3: 'storage-1' is not right: park/gateway/device/signal"),
    "other park": (
        ("meters", 1, 1, "park-b/gw-1/m/energy_import_kwh"),
        "计量 Meters!B3: 'park-b/gw-1/m/energy_import_kwh': every register of `meter` belongs to the park park-a",
    ),
    "register twice": (
        ("meters", 1, 1, "park-a/gw-1/site/energy_import_kwh"),
        "计量 Meters!B3: repeats 计量 Meters!B2: park-a/gw-1/site/energy_import_kwh may stand only once in a file",
    ),
    "parent": (("locations", 0, 3, "line-1"), "位置 Locations!D2: 'line-1': an account lies under a transformer"),
    "unknown parent": (("locations", 3, 3, "sta-9"), "位置 Locations!D5: 'sta-9': the place sta-9 is not known"),
    "evidence": (("locations", 2, 5, None), "位置 Locations!F4: '': a verified place names the document"),
    "account": (("resources", 0, 4, "tr-1"), "资源 Resources!E2: 'tr-1': tr-1 is not a registered account"),
    "baseline": (("resources", 0, 12, "workday-6"), "资源 Resources!M2: 'workday-6': there is no baseline 'workday-6'"),
    "operator": (("contracts", 0, 1, "op-9"), "合同 Contracts!B2: 'op-9': the operator op-9 is not registered"),
    "resource of a contract": (
        ("contract_resources", 0, 1, "load-9"),
        "合同资源 Contract resources!B2: 'load-9': load-9 is not a resource of the account acc-1",
    ),
    "no such contract": (
        ("contract_resources", 0, 0, "con-9"),
        "合同资源 Contract resources!A2: 'con-9' has no row in the sheet '合同 Contracts'",
    ),
    "phase": (
        ("phases", 1, 1, "active"),
        "阶段 Phases!B3: 'active': load-1 is registered: next may be documents,",
    ),
    "back in time": (("phases", 1, 2, "2026-04-30"), "阶段 Phases!C3: '2026-04-30': load-1 has been registered since"),
    "control": (("operators", 0, 1, "a\u200bb"), "运营商 Operators!B2: the text contains invisible characters"),
    "long": (("phases", 1, 3, "x" * 501), "阶段 Phases!D3: the text is longer than 500 characters"),
    "formula": (("operators", 0, 1, "=1+1"), "运营商 Operators!B2: a formula without a stored result"),
    "heading": (("operators", -1, 3, "x"), "运营商 Operators!D2: 'x' has no heading above it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_with_its_cell(tmp_path: Path, name: str) -> None:
    (table, row, column, value), says = WRONG[name]
    rows = changed(table, row, column, value) if row >= 0 else ROWS | {table: [[*ROWS[table][0], value]]}
    acts, found = examine(Pilot(), filled(tmp_path / "r.xlsx", rows), "x", NOW)
    assert [each.text("en") for each in found.mistakes if each.text("en").startswith(says)]
    assert all("{" not in each.text("zh") for each in found.mistakes)
    assert acts == []


def test_all_mistakes_are_told_at_once_and_nothing_is_written(connection: psycopg.Connection, tmp_path: Path) -> None:
    rows = changed("operators", 0, 0, "Op 1")
    rows["resources"][0][6] = "many"
    rows["contracts"][0][4] = "soon"
    rows["locations"][2][7] = "-5"
    cells = {each.cell.partition("!")[2] for each in take(connection, filled(tmp_path / "r.xlsx", rows)).mistakes}
    assert {"A2", "G2", "E2", "H4"} <= cells
    assert followed(connection).head is None


def test_a_change_of_one_cell_writes_one_entry(connection: psycopg.Connection, tmp_path: Path) -> None:
    take(connection, filled(tmp_path / "r.xlsx", ROWS))
    before = followed(connection)
    rows = changed("resources", 0, 6, "250")
    # A resource without rows in Meters keeps its registers.
    rows["meters"] = []
    taken = take(connection, filled(tmp_path / "r.xlsx", rows))
    after = followed(connection)
    assert (taken.added, taken.changed, taken.unchanged) == (0, 1, 8)
    assert before.head is not None
    assert after.head is not None
    assert after.head.number == before.head.number + 1
    assert after.resources["load-1"].up_w == 250_000
    assert after.resources["load-1"].meter == before.resources["load-1"].meter


def many_rows(path: Path) -> Path:
    path.mkdir()
    (path / "operators.csv").write_text("id,name_zh,name_en\n" + "op-1,a,b\n" * 1_000_000)
    return path


def other_sheet(path: Path) -> Path:
    book = Workbook()
    book.worksheets[0].title = "Sheet1"
    book.worksheets[0].append(["id"])
    book.save(path)
    return path


def other_file(path: Path) -> Path:
    path.mkdir()
    (path / "operator.csv").write_text("id\n")
    return path


def text_file(path: Path) -> Path:
    path.write_bytes(b"id,name\n")
    return path


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("r", many_rows, "at most 500000 cells: delete some rows"),
        ("r.xlsx", other_sheet, "unknown sheet 'Sheet1'"),
        ("r", other_file, "unknown file 'operator.csv'"),
        ("r.pdf", text_file, "neither .xlsx nor a folder"),
        ("r.xlsx", text_file, "cannot be opened as .xlsx"),
    ],
)
def test_what_is_no_registry_is_refused_whole(
    tmp_path: Path, name: str, make: Callable[[Path], Path], says: str
) -> None:
    with pytest.raises(FileError, match=says):
        examine(Pilot(), make(tmp_path / name), "x", NOW)
