"""A reading is rounded once, where it is made: what is accepted is what is stored."""

import math

from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.sample import Quality, Sample, measured
from parkgrid_contract.signals import CATALOGUE

METER = CATALOGUE["meter"]


def test_what_is_measured_has_the_catalogue_s_resolution_and_flags() -> None:
    # 1.0004 is 1 at a resolution of 0.001, and that is in its range.
    given_values = {"active_power_kw": 1.23456, "power_factor": 1.0004, "frequency_hz": 71.0, "colour": 7.0}
    found = measured(METER, "m-1", 5, given_values)
    assert found.values == {"active_power_kw": 1.235, "power_factor": 1.0, "frequency_hz": 71.0}
    assert found.flags == {"frequency_hz": Quality.OUT_OF_RANGE}
    assert (found.device, found.at_ms) == ("m-1", 5)


def test_what_is_no_number_is_left_out() -> None:
    values = {"active_power_kw": math.nan, "frequency_hz": math.inf, "demand_kw": -math.inf}
    assert measured(METER, "m-1", 5, values) == Sample("m-1", 5, {})


@given(st.dictionaries(st.sampled_from([signal.name for signal in METER.signals]), st.floats(-1e12, 1e12)))
def test_what_was_measured_is_stored_to_the_last_digit(values: dict[str, float]) -> None:
    """The store keeps whole steps; from them comes the same number again."""
    found = measured(METER, "m-1", 5, values).values
    assert found == {name: METER.by_name[name].value(METER.by_name[name].steps(value)) for name, value in found.items()}
