"""Settings of metering: where the database is, how often it looks for news."""

from dataclasses import dataclass

from parkgrid_contract.settings import PORT, above, at_least, setting


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database."""

    dsn: str = setting(
        help="PostgreSQL connection string, for example postgresql://accounting@localhost/parkgrid", secret=True
    )
    connect_timeout_s: int = setting(5, help="longest wait for a connection", check=at_least(1, "s"))
    lock_timeout_s: float = setting(30.0, help="longest wait for another process in its round", check=above(0, "s"))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The Prometheus endpoint."""

    port: int | None = setting(None, help="TCP port of the endpoint; none: off", check=PORT)
    host: str = setting("127.0.0.1", help="address to listen on")


@dataclass(frozen=True, slots=True)
class MeteringSettings:
    """Everything metering needs to know."""

    database: DatabaseSettings
    round_every_s: float = setting(5.0, help="shortest pause between two rounds", check=above(0, "s"))
    look_every_s: float = setting(60.0, help="longest time between two checks for new data", check=above(0, "s"))
    metrics: MetricsSettings = setting(factory=MetricsSettings, help="the Prometheus endpoint")
