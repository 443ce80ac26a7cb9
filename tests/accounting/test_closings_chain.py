"""Readings seven days late, from the store through metering into a closed month: one revision, to the cent."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg

from parkgrid_accounting.bills.closings import close_month, closed_bill, history, reopen_touched
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import MeteringPoint
from parkgrid_contract.time import to_ms
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import examples
from tests.accounting.billing import At
from tests.metering.park import PARK, Metering

HOUR = timedelta(hours=1)
FEBRUARY = datetime(2026, 1, 31, 16, tzinfo=UTC)
"""Midnight of 1 February in Shanghai."""
CLOSED = datetime(2026, 3, 2, tzinfo=UTC)
LATE = datetime(2026, 3, 9, tzinfo=UTC)
GAP = (datetime(2026, 2, 10, 0, tzinfo=UTC), datetime(2026, 2, 10, 1, tzinfo=UTC))
"""08:00 and 09:00 on the 10th in Shanghai."""


def reading(number: int, at: datetime) -> tuple[int, int, dict[str, int]]:
    """100 kWh an hour; what flowed from 07:00 to 10:00 on the 10th all flowed in the first hour."""
    hours = (at - FEBRUARY) // HOUR
    kwh = hours * 100 + (200 if at == GAP[0] else 100 if at == GAP[1] else 0)
    return number, to_ms(at), {"energy_import_kwh": kwh * 1000}


def test_data_seven_days_late_revise_the_closed_month_and_nothing_else(park: Metering, dsn: str) -> None:
    meters = [
        Device(name, "grid_meter", ("energy_import_kwh",), period_s=3600.0, point=MeteringPoint(account=account))
        for name, account in (("m-1", "0319-77"), ("m-2", "0319-78"))
    ]
    park.born(*meters)
    instants = [FEBRUARY + number * HOUR for number in range(-2, 28 * 24 + 3)]
    for name in ("m-1", "m-2"):
        number = park.devices[name]
        park.store_readings([reading(number, at) for at in instants if at not in GAP], "grid_meter")
    park.metered(to_ms(CLOSED))
    with psycopg.connect(dsn, autocommit=True) as connection:
        load_plan(connection, examples()["guangdong-2021-tou"], "p", "anna", At(CLOSED))
        for account in ("0319-77", "0319-78"):
            terms = Terms(account, PARK.park, "none")
            agree(connection, Agreement(terms, "guangdong-2021-tou", date(2026, 1, 1)), "anna", At(CLOSED))
            close_month(connection, account, "2026-02", "li", clock=At(CLOSED + HOUR))
        first = closed_bill(connection, "0319-77", "2026-02")
        # the three hours are one difference, spread evenly and said to be estimated
        assert first.energy_kwh == 28 * 24 * 100
        assert first.estimated_kwh == 300
        assert reopen_touched(connection, CLOSED + 2 * HOUR, At(CLOSED + 2 * HOUR)) == []

        park.store_readings([reading(park.devices["m-1"], at) for at in GAP], "grid_meter", received_ms=to_ms(LATE))
        others = connection.execute("SELECT * FROM bill_closings WHERE account = '0319-78'").fetchall()
        park.metered(to_ms(LATE))
        [second] = reopen_touched(connection, LATE + HOUR, At(LATE + HOUR))

        # 200 kWh move from flat (0.60) to valley (0.228): + 45.60 - 120.00
        before = {line.code: line.amount_cny for line in first.lines}
        after = {line.code: line.amount_cny for line in second.lines}
        changes = {code: after[code] - before[code] for code in before if after[code] != before[code]}
        assert changes == {"energy.valley": Decimal("45.60"), "energy.flat": Decimal("-120.00")}
        assert second.estimated_kwh == 0
        assert second.energy_kwh == first.energy_kwh
        assert second.closing is not None
        assert second.closing.reason.startswith(
            "3 intervals changed after closing, 2026-02-10 07:00 – 2026-02-10 09:00"
        )
        assert [each.bill for each in history(connection, "0319-77", "2026-02")] == [first, second]
        assert connection.execute("SELECT * FROM bill_closings WHERE account = '0319-78'").fetchall() == others
