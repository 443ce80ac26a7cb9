"""What retention removes at once: a partition or a chunk of raw readings, or a month of a roll-up table."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import SHANGHAI
from parkgrid_ingest.singles import give_up, with_singles
from parkgrid_ingest.sql import statement

_STAMP = re.compile(r"_(\d{4})(\d{2})(\d{2})?$")
_LONGEST_MONTH = timedelta(days=31)


class ChangedError(Exception):
    """Rows were added to a part between the count and the removal: it is announced anew."""


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
    """Park to its rows."""
    numbers: Mapping[str, int]
    """Park to its number."""
    devices: tuple[tuple[int, int], ...]
    """Park and device by their numbers."""

    @property
    def rows(self) -> int:
        """Rows of all parks."""
        return sum(self.parks.values())

    def only(self, wanted: Collection[str]) -> "Content":
        """What some parks have in it."""
        numbers = {park: number for park, number in self.numbers.items() if park in wanted}
        devices = tuple(each for each in self.devices if each[0] in numbers.values())
        return Content({park: rows for park, rows in self.parks.items() if park in wanted}, numbers, devices)


def older(connection: psycopg.Connection[Any], relation: str, before: datetime) -> list[Part]:
    """The parts of a relation that end at `before` or earlier, in order of time."""
    if relation in CATALOGUE:
        parts = parts_of(connection, relation)
    else:
        days = sql.SQL(statement("months_of_days")).format(days=_days(class_of(relation)))
        parts = [_month(at) for (at,) in connection.execute(days, (before,))]
    return sorted((part for part in parts if part.to_at <= before), key=lambda part: part.from_at)


def parts_of(connection: psycopg.Connection[Any], device_class: str) -> list[Part]:
    """The partitions or chunks of a class's raw readings, in order of time."""
    if connection.execute(statement("is_partitioned"), (device_class,)).fetchone() == (True,):
        names = [name for (name,) in connection.execute(statement("partition_names"), (device_class,))]
        return sorted(filter(None, map(_partition, names)), key=lambda part: part.from_at)
    return [Part(*row) for row in connection.execute(statement("chunks"), (device_class,))]


def content(connection: psycopg.Connection[Any], relation: str, part: Part) -> Content:
    """Count the rows of a part."""
    if relation in CATALOGUE:
        return _content(connection, "rows_of_span", relation, part)
    return _content(connection, "rows_of_keyed_span", relation, part, with_singles(*relation.rsplit("_", 1)))


def remove(connection: psycopg.Connection[Any], relation: str, part: Part, going: Content, *, whole: bool) -> bool:
    """Remove what some parks have in a part; False while something that is to be made of it still waits.

    A partition or chunk is dropped if nobody else needs it (`whole`). A month is deleted device by device, so that no
    statement takes minutes. Raises `ChangedError` where it was not what was counted.
    """
    device_class = class_of(relation)
    if relation in CATALOGUE:
        if whole:
            values = (device_class, relation, part.name, part.from_at, part.to_at)
            return connection.execute(statement("remove_part"), values).fetchone() == (True,)
        return _remove_rows(connection, relation, part, going)
    waiting = (device_class, part.from_at, part.to_at, list(going.numbers.values()))
    if connection.execute(statement("rollup_waits"), waiting).fetchone():
        return False
    level = relation.removeprefix(f"{device_class}_")
    delete = sql.SQL(statement("delete_span")).format(target=sql.Identifier("base", relation))
    for park_id, device in going.devices:
        span = {"park_id": park_id, "device": device, "low": part.from_at, "high": part.to_at}
        give_up(connection, device_class, level, span)
        connection.execute(delete, span)
    return True


def _remove_rows(connection: psycopg.Connection[Any], relation: str, part: Part, going: Content) -> bool:
    for park, rows in going.parks.items():
        values = (relation, going.numbers[park], part.from_at, part.to_at)
        (removed,) = connection.execute(statement("remove_rows"), values).fetchone() or (None,)
        if removed is None:
            return False
        if removed != rows:
            raise ChangedError(
                f"{relation} {part.name}: {park} had {rows} rows when they were counted, and {removed} now"
            )
    return True


def class_of(relation: str) -> str:
    """The class whose raw readings or roll-ups a relation holds."""
    return relation if relation in CATALOGUE else relation.rpartition("_")[0]


def _content(
    connection: psycopg.Connection[Any], name: str, relation: str, part: Part, source: sql.Composable | None = None
) -> Content:
    query = sql.SQL(statement(name)).format(source=source or sql.Identifier("base", relation))
    rows = connection.execute(query, {"low": part.from_at, "high": part.to_at}, prepare=False).fetchall()
    parks: dict[str, int] = {}
    for park, _, _, count in rows:
        parks[park] = parks.get(park, 0) + count
    numbers = {park: park_id for park, park_id, _, _ in rows}
    return Content(parks, numbers, tuple(sorted((park_id, device) for _, park_id, device, _ in rows)))


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
