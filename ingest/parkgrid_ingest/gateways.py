"""What an operator says about gateways: who is retired, who is removed, who is let in again.

    retire    devices leave the page, births and readings are refused from now on; everything stored stays
    remove    the same, and what never stored a reading is taken out of the registry
    readmit   is let in again, whatever its epoch was

A running ingest reads the registry again within some seconds, since a counter in the database moves.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors, sql

from parkgrid_contract.identity import Gateway
from parkgrid_ingest.sql import statement

_Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """One gateway as the registry has it."""

    gateway: Gateway
    online: bool
    imported: bool
    epoch: int | None
    """None: it was never born, or was removed."""
    devices: int
    retired_devices: int
    reason: str | None
    """Why it is retired; None: it is not."""
    retired_by: str | None
    retired_at: str | None
    refused: int
    """Refusals in quarantine."""
    heard_at: datetime | None
    """When ingest heard it last, by its own clock; None: never."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal did."""

    devices: int
    """Taken out of the registry."""
    kept: int
    """Retired only: they have stored readings, figures or declarations."""
    known: bool
    """Whether the gateway was ever born."""


def listed(connection: _Connection, park: str | None = None) -> list[Listed]:
    """The gateways of a park or of all, and whoever is refused."""
    rows = connection.execute(statement("list_gateways"), {"park": park})
    return [
        Listed(
            Gateway(name, gateway),
            bool(online),
            bool(imported),
            epoch,
            devices or 0,
            gone or 0,
            why,
            by,
            at,
            refused or 0,
            heard_at,
        )
        for name, gateway, online, imported, epoch, devices, gone, why, by, at, refused, heard_at in rows
    ]


def retire(connection: _Connection, gateway: Gateway, by: str, reason: str) -> int:
    """Refuse a gateway from now on; gives how many devices leave the page. It need not have been born."""
    place = (gateway.park, gateway.gateway)
    with connection.transaction():
        connection.execute(statement("note_retired_gateway"), (*place, reason, by))
        retired = connection.execute(statement("retire_gateway_devices"), place).rowcount
        connection.execute(statement("note_registry_change"))
    return retired


def remove(connection: _Connection, asking: _Connection, gateway: Gateway, by: str, reason: str) -> Removed:
    """Retire a gateway and take out of the registry what never stored a reading.

    Readings are looked for through a second connection, class by class: to look through two years of one class takes
    some thousand locks, and nobody may store a reading meanwhile.
    """
    retire(connection, gateway, by, reason)
    place = (gateway.park, gateway.gateway)
    with connection.transaction():
        known = connection.execute(statement("lock_epochs_of_gateway"), place).fetchall() != []
        classes = connection.execute(statement("classes_of_gateway"), place).fetchall()
        kept = {device for each in classes for device in _in_use(asking, *each)}
        every = {device for _, _, devices in classes for device in devices}
        empty = sorted(every - kept)
        for park_id in {park_id for _, park_id, _ in classes}:
            connection.execute(statement("remove_devices"), {"park_id": park_id, "devices": empty})
        if not kept:
            values = {"park": gateway.park, "gateway": gateway.gateway}
            known = connection.execute(statement("remove_gateway"), values).rowcount > 0 or known
        connection.execute(statement("note_registry_change"))
    # A park that something else still names stays.
    with suppress(errors.ForeignKeyViolation):
        connection.execute(statement("remove_empty_park"), (gateway.park,))
    return Removed(len(empty), len(kept), known or bool(every))


def readmit(connection: _Connection, gateway: Gateway) -> bool:
    """Let a gateway in again and forget its newest epoch; False when it was neither retired nor born."""
    place = (gateway.park, gateway.gateway)
    with connection.transaction():
        was_retired = connection.execute(statement("forget_retired_gateway"), place).rowcount > 0
        values = {"park": gateway.park, "gateway": gateway.gateway}
        was_born = connection.execute(statement("forget_newest_epoch"), values).rowcount > 0
        connection.execute(statement("note_registry_change"))
    return was_retired or was_born


def _in_use(asking: _Connection, device_class: str, park_id: int, devices: list[int]) -> set[int]:
    query = sql.SQL(statement("devices_with_rows")).format(source=sql.Identifier("base", device_class))
    values = {"park_id": park_id, "devices": devices}
    found = {device for (device,) in asking.execute(query, values, prepare=False)}
    return found | {device for (device,) in asking.execute(statement("devices_with_energy"), values)}
