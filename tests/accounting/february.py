"""A park's February through the store and metering; what it really did is known here beforehand, in whole Wh."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import psycopg
import pytest

from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_accounting.trace.answer import Trace
from parkgrid_accounting.trace.figure import trace
from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import MeteringPoint
from parkgrid_domain.period import period
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import examples
from parkgrid_servers.database import RunningDatabase
from tests.accounting.billing import At
from tests.conftest import _close_to_visitors as close_to_visitors
from tests.conftest import temporary_database
from tests.metering.park import Metering, metering

MONTH = period("2026-02")
STEP_MS = 300_000
QUARTER_MS = 900_000
ACCOUNT = "0400-坪山/1"
MODULUS_WH = 100_000_000
"""The grid meter's register rolls over at 100,000 kWh."""
AFTER = datetime(2026, 3, 2, tzinfo=UTC)
AFTER_MS = round(AFTER.timestamp() * 1000)
COUNT = (MONTH.end_ms - MONTH.start_ms) // STEP_MS
SIGNALS = {
    ("grid-1", "energy_import_kwh"): "grid_meter",
    ("grid-1", "energy_export_kwh"): "grid_meter",
    ("pv-1", "energy_generated_kwh"): "pv_inverter",
}


@dataclass
class Month:
    """A park's February, and what it really did."""

    park: Metering
    dsn: str
    truth_wh: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def connection(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.dsn, autocommit=True)

    def trace(self, address: object, now_ms: int = AFTER_MS) -> Trace:
        with self.connection() as connection:
            return trace(connection, str(address), now_ms)

    def wh(self, register: tuple[str, str], low_ms: int = MONTH.start_ms, high_ms: int = MONTH.end_ms) -> int:
        """What a register really counted in a span."""
        first, last = ((each - MONTH.start_ms) // STEP_MS for each in (low_ms, high_ms))
        return sum(self.truth_wh[register][first:last])

    def outage_wh(self, register: tuple[str, str]) -> int:
        """What a register really counted in the nine quarter hours that the outage makes estimates of."""
        start_ms = MONTH.start_ms + 10 * 86_400_000 + 10 * 3_600_000
        return self.wh(register, start_ms, start_ms + 9 * QUARTER_MS)

    def kwh(self, register: tuple[str, str]) -> float:
        return self.wh(register) / 1000


def _profile(random_: random.Random, register: tuple[str, str], place: int) -> int:
    """Wh of one step: sun from 07:00 to 18:00 local, which is when there is export instead of import."""
    hour = (place * 5 // 60) % 24
    sunny = 7 <= hour < 18
    match register:
        case ("pv-1", _):
            return random_.randrange(2_000, 9_000) if sunny else 0
        case (_, "energy_export_kwh"):
            return random_.randrange(0, 1_500) if sunny else 0
        case _:
            return random_.randrange(500, 2_500) if sunny else random_.randrange(4_000, 9_000)


def _outage(place: int) -> bool:
    """Two hours and ten minutes without readings on the 11th, from 10:05 local."""
    start = (10 * 24 * 60 + 605) // 5
    return start <= place < start + 26


def _month(dsn: str, park: Metering) -> Month:
    random_ = random.Random(20_260_201)
    month = Month(park, dsn)
    point = MeteringPoint("坪山站", "F12", "T3", ACCOUNT)
    park.born(
        Device("grid-1", "grid_meter", ("energy_import_kwh", "energy_export_kwh"), period_s=300.0, point=point,
               ratings={"register_modulus_kwh": MODULUS_WH / 1000}),
        Device("pv-1", "pv_inverter", ("energy_generated_kwh",), period_s=300.0, ratings={"rated_power_kwp": 120.0}),
    )  # fmt: skip
    standing = {register: 99_000_000 + 1_000 * place for place, register in enumerate(SIGNALS)}
    rows: dict[str, list[tuple[int, int, dict[str, int | None]]]] = {"grid_meter": [], "pv_inverter": []}
    for place in range(COUNT + 1):
        at_ms = MONTH.start_ms + place * STEP_MS
        if not _outage(place):
            for device, kind in (("grid-1", "grid_meter"), ("pv-1", "pv_inverter")):
                told = {
                    signal: standing[device, signal] % (MODULUS_WH if device == "grid-1" else 10**12)
                    for owner, signal in SIGNALS
                    if owner == device
                }
                rows[kind].append((park.devices[device], at_ms, told))
        for register in SIGNALS if place < COUNT else ():
            wh = _profile(random_, register, place)
            month.truth_wh.setdefault(register, []).append(wh)
            standing[register] += wh
    for kind, readings in rows.items():
        park.store_readings(readings, kind)
    park.metered(AFTER_MS)
    return month


@pytest.fixture(scope="module")
def kept_month(database_server: RunningDatabase, template_database: str) -> Iterator[tuple[str, Month]]:
    """The name of a database that holds the month, and what the month was."""
    with temporary_database(database_server.dsn, template_database) as (name, dsn):
        with metering(dsn) as park:
            month = _month(dsn, park)
            _supply(month)
        close_to_visitors(database_server.dsn, name)
        yield name, month


@pytest.fixture
def february(database_server: RunningDatabase, kept_month: tuple[str, Month]) -> Iterator[Month]:
    """The month in a database of the test's own."""
    name, month = kept_month
    with temporary_database(database_server.dsn, name) as (_, dsn), metering(dsn) as park:
        park.devices, park.seq = month.park.devices, month.park.seq
        yield Month(park, dsn, month.truth_wh)


def _supply(month: Month) -> None:
    (text,) = (text for name, text in examples().items() if "guangdong" in name)
    with month.connection() as connection:
        plan, _ = load_plan(connection, text, "guangdong", "anna", At(datetime(2026, 1, 2, tzinfo=UTC)))
        terms = Terms(ACCOUNT, "gaoxin-nan", "none")
        agree(
            connection, Agreement(terms, plan.plan_id, date(2026, 1, 1)), "anna", At(datetime(2026, 1, 2, tzinfo=UTC))
        )
