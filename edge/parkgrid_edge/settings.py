"""Settings of a gateway agent: what it polls, where it keeps readings, whom it reports to.

park = "gaoxin-nan"
gateway = "gw-1"

[outbox]
path = "/var/lib/parkgrid/outbox.db"

[uplink]
host = "broker.example"

[[devices]]
id = "pv-1"
driver = "huawei_sun2000"
[devices.connection]
host = "192.0.2.11"
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from parkgrid_contract.broker import host_name
from parkgrid_contract.identity import IDENTIFIER, Gateway, MeteringPoint, identifier_problem
from parkgrid_contract.ranges import MAX_DEVICES, MAX_PERIOD_S, MAX_RATING, MAX_RATINGS, MIN_PERIOD_S, text_problem
from parkgrid_contract.settings import PORT, Problem, SettingsError, above, at_least, between, load, setting
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import AcceleratedClock, Clock, SystemClock
from parkgrid_edge.delivery.kept import Keeping

if TYPE_CHECKING:
    from parkgrid_edge.protocols.registers import Driver

ROLE = "edge"
_KEY = re.compile(r"[0-9a-f]{64}")
Found = tuple[str, object, str]
"""Key, value and remedy of one problem."""


def _one_of(value: str, known: Collection[str], what: str) -> str | None:
    if value in known:
        return None
    near = get_close_matches(value, known, 1)
    return (
        f"unknown {what}; did you mean {near[0]!r}?" if near else f"unknown {what}; known: {', '.join(sorted(known))}"
    )


def _known_class(value: str) -> str | None:
    return _one_of(value, CATALOGUE, "class")


def _known_driver(value: str) -> str | None:
    # Drivers load when a device names one, so that reading settings stays quick.
    from parkgrid_edge.drivers import names

    return _one_of(value, names(), "driver")


def _ratings(value: Mapping[str, float | None]) -> str | None:
    wrong = sorted(name for name in value if not IDENTIFIER.fullmatch(name))
    if wrong:
        return f"names must be like rated_power_kw, not {', '.join(wrong)}"
    if len(value) > MAX_RATINGS:
        return f"must be at most {MAX_RATINGS}"
    beyond = sorted(name for name, number in value.items() if number is not None and not abs(number) <= MAX_RATING)
    return f"{beyond[0]} must lie between -{MAX_RATING:g} and {MAX_RATING:g}" if beyond else None


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """Where readings wait until the store has them."""

    path: Path = setting(
        help="the file that keeps readings until the store has them, for example /var/lib/parkgrid/outbox.db"
    )
    flush_s: float = setting(1.0, help="seconds of readings committed together", check=between(0.01, 1.0, "s"))
    max_mb: float = setting(
        512.0, help="largest size of the file; above it the oldest backlog is dropped", check=at_least(0.1, "MB")
    )
    keep_acknowledged_h: float = setting(
        72.0,
        help="hours that readings stay after the store has them, for a store restored from a backup; 0: none stay",
        check=between(0, 744, "h"),
    )
    keep_acknowledged_share: float = setting(
        0.5, help="share of max_mb that they may take; readings that wait have the rest", check=between(0, 0.9)
    )

    @property
    def max_bytes(self) -> int:
        """The bound of everything in the file."""
        return round(self.max_mb * 1e6)

    @property
    def keeping(self) -> Keeping:
        """How long batches stay after the store has them."""
        return Keeping(
            round(self.keep_acknowledged_h * 3_600_000), round(self.max_bytes * self.keep_acknowledged_share)
        )


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """The broker, and how hard it is used."""

    host: str = setting("127.0.0.1", help="the broker's name or address", check=host_name)
    port: int = setting(1883, help="the broker's port; 8883 is usual with TLS", check=PORT)
    username: str | None = setting(None, help="name at the broker; park/gateway when only a password is stated")
    password: str | None = setting(
        None, help="password at the broker; better from PARKGRID_EDGE_UPLINK_PASSWORD", secret=True
    )
    tls: bool = setting(False, help="use TLS; without tls_ca the system's certificates are trusted")
    tls_ca: Path | None = setting(None, help="certificates that the broker's is checked against; turns TLS on")
    tls_cert: Path | None = setting(None, help="the gateway's own certificate")
    tls_key: Path | None = setting(None, help="the key of the gateway's certificate")
    window: int = setting(50, help="batches sent and not yet committed by the store", check=between(1, 1000))
    keepalive_s: int = setting(
        30, help="a silent connection is closed after 1.5 times this", check=between(1, 3600, "s")
    )
    resend_s: float = setting(
        10.0, help="without progress for this long, everything is sent again", check=between(0.1, 3600, "s")
    )
    backlog_share: float = setting(
        0.25, help="share of the window kept for backlog while live batches wait", check=between(0.05, 0.95)
    )

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls or self.tls_ca is not None


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """Accelerated time for simulations; left out, the machine's clock is used."""

    wall_start_ms: int | None = setting(None, help="the machine's time at which the clock showed start_ms")
    start_ms: int | None = setting(None, help="what the clock showed then")
    speed: float | None = setting(None, help="simulated seconds per second", check=between(1, 3600))

    def clock(self) -> Clock:
        """The clock that these settings describe."""
        if self.wall_start_ms is None or self.start_ms is None or self.speed is None:
            return SystemClock()
        return AcceleratedClock(self.wall_start_ms, self.start_ms, self.speed)


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Proof mode: a list of everything offered and accepted, outside the system."""

    path: Path | None = setting(None, help="the file that the ledger is appended to")


@dataclass(frozen=True, slots=True)
class PointSettings:
    """Where a device hangs in the grid (站-线-变-户)."""

    station: str = setting("", help="substation", check=text_problem)
    line: str = setting("", help="line", check=text_problem)
    transformer: str = setting("", help="transformer district", check=text_problem)
    account: str = setting("", help="account with the supplier", check=text_problem)


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How a device is reached."""

    kind: Literal["tcp", "rtu", "rtu_over_tcp"] = setting(
        "tcp", help="Modbus TCP, RTU on a serial port, or RTU frames through a transparent converter"
    )
    host: str | None = setting(None, help="name or address; for tcp and rtu_over_tcp")
    port: int = setting(502, help="port; for tcp and rtu_over_tcp", check=PORT)
    serial: str | None = setting(None, help="serial port, for example /dev/ttyUSB0; for rtu")
    baud: int = setting(9600, help="speed of the serial line; for rtu", check=between(300, 4_000_000))
    parity: Literal["N", "E", "O"] = setting("N", help="parity of the serial line; for rtu")
    stop_bits: Literal[1, 2] = setting(1, help="stop bits of the serial line; for rtu")
    unit: int = setting(1, help="Modbus unit identifier", check=between(0, 255))
    timeout_s: float = setting(2.0, help="seconds to wait for an answer", check=between(0.01, 60, "s"))
    any_transaction: bool = setting(
        False, help="accept answers with another transaction number, from converters that do not repeat it; for tcp"
    )


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One polled device."""

    connection: ConnectionSettings
    id: str = setting(help="identifier of the device within its gateway", check=identifier_problem)
    driver: str = setting(help="a driver, parkgrid's own or one of an installed package", check=_known_driver)
    class_: str | None = setting(None, help="device class; the driver's own when left out", check=_known_class)
    name: str = setting("", help="display name of the device; any language", check=text_problem)
    period_s: float = setting(1.0, help="seconds between two readings", check=between(MIN_PERIOD_S, MAX_PERIOD_S, "s"))
    ratio: float = setting(
        1.0, help="transformer ratio (CT x VT) that powers and energies are multiplied with", check=above(0)
    )
    signals: tuple[str, ...] = setting((), help="report only these signals; all that the driver reads when left out")
    ratings: Mapping[str, float] = setting(
        help="nameplate figures, for example rated_power_kw", factory=dict, check=_ratings
    )
    point: PointSettings = setting(help="where the device is connected in the grid", factory=PointSettings)

    @property
    def device_class(self) -> str:
        """The class of the device, stated or the driver's."""
        from parkgrid_edge.drivers import find

        return self.class_ or find(self.driver).device_class

    @property
    def metering_point(self) -> MeteringPoint:
        """The place in the grid as the contract knows it."""
        return MeteringPoint(self.point.station, self.point.line, self.point.transformer, self.point.account)


def _public_key(value: str) -> str | None:
    return None if _KEY.fullmatch(value) else "must be 64 hexadecimal digits, as in update.pub"


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """Whose updates this gateway installs, and how."""

    key: str | None = setting(
        None, help="the public key that updates must be signed with; left out, none is installed", check=_public_key
    )
    folder: Path = setting(Path("/opt/parkgrid"), help="where install.sh has put the releases")
    restart: tuple[str, ...] = setting(
        ("systemctl", "restart", "parkgrid-edge.service"), help="the command that restarts the agent"
    )
    wait_s: float = setting(
        300.0, help="seconds in which a reading must be stored, else the update goes back", check=between(1, 3600, "s")
    )


_SERIAL_DEFAULTS: Mapping[str, object] = {"baud": 9600, "parity": "N", "stop_bits": 1}
_TCP_DEFAULTS: Mapping[str, object] = {"kind": "tcp", "any_transaction": False}
"""What `ConnectionSettings` assumes of a line; all devices on it must agree."""


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Everything a gateway agent is told."""

    outbox: OutboxSettings
    uplink: UplinkSettings
    clock: ClockSettings
    ledger: LedgerSettings
    park: str = setting(help="identifier of the park", check=identifier_problem)
    gateway: str = setting(help="identifier of this gateway within the park", check=identifier_problem)
    simulated: bool = setting(False, help="whether the readings come from simulators; shown wherever they are shown")
    read_only: bool = setting(True, help="devices are never written to")
    health_s: float = setting(
        10.0,
        help="seconds between two readings of the gateway's own health",
        check=between(MIN_PERIOD_S, MAX_PERIOD_S, "s"),
    )
    devices: tuple[DeviceSettings, ...] = setting((), help="the devices to poll")
    update: UpdateSettings = setting(help="whose updates are installed, and how", factory=UpdateSettings)

    @property
    def identity(self) -> Gateway:
        """The address of this gateway."""
        return Gateway(self.park, self.gateway)

    @staticmethod
    def document_problems(document: Mapping[str, Any]) -> Iterator[Found]:
        """Rules across tables, seen before the tables are known to be right."""
        if document.get("read_only") is False:
            yield "read_only", False, "this version only reads: remove the line or set it to true"
        yield from _clock_problems(_table(document, "clock"))
        yield from _tls_problems(_table(document, "uplink"))
        devices = document.get("devices")
        if isinstance(devices, list) and len(devices) >= MAX_DEVICES:
            yield "devices", len(devices), f"at most {MAX_DEVICES - 1} on one gateway: use a second gateway"
        tables = [item if isinstance(item, dict) else {} for item in devices] if isinstance(devices, list) else []
        yield from _doubled(tables, document.get("gateway"))
        yield from _shared_lines(tables)
        for index, table in enumerate(tables):
            yield from _device_problems(f"devices[{index}]", table)


def load_settings(path: Path | None, environment: Mapping[str, str] | None = None) -> EdgeSettings:
    """Settings from a file and the environment. Raises `SettingsError` with every problem."""
    return load(EdgeSettings, path, os.environ if environment is None else environment, ROLE)


def check_files(settings: EdgeSettings, file: str) -> None:
    """Refuse settings that name files or folders that cannot be used. Raises `SettingsError` with every problem."""
    uplink = settings.uplink
    named = [("uplink.tls_ca", uplink.tls_ca), ("uplink.tls_cert", uplink.tls_cert), ("uplink.tls_key", uplink.tls_key)]
    problems = [
        Problem(file, key, str(path), "is not a readable file: create it or name another")
        for key, path in named
        if path is not None and not (path.is_file() and os.access(path, os.R_OK))
    ]
    for key, path in (("outbox.path", settings.outbox.path), ("ledger.path", settings.ledger.path)):
        if path is not None and path.is_dir():
            problems.append(Problem(file, key, str(path), "is a folder: name a file in it"))
    problems += [Problem(file, *found) for found in _linked_lines(settings.devices)]
    if problems:
        raise SettingsError(problems)


def unusable_drivers(settings: EdgeSettings) -> Mapping[str, str]:
    """Devices whose driver is in an installed package and cannot be used, each with the reason and its remedy."""
    from parkgrid_edge.drivers import UnusableDriverError, find

    found: dict[str, str] = {}
    for device in settings.devices:
        try:
            find(device.driver)
        except UnusableDriverError as error:
            found[device.id] = str(error)
    return found


def _linked_lines(devices: Iterable[DeviceSettings]) -> Iterator[tuple[str, str, str]]:
    """Serial ports that are one port by two names, one of them a link, and that are used at two speeds."""
    first: dict[str, tuple[int, ConnectionSettings]] = {}
    for index, device in enumerate(devices):
        own = device.connection
        if own.kind != "rtu" or own.serial is None:
            continue
        port = os.path.realpath(own.serial)
        place, other = first.setdefault(port, (index, own))
        differing = [name for name in _SERIAL_DEFAULTS if getattr(own, name) != getattr(other, name)]
        if own.serial != other.serial and differing:
            remedy = f"is the port {port}, as is {other.serial} of devices[{place}]: make {', '.join(differing)} equal"
            yield f"devices[{index}].connection.serial", own.serial, remedy


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name)
    return table if isinstance(table, dict) else {}


def _clock_problems(clock: Mapping[str, Any]) -> Iterator[Found]:
    for name in ("wall_start_ms", "start_ms", "speed"):
        if clock and name not in clock:
            yield f"clock.{name}", MISSING, "is required with the other two: state all three, or leave [clock] out"


def _tls_problems(uplink: Mapping[str, Any]) -> Iterator[Found]:
    for name, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if name in uplink and other not in uplink:
            yield f"uplink.{name}", uplink[name], f"needs uplink.{other} beside it"
        elif name in uplink and "tls_ca" not in uplink and not uplink.get("tls"):
            yield f"uplink.{name}", uplink[name], "needs uplink.tls_ca, which turns TLS on"


def _doubled(tables: list[dict[str, Any]], gateway: object) -> Iterator[Found]:
    places: dict[object, str] = {gateway: "gateway"} if isinstance(gateway, str) else {}
    for index, table in enumerate(tables):
        device, key = table.get("id"), f"devices[{index}].id"
        if isinstance(device, str) and places.setdefault(device, key) != key:
            yield key, device, f"is already taken by {places[device]}: every device needs its own"


def _shared_lines(tables: list[dict[str, Any]]) -> Iterator[Found]:
    """Devices on one line speak in one manner; the line cannot be two things at once."""
    first: dict[object, tuple[int, Mapping[str, Any]]] = {}
    for index, table in enumerate(tables):
        connection = _table(table, "connection")
        serial = connection.get("kind") == "rtu"
        line = connection.get("serial" if serial else "host")
        if not isinstance(line, str):
            continue
        if not serial:
            line = f"{line.lower()}:{connection.get('port', 502)}"
        place, leader = first.setdefault((serial, line), (index, connection))
        for name, default in (_SERIAL_DEFAULTS if serial else _TCP_DEFAULTS).items():
            own, other = connection.get(name, default), leader.get(name, default)
            if own != other:
                remedy = f"devices[{place}] uses {other!r} on the same line {line}: make them equal"
                yield f"devices[{index}].connection.{name}", own, remedy


def _device_problems(key: str, table: Mapping[str, Any]) -> Iterator[Found]:
    connection = _table(table, "connection")
    needed = "serial" if connection.get("kind") == "rtu" else "host"
    if needed not in connection:
        yield f"{key}.connection.{needed}", MISSING, f"is required for {connection.get('kind', 'tcp')!r}"
    if connection.get("any_transaction") is True and connection.get("kind", "tcp") != "tcp":
        yield f"{key}.connection.any_transaction", True, "only tcp has transaction numbers: remove the line"
    driver = _driver_of(table)
    stated = str(table.get("class") or "")
    if driver is not None and stated in CATALOGUE and not driver.serves(stated):
        yield f"{key}.class", stated, f"the driver {driver.name!r} reads a {driver.device_class}"
    signals = table.get("signals")
    known = CATALOGUE.get(stated or (driver.device_class if driver else ""))
    for name in signals if isinstance(signals, list) and known else ():
        remedy = _one_of(name, known.by_name, "signal") if isinstance(name, str) and known else None
        if remedy:
            yield f"{key}.signals", name, remedy


def _driver_of(table: Mapping[str, Any]) -> "Driver | None":
    """The driver that a device names; None where there is none to be had, which is reported elsewhere."""
    from parkgrid_edge.drivers import DriverError, find

    name = table.get("driver")
    try:
        return find(name) if isinstance(name, str) else None
    except DriverError:
        return None
