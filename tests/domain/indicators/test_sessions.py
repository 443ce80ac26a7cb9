"""Charging sessions: who was there when, what they took, and where it came from."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from parkgrid_domain.indicators.sessions import charging_session
from parkgrid_domain.indicators.visits import changes_ms, visits_of
from tests.domain.indicators.charger import (
    ALL_GRID,
    CHARGING,
    DISCHARGING,
    FAULT,
    FINISHING,
    FREE,
    MINUTE,
    NAN,
    OCCUPIED,
    START,
    mix,
    sessions_of,
    shown,
    told,
)


def ends(found):
    return [((each.visit.start_ms - START) / MINUTE, (each.visit.end_ms - START) / MINUTE) for each in found]


def energies(found):
    return [each.energy_kwh for each in found]


def test_one_session_from_the_plug_to_the_leaving():
    rows = [(0, FREE, 7, 100.0), (1, OCCUPIED, 8, 100.0, 0.0, 0.0), (2, CHARGING, 8, 104.0, 0.0, 4.0)]
    rows += [(3, CHARGING, 8, 109.0, 0.0, 9.0), (4, FINISHING, 8, 109.0, 0.0, 9.0), (5, FREE, 8, 109.0)]
    (found,) = sessions_of(rows)
    assert ends([found]) == [(1, 5)]
    assert (found.energy_kwh, found.visit.displayed_kwh, found.visit.charging_min) == (9.0, 9.0, 2)
    assert found.origin_kwh == {"pv": 0, "storage": 0, "grid": 9.0}
    assert (found.quality, found.visit.goes_on, found.unattributed_kwh) == ("good", False, 0)


def test_two_sessions_of_one_interval_have_their_own_registers():
    # 2 kWh a minute from 0 to 31 and from 36 to 60: the interval from 30 to 45 holds 2 of the first, 18 of the second.
    rows = [
        (minute, CHARGING if minute < 31 or 36 <= minute < 60 else FREE, 8 + (minute >= 36), 2.0 * counted)
        for minute in range(70)
        for counted in (min(minute, 31) + min(max(minute - 36, 0), 24),)
    ]
    found, balance = told([(-1, FREE, 7, 0.0), *rows])
    assert ends(found) == [(0, 31), (36, 60)]
    assert energies(found) == [62, 48]
    assert [each.quality for each in found] == ["good", "good"]
    assert (balance.registers_kwh, balance.sessions_kwh, balance.outside_kwh) == (110, 110, 0)


def test_readings_that_miss_every_full_minute_split_an_interval_as_well():
    # 0.5 kWh a quarter of a minute from 0:20 to 14:50 and from 14:50 to 20:05, read at 5, 20, 35 and 50 s.
    def row(quarter):
        second = 5 + 15 * quarter
        taken = 0.5 * max(0, min(quarter, 80) - 1)
        state = CHARGING if 20 <= second < 1205 else FREE
        return (second / 60, state, 1 + (second >= 20) + (second >= 890), taken)

    found, balance = told([row(quarter) for quarter in range(120)], period_ms=15_000)
    # 20 s is quarter 1, 890 s is quarter 59, 1205 s is quarter 80; what the second had by its first reading is its own.
    assert energies(found) == [28.5, 11.0]
    assert balance.outside_kwh == 0


def test_energy_is_attributed_interval_by_interval():
    # 3 + 3 kWh until minute 15 from photovoltaics alone; 4 + 4 kWh after it half and half.
    rows = [(13, FREE, 1, 0.0), (14, CHARGING, 2, 3.0), (15, CHARGING, 2, 6.0), (16, CHARGING, 2, 10.0)]
    rows += [(17, CHARGING, 2, 14.0), (18, FREE, 2, 14.0)]
    (found,) = sessions_of(rows, mix((1.0, 0, 0), (0, 0.5, 0.5)))
    assert found.origin_kwh == {"pv": 6.0, "storage": 4.0, "grid": 4.0}
    assert found.unattributed_kwh == 0


def test_energy_of_an_interval_without_known_sources_is_not_attributed():
    rows = [(14, FREE, 1, 0.0), (15, CHARGING, 2, 6.0), (16, CHARGING, 2, 10.0), (17, FREE, 2, 10.0)]
    (found,) = sessions_of(rows, mix((1.0, 0, 0), None))
    assert (found.energy_kwh, found.unattributed_kwh) == (10, 4)
    (later,) = sessions_of(rows, mix((1.0, 0, 0)))
    assert (later.energy_kwh, later.unattributed_kwh) == (10, 4)


def test_a_session_has_no_origin_while_it_is_under_way_or_none_is_known():
    rows = [(0, FREE, 1, 0.0), (1, CHARGING, 2, 6.0), (2, CHARGING, 2, 10.0)]
    (under_way,) = sessions_of(rows)
    assert (under_way.energy_kwh, under_way.origin_kwh, under_way.unattributed_kwh) == (10, None, None)
    (unknown,) = sessions_of([*rows, (3, FREE, 2, 10.0)], mix(None))
    assert (unknown.energy_kwh, unknown.origin_kwh, unknown.unattributed_kwh) == (10, None, 10)
    (nothing,) = sessions_of([(0, FREE, 1, 5.0), (1, OCCUPIED, 2, 5.0), (2, FREE, 2, 5.0)])
    assert (nothing.energy_kwh, nothing.origin_kwh) == (0, {"pv": 0, "storage": 0, "grid": 0})


def test_the_next_vehicle_before_the_next_reading_is_another_session():
    rows = [(0, FREE, 7, 0.0), (1, CHARGING, 8, 5.0), (2, FINISHING, 8, 5.0), (3, CHARGING, 9, 8.0), (4, FREE, 9, 9.0)]
    first, second = sessions_of(rows)
    assert (first.energy_kwh, second.energy_kwh) == (5, 4)
    assert first.visit.end_ms == second.visit.start_ms == START + 3 * MINUTE
    assert (first.quality, second.quality) == ("good", "good")


def test_a_display_tells_how_much_is_the_next_vehicles():
    # Between minutes 2 and 3 the register rises by 3 kWh; the second vehicle had 1.2 of them when it was first read.
    rows = [(0, FREE, 7, 0.0, 0.0, 0.0), (1, CHARGING, 8, 2.0, 0.0, 2.0), (2, CHARGING, 8, 5.0, 0.0, 5.0)]
    rows += [(3, CHARGING, 9, 8.0, 0.0, 1.2), (4, FREE, 9, 9.0, 0.0, 0.0)]
    first, second = sessions_of(rows)
    assert (first.energy_kwh, second.energy_kwh) == (pytest.approx(6.8), pytest.approx(2.2))
    assert (first.quality, second.quality) == ("good", "good")
    silent = [(*row[:5], NAN) for row in rows]
    former, next_one = sessions_of(silent)
    assert (former.energy_kwh, next_one.energy_kwh) == (5, 4)
    assert (former.quality, next_one.quality) == ("estimated", "estimated")


def test_a_visit_between_two_readings_is_a_session_by_its_count():
    rows = [(0, FREE, 7, 0.0), (1, FREE, 8, 0.4), (2, FREE, 8, 0.4)]
    (found,) = sessions_of(rows)
    assert (found.energy_kwh, found.visit.charging_min) == (0.4, 0)
    assert ends([found]) == [(0, 1)]


def test_a_charger_that_does_not_count_is_told_by_its_state():
    rows = [(0, FREE, -1, 0.0), (1, CHARGING, -1, 5.0), (2, FREE, -1, 5.0), (3, CHARGING, -1, 7.0), (4, FREE, -1, 7.0)]
    assert energies(sessions_of(rows)) == [5, 2]


def test_a_charger_that_does_not_count_is_told_by_its_display_when_one_vehicle_follows_another():
    # As a charger with a queue showed it: the next vehicle charges in the minute in which the first one left.
    rows = [(0, FREE, -1, 100.0, NAN, 0.0), (1, CHARGING, -1, 110.0, NAN, 10.0), (2, CHARGING, -1, 130.0, NAN, 30.0)]
    rows += [(3, FINISHING, -1, 133.0, NAN, 33.0), (4, CHARGING, -1, 133.6, NAN, 0.6)]
    rows += [(5, CHARGING, -1, 135.6, NAN, 2.6), (6, FREE, -1, 135.6, NAN, 0.0)]
    first, second = sessions_of(rows)
    assert (first.energy_kwh, first.visit.displayed_kwh) == (33, 33)
    assert (second.energy_kwh, second.visit.displayed_kwh) == (pytest.approx(2.6), 2.6)


def test_minutes_show_a_display_that_begins_anew_although_they_keep_the_highest():
    rows = [(0, FREE, -1, 0.0, NAN, 0.0), (1, CHARGING, -1, 30.0, NAN, 30.0), (2, CHARGING, -1, 31.0, NAN, 30.5)]
    rows += [(3, CHARGING, -1, 33.0, NAN, 2.5), (4, FREE, -1, 33.0, NAN, 2.5)]
    minutes = shown(rows, read=False)
    assert len(visits_of(minutes, MINUTE)) == 2
    # Those in which something changed are looked at reading by reading.
    assert ((changes_ms(minutes) - START) // MINUTE).tolist() == [0, 1, 3, 4]


def test_a_display_that_falls_while_a_vehicle_gives_back_begins_no_session():
    rows = [(0, FREE, -1, 0.0, 0.0, 0.0), (1, CHARGING, -1, 10.0, 0.0, 10.0), (2, DISCHARGING, -1, 10.0, 2.0, 8.0)]
    rows += [(3, CHARGING, -1, 10.5, 3.0, 7.5), (4, FREE, -1, 10.5, 3.0, 7.5)]
    (found,) = sessions_of(rows)
    assert (found.energy_kwh, found.returned_kwh) == (10.5, 3)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([7, 8, 8, 8, 8], 1),
        ([7, 8, -1, 8, 8], 1),
        ([7, 8, 7, 8, 7], 1),  # a number that comes again
        ([7, 8, 9999, 8, 8], 1),  # one that nobody counted up to
        ([812, 813, 813, 0, 0], 1),  # the count begins anew while the vehicle is there
        ([812, 813, 0, 1, 1], 2),  # and goes on from there
        ([7, 8, 8, 9, 9], 2),
    ],
)
def test_sessions_are_as_many_as_the_count_rises_for_good(counts, expected):
    rows = [(0, FREE, counts[0], 0.0)]
    rows += [(minute, CHARGING, count, 2.0 * minute) for minute, count in enumerate(counts[1:], 1)]
    found, balance = told([*rows, (5, FREE, counts[-1], 8.0)])
    assert len(found) == expected
    assert (sum(energies(found)), balance.outside_kwh) == (8, 0)


def test_a_gap_inside_a_session_leaves_its_energy_and_marks_it():
    # Minutes 12 to 17 are missing: 7 kWh from 11 to 18, of which four sevenths lie before minute 15.
    rows = [(10, FREE, 1, 0.0), (11, CHARGING, 2, 2.0), (18, CHARGING, 2, 9.0), (19, FREE, 2, 9.0)]
    (found,) = sessions_of(rows, mix((1.0, 0, 0), (0, 0, 1.0)))
    assert (found.energy_kwh, found.quality) == (9, "estimated")
    assert found.origin_kwh == {"pv": pytest.approx(6), "storage": 0, "grid": pytest.approx(3)}
    # Of its eight minutes two were told.
    assert found.visit.coverage_pct == 25


def test_what_was_counted_in_a_gap_with_other_vehicles_is_nobodys():
    # Three more have been counted after the gap: 20 kWh in it are of one of them, nobody knows of which.
    rows = [(0, FREE, 1, 0.0), (1, CHARGING, 2, 2.0), (10, CHARGING, 5, 22.0), (11, FREE, 5, 24.0)]
    found, balance = told(rows)
    assert energies(found) == [2, 2]
    assert [each.quality for each in found] == ["estimated", "estimated"]
    assert (balance.registers_kwh, balance.sessions_kwh, balance.outside_kwh) == (24, 4, 20)


def test_one_vehicle_that_came_in_a_gap_has_what_was_counted_in_it():
    rows = [(0, FREE, 1, 0.0), (10, CHARGING, 2, 12.0), (11, FREE, 2, 14.0)]
    found, balance = told(rows)
    assert (energies(found), balance.outside_kwh) == ([14], 0)


def test_minutes_left_out_while_free_are_no_gap():
    rows = [(minute, FREE, 1, 5.0) for minute in range(40)] + [(40, CHARGING, 2, 8.0), (41, FREE, 2, 8.0)]
    (found,) = sessions_of(rows)
    assert (found.energy_kwh, found.quality) == (3, "good")
    assert ends([found]) == [(40, 41)]


def test_a_vehicle_that_gives_back():
    rows = [(0, FREE, 1, 5.0, 1.0, NAN), (1, DISCHARGING, 2, 5.0, 3.0, NAN), (2, FREE, 2, 5.0, 3.5, NAN)]
    (found,) = sessions_of(rows)
    assert (found.energy_kwh, found.returned_kwh, found.visit.charging_min) == (0, 2.5, 1)


def test_peak_and_state_of_charge_are_those_of_the_readings_with_a_vehicle():
    # The reading of minute 0 is of nobody, that of minute 5 of a charger that is free again.
    rows = [(0, FREE, 1, 0.0, 0.0, NAN, 99.0, 80.0), (1, OCCUPIED, 2, 0.0, 0.0, NAN, 0.0, NAN)]
    rows += [(2, CHARGING, 2, 2.0, 0.0, NAN, 120.5, 31.0), (3, CHARGING, 2, 4.0, 0.0, NAN, 118.0, 34.5)]
    rows += [(4, FINISHING, 2, 4.0, 0.0, NAN, 0.0, 35.0), (5, FREE, 2, 4.0, 0.0, NAN, 77.0, 12.0)]
    (found,) = sessions_of(rows)
    assert (found.visit.peak_kw, found.visit.soc_start_pct, found.visit.soc_end_pct) == (120.5, 31.0, 35.0)
    assert found.visit.coverage_pct == 100


def test_what_is_not_measured_has_no_peak_and_what_only_gives_back_has_none_above_zero():
    rows = [(0, FREE, 1, 5.0, 1.0), (1, CHARGING, 2, 5.0, 1.0), (2, FREE, 2, 5.0, 1.0)]
    silent = sessions_of(rows)[0].visit
    assert (silent.peak_kw, silent.soc_start_pct, silent.soc_end_pct) == (None, None, None)
    rows = [(0, FREE, 1, 5.0, 1.0, NAN, 0.0, NAN), (1, DISCHARGING, 2, 5.0, 3.0, NAN, -60.0, 70.0)]
    (giving,) = sessions_of([*rows, (2, FREE, 2, 5.0, 3.0, NAN, 0.0, NAN)])
    assert (giving.visit.peak_kw, giving.returned_kwh, giving.visit.soc_start_pct) == (0, 2, 70)


def test_a_charger_without_a_register_is_told_by_its_display_as_an_estimate():
    rows = [(0, FREE, 1, NAN, NAN, NAN), (1, CHARGING, 2, NAN, NAN, 4.0), (2, CHARGING, 2, NAN, NAN, 9.0)]
    rows += [(3, CHARGING, 3, NAN, NAN, 2.0), (4, FREE, 3, NAN, NAN, 2.0)]
    first, second = sessions_of(rows)
    assert (first.energy_kwh, second.energy_kwh, first.quality) == (9, 2, "estimated")
    assert first.origin_kwh == {"pv": 0, "storage": 0, "grid": 9}
    assert first.returned_kwh == 0
    nothing = charging_session(
        visits_of(shown([(0, FREE, 1, NAN), (1, CHARGING, 2, NAN)]), MINUTE)[0], None, None, ALL_GRID
    )
    assert (nothing.energy_kwh, nothing.quality, nothing.origin_kwh) == (None, "incomplete", None)


def test_a_zero_in_mid_session_is_no_energy():
    # 4,113 kWh on the register, 2 kWh a minute, one reading of zero in the middle.
    rows = [(minute, CHARGING, 8, 4_113.0 + 2 * minute) for minute in range(1, 20)]
    rows[9] = (10, CHARGING, 8, 0.0)
    found, balance = told([(0, FREE, 7, 4_113.0), *rows, (20, FREE, 8, 4_153.0)], limit_kw=180)
    assert (energies(found), balance.registers_kwh, balance.outside_kwh) == ([40], 40, 0)


def test_an_end_whose_reading_is_false_lies_on_the_line_between_its_neighbours_and_says_so():
    rows = [(0, FREE, 7, 100.0), (1, CHARGING, 8, 102.0), (2, FINISHING, 8, 104.0), (3, FREE, 8, 0.0)]
    rows += [(4, CHARGING, 9, 105.0), (5, FREE, 9, 107.0)]
    found, balance = told(rows, limit_kw=180)
    # 1 kWh from minute 2 to minute 4, half of it before minute 3.
    assert energies(found) == [4.5, 2.5]
    assert [each.quality for each in found] == ["estimated", "estimated"]
    assert (balance.registers_kwh, balance.outside_kwh) == (7, 0)


STATES = st.sampled_from([FREE, OCCUPIED, CHARGING, FINISHING, FAULT])
STEP = st.tuples(STATES, st.sampled_from([0, 0, 0, 1, 2, -1]), st.integers(0, 5_000), st.sampled_from([1, 1, 1, 2, 13]))


@drawn(st.lists(STEP, min_size=1, max_size=60), st.booleans(), st.sampled_from(["true", "zeros", "reset"]))
def test_sessions_and_what_is_of_none_are_the_register(steps, counts, fault):
    """Whatever the charger shows, for gaps, counts that fall, zeros and resets: nothing is counted twice or lost."""
    rows, minute, count, register = [(-1, FREE, 3, 50.0)], -1, 3, 50.0
    for place, (state, risen, wh, pause) in enumerate(steps):
        minute += pause
        count = max(0, count + risen)
        register += wh / 1000
        told_kwh = 0.0 if fault == "zeros" and place % 5 == 4 else register
        if fault == "reset" and place == len(steps) // 2:
            register = told_kwh = 0.0
        rows.append((minute, state, count if counts else -1, told_kwh))
    found, balance = told(rows, mix(*[(0.25, 0.25, 0.5)] * 200), limit_kw=1e6)
    parts = [part for part in (balance.sessions_kwh, balance.outside_kwh) if part is not None]
    assert (balance.registers_kwh or 0) == pytest.approx(sum(parts), abs=1e-9)
    # Across a reset that nobody can tell from a fault nothing is known.
    assert balance.sessions_kwh == pytest.approx(sum(each.energy_kwh or 0 for each in found), abs=1e-9)
    assert all((each.energy_kwh or 0) >= 0 for each in found)
    if fault == "true":
        assert balance.registers_kwh == pytest.approx(register - 50.0, abs=1e-9)
    pairs = zip(found, found[1:], strict=False)
    assert all(former.visit.to_ms <= later.visit.from_ms for former, later in pairs)
    for each in found:
        if each.origin_kwh is not None:
            total = sum(each.origin_kwh.values()) + each.unattributed_kwh
            assert total == pytest.approx(each.energy_kwh, abs=1e-9)
    assert np.all([each.visit.goes_on for each in found[:-1]]) == (len(found) < 2)
