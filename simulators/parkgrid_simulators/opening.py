"""A park opened at any instant within a second: the hours since local midnight are passed in steps of a minute."""

from dataclasses import replace

from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.weather import MINUTE_MS


def open_at(scenario: Scenario, start_ms: int) -> Park:
    """The park as it stands at an instant; its registers balance exactly, whatever the steps before were."""
    minute_ms = start_ms // MINUTE_MS * MINUTE_MS
    early = Park(replace(scenario, step_s=MINUTE_MS / 1000), start_ms)
    if early.at_ms >= minute_ms:
        return Park(scenario, start_ms)
    early.advance_to(minute_ms - MINUTE_MS)
    park = Park(scenario, start_ms, early.halt())
    park.advance_to(start_ms)
    return park
