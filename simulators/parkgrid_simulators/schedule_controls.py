"""Schedules and the truth of a running park: set, read and cleared with every number within its range."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parkgrid_contract.time import from_ms
from parkgrid_simulators.control_errors import ControlError, Problem, UnknownNameError, there_are
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario_tables import local_ms
from parkgrid_simulators.schedules import MOST_ENTRIES, Entry, entry_problems
from parkgrid_simulators.truth import QUARTER_MS

MOST_QUARTERS = 192
"""Of one answer: two days."""


class ScheduleControls:
    """What the devices of one park are asked for, and what they did."""

    def __init__(self, park: Park, passed: Callable[[], int]) -> None:
        self._park, self._passed = park, passed
        self._devices = {device.device: device.device_class for device in park.devices}
        self._settings = {device.id: device for device in park.scenario.devices}

    def listed(self) -> list[Mapping[str, Any]]:
        """What every device is asked for that takes a schedule."""
        return [self.of(device) for device in self._devices if self._bounds(device)]

    def bounds(self, device: str) -> Mapping[str, float] | None:
        """The least and the most power that a device may be asked for; None: it takes no schedule."""
        found = self._bounds(device)
        return None if found is None else {"least_kw": found[0], "most_kw": found[1]}

    def of(self, device: str) -> Mapping[str, Any]:
        """What a device is asked for, and what it makes of it, as plain values. Raises `UnknownNameError`."""
        low_kw, high_kw = self._schedulable(device)
        now_ms = self._passed()
        entry = self._park.schedules.at(device, now_ms)
        return {
            "device": device,
            "least_kw": low_kw,
            "most_kw": high_kw,
            "now": from_ms(now_ms).isoformat(),
            "follows": "plan" if entry is None else "schedule",
            "power_kw": self._park.flows[device].watts / 1000,
            "limited_by": None if entry is None else entry.limited_by or None,
            "vehicle": self._vehicle(device),
            "off_plan_left_s": self._park.off_plan_left_s(device),
            "entries": [one.told(now_ms) for one in self._park.schedules.of(device)],
        }

    def set(self, device: str, entries: Sequence[tuple[str, str, float]]) -> Mapping[str, Any]:
        """Ask a device for powers over spans, as (from, to, kW), in place of what was asked before.

        Times without an offset are the park's. It works from the next step on. Raises `ControlError` with every
        problem, `UnknownNameError` for a device that takes no schedule.
        """
        bounds = self._schedulable(device)
        if not 1 <= len(entries) <= MOST_ENTRIES:
            raise ControlError("entries", len(entries), f"give 1 to {MOST_ENTRIES} entries; clear it to have none")
        found, problems = self._entries(entries)
        now_ms = self._passed()
        for number, entry in found.items():
            if entry.from_ms < entry.to_ms <= now_ms:
                remedy = f"is over: the park's time is {from_ms(now_ms).isoformat()}"
                problems.append((f"entries.{number}.to", entries[number][1], remedy))
        order = list(found)
        for place, key, value, remedy in entry_problems(list(found.values()), *bounds):
            problems.append((f"entries.{order[place]}.{key}", value, remedy))
        if problems:
            raise ControlError(*problems[0], *problems[1:])
        self._park.schedules.set(device, list(found.values()))
        return self.of(device)

    def clear(self, device: str | None = None) -> int:
        """Give devices back to their normal plans; how many entries there were. Raises `UnknownNameError`."""
        if device is not None:
            self._schedulable(device)
        self._passed()
        names = self._park.schedules.devices if device is None else (device,)
        return sum(self._park.schedules.clear(name) for name in names)

    def truth(self, start: str, end: str) -> Mapping[str, Any]:
        """What every device really did in the quarter hours that began in a span, as plain values.

        Faults do not touch it. A quarter is there once it is over, for a week and a day. Raises `ControlError`.
        """
        span, problems = {}, []
        for key, text in (("from", start), ("to", end)):
            try:
                span[key] = local_ms(text, self._park.scenario.site.zone)
            except ValueError as error:
                problems.append((key, text, str(error)))
        if not problems and not 0 < span["to"] - span["from"] <= MOST_QUARTERS * QUARTER_MS:
            problems.append(("to", end, f"must lie after from, by at most {MOST_QUARTERS} quarter hours"))
        if problems:
            raise ControlError(*problems[0], *problems[1:])
        self._passed()
        quarters = self._park.truth.quarters(span["from"], span["to"])
        return {
            "from": from_ms(span["from"]).isoformat(),
            "to": from_ms(span["to"]).isoformat(),
            "quarters": [quarter.told(self._devices) for quarter in quarters],
        }

    def _entries(self, entries: Sequence[tuple[str, str, float]]) -> tuple[dict[int, Entry], list[Problem]]:
        """Those that can be read, by number, and what is wrong with the others."""
        found: dict[int, Entry] = {}
        problems: list[Problem] = []
        for number, given in enumerate(entries):
            if not _has_three(given):
                problems.append((f"entries.{number}", given, "must be (from, to, power in kW)"))
                continue
            start, end, power_kw = given
            times = {}
            for key, text in (("from", start), ("to", end)):
                try:
                    times[key] = local_ms(text, self._park.scenario.site.zone)
                except ValueError as error:
                    problems.append((f"entries.{number}.{key}", text, str(error)))
            if not isinstance(power_kw, int | float) or isinstance(power_kw, bool):
                problems.append((f"entries.{number}.power_kw", power_kw, "must be a number of kW"))
            elif len(times) == 2:  # noqa: PLR2004  both
                found[number] = Entry(times["from"], times["to"], power_kw)
        return found, problems

    def _bounds(self, device: str) -> tuple[float, float] | None:
        settings = self._settings.get(device)
        return settings.scheduled_kw if settings else None

    def _schedulable(self, device: str) -> tuple[float, float]:
        if not isinstance(device, str) or device not in self._devices:
            raise UnknownNameError("device", device, there_are(device, list(self._devices)))
        bounds = self._bounds(device)
        if bounds is None:
            takes = ", ".join(name for name in self._devices if self._bounds(name)) or "none"
            raise UnknownNameError("device", device, f"takes no schedule; these do: {takes}")
        return bounds

    def _vehicle(self, device: str) -> Mapping[str, Any] | None:
        vehicle = self._park.vehicle(device)
        if vehicle is None:
            return None
        return {
            "battery_kwh": vehicle.kind.battery_kwh,
            "efficiency": vehicle.efficiency,
            "soc_pct": 100 * vehicle.soc,
            "target_soc_pct": 100 * vehicle.target,
            "floor_soc_pct": 100 * vehicle.floor,
            "departure": from_ms(vehicle.departure_ms).isoformat(),
        }


def _has_three(given: object) -> bool:
    """Whether it can be from, to and power."""
    return isinstance(given, tuple | list) and len(given) == 3  # noqa: PLR2004
