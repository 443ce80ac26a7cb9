"""What retention removes at once: a partition, a chunk, or a month of a roll-up table."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import SHANGHAI
from parkgrid_ingest.singles import give_up, with_singles
from parkgrid_ingest.sql import statement

_STAMP = re.compile(r"_(\d{4})(\d{2})(\d{2})?$")
_LONGEST_MONTH = timedelta(days=31)
_AFTER_ALL = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one relation."""

    name: str
    from_at: datetime
    to_at: datetime
    """Its end, which does not belong to it."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a part holds."""

    parks: Mapping[str, int]
    """Park to its rows; rows of a device that nobody announced stand under no name."""
    devices: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Rows of all parks."""
        return sum(self.parks.values())


class Parts(Protocol):
    """How a store is cut."""

    def older(self, connection: psycopg.Connection[Any], relation: str, before: datetime) -> list[Part]:
        """The parts that end at `before` or earlier, in order of time."""
        ...

    def content(self, connection: psycopg.Connection[Any], relation: str, part: Part) -> Content:
        """Count the rows of a part."""
        ...

    def remove(self, connection: psycopg.Connection[Any], relation: str, part: Part, content: Content) -> bool:
        """Remove a part; False while something that is to be made of it still waits."""
        ...


class TableParts:
    """Plain PostgreSQL: partitions of raw readings, months of the roll-up tables."""

    def older(self, connection: psycopg.Connection[Any], relation: str, before: datetime) -> list[Part]:
        """The parts that end at `before` or earlier."""
        if relation in CATALOGUE:
            names = [name for (name,) in connection.execute(statement("partition_names"), (relation,))]
            parts: Iterable[Part] = filter(None, map(_partition, names))
        else:
            days = sql.SQL(statement("months_of_days")).format(days=_days(class_of(relation)))
            parts = map(_month, [at for (at,) in connection.execute(days, (before,))])
        return sorted((part for part in parts if part.to_at <= before), key=lambda part: part.from_at)

    def content(self, connection: psycopg.Connection[Any], relation: str, part: Part) -> Content:
        """Count the rows of a part."""
        if relation in CATALOGUE:
            return _content(connection, "rows_of_span", relation, part)
        return _content(connection, "rows_of_keyed_span", relation, part, with_singles(*relation.rsplit("_", 1)))

    def remove(self, connection: psycopg.Connection[Any], relation: str, part: Part, content: Content) -> bool:
        """Drop a partition, or delete a month device by device: one statement must not take minutes."""
        if relation in CATALOGUE:
            return _remove(connection, relation, part)
        if connection.execute(statement("rollup_waits"), (class_of(relation), part.from_at, part.to_at)).fetchone():
            return False
        device_class, level = relation.rsplit("_", 1)
        delete = sql.SQL(statement("delete_span")).format(target=sql.Identifier("base", relation))
        for device in content.devices:
            give_up(connection, device_class, level, {"device": device, "low": part.from_at, "high": part.to_at})
            connection.execute(delete, (device, part.from_at, part.to_at))
        return True


class ChunkParts:
    """TimescaleDB: chunks of raw readings and of continuous aggregates."""

    def older(self, connection: psycopg.Connection[Any], relation: str, before: datetime) -> list[Part]:
        """The parts that end at `before` or earlier."""
        rows = connection.execute(statement("chunks"), (relation,)).fetchall()
        return [part for row in rows if (part := Part(*row)).to_at <= before]

    def content(self, connection: psycopg.Connection[Any], relation: str, part: Part) -> Content:
        """Count the rows of a part."""
        return _content(connection, "rows_of_span", relation, part)

    def remove(self, connection: psycopg.Connection[Any], relation: str, part: Part, content: Content) -> bool:
        """Drop a chunk."""
        del content
        return _remove(connection, relation, part)


def parts_of(connection: psycopg.Connection[Any], device_class: str) -> list[Part]:
    """The partitions or chunks of a class's raw readings, in order of time."""
    plain = connection.execute(statement("is_plain")).fetchone() == (True,)
    return (TableParts() if plain else ChunkParts()).older(connection, device_class, _AFTER_ALL)


def class_of(relation: str) -> str:
    """The class whose raw readings or roll-ups a relation holds."""
    return relation if relation in CATALOGUE else relation.rpartition("_")[0]


def _content(
    connection: psycopg.Connection[Any], name: str, relation: str, part: Part, source: sql.Composable | None = None
) -> Content:
    query = sql.SQL(statement(name)).format(source=source or sql.Identifier("base", relation))
    rows = connection.execute(query, {"low": part.from_at, "high": part.to_at}, prepare=False).fetchall()
    parks: dict[str, int] = {}
    for park, _, count in rows:
        parks[park] = parks.get(park, 0) + count
    return Content(parks, tuple(sorted(device for _, device, _ in rows)))


def _remove(connection: psycopg.Connection[Any], relation: str, part: Part) -> bool:
    values = (class_of(relation), relation, part.name, part.from_at, part.to_at)
    return connection.execute(statement("remove_part"), values).fetchone() == (True,)


def _days(device_class: str) -> sql.Identifier:
    return sql.Identifier("base", f"{device_class}_1d")


def _partition(name: str) -> Part | None:
    """A partition by its name: `meter_20260801` is a day, `meter_202607` a month of UTC."""
    stamp = _STAMP.search(name)
    if stamp is None:
        return None
    start = datetime(int(stamp[1]), int(stamp[2]), int(stamp[3] or 1), tzinfo=UTC)
    return Part(name, start, start + timedelta(days=1) if stamp[3] else _next_month(start))


def _month(start: datetime) -> Part:
    local = start.astimezone(SHANGHAI)
    return Part(f"{local:%Y-%m}", start, _next_month(local).astimezone(UTC))


def _next_month(first: datetime) -> datetime:
    return (first + _LONGEST_MONTH).replace(day=1)
