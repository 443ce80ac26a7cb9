"""A small park whose powers balance at every instant: P_grid + P_pv + P_storage = P_load + P_ev + P_loss.

Powers are whole watts and hold from one step to the next; energies are whole watt-milliseconds. So the registers
integrate exactly what the powers say, and the sum of the registers balances to the last digit.

    weather ─▶ generation ─┐
    calendar ─▶ load ──────┼─▶ residual ─▶ strategy ─▶ storage ─▶ grid meter closes the balance
    arrivals ─▶ chargers ──┘                                          └─▶ what of it passes a DC bus
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from parkgrid_simulators import readings
from parkgrid_simulators.chargers import Gun, Station
from parkgrid_simulators.dc_bus import bus_of
from parkgrid_simulators.flow import Flow, Metered
from parkgrid_simulators.irradiance import SetSun
from parkgrid_simulators.load import load_day
from parkgrid_simulators.measurements import Measurements, together
from parkgrid_simulators.nameplates import (
    array_of,
    battery_of,
    first_flow,
    flexible_of,
    load_of,
    strategy_of,
    v2g_gun_of,
)
from parkgrid_simulators.plant import SimulatedDevice, Values
from parkgrid_simulators.pv import PvDay, generation
from parkgrid_simulators.readings import along
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.scenario_tables import DeviceSettings
from parkgrid_simulators.schedules import Schedules
from parkgrid_simulators.state import ParkState, describe_station, restore_station
from parkgrid_simulators.truth import LOSS, Truth
from parkgrid_simulators.v2g import ParkedVehicle, V2gGun, V2gGuns, decide
from parkgrid_simulators.weather import MINUTE_MS, Site, WeatherDay, interpolate

_DAY_MS = 86_400_000
_NO_LOAD_SHARE, _COPPER_SHARE = 0.0011, 0.009
"""Losses of a transformer as shares of its rating: idle, and at full load (GB 20052 grade 2, about 3 MVA)."""
_LONGEST_CATCH_UP_DAYS = 14
_START_SOC = 0.5


@dataclass(frozen=True, slots=True)
class Balance:
    """The powers of one instant, in whole watts, with the signs of the bus."""

    grid: int
    pv: int
    storage: int
    load: int
    ev: int
    loss: int

    @property
    def residual(self) -> int:
        """Sources less sinks: always 0."""
        return self.grid + self.pv + self.storage - self.load - self.ev - self.loss


@dataclass(slots=True)
class Day:
    """What a local day brings from outside, at every minute."""

    weather: WeatherDay
    start_ms: int
    generation: Mapping[str, PvDay] = field(default_factory=dict)
    loads: Mapping[str, list[float]] = field(default_factory=dict)


class Park:
    """A plant driven by physics; it only goes forward.

    It begins at the local midnight before `start_ms`, or where a saved state stands and catches up from there.
    """

    def __init__(self, scenario: Scenario, start_ms: int, state: ParkState | None = None) -> None:
        self.scenario = scenario
        site = scenario.site
        self._site = Site(site.latitude, site.longitude, site.altitude_m, site.zone, site.linke_turbidity)
        self.devices: tuple[SimulatedDevice, ...] = scenario.simulated()
        self._settings: dict[str, DeviceSettings] = {device.id: device for device in scenario.devices}
        self._step_ms = round(scenario.step_s * 1000)
        self._arrays = {one.id: array_of(one) for one in self._of("pv_inverter")}
        self._loads = {one.id: load_of(one) for one in self._of("meter")}
        self._tangents = {name: math.tan(math.acos(load.power_factor)) for name, load in self._loads.items()}
        self._flexible = {one.id: flexible_of(one) for one in self._of("meter") if one.flexibility != "none"}
        chargers = self._of("charger")
        self._queued = {one.id: Gun(one.ratings["rated_power_kw"]) for one in chargers if one.flexibility != "v2g"}
        v2g = {one.id: v2g_gun_of(one) for one in chargers if one.flexibility == "v2g"}
        self._guns: dict[str, Gun | V2gGun] = {one.id: self._queued.get(one.id) or v2g[one.id] for one in chargers}
        self._parked = V2gGuns(v2g, scenario.v2g, scenario.seed)
        self.schedules = Schedules(scenario.planned())
        """What devices are asked for beside their normal plans."""
        self._station = self._build_station()
        storage = self._of("storage")
        self._storage_id = storage[0].id if storage else ""
        self._battery = battery_of(storage[0]) if storage else None
        self._idle_w = round(1000 * self._battery.auxiliary_kw(0.0)) if self._battery else 0
        self._strategy = strategy_of(scenario)
        self._setpoint_kw: float | None = None
        self._limits_pct = dict.fromkeys(self._arrays, 100.0)
        self._sun: SetSun | None = None
        self._energy_kwh = _START_SOC * self._battery.capacity_kwh if self._battery else 0.0
        self._grid_id = self._of("grid_meter")[0].id
        self.flows = {one.id: first_flow(one) for one in scenario.devices}
        self.loss = Flow()
        self.bus = bus_of(scenario)
        """The direct-current bus; no part of the balance, what hangs on it is counted itself."""
        self._bus_id = self.bus.settings.id if self.bus else ""
        self._bus_signs = self.bus.signs if self.bus else {}
        day = self._first_day(start_ms, state)
        self._begun = state if state is not None and state.at_ms is not None and state.date == day else None
        self._day = self._open(day)
        self.at_ms = self._day.start_ms
        """Start of the step whose powers hold."""
        self.midnight = self._begin_day()
        """The state in which the current day began, or was taken over."""
        if self._begun is not None:
            self._take_over(self._begun)
        bus = {self.bus.settings.id: self.bus.flow} if self.bus else {}
        self._metered = {**self.flows, **bus}
        """The flows that have to be looked at while time passes."""
        self.truth = Truth()
        self._watch()
        self._decide()

    @property
    def step_ms(self) -> int:
        """How long the powers hold."""
        return self._step_ms

    @property
    def balance(self) -> Balance:
        """The powers that hold now."""
        return Balance(
            grid=self.flows[self._grid_id].watts,
            pv=sum(self.flows[one].watts for one in self._arrays),
            storage=self.flows[self._storage_id].watts if self._battery else 0,
            load=sum(self.flows[one].watts for one in self._loads),
            ev=sum(self.flows[one].watts for one in self._guns),
            loss=self.loss.watts,
        )

    @property
    def stored_kwh(self) -> float:
        """Energy content of the storage at the start of the step."""
        return self._energy_kwh

    def vehicle(self, device: str) -> ParkedVehicle | None:
        """The vehicle at a gun that gives back, if there is one."""
        gun = self._parked.guns.get(device)
        return gun.vehicle if gun else None

    def gives_back(self, device: str) -> bool:
        """Whether a device is a gun for V2G."""
        return device in self._parked.guns

    def off_plan_left_s(self, device: str) -> float | None:
        """How long a flexible load may still run off its plan today; None for any other device."""
        load = self._flexible.get(device)
        return None if load is None else (load.day_ms - load.used_ms) / 1000

    def advance_to(self, at_ms: int) -> None:
        """Go on to the step that holds at an instant; an earlier instant changes nothing."""
        while self.at_ms + self._step_ms <= at_ms:
            self._look()
            self._hold()
            self.at_ms += self._step_ms
            if self.at_ms >= self._day.start_ms + _DAY_MS:
                self._day = self._open(self._day.weather.day + timedelta(days=1))
                self.midnight = self._begin_day()
            self._decide()

    def halt(self) -> ParkState:
        """Let the present step pass; the state before anything is decided for the next one. Nothing may follow."""
        self._hold()
        self.at_ms += self._step_ms
        return self._described(self.at_ms)

    def values(self, device: str, at_ms: int) -> Values:
        """What a device measures at an instant: the powers of its step, registers up to the instant."""
        self.advance_to(at_ms)
        shown = self._shown(device, self._whole(self._measure(max(at_ms, self.at_ms))))
        return {name: None if math.isnan(value) else float(value) for name, value in shown.items()}

    def columns(self, stamps: range) -> Mapping[str, readings.Columns]:
        """What every device measures at each of some instants of a local day; worked out when the last has come."""
        measurements = []
        for at_ms in stamps:
            self.advance_to(at_ms)
            measurements.append(self._measure(at_ms))
        measured = self._whole(together(measurements))
        return {device.device: self._shown(device.device, measured) for device in self.devices}

    def write(self, device: str, signal: str, value: float) -> None:
        """Take a set-point: `limit_pct` of an inverter, `setpoint_kw` of the storage, `limit_kw` of a charger."""
        if signal == "limit_pct" and device in self._limits_pct:
            self._limits_pct[device] = value
        elif signal == "setpoint_kw" and device == self._storage_id:
            self._setpoint_kw = value
        elif signal == "limit_kw" and device in self._guns:
            self._guns[device].limit_kw = value

    def release(self, device: str) -> None:
        """Give back a set-point: the storage follows its strategy again, others are no longer limited."""
        if device == self._storage_id:
            self._setpoint_kw = None
        elif device in self._limits_pct:
            self._limits_pct[device] = 100.0
        elif device in self._guns:
            self._guns[device].limit_kw = self._settings[device].ratings["rated_power_kw"]

    def set_sun(self, sun: SetSun | None) -> None:
        """Another sky from the next step on; None: that of seed and date again."""
        self._sun = sun
        self._day = self._open(self._day.weather.day)

    def _measure(self, at_ms: int) -> Measurements:
        """The park as it stood when the step began."""
        return Measurements(
            at_ms,
            self.at_ms,
            self._minute(at_ms - self.at_ms),
            {name: flow.now for name, flow in self._metered.items()},
            {name: gun.plugged for name, gun in self._guns.items()},
            self._energy_kwh,
            self.bus.target_kw if self.bus else 0.0,
        )

    def _whole(self, measured: Measurements) -> Measurements:
        """With what need not be looked at while time passes."""
        return measured

    def _shown(self, device: str, measured: Measurements) -> readings.Columns:
        """What the instruments of a device make of it, registers up to the instant."""
        flow = measured.flows[device].after(measured.at_ms - measured.begun_ms)
        if self.bus is not None and device == self._bus_id:
            return self.bus.shown(flow, measured.target_kw)
        match self._settings[device].device_class:
            case "grid_meter" | "meter":
                return readings.meter(
                    flow, self._settings[device].ratings.get("rated_power_kw", 0.0), measured.begun_ms
                )
            case "pv_inverter":
                return self._inverter(device, flow, measured)
            case "storage":
                return self._storage(flow, measured)
            case "charger":
                return readings.charger(flow, measured.guns[device], self._air_c(measured))
            case _:
                return self._weather(measured)

    def _first_day(self, start_ms: int, state: ParkState | None) -> date:
        """The day to begin with, after taking over what a state brings."""
        day = self._site.day_of(start_ms)
        if state is None or state.date > day:
            return day
        self.flows = {name: Flow(**flow) for name, flow in state.flows.items()}
        self.loss = Flow(**state.loss)
        self._energy_kwh = state.energy_kwh
        restore_station(state, self._station)
        self._parked.restore(state.parked)
        for name, load in self._flexible.items():
            load.restore(state.flexible.get(name, {}))
        if self.bus is not None:
            self.bus.restore(state.bus)
        # After a long pause the registers are kept and the days in between are left out.
        return state.date if (day - state.date).days <= _LONGEST_CATCH_UP_DAYS else day

    def _begin_day(self) -> ParkState:
        self._station.begin_day(self._day.weather.day)
        self._parked.begin_day(self._day.weather.day, self._day.start_ms)
        for load in self._flexible.values():
            load.begin_day()
        return self._described(None)

    def _take_over(self, state: ParkState) -> None:
        """Go on within a day."""
        self._station.begin_day(state.date, state.came)
        for name, load in self._flexible.items():
            load.restore(state.flexible.get(name, {}))
        self.at_ms = self.at_ms if state.at_ms is None else state.at_ms
        self.midnight = state

    def _described(self, at_ms: int | None) -> ParkState:
        guns, queue = describe_station(self._station)
        return ParkState(
            park=self.scenario.park,
            seed=self.scenario.seed,
            day=self._day.weather.day.isoformat(),
            energy_kwh=self._energy_kwh,
            flows={name: asdict(flow) for name, flow in self.flows.items()},
            loss=asdict(self.loss),
            guns=guns,
            queue=queue,
            parked=self._parked.state,
            flexible={name: load.state for name, load in self._flexible.items()},
            bus=self.bus.state if self.bus else {},
            at_ms=at_ms,
            came=self._station.came,
        )

    def _of(self, device_class: str) -> list[DeviceSettings]:
        return [device for device in self.scenario.devices if device.device_class == device_class]

    def _build_station(self) -> Station:
        settings = self.scenario.chargers
        return Station(
            name="station",
            seed=self.scenario.seed,
            guns=list(self._queued.values()),
            gun_power_kw=max((gun.limit_kw for gun in self._queued.values()), default=0.0),
            guns_per_cabinet=settings.guns_per_cabinet,
            cabinet_power_kw=settings.cabinet_power_kw,
            arrivals_per_day=settings.arrivals_per_day,
        )

    def _open(self, day: date) -> Day:
        weather = WeatherDay(self._site, day, self.scenario.seed, self.scenario.site.sky, self._sun)
        made = {name: generation(array, weather) for name, array in self._arrays.items()}
        used = {name: load_day(load, weather) for name, load in self._loads.items()}
        return Day(weather, weather.start_ms, made, used)

    def _minute(self, elapsed_ms: int = 0) -> float:
        return (self.at_ms + elapsed_ms - self._day.start_ms) / MINUTE_MS

    def _watch(self) -> None:
        self.truth.begin(self.at_ms, {**self._metered, LOSS: self.loss})

    def _look(self) -> None:
        """Keep the registers of the quarter hours that end within the step."""
        if self.truth.next_ms <= self.at_ms + self._step_ms:
            self.truth.hold(self.at_ms, self._step_ms, {**self._metered, LOSS: self.loss})

    def _hold(self) -> None:
        """Let the current step pass: registers, the target of the bus, and the energy in the storage."""
        for flow in self.flows.values():
            flow.hold(self._step_ms)
        self.loss.hold(self._step_ms)
        self._hold_stores()

    def _hold_stores(self) -> None:
        if self.bus is not None:
            self.bus.hold(self._step_ms)
        if self._battery:
            self._energy_kwh = self._battery.after(self._energy_kwh, self._storage_kw(), self._step_ms / 1000)

    def _decide(self) -> None:
        """Set the powers that hold from now to the next step, the grid meter last."""
        minute = self._minute()
        pv = self._decide_generation()
        load = self._decide_loads()
        ev = self._decide_chargers(minute)
        fixed_loss = round(1000 * (self._station.losses_kw() + self._parked.losses_kw()))
        storage, auxiliary = self._decide_storage(minute, load + ev + fixed_loss - pv)
        loss = fixed_loss + auxiliary
        loss += self._transformer_loss(load + ev + loss - pv - storage)
        self.loss.watts = loss
        grid = self.flows[self._grid_id]
        grid.watts = load + ev + loss - pv - storage
        grid.var = self._reactive()
        if self.bus is not None:
            self.bus.follow(self._passing_the_bus())

    def _reactive(self) -> int:
        """Reactive power at the grid meter."""
        return sum(self.flows[one].var for one in (*self._loads, *self._arrays))

    def _passing_the_bus(self) -> int:
        """What the devices on the bus leave to it: sinks less sources."""
        return sum(sign * self.flows[device].watts for device, sign in self._bus_signs.items())

    def _decide_generation(self) -> int:
        return sum(self._decide_inverter(name, array.rated_power_kw) for name, array in self._arrays.items())

    def _decide_inverter(self, name: str, rated_kw: float) -> int:
        """A set-point and a schedule are both the most that an inverter may give."""
        available, limit = self._available_kw(name), rated_kw * self._limits_pct[name] / 100
        wanted = self.schedules.wanted_kw(name, self.at_ms)
        watts = int(1000 * (min(available, limit) if wanted is None else min(available, limit, wanted)))
        self.flows[name].watts = watts
        if wanted is not None:
            self._serve(name, watts, "sun" if available < min(limit, wanted) else "")
        return watts

    def _available_kw(self, name: str) -> float:
        """What the sun leaves to an inverter."""
        return interpolate(self._day.generation[name].ac_kw, self._minute())

    def _decide_loads(self) -> int:
        return sum(self._decide_load(name) for name in self._loads)

    def _decide_load(self, name: str) -> int:
        flow, watts = self.flows[name], self._planned_w(name)
        if flexible := self._flexible.get(name):
            wanted = self.schedules.wanted_kw(name, self.at_ms)
            wanted_w = None if wanted is None else round(1000 * wanted)
            watts, reason = flexible.power_w(watts, wanted_w, self._step_ms)
            self._serve(name, watts, reason)
        flow.watts = watts
        flow.var = int(watts * self._tangents[name])
        return watts

    def _planned_w(self, name: str) -> int:
        """What shifts, cooling and machines of a load need."""
        return int(1000 * interpolate(self._day.loads[name], self._minute()))

    def _decide_chargers(self, minute: float) -> int:
        for name, gun in self._queued.items():
            gun.scheduled_kw = self.schedules.wanted_kw(name, self.at_ms)
        self._station.step(minute * 60, self._step_ms / 1000, [self.flows[name].taken for name in self._queued])
        total = 0
        for name, gun in self._queued.items():
            watts = round(1000 * gun.power_kw)
            self.flows[name].watts = watts
            total += watts
            if gun.scheduled_kw is not None:
                self._serve(name, watts, "no_vehicle" if gun.vehicle is None else "")
        return total + sum(self._decide_v2g(name, gun) for name, gun in self._parked.guns.items())

    def _decide_v2g(self, name: str, gun: V2gGun) -> int:
        flow = self.flows[name]
        self._parked.come_and_go(name, self.at_ms, flow.taken - flow.given)
        wanted = self.schedules.wanted_kw(name, self.at_ms)
        reason = decide(gun, wanted, self.at_ms, self._step_ms / 1000)
        flow.watts = round(1000 * gun.power_kw)
        self._serve(name, flow.watts, reason)
        return flow.watts

    def _serve(self, device: str, watts: int, reason: str) -> None:
        """Write down what a device makes of its schedule, if it has one now."""
        self.schedules.note(device, self.at_ms, self._step_ms, watts, reason)

    def _decide_storage(self, minute: float, residual_w: int) -> tuple[int, int]:
        """Power of the storage and its auxiliaries, in watts."""
        if self._battery is None:
            return 0, 0
        residual_kw = (residual_w + self._idle_w + self._transformer_loss(residual_w)) / 1000
        seconds = self._step_ms / 1000
        scheduled = self.schedules.wanted_kw(self._storage_id, self.at_ms)
        wanted = self._setpoint_kw if scheduled is None else scheduled
        if wanted is None:
            power = self._strategy.power_kw(self._battery, self._energy_kwh, residual_kw, minute, seconds)
        else:
            power = self._battery.allowed_kw(self._energy_kwh, wanted, seconds)
        watts = int(1000 * power)
        if scheduled is not None:
            self._serve(self._storage_id, watts, "" if watts == int(1000 * scheduled) else "soc")
        self.flows[self._storage_id].watts = watts
        return watts, round(1000 * self._battery.auxiliary_kw(watts / 1000))

    def _transformer_loss(self, watts: int) -> int:
        rated = 1000 * self.scenario.transformer_kva
        return round(rated * (_NO_LOAD_SHARE + _COPPER_SHARE * (watts / rated) ** 2))

    def _storage_kw(self) -> float:
        return self.flows[self._storage_id].watts / 1000

    def _inverter(self, device: str, flow: Metered, measured: Measurements) -> readings.Columns:
        day, array = self._day.generation[device], self._arrays[device]
        return readings.inverter(
            flow,
            rated_kw=array.rated_power_kw,
            available_kw=self._at_modules(day.ac_kw, measured),
            dc_kw=self._at_modules(day.dc_kw, measured),
            cell_c=self._at_modules(day.cell_c, measured),
            limit_pct=self._limits_pct[device],
            at_ms=measured.begun_ms,
        )

    def _storage(self, flow: Metered, measured: Measurements) -> readings.Columns:
        assert self._battery is not None  # noqa: S101  only asked for a storage device
        seconds = (measured.at_ms - measured.begun_ms) / 1000
        energy = readings.each(self._battery.after, measured.energy_kwh, flow.watts / 1000, seconds)
        return readings.storage(
            flow, self._battery, energy, self._air_c(measured), self._setpoint_kw, measured.begun_ms
        )

    def _weather(self, measured: Measurements) -> readings.Columns:
        first = next(iter(self._day.generation.values()), None)
        plane_w_m2 = self._at_modules(first.plane_w_m2, measured) if first else math.nan
        cell_c = self._at_modules(first.cell_c, measured) if first else math.nan
        return readings.weather(self._day.weather, plane_w_m2, cell_c, measured.minute)

    def _at_modules(self, series: list[float], measured: Measurements) -> Any:
        return along(series, measured.minute)

    def _air_c(self, measured: Measurements) -> Any:
        return along(self._day.weather.temperature, measured.minute)
