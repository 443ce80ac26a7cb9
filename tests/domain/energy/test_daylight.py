"""Photovoltaics across a gap: nothing at night, every Wh kept, the same however it is cut."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.energy import (
    NOT_GOOD,
    Daylight,
    Grid,
    IntervalQuality,
    IntervalTable,
    Neighbours,
    Opening,
    RegisterRule,
    Spread,
    interval_energy,
    metered,
)
from parkgrid_domain.energy.between import Instants, energy_between
from parkgrid_domain.energy.daylight import FULL
from tests.domain.energy.test_conservation import of_one

QUARTER_MS = 900_000
HOUR_MS = 3_600_000
EQUATOR = Daylight("UTC", 0.0, 0.0)
"""At an equinox the sun is up there from about 6 to 18 h UTC, and in the zenith at noon."""
CLOCK = Daylight("Asia/Shanghai")
MIDNIGHT = int(datetime(2026, 3, 20, tzinfo=UTC).timestamp()) * 1000
"""Of the equinox, UTC."""


def rule(daylight: Daylight | None, limit_kw: float | None = 1500.0) -> RegisterRule:
    return RegisterRule((), 300_000, limit_kw, daylight)


def across(
    daylight: Daylight | None, from_h: float, to_h: float, rise_wh: int, limit_kw: float | None = 1500.0
) -> IntervalTable:
    """The hours of two days from the equinox's midnight: steady readings of a standing count, but for one gap."""
    step = 300_000
    low, high = round(from_h * HOUR_MS), round(to_h * HOUR_MS)
    before = list(range(MIDNIGHT, MIDNIGHT + low + 1, step))
    after = list(range(MIDNIGHT + high, MIDNIGHT + 48 * HOUR_MS + 1, step))
    steps = [10**6] * len(before) + [10**6 + rise_wh] * len(after)
    return interval_energy(of_one(before + after, steps), [rule(daylight, limit_kw)], Grid(MIDNIGHT, HOUR_MS, 48))


def test_a_gap_over_a_night_has_none_of_its_energy_in_the_night() -> None:
    """From noon to noon at the equator, 2,000 kWh: half a sine before 18 h, half a sine after 6 h, nothing between.

    The integral of cos(pi/12 x t) from hour a to hour b after noon is 12/pi x (sin(b) - sin(a)); half of the energy
    lies on each side: 1000 x sin 15° = 258.82 kWh from 12 h on, 1000 x (1 - sin 75°) = 34.07 kWh from 17 h on.
    """
    table = across(EQUATOR, 12, 36, 2_000_000)
    kwh = table.energy_wh[0] / 1000
    assert int(table.energy_wh.sum()) == 2_000_000
    assert kwh[19:29].tolist() == [0.0] * 10
    expected = [1000 * (np.sin(np.radians(15 * (h + 1))) - np.sin(np.radians(15 * h))) for h in range(6)]
    # Noon by the sun is 7.5 minutes later than by the clock on that day (equation of time), which moves 3 % of an hour.
    np.testing.assert_allclose(kwh[12:18], expected, atol=12)
    np.testing.assert_allclose(kwh[30:36], expected[::-1], atol=12)
    assert table.spread[0, 12:36].tolist() == [Spread.SUN] * 24
    assert table.quality[0, 12:36].tolist() == [IntervalQuality.ESTIMATED] * 24
    assert not table.spread[0, :12].any()
    assert not table.spread[0, 36:].any()


def test_the_night_is_the_place_s_own() -> None:
    """In Shenzhen the sun of the equinox is up from about 6:25 to 18:33 China time, 22:25 to 10:33 UTC."""
    shenzhen = Daylight("Asia/Shanghai", 22.69, 114.35)
    wh = across(shenzhen, 4, 28, 2_000_000).energy_wh[0]
    assert wh[11:22].tolist() == [0] * 11
    assert (wh[4:11] > 0).all()
    assert (wh[22:28] > 0).all()
    assert int(wh.sum()) == 2_000_000


def test_without_coordinates_the_clock_of_the_park_tells_night() -> None:
    """Light from 6 to 18 h in Shanghai is 22 to 10 h UTC; the middle hours of a day's half sine are known.

    From 10 to 34 h UTC lies one whole day of light, half a sine: the hour after its start has (1 - cos 15°)/2 of it.
    """
    table = across(CLOCK, 10, 34, 1_000_000)
    wh = table.energy_wh[0]
    expected = [5e5 * (np.cos(np.radians(15 * h)) - np.cos(np.radians(15 * (h + 1)))) for h in range(12)]
    assert wh[10:22].tolist() == [0] * 12
    np.testing.assert_allclose(wh[22:34], expected, atol=25)
    assert int(wh.sum()) == 1_000_000
    assert table.spread[0, 10:34].tolist() == [Spread.CLOCK] * 24


def test_the_clock_follows_summer_time() -> None:
    """6 h in Berlin is 5 h UTC in winter and 4 h in summer."""
    berlin = Daylight("Europe/Berlin")
    for day, rises in (("2026-01-15", 5), ("2026-07-15", 4)):
        first = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1000) // 300_000
        bright = berlin.of(np.arange(first, first + 288))
        assert np.flatnonzero(bright).tolist() == list(range(rises * 12, (rises + 12) * 12))
        assert 0 <= bright.min() <= bright.max() <= FULL


def test_what_rose_wholly_at_night_is_even_and_estimated() -> None:
    table = across(EQUATOR, 20, 28, 8_000)
    assert table.energy_wh[0, 20:28].tolist() == [1_000] * 8
    assert table.quality[0, 20:28].tolist() == [IntervalQuality.ESTIMATED] * 8
    assert not table.spread.any()


def test_more_than_the_power_of_the_light_is_even() -> None:
    """1,300 kWh from 17 h to 6 h: 100 kW all the time is possible for 300 kW, all of it before sunset is not."""
    table = across(EQUATOR, 17, 30, 1_300_000, limit_kw=300.0)
    assert table.energy_wh[0, 17:30].tolist() == [100_000] * 13
    assert not table.spread.any()


def test_other_registers_stay_even() -> None:
    table = across(None, 12, 36, 2_400_000)
    assert table.energy_wh[0, 12:36].tolist() == [100_000] * 24
    assert not table.spread.any()


def test_registers_of_several_places_do_not_mix() -> None:
    places = [EQUATOR, None, CLOCK, EQUATOR]
    readings = of_one([MIDNIGHT, MIDNIGHT + 24 * HOUR_MS], [0, 10**6])
    many = replace(
        readings,
        **{name: np.tile(getattr(readings, name), len(places)) for name in ("at_ms", "steps", "trust", "late")},
        register=np.repeat(np.arange(len(places), dtype=np.int32), 2),
    )
    grid = Grid(MIDNIGHT, QUARTER_MS, 96)
    together = interval_energy(many, [rule(place) for place in places], grid)
    for number, place in enumerate(places):
        alone = interval_energy(readings, [rule(place)], grid)
        assert together.energy_wh[number].tolist() == alone.energy_wh[0].tolist()
        assert set(together.spread[number].tolist()) == {Spread.EVEN if place is None else place.spread}


places = st.builds(
    Daylight,
    st.sampled_from(["Asia/Shanghai", "Australia/Lord_Howe", "America/New_York"]),
    st.none(),
    st.none(),
) | st.builds(Daylight, st.just("UTC"), st.floats(-89, 89), st.floats(-179, 179))


@given(
    places,
    st.lists(st.tuples(st.integers(1, 40 * HOUR_MS), st.integers(0, 9_000)), min_size=2, max_size=8),
    st.lists(st.integers(1, 100_000_000), min_size=1, max_size=12, unique=True),
)
def test_every_watt_hour_is_kept_however_it_is_cut(
    place: Daylight, way: list[tuple[int, int]], cuts: list[int]
) -> None:
    """Between the first and the last reading lies what the register rose by; coarser cuts are sums of finer ones."""
    at_ms = (MIDNIGHT + np.cumsum([0, *(gap for gap, _ in way)])).tolist()
    steps = np.cumsum([500, *(rise for _, rise in way)]).tolist()
    readings, known = of_one(at_ms, steps), [rule(place, 1e7)]
    inner = sorted(MIDNIGHT + cut for cut in cuts if MIDNIGHT + cut < at_ms[-1])
    coarse = np.array([at_ms[0], *inner, at_ms[-1]])
    fine = np.unique(np.concatenate([coarse, np.arange(at_ms[0], at_ms[-1], QUARTER_MS)]))
    told, _ = energy_between(readings, known, Instants(coarse, QUARTER_MS))
    parts, _ = energy_between(readings, known, Instants(fine, QUARTER_MS))
    assert int(told.sum()) == steps[-1] - steps[0]
    assert parts.min() >= 0
    edges = np.searchsorted(fine, coarse)
    assert [int(part.sum()) for part in np.split(parts[0], edges[1:-1])] == told[0].tolist()


def test_a_round_that_begins_inside_a_gap_tells_the_same() -> None:
    """Going on from a belief within the gap gives the intervals that the whole gives."""
    at_ms = [MIDNIGHT + number * 300_000 for number in range(13)] + [MIDNIGHT + 40 * HOUR_MS, MIDNIGHT + 41 * HOUR_MS]
    readings = of_one(at_ms, [0] * 13 + [900_000, 900_000])
    whole = interval_energy(readings, [rule(EQUATOR)], Grid(MIDNIGHT, QUARTER_MS, 164))

    begin_ms = MIDNIGHT + 8 * HOUR_MS
    first = metered(readings, [rule(EQUATOR)], Grid(MIDNIGHT, QUARTER_MS, 32), [Opening(edges_ms=(begin_ms,))])
    opening = Opening(first.courses[0].beliefs[0], begin_ms)
    rest = metered(readings, [rule(EQUATOR)], Grid(begin_ms, QUARTER_MS, 132), [opening])
    assert rest.table.energy_wh[0].tolist() == whole.energy_wh[0, 32:].tolist()
    assert rest.table.spread[0].tolist() == whole.spread[0, 32:].tolist()


NEIGHBOUR = [0] * 24 + [500, 1_500, 3_000, 6_000, 12_000, 12_000, 9_000, 6_000, 3_000, 0, 0, 0]
"""Wh of each hour from the equinox's noon on: nothing until the next noon, then a day by a sun of its own."""


def beside(*rows: list[int], daylight: Daylight = CLOCK, from_h: float = 12, to_h: float = 48) -> IntervalTable:
    """A gap of 100 kWh in which others counted so much from noon on."""
    others = Neighbours(MIDNIGHT + 12 * HOUR_MS, HOUR_MS, np.array(rows, np.int64))
    known = replace(rule(daylight), neighbours=others)
    at_ms = [MIDNIGHT, MIDNIGHT + round(from_h * HOUR_MS), MIDNIGHT + round(to_h * HOUR_MS)]
    return interval_energy(of_one(at_ms, [0, 0, 100_000]), [known], Grid(MIDNIGHT, HOUR_MS, 48))


def test_neighbours_that_were_read_all_through_give_the_shape() -> None:
    """53 kWh of the neighbour are 100 kWh of the gap: its share of each hour is that of the neighbour's."""
    table = beside(NEIGHBOUR)
    expected = np.array(NEIGHBOUR) / sum(NEIGHBOUR) * 100_000
    np.testing.assert_allclose(table.energy_wh[0, 12:], expected, atol=10)
    assert table.energy_wh[0, 12:36].tolist() == [0] * 24
    assert int(table.energy_wh.sum()) == 100_000
    assert table.spread[0, 12:].tolist() == [Spread.NEIGHBOURS] * 36
    assert not table.spread[0, :12].any()
    assert table.quality[0, 12:].tolist() == [IntervalQuality.ESTIMATED] * 36


def test_several_neighbours_are_added_and_one_with_a_gap_is_left_out() -> None:
    flat = [1_000] * 36
    holed = [*flat[:-1], NOT_GOOD]
    both = beside(NEIGHBOUR, flat, holed)
    total = np.array(NEIGHBOUR) + 1_000
    np.testing.assert_allclose(both.energy_wh[0, 12:], total / total.sum() * 100_000, atol=30)
    assert beside(NEIGHBOUR, holed).energy_wh.tolist() == beside(NEIGHBOUR).energy_wh.tolist()


def test_without_a_neighbour_that_tells_the_clock_does() -> None:
    """Nobody; one with a hole; one that counted nothing; intervals that do not reach over the whole gap."""
    clock = across(CLOCK, 12, 48, 100_000)
    for others in ([], [[*NEIGHBOUR[:20], NOT_GOOD, *NEIGHBOUR[21:]]], [[0] * 36], [NEIGHBOUR[:-1]]):
        table = beside(*others) if others else beside([NOT_GOOD] * 36)
        assert table.energy_wh[0, 12:].tolist() == clock.energy_wh[0, 12:].tolist()
        assert table.spread[0, 12:].tolist() == [Spread.CLOCK] * 36


def test_what_a_neighbour_cannot_explain_at_the_power_of_the_register_is_left_to_the_clock() -> None:
    """All of 1,000 kWh within the neighbour's single hour would need 1,000 kW of 300."""
    one_hour = [0] * 30 + [5_000] + [0] * 5
    others = Neighbours(MIDNIGHT + 12 * HOUR_MS, HOUR_MS, np.array([one_hour], np.int64))
    known = replace(rule(CLOCK, 300.0), neighbours=others)
    readings = of_one([MIDNIGHT, MIDNIGHT + 12 * HOUR_MS, MIDNIGHT + 48 * HOUR_MS], [0, 0, 1_000_000])
    table = interval_energy(readings, [known], Grid(MIDNIGHT, HOUR_MS, 48))
    assert set(table.spread[0, 12:].tolist()) == {Spread.CLOCK}


def test_gaps_of_one_register_each_have_their_own_light() -> None:
    """A gap that a neighbour saw and one that it did not: each interval says by which, the handover by the weaker."""
    others = Neighbours(MIDNIGHT, HOUR_MS, np.array([[1_000] * 30 + [NOT_GOOD] * 18], np.int64))
    known = replace(rule(CLOCK), neighbours=others)
    at_ms = [MIDNIGHT + round(hour * HOUR_MS) for hour in (0, 10.5, 28.5, 29, 40)]
    table = interval_energy(of_one(at_ms, [0, 0, 18_000, 18_000, 30_000]), [known], Grid(MIDNIGHT, HOUR_MS, 40))
    assert table.energy_wh[0, 10:29].tolist() == [500, *[1_000] * 17, 500]
    assert table.spread[0, 10:29].tolist() == [Spread.NEIGHBOURS] * 19
    assert table.spread[0, 29:].tolist() == [Spread.CLOCK] * 11
