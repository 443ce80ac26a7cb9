"""Each line of the decision table, and how slots become spells."""

import numpy as np
import pytest

from parkgrid_domain.energy import Evidence, Gap, GapCause, Grid, gaps

GRID = Grid(1_700_000_100_000, 900_000, 4)


def evidence(has_siblings: bool = True, imported: bool = False, **seen: list[int]) -> Evidence:
    """Nothing seen but what is named."""
    names = ["siblings", "gateway", "dropped", "came_later", "all_silent", "restored"]
    columns = {name: np.array(seen.get(name, [0] * 4), dtype=np.bool_) for name in names}
    return Evidence(has_siblings=has_siblings, imported=imported, **columns)


def counts(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    """Numbers of readings in four slots."""
    return np.array(values, dtype=np.int32)


ALL = [1] * 4


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (evidence(siblings=ALL, gateway=ALL), GapCause.DEVICE),
        (evidence(imported=True), GapCause.SOURCE),
        (evidence(imported=True, all_silent=ALL), GapCause.SOURCE),
        (evidence(imported=True, siblings=ALL, dropped=ALL, came_later=ALL), GapCause.SOURCE),
        (evidence(siblings=ALL, came_later=ALL, dropped=ALL), GapCause.DEVICE),
        (evidence(has_siblings=False, gateway=ALL), GapCause.DEVICE),
        (evidence(restored=ALL, siblings=ALL), GapCause.DEVICE),
        (evidence(restored=ALL, all_silent=ALL, dropped=ALL, came_later=ALL), GapCause.RESTORE),
        (evidence(restored=ALL, gateway=ALL), GapCause.RESTORE),
        (evidence(imported=True, restored=ALL), GapCause.SOURCE),
        (evidence(all_silent=ALL), GapCause.INGEST),
        (evidence(all_silent=ALL, dropped=ALL), GapCause.INGEST),
        (evidence(dropped=ALL), GapCause.LINK),
        (evidence(dropped=ALL, gateway=ALL), GapCause.LINK),
        (evidence(gateway=ALL), GapCause.GATEWAY),
        (evidence(gateway=ALL, came_later=ALL), GapCause.GATEWAY),
        (evidence(came_later=ALL), GapCause.LINK),
        (evidence(), GapCause.GATEWAY),
        (evidence(has_siblings=False), GapCause.GATEWAY),
    ],
)
def test_the_decision_table(seen: Evidence, cause: GapCause) -> None:
    found = gaps(GRID, counts(15, 15, 15, 15), counts(0, 0, 0, 0), seen)
    assert found == [Gap(GRID.start_ms, GRID.start_ms + 4 * 900_000, cause, 60)]


def test_no_reading_missing_is_no_gap() -> None:
    assert gaps(GRID, counts(15, 15, 15, 15), counts(15, 16, 15, 15), evidence()) == []


def test_spells_end_where_the_cause_changes_and_where_readings_are() -> None:
    """Slot 0 device (5 missing), slots 1 and 2 gateway (15 + 15), slot 3 whole."""
    found = gaps(GRID, counts(15, 15, 15, 15), counts(10, 0, 0, 15), evidence(siblings=[1, 0, 0, 1]))
    first, second, fourth = (GRID.start_ms + slot * 900_000 for slot in (0, 1, 3))
    assert found == [Gap(first, second, GapCause.DEVICE, 5), Gap(second, fourth, GapCause.GATEWAY, 30)]


def test_a_spell_may_lie_at_either_end() -> None:
    found = gaps(GRID, counts(1, 1, 1, 1), counts(0, 1, 1, 0), evidence())
    assert [(gap.start_ms - GRID.start_ms) // 900_000 for gap in found] == [0, 3]


def test_a_tolerated_share_is_no_gap() -> None:
    """One of 15 is 6.7 %: none above 0.1, a gap above 0.05."""
    given_counts = counts(15, 15, 15, 15), counts(14, 15, 15, 15)
    assert gaps(GRID, *given_counts, evidence(), tolerated=0.1) == []
    assert len(gaps(GRID, *given_counts, evidence(), tolerated=0.05)) == 1


def test_an_empty_grid_has_no_gap() -> None:
    nothing = np.zeros(0, dtype=np.bool_)
    seen = dict.fromkeys(("siblings", "gateway", "dropped", "came_later", "all_silent", "restored"), nothing)
    empty = Evidence(has_siblings=True, **seen)
    assert gaps(Grid(0, 900_000, 0), counts(), counts(), empty) == []
