"""A park with metered accounts, written into the database as metering would leave it, for the tests of bills."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import period
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import examples

PARK = "gaoxin-nan"
ACCOUNT = "0319-77"
IMPORT = "energy_import_kwh"
WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
"""When the intervals of the tests were written first."""
AGREED = datetime(2026, 1, 2, tzinfo=UTC)
AFTER_MONTH = datetime(2026, 11, 25, 2, tzinfo=UTC)


class At:
    """A clock that stands still."""

    def __init__(self, instant: datetime = AFTER_MONTH) -> None:
        self.instant = instant

    def now_ms(self) -> int:
        return round(self.instant.timestamp() * 1000)


def new_park(connection: Connection, park: str = PARK) -> None:
    """A park with one gateway."""
    connection.execute("INSERT INTO base.park (park) VALUES (%s)", (park,))
    connection.execute(
        "INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)"
        " VALUES (%s, 'gw-1', 1, '1', true, now())",
        (park,),
    )


def register(
    connection: Connection,
    device: str,
    signal: str = IMPORT,
    account: str = ACCOUNT,
    device_class: str = "grid_meter",
    period_s: int = 900,
    park: str = PARK,
) -> int:
    """A register of a device of the park; the number of the register."""
    connection.execute(
        "INSERT INTO base.device (park_id, park, gateway, device, device_class, name, model, firmware, period_s,"
        " ratings, signals, station, line, transformer, account)"
        " SELECT park_id, park, 'gw-1', %s, %s, '', '', '', 60, '{}', '{}', '', '', '', %s"
        " FROM base.park WHERE park = %s ON CONFLICT DO NOTHING",
        (device, device_class, account, park),
    )
    [number] = connection.execute(
        "INSERT INTO base.register (park_id, device_id, signal, period_s, method)"
        " SELECT park_id, device_id, %s, %s, 'register' FROM base.device"
        " WHERE park = %s AND device = %s AND device_class = %s RETURNING register_id",
        (signal, period_s, park, device, device_class),
    ).fetchone() or [0]
    return int(number)


def store_intervals(
    connection: Connection,
    register_id: int,
    values: NDArray[np.int64],
    month: str = "2026-10",
    quality: NDArray[np.int8] | None = None,
    period_s: int = 900,
) -> None:
    """Intervals of a month from its beginning; one of quality 0 is stored as missing."""
    start_ms = period(month).start_ms
    qualities = np.ones(len(values), np.int8) if quality is None else quality
    [park_id] = connection.execute(
        "SELECT park_id FROM base.register WHERE register_id = %s", (register_id,)
    ).fetchone()
    with connection.cursor().copy(
        "COPY base.interval_energy (park_id, register_id, at, period_s, energy_wh, quality, expected, received, valid,"
        " estimated, late, revision, changed_at, cause) FROM STDIN"
    ) as copy:
        for number, (value, mark) in enumerate(zip(values.tolist(), qualities.tolist(), strict=True)):
            at = from_ms(start_ms + number * period_s * 1000)
            known = value if mark else None
            copy.write_row((park_id, register_id, at, period_s, known, mark, 15, 15, 15, 0, 0, 1, WRITTEN, "metered"))


def correct(connection: Connection, register_id: int, at: datetime, energy_wh: int, now: datetime, cause: str) -> None:
    """What late data do: the interval's former row is kept, the new one has the next revision."""
    with connection.transaction():
        key = (register_id, at)
        connection.execute(
            "INSERT INTO base.interval_energy_revision SELECT at, energy_wh, first_at, first_steps, last_at,"
            " last_steps, changed_at, park_id, register_id, period_s, expected, received, valid, estimated, late,"
            " revision, quality, spread, cause, %s, 'test', %s FROM base.interval_energy"
            " WHERE register_id = %s AND at = %s",
            (now, cause, *key),
        )
        connection.execute(
            "UPDATE base.interval_energy SET energy_wh = %s, quality = 1, revision = revision + 1, changed_at = %s,"
            " cause = %s WHERE register_id = %s AND at = %s",
            (energy_wh, now, cause, *key),
        )


def agreed(
    connection: Connection,
    plan_id: str = "guangdong-2021-tou",
    account: str = ACCOUNT,
    basis: str = "measured_demand",
    standard: str | None = "0.90",
    first: date = date(2026, 1, 1),
    instant: datetime = AGREED,
) -> None:
    """Load an example plan and agree on it."""
    load_plan(connection, examples()[plan_id], plan_id, "anna", At(instant))
    terms = Terms(account, PARK, basis, Decimal(1000), Decimal(800), Decimal(standard) if standard else None)  # type: ignore[arg-type]
    agree(connection, Agreement(terms, plan_id, first), "anna", At(instant))


def month_of_kw(kw: float, month: str = "2026-10") -> NDArray[np.int64]:
    """A constant power over a month, in Wh a quarter hour."""
    return np.full(len(period(month).days) * 96, round(kw * 250), np.int64)


def at(text: str) -> datetime:
    """An instant in Shanghai, `2026-10-09T11:00`."""
    return datetime.fromisoformat(f"{text}+08:00")
