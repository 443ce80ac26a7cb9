"""A simulated park beside a program: its servers run in a thread of this process and end with it.

    with start_park() as park:
        host, port, unit = park.addresses["pv-1"]

Whoever holds it may call from any thread; everything is done by the thread that serves the park.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo

from parkgrid_contract.time import from_ms
from parkgrid_simulators.clock import FASTEST, ParkClock
from parkgrid_simulators.control_errors import ControlError, within
from parkgrid_simulators.controls import Controls
from parkgrid_simulators.describing import describe
from parkgrid_simulators.faults import FaultPlan
from parkgrid_simulators.following import Follower
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.opening import open_at
from parkgrid_simulators.plant import Endpoint, SimulatedDevice, Values
from parkgrid_simulators.scenario import Scenario, load_scenario
from parkgrid_simulators.scenario_tables import local_ms

NOON = "2026-06-21T12:00"
"""Where a park begins unless its scenario or its caller says otherwise: the same every day, and with sun."""
_PATIENCE_S = 300.0
_NO_SCENARIO = "must be a scenario: parkgrid_simulators.choosing.find_scenario reads one by its name or path"
_Result = TypeVar("_Result")


class ParkStoppedError(RuntimeError):
    """The park has been stopped: start another one."""

    def __init__(self, park: str) -> None:
        super().__init__(f"park {park!r} has been stopped: start another one with start_park()")


class Address(NamedTuple):
    """Where a device answers Modbus TCP."""

    host: str
    port: int
    unit: int


class RunningPark:
    """A park that answers on loopback ports until it is stopped."""

    def __init__(self, scenario: Scenario, start_ms: int, speed: float) -> None:
        self.scenario = scenario
        self._clock = ParkClock(start_ms, speed)
        self._ready = threading.Event()
        self._failures: list[Exception] = []
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._controls: Controls
        self._thread = threading.Thread(target=self._run, name=f"parkgrid {scenario.park}", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failures:
            self._thread.join()
            raise self._failures[0]
        self.devices: Mapping[str, RunningDevice] = {
            name: RunningDevice(self, endpoint) for name, endpoint in self._controls.endpoints.items()
        }
        """By identifier."""
        self.faults = Faults(self)
        self.sun = Sun(self)
        self.clock = ClockControl(self)

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where each device answers."""
        return {name: device.address for name, device in self.devices.items()}

    @property
    def requests(self) -> int:
        """Modbus requests answered or swallowed since the start."""
        return self._controls.server.requests

    def __getitem__(self, device: str) -> "RunningDevice":
        """One device. Raises `UnknownNameError`, which lists those there are."""
        self._controls.endpoint(device)
        return self.devices[device]

    def values(self, device: str) -> Values:
        """What a device measures now, by catalogue signal, before any fault spoils it."""
        return self.call(lambda controls: controls.values(device))

    def set_point(self, device: str, signal: str, value: float | None) -> None:
        """Give a set-point as a client could write it; None gives it back. Raises `ControlError`."""
        self.call(lambda controls: controls.set_point(device, signal, value))

    def truth(self, start: str, end: str) -> Mapping[str, Any]:
        """What every device really did in the quarter hours that began in a span, in kWh. Raises `ControlError`."""
        return self.call(lambda controls: controls.schedules.truth(start, end))

    def document(self) -> Mapping[str, Any]:
        """What an agent needs to know to read this park, as `python -m parkgrid_simulators` prints it."""
        return describe(self.scenario, self._clock, tuple(self._controls.endpoints.values()))

    def call(self, what: "Callable[[Controls], _Result]") -> _Result:
        """Do something with the controls, in the thread that serves the park."""

        async def done() -> _Result:
            return what(self._controls)

        return self.wait_for(done())

    def wait_for(self, coroutine: "Coroutine[Any, Any, _Result]") -> _Result:
        """Run a coroutine in the thread that serves the park, and wait for what it gives. Raises `ParkStoppedError`."""
        if not self._thread.is_alive():
            coroutine.close()
            raise ParkStoppedError(self.scenario.park)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(_PATIENCE_S)
        except CancelledError:
            raise ParkStoppedError(self.scenario.park) from None
        except BaseException:
            # Whoever no longer waits, by Ctrl-C too, leaves nothing under way.
            future.cancel()
            raise

    def stop(self) -> None:
        """Close every port; a second time does nothing."""
        if self._thread.is_alive():
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  whoever waits for the start is told
            self._failures.append(error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        park = open_at(self.scenario, self._clock.start_ms)
        server = ModbusServer(park, self._clock, FaultPlan(self.scenario.timeline(), self.scenario.seed))
        endpoints = await server.start()
        self._controls = Controls(park, server, self._clock, endpoints)
        follower = Follower(park, server)
        self._ready.set()
        await self._stop.wait()
        self._controls.stop()
        await follower.stop()
        await server.stop()


@dataclass(frozen=True, slots=True)
class RunningDevice:
    """One device of a running park."""

    park: RunningPark
    endpoint: Endpoint

    @property
    def name(self) -> str:
        """Its identifier."""
        return self.endpoint.device.device

    @property
    def simulated(self) -> SimulatedDevice:
        """Its nameplate: class, driver, ratings."""
        return self.endpoint.device

    @property
    def address(self) -> Address:
        """Where it answers."""
        return Address(self.endpoint.host, self.endpoint.port, self.endpoint.unit)

    @property
    def host(self) -> str:
        """Of its Modbus TCP server."""
        return self.endpoint.host

    @property
    def port(self) -> int:
        """Of its Modbus TCP server."""
        return self.endpoint.port

    @property
    def unit(self) -> int:
        """Its Modbus unit number."""
        return self.endpoint.unit

    def values(self) -> Values:
        """What it measures now, by catalogue signal, before any fault spoils it."""
        return self.park.values(self.name)

    def inject(self, kind: str, duration_s: float | None = None, **parameters: float) -> int:
        """Begin a fault, for some simulated seconds or for good; its number. Raises `ControlError`."""
        return self.park.faults.inject(self.name, kind, duration_s, **parameters)

    def clear(self, kind: str | None = None) -> int:
        """End its faults, of a kind or all; how many there were."""
        return self.park.faults.clear(self.name, kind)

    def set_point(self, signal: str, value: float | None) -> None:
        """Give it a set-point; None gives it back. Raises `ControlError`."""
        self.park.set_point(self.name, signal, value)

    def schedule(self) -> Mapping[str, Any]:
        """What it is asked for, and what it makes of it. Raises `ControlError`."""
        return self.park.call(lambda controls: controls.schedules.of(self.name))

    def set_schedule(self, *entries: tuple[str, str, float]) -> Mapping[str, Any]:
        """Ask it for powers over spans, as (from, to, kW); without any, its normal plan. Raises `ControlError`."""
        if not entries:
            self.park.call(lambda controls: controls.schedules.clear(self.name))
            return self.schedule()
        return self.park.call(lambda controls: controls.schedules.set(self.name, entries))


class Faults:
    """What goes wrong in a running park."""

    def __init__(self, park: RunningPark) -> None:
        self._park = park

    def inject(
        self, device: str, kind: str, duration_s: float | None = None, *, after_s: float = 0.0, **parameters: float
    ) -> int:
        """Begin a fault, now or later, for some simulated seconds or for good; its number. Raises `ControlError`."""
        return self._park.call(lambda controls: controls.inject(device, kind, duration_s, after_s, parameters))

    def clear(self, device: str | None = None, kind: str | None = None, number: int | None = None) -> int:
        """End the faults of a device, of a kind, of a number, or all of them; how many there were."""
        return self._park.call(lambda controls: controls.clear(device, kind, number))

    def listed(self) -> list[Mapping[str, Any]]:
        """Every fault that holds or waits for its time."""
        return self._park.call(lambda controls: list(controls.faults()))


class Sun:
    """The sky over a running park."""

    def __init__(self, park: RunningPark) -> None:
        self._park = park

    def set(self, *, cloud_index: float | None = None, irradiance_w_m2: float | None = None) -> None:
        """Another sky from the next step on: a share of the cloudless sun, or W/m² at any hour."""
        self._park.call(lambda controls: controls.set_sun(cloud_index, irradiance_w_m2))

    def clear(self) -> None:
        """The sky of seed and date again."""
        self._park.call(lambda controls: controls.set_sun())


class ClockControl:
    """The simulated time of a running park."""

    def __init__(self, park: RunningPark) -> None:
        self._park = park

    def now(self) -> datetime:
        """The simulated instant, in the zone of the park."""
        at_ms = self._park.call(lambda controls: controls.clock.now_ms())
        return from_ms(at_ms).astimezone(ZoneInfo(self._park.scenario.site.zone))

    def advance(self, seconds: float) -> None:
        """Move ahead, up to a week; it returns when every device stands there."""
        self._park.wait_for(self._park.call(lambda controls: controls.advance(seconds)))

    def set_speed(self, speed: float) -> None:
        """Simulated seconds per second, 0 to 3600; 0 stands still."""
        self._park.call(lambda controls: controls.set_speed(speed))


def start_park(
    scenario: Scenario | None = None, *, speed: float | None = None, start: str | None = None
) -> RunningPark:
    """A park that runs; speed 0 stands still. Raises `ControlError` for what it is not or a value out of range."""
    chosen = load_scenario() if scenario is None else scenario
    if not isinstance(chosen, Scenario):
        raise ControlError("scenario", chosen, _NO_SCENARIO)
    begins = start if start is not None else chosen.start or NOON
    try:
        at_ms = local_ms(begins, chosen.site.zone)
    except ValueError as error:
        raise ControlError("start", begins, str(error)) from error
    speed = chosen.speed if speed is None else speed
    within("speed", speed, 0, FASTEST, "")
    return RunningPark(chosen, at_ms, speed)
