"""What is drawn as a gap: a silence that is long for the device and beside the spacing of the readings around it."""

import itertools
from typing import Any

import pytest

from tests.web.sources import call

SECOND, MINUTE = 1_000, 60_000
HOUR = 60 * MINUTE


def every(step_ms: int, from_ms: int, to_ms: int) -> list[int]:
    return list(range(from_ms, to_ms, step_ms))


def buckets(at_ms: list[int], bucket_ms: int = MINUTE) -> tuple[list[int], list[int]]:
    """As the store rolls readings up: the buckets that have any, and how many each has."""
    counted = [(at, len(list(group))) for at, group in itertools.groupby(at // bucket_ms * bucket_ms for at in at_ms)]
    return [at for at, _ in counted], [count for _, count in counted]


def gaps(at_ms: list[int], samples: list[int] | None, usual_ms: float) -> list[tuple[int, int]]:
    """From the reading before to the reading after each gap."""
    marked = call("gaps.ts", "gapsBefore", at_ms, samples or [1] * len(at_ms), usual_ms)
    assert len(marked) == len(at_ms)
    return [(at_ms[place - 1], at_ms[place]) for place, gap in enumerate(marked) if gap]


OF_A_SECOND_IN_MINUTES = 2.5 * MINUTE
"""What is usual for a device of one second that is drawn by the minute."""


@pytest.mark.parametrize("step_ms", [SECOND, 5 * MINUTE, 15 * MINUTE, HOUR])
def test_a_constant_period_has_no_gap(step_ms: int) -> None:
    at, samples = buckets(every(step_ms, 0, 12 * HOUR))
    assert gaps(at, samples, OF_A_SECOND_IN_MINUTES) == []


@pytest.mark.parametrize(("first_ms", "then_ms"), [(5 * MINUTE, SECOND), (SECOND, 5 * MINUTE)])
def test_a_change_of_the_period_is_no_gap(first_ms: int, then_ms: int) -> None:
    at, samples = buckets(every(first_ms, 0, 2 * HOUR) + every(then_ms, 2 * HOUR, 4 * HOUR))
    assert gaps(at, samples, OF_A_SECOND_IN_MINUTES) == []


@pytest.mark.parametrize("step_ms", [SECOND, 5 * MINUTE])
def test_half_an_hour_of_silence_is_a_gap(step_ms: int) -> None:
    at = every(step_ms, 0, 2 * HOUR + step_ms) + every(step_ms, 2 * HOUR + 30 * MINUTE, 4 * HOUR)
    rolled, samples = buckets(at)
    assert gaps(rolled, samples, OF_A_SECOND_IN_MINUTES) == [(2 * HOUR, 2 * HOUR + 30 * MINUTE)]
    # The same in raw readings of a device that reports so often at present.
    assert gaps(at, None, 2.5 * step_ms) == [(2 * HOUR, 2 * HOUR + 30 * MINUTE)]


def test_an_outage_at_the_change_of_the_period_is_a_gap() -> None:
    at, samples = buckets(every(5 * MINUTE, 0, 2 * HOUR) + every(SECOND, 3 * HOUR, 4 * HOUR))
    assert gaps(at, samples, OF_A_SECOND_IN_MINUTES) == [(2 * HOUR - 5 * MINUTE, 3 * HOUR)]


def test_single_readings_in_an_outage_stay_alone() -> None:
    alone = [2 * HOUR + 20 * MINUTE, 2 * HOUR + 47 * MINUTE]
    at, samples = buckets([*every(SECOND, 0, 2 * HOUR), *alone, *every(SECOND, 3 * HOUR, 4 * HOUR)])
    last = 2 * HOUR - MINUTE
    assert gaps(at, samples, OF_A_SECOND_IN_MINUTES) == [(last, alone[0]), (alone[0], alone[1]), (alone[1], 3 * HOUR)]


def test_few_readings_say_nothing_of_a_spacing() -> None:
    at, samples = buckets([0, HOUR, 2 * HOUR])
    assert gaps(at, samples, OF_A_SECOND_IN_MINUTES) == [(0, HOUR), (HOUR, 2 * HOUR)]


def test_a_device_that_comes_and_goes_is_not_a_slow_one() -> None:
    """Minutes full of readings, three to four minutes apart: sixty readings a minute are no spacing of minutes."""
    starts = [4 * MINUTE * turn for turn in range(20)]
    at, samples = buckets([at for start in starts for at in every(SECOND, start, start + MINUTE)])
    assert len(gaps(at, samples, OF_A_SECOND_IN_MINUTES)) == len(starts) - 1


def day(kw: list[float | None], samples: list[int], period_ms: int, bucket_ms: int = MINUTE) -> dict[str, object]:
    """One part of a day as the api answers it."""
    curve = {"devices": 1, "kw": kw, "reporting": [int(known is not None) for known in kw], "samples": samples}
    at = [index * bucket_ms for index in range(len(kw))]
    return {"bucket_ms": bucket_ms, "period_ms": period_ms, "at_ms": at, "power": {"grid": curve}}


def test_a_day_of_two_periods_is_drawn_through_and_its_outage_is_not() -> None:
    slow = [float(minute) if minute % 5 == 0 else None for minute in range(120)]
    outage: list[float | None] = [None] * 30
    fast = [150.0 + minute for minute in range(60)]
    counts = [int(kw is not None) for kw in slow] + [0] * 30 + [60] * 60
    drawn = call("gaps.ts", "drawn", day([*slow, *outage, *fast], counts, SECOND), "grid")
    # Between readings of five minutes a straight line; what lies between 1:55 and 2:30 is not known.
    assert drawn[:116] == [float(minute) for minute in range(116)]
    assert drawn[116:150] == [None] * 34
    assert drawn[150:] == fast


def class_day(part: str, kw: list[float | None], reporting: list[int], period_ms: int = SECOND) -> dict[str, Any]:
    """A day in minutes of a class of devices, `reporting` of which gave a power in each."""
    none = {"devices": 0, "kw": [None] * len(kw), "reporting": [0] * len(kw), "samples": [0] * len(kw)}
    samples = [60 * SECOND // period_ms * count for count in reporting]
    curve = {"devices": max(reporting), "kw": kw, "reporting": reporting, "samples": samples}
    at = [index * MINUTE for index in range(len(kw))]
    power = dict.fromkeys(("pv", "storage", "grid", "load", "ev"), none) | {part: curve}
    return {"bucket_ms": MINUTE, "period_ms": period_ms, "at_ms": at, "power": power}


def test_a_silent_meter_is_hatched() -> None:
    """537 kW of two meters, one of them silent for half an hour: what the other one counts, 13.8 kW, is no load."""
    kw: list[float | None] = [537.0] * 60 + [13.8] * 30 + [537.0] * 60
    shown = class_day("load", kw, [2] * 60 + [1] * 30 + [2] * 60)
    assert call("gaps.ts", "partialSpells", shown) == [[60 * MINUTE, 90 * MINUTE]]
    # It stays silent: hatched up to the newest reading.
    shown = class_day("load", kw[:90], [2] * 60 + [1] * 30)
    assert call("gaps.ts", "partialSpells", shown) == [[60 * MINUTE, 90 * MINUTE]]


def test_a_lost_reading_of_one_meter_is_no_fall_and_no_gap() -> None:
    kw: list[float | None] = [500.0] * 10 + [13.8] + [500.0] * 10
    shown = class_day("load", kw, [2] * 10 + [1] + [2] * 10, period_ms=MINUTE)
    assert call("gaps.ts", "drawn", shown, "load") == [500.0] * 21
    assert call("gaps.ts", "partialSpells", shown) == []


def test_the_newest_minute_waits_for_every_meter() -> None:
    shown = class_day("load", [500.0] * 10 + [13.8], [2] * 10 + [1])
    assert call("gaps.ts", "drawn", shown, "load") == [500.0] * 10 + [None]
    assert call("gaps.ts", "partialSpells", shown) == []


def test_a_class_that_is_silent_is_hatched_but_sleeping_inverters_are_not() -> None:
    night: list[float | None] = [None] * 20
    for part, spells in (("ev", [[40 * MINUTE, 60 * MINUTE], [80 * MINUTE, 100 * MINUTE]]),
                         ("pv", [[40 * MINUTE, 60 * MINUTE]])):  # fmt: skip
        shown = class_day(
            part, [*night, *[9.0] * 20, *night, *[9.0] * 20, *night], ([0] * 20 + [3] * 20) * 2 + [0] * 20
        )
        shown["power"]["grid"] = class_day("grid", [5.0] * 100, [1] * 100)["power"]["grid"]
        assert call("gaps.ts", "partialSpells", shown) == spells, part


def test_what_no_line_covers_is_hatched() -> None:
    at = [0, 10, 11, 50, 60, 70]
    gap = [1, 2, None, 3, 4, 5]
    assert call("gaps.ts", "uncovered", at, [gap]) == [[10, 50]]
    # Another line goes through it: its devices reported, only this one did not.
    assert call("gaps.ts", "uncovered", at, [gap, [7, 7, 7, 7, 7, 7]]) == []
    # Before the first and after the last reading nothing is claimed.
    assert call("gaps.ts", "uncovered", at, [[None, None, 1, 2, None, None]]) == []


def test_a_reading_between_gaps_is_a_dot() -> None:
    assert call("gaps.ts", "alone", [1, None, 2, None, 3, 4, None, 5]) == [0, 2, 7]
