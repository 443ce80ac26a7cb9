"""The clock of replays stands still until it is told to go on."""

import pytest

from parkgrid_simulators.clock import SteppedClock


def test_it_goes_forward_only() -> None:
    clock = SteppedClock(1_000)
    assert clock.now_ms() == 1_000
    clock.advance_to(1_000)
    clock.advance_to(5_000)
    assert clock.now_ms() == 5_000
    with pytest.raises(ValueError, match="5000 to 4999"):
        clock.advance_to(4_999)
    assert clock.now_ms() == 5_000
