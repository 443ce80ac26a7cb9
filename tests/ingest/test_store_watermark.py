"""The arithmetic of watermarks, against sets of whole numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.telemetry import Ack
from parkgrid_ingest.store import watermark
from parkgrid_ingest.store.watermark import Watermark

seqs = st.sets(st.integers(1, 60), max_size=30)


def ranges_of(numbers):
    return watermark.union([(number, number + 1) for number in numbers])


def numbers_of(ranges):
    return {number for low, high in ranges for number in range(low, high)}


@given(seqs)
def test_ranges_hold_what_they_were_made_of(numbers):
    ranges = ranges_of(numbers)
    assert numbers_of(ranges) == numbers
    assert {number for number in range(70) if watermark.contains(ranges, number)} == numbers
    assert watermark.parse(watermark.render(ranges)) == ranges
    assert all(before[1] < after[0] for before, after in zip(ranges, ranges[1:], strict=False))


@given(seqs, seqs)
def test_union_and_difference_are_those_of_sets(one, other):
    assert numbers_of(watermark.union(ranges_of(one), ranges_of(other))) == one | other
    assert numbers_of(watermark.minus(ranges_of(one), ranges_of(other))) == one - other


@given(st.lists(st.tuples(st.sets(st.integers(1, 40), max_size=8), st.integers(1, 40)), max_size=8))
def test_whatever_the_order_the_ack_covers_what_came_and_what_was_given_up(steps):
    mark, came, floor = Watermark(), set(), 1
    for new, new_floor in steps:
        mark = mark.advanced(sorted(new - came), new_floor)
        came |= new
        floor = max(floor, new_floor)
        ack = mark.ack(7)
        done = came | set(range(1, floor))
        assert {number for number in range(1, 50) if ack.covers(number)} == done
        assert numbers_of(mark.passed) == done - came


@pytest.mark.parametrize(
    ("committed", "expected"),
    [
        ((), Ack(7, 0)),
        (((1, 4),), Ack(7, 3)),
        (((2, 4), (9, 10)), Ack(7, 0, ((2, 3), (9, 9)))),
        (((1, 2), (5, 7)), Ack(7, 1, ((5, 6),))),
    ],
)
def test_acks_of_known_watermarks(committed, expected):
    assert Watermark(committed).ack(7) == expected


def test_an_ack_names_at_most_64_ranges():
    mark = Watermark(tuple((n, n + 1) for n in range(2, 400, 2)))
    assert len(mark.ack(7).beyond) == 64
