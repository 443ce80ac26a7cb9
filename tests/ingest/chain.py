"""The chain as ingest's tests use it: a gateway that sends, the service, and what is stored."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from parkgrid_contract.announcement import Birth, Device, encode_birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Sample
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.telemetry import Ack, Batch, decode_ack, encode_batch
from parkgrid_contract.topics import Channel, topic
from parkgrid_ingest.service import Service
from parkgrid_ingest.settings import CommitSettings, IngestSettings, MqttSettings, StoreSection
from parkgrid_servers.broker import RunningBroker

GATEWAY = Gateway("park", "gw-1")
EPOCH = 1_790_000_000 * 2**20
AT = 1_790_000_000_000
METER_SIGNALS = tuple(signal.name for signal in CATALOGUE["meter"].signals)
Until = Callable[..., Any]


def settings_for(broker: RunningBroker, dsn: str, client_id: str = "ingest-test", **commit: Any) -> IngestSettings:
    return IngestSettings(
        store=StoreSection(dsn=dsn, migrate=False, maintain_every_s=0.2),
        mqtt=MqttSettings(host=broker.host, port=broker.port, client_id=client_id),
        commit=CommitSettings(**commit),
    )


@contextmanager
def serving(settings: IngestSettings, until: Until) -> Iterator[Service]:
    service = Service(settings)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            service.run()
        except BaseException as error:  # noqa: BLE001 - handed to the test, which raises it
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: service.consumer.connected or failures, "the subscriptions")
        yield service
    finally:
        service.stop.set()
        thread.join(20)
        assert not thread.is_alive()
        assert not failures, failures


def birth(epoch: int = EPOCH, devices: Sequence[str] = ("m-1", "m-2")) -> bytes:
    """Of a simulated gateway: its stamps are the same in ten years, when they are no present of any live one."""
    named = tuple(Device(name, "meter", METER_SIGNALS) for name in devices)
    return encode_birth(Birth("0.1.0", epoch, AT, named, simulated=True))


def batch(seq: int, *samples: Sample, epoch: int = EPOCH, floor: int = 1) -> bytes:
    return encode_batch(Batch(epoch, seq, floor, False, samples))


def sample(n: int = 0, device: str = "m-1", **values: float) -> Sample:
    return Sample(device, AT + n * 1_000, values or {"active_power_kw": n + 0.5, "energy_import_kwh": 100.0 + n})


def query(dsn: str, statement: str) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


def stored(dsn: str) -> dict[tuple[str, int], tuple[float | None, float | None]]:
    """By device and second since AT: power and energy."""
    rows = query(
        dsn,
        "SELECT device, (extract(epoch FROM at) * 1000)::int8, active_power_kw, energy_import_kwh "
        "FROM public.meter JOIN public.devices USING (device_id)",
    )
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
    return {(row[0], (row[1] - AT) // 1_000): (row[2], row[3]) for row in rows}


def reasons(dsn: str) -> dict[str, int]:
    found = query(dsn, "SELECT reason, sum(occurrences)::int8 FROM public.quarantine GROUP BY reason")
    return dict(found)


def telemetry(gateway: Gateway = GATEWAY) -> str:
    return topic(gateway, Channel.TELEMETRY)


def last_ack(peer: Any, gateway: Gateway = GATEWAY) -> Ack | None:
    payloads = peer.payloads(topic(gateway, Channel.ACK))
    return decode_ack(payloads[-1]) if payloads else None


def introduce(peer: Any, payload: bytes | None = None, gateway: Gateway = GATEWAY) -> None:
    peer.publish(topic(gateway, Channel.BIRTH), payload or birth(), retain=True)


def covered(peer: Any, seqs: Sequence[int]) -> bool:
    ack = last_ack(peer)
    return ack is not None and all(ack.covers(seq) for seq in seqs)


def send_until_covered(peer: Any, batches: dict[int, bytes], until: Until) -> None:
    """What an outbox does: send what is not acknowledged, again after each silence."""
    tried = [0.0]

    def done() -> bool:
        if covered(peer, list(batches)):
            return True
        if time.monotonic() - tried[0] > 1.0:
            ack = last_ack(peer)
            peer.send(telemetry(), [each for seq, each in batches.items() if ack is None or not ack.covers(seq)])
            tried[0] = time.monotonic()
        return False

    until(done, "every batch to be acknowledged", 40.0)


EXPECTED = {("m-1", n): (n + 0.5, 100.0 + n) for n in range(40)}


def forty() -> dict[int, bytes]:
    """Forty readings in ten batches."""
    return {seq: batch(seq, *(sample((seq - 1) * 4 + n) for n in range(4))) for seq in range(1, 11)}
