"""`parkgrid bill` as people type it: from an empty database to a closed month, in both languages; mistakes in words."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_database.connection import Connection
from parkgrid_domain.tariff.bill import from_document
from parkgrid_domain.tariff.reader import examples
from tests.accounting.billing import (
    ACCOUNT,
    PARK,
    WRITTEN,
    at,
    correct,
    month_of_kw,
    new_park,
    register,
    store_intervals,
)

Run = Callable[..., Result]


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        new_park(opened)
        for month in ("2026-09", "2026-10"):
            number = opened.execute("SELECT register_id FROM registers").fetchone()
            store_intervals(opened, number[0] if number else register(opened, "m-1"), month_of_kw(400, month), month)
        yield opened


@pytest.fixture
def run(dsn: str, connection: Connection) -> Run:
    del connection

    def typed(*words: str) -> Result:
        return CliRunner().invoke(app, ["bill", *words], env={"PARKGRID_DSN": dsn, "NO_COLOR": "1"})

    return typed


@pytest.fixture
def supplied(run: Run) -> Run:
    assert run("plans", "load", "guangdong-2021-tou", "--by", "anna").exit_code == 0
    agreed = run(
        *("agree", ACCOUNT, "--park", PARK, "--plan", "guangdong-2021-tou", "--from", "2026-01-01", "--by", "anna"),
        *("--basis", "measured_demand", "--capacity-kva", "1000"),
    )
    assert agreed.exit_code == 0, agreed.output
    return run


def test_a_bill_in_chinese_and_english(supplied: Run) -> None:
    chinese = supplied("show", ACCOUNT, "2026-10")
    assert chinese.exit_code == 0, chinese.output
    # valley: 8 x 31 x 400 = 99,200 kWh x 0.228 = 22,617.60; demand 400 x 28.8
    for part in (
        "电度电费（低谷）",
        "99,200",
        "0.228",
        "22,617.60",
        "11,520.00",
        "合计",
        "最大需量 400 千瓦",
        "示例方案",
    ):
        assert part in chinese.output.replace("0.22800", "0.228"), part
    english = supplied("show", ACCOUNT, "2026-10", "--lang", "en").output
    for part in (
        "energy charge (valley)",
        "total",
        "maximum demand 400 kW at 2026-10-01 00:00",
        "not necessarily valid",
    ):
        assert part in english, part


def test_json_is_the_whole_bill(supplied: Run) -> None:
    document = json.loads(supplied("show", ACCOUNT, "2026-10", "--json").stdout)
    bill = from_document(document)
    assert Decimal(document["total_cny"]) == bill.total_cny == sum(line.amount_cny for line in bill.lines)
    assert document["lines"][0]["rule"]["plan_id"] == "guangdong-2021-tou"


def test_what_would_this_month_cost_under_another_plan(supplied: Run) -> None:
    supplied("plans", "load", "retail-curve-2026", "--by", "anna")
    output = supplied("show", ACCOUNT, "2026-10", "--compare", "retail-curve-2026", "--lang", "en").output
    rows = [line.split() for line in output.splitlines() if ACCOUNT in line]
    assert next(row[1] for row in rows) == "+0.00"
    totals = [Decimal(row[0].replace(",", "")) for row in rows]
    assert totals[1] - totals[0] == Decimal(rows[1][1])
    under = json.loads(supplied("show", ACCOUNT, "2026-10", "--plan", "retail-curve-2026", "--json").stdout)
    assert Decimal(under["total_cny"]) == totals[1]


def test_a_month_is_closed_revised_and_its_history_told(supplied: Run, connection: Connection) -> None:
    closed = supplied("close", ACCOUNT, "2026-10", "--by", "li", "--lang", "en")
    assert closed.exit_code == 0, closed.output
    assert "closed: revision 1" in closed.output
    again = supplied("close", ACCOUNT, "2026-10", "--by", "li")
    assert (again.exit_code, "closed already" in again.stderr) == (1, True)
    from parkgrid_accounting.bills.closings import follow

    [number] = connection.execute("SELECT register_id FROM registers").fetchone() or [0]
    correct(connection, number, at("2026-10-09T12:00"), 110_000, WRITTEN.replace(year=2027), "late data")
    follow(connection, WRITTEN)
    told = supplied("history", ACCOUNT, "2026-10", "--lang", "en").output
    assert "revision 2" in told
    assert "by parkgrid (1 intervals changed after closing" in told
    assert "energy charge (flat): 66960.00 -> 66966.00" in told
    assert len(json.loads(supplied("history", ACCOUNT, "2026-10", "--json").stdout)) == 2
    assert "66,960.00" in supplied("show", ACCOUNT, "2026-10", "--revision", "1").output
    assert "66,966.00" in supplied("show", ACCOUNT, "2026-10").output


def test_forecasts_and_prices_come_in(supplied: Run, tmp_path: Path) -> None:
    assert supplied("forecast", "2026-10-05", "35.5", "--source", "CCTV-1", "--by", "anna").exit_code == 0
    assert "高温日 1 天：2026-10-05" in supplied("show", ACCOUNT, "2026-10").output
    file = tmp_path / "prices.csv"
    file.write_text("at,price_cny_per_kwh\n2026-10-01T00:00+08:00,0.4\n2026-10-01T01:00+08:00,0.5\n")
    loaded = supplied("prices", "load", "guangdong-day-ahead", str(file), "--source", "exchange", "--by", "anna")
    assert loaded.output == "2 prices of guangdong-day-ahead\n"


def test_examples_can_be_listed_printed_and_checked(run: Run) -> None:
    assert [line.split()[0] for line in run("plans", "examples").output.splitlines()] == list(examples())
    assert run("plans", "examples", "spot-2026").output == examples()["spot-2026"]
    assert "is valid: spot" in run("plans", "check", "spot-2026").output
    run("plans", "load", "spot-2026", "--by", "anna")
    assert "spot-2026" in run("plans", "list").output
    assert "nothing to do" in run("plans", "load", "spot-2026", "--by", "anna").output


def test_every_mistake_of_a_plan_file_is_told_and_nothing_is_loaded(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(examples()["spot-2026"].replace("0.012", '"a"').replace("CNY", "USD"), "utf-8")
    for words in (("plans", "check", str(file)), ("plans", "load", str(file), "--by", "anna")):
        refused = run(*words)
        assert refused.exit_code == 2
        assert f"{file}: spot.margin_cny_per_kwh = 'a': must be a decimal number" in refused.stderr
        assert f"{file}: currency = 'USD'" in refused.stderr
    assert run("plans", "list").output == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", ACCOUNT, "2026-10"), "has no supply agreement for 2026-10"),
        (("show", ACCOUNT, "October"), "is not a period"),
        (("history", ACCOUNT, "2026-10"), "is not closed"),
        (("plans", "check", "/nowhere.toml"), "cannot be read: No such file"),
        (("forecast", "tomorrow", "35", "--source", "x", "--by", "a"), "'tomorrow' is not a day"),
        (("forecast", "2026-10-01", "warm", "--source", "x", "--by", "a"), "'warm' is not a number"),
        (("plans", "load", "spot-2026", "--by", " "), "name is missing: --by"),
        (("show", ACCOUNT, "2026-10", "--dsn", "postgresql://nobody@127.0.0.1:1/x"), "error: "),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run: Run, words: tuple[str, ...], told: str) -> None:
    refused = run(*words)
    assert refused.exit_code == 1
    assert told in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["agree", "show", "close", "history", "forecast", "plans load", "prices load"])
def test_help_teaches_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, ["bill", *command.split(), "--help"], env={"NO_COLOR": "1", "COLUMNS": "200"})
    assert f"parkgrid bill {command}" in shown.output.split("Usage:")[1].split("Options")[0].split("\n", 1)[1]
