"""What Prometheus reads of a running park, in its text format."""

from collections import Counter
from collections.abc import Iterator

from parkgrid_simulators.clock import ParkClock
from parkgrid_simulators.controls import Controls


def metrics_text(controls: Controls) -> str:
    """Every figure with its help and type, text format 0.0.4."""
    return "\n".join(_lines(controls)) + "\n"


def _lines(controls: Controls) -> Iterator[str]:
    server = controls.server
    now_ms = server.now_ms()
    speed = controls.clock.speed if isinstance(controls.clock, ParkClock) else 1.0
    figures = (
        ("modbus_requests_total", "counter", "Modbus requests answered or swallowed", server.requests),
        ("modbus_connections", "gauge", "Modbus clients that are connected", server.connections),
        ("devices", "gauge", "devices of the park", len(controls.endpoints)),
        ("time_seconds", "gauge", "simulated time since 1970 in UTC", now_ms / 1000),
        ("speed", "gauge", "simulated seconds per second", speed),
    )
    for name, kind, text, value in figures:
        yield from _head(name, kind, text)
        yield f"parkgrid_simulator_{name} {value}"
    yield from _head("faults", "gauge", "faults that hold now")
    holding = (fault for fault in server.plan.listed().values() if fault.holds(now_ms))
    for (device, fault), count in sorted(Counter((one.device, one.kind.value) for one in holding).items()):
        yield f'parkgrid_simulator_faults{{device="{device}",kind="{fault}"}} {count}'


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP parkgrid_simulator_{name} {text}."
    yield f"# TYPE parkgrid_simulator_{name} {kind}"
