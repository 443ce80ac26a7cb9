"""Estimated and missing intervals all the way: stored interval, bill, closing, revision, report, trace, in words.

October 2026 on 1000 kVA, 400 kW and 248 kvar throughout, but on the 9th:

    02:00  valley   100 kWh   estimated
    11:00  peak     150 kWh   estimated: 600 kW, the maximum
    12:00  flat       –       missing
    02:00  reactive  62 kvarh estimated
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.bills import closings
from parkgrid_accounting.bills.bill import bill_of, compare
from parkgrid_accounting.bills.closings import close_month, closed_bill, follow, history
from parkgrid_accounting.bills.marks import marked
from parkgrid_accounting.bills.supply import load_plan
from parkgrid_accounting.bills.text import remarks
from parkgrid_accounting.trace.figure import trace
from parkgrid_database.connection import Connection
from parkgrid_domain.tariff.bill import Bill, document
from parkgrid_domain.tariff.reader import examples
from tests.accounting.billing import (
    ACCOUNT,
    AFTER_MONTH,
    AGREED,
    PARK,
    At,
    agreed,
    at,
    correct,
    month_of_kw,
    new_park,
    register,
    store_intervals,
)
from tests.accounting.printed import pages_of

LATER = AFTER_MONTH + timedelta(days=1)
TWO_O_CLOCK, ELEVEN, NOON = (at(f"2026-10-09T{hour}:00") for hour in ("02", "11", "12"))
PLACES = tuple(8 * 96 + 4 * hour for hour in (2, 11, 12))
LINES = {
    # 31 days x 8 h x 400 kW = 99,200 kWh x 0.228
    "energy.valley": ("22617.60", "估算 100 kWh（1 个时段）", "100 kWh estimated (1 quarter hours)"),
    # 31 x 7 x 400 + 50 = 86,850 x 1.02
    "energy.peak": ("88587.00", "估算 150 kWh（1 个时段）", "150 kWh estimated (1 quarter hours)"),
    # 31 x 9 x 400 - 100 = 111,500 x 0.60
    "energy.flat": ("66900.00", "缺 1 个时段，未计入", "1 quarter hours missing, not counted"),
    # 297,550 kWh on 1000 kVA are above 260: 600 x 32 x 0.9
    "basic_demand": (
        "17280.00",
        (
            "最大需量：出自估算时段，有效时段中最大 400 kW，另有 1 个时段缺失，其需量未知；"
            "用电量：估算 250 kWh（2 个时段），缺 1 个时段，未计入"
        ),
        (
            "maximum demand: from an estimated interval, highest of the good intervals 400 kW, 1 quarter hours are "
            "missing, their demand is not known; import: 250 kWh estimated (2 quarter hours), 1 quarter hours "
            "missing, not counted"
        ),
    ),
    # 297,550 / sqrt(297,550² + 184,512²) = 0.85: (22,617.60 + 88,587.00 + 66,900.00 + 17,280.00) x 2.5 %
    "power_factor": (
        "4884.62",
        (
            "用电量：估算 250 kWh（2 个时段），缺 1 个时段，未计入；无功电量：估算 62 kvarh（1 个时段）；"
            "最大需量：出自估算时段，有效时段中最大 400 kW，另有 1 个时段缺失，其需量未知"
        ),
        (
            "import: 250 kWh estimated (2 quarter hours), 1 quarter hours missing, not counted; reactive: 62 kvarh "
            "estimated (1 quarter hours); maximum demand: from an estimated interval, highest of the good intervals "
            "400 kW, 1 quarter hours are missing, their demand is not known"
        ),
    ),
}
# 195,384.60 + 4,884.62, and funds of 297,550 kWh: x 0.00196875 = 585.80, x 0.0062 = 1,844.81, x 0.019 = 5,653.45
TOTAL = Decimal("208353.28")


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        new_park(opened)
        yield opened


@pytest.fixture
def meter(connection: Connection) -> int:
    """The number of the import register of the month that is described above."""
    number = register(connection, "m-1")
    values, quality = month_of_kw(400), np.ones(31 * 96, np.int8)
    values[PLACES[1]] = 150_000
    quality[list(PLACES)] = 2, 2, 0
    store_intervals(connection, number, values, quality=quality)
    reactive = np.ones(31 * 96, np.int8)
    reactive[PLACES[0]] = 2
    store_intervals(
        connection, register(connection, "m-1", "reactive_energy_import_kvarh"), month_of_kw(248), quality=reactive
    )
    agreed(connection)
    return number


def closed(connection: Connection) -> Bill:
    return close_month(connection, ACCOUNT, "2026-10", "li", clock=At())


@pytest.mark.usefixtures("meter")
def test_every_line_says_what_it_rests_on_in_both_languages(connection: Connection) -> None:
    bill = bill_of(connection, ACCOUNT, "2026-10", clock=At())
    assert bill.total_cny == TOTAL
    for code, (amount, chinese, english) in LINES.items():
        line = bill.line(code)
        told = (marked(line.marks, bill.peak, "zh"), marked(line.marks, bill.peak, "en"))
        assert (str(line.amount_cny), *told) == (amount, chinese, english), code
    below = {language: "\n".join(remarks(bill, language)) for language in ("zh", "en")}
    assert (
        "最大需量 600 千瓦，2026-10-09 11:00（15 分钟平均），相应电费 17,280.00 元；出自估算时段；"
        "有效时段中最大 400 千瓦，2026-10-01 00:00，相应电费 11,520.00 元；另有 1 个时段缺失，其需量未知"
    ) in below["zh"]
    assert (
        "maximum demand 600 kW at 2026-10-09 11:00 (mean of 15 minutes), costs 17,280.00 CNY; from an estimated "
        "interval; highest of the good intervals 400 kW at 2026-10-01 00:00, costs 11,520.00 CNY; 1 quarter hours are "
        "missing, their demand is not known"
    ) in below["en"]


@pytest.mark.usefixtures("meter")
def test_the_marks_are_closed_with_the_month_and_a_revision_has_its_own(connection: Connection, meter: int) -> None:
    first = closed(connection)
    assert closed_bill(connection, ACCOUNT, "2026-10") == first
    # Readings come: the energy of 02:00 was guessed right, that of 11:00 was 110 kWh, noon 100.
    for instant, energy_wh in ((TWO_O_CLOCK, 100_000), (ELEVEN, 110_000), (NOON, 100_000)):
        correct(connection, meter, instant, energy_wh, LATER, "late data")
    [second] = follow(connection, LATER, At(LATER))
    assert second.line("energy.valley").amount_cny == first.line("energy.valley").amount_cny
    assert [second.line(code).marks for code in ("energy.valley", "energy.peak", "energy.flat", "basic_demand")] == [
        *((), (), (), ())
    ]
    assert second.peak is not None
    assert (second.peak.demand_kw, second.peak.estimated, second.peak.missing) == (440, False, 0)
    # 440 x 28.8
    assert second.line("basic_demand").amount_cny == Decimal("12672.00")
    kept = [each.bill for each in history(connection, ACCOUNT, "2026-10")]
    assert [each.estimated_kwh for each in kept] == [250, 0]
    assert kept[0].line("energy.peak").marks == first.line("energy.peak").marks != ()


@pytest.mark.usefixtures("meter")
def test_an_estimate_that_proves_right_makes_a_revision_that_says_so(connection: Connection, meter: int) -> None:
    closed(connection)
    correct(connection, meter, TWO_O_CLOCK, 100_000, LATER, "late data")
    [second] = follow(connection, LATER, At(LATER))
    assert second.total_cny == TOTAL
    assert second.line("energy.valley").marks == ()


@pytest.mark.usefixtures("meter")
def test_a_month_closed_before_marks_were_kept_says_that_it_does_not_know(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_it_was(bill: Bill) -> dict[str, Any]:
        told = document(bill)
        lines = [{name: value for name, value in line.items() if name != "marks"} for line in told["lines"]]
        return {name: value for name, value in told.items() if name != "marks"} | {"lines": lines}

    with monkeypatch.context() as patch:
        patch.setattr(closings, "document", as_it_was)
        closed(connection)
    bill = closed_bill(connection, ACCOUNT, "2026-10")
    assert {marked(line.marks, bill.peak, "en") for line in bill.lines} == {"not recorded"}
    assert bill.total_cny == TOTAL


@pytest.mark.usefixtures("meter")
def test_another_plan_s_bill_carries_the_same_marks(connection: Connection) -> None:
    load_plan(connection, examples()["retail-curve-2026"], "retail", "anna", At(AGREED))
    other = compare(connection, ACCOUNT, "2026-10", ["retail-curve-2026"], At())[1]
    assert marked(other.line("energy_curve").marks, other.peak, "en") == (
        "250 kWh estimated (2 quarter hours), 1 quarter hours missing, not counted"
    )


@pytest.mark.usefixtures("meter")
def test_the_command_prints_the_marks_on_the_lines(connection: Connection, dsn: str, meter: int) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["bill", *words], env={"PARKGRID_DSN": dsn, "NO_COLOR": "1"})
        assert done.exit_code == 0, done.output
        return done.output

    english = run("show", ACCOUNT, "2026-10", "--lang", "en")
    assert "estimated, missing" in english
    row = next(line for line in english.splitlines() if "energy charge (peak)" in line)
    assert "88,587.00" in row
    assert "150 kWh estimated" in row
    assert "估算 150 kWh" in run("show", ACCOUNT, "2026-10")
    shown = json.loads(run("show", ACCOUNT, "2026-10", "--json"))
    peak = next(line for line in shown["lines"] if line["code"] == "energy.peak")
    assert peak["marks"] == [
        {"of": "import", "unit": "kWh", "estimated": "150", "estimated_intervals": 1, "missing_intervals": 0}
    ]
    assert (shown["peak"]["estimated"], shown["peak"]["good_kw"]) == (True, "400")
    run("close", ACCOUNT, "2026-10", "--by", "li")
    correct(connection, meter, TWO_O_CLOCK, 100_000, LATER, "late data")
    follow(connection, LATER, At(LATER))
    told = run("history", ACCOUNT, "2026-10", "--lang", "en")
    assert "energy charge (valley): 22617.60 [all good]" in told
    assert "energy charge (peak)" not in told


@pytest.mark.usefixtures("meter")
def test_a_clean_month_prints_no_column_of_marks(connection: Connection, dsn: str) -> None:
    connection.execute("UPDATE base.interval_energy SET quality = 1, energy_wh = coalesce(energy_wh, 100000)")
    done = CliRunner().invoke(
        app, ["bill", "show", ACCOUNT, "2026-10", "--lang", "en"], env={"PARKGRID_DSN": dsn, "NO_COLOR": "1"}
    )
    assert done.exit_code == 0, done.output
    assert "estimated, missing" not in done.output
    assert PARK not in done.output


@pytest.mark.usefixtures("meter")
def test_a_report_says_on_the_line_what_it_rests_on(dsn: str, tmp_path: Path) -> None:
    def written(name: str, language: str) -> Path:
        words = ("report", "month", PARK, "2026-10", "--out", str(tmp_path / name), "--dsn", dsn, "--lang", language)
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        return tmp_path / name

    remarks = {
        "zh": "出自估算时段；有效时段中最大 400 kW",
        "en": "from an estimated interval; highest good one 400 kW",
    }
    for language, place in (("zh", 1), ("en", 2)):
        text = written(f"{language}.csv", language).read_text("utf-8-sig")
        rows = {row[-1].rpartition("/")[2]: row for row in csv.reader(io.StringIO(text)) if row}
        [demand] = [row for row in csv.reader(io.StringIO(text)) if row and "/maximum_demand_kw/" in row[-1]]
        assert (float(demand[1]), demand[5]) == (600, remarks[language])
        for code, told in LINES.items():
            assert (rows[code][5], rows[code][6]) == (told[0], told[place])
        # The month rests on all of it: the total says so too.
        assert rows["total"][6] == LINES["power_factor"][place]
    sheet = openpyxl.load_workbook(written("en.xlsx", "en"))["Bills 2026-10"]
    cells = {row[8].rpartition("/")[2]: row for row in sheet.iter_rows(min_row=4, values_only=True) if row[8]}
    assert (cells["energy.peak"][5], cells["energy.peak"][6]) == (88_587, "150 kWh estimated (1 quarter hours)")
    pages = "".join(pages_of(written("zh.pdf", "zh")))
    for told in ("估算150kWh（1个时段）", "有效时段中最大400kW"):
        assert told in pages


@pytest.mark.usefixtures("meter")
def test_a_trace_says_when_the_readings_give_other_marks(connection: Connection) -> None:
    found = trace(connection, f"bill/{PARK}/{ACCOUNT}/2026-10/energy.peak", At().now_ms())
    assert found.details["marks_en"] == "150 kWh estimated (1 quarter hours)"
    assert found.details["marks_zh"] == "估算 150 kWh（1 个时段）"
    # There is no reading at all behind the intervals of this test: 31 days x 28 quarter hours are missing.
    assert "the inputs of the line are: 868 quarter hours missing, not counted" in found.notes[1]
