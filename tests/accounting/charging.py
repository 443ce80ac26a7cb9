"""Guns that are read at any instants, with what each reading says: for tests of sessions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from parkgrid_accounting.figures.sessions import Sessions, sessions_begun
from parkgrid_accounting.scope import Scope
from parkgrid_contract.announcement import Device
from parkgrid_contract.signals import CATALOGUE, CHARGER_STATES
from tests.metering.park import Metering

FREE, OCCUPIED, CHARGING, DISCHARGING, FINISHING = (
    CHARGER_STATES.index(state) for state in ("available", "occupied", "charging", "discharging", "finishing")
)
SIGNALS = ("energy_delivered_kwh", "energy_returned_kwh", "operating_state", "session_count", "session_energy_kwh")
_CHARGER = CATALOGUE["charger"].by_name


def gun(name: str = "gun-1", signals: Sequence[str] = SIGNALS, **more: Any) -> Device:
    """A gun of 120 kW, read every minute."""
    return Device(name, "charger", tuple(signals), **({"period_s": 60.0, "ratings": {"rated_power_kw": 120.0}} | more))


def steps(values: Mapping[str, float]) -> dict[str, int]:
    """Values as they are stored."""
    return {name: _CHARGER[name].steps(value) for name, value in values.items()}


def show(
    park: Metering, readings: Iterable[tuple[int, Mapping[str, float]]], device: str = "gun-1", **more: Any
) -> None:
    """Store what a gun showed: instant, and values in the units of the catalogue."""
    rows = [(park.devices[device], at_ms, steps(values)) for at_ms, values in readings]
    park.store_readings(rows, "charger", **more)


def told(park: Metering, start_ms: int, stop_ms: int, **scope: Any) -> Sessions:
    """The sessions that began in a span, and the balance."""
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        return sessions_begun(connection, Scope("gaoxin-nan", **scope), start_ms, stop_ms)
