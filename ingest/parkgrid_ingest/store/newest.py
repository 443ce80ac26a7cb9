"""The newest row of each device, kept by the commit that brings it: what is live is asked of these few rows.

    rows of a class ─▶ of each device the newest ─▶ COPY into a temporary table ─▶ in the place of an older one

To look for it among the raw rows would open every partition or chunk that is stored. A row that comes late, or again,
changes nothing. Flags and what is not trusted are kept with it as they are with the raw row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.rows import ClassRows
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import copy_binary
from parkgrid_ingest.store.copy_binary import Origin
from parkgrid_ingest.store.duplicates import copy_statement

SUFFIX = "_newest"
"""What the tables and views are called after their class."""


@dataclass(frozen=True, slots=True)
class _Statements:
    staging: sql.Composable
    create: sql.Composed
    replace: sql.Composed


def note(connection: psycopg.Connection[Any], rows: ClassRows, origin: Origin) -> None:
    """Put the newest of these rows in the place of older ones. Runs inside the caller's transaction."""
    newest = newest_of(rows)
    prepared = _statements(rows.device_class)
    connection.execute(prepared.create)
    with connection.cursor().copy(copy_statement(prepared.staging, copy_binary.columns_of(newest))) as copy:
        copy.write(copy_binary.encode(newest, origin))
    connection.execute(prepared.replace)


def forget(
    connection: psycopg.Connection[Any], device_class: str, parks: Sequence[int], span: tuple[object, object]
) -> None:
    """Forget the rows of parks in a span that retention removes: the raw rows are gone."""
    table = sql.Identifier("base", f"{device_class}{SUFFIX}")
    connection.execute(sql.SQL(statement("forget_newest")).format(table=table), (list(parks), *span))


def newest_of(rows: ClassRows) -> ClassRows:
    """The newest row of each device; of several of one instant the first, which is the one that is stored."""
    count = len(rows.device_id)
    order = np.lexsort((-np.arange(count), rows.at_ms, rows.device_id))
    devices = rows.device_id[order]
    last = np.append(devices[1:] != devices[:-1], True)
    return _chosen(rows, order[last])


def _chosen(rows: ClassRows, places: NDArray[np.int64]) -> ClassRows:
    old = places.tolist()
    return ClassRows(
        rows.device_class,
        rows.batch[places],
        rows.device_id[places],
        rows.at_ms[places],
        {name: steps[places] for name, steps in rows.values.items()},
        {name: None if mask is None else mask[places] for name, mask in rows.present.items()},
        *(
            {new: by_row[row] for new, row in enumerate(old) if row in by_row} if by_row else {}
            for by_row in (rows.flags, rows.untrusted)
        ),
    )


@cache
def _statements(device_class: str) -> _Statements:
    names = [signal.name for signal in CATALOGUE[device_class].signals]
    columns = ["at", "received_at", "epoch_id", "seq", "flags", "untrusted", *names]
    parts: dict[str, sql.Composable] = {
        "table": sql.Identifier("base", f"{device_class}{SUFFIX}"),
        "staging": sql.Identifier("pg_temp", f"staging_{device_class}{SUFFIX}"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, ("park_id", "device_id", *columns))),
        "assignments": sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(each)) for each in columns
        ),
    }
    create, replace = (sql.SQL(statement(name)).format(**parts) for name in ("create_newest_staging", "replace_newest"))
    return _Statements(parts["staging"], create, replace)
