"""A scenario: the park, its devices, its seed and its faults, as one small TOML file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from parkgrid_contract.identity import identifier_problem
from parkgrid_contract.ranges import text_problem
from parkgrid_contract.settings import between, load, setting
from parkgrid_contract.time import to_ms
from parkgrid_simulators.faults import FOREVER_MS, Fault
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.scenario_rules import DAILY, Found, Parts, parts_of, problems
from parkgrid_simulators.scenario_tables import (
    DcBusSettings,
    DeviceSettings,
    FaultSettings,
    ScheduleSettings,
    SiteSettings,
    StationSettings,
    StrategySettings,
    V2gSettings,
)
from parkgrid_simulators.schedules import Entry

SCENARIOS = Path(__file__).parent / "scenarios"
DEFAULT = SCENARIOS / "pingshan_park.toml"
_DAY_MS = 86_400_000
_FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A park and what happens to it."""

    park: str = setting(help="identifier of the park", check=identifier_problem)
    devices: tuple[DeviceSettings, ...] = setting(help="the devices")
    name_zh: str = setting("", help="its Chinese name", check=text_problem)
    name_en: str = setting("", help="its English name", check=text_problem)
    district: str = setting("", help="its district", check=text_problem)
    seed: int = setting(1, help="the same seed gives the same readings", check=between(0, 2**53))
    start: str = setting("", help="local time that the clock begins at, 2026-06-21T12:00; none: the machine's time")
    speed: float = setting(1.0, help="simulated seconds per second, from start on", check=between(1, 3_600))
    step_s: float = setting(2.0, help="seconds of simulated time that powers hold", check=between(0.1, 60, "s"))
    transformer_kva: float = setting(3_150.0, help="rating of the transformer", check=between(1, 1e6, "kVA"))
    site: SiteSettings = setting(SiteSettings(), help="where it stands")
    strategy: StrategySettings = setting(StrategySettings(), help="what the storage does")
    chargers: StationSettings = setting(StationSettings(), help="arrivals at the super-chargers")
    v2g: V2gSettings = setting(V2gSettings(), help="vehicles at the guns that give back")
    faults: tuple[FaultSettings, ...] = setting((), help="what goes wrong, and when")
    schedules: tuple[ScheduleSettings, ...] = setting((), help="what devices are asked for, and when")
    dc_buses: tuple[DcBusSettings, ...] = setting((), help="the direct-current bus of a PEDF building, at most one")

    @staticmethod
    def document_problems(document: Mapping[str, Any]) -> Iterator[Found]:
        """Rules across keys, told beside what is wrong with single ones."""
        return problems(parts_of(document))

    def problems(self) -> Iterator[Found]:
        """Rules across keys, of a scenario that was not read from a file."""
        return problems(
            Parts(
                self.devices, self.dc_buses, self.faults, self.schedules, self.site, self.strategy, self.v2g, self.start
            )
        )

    @property
    def dc_bus(self) -> DcBusSettings | None:
        """The direct-current bus, if there is one."""
        return self.dc_buses[0] if self.dc_buses else None

    def simulated(self) -> tuple[SimulatedDevice, ...]:
        """Every device of the park as its servers present them, the meter of the bus last."""
        return (*(device.simulated() for device in self.devices), *(bus.simulated() for bus in self.dc_buses))

    def planned(self) -> dict[str, list[Entry]]:
        """The schedules by device."""
        found: dict[str, list[Entry]] = {}
        for schedule in self.schedules:
            found.setdefault(schedule.device, []).append(schedule.entry(self.site.zone))
        return found

    def timeline(self) -> list[Fault]:
        """The faults as instants."""
        return [_fault(fault, ZoneInfo(self.site.zone)) for fault in self.faults]


def load_scenario(path: Path = DEFAULT) -> Scenario:
    """A scenario from its file. Raises `SettingsError` with all problems."""
    return load(Scenario, path, {}, "simulators")


def _fault(fault: FaultSettings, zone: ZoneInfo) -> Fault:
    """One fault as instants; a daily one is counted from the first day that any device may report."""
    every_ms = 0
    if DAILY.fullmatch(fault.start):
        start = to_ms(datetime.combine(_FIRST_DAY, time.fromisoformat(fault.start), zone))
        every_ms = _DAY_MS
    else:
        start = to_ms(datetime.fromisoformat(fault.start))
    end = FOREVER_MS if fault.duration_s is None else start + round(fault.duration_s * 1000)
    return Fault(fault.device, fault.kind, start, end, fault.parameters, every_ms)
