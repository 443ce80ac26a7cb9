"""Settings of the pilot's process: where the database is, whose time it is, how long it waits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parkgrid_contract.settings import PORT, above, at_least, setting


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database."""

    dsn: str = setting(
        help="PostgreSQL connection string, for example postgresql://vpp@localhost/parkgrid", secret=True
    )
    connect_timeout_s: int = setting(5, help="longest wait for a connection", check=at_least(1, "s"))
    lock_timeout_s: float = setting(30.0, help="longest wait for another writer of the ledger", check=above(0, "s"))


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The Prometheus endpoint."""

    port: int | None = setting(None, help="TCP port of the endpoint; none: off", check=PORT)
    host: str = setting("127.0.0.1", help="address to listen on")


@dataclass(frozen=True, slots=True)
class VppSettings:
    """Everything the pilot's process needs to know."""

    database: DatabaseSettings
    clock: Literal["system", "data"] = setting(
        "system", help="whose time it is: the machine's, or that of the newest metered interval of the pilot's parks"
    )
    look_every_s: float = setting(5.0, help="pause between two looks at ledger and clock", check=above(0, "s"))
    revise_every_s: float = setting(
        60.0, help="pause between two looks for late data of settled events", check=above(0, "s")
    )
    between_revisions_min: float = setting(
        60.0, help="least time between two statements of an event that late data make", check=at_least(0, "min")
    )
    try_again_s: float = setting(30.0, help="pause before a step that failed is tried again", check=above(0, "s"))
    longest_wait_h: float = setting(
        24.0,
        help="longest wait after an event for registers that are not metered; what is not known then is missing",
        check=above(0, "h"),
    )
    close_after_days: float = setting(
        40.0,
        help="days after which a settled event is closed; late data give a revision until then",
        check=above(0, "d"),
    )
    issued: Path | None = setting(
        None,
        help="folder with the bundles and the file of issued digests, on another disk than the database; with it a"
        " restored database is noticed",
    )
    metrics: MetricsSettings = setting(factory=MetricsSettings, help="the Prometheus endpoint")
