"""Settings of ingest: where the broker and the database are, how much is committed at once, what is kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from contract.settings import PORT, above, at_least, between, setting
from ingest.store.settings import StoreSettings

_CLIENT_ID_MAX = 64


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker."""

    host: str = setting("127.0.0.1", help="host name or address of the broker")
    port: int = setting(1883, help="TCP port of the broker", check=PORT)
    client_id: str = setting(
        "parkgrid-ingest",
        help="stable name of this instance: the broker keeps its messages under it; two instances need two names",
        check=lambda text: None if 1 <= len(text) <= _CLIENT_ID_MAX else f"must have 1 to {_CLIENT_ID_MAX} characters",
    )
    username: str | None = setting(None, help="user name, if the broker asks for one")
    password: str | None = setting(None, help="password of the user")
    tls_ca: str | None = setting(None, help="PEM file of the authority that signed the broker's certificate")
    tls_cert: str | None = setting(None, help="PEM file of the own certificate")
    tls_key: str | None = setting(None, help="PEM file of the own key")
    keepalive_s: int = setting(30, help="longest silence before the connection is probed", check=between(5, 3_600))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSection(StoreSettings):
    """The database and what it keeps."""

    dsn: str = setting(help="PostgreSQL connection string, for example postgresql://ingest@localhost/parkgrid")
    migrate: bool = setting(default=True, help="bring the schema up to date at start")
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
    metrics: MetricsSettings = setting(factory=MetricsSettings, help="the Prometheus endpoint")

    def problems(self) -> Iterator[tuple[str, object, str]]:
        """What is wrong across fields, as (key, value, remedy)."""
        if (self.mqtt.tls_cert is None) != (self.mqtt.tls_key is None):
            yield "mqtt.tls_cert", self.mqtt.tls_cert, "tls_cert and tls_key go together: set both or none"
        if self.mqtt.password is not None and self.mqtt.username is None:
            yield "mqtt.password", "…", "a password needs mqtt.username"
