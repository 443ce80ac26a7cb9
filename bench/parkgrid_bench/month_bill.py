"""Month bills of 1,000 accounts from stored 15-minute intervals: read at once, priced exactly, to the cent."""

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg

from parkgrid_accounting.bills.bill import bills_of
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_bench.figures import BenchmarkError, Figure, Progress
from parkgrid_bench.stack import Stack
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import Period, period
from parkgrid_domain.tariff.bill import Bill, Terms
from parkgrid_domain.tariff.reader import example, examples

ACCOUNTS = 1_000
PLAN = "guangdong-2021-tou"
_PARK = "bench-bills"
_GATEWAY = "bills-1"
_MONTH = "2026-10"
_QUARTERS = 96


class _Afterwards:
    """A clock that stands after the month, so that all of it has passed."""

    def now_ms(self) -> int:
        return round(datetime(2026, 11, 2, tzinfo=UTC).timestamp() * 1000)


def measure(stack: Stack, runs: int, tell: Progress, accounts: int = ACCOUNTS) -> Figure:
    """The figure `month_bill`: seconds for the bills of all accounts."""
    figure = Figure("month_bill")
    month = period(_MONTH)
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        tell(f"month_bill: storing {accounts:,} accounts x {len(month.days) * _QUARTERS:,} intervals")
        names = _fill(connection, month, accounts)
        for number in range(runs + 1):
            started = time.monotonic()
            found = bills_of(connection, names, _MONTH, _Afterwards())
            seconds = time.monotonic() - started
            # The first one warms up.
            if number:
                figure.ratios.append(seconds)
                tell(f"month_bill: {seconds:.2f} s")
        figure.correct = _correct(connection, names, found, month)
    rate = accounts * len(month.days) * _QUARTERS / figure.ratio
    figure.detail = f"{accounts:,} accounts, {rate / 1e6:.2f} million intervals/s"
    return figure


def _fill(connection: Connection, month: Period, accounts: int) -> list[str]:
    """One meter an account, with energies that any query can compute again."""
    connection.execute("INSERT INTO base.park (park) VALUES (%s)", (_PARK,))
    connection.execute(_INSERT_GATEWAY, (_PARK, _GATEWAY))
    connection.execute(_INSERT_DEVICES, {"park": _PARK, "gateway": _GATEWAY, "accounts": accounts})
    connection.execute(_INSERT_REGISTERS, {"park": _PARK})
    bounds = {"start": from_ms(month.start_ms), "stop": from_ms(month.end_ms), "park": _PARK}
    connection.execute(_INSERT_INTERVALS, bounds)
    connection.execute("ANALYZE base.interval_energy")
    load_plan(connection, examples()[PLAN], PLAN, "bench", _Afterwards())
    names = [f"bill-{number}" for number in range(1, accounts + 1)]
    for name in names:
        terms = Terms(name, _PARK, "measured_demand", Decimal(1_000))
        agree(connection, Agreement(terms, PLAN, date(2026, 1, 1)), "bench", _Afterwards())
    return names


def _correct(connection: Connection, names: list[str], found: Mapping[str, Bill | Exception], month: Period) -> bool:
    """Whether every bill holds exactly the energy, the valley energy and the peak that the database says."""
    bounds = {"start": from_ms(month.start_ms), "stop": from_ms(month.end_ms), "park": _PARK}
    expected = {row[0]: row[1:] for row in connection.execute(_EXPECTED, bounds).fetchall()}
    if expected.keys() != set(names):
        raise BenchmarkError(f"{len(expected)} accounts have intervals instead of {len(names)}")
    valley = example(PLAN).ratios[3] * Decimal("0.60")
    return all(isinstance(bill, Bill) and _agrees(bill, expected[name], valley) for name, bill in found.items())


def _agrees(bill: Bill, expected: tuple[int, int, int], valley_price: Decimal) -> bool:
    total_wh, valley_wh, peak_wh = expected
    valley = bill.line("energy.valley")
    return (
        bill.energy_kwh * 1000 == total_wh
        and valley.quantity * 1000 == valley_wh
        and abs(valley.amount_cny - valley_price * valley_wh / 1000) <= Decimal("0.005")
        and bill.peak is not None
        and bill.peak.demand_kw * 250 == peak_wh
    )


_INSERT_GATEWAY = """
INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)
VALUES (%s, %s, 1, 'bench', true, now())
"""

_INSERT_DEVICES = """
INSERT INTO base.device (park_id, park, gateway, device, device_class, name, model, firmware, period_s, ratings,
                         signals, station, line, transformer, account)
SELECT park_id, park, %(gateway)s, 'bill-' || n, 'grid_meter', '', '', '', 60, '{}', '{}', '', '', '', 'bill-' || n
FROM base.park CROSS JOIN generate_series(1, %(accounts)s) AS n WHERE park = %(park)s
"""

_INSERT_REGISTERS = """
INSERT INTO base.register (park_id, device_id, signal, period_s, method)
SELECT park_id, device_id, 'energy_import_kwh', 900, 'register' FROM base.device WHERE park = %(park)s
"""

_INSERT_INTERVALS = """
INSERT INTO base.interval_energy (park_id, register_id, at, period_s, energy_wh, quality, expected, received, valid,
                                  estimated, late, revision, changed_at, cause)
SELECT r.park_id, r.register_id, at, 900,
       (r.register_id::int8 * 7919 + extract(epoch FROM at)::int8 / 900 * 104729) %% 250000,
       1, 15, 15, 15, 0, 0, 1, %(stop)s, 'metered'
FROM public.registers AS r
CROSS JOIN generate_series(%(start)s::timestamptz, %(stop)s::timestamptz - INTERVAL '15 minutes', '15 minutes') AS at
WHERE r.park = %(park)s
"""

_EXPECTED = """
SELECT r.account, sum(i.energy_wh)::int8,
       sum(i.energy_wh) FILTER (WHERE extract(hour FROM i.at AT TIME ZONE 'Asia/Shanghai') < 8)::int8,
       max(i.energy_wh)
FROM public.registers AS r
JOIN base.interval_energy AS i USING (park_id, register_id)
WHERE r.park = %(park)s AND i.at >= %(start)s AND i.at < %(stop)s
GROUP BY r.account
"""
