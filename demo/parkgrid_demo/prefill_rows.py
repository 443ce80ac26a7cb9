"""Readings of a simulated park as the columns of a commit; runs in a process of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from parkgrid_ingest.columns import layout, scale
from parkgrid_ingest.rows import ClassRows
from parkgrid_simulators import history
from parkgrid_simulators.history import Readings
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.served import as_held
from parkgrid_simulators.state import ParkState

BATCH_MS = 900_000
"""A quarter of an hour: what one batch of a history holds."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some days of one park."""

    scenario: Scenario
    device_ids: Mapping[str, int]
    start_ms: int
    end_ms: int
    period_s: int
    state: ParkState | None
    as_live: bool = False
    """Whether the park is stepped as finely as when it is live."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a task makes."""

    start_ms: int
    end_ms: int
    rows: Sequence[ClassRows]
    """Each row's batch is its quarter of an hour, counted from `start_ms`."""
    state: ParkState
    """What the next part goes on from."""


def make(task: Task) -> Part:
    """Let the park live through these days."""
    readings: dict[str, list[Readings]] = {}
    state = task.state
    span = (task.start_ms, task.end_ms, task.period_s)
    for day in history.days(task.scenario, *span, task.state, as_live=task.as_live):
        state = day.state
        for each in day.readings:
            readings.setdefault(each.device, []).append(each)
    if state is None:
        raise ValueError(f"{task.scenario.park}: no day between {task.start_ms} and {task.end_ms}")
    by_class: dict[str, list[ClassRows]] = {}
    for device in history.devices(task.scenario):
        heard = [_heard(each, task.scenario) for each in readings[device.device]]
        found = _rows(device, heard, task.device_ids[device.device], task.start_ms)
        by_class.setdefault(device.device_class, []).append(found)
    return Part(task.start_ms, task.end_ms, [_joined(found) for _, found in sorted(by_class.items())], state)


def _heard(each: Readings, scenario: Scenario) -> Readings:
    """What is left of a day's readings where the scenario lets a device be silent; other faults are for live parks."""
    silences = [fault for fault in scenario.timeline() if fault.device == each.device and fault.kind == "silent"]
    if not silences:
        return each
    kept = np.array([not any(fault.holds(at_ms) for fault in silences) for at_ms in each.at_ms.tolist()], bool)
    return replace(each, at_ms=each.at_ms[kept], values=each.values[kept])


def _rows(device: SimulatedDevice, parts: Sequence[Readings], device_id: int, start_ms: int) -> ClassRows:
    """One device, as somebody who reads its registers sees it; a device without a driver as it is."""
    plan = layout(parts[0].device_class, parts[0].signals)
    matrix = np.concatenate([part.values for part in parts])
    if device.driver:
        matrix = as_held(device, parts[0].signals, matrix)
    at_ms = np.concatenate([part.at_ms for part in parts])
    absent = np.isnan(matrix)
    scaled = scale(np.where(absent, plan.low, matrix), plan)
    if scaled.out_of_range is not None and scaled.out_of_range.any():
        row, column = np.argwhere(scaled.out_of_range)[0]
        signal = plan.signals[column]
        raise ValueError(
            f"{parts[0].device}.{signal.name}: {matrix[row, column]} {signal.unit} is not possible: correct the physics"
        )
    return ClassRows(
        parts[0].device_class,
        ((at_ms - start_ms) // BATCH_MS).astype(np.int32),
        np.full(len(at_ms), device_id, np.int32),
        at_ms,
        {signal.name: scaled.steps[:, column] for column, signal in enumerate(plan.signals)},
        {signal.name: ~absent[:, column] for column, signal in enumerate(plan.signals) if absent[:, column].any()},
    )


def _joined(parts: Sequence[ClassRows]) -> ClassRows:
    """The devices of one class below each other; a signal that one of them lacks is absent there."""
    names = list(dict.fromkeys(name for part in parts for name in part.values))
    return ClassRows(
        parts[0].device_class,
        np.concatenate([part.batch for part in parts]),
        np.concatenate([part.device_id for part in parts]),
        np.concatenate([part.at_ms for part in parts]),
        {name: np.concatenate([_column(part, name) for part in parts]) for name in names},
        {name: None if (mask := _mask(parts, name)).all() else mask for name in names},
    )


def _column(part: ClassRows, name: str) -> NDArray[np.int64]:
    found = part.values.get(name)
    return np.zeros(len(part.batch), np.int64) if found is None else found


def _mask(parts: Sequence[ClassRows], name: str) -> NDArray[np.bool_]:
    masks = []
    for part in parts:
        mask = part.present.get(name)
        masks.append(np.full(len(part.batch), name in part.values) if mask is None else mask)
    return np.concatenate(masks)
