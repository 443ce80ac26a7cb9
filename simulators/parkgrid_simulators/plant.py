"""What stands behind a simulated device: a plant that can say what each of its devices measures at an instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from parkgrid_contract.identity import NO_POINT, MeteringPoint

Values = Mapping[str, float | None]
"""Catalogue signal to value in its unit; a signal that is None or missing is absent."""


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    """One device of a plant, as its nameplate says."""

    device: str
    """Identifier, unique within the plant."""
    device_class: str
    driver: str
    """Driver whose register rows it serves."""
    name_zh: str = ""
    name_en: str = ""
    period_s: float = 1.0
    """Seconds between two readings that suit it."""
    ratings: Mapping[str, float] = field(default_factory=dict)
    """Nameplate figures with units in their names."""
    point: MeteringPoint = NO_POINT
    bus: str = ""
    """Devices of one bus share one port with unit numbers 1, 2 …; a device without one has its own port."""

    @property
    def name(self) -> str:
        """Both names, as people see it."""
        return " / ".join(part for part in (self.name_zh, self.name_en) if part) or self.device


class Plant(Protocol):
    """A set of devices whose measurements are a function of simulated time."""

    @property
    def devices(self) -> Sequence[SimulatedDevice]:
        """Every device, in a fixed order."""
        ...

    def values(self, device: str, at_ms: int) -> Values:
        """What a device measures at an instant; instants never go backwards."""
        ...

    def write(self, device: str, signal: str, value: float) -> None:
        """Take a set-point, in the catalogue's unit; it works from the next step on."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a simulated device answers."""

    device: SimulatedDevice
    host: str
    port: int
    unit: int

    def document(self) -> dict[str, Any]:
        """JSON for whoever writes the settings of an agent."""
        device = self.device
        point = device.point
        return {
            "device": device.device,
            "class": device.device_class,
            "driver": device.driver,
            "name": device.name,
            "name_zh": device.name_zh,
            "name_en": device.name_en,
            "period_s": device.period_s,
            "ratings": dict(device.ratings),
            "point": {
                "station": point.station,
                "line": point.line,
                "transformer": point.transformer,
                "account": point.account,
            },
            "connection": {"kind": "tcp", "host": self.host, "port": self.port, "unit": self.unit},
        }
