"""Energy of charging sessions out of the store: the difference of the registers at their own ends."""

import pytest

from contract.time import to_ms
from datetime import UTC, datetime
from tests.accounting.charging import CHARGING, FREE, gun, show, told
from tests.accounting.conftest import park
from tests.accounting.metering import MINUTE_MS, Metering

__all__ = ["park"]


def at(text: str) -> int:
    """An instant of March 2026 in Shanghai, as `05 12:31` or `05 12:31:20`."""
    return to_ms(datetime.fromisoformat(f"2026-03-{text}+08:00"))


def test_each_session_has_the_difference_of_its_registers_at_its_own_ends(park: Metering) -> None:
    # 120 kW are 2 kWh a minute: 31 minutes from 12:00, 24 minutes from 12:36.
    park.born(gun())

    def shown(minute: int) -> dict[str, float]:
        first, second = min(max(minute, 0), 31), min(max(minute - 36, 0), 24)
        busy = 0 <= minute < 31 or 36 <= minute < 60
        return {
            "energy_delivered_kwh": 5_000 + 2 * (first + second),
            "operating_state": CHARGING if busy else FREE,
            "session_count": 7 + (minute >= 0) + (minute >= 36),
        }

    noon = at("05 12:00")
    show(park, ((noon + minute * MINUTE_MS, shown(minute)) for minute in range(-30, 121)))
    park.settled()
    found = told(park, at("05 00:00"), at("06 00:00"))
    ends = [(each.session.visit.start_ms, each.session.visit.end_ms) for each in found.listed]
    assert ends == [(noon, at("05 12:31")), (at("05 12:36"), at("05 13:00"))]
    assert [each.session.energy_kwh for each in found.listed] == [62, 48]
    assert [each.session.quality for each in found.listed] == ["good", "good"]
    balance = found.balance
    assert (balance.registers_kwh, balance.sessions_kwh, balance.outside_kwh) == (110, 110, 0)
