"""Energy from samples of power, areas computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.energy import Direction, Grid, IntervalQuality, Readings, RegisterRule, integrated_power

QUARTER_MS = 900_000
START_MS = 1_700_000_100_000
RULE = RegisterRule((), 900_000, None)


def samples(*points: tuple[int, int]) -> Readings:
    """Samples of one device: (minutes after the start, watts)."""
    return Readings(
        np.zeros(len(points), dtype=np.int32),
        np.array([START_MS + minute * 60_000 for minute, _ in points], dtype=np.int64),
        np.array([watts for _, watts in points], dtype=np.int64),
        np.ones(len(points), dtype=np.int8),
        np.zeros(len(points), dtype=np.bool_),
    )


@pytest.mark.parametrize(
    ("points", "drawn_wh", "fed_wh"),
    [
        # 4 kW for 15 min
        ([(0, 4_000), (15, 4_000)], 1_000, 0),
        # from 2 to 6 kW: mean 4 kW
        ([(0, 2_000), (15, 6_000)], 1_000, 0),
        # -4 kW: the other direction only
        ([(0, -4_000), (15, -4_000)], 0, 1_000),
        # 6 to -2 kW crosses zero after 3/4: 3 kW mean * 11.25 min = 562.5 Wh; 1 kW mean * 3.75 min = 62.5 Wh
        ([(0, 6_000), (15, -2_000)], 563, 63),
    ],
)
def test_areas_of_both_directions(points: list[tuple[int, int]], drawn_wh: int, fed_wh: int) -> None:
    grid = Grid(START_MS, QUARTER_MS, 1)
    drawn = integrated_power(samples(*points), [RULE], grid, Direction.IMPORT)
    fed = integrated_power(samples(*points), [RULE], grid, Direction.EXPORT)
    assert (drawn.energy_wh[0, 0], fed.energy_wh[0, 0]) == (drawn_wh, fed_wh)
    assert drawn.quality[0, 0] == fed.quality[0, 0] == IntervalQuality.ESTIMATED


def test_edges_between_samples_cut_the_line() -> None:
    """0 to 6 kW over minutes 10..20, so 3 kW at 15: 1.5 kW mean * 5 min = 125 Wh before, 4.5 kW * 5 min = 375 after."""
    given_samples = samples((0, 0), (10, 0), (20, 6_000), (30, 6_000))
    table = integrated_power(given_samples, [RULE], Grid(START_MS, QUARTER_MS, 2), Direction.IMPORT)
    # after: 375 Wh, then 6 kW * 10 min = 1000 Wh
    assert table.energy_wh[0].tolist() == [125, 1_375]


def test_silence_longer_than_an_interval_is_not_bridged() -> None:
    table = integrated_power(
        samples((0, 4_000), (15, 4_000), (40, 4_000), (60, 4_000)),
        [RULE],
        Grid(START_MS - QUARTER_MS, QUARTER_MS, 6),
        Direction.IMPORT,
    )
    # before the first sample, in the 25 and the 20 minutes of silence, after the last sample
    assert table.quality[0].tolist() == [0, 2, 0, 0, 0, 0]
    assert table.energy_wh[0].tolist() == [0, 1_000, 0, 0, 0, 0]


def test_bad_and_impossible_samples_do_not_count() -> None:
    given_samples = samples((0, 4_000), (5, 900_000), (15, 4_000))
    limited = RegisterRule((), 300_000, 100.0)
    table = integrated_power(given_samples, [limited], Grid(START_MS, QUARTER_MS, 1), Direction.IMPORT)
    assert (table.energy_wh[0, 0], table.received[0, 0], table.valid[0, 0]) == (1_000, 2, 1)


def test_without_samples_everything_is_missing() -> None:
    table = integrated_power(samples(), [RULE], Grid(START_MS, QUARTER_MS, 2), Direction.IMPORT)
    assert table.quality.tolist() == [[0, 0]]
    assert table.expected.tolist() == [[1, 1]]


@given(st.lists(st.integers(-500_000, 500_000), min_size=5, max_size=40))
def test_import_less_export_is_the_signed_integral(watts: list[int]) -> None:
    """Trapezoids of the signed power; each direction rounds by half a Wh."""
    points = samples(*[(5 * n, value) for n, value in enumerate(watts)])
    grid = Grid(START_MS, QUARTER_MS, (len(watts) - 1) // 3)
    drawn = integrated_power(points, [RULE], grid, Direction.IMPORT).energy_wh[0]
    fed = integrated_power(points, [RULE], grid, Direction.EXPORT).energy_wh[0]
    for slot in range(grid.count):
        a, b, c, d = watts[3 * slot : 3 * slot + 4]
        assert abs(drawn[slot] - fed[slot] - (a / 2 + b + c + d / 2) / 12) <= 1.001
