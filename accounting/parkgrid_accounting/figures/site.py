"""The devices and registers of a scope: what has to be present for a quantity to be whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from parkgrid_accounting.errors import AccountingError
from parkgrid_accounting.keys import keys
from parkgrid_accounting.scope import Scope
from parkgrid_accounting.statements import statement
from parkgrid_database.connection import Connection
from parkgrid_domain.indicators.definition import Place

WEATHER = "weather"
_ALWAYS_MS = 2**62


class UnknownParkError(AccountingError):
    """Nobody has ever reported for this park."""


@dataclass(frozen=True, slots=True)
class SiteDevice:
    """A device of the scope, or a weather station of its park."""

    park_id: int
    device_id: int
    gateway: str
    device: str
    device_class: str
    period_s: float
    ratings: Mapping[str, float]
    retired: bool
    first_seen_ms: int

    @property
    def name(self) -> str:
        """`gateway/device`, as people write it."""
        return f"{self.gateway}/{self.device}"

    @property
    def key(self) -> tuple[int, int]:
        """What its rows are stored under."""
        return self.park_id, self.device_id


@dataclass(frozen=True, slots=True)
class SiteRegister:
    """One direction of one metering point, and the span in which it has to be present."""

    register_id: int
    device: SiteDevice
    signal: str
    period_s: int
    from_ms: int
    """Start of its first known interval; if nothing is known of it yet, of its device, or when that was announced."""
    to_ms: int
    """End of its last known interval if its device is retired; else for ever."""

    @property
    def key(self) -> tuple[int, int]:
        """What its rows are stored under."""
        return self.device.park_id, self.register_id

    def counts_in(self, start_ms: int, stop_ms: int) -> bool:
        """Whether any part of a span asks for it."""
        return self.from_ms < stop_ms and self.to_ms > start_ms


@dataclass(frozen=True, slots=True)
class Site:
    """A scope as it stands in the registry."""

    scope: Scope
    park_id: int
    """The number of the park that its scope names."""
    district: str
    zone: ZoneInfo
    devices: tuple[SiteDevice, ...]
    registers: tuple[SiteRegister, ...]
    place: Place | None = None
    """Where the park lies, if anybody said so."""

    def registers_of(
        self, device_class: str, signals: Sequence[str], start_ms: int, stop_ms: int
    ) -> list[SiteRegister]:
        """The registers of a class that a span asks for."""
        return [
            each
            for each in self.registers
            if each.device.device_class == device_class and each.signal in signals and each.counts_in(start_ms, stop_ms)
        ]

    def devices_of(self, device_class: str, start_ms: int, stop_ms: int) -> list[SiteDevice]:
        """The devices of a class that a span asks for: by their registers; without any, all that serve.

        A weather station that was taken away is still asked for the time when it measured.
        """
        metered = {each.device.device_id for each in self.registers}
        asked = {each.device.device_id for each in self.registers if each.counts_in(start_ms, stop_ms)}
        return [
            each
            for each in self.devices
            if each.device_class == device_class
            and (each.device_id in asked if each.device_id in metered else device_class == WEATHER or not each.retired)
        ]


def site_of(connection: Connection, scope: Scope) -> Site:
    """The site of a scope. Raises `UnknownParkError`."""
    return _site(connection, scope, [scope.park])


def site_of_parks(connection: Connection, parks: Sequence[str]) -> Site:
    """Several parks as one site, which lies nowhere and has the clock of the first. Raises `UnknownParkError`."""
    return replace(_site(connection, Scope(parks[0]), parks), place=None)


def _site(connection: Connection, scope: Scope, parks: Sequence[str]) -> Site:
    """Three questions, however many parks there are."""
    parameters = {"parks": list(parks), **scope.parameters()}
    found = {row[0]: row[1:] for row in connection.execute(statement("indicators/park"), parameters).fetchall()}
    if unknown := [park for park in parks if park not in found]:
        raise UnknownParkError(f"no park {unknown[0]!r} has ever reported: /api/v1/parks lists those that have")
    devices = {
        row[1]: SiteDevice(*row) for row in connection.execute(statement("indicators/devices"), parameters).fetchall()
    }
    named = keys("devices", (each.key for each in devices.values()))
    rows = connection.execute(statement("indicators/registers"), named).fetchall()
    begun: dict[int, int] = {}
    for _, device_id, _, _, first_ms, _ in rows:
        if first_ms is not None:
            begun[device_id] = min(first_ms, begun.get(device_id, first_ms))
    registers = tuple(_register(devices[row[1]], row, begun.get(row[1])) for row in rows)
    park_id, district, zone, latitude, longitude = found[scope.park]
    place = None if latitude is None else Place(latitude, longitude)
    return Site(scope, park_id, district, ZoneInfo(zone), tuple(devices.values()), registers, place)


def _register(device: SiteDevice, row: tuple[Any, ...], begun_ms: int | None) -> SiteRegister:
    """A register of a device whose other registers began at an instant, or not yet: a silent one is missing since."""
    register_id, _, signal, period_s, first_ms, last_ms = row
    silent_ms = device.first_seen_ms if begun_ms is None else min(begun_ms, device.first_seen_ms)
    begins = silent_ms if first_ms is None else first_ms
    ends = _ALWAYS_MS
    if device.retired:
        ends = begins if last_ms is None else last_ms + period_s * 1000
    return SiteRegister(register_id, device, signal, period_s, begins, ends)
