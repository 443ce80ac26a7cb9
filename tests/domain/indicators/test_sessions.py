"""Charging sessions by the minute, and where their energy came from."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from contract.signals import CHARGER_STATES
from domain.indicators.sessions import ChargerMinutes, Mix, charging_sessions

MINUTE = 60_000
START = 1_795_449_600_000
FREE, OCCUPIED, CHARGING, DISCHARGING, FINISHING, FAULT = (
    CHARGER_STATES.index(state) for state in ("available", "occupied", "charging", "discharging", "finishing", "fault")
)
NAN = float("nan")


def charger(rows, *, first=0):
    """Rows of minute, state, count, delivered register, and if given returned register, display, power and SOC."""
    full = [(*row, *(0.0, NAN, NAN, NAN)[len(row) - 4 :]) for row in rows]
    minute, state, count, delivered, *more = (np.array(each, float) for each in zip(*full, strict=True))
    return ChargerMinutes(
        (START + (minute + first) * MINUTE).astype(np.int64),
        state.astype(np.int64),
        count.astype(np.int64),
        delivered,
        *more,
    )


def mix(*intervals):
    """Quarters of an hour, each with shares of pv, storage and grid; `None`: not known."""
    rows = [(NAN, NAN, NAN) if each is None else each for each in intervals]
    pv, storage, grid = np.array(rows).T
    return Mix(START, 900_000, {"pv": pv, "storage": storage, "grid": grid})


ALL_GRID = mix(*[(0.0, 0.0, 1.0)] * 8)


def test_one_session_from_the_plug_to_the_leaving():
    rows = [(0, FREE, 7, 100.0), (1, OCCUPIED, 8, 100.0, 0.0, 0.0), (2, CHARGING, 8, 104.0, 0.0, 4.0)]
    rows += [(3, CHARGING, 8, 109.0, 0.0, 9.0), (4, FINISHING, 8, 109.0, 0.0, 9.0), (5, FREE, 8, 109.0)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert (found.start_ms, found.end_ms) == (START + MINUTE, START + 6 * MINUTE)
    assert (found.energy_kwh, found.displayed_kwh, found.charging_min) == (9.0, 9.0, 2)
    assert found.origin_kwh == {"pv": 0, "storage": 0, "grid": 9.0}
    assert (found.began_before, found.goes_on, found.estimated) == (False, False, False)


def test_energy_is_attributed_interval_by_interval():
    # Minutes 13 and 14 deliver 3 + 3 kWh from photovoltaics alone; minutes 15 and 16 deliver 4 + 4 kWh half and half.
    rows = [(12, FREE, 1, 0.0), (13, CHARGING, 2, 3.0), (14, CHARGING, 2, 6.0), (15, CHARGING, 2, 10.0)]
    rows += [(16, CHARGING, 2, 14.0), (17, FREE, 2, 14.0)]
    (found,) = charging_sessions(charger(rows), mix((1.0, 0, 0), (0, 0.5, 0.5)))
    assert found.origin_kwh == {"pv": 6.0, "storage": 4.0, "grid": 4.0}
    assert found.unattributed_kwh == 0


def test_energy_of_an_interval_without_known_sources_is_not_attributed():
    rows = [(13, FREE, 1, 0.0), (14, CHARGING, 2, 6.0), (15, CHARGING, 2, 10.0), (16, FREE, 2, 10.0)]
    (found,) = charging_sessions(charger(rows), mix((1.0, 0, 0), None))
    assert (found.energy_kwh, found.unattributed_kwh) == (10, 4)


def test_the_next_vehicle_within_a_minute_is_another_session():
    rows = [(0, FREE, 7, 0.0), (1, CHARGING, 8, 5.0), (2, FINISHING, 8, 5.0), (3, CHARGING, 9, 8.0), (4, FREE, 9, 9.0)]
    first, second = charging_sessions(charger(rows), ALL_GRID)
    assert (first.energy_kwh, second.energy_kwh) == (5, 4)
    assert first.end_ms == second.start_ms == START + 3 * MINUTE


def test_a_visit_between_two_readings_is_a_session_by_its_count():
    rows = [(0, FREE, 7, 0.0), (1, FREE, 8, 0.4), (2, FREE, 8, 0.4)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert (found.energy_kwh, found.charging_min) == (0.4, 0)


def test_a_charger_that_does_not_count_is_told_by_its_state():
    rows = [(0, FREE, -1, 0.0), (1, CHARGING, -1, 5.0), (2, FREE, -1, 5.0), (3, CHARGING, -1, 7.0), (4, FREE, -1, 7.0)]
    assert [each.energy_kwh for each in charging_sessions(charger(rows), ALL_GRID)] == [5, 2]


def test_a_charger_that_does_not_count_is_told_by_its_display_when_one_vehicle_follows_another():
    # As a charger with a queue showed it: the next vehicle charges in the minute in which the first one left.
    rows = [(0, FREE, -1, 100.0, NAN, 0.0), (1, CHARGING, -1, 110.0, NAN, 10.0), (2, CHARGING, -1, 130.0, NAN, 30.0)]
    rows += [(3, FINISHING, -1, 133.0, NAN, 33.0), (4, CHARGING, -1, 133.6, NAN, 0.6)]
    rows += [(5, CHARGING, -1, 135.6, NAN, 2.6), (6, FREE, -1, 135.6, NAN, 0.0)]
    first, second = charging_sessions(charger(rows), ALL_GRID)
    assert (first.energy_kwh, first.displayed_kwh) == (pytest.approx(33), 33)
    assert (second.energy_kwh, second.displayed_kwh) == (pytest.approx(2.6), 2.6)
    assert first.end_ms == second.start_ms == START + 4 * MINUTE


def test_the_highest_display_of_the_minute_of_change_is_the_former_vehicles():
    rows = [(0, FREE, -1, 0.0, NAN, 0.0), (1, CHARGING, -1, 30.0, NAN, 30.0), (2, CHARGING, -1, 31.0, NAN, 30.5)]
    rows += [(3, CHARGING, -1, 33.0, NAN, 2.5), (4, FREE, -1, 33.0, NAN, 2.5)]
    assert len(charging_sessions(charger(rows), ALL_GRID)) == 2


def test_a_display_that_falls_while_a_vehicle_gives_back_begins_no_session():
    rows = [(0, FREE, -1, 0.0, 0.0, 0.0), (1, CHARGING, -1, 10.0, 0.0, 10.0), (2, DISCHARGING, -1, 10.0, 2.0, 8.0)]
    rows += [(3, CHARGING, -1, 10.5, 3.0, 7.5), (4, FREE, -1, 10.5, 3.0, 7.5)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert (found.energy_kwh, found.returned_kwh) == (10.5, 3)


def test_a_count_that_is_absent_for_a_minute_begins_no_session():
    rows = [(0, FREE, 7, 0.0), (1, CHARGING, 8, 5.0), (2, CHARGING, -1, 6.0), (3, CHARGING, 8, 7.0), (4, FREE, 8, 7.0)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert found.energy_kwh == 7


def test_a_gap_inside_a_session_is_spread_evenly_and_flagged():
    # Minutes 12 to 17 are missing: 7 kWh from 11 to 18 are 1 kWh a minute, three of them in the first quarter.
    rows = [(10, FREE, 1, 0.0), (11, CHARGING, 2, 2.0), (18, CHARGING, 2, 9.0), (19, FREE, 2, 9.0)]
    (found,) = charging_sessions(charger(rows), mix((1.0, 0, 0), (0, 0, 1.0)))
    assert found.estimated
    # 2 in minute 11, then 1 in each of 12, 13, 14; and 1 in each of 15, 16, 17, 18
    assert found.origin_kwh == {"pv": pytest.approx(5), "storage": 0, "grid": pytest.approx(4)}


def test_minutes_left_out_while_free_are_no_gap():
    rows = [(0, FREE, 1, 5.0), (40, CHARGING, 2, 8.0), (41, FREE, 2, 8.0)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert (found.energy_kwh, found.estimated) == (3, False)
    assert found.start_ms == START + 40 * MINUTE


def test_sessions_at_the_edges_say_so_and_count_only_what_is_inside():
    rows = [(-2, FREE, 1, 0.0), (-1, CHARGING, 2, 4.0), (0, CHARGING, 2, 7.0), (1, FREE, 2, 7.0)]
    rows += [(119, CHARGING, 3, 9.0), (120, CHARGING, 3, 12.0)]
    first, second = charging_sessions(charger(rows), ALL_GRID)
    assert (first.energy_kwh, first.began_before, first.goes_on) == (3, True, False)
    assert (second.energy_kwh, second.began_before, second.goes_on) == (2, False, True)


def test_a_session_outside_the_span_is_not_told():
    rows = [(-3, FREE, 1, 0.0), (-2, CHARGING, 2, 4.0), (-1, FREE, 2, 4.0), (0, FREE, 2, 4.0)]
    assert charging_sessions(charger(rows), ALL_GRID) == []
    assert charging_sessions(charger([(0, FREE, 2, 4.0)]), ALL_GRID) == []


def test_a_vehicle_that_gives_back():
    rows = [(0, FREE, 1, 5.0, 1.0, NAN), (1, DISCHARGING, 2, 5.0, 3.0, NAN), (2, FREE, 2, 5.0, 3.5, NAN)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert (found.energy_kwh, found.returned_kwh, found.charging_min) == (0, 2.5, 1)


def test_peak_and_state_of_charge_are_those_of_the_minutes_with_a_vehicle():
    # The reading of minute 0 is of nobody, that of minute 5 of a charger that is free again.
    rows = [(0, FREE, 1, 0.0, 0.0, NAN, 99.0, 80.0), (1, OCCUPIED, 2, 0.0, 0.0, NAN, 0.0, NAN)]
    rows += [(2, CHARGING, 2, 2.0, 0.0, NAN, 120.5, 31.0), (3, CHARGING, 2, 4.0, 0.0, NAN, 118.0, 34.5)]
    rows += [(4, FINISHING, 2, 4.0, 0.0, NAN, 0.0, 35.0), (5, FREE, 2, 4.0, 0.0, NAN, 77.0, 12.0)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert (found.peak_kw, found.soc_start_pct, found.soc_end_pct) == (120.5, 31.0, 35.0)
    assert found.coverage_pct == 100


def test_what_is_not_measured_has_no_peak_and_what_only_gives_back_has_none_above_zero():
    rows = [(0, FREE, 1, 5.0, 1.0), (1, CHARGING, 2, 5.0, 1.0), (2, FREE, 2, 5.0, 1.0)]
    (silent,) = charging_sessions(charger(rows), ALL_GRID)
    assert (silent.peak_kw, silent.soc_start_pct, silent.soc_end_pct) == (None, None, None)
    rows = [(0, FREE, 1, 5.0, 1.0, NAN, 0.0, NAN), (1, DISCHARGING, 2, 5.0, 3.0, NAN, -60.0, 70.0)]
    (giving,) = charging_sessions(charger([*rows, (2, FREE, 2, 5.0, 3.0, NAN, 0.0, NAN)]), ALL_GRID)
    assert (giving.peak_kw, giving.returned_kwh, giving.soc_start_pct) == (0, 2, 70)


def test_coverage_counts_the_minutes_that_were_told():
    # From minute 11 to the one in which it left, 19: nine minutes, of which 11, 18 and 19 are known.
    rows = [(10, FREE, 1, 0.0), (11, CHARGING, 2, 2.0), (18, CHARGING, 2, 9.0), (19, FREE, 2, 9.0)]
    (found,) = charging_sessions(charger(rows), ALL_GRID)
    assert found.coverage_pct == pytest.approx(100 * 3 / 9)
    assert found.estimated


def test_a_charger_without_a_register_is_told_by_its_display_as_an_estimate():
    rows = [(0, FREE, 1, NAN, NAN, NAN), (1, CHARGING, 2, NAN, NAN, 4.0), (2, CHARGING, 2, NAN, NAN, 9.0)]
    rows += [(3, CHARGING, 3, NAN, NAN, 2.0), (4, FREE, 3, NAN, NAN, 2.0)]
    first, second = charging_sessions(charger(rows), ALL_GRID)
    assert (first.energy_kwh, second.energy_kwh, first.estimated) == (9, 2, True)
    assert first.coverage_pct == 100
    assert first.returned_kwh == 0


def test_the_minutes_of_an_interval_share_what_it_metered():
    # Read at the full minute, the register shows minute 14's energy in 15: 2 + 2 in a quarter that metered 6.
    rows = [(11, FREE, 1, 0.0), (12, CHARGING, 2, 0.0), (13, CHARGING, 2, 2.0), (14, CHARGING, 2, 4.0)]
    rows += [(15, FINISHING, 2, 6.0), (16, FREE, 2, 6.0)]
    (found,) = charging_sessions(charger(rows), mix((1.0, 0, 0), (0, 0, 1.0)), np.array([6.0, 0.0]))
    assert found.origin_kwh == {"pv": pytest.approx(6), "storage": 0, "grid": 0}
    (unknown,) = charging_sessions(charger(rows), mix((1.0, 0, 0), (0, 0, 1.0)), np.array([NAN, 0.0]))
    assert unknown.energy_kwh == pytest.approx(4)


def test_two_vehicles_of_an_interval_share_it_by_what_their_minutes_show():
    rows = [(0, FREE, 7, 0.0), (1, CHARGING, 8, 5.0), (2, CHARGING, 9, 8.0), (3, FREE, 9, 8.0)]
    first, second = charging_sessions(charger(rows), ALL_GRID, np.array([16.0, *[0.0] * 7]))
    assert (first.energy_kwh, second.energy_kwh) == (pytest.approx(10), pytest.approx(6))


def test_an_interval_whose_minutes_show_nothing_is_shared_alike_by_who_was_there():
    # Plugged at 14, read at the full minute: the kWh of minute 14 shows in 15, in the next quarter, which metered none.
    rows = [(13, FREE, 7, 0.0), (14, CHARGING, 8, 0.0), (15, FINISHING, 8, 1.0), (16, FREE, 8, 1.0)]
    (found,) = charging_sessions(charger(rows), mix((1.0, 0, 0), (0, 0, 1.0)), np.array([1.0, 0.0]))
    assert found.origin_kwh == {"pv": 1, "storage": 0, "grid": 0}


STATES = st.sampled_from([FREE, OCCUPIED, CHARGING, FINISHING, FAULT])


@drawn(st.lists(st.tuples(STATES, st.booleans(), st.floats(0, 5)), min_size=1, max_size=100))
def test_sessions_and_what_is_delivered_to_nobody_add_up_to_the_register(steps):
    rows, count, register = [(-1, FREE, 0, 0.0)], 0, 0.0
    nobody = 0.0
    for minute, (state, plugged, kwh) in enumerate(steps):
        before = rows[-1][1]
        count += plugged
        inside = state in {OCCUPIED, CHARGING, FINISHING} or plugged
        was_inside = before in {OCCUPIED, CHARGING, FINISHING} or (minute > 0 and steps[minute - 1][1])
        register += kwh
        nobody += 0.0 if inside or was_inside else kwh
        rows.append((minute, state, count, register))
    found = charging_sessions(charger(rows), ALL_GRID)
    assert sum(each.energy_kwh for each in found) + nobody == pytest.approx(register, abs=1e-9)
    assert all(later.start_ms >= earlier.end_ms - MINUTE for earlier, later in zip(found, found[1:], strict=False))
    assert all(sum(each.origin_kwh.values()) == pytest.approx(each.energy_kwh, abs=1e-9) for each in found)
