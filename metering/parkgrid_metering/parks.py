"""One park in the database: whatever metering asks or writes there names it, so that no other park is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from parkgrid_database.connection import Connection
from parkgrid_metering.statements import statement

_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Park:
    """A park over a connection: each statement is given its number as `park_id`."""

    connection: Connection
    park_id: int

    def execute(
        self, name: str, values: Mapping[str, object] = _NOTHING, *, binary: bool = False
    ) -> psycopg.Cursor[Any]:
        """Execute a statement of metering, by the path of its file."""
        return self.connection.execute(statement(name), {**values, "park_id": self.park_id}, binary=binary)

    def read(
        self, name: str, parts: Mapping[str, sql.Composable], values: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement over the readings of a class, which is composed of parts of the catalogue.

        Never prepared: the planner is to see the span and look at its partitions alone.
        """
        query = sql.SQL(statement(name)).format(**parts)
        values = {**values, "park_id": self.park_id}
        return self.connection.execute(query, values, prepare=False, binary=True).fetchall()


def parks_named(connection: Connection, park: str) -> list[int]:
    """The number of a park, none if there is no such park; of every park for an empty name."""
    return [number for (number,) in connection.execute(statement("registers/parks"), {"park": park})]
