"""Measured data instead of physics: CSV rows behind the same registers, servers and agent.

Energies are added up as decimals from the text of the files, so the registers of the last instant hold the exact sum,
rounded once, by the resolution of the register.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from parkgrid_contract.settings import Problem
from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import encode
from parkgrid_simulators.measured.loading import MAPPINGS, Measured, ReplayError, find_mapping, open_measured
from parkgrid_simulators.measured.series import Series
from parkgrid_simulators.plant import Values

__all__ = ["MAPPINGS", "Replay", "ReplayError", "find_mapping"]
_ROLES = {"load": "load_kwh", "generation": "pv_kwh"}
_EXPORT = "energy_export_kwh"


class Replay:
    """A plant whose devices repeat measured data. The state at an instant is that of the row before it."""

    def __init__(self, measured: Measured) -> None:
        self.mapping = measured.mapping
        self.devices = measured.devices
        self.series = measured.series
        self.period_ms = measured.mapping.time.period_s * 1000
        self.start_ms, self.end_ms = measured.start_ms, measured.end_ms
        self._instants = sorted({at_ms for one in measured.series for at_ms in one.at_ms})
        self._cached: dict[str, tuple[int, Values]] = {}
        self._series = {device.device: one for device, one in zip(measured.devices, measured.series, strict=True)}

    @classmethod
    def open(cls, directory: Path, mapping: Path | None = None) -> "Replay":
        """Read and check a directory, with the given or the committed mapping. Raises `ReplayError`."""
        measured = open_measured(directory, mapping)
        problems = [
            Problem(str(mapping or find_mapping(directory)), key, value, remedy)
            for index, device in enumerate(measured.mapping.devices)
            for key, value, remedy in _unserved(index, [one for one in measured.series if _is_of(one, device.device)])
        ]
        if problems:
            raise ReplayError(problems)
        return cls(measured)

    def steps(self, start_ms: int | None = None, end_ms: int | None = None) -> Sequence[int]:
        """The instants from one to another, both included, in milliseconds: counted, so that progress can be shown."""
        first = 0 if start_ms is None else bisect_left(self._instants, start_ms)
        last = len(self._instants) if end_ms is None else bisect_right(self._instants, end_ms)
        return self._instants[first:last]

    def values(self, device: str, at_ms: int) -> Values:
        """What a device shows at an instant: that of the row before it, nothing where a row is missing."""
        cached = self._cached.get(device)
        if cached is None or cached[0] != at_ms:
            cached = self._cached[device] = (at_ms, self._shown(self._series[device], at_ms))
        return cached[1]

    def _shown(self, series: Series, at_ms: int) -> Values:
        place = bisect_right(series.at_ms, at_ms) - 1
        if place < 0 or at_ms >= series.at_ms[place] + self.period_ms:
            return {}
        found = {name: None if (value := rows[place]) is None else float(value) for name, rows in series.values.items()}
        if _EXPORT in CATALOGUE[series.mapping.device_class].by_name:
            # A register that a real meter has as well, and that never counted anything.
            found.setdefault(_EXPORT, 0.0)
        return found

    def write(self, device: str, signal: str, value: float) -> None:
        """Measured data does not obey; the set-point is taken and has no effect."""

    def totals(self, start_ms: int | None = None, end_ms: int | None = None) -> dict[str, float]:
        """Exact energies between two instants: load_kwh, pv_kwh, import_kwh, export_kwh, netted every row."""
        steps = self.steps(start_ms, end_ms)
        a, b = (steps[0], steps[-1]) if steps else (self.start_ms, self.start_ms)
        totals = dict.fromkeys(("load_kwh", "pv_kwh", "import_kwh", "export_kwh"), Decimal(0))
        for one in self._series.values():
            if one.mapping.role == "connection":
                for name in ("import", "export"):
                    signal = f"energy_{name}_kwh"
                    totals[f"{name}_kwh"] += one.count(signal, b) - one.count(signal, a)
            elif one.mapping.role in _ROLES:
                for signal in one.rows:
                    totals[_ROLES[one.mapping.role]] += one.count(signal, b) - one.count(signal, a)
        return {name: float(energy) for name, energy in totals.items()}


def _is_of(series: Series, device: str) -> bool:
    head, _, tail = device.partition("{n}")
    name = series.mapping.device
    return name == device or ("{n}" in device and name.startswith(head) and name.endswith(tail))


def _unserved(index: int, members: Sequence[Series]) -> Iterator[tuple[str, object, str]]:
    """What stands in the way of showing these devices behind registers."""
    if not members:
        return
    mapping = members[0].mapping
    if not mapping.driver:
        remedy = "a replay shows data behind the registers of a driver: name one, or use `parkgrid import`"
        yield f"devices[{index}].driver", "", remedy
        return
    driver = drivers.find(mapping.driver)
    blank = {name for one in members for name, values in one.values.items() if None in values}
    for row in driver.registers:
        if row.signal in blank:
            try:
                encode(row, None)
            except ValueError:
                remedy = f"{mapping.driver} cannot say that {row.signal} has no value: use `parkgrid import`"
                yield f"devices[{index}].driver", mapping.driver, remedy
