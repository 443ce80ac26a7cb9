"""What is out of order on the way of a park's readings, each named with since when. Pure.

    devices ─▶ gateway ─▶ broker ─▶ ingest ─▶ database
       4          3          2         1

One cause hides what follows from it: while ingest or the broker is gone, nothing is known of the gateways behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parkgrid_api.answers.present import NamedDevice, TroubleKind, TroubleShape
from parkgrid_api.chain import Chain
from parkgrid_api.demonstration import Demonstration
from parkgrid_api.live import TRANSPORT_S, Reading

MOST_NAMED = 5
"""Devices of one trouble that are named; the others are counted."""
HEALTH_S = 10.0
"""How often a gateway tells of its own health where it announced no other period."""
_MISSED_HEALTH_S = 5.0
"""So much later than it is due, a gateway's health is missed."""
_FOLLOWS_S = 1.0
"""What a reading may come later than its like of the same round."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing out of order.

    `kind`: `disk_full`, `ingest`, `broker`, `store` of the chain; `gateway_offline` (it or its broker said so),
    `gateway_silent` (nothing at all comes from it), `gateway_quiet` (no readings, and it is not known yet whether the
    gateway or its devices are the cause), `devices_silent` (the gateway is there, none of its devices answers),
    `device_silent` (some of them do not), `gateway_late` (readings come, but long after their stamps: what waited is
    being sent, or the gateway's clock is behind), `gateway_clock` (its readings come and are refused for their stamps).

    `since_ms` is by the clock of the server. A gateway's own clock may be wrong, and its last will was written when it
    connected: what is told of a gateway that is gone is when ingest heard it last.
    """

    kind: TroubleKind
    gateway: str | None = None
    since_ms: int | None = None
    count: int = 0
    """Devices that are silent."""
    of: int = 0
    """Devices of the gateway."""
    devices: tuple[NamedDevice, ...] = field(default=())
    delay_s: float | None = None
    """How late the readings of a gateway come."""

    def document(self) -> TroubleShape:
        """The answer's form."""
        return {
            "kind": self.kind,
            "gateway": self.gateway,
            "since_ms": self.since_ms,
            "count": self.count,
            "of": self.of,
            "devices": list(self.devices),
            "delay_s": self.delay_s,
        }


def troubles(
    readings: Iterable[Reading],
    gateways: Sequence[Mapping[str, Any]],
    chain: Chain,
    now_ms: int,
    on_its_way: Demonstration | None = None,
) -> list[Trouble]:
    """The troubles of a park, the nearest to their cause only; none of one that is not started yet.

    `gateways` are rows with `park`, `gateway`, `online`, `imported`, `last_seen_ms`, `clock_refused_ms` and
    `health_period_s`.
    """
    live = [row for row in gateways if not row["imported"] and row["last_seen_ms"] is not None]
    if not live or (on_its_way is not None and live[0]["park"] in on_its_way.parks):
        return []
    common = _of_chain(chain)
    if common is not None:
        return [common]
    by_gateway: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.device_class != "gateway":
            by_gateway.setdefault(reading.gateway, []).append(reading)
    found = (_of_gateway(row, by_gateway.get(row["gateway"], []), now_ms) for row in live)
    return [trouble for trouble in found if trouble is not None]


def _of_chain(chain: Chain) -> Trouble | None:
    if chain.ingest == "silent":
        return Trouble("ingest", since_ms=chain.ingest_since_ms)
    if chain.store == "disk_full":
        return Trouble("disk_full", since_ms=chain.since_ms)
    if chain.store == "unavailable":
        return Trouble("store", since_ms=chain.since_ms)
    if chain.broker == "lost":
        return Trouble("broker", since_ms=chain.since_ms)
    return None


def _of_gateway(row: Mapping[str, Any], readings: Sequence[Reading], now_ms: int) -> Trouble | None:
    name, seen_ms, count = row["gateway"], row["last_seen_ms"], len(readings)
    if row["online"] is False:
        return Trouble("gateway_offline", name, seen_ms, count, count)
    late_s = min((each.delay_s for each in readings if each.at_ms is not None), default=0.0)
    ages = _Ages(now_ms, late_s if late_s > TRANSPORT_S else 0.0)
    stale = [reading for reading in readings if ages.stale(reading)]
    missed_s = (row["health_period_s"] or HEALTH_S) + _MISSED_HEALTH_S
    gone = (now_ms - seen_ms) / 1000 > max(missed_s, _shortest(readings))
    if gone and len(stale) == count:
        return Trouble("gateway_silent", name, seen_ms, count, count)
    if not stale:
        is_late = any(reading.stale(now_ms) for reading in readings)
        return Trouble("gateway_late", name, None, count, count, delay_s=round(late_s, 1)) if is_late else None
    if row["clock_refused_ms"] is not None and len(stale) == count:
        # Its devices may well answer: what they say is not believed.
        return _silent("gateway_clock", name, stale, count, ages)
    # Of a gateway that was not heard since, it is not known whether it or its devices are silent.
    outlived = [reading for reading in readings if ages.outlived(reading, seen_ms)]
    if not any(ages.outlived(reading, seen_ms) for reading in stale):
        return _silent("gateway_quiet", name, stale, count, ages)
    kind: TroubleKind = "devices_silent" if len(outlived) == count else "device_silent"
    return _silent(kind, name, outlived, count, ages)


@dataclass(frozen=True, slots=True)
class _Ages:
    """How long ago devices were heard: the age of their readings without what all of the gateway's come too late."""

    now_ms: int
    late_s: float

    def of(self, reading: Reading) -> float | None:
        age_s = reading.age_s(self.now_ms)
        return None if age_s is None else max(0.0, age_s - self.late_s)

    def stale(self, reading: Reading) -> bool:
        age_s = self.of(reading)
        return age_s is None or age_s > reading.stale_after_s

    def outlived(self, reading: Reading, seen_ms: int) -> bool:
        """Whether the gateway was heard when this device was already late."""
        age_s = self.of(reading)
        return age_s is None or age_s - (self.now_ms - seen_ms) / 1000 > 2 * reading.period_s + _FOLLOWS_S


def _shortest(readings: Sequence[Reading]) -> float:
    """The age from which a gateway that tells of no health is missed."""
    return min((reading.stale_after_s for reading in readings), default=TRANSPORT_S)


def _silent(kind: TroubleKind, gateway: str, silent: Sequence[Reading], of: int, by: _Ages) -> Trouble:
    """Of several devices the instant of the first that fell silent; of all of them, of the last."""
    ages = [age for reading in silent if (age := by.of(reading)) is not None]
    age_s = (max(ages) if kind == "device_silent" else min(ages)) if ages else None
    named = tuple(NamedDevice(device=each.device, name=each.name or each.device) for each in silent[:MOST_NAMED])
    since_ms = None if age_s is None else round(by.now_ms - age_s * 1000)
    return Trouble(kind, gateway, since_ms, len(silent), of, named)
