"""Settings of the role `api`: where to listen, which database to read, and what each answer may cost."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from parkgrid_contract.settings import PORT, at_least, between, setting

MIN_TOKEN_LENGTH = 32
TOO_WEAK = f"is too weak: at least {MIN_TOKEN_LENGTH} random characters, for example from `openssl rand -hex 32`"
_WEAK = {"changeme", "password", "secret", "token", "parkgrid", "example"}


def _path(text: str) -> str | None:
    """A rule: a base path is empty or begins, and does not end, with a slash."""
    return (
        None if _BASE_PATH.fullmatch(text) else "must be like /parkgrid: letters, digits, - . _ ~, no slash at its end"
    )


_BASE_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database, read through the public views."""

    dsn: str = setting(
        help="PostgreSQL connection string, for example postgresql://parkgrid_api@127.0.0.1/parkgrid", secret=True
    )
    role: str = setting("", help="role to act as (SET ROLE), for example parkgrid_api; empty keeps the login's own")
    connections: int = setting(4, help="connections kept for queries", check=between(1, 100))
    statement_timeout_s: float = setting(5.0, help="longest time of one statement", check=between(0.1, 60, "s"))
    figure_connections: int = setting(3, help="connections that figures are computed on", check=between(1, 20))
    figure_timeout_s: float = setting(
        30.0, help="longest statement of a figure or an export", check=between(1, 600, "s")
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one answer or one client may cost."""

    rows: int = setting(20_000, help="most rows of one history answer", check=between(100, 1_000_000))
    page: int = setting(1_000, help="most entries of one list answer", check=between(1, 10_000))
    exports: int = setting(2, help="most tables sent at a time, each on a connection of its own", check=between(1, 50))
    streams: int = setting(200, help="most live streams at a time", check=at_least(1))
    streams_of_address: int = setting(50, help="most live streams of one address", check=at_least(1))
    cache_mb: int = setting(16, help="memory for repeated history answers", check=between(0, 1_024, "MB"))


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The pace of the live stream."""

    tick_s: float = setting(0.5, help="shortest time between two events", check=at_least(0.5, "s (at most 2 events/s)"))
    fallback_s: float = setting(2.0, help="longest time without a look at the database", check=between(0.5, 60, "s"))
    heartbeat_s: float = setting(
        2.0, help="longest silence of a stream; after 5 s the page takes its link for lost", check=between(1, 60, "s")
    )


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What the connections of clients may take, so that none shuts others out."""

    most: int = setting(1_000, help="most connections at a time", check=between(10, 100_000))
    of_address: int = setting(
        100, help="most connections of one address (IPv6: of one /64), unless it is in `proxies`", check=at_least(2)
    )
    head_s: float = setting(10.0, help="longest time for a request's head to arrive", check=between(0.1, 600, "s"))
    body_s: float = setting(10.0, help="longest time for a request's body to arrive", check=between(0.1, 600, "s"))
    write_s: float = setting(
        30.0, help="how long an answer may wait for a client that takes it too slowly", check=between(0.1, 600, "s")
    )
    slowest_kb_s: float = setting(
        8.0, help="slowest taking of an answer that waits for its client", check=between(0.1, 10_000, "kB/s")
    )
    unsent_mb: int = setting(64, help="most memory for what clients have not taken", check=between(1, 10_000, "MB"))


@dataclass(frozen=True, slots=True)
class WritingSettings:
    """Bids, opt-outs and disputes over HTTP: only where both are set, until people can sign in."""

    dsn: str = setting(
        "", help="login of role vpp that appends to the ledger of the pilot; empty: nothing is written", secret=True
    )
    role: str = setting("", help="role to act as (SET ROLE), for example parkgrid_vpp; empty keeps the login's own")
    token: str = setting(
        "", help="token of every writing request (header Write-Token), another than the reading one", secret=True
    )
    token_file: Path | None = setting(None, help="file that contains that token, for example a container secret")

    @property
    def bearer(self) -> str:
        """The token that every writing request must carry; empty: there are none."""
        return self.token_file.read_text().strip() if self.token_file else self.token

    def problems(self) -> list[tuple[str, object, str]]:
        """Rules across keys, as (key, value, remedy)."""
        if self.token and self.token_file:
            return [("token_file", str(self.token_file), "state either token or token_file, not both")]
        try:
            token = self.bearer
        except OSError as error:
            return [("token_file", str(self.token_file), f"cannot be read ({error.strerror})")]
        if bool(token) != bool(self.dsn):
            missing, there = ("dsn", "token") if token else ("token", "dsn")
            return [(missing, "", f"is missing: {there} is set, and writing needs both")]
        key = "token_file" if self.token_file else "token"
        return [(key, f"{len(token)} characters", TOO_WEAK)] if token and _weak(token) else []


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Everything that the api process is told."""

    database: DatabaseSettings
    host: str = setting("127.0.0.1", help="address to listen on; anything but loopback needs a token")
    port: int = setting(8080, help="port to listen on", check=PORT)
    token: str = setting("", help="bearer token of every /api request; required off loopback", secret=True)
    token_file: Path | None = setting(None, help="file that contains the token, for example a container secret")
    allowed_hosts: tuple[str, ...] = setting((), help="further names this server may be called by (Host header)")
    proxies: tuple[str, ...] = setting(
        (), help="addresses or networks of reverse proxies, whose X-Forwarded-For names the client"
    )
    base_path: str = setting(
        "", help="path that a reverse proxy serves this server under, for example /parkgrid", check=_path
    )
    metrics: bool = setting(False, help="serve /metrics for Prometheus")
    demonstration: bool = setting(False, help="show what `parkgrid up` reports while its parks are not live yet")
    documents: bool = setting(False, help="serve /api/v1/openapi.json (also printed by --openapi)")
    issued: Path | None = setting(
        None, help="folder of the file of issued digests of the pilot: written before a bundle is given out"
    )
    limits: LimitSettings = setting(help="limits", factory=LimitSettings)
    stream: StreamSettings = setting(help="live stream", factory=StreamSettings)
    connections: ConnectionSettings = setting(help="connections of clients", factory=ConnectionSettings)
    writing: WritingSettings = setting(help="what may be written", factory=WritingSettings)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def bearer(self) -> str:
        """The token that every request must carry, or an empty text."""
        return self.token_file.read_text().strip() if self.token_file else self.token

    def problems(self) -> list[tuple[str, object, str]]:
        """Rules across keys, as (key, value, remedy)."""
        found: list[tuple[str, object, str]] = []
        if self.token and self.token_file:
            found.append(("token_file", str(self.token_file), "state either token or token_file, not both"))
        remedy = "is not an address or network, for example 127.0.0.1 or 10.1.0.0/16"
        found += [("proxies", proxy, remedy) for proxy in self.proxies if not _network(proxy)]
        try:
            token = self.bearer
        except OSError as error:
            return [*found, ("token_file", str(self.token_file), f"cannot be read ({error.strerror})")]
        if not token and not self.loopback:
            remedy = "is reachable from other machines: set token or token_file, or listen on 127.0.0.1"
            found.append(("host", self.host, remedy))
        if token and _weak(token):
            key = "token_file" if self.token_file else "token"
            found.append((key, f"{len(token)} characters", TOO_WEAK))
        return found + self._problems_of_writing(token)

    def _problems_of_writing(self, token: str) -> list[tuple[str, object, str]]:
        found = self.writing.problems()
        if not found and token and token == self.writing.bearer:
            found = [("token", f"{len(token)} characters", "is the token of reading as well: take another")]
        return [(f"writing.{key}", value, remedy) for key, value, remedy in found]


def _network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether an address or name always means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _weak(token: str) -> bool:
    distinct = len(set(token))
    return len(token) < MIN_TOKEN_LENGTH or distinct < 8 or any(word in token.lower() for word in _WEAK)  # noqa: PLR2004 - fewer than 8 different characters is a pattern
