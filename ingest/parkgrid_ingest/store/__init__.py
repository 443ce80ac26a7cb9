"""The stores: one contract, chosen at run time by what the database server offers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from parkgrid_contract.announcement import Birth, Status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, Mark
from parkgrid_database import StoreKind
from parkgrid_ingest.rows import Commit, Committed, Older

Known = Mapping[str, tuple[int, str]]
"""Device name to its id and class."""
Throttle = Callable[[float], None]
"""Told after each slice of maintenance how many seconds it took: the place to let others have the processor."""


def without_pause(_seconds: float) -> None:
    """No throttle: maintenance at full speed."""


@dataclass(frozen=True, slots=True)
class Park:
    """What people call a park and where it lies."""

    park: str
    district: str
    name_zh: str = ""
    name_en: str = ""
    time_zone: str = "Asia/Shanghai"
    latitude: float | None = None
    """Degrees north, -90 to 90; with the longitude or not at all."""
    longitude: float | None = None
    """Degrees east, -180 to 180."""


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What one round of maintenance did."""

    buckets: int = 0
    """1-minute buckets brought up to date."""
    pending: bool = False
    """Whether roll-ups remain to be done: call again soon."""
    partitions: int = 0
    """Partitions made ahead."""
    dropped: int = 0
    """Partitions, chunks or roll-up rows removed by retention."""


class Store(Protocol):
    """The only writer of telemetry. Methods may be called from any thread; each is one transaction or more."""

    @property
    def kind(self) -> StoreKind:
        """Which of the stores this is."""
        ...

    def commit(self, commit: Commit) -> Committed:
        """Make rows, refusals and the watermark durable together, exactly once.

        Raises `StoreError`; `RegistryChangedError` where device numbers mean others than this process was told of.
        """
        ...

    def register(self, gateway: Gateway, birth: Birth, *, retained: bool = False) -> Known:
        """Note a birth; gives the ids of its devices. Raises `StoreError`.

        `retained`: a broker kept it, so it is no sign of life.
        """
        ...

    def mark_imported(self, gateway: Gateway) -> None:
        """Note that a gateway stands for files or a foreign store, until its next birth. Raises `StoreError`."""
        ...

    def registry(self) -> Mapping[Gateway, Known]:
        """Every gateway and its present devices. Raises `StoreError`."""
        ...

    def rated_kw(self, gateway: Gateway | None = None) -> Mapping[int, float]:
        """Rated power in kW by device number, of a gateway's devices or of all; none where none was announced.

        Raises `StoreError`.
        """
        ...

    def live_since(self, gateway: Gateway | None = None, *, simulated: bool = False) -> Mapping[Gateway, int]:
        """When one or all of the gateways that live in the present were first known, in ms.

        Those that are simulated live on a time of their own, unless `simulated` asks for them, too.

        Raises `StoreError`.
        """
        ...

    def describe_park(self, park: Park) -> None:
        """Name a park; a birth of an unnamed park creates it without names. Raises `StoreError`."""
        ...

    def set_status(self, gateway: Gateway, status: Status, received_ms: int | None) -> None:
        """Note whether a gateway is connected; the last will of an older epoch is ignored. Raises `StoreError`.

        `received_ms` is None for a status that a broker kept: then it is no sign of life, as a farewell never is.
        """
        ...

    def retired(self) -> frozenset[Gateway]:
        """The gateways that an operator does not admit. Raises `StoreError`."""
        ...

    def epoch_of(self, gateway: Gateway) -> int | None:
        """The newest epoch that a gateway announced, or None when it was never born. Raises `StoreError`."""
        ...

    def registry_change(self) -> int:
        """A number that moves when others than this process change the registry. Raises `StoreError`."""
        ...

    def ack_of(self, gateway: Gateway, epoch: int) -> Ack | None:
        """What is committed of an epoch, or None when nothing of it was seen. Raises `StoreError`."""
        ...

    def newest_acks(self, gateways: Iterable[Gateway]) -> Mapping[Gateway, Ack]:
        """What is committed of the newest epoch of each of them that has any. Raises `StoreError`."""
        ...

    def devices_of(self, gateway: Gateway) -> Known:
        """The present devices of a gateway; none when it was never born. Raises `StoreError`."""
        ...

    def older_than(self, gateway: Gateway, claim: Mark) -> Older | None:
        """What is lacking of what a gateway was told, written down; None when nothing is. Raises `StoreError`."""
        ...

    def maintain(self, now_ms: int, throttle: Throttle = without_pause) -> MaintenanceReport:
        """Bring roll-ups up to date, make partitions ahead, apply retention. Raises `StoreError`."""
        ...

    def roll_up(self, now_ms: int) -> MaintenanceReport:
        """Bring roll-ups of long new spans up to date, much faster than `maintain` does. Raises `StoreError`."""
        ...

    def close(self) -> None:
        """End the connections; an open transaction is rolled back."""
        ...
