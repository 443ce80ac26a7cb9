"""What names rows in statements: every key of readings, registers and intervals is led by the number of its park."""

from collections.abc import Iterable, Sequence
from typing import Any

from parkgrid_accounting.statements import statement
from parkgrid_database.connection import Connection


def park_number(connection: Connection, park: str) -> int | None:
    """The number of a park; none of one that nobody has reported for."""
    row = connection.execute(statement("park_number"), {"park": park}).fetchone()
    return None if row is None else row[0]


def keys(name: str, rows: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """The parameters of a statement about rows of parks, each a park's number and its own.

    `parks` and what is called `name` stand side by side. `park_id` is the park where there is one, so that nothing of
    other parks is looked at; a question about several is one about a district.
    """
    parks, numbers = _columns(list(rows))
    distinct = set(parks)
    return {"park_id": next(iter(distinct)) if len(distinct) == 1 else None, "parks": parks, name: numbers}


def _columns(rows: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [park for park, _ in rows], [number for _, number in rows]
