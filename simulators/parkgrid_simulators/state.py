"""What a park carries from one day to the next, as a small JSON file: a restarted park goes on where it stood.

A park's day is a function of seed, date and this state, so the state of the last midnight is enough: a process that
is killed at noon comes back with the registers that it would have had. A history hands its park over at any minute.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any

from parkgrid_simulators.chargers import CLASSES, Gun, Station, Vehicle
from parkgrid_simulators.flow import Flow

_MOST_BYTES = 1_048_576
_KINDS = {kind.name: kind for kind in CLASSES}


class StateError(Exception):
    """The file is not the state of this park; the message says why."""


@dataclass(frozen=True, slots=True)
class ParkState:
    """A park at a local midnight, or where a history ends within a day."""

    park: str
    seed: int
    day: str
    """The local day, as 2026-06-21."""
    energy_kwh: float
    """In the storage."""
    flows: Mapping[str, Mapping[str, int]]
    """Registers of every device."""
    loss: Mapping[str, int]
    guns: tuple[Mapping[str, Any], ...]
    queue: tuple[Mapping[str, Any], ...]
    bus: Mapping[str, float] = field(default_factory=dict)
    """Registers and target of a direct-current bus; empty without one, and in a file of before there were any."""
    parked: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Guns that give back, and their vehicles."""
    flexible: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What flexible loads owe and have used of the day."""
    at_ms: int | None = None
    """The instant within the day, before anything is decided for it; None: the midnight with which it begins."""
    came: int = 0
    """How many of the day's vehicles have come already."""

    @property
    def date(self) -> date:
        """The local day."""
        return date.fromisoformat(self.day)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises `OSError`."""
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        part.write_text(json.dumps(asdict(self)), "utf-8")
        os.replace(part, path)  # noqa: PTH105  atomic on every system


def load_state(path: Path, park: str, seed: int, devices: set[str]) -> ParkState | None:
    """The state of this park, or None if there is no file. Raises `StateError`."""
    try:
        text = path.read_text("utf-8")
        if len(text) > _MOST_BYTES:
            raise StateError(f"{path}: {len(text)} characters are too many for a state")
        document = json.loads(text)
        # A file of before the newer fields has their defaults.
        wanted = {each.name for each in fields(ParkState)}
        state = ParkState(**{name: value for name, value in document.items() if name in wanted})
        if (state.park, state.seed, set(state.flows)) != (park, seed, devices):
            raise StateError(f"{path}: belongs to park {state.park!r} with seed {state.seed}, or to other devices")
        # Whatever cannot be read back is found here and not in the middle of a day.
        restore_station(state, Station("check", 0, [Gun(0.0) for _ in state.guns]))
        [Flow(**flow) for flow in (*state.flows.values(), state.loss)]
        [float(number) for number in state.bus.values()]
        state.date  # noqa: B018  raises ValueError
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: cannot be read ({error})") from error
    return state


def describe_station(station: Station) -> tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]]:
    """Guns and queue as plain values."""
    guns = tuple(
        {
            "limit_kw": gun.limit_kw,
            "idle_s": gun.idle_s,
            "sessions": gun.sessions,
            "session_base": gun.session_base,
            "vehicle": _describe(gun.vehicle) if gun.vehicle else None,
        }
        for gun in station.guns
    )
    return guns, tuple(_describe(vehicle) for vehicle in station.queue)


def restore_station(state: ParkState, station: Station) -> None:
    """Put guns and queue back."""
    for gun, saved in zip(station.guns, state.guns, strict=True):
        gun.limit_kw, gun.idle_s = float(saved["limit_kw"]), float(saved["idle_s"])
        gun.sessions, gun.session_base = int(saved["sessions"]), int(saved["session_base"])
        gun.vehicle = _vehicle(saved["vehicle"]) if saved["vehicle"] else None
    station.queue.clear()
    station.queue.extend(_vehicle(saved) for saved in state.queue)


def _describe(vehicle: Vehicle) -> Mapping[str, Any]:
    return {
        "kind": vehicle.kind.name,
        "soc": vehicle.soc,
        "target": vehicle.target,
        "linger_s": vehicle.linger_s,
    }


def _vehicle(saved: Mapping[str, Any]) -> Vehicle:
    return Vehicle(_KINDS[saved["kind"]], float(saved["soc"]), float(saved["target"]), float(saved["linger_s"]))
