"""Gateways and devices as they announced themselves."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from parkgrid_contract.announcement import Birth, Device, Status
from parkgrid_contract.identity import Gateway
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import Known, Park


def register(connection: psycopg.Connection[Any], gateway: Gateway, birth: Birth, *, retained: bool = False) -> Known:
    """Note a birth; one of an older epoch, from a broker's memory, changes nothing."""
    with connection.transaction():
        connection.execute(statement("ensure_park"), ([gateway.park],))
        values = {
            "park": gateway.park,
            "gateway": gateway.gateway,
            "epoch": birth.epoch,
            "agent_version": birth.agent_version,
            "simulated": birth.simulated,
            "birth_ms": birth.at_ms,
            "retained": retained,
        }
        if connection.execute(statement("upsert_gateway"), values).fetchone() is not None:
            _write_devices(connection, gateway, birth)
        rows = connection.execute(statement("devices_of_gateway"), (gateway.park, gateway.gateway)).fetchall()
    return {device: (number, device_class) for device, number, device_class in rows}


def _write_devices(connection: psycopg.Connection[Any], gateway: Gateway, birth: Birth) -> None:
    # In the order of their names, so that two births of one gateway cannot wait for each other.
    devices = sorted(birth.devices, key=lambda device: device.device)
    connection.cursor().executemany(statement("upsert_device"), [_parameters(gateway, each) for each in devices])
    present = [f"{each.device}/{each.device_class}" for each in devices]
    connection.execute(statement("retire_devices"), (gateway.park, gateway.gateway, present))


def _parameters(gateway: Gateway, device: Device) -> dict[str, Any]:
    point = device.point
    return {
        "park": gateway.park,
        "gateway": gateway.gateway,
        "device": device.device,
        "device_class": device.device_class,
        "name": device.name,
        "model": device.model,
        "firmware": device.firmware,
        "period_s": device.period_s,
        "ratings": Jsonb(dict(device.ratings)),
        "signals": list(device.signals),
        "station": point.station,
        "line": point.line,
        "transformer": point.transformer,
        "account": point.account,
        "problem": device.problem,
    }


def registry(connection: psycopg.Connection[Any]) -> Mapping[Gateway, Known]:
    """Every gateway that was ever born, and its devices: a retired one's last readings may still be on their way."""
    found: dict[Gateway, dict[str, tuple[int, str]]] = {}
    for park, gateway, device, number, device_class in connection.execute(statement("registry")):
        devices = found.setdefault(Gateway(park, gateway), {})
        if device is not None:
            devices[device] = (number, device_class)
    return found


def rated_kw(connection: psycopg.Connection[Any], gateway: Gateway | None) -> dict[int, float]:
    """The rated power of every device that announced one, of a gateway or of all."""
    return dict(connection.execute(statement("rated_kw"), _place(gateway)).fetchall())


def live_since(connection: psycopg.Connection[Any], gateway: Gateway | None, *, simulated: bool) -> dict[Gateway, int]:
    """When each gateway, or one of them, was first known; those that are simulated only where they are asked for."""
    rows = connection.execute(statement("live_since"), _place(gateway) | {"simulated": simulated})
    return {Gateway(park, name): since_ms for park, name, since_ms in rows}


def _place(gateway: Gateway | None) -> dict[str, str | None]:
    """One gateway or, as NULL, all of them."""
    return {"park": gateway.park if gateway else None, "gateway": gateway.gateway if gateway else None}


def set_status(connection: psycopg.Connection[Any], gateway: Gateway, status: Status, received_ms: int | None) -> None:
    """Note a status; a gateway without a birth has no row, and the last will of an older epoch is history.

    Nobody knows when a gateway died, so the last thing that it said counts: not its will, which says when it connected
    and comes when the broker gives it up, and not what the broker kept (`received_ms` is None).
    """
    connection.execute(
        statement("set_status"),
        {
            "park": gateway.park,
            "gateway": gateway.gateway,
            "online": status.online,
            "epoch": status.epoch,
            "at_ms": status.at_ms,
            "heard_ms": received_ms if status.online else None,
        },
    )


def describe_park(connection: psycopg.Connection[Any], park: Park) -> None:
    """Name a park and say where it lies; coordinates that are known stay when none are given.

    In another time zone its energies have other days; elsewhere its gaps of photovoltaics are spread otherwise.
    """
    with connection.transaction():
        connection.execute(statement("ensure_park"), ([park.park],))
        number, *before = _row(connection.execute(statement("lock_park"), (park.park,)))
        after = _row(connection.execute(statement("describe_park"), asdict(park) | {"park_id": number}))
        if before[:1] != after[:1]:
            connection.execute(statement("move_days"), (number,))
        if before != after:
            connection.execute(statement("spread_anew"), (number,))


def _row(cursor: psycopg.Cursor[Any]) -> list[Any]:
    """The one row of a park that is there: it was made before in this transaction."""
    return list(cursor.fetchone() or ())
