"""Tables in five forms: the same numbers in each, no text that a spreadsheet runs, bounded pieces."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_api.http.exports import (
    FORMATS,
    ColumnKind,
    ExportColumn,
    Row,
    Table,
    accepted,
    guarded,
    to_arrow,
    to_csv,
    to_json,
    to_parquet,
    to_xlsx,
)

COLUMNS = (
    ExportColumn("device"),
    ExportColumn("at", ColumnKind.INSTANT),
    ExportColumn("samples", ColumnKind.WHOLE),
    ExportColumn("energy_kwh", ColumnKind.NUMBER, "kWh"),
    ExportColumn("amount_cny", ColumnKind.MONEY, "CNY", 2),
)
SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = int(datetime.fromisoformat("2026-11-23T08:00:00+08:00").timestamp() * 1000)
ROWS: list[Row] = [
    ("pv-1", AT, 900, 12.345, Decimal("1234.50")),
    ("储能 1 号", AT + 900_000, 0, -0.001, Decimal("-0.05")),
    ("x", AT + 1_800_000, None, None, None),
]
TABLE = Table("energies", COLUMNS, {"park": "gaoxin-nan"}, SHANGHAI)


def bytes_of(pieces: Iterator[bytes]) -> bytes:
    return b"".join(pieces)


def csv_rows(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))


def sheet_rows(body: bytes) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(body))
    (sheet,) = book.worksheets
    return list(sheet.iter_rows(values_only=True))


def test_json_has_the_head_the_rows_and_their_number() -> None:
    document = json.loads(bytes_of(to_json(TABLE, [ROWS[:2], [], ROWS[2:]])))
    assert document == {
        "park": "gaoxin-nan",
        "energies": [
            {"device": "pv-1", "at_ms": AT, "samples": 900, "energy_kwh": 12.345, "amount_cny": 1234.5},
            {"device": "储能 1 号", "at_ms": AT + 900_000, "samples": 0, "energy_kwh": -0.001, "amount_cny": -0.05},
            {"device": "x", "at_ms": AT + 1_800_000, "samples": None, "energy_kwh": None, "amount_cny": None},
        ],
        "rows": 3,
    }


@pytest.mark.parametrize("name", FORMATS)
def test_no_rows_are_a_table_too(name: str) -> None:
    body = bytes_of(FORMATS[name].encode(Table("energies", COLUMNS), []))
    match name:
        case "json":
            assert json.loads(body) == {"energies": [], "rows": 0}
        case "csv":
            assert csv_rows(body) == [["device", "at", "samples", "energy_kwh", "amount_cny"]]
        case "xlsx":
            assert len(sheet_rows(body)) == 1
        case "parquet":
            assert pq.read_table(io.BytesIO(body)).num_rows == 0
        case _:
            assert pa.ipc.open_stream(body).read_all().num_rows == 0


def test_csv_is_for_people_and_programs() -> None:
    body = bytes_of(to_csv(TABLE, [ROWS]))
    assert csv_rows(body) == [
        ["device", "at", "samples", "energy_kwh", "amount_cny"],
        ["pv-1", "2026-11-23T08:00:00+08:00", "900", "12.345", "1234.50"],
        ["储能 1 号", "2026-11-23T08:15:00+08:00", "0", "-0.001", "-0.05"],
        ["x", "2026-11-23T08:30:00+08:00", "", "", ""],
    ]
    assert not body.startswith(b"\xef\xbb\xbf")
    marked = bytes_of(to_csv(Table("energies", COLUMNS, bom=True), [ROWS]))
    assert marked.startswith(b"\xef\xbb\xbfdevice,")


def test_a_sheet_holds_numbers_and_local_times() -> None:
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(to_xlsx(TABLE, [ROWS]))))
    (sheet,) = book.worksheets
    assert sheet.title == "energies"
    assert sheet.freeze_panes == "A2"
    assert [cell.value for cell in sheet[1]] == [
        "device",
        "at (Asia/Shanghai)",
        "samples",
        "energy_kwh",
        "amount_cny",
    ]
    assert [cell.value for cell in sheet[2]] == ["pv-1", datetime(2026, 11, 23, 8), 900, 12.345, 1234.5]  # noqa: DTZ001
    assert [cell.number_format for cell in sheet[2]][3:] == ["#,##0.000", "#,##0.00"]
    assert [cell.value for cell in sheet[4]] == ["x", datetime(2026, 11, 23, 8, 30), None, None, None]  # noqa: DTZ001


@pytest.mark.parametrize(
    "table",
    [
        pq.read_table(io.BytesIO(b"".join(to_parquet(TABLE, [ROWS])))),
        pa.ipc.open_stream(b"".join(to_arrow(TABLE, [ROWS]))).read_all(),
    ],
    ids=["parquet", "arrow"],
)
def test_columns_carry_units_and_head(table: Any) -> None:
    assert table.to_pylist()[0] == {
        "device": "pv-1",
        "at": datetime.fromtimestamp(AT / 1000, SHANGHAI),
        "samples": 900,
        "energy_kwh": 12.345,
        "amount_cny": Decimal("1234.50"),
    }
    assert str(table.schema.field("at").type) == "timestamp[ms, tz=Asia/Shanghai]"
    assert table.schema.field("energy_kwh").metadata == {b"unit": b"kWh"}
    assert json.loads(table.schema.metadata[b"parkgrid"]) == {"park": "gaoxin-nan"}


HOSTILE = ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")']


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_formula(text: str) -> None:
    table = Table("t", (ExportColumn("cause"),))
    ((_,), (cell,)) = csv_rows(bytes_of(to_csv(table, [[(text,)]])))
    assert cell.startswith("'")
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(to_xlsx(table, [[(text,)]]))))
    told = book.worksheets[0]["A2"]
    assert told.data_type == "s"
    assert json.loads(bytes_of(to_json(table, [[(text,)]])))["t"] == [{"cause": text}]


def test_a_negative_number_is_no_formula() -> None:
    body = bytes_of(to_csv(Table("t", (ExportColumn("energy_kwh", ColumnKind.NUMBER),)), [[(-1.5,)]]))
    assert csv_rows(body)[1] == ["-1.5"]


def test_control_characters_do_not_break_a_sheet() -> None:
    body = bytes_of(to_xlsx(Table("t", (ExportColumn("cause"),)), [[("a\x00b\x1bc",)]]))
    assert sheet_rows(body)[1] == ("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c",)


@given(st.text(max_size=20))
def test_guarding_changes_only_what_is_dangerous(text: str) -> None:
    kept = guarded(text)
    assert kept in {text, f"'{text}"}
    assert kept is not None
    assert not kept.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(categories=("L", "N")), max_size=8),
            st.integers(946_684_800, 4_000_000_000).map(lambda second: second * 1000),
            st.none() | st.integers(-(2**53), 2**53),
            st.none() | st.integers(-(10**12), 10**12).map(lambda wh: wh / 1000),
            st.none() | st.decimals(-(10**9), 10**9, places=2),
        ),
        max_size=20,
    )
)
def test_every_form_carries_the_same(rows: list[Row]) -> None:
    bodies = {name: bytes_of(form.encode(TABLE, [rows])) for name, form in FORMATS.items()}
    told = json.loads(bodies["json"], parse_float=Decimal)["energies"]
    assert len(told) == len(rows)
    lines, cells = csv_rows(bodies["csv"])[1:], sheet_rows(bodies["xlsx"])[1:]
    kept = pq.read_table(io.BytesIO(bodies["parquet"])).to_pylist()
    assert pa.ipc.open_stream(bodies["arrow"]).read_all().to_pylist() == kept
    for row, member, line, cell, record in zip(rows, told, lines, cells, kept, strict=True):
        device, at_ms, samples, energy, amount = row
        assert record == {
            "device": device,
            "at": datetime.fromtimestamp(at_ms / 1000, SHANGHAI),
            "samples": samples,
            "energy_kwh": energy,
            "amount_cny": amount,
        }
        assert [member["samples"], member["amount_cny"]] == [samples, amount]
        assert line[2:] == ["" if value is None else str(value) for value in (samples, energy, amount)]
        assert line[3] == "" if energy is None else float(line[3]) == energy == float(member["energy_kwh"])
        assert cell[2] == (None if samples is None else pytest.approx(samples, rel=1e-15))
        assert cell[3] == (None if energy is None else pytest.approx(energy, rel=1e-15))
        assert cell[4] == (None if amount is None else pytest.approx(float(amount), rel=1e-15))
        assert int(datetime.fromisoformat(line[1]).timestamp() * 1000) == at_ms == member["at_ms"]


@pytest.mark.parametrize("name", ["json", "csv", "parquet", "arrow"])
def test_a_long_table_leaves_while_it_is_read(name: str) -> None:
    read = 0

    def batches() -> Iterator[list[Row]]:
        nonlocal read
        for _ in range(40):
            read += 1
            yield ROWS * 700

    pieces = FORMATS[name].encode(TABLE, batches())
    assert next(pieces)
    # 2,100 rows a batch: all send after the first, but Parquet after a row group of 65,536.
    assert read <= (33 if name == "parquet" else 2)
    assert max(map(len, pieces)) < 1_000_000
    assert read == 40


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("application/json;q=0.5, application/vnd.apache.parquet", "parquet"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("text/csv;q=0, application/json;q=0.1", "json"),
        ("TEXT/CSV; q=0.3", "csv"),
        ("*/*, text/csv", "csv"),
    ],
)
def test_the_form_that_a_client_prefers(header: str, name: str) -> None:
    form = accepted(header)
    assert form is not None
    assert form.name == name


@pytest.mark.parametrize("header", ["text/html", "image/*", "text/csv;q=0", "text/csv;q=x"])
def test_a_client_that_takes_none_of_them(header: str) -> None:
    assert accepted(header) is None
