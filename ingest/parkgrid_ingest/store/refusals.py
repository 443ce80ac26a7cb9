"""Refusals in the database: one row for each thing refused, with its reason; the same thing again only counts."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from parkgrid_contract import strict_json
from parkgrid_contract.refusal import Reason, shorten
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit, Quarantined
from parkgrid_ingest.sql import statement

_POISON_CONTENT = 4_000
_POISON_ROWS = 20
_TEXT = 4_000


def note_refusals(
    connection: psycopg.Connection[Any], commit: Commit, chosen: NDArray[np.bool_], fresh: NDArray[np.bool_]
) -> None:
    """Write down what was refused in fresh batches; what belongs to no batch goes with the first batch, once."""
    first = len(chosen) == 0 or bool(chosen[0])
    entries = [each for each in commit.quarantined if (first if each.batch is None else fresh[each.batch])]
    if not entries:
        return
    counted: dict[tuple[Any, ...], list[Any]] = {}
    for each in entries:
        key = (
            _text(each.park),
            _text(each.gateway),
            each.epoch or 0,
            each.seq or 0,
            _text(each.device),
            each.reason.value,
            _text(each.location),
        )
        received = None if each.batch is None else commit.batches[each.batch].received_ms
        found = counted.setdefault(key, [received, *key, _text(each.content), 0])
        found[-1] += each.occurrences
    connection.execute(statement("note_quarantine"), tuple(map(list, zip(*counted.values(), strict=True))))


def _text(text: str | None) -> str:
    """What PostgreSQL can hold: no NUL, no half of a surrogate pair, not endless."""
    return (text or "")[:_TEXT].encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def poison(header: BatchHeader, place: int, rows: Sequence[ClassRows], error: str) -> Quarantined:
    """The record of a batch that the database refuses: why, and what was in it."""
    listed = [row for each in rows for row in _described(each, place)][:_POISON_ROWS]
    content = shorten(f"{error} {strict_json.dumps(listed).decode()}", _POISON_CONTENT)
    gateway = header.gateway
    return Quarantined(
        gateway.park, gateway.gateway, header.epoch, header.seq, None, Reason.POISON, "batch", content, place
    )


def _described(rows: ClassRows, place: int) -> Iterator[dict[str, Any]]:
    for row in np.flatnonzero(rows.batch == place)[:_POISON_ROWS].tolist():
        masks = ((name, rows.present.get(name)) for name in rows.values)
        yield {
            "class": rows.device_class,
            "device_id": int(rows.device_id[row]),
            "at": int(rows.at_ms[row]),
            "steps": {name: int(rows.values[name][row]) for name, mask in masks if mask is None or mask[row]},
        }
