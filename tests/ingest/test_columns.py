"""Scaling in matrices: the same integers as `Signal.steps`, the same limits as the catalogue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_ingest.columns import layout, scale

ALL_SIGNALS = [(name, signal) for name, found in CATALOGUE.items() for signal in found.signals]


def scaled_one(device_class: str, name: str, value: float):  # type: ignore[no-untyped-def]
    return scale(np.array([[value]], np.float64), layout(device_class, (name,)))


@given(st.sampled_from(ALL_SIGNALS), st.data())
def test_rint_and_round_agree_on_every_signal(entry, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    device_class, signal = entry
    value = data.draw(
        st.one_of(
            st.floats(signal.low, signal.high),
            st.integers(int(signal.low), int(signal.high)),
            # Halves of a step: where rounding to even shows.
            st.integers(-(2**20), 2**20).map(lambda n: (n + 0.5) * signal.resolution),
        )
    )
    found = scaled_one(device_class, signal.name, value)
    if abs(signal.steps(value)) <= signal.storage_limit:
        assert found.unstorable is None
        assert int(found.steps[0, 0]) == signal.steps(value)


@given(
    st.sampled_from(ALL_SIGNALS),
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**60), 2**60)),
)
def test_any_finite_number_is_stored_exactly_or_refused(entry, value: float) -> None:  # type: ignore[no-untyped-def]
    device_class, signal = entry
    found = scaled_one(device_class, signal.name, value)
    product = float(value) * signal.per_unit
    storable = abs(product) < 2**62 and abs(round(product)) <= signal.storage_limit
    assert (found.unstorable is None) is storable
    if storable:
        assert int(found.steps[0, 0]) == round(product)
        outside = not signal.low <= value <= signal.high
        assert (found.out_of_range is not None and bool(found.out_of_range[0, 0])) is outside


def test_half_steps_go_to_the_even_neighbour() -> None:
    found = scale(np.array([[0.5], [1.5], [2.5], [-0.5], [-1.5]]), layout("meter", ("fault_code",)))
    assert found.steps[:, 0].tolist() == [0, 2, 2, 0, -2]


@pytest.mark.parametrize(
    ("value", "steps"),
    [(230.04, 2300), (230.05, 2300), (230.06, 2301), (-0.0, 0), (5e-324, 0), (1e-300, 0)],
)
def test_volts_are_kept_to_a_tenth(value: float, steps: int) -> None:
    # 230.05 * 10 is exactly 2300.5 in doubles, and 2300 is the even neighbour.
    assert int(scaled_one("meter", "voltage_a_v", value).steps[0, 0]) == steps


def test_a_counter_is_exact_up_to_two_to_the_fifty_three() -> None:
    signal = CATALOGUE["gateway"].by_name["samples_accepted"]
    assert signal.kind is SignalKind.COUNTER
    assert int(scaled_one("gateway", signal.name, 2**53 - 1).steps[0, 0]) == 2**53 - 1
    assert scaled_one("gateway", signal.name, 2**53 + 1).unstorable is not None
    assert scaled_one("gateway", signal.name, 99_999_999_999_999_999_999).unstorable is not None


def test_a_huge_value_marks_only_its_own_cell() -> None:
    matrix = np.array([[1.0, 50.0], [1e308, 50.0], [600_000.0, 50.0]])
    found = scale(matrix, layout("meter", ("active_power_kw", "frequency_hz")))
    assert found.unstorable is not None
    assert found.unstorable.tolist() == [[False, False], [True, False], [False, False]]
    assert found.out_of_range is not None
    assert found.out_of_range.tolist() == [[False, False], [False, False], [True, False]]
    assert found.steps.tolist() == [[1000, 5000], [0, 5000], [600_000_000, 5000]]


def test_unknown_columns_are_named_and_left_out() -> None:
    plan = layout("meter", ("frequency_hz", "mood", "fault_code"))
    assert plan.unknown == ((1, "mood"),)
    assert scale(np.array([[50.0, 9.0, 3.0]]), plan).steps.tolist() == [[5000, 3]]


def test_whatever_can_be_in_range_can_be_stored() -> None:
    for _, signal in ALL_SIGNALS:
        assert max(abs(signal.steps(signal.low)), abs(signal.steps(signal.high))) <= signal.storage_limit, signal.name
