"""What retention has removed: no roll-up that was made of it is computed again from what is left or comes late.

raw         ░░░░░░░░░░░│●●●●●●●●●●        ░ removed of this park, ● there
1 minute    ●●●●●●●●●●●│●●●●●●●●●●        left of the line: kept as it was, though a late reading came
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg

from parkgrid_contract.time import to_ms
from parkgrid_database.rollups import SOURCE
from parkgrid_ingest.buckets import MINUTES, Pairs
from parkgrid_ingest.sql import statement

_MINUTE_MS = 60_000
_FIRST = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone of one park."""

    spans: Mapping[str, list[tuple[int, int]]]
    """Relation to half-open spans, in minutes since 1970."""

    @classmethod
    def load(cls, connection: psycopg.Connection[Any], park_id: int) -> "Removed":
        """As it is now; the caller holds the park."""
        spans: dict[str, list[tuple[int, int]]] = {}
        for relation, lower, upper in connection.execute(statement("removed_spans"), (park_id,)):
            low = _FIRST if lower is None else to_ms(lower) // _MINUTE_MS
            spans.setdefault(relation, []).append((low, to_ms(upper) // _MINUTE_MS))
        return cls(spans)

    def any_of(self, device_class: str, suffix: str, low: int, high: int) -> bool:
        """Whether something of a relation was removed between two minutes."""
        found = self.spans.get(f"{device_class}{suffix}", ())
        return any(first < high and last > low for first, last in found)

    def spared(self, device_class: str, level: str, pairs: Pairs) -> Pairs:
        """Only the buckets of `level` of which nothing in their source was removed."""
        spans = self.spans.get(f"{device_class}{SOURCE[level]}")
        if not spans:
            return pairs
        gone = np.zeros(len(pairs.minutes), np.bool_)
        for low, high in spans:
            gone |= (pairs.minutes < high) & (pairs.minutes + MINUTES[level] > low)
        return Pairs(pairs.devices[~gone], pairs.minutes[~gone])
