"""Settings of ingest: where the broker and the database are, how much is committed at once, what is kept."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parkgrid_contract.broker import host_name
from parkgrid_contract.ranges import MAX_DEVICES
from parkgrid_contract.settings import PORT, above, at_least, between, setting
from parkgrid_contract.time import OLDEST_MS
from parkgrid_ingest.store.settings import StoreSettings

_CLIENT_ID_MAX = 64
_GROUP_LEAST, _GROUP_MOST = 8, 40
_DAY_MS = 86_400_000


def _group_name(text: str) -> str | None:
    if not text or (_GROUP_LEAST <= len(text) <= _GROUP_MOST and not any(sign in text for sign in "/+#$ ")):
        return None
    return (
        f"must have {_GROUP_LEAST} to {_GROUP_MOST} characters and none of / + # $: take one from `openssl rand -hex 8`"
    )


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker."""

    host: str = setting("127.0.0.1", help="host name or address of the broker", check=host_name)
    port: int = setting(1883, help="TCP port of the broker", check=PORT)
    client_id: str | None = setting(
        None,
        help="stable name of this instance: the broker keeps its messages under it; the user name when left out. "
        "Two instances need two names, and two user names where the broker binds one to the other",
        check=lambda text: None if 1 <= len(text) <= _CLIENT_ID_MAX else f"must have 1 to {_CLIENT_ID_MAX} characters",
    )
    share: str = setting(
        "",
        help="name of a group of ingest workers that share the telemetry by a shared subscription of the broker; "
        "empty: this one works alone. Keep it to yourself: who knows it may take a share. Where the broker binds the "
        "client_id to the user name, each worker needs its own",
        check=_group_name,
        secret=True,
    )
    username: str | None = setting(None, help="user name, if the broker requires one")
    password: str | None = setting(None, help="password of the user", secret=True)
    tls: bool = setting(False, help="use TLS; without tls_ca the system's certificates are trusted")
    tls_ca: Path | None = setting(
        None, help="PEM file of the authority that signed the broker's certificate; turns TLS on"
    )
    tls_cert: Path | None = setting(None, help="PEM file of the own certificate")
    tls_key: Path | None = setting(None, help="PEM file of the own key")
    keepalive_s: int = setting(30, help="longest silence before the connection is probed", check=between(5, 3_600))

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls or self.tls_ca is not None

    @property
    def name(self) -> str:
        """What this instance calls itself at the broker."""
        name = self.client_id or self.username or "parkgrid-ingest"
        # The broker keeps nothing for a worker of a group, so its name need not last.
        return f"{name}-{socket.gethostname()}-{os.getpid()}" if self.share and not self.client_id else name


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSection(StoreSettings):
    """The database and what it keeps."""

    dsn: str = setting(
        help="PostgreSQL connection string, for example postgresql://ingest@localhost/parkgrid", secret=True
    )
    migrate: bool = setting(default=True, help="update the schema at start")
    maintain_every_s: float = setting(1.0, help="seconds between two rounds of roll-ups", check=above(0, "s"))


@dataclass(frozen=True, slots=True)
class CommitSettings:
    """How much goes into one transaction, and how much may wait for one.

    More than about 100,000 values gain nothing: what was decoded leaves the processor's cache before it is used.
    """

    max_values: int = setting(100_000, help="values in one commit, about", check=between(100, 10_000_000))
    max_wait_ms: int = setting(5, help="longest wait for more after the first message", check=between(0, 1_000))
    queue_messages: int = setting(20_000, help="messages that may wait", check=at_least(10))
    queue_mb: float = setting(32.0, help="megabytes of messages that may wait", check=at_least(1, "MB"))


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """Which stamps of a live gateway are believed.

    A gateway that says it is simulated lives on its own time, and what is imported or replayed does not come this way.
    """

    late_days: int = setting(
        400,
        help="largest age in days of a reading of a live gateway when it arrives; 0 = any",
        check=at_least(0, "days"),
    )
    before_known_days: int = setting(
        92,
        help="largest number of days between a reading and the first contact with its gateway; 0 = any",
        check=at_least(0, "days"),
    )

    own_time: bool = setting(
        default=True,
        help="accept any time stamp since 2000 from a gateway that declares itself simulated; with false its time "
        "stamps are checked like those of any other: use false if other parties run gateways",
    )

    def oldest_ms(self, since_ms: int, received_ms: int) -> int:
        """The oldest stamp that is believed of a gateway that is known since `since_ms`."""
        late = received_ms - self.late_days * _DAY_MS if self.late_days else OLDEST_MS
        before = since_ms - self.before_known_days * _DAY_MS if self.before_known_days else OLDEST_MS
        return max(late, before, OLDEST_MS)


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """How many may announce themselves; a birth that goes beyond is refused whole, and says which of these it was.

    Retired devices count until they are removed. The defaults hold a district of 150 parks several times over, and are
    what every page and every figure was tried with.
    """

    parks: int = setting(300, help="parks", check=at_least(1))
    gateways_per_park: int = setting(50, help="gateways of one park", check=at_least(1))
    devices_per_gateway: int = setting(1_000, help="devices of one gateway", check=between(1, MAX_DEVICES))
    devices_per_park: int = setting(2_000, help="devices of one park", check=at_least(1))
    devices: int = setting(10_000, help="devices in all", check=at_least(1))
    signals_per_device: int = setting(100, help="signals of one device", check=at_least(1))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The Prometheus endpoint."""

    port: int | None = setting(None, help="TCP port of the endpoint; none: off", check=PORT)
    host: str = setting("127.0.0.1", help="address to listen on")


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Everything ingest needs to know."""

    store: StoreSection
    mqtt: MqttSettings = setting(factory=MqttSettings, help="the broker")
    commit: CommitSettings = setting(factory=CommitSettings, help="the transaction")
    admission: AdmissionSettings = setting(factory=AdmissionSettings, help="which stamps are believed")
    quota: QuotaSettings = setting(factory=QuotaSettings, help="how many may announce themselves")
    metrics: MetricsSettings = setting(factory=MetricsSettings, help="the Prometheus endpoint")

    def problems(self) -> Iterator[tuple[str, object, str]]:
        """What is wrong across fields, as (key, value, remedy)."""
        if (self.mqtt.tls_cert is None) != (self.mqtt.tls_key is None):
            yield "mqtt.tls_cert", self.mqtt.tls_cert, "tls_cert and tls_key go together: set both or none"
        if self.mqtt.tls_cert is not None and not self.mqtt.secure:
            yield "mqtt.tls_cert", str(self.mqtt.tls_cert), "needs mqtt.tls_ca, which turns TLS on"
        if self.mqtt.password is not None and self.mqtt.username is None:
            yield "mqtt.password", "…", "a password needs mqtt.username"
