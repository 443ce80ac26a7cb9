"""What sentences of the page say: the maximum of a line, and who of the clusters has to grow the most."""

from typing import Any

from tests.web.sources import call


def test_the_highest_is_the_maximum_of_a_bucket_not_its_highest_mean() -> None:
    means, tops = [10.0, 40.0, None, 30.0], [12.0, 41.0, None, 95.5]
    track = {"at_ms": [0, 900_000, 900_001, 1_800_000], "values": means, "high": tops}
    assert call("series.ts", "highest", track) == {"value": 95.5, "at_ms": 1_800_000}
    # Readings as they are have no bucket.
    assert call("series.ts", "highest", {"at_ms": [0, 1, 2], "values": [1, 3, 2]}) == {"value": 3, "at_ms": 1}
    assert call("series.ts", "highest", {"at_ms": [0], "values": [None]}) is None
    below = {"at_ms": [0, 1], "values": [-5, -7], "high": [-4, -6]}
    assert call("series.ts", "highest", below) == {"value": -4, "at_ms": 0}


def cluster(name: str, year: int, output: float, **growth: float | None) -> dict[str, Any]:
    figures = [
        {"name": "annual_output", "value": output, "details": {"year": year}},
        {"name": "target_2025", "value": 100.0},
        {"name": "target_2030", "value": 200.0},
    ]
    figures += [{"name": f"required_growth_{key[1:]}", "value": value} for key, value in growth.items()]
    return {"cluster": name, "figures": figures}


def test_the_highest_growth_that_is_needed_is_named() -> None:
    found = call("parts/cluster_pace.ts", "paceOf", [
        cluster("slow", 2024, 60, y2025=66.7, y2030=20.1), cluster("fast", 2024, 95, y2025=5.3, y2030=13.2)
    ])  # fmt: skip
    assert found == {"year": 2025, "count": 2, "output": 155, "target": 200, "of": 2024, "slowest": "slow",
                     "growth": 66.7}  # fmt: skip


def test_after_a_target_year_the_next_one_counts() -> None:
    """Nothing is left to grow to 2025: the column is empty, and the first cluster is not the one that lacks most."""
    clusters = [
        cluster("first", 2025, 97, y2025=None, y2030=8.1),
        cluster("last", 2025, 91, y2025=None, y2030=17.0),
        cluster("mid", 2025, 103, y2025=None, y2030=14.2),
    ]
    found = call("parts/cluster_pace.ts", "paceOf", clusters)
    assert (found["year"], found["slowest"], found["growth"], found["of"]) == (2030, "last", 17.0, 2025)
    assert (found["output"], found["target"]) == (291, 600)


def test_what_is_not_known_is_in_no_sum() -> None:
    unknown = cluster("unknown", 2025, 0, y2030=None)
    unknown["figures"][0]["value"] = None
    found = call("parts/cluster_pace.ts", "paceOf", [cluster("a", 2025, 97, y2030=8.1), unknown])
    assert (found["count"], found["output"], found["target"], found["slowest"]) == (1, 97, 200, "a")
    over = [cluster("a", 2030, 250, y2025=None, y2030=None)]
    found = call("parts/cluster_pace.ts", "paceOf", over)
    assert (found["year"], found["slowest"], found["growth"]) == (2030, None, None)
    assert call("parts/cluster_pace.ts", "paceOf", []) is None
