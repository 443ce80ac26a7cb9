"""What ingest knows of gateways: their devices and their epochs, kept in memory and loaded from the store."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from parkgrid_contract.announcement import Birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason, RefusedError
from parkgrid_contract.telemetry import Ack
from parkgrid_contract.time import OLDEST_MS
from parkgrid_ingest.quota import exceeded
from parkgrid_ingest.settings import AdmissionSettings, QuotaSettings
from parkgrid_ingest.store import Known, Store

_EPOCHS_MAX = 100_000
_LOOKUPS_PER_ROUND = 10
"""Of one gateway."""


@dataclass(slots=True)
class Registry:
    """Gateways by their births. Only a birth adds to it: telemetry never creates a device."""

    store: Store
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    _devices: dict[Gateway, dict[str, tuple[int, str]]] = field(default_factory=dict)
    rated_kw: dict[int, float] = field(default_factory=dict)
    """Device number to its rated power in kW, of devices that announced one."""
    _live_since: dict[Gateway, int] = field(default_factory=dict)
    """Gateways whose readings are of the present; a simulated one lives on its own time where that is allowed."""
    _epochs: set[tuple[Gateway, int]] = field(default_factory=set)
    _births: dict[Gateway, int] = field(default_factory=dict)
    _retired: frozenset[Gateway] = frozenset()
    _lookups: Counter[Gateway] = field(default_factory=Counter)

    def load(self) -> None:
        """Start again from what the store has."""
        self._devices = {gateway: dict(devices) for gateway, devices in self.store.registry().items()}
        self.rated_kw = dict(self.store.rated_kw())
        self._live_since = dict(self.store.live_since(simulated=not self.admission.own_time))
        self._retired = self.store.retired()
        self._epochs.clear()
        self._births.clear()

    def begin_round(self) -> None:
        """Allow the next few questions to the store: strangers must not turn every batch into a query."""
        self._lookups.clear()

    def born(
        self, gateway: Gateway, birth: Birth, payload: bytes, *, retained: bool = False, first: bool = True
    ) -> bool:
        """Take up a birth; False when it says what the last one said. Raises `RefusedError` beyond a quota.

        `retained`: it is from the broker's memory, and so no sign of life. A worker that is not the `first` of its
        group writes none that the store knows already: it may be late, and the first may have written a later one.
        """
        fingerprint = hash(payload)
        if self._births.get(gateway) == fingerprint:
            return False
        if not first:
            newest = self.store.epoch_of(gateway)
            if newest is not None and newest >= birth.epoch:
                self._births[gateway] = fingerprint
                self._learn(gateway, self.store.devices_of(gateway))
                self._know(gateway, birth.epoch)
                return False
        beyond = exceeded(self.quota, self._devices, gateway, birth)
        if beyond:
            raise RefusedError(Reason.QUOTA, "birth", beyond)
        devices = self.store.register(gateway, birth, retained=retained)
        self._learn(gateway, devices)
        self._births[gateway] = fingerprint
        self._know(gateway, birth.epoch)
        return True

    def admit(self, gateway: Gateway) -> None:
        """Raises `RefusedError` for a gateway that was retired."""
        if gateway in self._retired:
            raise RefusedError(
                Reason.RETIRED,
                "gateway",
                f"{gateway} is retired: `parkgrid gateway readmit {gateway}` lets it in again",
            )

    def devices(self, gateway: Gateway) -> Mapping[str, tuple[int, str]] | None:
        """Device to (device_id, class), or None when the gateway was never born."""
        return self._devices.get(gateway)

    def remembers(self, gateway: Gateway, epoch: int) -> bool:
        """Whether this epoch is known without a question to the store."""
        return (gateway, epoch) in self._epochs

    def knows(self, gateway: Gateway, epoch: int) -> bool:
        """Whether a birth announced this epoch, as far as memory and a bounded number of questions can tell."""
        if self.remembers(gateway, epoch):
            return True
        if gateway not in self._devices or self._lookups[gateway] >= _LOOKUPS_PER_ROUND:
            return False
        self._lookups[gateway] += 1
        if self.store.ack_of(gateway, epoch) is None and self.store.epoch_of(gateway) != epoch:
            return False
        # Another process took its birth up, and this one's devices may be those of an earlier birth.
        self._learn(gateway, self.store.devices_of(gateway))
        self._know(gateway, epoch)
        return True

    def oldest_ms(self, gateway: Gateway, received_ms: int) -> int:
        """Before which no reading of a gateway is believed that arrives at `received_ms`."""
        since_ms = self._live_since.get(gateway)
        return OLDEST_MS if since_ms is None else self.admission.oldest_ms(since_ms, received_ms)

    def ack_of(self, gateway: Gateway, epoch: int) -> Ack | None:
        """What the store has committed of an epoch."""
        return self.store.ack_of(gateway, epoch)

    def newest_epoch(self, gateway: Gateway) -> int | None:
        """The newest epoch that a gateway announced."""
        return self.store.epoch_of(gateway)

    def _learn(self, gateway: Gateway, devices: Known) -> None:
        # A device that left the gateway keeps its place here: what it said before may still be on its way.
        self._devices.setdefault(gateway, {}).update(devices)
        for device_id, _ in devices.values():
            self.rated_kw.pop(device_id, None)
        self.rated_kw |= self.store.rated_kw(gateway)
        self._live_since.pop(gateway, None)
        self._live_since |= self.store.live_since(gateway, simulated=not self.admission.own_time)

    def _know(self, gateway: Gateway, epoch: int) -> None:
        if len(self._epochs) >= _EPOCHS_MAX:
            self._epochs.clear()
        self._epochs.add((gateway, epoch))
