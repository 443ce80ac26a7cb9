"""Every device read at its own pace: a dead or slow one delays no other.

    device ─┐
    device ─┼─ bus (host or serial line): one worker, one request at a time ─┐
    device ─┘                                                                ├─▶ Sample ─▶ accept
    device ─── bus ──────────────────────────────────────────────────────────┘

A device is due at whole multiples of its period, by the clock, so nothing drifts; what was missed is skipped. Devices
on one bus take turns in a fixed order. One that does not answer is suspect: from then on it is asked only in the time
that the others leave over, and only for as long as that lasts. One visit in 32 is given its full time all the same.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from parkgrid_contract.sample import Sample, measured
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import Clock
from parkgrid_edge.drivers import find
from parkgrid_edge.polling.endpoint import Endpoint, Lines
from parkgrid_edge.polling.reading import DeviceReader, Identity, Reading, unanswered
from parkgrid_edge.polling.state import DeviceState
from parkgrid_edge.protocols.modbus import ModbusConnection

_log = structlog.get_logger(__name__)

_TRANSFORMED_UNITS = {"kW", "kvar", "kVA", "kWh", "kvarh"}
_TRUST_AFTER = 3
_LEAST_PROBE_S = 0.02
_LEAST_WAIT_S = 0.001
_RETRY_SHARE = 0.9
_FORCED_SHARE = 0.05
_PATIENT_EVERY = 32
_SUPERVISOR_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class PolledDevice:
    """One device to be polled."""

    device: str
    driver: str
    device_class: str
    period_s: float
    connection: ModbusConnection
    ratio: float = 1.0
    """Transformer ratio of a meter, CT times VT: powers and energies are multiplied with it."""
    signals: tuple[str, ...] = ()
    """Report only these; all when empty."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the clock runs: how many of its seconds pass in one real second."""

    speed: float = 1.0


class _Device:
    """A device with its reader, its turn and its state."""

    def __init__(self, settings: PolledDevice, order: int) -> None:
        self.settings = settings
        self.order = order
        self.period_ms = max(1, round(settings.period_s * 1000))
        self.reader = DeviceReader(settings.driver, settings.device_class, settings.connection.unit, settings.signals)
        self.state = DeviceState(settings.device)
        self.due_ms = 0
        self.suspicion = 0
        self.last_at_ms = -1

    def schedule(self, now_ms: int) -> None:
        """Due at the next whole multiple of its period."""
        self.due_ms = (now_ms // self.period_ms + 1) * self.period_ms

    def stamp(self, now_ms: int) -> int:
        """The time of a sample; two samples of one device never share it."""
        self.last_at_ms = now_ms + 1 if now_ms == self.last_at_ms else now_ms
        return self.last_at_ms


class _Bus:
    """The devices that share one endpoint."""

    def __init__(self, endpoint: Endpoint, devices: list[_Device], speed: float, buses: "list[_Bus]") -> None:
        self.endpoint = endpoint
        self.devices = devices
        self.namesakes: tuple[str, ...] = ()
        """What else its line was called when that was last reported."""
        self._speed = speed
        self._buses = buses

    def real_s(self, milliseconds: float) -> float:
        """Real seconds of a span of the clock."""
        return milliseconds / 1000 / self._speed

    def turn(self, now_ms: int) -> tuple[_Device, float] | None:
        """Whose turn it is and how long it may take to answer; None when nobody is due."""
        due = [device for device in self.devices if device.due_ms <= now_ms]
        trusted = [device for device in due if not device.suspicion]
        if trusted:
            first = min(trusted, key=lambda device: (device.due_ms, device.order))
            return first, first.settings.connection.timeout_s
        suspects = sorted(due, key=lambda device: (device.due_ms, device.order))
        return next(filter(None, (self._probe(device, now_ms, len(suspects)) for device in suspects)), None)

    def _probe(self, suspect: _Device, now_ms: int, suspects: int) -> tuple[_Device, float] | None:
        """A visit to a suspect that fits before the next trusted device is due, and within its own period."""
        timeout_s = suspect.settings.connection.timeout_s
        if suspect.state.failed % _PATIENT_EVERY == _PATIENT_EVERY - 1:
            return suspect, timeout_s  # it may just have become slow
        period_s = self.real_s(suspect.period_ms)
        timeout_s = min(timeout_s, _RETRY_SHARE * period_s)
        others = [device.due_ms for device in self._on_the_line() if not device.suspicion]
        if not others:
            return suspect, timeout_s
        left_s = self.real_s(min(others) - now_ms) / suspects - self.endpoint.warm_up_s - _LEAST_PROBE_S
        if left_s >= min(timeout_s, _LEAST_PROBE_S):
            return suspect, min(timeout_s, left_s)
        if now_ms - suspect.due_ms < suspect.period_ms:
            return None
        # The bus is never idle: a short look at every second period is the price of noticing a recovery.
        return suspect, min(timeout_s, max(_LEAST_PROBE_S, _FORCED_SHARE * period_s))

    def _on_the_line(self) -> list[_Device]:
        """All that must take turns: usually the bus's own, more when its line has a second name in the settings."""
        if not self.endpoint.namesakes:
            return self.devices
        return [device for bus in self._buses if bus.endpoint.line is self.endpoint.line for device in bus.devices]

    def wait_s(self, now_ms: int) -> float:
        """Real seconds until somebody is due."""
        pending = [device.due_ms for device in self.devices if device.due_ms > now_ms]
        return max(_LEAST_WAIT_S, self.real_s(min(pending) - now_ms)) if pending else _LEAST_PROBE_S


class Poller:
    """Reads all devices of a gateway and hands on what they said.

    `accept` gets every sample; `identified` is called when a device has said what it is, has become another one, or has
    another problem than before.
    """

    def __init__(
        self,
        devices: Iterable[PolledDevice],
        clock: Clock,
        accept: Callable[[Sample], object],
        *,
        read_only: bool = True,
        pace: Pace | None = None,
        identified: Callable[[str, Identity], object] | None = None,
    ) -> None:
        if not read_only:
            raise ValueError("this version only reads: set read_only = true")
        self._clock = clock
        self._accept = accept
        self._identified = identified
        self._speed = pace.speed if pace else float(getattr(clock, "speed", 1.0))
        self._devices = [_Device(settings, order) for order, settings in enumerate(devices)]
        self._buses = _buses(self._devices, self._speed)
        self.reads_failed = 0
        """Requests so far that brought nothing."""
        self.faults = 0
        """Errors of this program so far that stopped a visit; each is logged."""

    @property
    def states(self) -> Mapping[str, DeviceState]:
        """How each device fares."""
        return {device.settings.device: device.state for device in self._devices}

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return sum(bus.endpoint.requests for bus in self._buses)

    def signals(self, device: str) -> tuple[str, ...]:
        """The signals that a device is asked for, as far as they are known."""
        found = next(found for found in self._devices if found.settings.device == device)
        return found.reader.signals

    async def run(self) -> None:
        """Poll until cancelled."""
        now_ms = self._clock.now_ms()
        for device in self._devices:
            device.schedule(now_ms)
        try:
            async with asyncio.TaskGroup() as tasks:
                for bus in self._buses:
                    tasks.create_task(self._supervise(bus), name=f"poll {bus.endpoint.connection.endpoint}")
        finally:
            self.close()

    async def poll_once(self) -> None:
        """Visit every device exactly once; buses side by side, devices of one bus in turn."""
        await asyncio.gather(*(self._round(bus) for bus in self._buses))

    def close(self) -> None:
        """Close all connections."""
        for bus in self._buses:
            bus.endpoint.close()

    async def _round(self, bus: _Bus) -> None:
        for device in bus.devices:
            await self._visit(bus, device, device.settings.connection.timeout_s)

    async def _supervise(self, bus: _Bus) -> None:
        """Keep a bus going whatever happens: an error of ours must not silence its devices for good."""
        while True:
            try:
                await self._work(bus)
            except Exception:  # noqa: BLE001 - the supervisor: logs, counts and backs off
                self.faults += 1
                _log.exception("poll_fault", endpoint=bus.endpoint.connection.endpoint, faults=self.faults)
                await asyncio.sleep(_SUPERVISOR_PAUSE_S)

    async def _work(self, bus: _Bus) -> None:
        while True:
            now_ms = self._clock.now_ms()
            turn = bus.turn(now_ms)
            if turn is None:
                await asyncio.sleep(bus.wait_s(now_ms))
                self._after_a_step_back(bus)
                continue
            device, timeout_s = turn
            try:
                await self._visit(bus, device, timeout_s)
            finally:
                device.schedule(self._clock.now_ms())

    def _after_a_step_back(self, bus: _Bus) -> None:
        """When the clock was put back, nobody waits until it has caught up."""
        now_ms = self._clock.now_ms()
        for device in bus.devices:
            if device.due_ms - now_ms > device.period_ms:
                device.schedule(now_ms)

    async def _visit(self, bus: _Bus, device: _Device, timeout_s: float) -> None:
        now_s = asyncio.get_running_loop().time() * self._speed
        reading = await device.reader.visit(bus.endpoint, timeout_s, now_s)
        at_ms = self._clock.now_ms()
        self.reads_failed += len(reading.failures)
        self._note_names(bus)
        self._note(bus, device, reading)
        if reading.values:
            self._accept(_sample(device, reading.values, device.stamp(at_ms)))

    def _note_names(self, bus: _Bus) -> None:
        """One line in the log when a line turns out to have two names in the settings, and when it has one again."""
        names = bus.endpoint.namesakes
        if names == bus.namesakes:
            return
        bus.namesakes = names
        endpoint, places = bus.endpoint.connection.endpoint, sorted(bus.endpoint.line.places)
        if names:
            remedy = "they share one connection; use the same name for it in all of its devices"
            _log.warning("line_has_two_names", endpoint=endpoint, others=names, places=places, remedy=remedy)
        else:
            _log.info("line_has_one_name", endpoint=endpoint, places=places)

    def _note(self, bus: _Bus, device: _Device, reading: Reading) -> None:
        """Keep a device's state, and what follows from it."""
        state = device.state
        device.suspicion = _TRUST_AFTER if unanswered(reading) else max(0, device.suspicion - 1)
        known = state.identity, state.problem
        state.note(reading, two_names=bool(bus.namesakes))
        if state.failed > 1 and unanswered(reading):
            device.reader.forget()
        state.identity = device.reader.identity
        if self._identified is not None and known != (state.identity, state.problem):
            self._identified(state.device, state.identity)


def _buses(devices: Iterable[_Device], speed: float) -> list[_Bus]:
    """One bus for each endpoint; its pauses suit the most demanding of its devices."""
    shared: dict[str, list[_Device]] = {}
    for device in devices:
        shared.setdefault(device.settings.connection.endpoint, []).append(device)
    buses: list[_Bus] = []
    lines = Lines()
    for members in shared.values():
        drivers = [find(member.settings.driver) for member in members]
        shortest_s = min(member.period_ms for member in members) / 1000 / speed
        endpoint = Endpoint(
            members[0].settings.connection,
            warm_up_s=max(driver.warm_up_s for driver in drivers),
            request_gap_s=max(driver.request_gap_s for driver in drivers),
            # Shorter than a period, so that a device is asked again within two periods of its recovery.
            longest_retry_s=min(30.0, _RETRY_SHARE * shortest_s),
            lines=lines,
        )
        buses.append(_Bus(endpoint, members, speed, buses))
    return buses


def _sample(device: _Device, read: Mapping[str, float], at_ms: int) -> Sample:
    """What the device said, behind its transformers."""
    settings = device.settings
    device_class, ratio = CATALOGUE[settings.device_class], settings.ratio
    if ratio != 1.0:
        behind = {signal.name for signal in device_class.signals if signal.unit in _TRANSFORMED_UNITS}
        read = {name: number * ratio if name in behind else number for name, number in read.items()}
    return measured(device_class, settings.device, at_ms, read)
