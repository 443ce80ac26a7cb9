"""Schedules of devices: powers over spans of simulated time, and what the devices made of them.

A device with a schedule follows it from the first step within a span to the last one, and its normal plan at any other
time. Where it could not do what was asked, the reason and its time stand beside the entry.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from parkgrid_contract.time import from_ms
from parkgrid_simulators.flow import WATT_MS_PER_KWH

MOST_ENTRIES = 1_000
"""Of one device: ten days of quarters."""
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "soc": "the storage is too full or too empty, or near it",
        "no_vehicle": "no vehicle is connected",
        "vehicle": "the vehicle takes or gives no more",
        "target": "the vehicle has what its driver asked for",
        "floor": "the driver keeps this state of charge",
        "departure": "the vehicle would not have its target at departure",
        "demand": "the load needs no more",
        "time": "the load has used its time off plan for this day",
        "sun": "the modules give no more",
    }
)
"""Why a device did less than its schedule asked for."""


@dataclass(slots=True)
class Entry:
    """A power over a half-open span, and what became of it so far."""

    from_ms: int
    to_ms: int
    power_kw: float
    """With the sign of the device's own power."""
    asked: int = 0
    """Watt-milliseconds that were asked for while it held."""
    served: int = 0
    """Watt-milliseconds that the device drew or gave while it held."""
    limited_ms: dict[str, int] = field(default_factory=dict)
    """How long each reason kept the device from it."""
    limited_by: str = ""
    """The reason that keeps it now."""

    def state(self, at_ms: int) -> str:
        """`waiting`, `running` or `done`."""
        if at_ms < self.from_ms:
            return "waiting"
        return "running" if at_ms < self.to_ms else "done"

    def told(self, at_ms: int) -> dict[str, Any]:
        """As plain values."""
        return {
            "from": from_ms(self.from_ms).isoformat(),
            "to": from_ms(self.to_ms).isoformat(),
            "power_kw": self.power_kw,
            "state": self.state(at_ms),
            "asked_kwh": self.asked / WATT_MS_PER_KWH,
            "served_kwh": self.served / WATT_MS_PER_KWH,
            "limited_by": self.limited_by if self.limited_by and self.state(at_ms) == "running" else None,
            "limited_s": {reason: milliseconds / 1000 for reason, milliseconds in self.limited_ms.items()},
        }


class Schedules:
    """The schedules of a park."""

    def __init__(self, given: Mapping[str, Sequence[Entry]]) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._starts: dict[str, list[int]] = {}
        for device, entries in given.items():
            self.set(device, entries)

    def set(self, device: str, entries: Sequence[Entry]) -> None:
        """Replace the schedule of a device; without entries it has none."""
        self.clear(device)
        if entries:
            self._entries[device] = sorted(entries, key=lambda entry: entry.from_ms)
            self._starts[device] = [entry.from_ms for entry in self._entries[device]]

    def clear(self, device: str) -> int:
        """Take the schedule of a device away; how many entries it had."""
        self._starts.pop(device, None)
        return len(self._entries.pop(device, ()))

    def of(self, device: str) -> Sequence[Entry]:
        """The entries of a device in order of time."""
        return tuple(self._entries.get(device, ()))

    @property
    def devices(self) -> tuple[str, ...]:
        """Those that have a schedule."""
        return tuple(self._entries)

    def at(self, device: str, at_ms: int) -> Entry | None:
        """What is asked of a device at an instant."""
        if device not in self._entries:
            return None
        index = bisect_right(self._starts[device], at_ms) - 1
        entry = self._entries[device][index] if index >= 0 else None
        return entry if entry is not None and at_ms < entry.to_ms else None

    def wanted_kw(self, device: str, at_ms: int) -> float | None:
        """The power that is asked of a device at an instant; None: its normal plan."""
        entry = self.at(device, at_ms)
        return None if entry is None else entry.power_kw

    def note(self, device: str, at_ms: int, milliseconds: int, watts: int, reason: str) -> None:
        """What the device does in a step, and why it is less than was asked."""
        entry = self.at(device, at_ms)
        if entry is None:
            return
        entry.asked += round(1000 * entry.power_kw) * milliseconds
        entry.served += watts * milliseconds
        entry.limited_by = reason
        if reason:
            entry.limited_ms[reason] = entry.limited_ms.get(reason, 0) + milliseconds


def entry_problems(entries: Sequence[Entry], low_kw: float, high_kw: float) -> Iterator[tuple[int, str, object, str]]:
    """What is wrong with a schedule, as (number of the entry, key, value, remedy)."""
    for number, entry in enumerate(entries):
        if entry.to_ms <= entry.from_ms:
            yield number, "to", from_ms(entry.to_ms).isoformat(), "must lie after from"
        if not low_kw <= entry.power_kw <= high_kw:
            yield number, "power_kw", entry.power_kw, f"must be between {low_kw:g} and {high_kw:g} kW"
    order = sorted(range(len(entries)), key=lambda number: entries[number].from_ms)
    for before, after in pairwise(order):
        if entries[after].from_ms < entries[before].to_ms:
            told, other = (from_ms(entries[number].from_ms).isoformat() for number in (after, before))
            yield after, "from", told, f"overlaps the entry from {other}: let one end where the other begins"
