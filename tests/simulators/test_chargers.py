"""Super-chargers against a charging time computed by hand, shared cabinets, queues and arrivals."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_simulators.chargers import CLASSES, Gun, Station, Vehicle, VehicleClass, arrivals, share_modules

PACK = VehicleClass("oracle", 1.0, 100.0, 480.0)


def test_curve_by_hand() -> None:
    assert PACK.power_at(0.1) == PACK.power_at(0.5) == 480.0
    assert PACK.power_at(0.75) == pytest.approx(288.0)
    assert PACK.power_at(1.0) == pytest.approx(96.0)


def charge(until: float) -> tuple[float, float]:
    """Minutes and kWh from 10 % on, in steps of one second, through a station."""
    gun = Gun(480.0, Vehicle(PACK, 0.1, until, 600.0))
    station = Station("s", 1, [gun], guns_per_cabinet=1, cabinet_power_kw=480.0)
    seconds, energy = 0, 0.0
    while gun.vehicle and gun.vehicle.soc < until:
        station.step(float(seconds), 1.0, [0])
        energy += gun.power_kw / 3600
        seconds += 1
    return seconds / 60, energy


def test_ten_to_eighty_per_cent_takes_ten_minutes() -> None:
    minutes, energy = charge(0.8)
    assert minutes == pytest.approx(10.12, abs=0.02)
    assert energy == pytest.approx(70.06, abs=0.06)
    assert energy / Station("s", 1, []).efficiency == pytest.approx(73.74, abs=0.07)


def test_losses_are_conversion_and_standby() -> None:
    station = Station("s", 1, [Gun(480.0, power_kw=380.0), Gun(480.0), Gun(480.0)])
    # 380 / 0.95 = 400 are drawn for 380; two cabinets stand by.
    assert station.losses_kw() == pytest.approx(20.0 + 1.2)


@pytest.mark.parametrize(
    ("wanted", "given_kw"),
    [
        ([480.0, 200.0], [480.0, 200.0]),
        ([480.0, 480.0], [360.0, 360.0]),
        ([480.0, 100.0, 480.0], [320.0, 100.0, 280.0]),
        ([480.0, 0.0], [480.0, 0.0]),
    ],
)
def test_a_cabinet_shares_modules(wanted, given_kw) -> None:
    assert share_modules(wanted, 720.0, 40.0) == given_kw


@given(st.lists(st.floats(0, 480), min_size=1, max_size=6), st.sampled_from([240.0, 480.0, 720.0]))
def test_a_cabinet_never_gives_more_than_it_has_or_than_is_wanted(wanted, cabinet) -> None:
    given_kw = share_modules(wanted, cabinet, 40.0)
    assert sum(given_kw) <= cabinet + 1e-9
    assert all(0 <= power <= wish for power, wish in zip(given_kw, wanted, strict=True))


def test_arrivals_are_a_function_of_seed_and_day_and_follow_the_day() -> None:
    day = date(2026, 11, 23)
    assert [second for second, _ in arrivals(1, "s", day, 90)] == [second for second, _ in arrivals(1, "s", day, 90)]
    counts, hours = [], Counter()
    for offset in range(200):
        found = arrivals(1, "s", day + timedelta(days=offset), 90)
        counts.append(len(found))
        hours.update(int(second // 3600) for second, _ in found)
        assert all(before <= after for (before, _), (after, _) in zip(found, found[1:], strict=False))
    assert sum(counts) / 200 == pytest.approx(90, rel=0.05)
    assert hours[19] > 2 * hours[4]
    assert hours[0] > 2 * hours[2]


def test_vehicles_are_mixed_as_stated() -> None:
    kinds = Counter(vehicle.kind.name for n in range(60) for _, vehicle in arrivals(n, "s", date(2026, 1, 1), 100))
    total = sum(kinds.values())
    for kind in CLASSES:
        assert kinds[kind.name] / total == pytest.approx(kind.share, abs=0.03)


def test_a_session_from_plugging_in_to_leaving() -> None:
    gun = Gun(480.0)
    station = Station("s", 1, [gun], guns_per_cabinet=1)
    station.queue.append(Vehicle(PACK, 0.79, 0.80, 3.0))
    states = []
    for second in range(20):
        station.step(float(second), 1.0, [second * 7])
        states.append(gun.state)
    # occupied by a charging vehicle, then waiting to leave, then free: the catalogue's codes 3, 5 and 1.
    assert [state for index, state in enumerate(states) if index == 0 or states[index - 1] != state] == [3, 5, 1]
    assert gun.sessions == 1
    assert gun.session_base == 0


def test_a_set_point_limits_a_gun() -> None:
    gun = Gun(60.0, Vehicle(PACK, 0.2, 0.9, 0.0))
    Station("s", 1, [gun], guns_per_cabinet=1).step(0.0, 1.0, [0])
    assert gun.power_kw == 60.0


def test_a_full_queue_sends_vehicles_on() -> None:
    station = Station("s", 1, [Gun(480.0, Vehicle(PACK, 0.1, 0.9, 0.0))], arrivals_per_day=5000.0)
    station.begin_day(date(2026, 11, 23))
    for second in range(0, 3600, 10):
        station.step(float(second), 0.001, [0])
        assert len(station.queue) <= 4
