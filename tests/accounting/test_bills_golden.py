"""The golden bill: two months with every component, to 0.01 CNY against formulas of a committed spreadsheet.

The intervals go through the database; the spreadsheet is evaluated without any of the engine's code. The third witness
are the sums that are written here.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from parkgrid_accounting.bills.bill import bill_of
from parkgrid_accounting.bills.closings import close_month, closed_bill
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan, state_forecast
from parkgrid_database.connection import Connection
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.plan import Basis
from tests.accounting.billing import ACCOUNT, AGREED, PARK, At, new_park, register, store_intervals
from tests.golden.bill.workbook import Workbook

GOLDEN = Path(__file__).parent.parent / "golden" / "bill"
MONTHS = ("2026-09", "2026-10")
COLUMNS = ("import_wh", "reactive_varh", "v2g_wh")


@pytest.fixture(scope="session")
def book() -> Workbook:
    return Workbook(GOLDEN / "two_months.xlsx")


@pytest.fixture(scope="session")
def intervals() -> list[dict[str, str]]:
    with (GOLDEN / "intervals.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def connection(dsn: str, intervals: list[dict[str, str]]) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        new_park(opened)
        registers = (
            register(opened, "m-1"),
            register(opened, "m-1", "reactive_energy_import_kvarh"),
            register(opened, "c-1", "energy_returned_kwh", device_class="charger"),
        )
        for number, column in zip(registers, COLUMNS, strict=True):
            for month in MONTHS:
                store_intervals(opened, number, *_column(intervals, column, month))
        load_plan(opened, (GOLDEN / "plan.toml").read_text("utf-8"), "plan.toml", "anna", At(AGREED))
        _agree(opened, "measured_demand", date(2026, 9, 1))
        _agree(opened, "contracted_demand", date(2026, 10, 1))
        for day in (12, 17):
            state_forecast(opened, "guangzhou", date(2026, 10, day), Decimal(35), "CCTV-1", "anna", At(AGREED))
        yield opened


def _agree(connection: Connection, basis: Basis, first: date) -> None:
    terms = Terms(ACCOUNT, PARK, basis, Decimal(1000), Decimal(450), Decimal("0.90"))
    agree(
        connection, Agreement(terms, "golden", first), "anna", At(AGREED if first.month == 9 else AGREED.replace(day=3))
    )


def _column(
    intervals: list[dict[str, str]], column: str, month: str
) -> tuple[NDArray[np.int64], str, NDArray[np.int8] | None]:
    rows = [row for row in intervals if row["at"].startswith(month)]
    values = np.array([int(row[column] or 0) for row in rows], np.int64)
    qualities = np.array([int(row["quality"]) for row in rows], np.int8)
    return values, month, qualities if column == "import_wh" else None


def test_the_spreadsheet_holds_the_intervals(book: Workbook, intervals: list[dict[str, str]]) -> None:
    rows = [row for month in ("09", "10") for row in book.rows(f"data-{month}")[1:]]
    assert len(rows) == len(intervals) == 61 * 96
    for row, given in zip(rows, intervals, strict=True):
        assert f"{row[0]}T{row[1]}+08:00" == given["at"]
        assert [str(cell) if cell is not None else "" for cell in row[3:7]] == [
            *(given[name] for name in COLUMNS),
            given["quality"],
        ]


@pytest.mark.parametrize("month", MONTHS)
def test_every_line_is_the_spreadsheet_s_to_the_cent(connection: Connection, book: Workbook, month: str) -> None:
    bill = bill_of(connection, ACCOUNT, month, clock=At())
    rows = book.rows(f"bill-{month[-2:]}")
    end = next(number for number, row in enumerate(rows) if row[0] == "total")
    expected = {row[0]: row[1:] for row in rows[1:end]}
    assert {line.code for line in bill.lines} == expected.keys()
    for line in bill.lines:
        quantity, price, amount = expected[line.code]
        assert (line.amount_cny, line.quantity, line.price) == (amount, quantity, price), line.code
    assert bill.total_cny == rows[end][3]
    assert not bill.provisional


@pytest.mark.parametrize(
    ("month", "total", "factor"), [("2026-09", "221018.00", "0.93"), ("2026-10", "138536.56", "0.86")]
)
def test_the_totals_are_what_they_were(connection: Connection, month: str, total: str, factor: str) -> None:
    bill = bill_of(connection, ACCOUNT, month, clock=At())
    assert (str(bill.total_cny), str(bill.power_factor)) == (total, factor)


def test_the_months_hold_what_they_are_meant_to(connection: Connection) -> None:
    september, october = (bill_of(connection, ACCOUNT, month, clock=At()) for month in MONTHS)
    assert "ratio" in september.line("basic_demand").inputs
    assert "ratio" not in october.line("basic_demand").inputs
    assert october.line("basic_excess").amount_cny > 0
    assert september.line("power_factor").amount_cny < 0 < october.line("power_factor").amount_cny
    for bill in (september, october):
        for line in bill.lines:
            assert line.amount_cny != 0, line.code
    assert {note.code for note in september.notes} == {"estimated_import", "simulated_data"}
    assert {note.code for note in october.notes} == {"missing_import", "hot_days", "forecast_missing", "simulated_data"}


def test_closed_and_kept_to_the_cent(connection: Connection, book: Workbook) -> None:
    close_month(connection, ACCOUNT, "2026-09", "li", clock=At(datetime(2026, 10, 1, 1, tzinfo=UTC)))
    total = next(row[3] for row in book.rows("bill-09") if row[0] == "total")
    assert closed_bill(connection, ACCOUNT, "2026-09").total_cny == total
