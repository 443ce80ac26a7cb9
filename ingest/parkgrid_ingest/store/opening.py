"""The stores themselves: one class, with what differs between the servers in its keeper."""

from collections.abc import Iterable, Mapping
from typing import cast

import psycopg

from parkgrid_contract.announcement import Birth, Status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, Mark
from parkgrid_database import StoreKind
from parkgrid_database.errors import SetupError, translated
from parkgrid_database.sql_files import named_statements
from parkgrid_ingest.rollup import Maintenance
from parkgrid_ingest.rows import Commit, Committed, Older
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import Known, MaintenanceReport, Park, Throttle, registry, restores, watermark, without_pause
from parkgrid_ingest.store.commit import Committer
from parkgrid_ingest.store.connection import Session
from parkgrid_ingest.store.numbers import Numbers
from parkgrid_ingest.store.partitions import Days
from parkgrid_ingest.store.settings import StoreSettings
from parkgrid_ingest.store.watermark import Watermark


class DatabaseStore:
    """A store in one PostgreSQL database: connections for commits, for the registry and for maintenance."""

    def __init__(self, dsn: str, kind: StoreKind, settings: StoreSettings) -> None:
        self._kind = kind
        self._writing, self._asking, self._keeping = (
            Session(dsn, settings, purpose) for purpose in ("commit", "registry", "maintenance")
        )
        self._numbers = Numbers()
        self._committer = Committer(self._writing, settings, Days(), self._numbers)
        self._maintenance = Maintenance(settings)

    @property
    def kind(self) -> StoreKind:
        """Which of the stores this is."""
        return self._kind

    def commit(self, commit: Commit) -> Committed:
        """Make rows, refusals and the watermark durable together, exactly once."""
        return self._committer.commit(commit)

    def register(self, gateway: Gateway, birth: Birth, *, retained: bool = False) -> Known:
        """Note a birth; gives the ids of its devices."""
        with self._asking.run() as connection:
            known = registry.register(connection, gateway, birth, retained=retained)
        self._numbers.tell(gateway, known)
        return known

    def mark_imported(self, gateway: Gateway) -> None:
        """Note that a gateway stands for files or a foreign store, until its next birth."""
        with self._asking.run() as connection:
            connection.execute(statement("mark_imported"), (gateway.park, gateway.gateway))

    def registry(self) -> Mapping[Gateway, Known]:
        """Every gateway and its present devices."""
        with self._asking.run() as connection:
            found = registry.registry(connection)
        self._numbers.forget()
        for gateway, known in found.items():
            self._numbers.tell(gateway, known)
        return found

    def rated_kw(self, gateway: Gateway | None = None) -> Mapping[int, float]:
        """Rated power in kW by device number, of a gateway's devices or of all."""
        with self._asking.run() as connection:
            return registry.rated_kw(connection, gateway)

    def live_since(self, gateway: Gateway | None = None, *, simulated: bool = False) -> Mapping[Gateway, int]:
        """When the gateways that are not simulated, or all, were first known, in ms."""
        with self._asking.run() as connection:
            return registry.live_since(connection, gateway, simulated=simulated)

    def describe_park(self, park: Park) -> None:
        """Name a park."""
        with self._asking.run() as connection:
            registry.describe_park(connection, park)

    def set_status(self, gateway: Gateway, status: Status, received_ms: int | None) -> None:
        """Note whether a gateway is connected."""
        with self._asking.run() as connection:
            registry.set_status(connection, gateway, status, received_ms)

    def retired(self) -> frozenset[Gateway]:
        """The gateways that an operator does not admit."""
        with self._asking.run() as connection:
            rows = connection.execute(statement("retired_gateways"))
            return frozenset(Gateway(park, gateway) for park, gateway in rows)

    def epoch_of(self, gateway: Gateway) -> int | None:
        """The newest epoch that a gateway announced, or None when it was never born."""
        with self._asking.run() as connection:
            row = connection.execute(statement("epoch_of_gateway"), (gateway.park, gateway.gateway)).fetchone()
        return row[0] if row else None

    def registry_change(self) -> int:
        """A number that moves when others than this process change the registry."""
        with self._asking.run() as connection:
            row = connection.execute(statement("registry_change")).fetchone()
        return row[0] if row else 0

    def ack_of(self, gateway: Gateway, epoch: int) -> Ack | None:
        """What is committed of an epoch, or None when nothing of it was seen."""
        with self._asking.run() as connection:
            arguments = (gateway.park, gateway.gateway, epoch)
            row = connection.execute(statement("ranges_of_epoch"), arguments).fetchone()
        return Watermark(watermark.parse(row[0]), watermark.parse(row[1])).ack(epoch) if row else None

    def newest_acks(self, gateways: Iterable[Gateway]) -> Mapping[Gateway, Ack]:
        """What is committed of the newest epoch of each of them that has any."""
        columns = [list(column) for column in zip(*((each.park, each.gateway) for each in gateways), strict=True)]
        if not columns:
            return {}
        with self._asking.run() as connection:
            rows = connection.execute(statement("newest_ranges"), columns).fetchall()
        return {
            Gateway(park, gateway): Watermark(watermark.parse(committed), watermark.parse(passed)).ack(epoch)
            for park, gateway, epoch, committed, passed in rows
        }

    def devices_of(self, gateway: Gateway) -> Known:
        """The present devices of a gateway."""
        with self._asking.run() as connection:
            rows = connection.execute(statement("devices_of_gateway"), (gateway.park, gateway.gateway)).fetchall()
        known = {device: (number, device_class) for device, number, device_class in rows}
        self._numbers.tell(gateway, known)
        return known

    def older_than(self, gateway: Gateway, claim: Mark) -> Older | None:
        """What is lacking of what a gateway was told, written down; None when nothing is."""
        with self._asking.run() as connection:
            found = restores.older(connection, {(gateway, claim[0]): claim[1]}, {})
        return found[0] if found else None

    def maintain(self, now_ms: int, throttle: Throttle = without_pause) -> MaintenanceReport:
        """Bring roll-ups up to date, make partitions ahead, apply retention."""
        self._committer.flush_notices()
        with self._keeping.run() as connection:
            return self._maintenance.maintain(connection, now_ms, throttle)

    def roll_up(self, now_ms: int) -> MaintenanceReport:
        """Bring roll-ups of long new spans up to date, as a set."""
        self._committer.flush_notices()
        with self._keeping.run() as connection:
            return self._maintenance.roll_up(connection, now_ms)

    def close(self) -> None:
        """End the connections."""
        for session in (self._writing, self._asking, self._keeping):
            session.close()


def open_store(dsn: str, settings: StoreSettings | None = None) -> DatabaseStore:
    """The store of a migrated database. Raises `SetupError` when it is not migrated, `StoreUnavailableError`."""
    settings = settings or StoreSettings()
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=settings.connect_timeout_s) as connection:
        row = connection.execute(named_statements("parkgrid_database", "migrate")["store_of_database"]).fetchone()
    if row is None:
        raise SetupError("the database has no schema yet: run `parkgrid db migrate`")
    return DatabaseStore(dsn, cast("StoreKind", row[0]), settings)
