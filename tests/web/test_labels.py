"""What is written in a picture: names on a map that keep apart, and marks of an axis at round numbers."""

import itertools
import random
from typing import Any

import pytest

from tests.web.sources import call

FIELD = {"left": 0, "top": 0, "right": 640, "bottom": 420}


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    return bool(a["left"] < b["right"] and a["right"] > b["left"] and a["top"] < b["bottom"] and a["bottom"] > b["top"])


def places(circles: list[dict[str, float]], sizes: list[dict[str, float]]) -> list[Any]:
    found: list[Any] = call("parts/label_places.ts", "besideCircles", circles, sizes, FIELD, [])
    return found


@pytest.mark.parametrize("seed", range(6))
def test_names_never_overlap(seed: int) -> None:
    chance = random.Random(seed)
    circles = [
        {"x": chance.uniform(60, 580), "y": chance.uniform(60, 360), "radius": chance.uniform(15, 55)}
        for _ in range(chance.randint(2, 14))
    ]
    found = places(
        circles, [{"width": chance.uniform(60, 240), "height": chance.choice([18, 53, 79])} for _ in circles]
    )
    boxes = [spot["box"] for spot in found if spot]
    assert boxes
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    for at, spot in enumerate(found):
        for place, circle in enumerate(circles):
            if spot and place != at:
                x, y, radius = circle["x"], circle["y"], circle["radius"]
                around = {"left": x - radius, "right": x + radius, "top": y - radius, "bottom": y + radius}
                assert not overlap(spot["box"], around)
    assert all(box["left"] >= 0 and box["right"] <= 640 and box["top"] >= 0 and box["bottom"] <= 420 for box in boxes)


def test_a_name_gives_way_when_that_makes_room_for_another() -> None:
    """The large circle's name would by itself take the only place that the small one's has."""
    circles = [
        {"x": 320, "y": 205, "radius": 44},
        {"x": 470, "y": 235, "radius": 21},
        {"x": 110, "y": 250, "radius": 54},
    ]
    assert all(places(circles, [{"width": 245, "height": 79}] * 3))


def test_a_long_name_has_two_lines() -> None:
    assert call("parts/label_places.ts", "lines", "Julongshan PEDF office park", 18) == [
        "Julongshan PEDF",
        "office park",
    ]
    assert call("parts/label_places.ts", "lines", "聚龙山光储直柔园区", 18) == ["聚龙山光储直柔园区"]
    assert call("parts/label_places.ts", "lines", "Gaoxin South", 18) == ["Gaoxin South"]


def test_the_name_of_an_area_stays_within_it() -> None:
    square = [[0, 0], [200, 0], [200, 100], [0, 100]]
    size = {"width": 60, "height": 18}
    assert call("parts/label_places.ts", "withinArea", square, [100, 50], size, []) == [100, 50]
    circle = {"left": 60, "right": 140, "top": 10, "bottom": 90}
    x, y = call("parts/label_places.ts", "withinArea", square, [100, 50], size, [circle])
    assert x + 30 <= 60 or x - 30 >= 140 or y <= 10 or y >= 90
    everything = {"left": 0, "right": 200, "top": 0, "bottom": 100}
    assert call("parts/label_places.ts", "withinArea", square, [100, 50], size, [everything]) is None


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 2_920, [0, 1_000, 2_000, 3_000]),
        (0, 2_000, [0, 500, 1_000, 1_500, 2_000]),
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (-340, 700, [-500, 0, 500, 1_000]),
        (-9, 21, [-10, 0, 10, 20, 30]),
        (5, 5, [5]),
    ],
)
def test_marks_are_round_and_reach_around(low: float, high: float, marks: list[float]) -> None:
    assert call("axis_ticks.ts", "axisTicks", low, high, 5) == pytest.approx(marks)
