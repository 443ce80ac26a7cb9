"""What may be done to a running park: faults, sun, set-points, schedules and clock, every number within its range.

The control port and the pytest fixtures both speak through it. It belongs to the loop that serves the park.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from parkgrid_contract.time import Clock, from_ms
from parkgrid_simulators.clock import FASTEST, ParkClock
from parkgrid_simulators.control_errors import BusyError, ControlError, UnknownNameError, there_are, within
from parkgrid_simulators.faults import FAULTS, FOREVER_MS, Fault, FaultKind, parameter_problems
from parkgrid_simulators.irradiance import SetSun
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.park import Park
from parkgrid_simulators.plant import Endpoint, Values
from parkgrid_simulators.schedule_controls import ScheduleControls

LONGEST_FAULT_S = 31_536_000
LONGEST_ADVANCE_S = 604_800
"""A week at once: it takes about a minute to simulate."""
MOST_CLOUD_INDEX, MOST_IRRADIANCE_W_M2 = 1.2, 1_400
_STRETCH_MS = 60_000


class Controls:
    """The controls of one running park."""

    def __init__(self, park: Park, server: ModbusServer, clock: Clock, endpoints: tuple[Endpoint, ...]) -> None:
        self.park, self.server, self.clock = park, server, clock
        self.endpoints: Mapping[str, Endpoint] = {endpoint.device.device: endpoint for endpoint in endpoints}
        self.sun: SetSun | None = None
        self._advancing = self._stopping = False
        self.schedules = ScheduleControls(park, self._passed)

    def endpoint(self, device: str) -> Endpoint:
        """Where a device answers. Raises `UnknownNameError`."""
        if not isinstance(device, str) or device not in self.endpoints:
            raise UnknownNameError("device", device, there_are(device, list(self.endpoints)))
        return self.endpoints[device]

    def values(self, device: str) -> Values:
        """What a device measures now, before any fault spoils it. Raises `UnknownNameError`."""
        self.endpoint(device)
        return self.park.values(device, self.server.now_ms())

    def inject(
        self,
        device: str,
        kind: str,
        duration_s: float | None = None,
        after_s: float = 0.0,
        parameters: Mapping[str, Any] | None = None,
    ) -> int:
        """Begin a fault, now or after some simulated seconds, for a time or for good; its number.

        Raises `ControlError`, for an unknown name `UnknownNameError`.
        """
        self.endpoint(device)
        found = fault_kind(kind)
        if problems := list(parameter_problems(found, parameters or {})):
            raise ControlError(*problems[0], *problems[1:])
        if duration_s is not None:
            within("duration_s", duration_s, 0.001, LONGEST_FAULT_S, "s")
        within("after_s", after_s, 0, LONGEST_FAULT_S, "s")
        if found is FaultKind.LATE_CLOCK and not self.server.has_clock(device):
            raise ControlError("kind", kind, f"{device} has no clock of its own that its driver names")
        start = self.server.now_ms() + round(after_s * 1000)
        end = FOREVER_MS if duration_s is None else start + max(round(duration_s * 1000), 1)
        try:
            return self.server.plan.inject(Fault(device, found, start, end, dict(parameters or {})))
        except ValueError as error:
            raise ControlError("faults", len(self.server.plan.listed()), str(error)) from error

    def clear(self, device: str | None = None, kind: str | None = None, number: int | None = None) -> int:
        """End the faults of a device, of a kind, of a number, or all of them; how many. Raises `UnknownNameError`."""
        if device is not None:
            self.endpoint(device)
        if number is not None and (type(number) is not int or number not in self.server.plan.listed()):
            there = ", ".join(map(str, self.server.plan.listed())) or "none"
            raise UnknownNameError("number", number, f"is no fault that is there; there are: {there}")
        return self.server.plan.clear(device, None if kind is None else fault_kind(kind), number)

    def faults(self) -> Iterator[Mapping[str, Any]]:
        """Every fault that holds or waits for its time, as plain values."""
        now = self.server.now_ms()
        for number, fault in self.server.plan.listed().items():
            yield {
                "number": number,
                "device": fault.device,
                "kind": fault.kind.value,
                "holds": fault.holds(now),
                "start": from_ms(fault.start_ms).isoformat(),
                "end": None if fault.end_ms == FOREVER_MS else from_ms(fault.end_ms).isoformat(),
                "every_s": fault.every_ms / 1000 or None,
                "parameters": dict(fault.parameters),
            }

    def set_sun(self, cloud_index: float | None = None, irradiance_w_m2: float | None = None) -> None:
        """Another sky from the next step on; without a number, that of seed and date. Raises `ControlError`."""
        if cloud_index is not None and irradiance_w_m2 is not None:
            raise ControlError("cloud_index", cloud_index, "give either cloud_index or irradiance_w_m2, not both")
        if cloud_index is not None:
            within("cloud_index", cloud_index, 0, MOST_CLOUD_INDEX, "")
        if irradiance_w_m2 is not None:
            within("irradiance_w_m2", irradiance_w_m2, 0, MOST_IRRADIANCE_W_M2, "W/m²")
        given = cloud_index is not None or irradiance_w_m2 is not None
        self.sun = SetSun(cloud_index, irradiance_w_m2) if given else None
        # What has passed has passed under the sky of before.
        self._passed()
        self.park.set_sun(self.sun)

    def set_points(self, device: str) -> Mapping[str, tuple[float, float]]:
        """The set-points that a device takes, with their bounds. Raises `UnknownNameError`."""
        found = self.endpoint(device).device
        rated = found.ratings.get("rated_power_kw", 0.0)
        match found.device_class:
            case "pv_inverter":
                return {"limit_pct": (0.0, 100.0)}
            case "storage":
                return {"setpoint_kw": (-rated, rated)}
            case "charger":
                return {"limit_kw": (0.0, rated)}
            case _:
                return {}

    def set_point(self, device: str, signal: str, value: float | None) -> None:
        """Give a set-point, which works from the next step on; None gives it back. Raises `ControlError`."""
        takes = self.set_points(device)
        if not isinstance(signal, str) or signal not in takes:
            there = f"it takes: {', '.join(takes)}" if takes else "it takes none"
            raise UnknownNameError("signal", signal, f"is no set-point of {device}; {there}")
        if value is None:
            self.park.release(device)
            return
        within(signal, value, *takes[signal], "%" if signal.endswith("_pct") else "kW")
        self.park.write(device, signal, value)

    def set_speed(self, speed: float) -> None:
        """Let the clock go on at another speed, 0 to stand still. Raises `ControlError`."""
        within("speed", speed, 0, FASTEST, "")
        self._own_clock().set_speed(speed)

    async def advance(self, seconds: float, gone: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Move the clock ahead; devices are answered meanwhile. Raises `ControlError`, while another moves `BusyError`.

        It ends early where `gone` says that nobody waits for it any more, or when the park stops.
        """
        within("seconds", seconds, 0, LONGEST_ADVANCE_S, "s")
        clock, left = self._own_clock(), round(seconds * 1000)
        if self._advancing:
            raise BusyError("seconds", seconds, "the clock is being moved already: wait until that is answered")
        self._advancing = True
        try:
            while left > 0 and not self._stopping and not (gone and await gone()):
                clock.advance(min(left, _STRETCH_MS))
                left -= _STRETCH_MS
                self.park.advance_to(self.server.now_ms())
                await asyncio.sleep(0)
        finally:
            self._advancing = False

    def stop(self) -> None:
        """Let the clock be moved no further."""
        self._stopping = True

    def _passed(self) -> int:
        """Now, after all that has passed until then."""
        now_ms = self.server.now_ms()
        self.park.advance_to(now_ms)
        return now_ms

    def _own_clock(self) -> ParkClock:
        if not isinstance(self.clock, ParkClock):
            raise ControlError("clock", "the machine's", "start the park with --start to set its clock")
        return self.clock


def fault_kind(name: str) -> FaultKind:
    """The kind of fault of a name. Raises `UnknownNameError`."""
    try:
        return FaultKind(name)
    except ValueError:
        raise UnknownNameError("kind", name, there_are(name, [kind.value for kind in FAULTS])) from None
