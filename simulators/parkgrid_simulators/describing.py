"""What whoever reads a simulated park needs to know: its place, its clock and where each device answers."""

from collections.abc import Sequence
from typing import Any

from parkgrid_contract.time import AcceleratedClock, Clock
from parkgrid_simulators.clock import ParkClock
from parkgrid_simulators.plant import Endpoint
from parkgrid_simulators.scenario import Scenario


def describe(scenario: Scenario, clock: Clock, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document of a park, as an agent's settings are made of it."""
    accelerated = (
        {"wall_start_ms": clock.wall_start_ms, "start_ms": clock.start_ms, "speed": clock.speed}
        if isinstance(clock, AcceleratedClock | ParkClock)
        else None
    )
    return {
        "park": scenario.park,
        "name_zh": scenario.name_zh,
        "name_en": scenario.name_en,
        "district": scenario.district,
        "zone": scenario.site.zone,
        "latitude": scenario.site.latitude,
        "longitude": scenario.site.longitude,
        "seed": scenario.seed,
        "clock": accelerated,
        "endpoints": [endpoint.document() for endpoint in endpoints],
    }
