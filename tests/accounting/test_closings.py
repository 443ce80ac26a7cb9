"""Closed months: nothing alters them; late data make a revision with its cause; every revision stays readable."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from parkgrid_accounting.bills import closings
from parkgrid_accounting.bills.bill import bill_of, bills_of
from parkgrid_accounting.bills.closings import close_month, closed_bill, current_bill, follow, history, reopen_touched
from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan, state_forecast
from parkgrid_accounting.report.month import park_report
from parkgrid_database.connection import Connection
from parkgrid_domain.period import period
from parkgrid_domain.tariff import power_factor
from parkgrid_domain.tariff.bill import Bill, Terms
from parkgrid_domain.tariff.reader import examples
from tests.accounting.billing import (
    ACCOUNT,
    AFTER_MONTH,
    IMPORT,
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

LATER = AFTER_MONTH + timedelta(days=1)
FLAT_NOON = at("2026-10-09T12:00")


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        new_park(opened)
        yield opened


@pytest.fixture
def meter(connection: Connection) -> int:
    """400 kW throughout October 2026 with 248 kvar; the number of the import register."""
    number = register(connection, "m-1")
    store_intervals(connection, number, month_of_kw(400))
    store_intervals(connection, register(connection, "m-1", "reactive_energy_import_kvarh"), month_of_kw(248))
    agreed(connection)
    return number


def closed(connection: Connection, account: str = ACCOUNT) -> Bill:
    return close_month(connection, account, "2026-10", "li", clock=At())


@pytest.mark.usefixtures("meter")
def test_a_closed_month_is_kept_as_it_was(connection: Connection) -> None:
    before = bill_of(connection, ACCOUNT, "2026-10", clock=At())
    bill = closed(connection)
    assert replace(bill, closing=None) == before
    assert bill.closing is not None
    assert (bill.closing.revision, bill.closing.closed_by, bill.closing.reason) == (1, "li", "month closed")
    assert closed_bill(connection, ACCOUNT, "2026-10") == bill
    assert current_bill(connection, ACCOUNT, "2026-10") == bill
    [row] = connection.execute("SELECT total_cny, current, plan_text FROM bill_closings").fetchall()
    assert row == (bill.total_cny, True, examples()["guangdong-2021-tou"])


@pytest.mark.usefixtures("meter")
def test_no_rule_that_changes_later_alters_a_closed_month(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = closed(connection)
    dearer = examples()["guangdong-2021-tou"].replace("price_cny_per_kwh = 0.60", "price_cny_per_kwh = 0.90")
    load_plan(connection, dearer, "p", "anna", At(LATER))
    agree(connection, Agreement(Terms(ACCOUNT, PARK, "none"), "guangdong-2021-tou", date(2026, 1, 1)), "a", At(LATER))
    state_forecast(connection, "guangzhou", date(2026, 10, 5), Decimal(36), "CCTV-1", "anna", At(LATER))
    monkeypatch.setattr(
        power_factor, "packaged", lambda: power_factor.table("valid_from=2027-01-01\nsource='x'\nstandard=[]")
    )
    assert follow(connection, datetime(2000, 1, 1, tzinfo=UTC), At(LATER)) == []
    assert closed_bill(connection, ACCOUNT, "2026-10") == bill
    assert len(history(connection, ACCOUNT, "2026-10")) == 1
    assert bill_of(connection, ACCOUNT, "2026-10", clock=At(LATER)).total_cny != bill.total_cny


def test_late_data_make_a_revision_under_the_rules_of_the_closing(
    connection: Connection, meter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = closed(connection)
    dearer = examples()["guangdong-2021-tou"].replace("price_cny_per_kwh = 0.60", "price_cny_per_kwh = 0.90")
    load_plan(connection, dearer, "p", "anna", At(LATER))
    agree(connection, Agreement(Terms(ACCOUNT, PARK, "none"), "guangdong-2021-tou", date(2026, 1, 1)), "a", At(LATER))
    state_forecast(connection, "guangzhou", date(2026, 10, 9), Decimal(36), "CCTV-1", "anna", At(LATER))
    other_table = power_factor.packaged().text.replace("at_least = 0.95, pct = -0.75", "at_least = 0.86, pct = -9")
    monkeypatch.setattr(power_factor, "packaged", lambda: power_factor.table(other_table))

    correct(connection, meter, FLAT_NOON, 110_000, LATER, "late data")
    [second] = follow(connection, LATER, At(LATER))

    # 10 kWh more in the flat band: 6.00 CNY; demand 440 kW instead of 400: 40 x 32 x 0.9 = 1,152.00
    assert second.line("energy.flat").amount_cny == first.line("energy.flat").amount_cny + 6
    assert second.line("basic_demand").amount_cny == Decimal("12672.00")
    # (178,113.60 + 6.00 + 12,672.00) x 2.5 % = 4,769.79
    assert second.line("power_factor").amount_cny == Decimal("4769.79")
    assert second.plan_version == first.plan_version
    assert second.closing is not None
    assert (second.closing.revision, second.closing.closed_by) == (2, "parkgrid")
    assert second.closing.reason == (
        "1 intervals changed after closing, 2026-10-09 12:00 – 2026-10-09 12:00 (late data)"
    )
    # the former one is still there, word for word
    assert closed_bill(connection, ACCOUNT, "2026-10", 1) == first
    assert closed_bill(connection, ACCOUNT, "2026-10") == second
    assert [each.bill for each in history(connection, ACCOUNT, "2026-10")] == [first, second]
    # the same change makes no third revision
    assert follow(connection, LATER, At(LATER)) == []
    assert reopen_touched(connection, LATER + timedelta(days=1), At(LATER)) == []


def test_only_the_touched_month_of_the_touched_account_is_revised(connection: Connection, meter: int) -> None:
    store_intervals(connection, meter, month_of_kw(400, "2026-09"), "2026-09")
    september = register(connection, "m-1", "reactive_energy_export_kvarh")
    store_intervals(connection, september, month_of_kw(1), "2026-10")
    store_intervals(connection, september, month_of_kw(1, "2026-09"), "2026-09")
    [reactive] = connection.execute(
        "SELECT register_id FROM registers WHERE signal = 'reactive_energy_import_kvarh'"
    ).fetchone() or [0]
    store_intervals(connection, reactive, month_of_kw(100, "2026-09"), "2026-09")
    store_intervals(connection, register(connection, "m-2", account="other"), month_of_kw(10))
    agreed(connection, account="other", standard=None)
    close_month(connection, ACCOUNT, "2026-09", "li", clock=At())
    closed(connection)
    closed(connection, "other")
    rest = "SELECT * FROM base.bill_closing WHERE (account, month) <> (%s, '2026-10') ORDER BY account, month"
    before = connection.execute(rest, (ACCOUNT,)).fetchall()
    correct(connection, meter, at("2026-10-31T23:45"), 1, LATER, "late data")
    assert [(bill.account, bill.month) for bill in follow(connection, LATER, At(LATER))] == [(ACCOUNT, "2026-10")]
    assert connection.execute(rest, (ACCOUNT,)).fetchall() == before
    # the last quarter hour of September belongs to September
    correct(connection, meter, at("2026-09-30T23:45"), 1, LATER, "late data")
    assert [(bill.account, bill.month) for bill in follow(connection, LATER, At(LATER))] == [(ACCOUNT, "2026-09")]


def test_what_another_park_calls_its_account_is_in_no_bill_of_this_one(connection: Connection, meter: int) -> None:
    before = closed(connection)
    new_park(connection, "elsewhere")
    for device_class, signal in (("grid_meter", IMPORT), ("pv_inverter", "energy_generated_kwh")):
        store_intervals(
            connection, register(connection, "m-1", signal, device_class=device_class, park="elsewhere"), month_of_kw(9)
        )
    correct(connection, register(connection, "m-9", park="elsewhere"), at("2026-10-31T23:45"), 1, LATER, "late data")
    connection.execute("UPDATE base.interval_energy SET changed_at = %s WHERE register_id <> %s", (LATER, meter))
    assert follow(connection, LATER, At(LATER)) == []
    assert closings.history(connection, ACCOUNT, "2026-10")[-1].bill == before
    assert bill_of(connection, ACCOUNT, "2026-10", clock=At()).total_cny == before.total_cny
    assert bills_of(connection, [ACCOUNT], "2026-10", At())[ACCOUNT] == bill_of(
        connection, ACCOUNT, "2026-10", clock=At()
    )


@pytest.mark.usefixtures("meter")
def test_the_report_of_another_park_has_no_bill_of_an_account_that_is_not_its_own(connection: Connection) -> None:
    new_park(connection, "elsewhere")
    store_intervals(connection, register(connection, "m-1", park="elsewhere"), month_of_kw(9))
    wanted = {PARK: True, "elsewhere": False}
    for park, has in wanted.items():
        report = park_report(connection, park, period("2026-10"), "en", round(LATER.timestamp() * 1000))
        [bills] = [section for section in report.sections if "2026-10" in section.title]
        assert (len(bills.rows) > 0) is has
        assert any(f"it is supplied in {PARK}" in note for note in bills.notes) is not has


def test_an_interval_that_comes_to_the_same_makes_no_revision(connection: Connection, meter: int) -> None:
    closed(connection)
    correct(connection, meter, FLAT_NOON, 100_000, LATER, "counted again")
    assert follow(connection, LATER, At(LATER)) == []


def test_nothing_is_missed_by_a_process_that_ends_in_between(connection: Connection, meter: int) -> None:
    assert reopen_touched(connection, LATER) == []
    closed(connection)
    correct(connection, meter, FLAT_NOON, 1, LATER, "late data")
    assert len(reopen_touched(connection, LATER, At(LATER))) == 1
    assert reopen_touched(connection, LATER + timedelta(hours=1), At(LATER)) == []
    # stamped before the last look, committed after it
    correct(connection, meter, FLAT_NOON, 2, LATER + timedelta(minutes=50), "later data")
    [third] = reopen_touched(connection, LATER + timedelta(days=9), At(LATER))
    assert third.closing is not None
    assert third.closing.revision == 3
    # what is older was looked at
    correct(connection, meter, FLAT_NOON, 3, LATER + timedelta(days=8), "never passed on")
    assert reopen_touched(connection, LATER + timedelta(days=10), At(LATER)) == []


@pytest.mark.usefixtures("meter")
def test_while_nothing_is_closed_following_is_one_question(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = closings.statement
    monkeypatch.setattr(closings, "statement", lambda name: (asked.append(name), real(name))[1])
    assert follow(connection, datetime(2000, 1, 1, tzinfo=UTC)) == []
    assert asked == ["any_closing"]


@pytest.mark.usefixtures("meter")
def test_closing_again_needs_a_reason_and_a_difference(connection: Connection) -> None:
    closed(connection)
    with pytest.raises(BillError, match=r"closed already \(revision 1 by li\)"):
        closed(connection)
    with pytest.raises(BillError, match="would change nothing"):
        close_month(connection, ACCOUNT, "2026-10", "li", "again", At())
    state_forecast(connection, "guangzhou", date(2026, 10, 5), Decimal(36), "CCTV-1", "anna", At())
    bill = close_month(connection, ACCOUNT, "2026-10", "li", "the forecast of the 5th was missing", At(LATER))
    assert bill.closing is not None
    assert bill.closing.revision == 2
    assert bill.line("energy.sharp").quantity == 1200
    assert closed_bill(connection, ACCOUNT, "2026-10", 1).closing is not None


def test_a_month_that_is_open_or_incomplete_is_not_closed(connection: Connection, meter: int) -> None:
    with pytest.raises(BillError, match="2026-10 cannot be closed:\nThe month is not over"):
        close_month(connection, ACCOUNT, "2026-10", "li", clock=At(at("2026-10-31T23:59")))
    connection.execute(
        "UPDATE base.interval_energy SET energy_wh = NULL, quality = 0 WHERE register_id = %s AND at >= %s AND at < %s",
        (meter, at("2026-10-03T00:00"), at("2026-10-03T08:00")),
    )
    # 32 of 2976 are missing: 98.92 %
    with pytest.raises(BillError, match=r"32 quarter hours are missing, coverage 98\.92 % \(minimum 99 %\)"):
        closed(connection)
    with pytest.raises(BillError, match="--by"):
        close_month(connection, ACCOUNT, "2026-10", " ", clock=At())
    assert history(connection, ACCOUNT, "2026-10") == []


@pytest.mark.usefixtures("meter")
def test_what_is_not_closed_is_told(connection: Connection) -> None:
    with pytest.raises(BillError, match="is not closed"):
        closed_bill(connection, ACCOUNT, "2026-10")
    closed(connection)
    with pytest.raises(BillError, match="in revision 2"):
        closed_bill(connection, ACCOUNT, "2026-10", 2)
    assert current_bill(connection, ACCOUNT, "2026-09", At()).closing is None


@pytest.mark.usefixtures("meter")
@pytest.mark.parametrize("change", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_nobody_can_change_what_was_closed(connection: Connection, change: str) -> None:
    closed(connection)
    with pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
        connection.execute(change.format("base.bill_closing"))


@pytest.mark.parametrize("table", ["tariff_plan", "supply_agreement", "heat_forecast", "spot_price", "rule_text"])
def test_what_was_stated_stays(connection: Connection, table: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
        connection.execute(f"DELETE FROM base.{table}")


@pytest.mark.usefixtures("meter")
@pytest.mark.parametrize("group", ["parkgrid_api", "parkgrid_grafana"])
def test_readers_see_the_views_and_nothing_else(connection: Connection, group: str) -> None:
    closed(connection)
    connection.execute(f"SET ROLE {group}")
    for view in ("tariff_plans", "supply_agreements", "heat_forecasts", "spot_prices", "bill_closings", "rule_texts"):
        connection.execute(f"SELECT * FROM {view}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM base.bill_closing")
    connection.execute("RESET ROLE")


def test_the_login_of_accounting_can_bill_close_and_follow(dsn: str, connection: Connection, meter: int) -> None:
    name = f"parkgrid_test_login_{uuid4().hex[:8]}"
    connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' IN ROLE parkgrid_accounting")
    try:
        with psycopg.connect(psycopg.conninfo.make_conninfo(dsn, user=name, password=name), autocommit=True) as login:
            closed(login)
            correct(connection, meter, FLAT_NOON, 1, LATER, "late data")
            assert len(follow(login, LATER, At(LATER))) == 1
    finally:
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")
