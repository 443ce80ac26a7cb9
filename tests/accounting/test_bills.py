"""Bills from stored intervals: which registers count, what has passed so far, many at once, under any plan."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import psycopg
import pytest

from parkgrid_accounting.bills import energy as bills_energy
from parkgrid_accounting.bills.bill import bill_of, bills_of, compare
from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.prices import load_prices, read_prices
from parkgrid_accounting.bills.supply import Agreement, agree, agreements, load_plan, plans, state_forecast
from parkgrid_contract.settings import SettingsError
from parkgrid_database.connection import Connection
from parkgrid_domain.tariff.bill import Bill, Terms
from parkgrid_domain.tariff.reader import examples
from tests.accounting.billing import (
    ACCOUNT,
    AFTER_MONTH,
    PARK,
    WRITTEN,
    At,
    agreed,
    at,
    month_of_kw,
    new_park,
    register,
    store_intervals,
)


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        new_park(opened)
        yield opened


@pytest.fixture
def metered(connection: Connection) -> Connection:
    """400 kW throughout October 2026 with 248 kvar."""
    store_intervals(connection, register(connection, "m-1"), month_of_kw(400))
    store_intervals(connection, register(connection, "m-1", "reactive_energy_import_kvarh"), month_of_kw(248))
    agreed(connection)
    return connection


def test_a_past_month_is_counted_whole(metered: Connection) -> None:
    bill = bill_of(metered, ACCOUNT, "2026-10", clock=At())
    # 31 days x 400 kW x (8 x 0.228 + 9 x 0.60 + 7 x 1.02) = 12,400 x 14.364 = 178,113.60
    energy = sum(line.amount_cny for line in bill.lines if line.code.startswith("energy."))
    assert energy == Decimal("178113.60")
    # 297,600 kWh / 1000 kVA = 297.6 >= 260: 400 x 32 x 0.9
    assert bill.line("basic_demand").amount_cny == Decimal("11520.00")
    # (178,113.60 + 11,520.00) x 2.5 % = 4,740.84
    assert bill.line("power_factor").amount_cny == Decimal("4740.84")
    # funds: 297,600 x 0.00196875 = 585.90; x 0.0062 = 1,845.12; x 0.019 = 5,654.40
    assert bill.total_cny == Decimal("178113.60") + Decimal("11520.00") + Decimal("4740.84") + Decimal("8085.42")
    assert (bill.coverage_pct, bill.provisional, bill.park) == (100, False, PARK)


def test_an_open_month_is_counted_so_far_and_says_where_its_peak_is(metered: Connection) -> None:
    metered.execute(
        "UPDATE base.interval_energy SET energy_wh = 150000 WHERE at = %s AND energy_wh = 100000",
        (at("2026-10-09T11:00"),),
    )
    # 10 October, 12:07 in Shanghai: 9 days and 48 quarter hours have passed
    bill = bill_of(metered, ACCOUNT, "2026-10", clock=At(datetime(2026, 10, 10, 4, 7, tzinfo=UTC)))
    assert bill.coverage["import"].expected == 9 * 96 + 48
    assert bill.coverage_pct == 100
    assert bill.energy_kwh == (9 * 96 + 48) * 100 + 50
    assert bill.peak is not None
    assert bill.peak.demand_kw == 600
    assert bill.peak.at_ms == at("2026-10-09T11:00").timestamp() * 1000
    # 91,250 kWh on 1000 kVA so far: no reduction yet, 600 x 32
    assert bill.peak.cost_cny == Decimal("19200.00")
    assert bill.provisional
    assert bill.blocks[0].code == "month_open"


def test_what_was_agreed_later_does_not_count_before(metered: Connection) -> None:
    with pytest.raises(BillError, match="no supply agreement for 2026-10"):
        bill_of(metered, ACCOUNT, "2026-10", clock=At(datetime(2026, 1, 1, tzinfo=UTC)))


def test_grid_meters_come_first_and_other_meters_only_without_them(connection: Connection) -> None:
    agreed(connection, basis="none", standard=None)
    store_intervals(connection, register(connection, "sub-1", device_class="meter"), month_of_kw(7))
    assert bill_of(connection, ACCOUNT, "2026-10", clock=At()).energy_kwh == 7 * 24 * 31
    store_intervals(connection, register(connection, "main", device_class="grid_meter"), month_of_kw(50))
    assert bill_of(connection, ACCOUNT, "2026-10", clock=At()).energy_kwh == 50 * 24 * 31


def test_other_accounts_and_other_months_do_not_count(metered: Connection) -> None:
    before = bill_of(metered, ACCOUNT, "2026-10", clock=At())
    store_intervals(metered, register(metered, "m-2", account="other"), month_of_kw(999))
    [number] = metered.execute("SELECT register_id FROM registers WHERE device = 'm-1' ORDER BY 1 LIMIT 1").fetchone()
    store_intervals(metered, number, month_of_kw(999, "2026-09"), "2026-09")
    assert bill_of(metered, ACCOUNT, "2026-10", clock=At()) == before


def test_v2g_of_the_account_s_chargers_is_paid(metered: Connection) -> None:
    values = np.zeros(31 * 96, np.int64)
    values[40] = 20_000  # 10:00 on the first: peak
    store_intervals(metered, register(metered, "c-1", "energy_returned_kwh", device_class="charger"), values)
    assert bill_of(metered, ACCOUNT, "2026-10", clock=At()).line("v2g.peak").amount_cny == Decimal("-15.40")


def test_an_hourly_register_counts_like_four_quarters(connection: Connection) -> None:
    agreed(connection, basis="measured_demand", standard=None)
    hourly = register(connection, "m-1", period_s=3600)
    store_intervals(connection, hourly, np.full(31 * 24, 400_000, np.int64), period_s=3600)
    bill = bill_of(connection, ACCOUNT, "2026-10", clock=At())
    assert sum(line.amount_cny for line in bill.lines if line.code.startswith("energy.")) == Decimal("178113.60")
    assert bill.peak is not None
    assert (bill.peak.demand_kw, bill.peak.window_s) == (400, 3600)
    assert bill.coverage["import"].known == 31 * 96


def test_missing_and_estimated_intervals_are_told(connection: Connection) -> None:
    agreed(connection, basis="none", standard=None)
    quality = np.ones(31 * 96, np.int8)
    quality[10:20], quality[50] = 0, 2
    store_intervals(connection, register(connection, "m-1"), month_of_kw(4), quality=quality)
    bill = bill_of(connection, ACCOUNT, "2026-10", clock=At())
    assert bill.coverage["import"].known == 31 * 96 - 10
    assert (bill.energy_kwh, bill.estimated_kwh) == (31 * 96 - 10, 1)
    # a slot without a row is missing as well as one whose row says so
    connection.execute("DELETE FROM base.interval_energy WHERE at = %s", (at("2026-10-20T00:00"),))
    assert bill_of(connection, ACCOUNT, "2026-10", clock=At()).coverage["import"].known == 31 * 96 - 11


@pytest.mark.parametrize("many_registers", [2, 50])
def test_many_bills_are_the_single_bills(
    metered: Connection, many_registers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bills_energy, "_MANY", many_registers)
    generator = np.random.default_rng(7)
    for number in range(5):
        account = f"acc-{number}"
        values = generator.integers(0, 100_000, 31 * 96)
        store_intervals(metered, register(metered, f"x-{number}", account=account), values)
        agreed(metered, account=account, plan_id=("guangdong-2021-tou", "retail-curve-2026")[number % 2], standard=None)
    accounts = [ACCOUNT, *(f"acc-{number}" for number in range(5)), "nobody"]
    many = bills_of(metered, accounts, "2026-10", clock=At())
    for account in accounts[:-1]:
        assert many[account] == bill_of(metered, account, "2026-10", clock=At())
    assert isinstance(many["nobody"], BillError)


def test_comparison_gives_the_bills_of_each_plan(metered: Connection) -> None:
    load_plan(metered, examples()["retail-curve-2026"], "r", "anna", At(WRITTEN))
    agreed_bill, other = compare(metered, ACCOUNT, "2026-10", ["retail-curve-2026", "guangdong-2021-tou"], At())
    assert agreed_bill == bill_of(metered, ACCOUNT, "2026-10", clock=At())
    assert other == bill_of(metered, ACCOUNT, "2026-10", "retail-curve-2026", At())
    assert other.plan_id == "retail-curve-2026"
    assert other.energy_kwh == agreed_bill.energy_kwh
    # 12,400 kWh at each hour's price: 12,400 x 13.02
    assert other.line("energy_curve").amount_cny == Decimal("161448.00")
    with pytest.raises(BillError, match="plan 'cheap' is not loaded"):
        compare(metered, ACCOUNT, "2026-10", ["cheap"], At())


def spot_file(first: float = 0.4) -> str:
    hours = [f"2026-10-{day:02}T{hour:02}:00+08:00,0.4" for day in range(1, 32) for hour in range(24)]
    hours[0] = hours[0].replace("0.4", str(first))
    return "at,price_cny_per_kwh\n" + "\n".join(hours) + "\n"


def test_market_prices_are_loaded_by_the_hour_and_the_latest_ones_hold(metered: Connection) -> None:
    load_plan(metered, examples()["spot-2026"], "s", "anna", At(WRITTEN))
    unpriced = bill_of(metered, ACCOUNT, "2026-10", "spot-2026", At())
    assert [note.code for note in unpriced.blocks] == ["price_missing"]
    load_prices(metered, "guangdong-day-ahead", read_prices(spot_file(), "p"), "exchange", "anna", At(WRITTEN))
    # 297,600 kWh x (0.4 + 0.012)
    first = bill_of(metered, ACCOUNT, "2026-10", "spot-2026", At()).line("energy_spot")
    assert first.amount_cny == Decimal("122611.20")
    later = datetime(2026, 11, 3, tzinfo=UTC)
    load_prices(metered, "guangdong-day-ahead", read_prices(spot_file(0.5), "p"), "exchange", "anna", At(later))
    # the first hour's 400 kWh cost 0.1 more
    corrected = bill_of(metered, ACCOUNT, "2026-10", "spot-2026", At()).line("energy_spot")
    assert corrected.amount_cny == first.amount_cny + 40
    before = bill_of(metered, ACCOUNT, "2026-10", "spot-2026", At(datetime(2026, 11, 2, tzinfo=UTC)))
    assert before.line("energy_spot") == first


def test_a_file_of_prices_is_refused_with_its_lines() -> None:
    text = "at,price_cny_per_kwh\n2026-10-01T00:00,0.4\n2026-10-01T00:15+08:00,dear\n2026-10-01T00:20+08:00,1\n1,2,3\n"
    with pytest.raises(BillError) as refused:
        read_prices(text, "p.csv")
    assert str(refused.value).splitlines() == [
        "p.csv: line 2: '2026-10-01T00:00' must have an offset and be a full quarter hour",
        "p.csv: line 3: 'dear' is not a price",
        "p.csv: line 4: '2026-10-01T00:20+08:00' must have an offset and be a full quarter hour",
        "p.csv: line 5: 3 columns instead of 2",
    ]
    for wrong in ("", "at;price\n", "at,price_cny_per_kwh\n2026-10-01T00:00+08:00,1\n"):
        with pytest.raises(BillError):
            read_prices(wrong, "p.csv")


def test_hot_days_follow_the_latest_forecast(metered: Connection) -> None:
    def sharp() -> Decimal:
        bill = bill_of(metered, ACCOUNT, "2026-10", clock=At())
        return sum((line.quantity for line in bill.lines if line.code == "energy.sharp"), Decimal(0))

    assert sharp() == 0
    state_forecast(metered, "guangzhou", date(2026, 10, 5), Decimal("35.5"), "CCTV-1", "anna", At(WRITTEN))
    assert sharp() == 3 * 400
    state_forecast(metered, "guangzhou", date(2026, 10, 5), Decimal(34), "CCTV-1", "anna", At(AFTER_MONTH))
    assert sharp() == 0


def test_the_newest_text_that_covers_the_month_holds(metered: Connection) -> None:
    text = examples()["guangdong-2021-tou"]
    dearer = text.replace("price_cny_per_kwh = 0.60", "price_cny_per_kwh = 0.70")
    next_year = dearer.replace("2021-10-01 #", "2027-01-01 #")
    load_plan(metered, next_year, "p", "anna", At(datetime(2026, 11, 3, tzinfo=UTC)))
    assert bill_of(metered, ACCOUNT, "2026-10", clock=At()).line("energy.flat").price == Decimal("0.60")
    _, new = load_plan(metered, dearer, "p", "anna", At(datetime(2026, 11, 2, tzinfo=UTC)))
    assert new
    assert bill_of(metered, ACCOUNT, "2026-10", clock=At()).line("energy.flat").price == Decimal("0.70")
    _, new = load_plan(metered, dearer, "p", "anna", At())
    assert not new
    assert len(plans(metered)) == 3


def test_a_wrong_plan_file_is_not_loaded(connection: Connection) -> None:
    with pytest.raises(SettingsError, match="peek"):
        load_plan(connection, examples()["guangdong-2021-tou"].replace("peak = 1.7", "peek = 1.7"), "p", "anna")
    assert plans(connection) == []


def test_a_later_agreement_takes_the_place_of_a_former_one_from_its_month(metered: Connection) -> None:
    terms = Terms(ACCOUNT, PARK, "capacity", Decimal(500))
    agree(
        metered,
        Agreement(terms, "guangdong-2021-tou", date(2026, 11, 1)),
        "anna",
        At(datetime(2026, 11, 2, tzinfo=UTC)),
    )
    assert bill_of(metered, ACCOUNT, "2026-10", clock=At()).terms.demand_basis == "measured_demand"
    november = bill_of(metered, ACCOUNT, "2026-11", clock=At())
    assert november.line("basic_capacity").amount_cny == Decimal("11500.00")
    assert [row[8] for row in agreements(metered, ACCOUNT)] == [date(2026, 1, 1), date(2026, 11, 1)]


def test_an_agreement_is_refused_with_everything_that_is_wrong(connection: Connection) -> None:
    terms = Terms(" ", "nowhere", "capacity", None, Decimal(-1), Decimal("0.7"))
    with pytest.raises(BillError) as refused:
        agree(connection, Agreement(terms, "none", date(2026, 1, 5), date(2026, 1, 2)), "anna")
    told = str(refused.value)
    for part in (
        "whole months",
        "ends on",
        "account is empty",
        "needs capacity_kva",
        "above 0",
        "0.7",
        "nowhere",
        "'none'",
    ):
        assert part in told, part
    assert agreements(connection) == []


def test_nobody_does_things_without_a_name(connection: Connection) -> None:
    with pytest.raises(BillError, match="--by"):
        load_plan(connection, examples()["spot-2026"], "p", " ")
    with pytest.raises(BillError, match="source"):
        state_forecast(connection, "guangzhou", date(2026, 10, 5), Decimal(35), "", "anna")
    with pytest.raises(BillError, match="not a forecast"):
        state_forecast(connection, "guangzhou", date(2026, 10, 5), Decimal(350), "x", "anna")


@pytest.mark.parametrize("month", ["2026", "2026-Q1", "2026-10-01", "October", "2026-13"])
def test_a_bill_is_for_a_month(connection: Connection, month: str) -> None:
    with pytest.raises(BillError, match="2026-1"):
        bill_of(connection, ACCOUNT, month)


def test_an_account_without_a_meter_has_a_bill_that_says_so(connection: Connection) -> None:
    agreed(connection)
    bill: Bill = bill_of(connection, ACCOUNT, "2026-10", clock=At())
    assert "no_register" in {note.code for note in bill.blocks}
    assert bill.energy_kwh == 0
