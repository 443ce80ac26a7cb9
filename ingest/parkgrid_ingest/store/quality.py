"""Quality on its way into the store: what is not trusted leaves its column, what is estimated is noted.

    active_power_kw 429496.729, flagged out_of_range ─▶ active_power_kw NULL
                                                        flags           {"active_power_kw": "out_of_range"}
                                                        untrusted       {"active_power_kw": 429496.729}

A value that stands in no column takes part in nothing that is computed from columns: roll-ups of either store, figures,
energies, dashboards, anybody's SQL. Whoever shows the last reading reads it from `untrusted`. Estimated values stay and
take part; the quarters of an hour that hold some are noted by signal, so that what comes of them can be marked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from parkgrid_contract import strict_json
from parkgrid_contract.sample import UNTRUSTED, Quality
from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.rows import ClassRows
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store.dirty import Int4Array

_SLOT_MS = 900_000
_SLOT_MIN = 15

Estimate = tuple[int, int, str, int]
"""Batch, device, signal, and the first minute of a quarter of an hour, counted from 1970-01-01T00:00Z."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows as they are stored, and where they hold estimates."""

    rows: ClassRows
    estimates: frozenset[Estimate] = frozenset()


def by_quality(rows: ClassRows) -> Sorted:
    """Sort the values of rows by their flags; flags that are no JSON object are left for the database to refuse."""
    if not rows.flags:
        return Sorted(rows)
    estimates: set[Estimate] = set()
    taken: dict[int, dict[str, float]] = {}
    for row, text in rows.flags.items():
        for name, quality in _read(text).items():
            if not _is_present(rows, name, row):
                continue
            if quality == Quality.ESTIMATED:
                slot = int(rows.at_ms[row]) // _SLOT_MS * _SLOT_MIN
                estimates.add((int(rows.batch[row]), int(rows.device_id[row]), name, slot))
            elif quality in UNTRUSTED:
                value = CATALOGUE[rows.device_class].by_name[name].value(int(rows.values[name][row]))
                taken.setdefault(row, {})[name] = value
    return Sorted(_without(rows, taken) if taken else rows, frozenset(estimates))


def note_estimates(
    connection: psycopg.Connection[Any], estimates: Iterable[Estimate], park_of_batch: NDArray[np.int32]
) -> None:
    """Note where estimates are; what is known already stays."""
    # In one order, so that two writers cannot wait for each other.
    ordered = sorted({(int(park_of_batch[batch]), *others) for batch, *others in estimates})
    if ordered:
        parks, devices, names, slots = zip(*ordered, strict=True)
        arguments = (*map(Int4Array, map(np.array, (parks, devices))), list(names), Int4Array(np.array(slots)))
        connection.execute(statement("note_estimates"), arguments)


def _read(text: bytes) -> Mapping[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _is_present(rows: ClassRows, name: str, row: int) -> bool:
    mask = rows.present.get(name)
    return name in rows.values and (mask is None or bool(mask[row]))


def _without(rows: ClassRows, taken: Mapping[int, Mapping[str, float]]) -> ClassRows:
    """The rows with these values in `untrusted` instead of in their columns."""
    present = dict(rows.present)
    for name in {name for values in taken.values() for name in values}:
        mask = present.get(name)
        mask = np.ones(len(rows.batch), np.bool_) if mask is None else mask.copy()
        mask[[row for row, values in taken.items() if name in values]] = False
        present[name] = mask
    documents = {row: strict_json.dumps(values) for row, values in taken.items()}
    return replace(rows, present=present, untrusted=documents)
