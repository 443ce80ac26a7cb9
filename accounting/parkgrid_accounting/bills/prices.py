"""Prices of a market series: taken in from CSV, whole or not at all; read as they were known at an instant."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.statements import statement
from parkgrid_accounting.bills.supply import Known
from parkgrid_contract.time import Clock, from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import Period
from parkgrid_domain.tariff.usage import QUARTER_MS, QUARTER_S

PERIODS_S = (900, 1800, 3600)
_COLUMNS = ("at", "price_cny_per_kwh")
_MOST_MISTAKES = 20
_DEAREST = 1000
_DECIMALS = 20


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one span."""

    at: datetime
    period_s: int
    cny_per_kwh: Decimal


def read_prices(text: str, file: str) -> list[Price]:
    """The prices of a CSV with the columns `at` and `price_cny_per_kwh`. Raises `BillError` with every mistake."""
    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise BillError(f"{file}: not a valid CSV ({error}): check the quotes, or save it again") from error
    if not rows or tuple(cell.strip() for cell in rows[0]) != _COLUMNS:
        raise BillError(f"{file}: line 1: the columns must be {','.join(_COLUMNS)}")
    found: list[tuple[datetime, Decimal]] = []
    mistakes = []
    for number, row in enumerate(rows[1:], 2):
        parsed = _row(row)
        if isinstance(parsed, str):
            mistakes.append(f"{file}: line {number}: {parsed}")
        else:
            found.append(parsed)
    period = _period(found)
    if period is None and not mistakes:
        mistakes.append(f"{file}: the instants must follow each other every 15, 30 or 60 minutes, each once")
    if mistakes:
        more = [f"… and {len(mistakes) - _MOST_MISTAKES} more"] if len(mistakes) > _MOST_MISTAKES else []
        raise BillError("\n".join(mistakes[:_MOST_MISTAKES] + more))
    return [Price(at, period or QUARTER_S, price) for at, price in found]


def load_prices(
    connection: Connection, series: str, prices: list[Price], source: str, who: str, clock: Clock | None = None
) -> None:
    """Take prices in; for their spans they take the place of what was loaded before."""
    if not who.strip() or not source.strip():
        raise BillError("prices need a source and the name of who loads them: --source and --by")
    now = Known.by(clock).at
    with connection.transaction(), connection.cursor().copy(statement("copy_prices")) as copy:
        for price in prices:
            copy.write_row((series, price.at, price.period_s, price.cny_per_kwh, source, now, who))


def prices_of(connection: Connection, series: str, period: Period, known: Known) -> dict[int, Decimal]:
    """The price of each quarter hour of a month that has one, by its start in ms; coarser prices hold throughout."""
    values = {
        "series": series,
        "start": from_ms(period.start_ms),
        "stop": from_ms(period.end_ms),
        "as_of": known.at,
    }
    rows = connection.execute(statement("prices_of"), values).fetchall()
    return {
        start_ms + part * QUARTER_MS: price
        for start_ms, period_s, price in rows
        for part in range(period_s // QUARTER_S)
    }


def _row(row: list[str]) -> tuple[datetime, Decimal] | str:
    if len(row) != len(_COLUMNS):
        return f"{len(row)} columns instead of {len(_COLUMNS)}"
    try:
        at = datetime.fromisoformat(row[0].strip())
    except ValueError:
        return f"{row[0]!r} is not an instant: write for example 2026-03-01T00:00+08:00"
    if at.tzinfo is None or at.timestamp() % QUARTER_S:
        return f"{row[0]!r} must have an offset and be a full quarter hour"
    try:
        price = Decimal(row[1].strip())
    except InvalidOperation:
        return f"{row[1]!r} is not a price"
    if not price.is_finite() or abs(price) > _DEAREST or (price and price.adjusted() < -_DECIMALS):
        return f"{row[1]!r} is not a price in CNY/kWh"
    return at, price


def _period(found: list[tuple[datetime, Decimal]]) -> int | None:
    """The one step between instants, in s; None when there is none."""
    steps = set(_steps(found))
    if len(steps) != 1:
        return None
    seconds = int(steps.pop().total_seconds())
    return seconds if seconds in PERIODS_S else None


def _steps(found: list[tuple[datetime, Decimal]]) -> Iterator[timedelta]:
    for (before, _), (after, _) in pairwise(found):
        yield after - before
