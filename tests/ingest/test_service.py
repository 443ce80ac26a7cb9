"""Ingest whole, on a real broker and a real database: what is accepted is stored once, whatever dies in between."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from contract.announcement import Birth, Device, encode_birth
from contract.identity import Gateway
from contract.sample import Sample
from contract.signals import CATALOGUE
from contract.telemetry import Ack, Batch, decode_ack, encode_batch
from contract.topics import Channel, topic
from ingest.migrate import migrate
from ingest.service import Service
from ingest.settings import CommitSettings, IngestSettings, MqttSettings, StoreSection
from ingest.store import open_store
from parkgrid import broker as launcher
from parkgrid import database
from parkgrid.broker import RunningBroker

GATEWAY = Gateway("park", "gw-1")
EPOCH = 1_790_000_000 * 2**20
AT = 1_790_000_000_000
METER_SIGNALS = tuple(signal.name for signal in CATALOGUE["meter"].signals)
CRASH_POINTS = (
    "ingest.received",
    "ingest.before_copy",
    "ingest.after_copy",
    "ingest.before_commit",
    "ingest.after_commit",
    "ingest.after_ack",
)
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
    return encode_birth(Birth("0.1.0", epoch, AT, tuple(Device(name, "meter", METER_SIGNALS) for name in devices)))


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


def test_a_batch_is_stored_in_its_units_and_then_acknowledged(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(0), sample(1, "m-2")), batch(2, sample(2))])
        until(lambda: covered(peer, [1, 2]), "the acknowledgement")
        assert stored(dsn) == {("m-1", 0): (0.5, 100.0), ("m-2", 1): (1.5, 101.0), ("m-1", 2): (2.5, 102.0)}
        assert last_ack(peer) == Ack(EPOCH, 2)
        until(lambda: service.metrics.value("rows_total", outcome="stored") == 3, "the count")
        assert service.metrics.value("batches_total") == 2


def test_sending_anything_again_in_any_order_changes_nothing(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    batches = forty()
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        send_until_covered(peer, batches, until)
        before = query(dsn, "SELECT * FROM public.meter ORDER BY device_id, at")
        storm = [*batches.values()] * 3
        random.Random(7).shuffle(storm)
        peer.send(telemetry(), storm)
        peer.send(telemetry(), [batch(11, sample(40))])
        until(lambda: covered(peer, [11]), "the last batch")
        assert query(dsn, "SELECT * FROM public.meter WHERE seq < 11 ORDER BY device_id, at") == before
        assert service.metrics.value("rows_total", outcome="conflicting") == 0
    assert stored(dsn) == EXPECTED | {("m-1", 40): (40.5, 140.0)}
    assert query(dsn, "SELECT * FROM public.conflicts") == []


def test_an_unborn_gateway_is_deferred_and_stored_after_its_birth(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: service.metrics.value("deferred_total", reason="unknown_gateway") == 1, "the deferral")
        assert (last_ack(peer), stored(dsn)) == (None, {})
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(5), epoch=EPOCH + 1)])
        until(lambda: service.metrics.value("deferred_total", reason="unknown_epoch") == 1, "the second deferral")
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the acknowledgement")
    assert stored(dsn) == {("m-1", 0): (0.5, 100.0)}
    assert reasons(dsn) == {}


def test_a_known_gateway_needs_no_new_birth_after_a_restart(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until):
        peer.publish(topic(GATEWAY, Channel.BIRTH), birth())
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the first batch")
    with serving(settings_for(broker, dsn), until):
        peer.send(telemetry(), [batch(2, sample(1))])
        until(lambda: covered(peer, [2]), "the second batch")
    assert len(stored(dsn)) == 2


NEIGHBOUR = f'{{"device":"m-2","at":{AT},"values":{{"active_power_kw":7}}}}'


def with_neighbour(bad: str, seq: int = 1) -> bytes:
    envelope = f'{{"epoch":{EPOCH},"seq":{seq},"floor":1,"backlog":false,"samples":['
    return f"{envelope}{bad},{NEIGHBOUR}]}}".encode()


def bad_sample(device: str = '"m-1"', at: str = str(AT), values: str = '{"active_power_kw":1}', more: str = "") -> str:
    return f'{{"device":{device},"at":{at},"values":{values}{more}}}'


BAD_SAMPLES = {
    "number-nan-text": (bad_sample(values='{"active_power_kw":"NaN"}'), "not_a_number"),
    "number-comma": (bad_sample(values='{"active_power_kw":"12,5"}'), "not_a_number"),
    "number-hex": (bad_sample(values='{"active_power_kw":"0x10"}'), "not_a_number"),
    "number-bool": (bad_sample(values='{"active_power_kw":true}'), "not_a_number"),
    "number-null": (bad_sample(values='{"active_power_kw":null}'), "not_a_number"),
    "number-overflow": (bad_sample(values='{"active_power_kw":1e999}'), "not_a_number"),
    "number-list": (bad_sample(values='{"active_power_kw":[1]}'), "not_a_number"),
    "number-1e308": (bad_sample(values='{"active_power_kw":1e308}'), "not_representable"),
    "number-2-53": (bad_sample(values='{"energy_import_kwh":9007199254740993}'), "not_representable"),
    "number-20-digits": (bad_sample(values='{"energy_import_kwh":99999999999999999999}'), "not_representable"),
    "time-absent": ('{"device":"m-1","values":{"active_power_kw":1}}', "time_missing"),
    "time-text": (bad_sample(at='"2026-01-01"'), "wrong_shape"),
    "time-leap-second": (bad_sample(at='"2016-12-31T23:59:60Z"'), "wrong_shape"),
    "time-seconds": (bad_sample(at=str(AT // 1000)), "time_too_old"),
    "time-nanoseconds": (bad_sample(at=str(AT * 1_000_000)), "time_in_future"),
    "time-1970": (bad_sample(at="0"), "time_too_old"),
    "time-1999": (bad_sample(at="946684799999"), "time_too_old"),
    "time-2106": (bad_sample(at="4294967296000"), "time_in_future"),
    "time-year-292e9": (bad_sample(at="9223372036854775807000"), "time_in_future"),
    "unknown-device": (bad_sample(device='"m-9"'), "unknown_device"),
    "unknown-signal": (bad_sample(values='{"mood":1}'), "unknown_signal"),
    "unknown-signal-nul": (bad_sample(values='{"mo\\u0000od":1}'), "unknown_signal"),
    "unknown-signal-html": (bad_sample(values='{"<script>alert(1)</script>":1}'), "unknown_signal"),
    "unknown-signal-sql": (bad_sample(values='{"x\'; DROP TABLE base.meter; --":1}'), "unknown_signal"),
    "unknown-signal-surrogate": (bad_sample(values='{"\\ud800":1}'), "unknown_signal"),
    "unknown-quality": (bad_sample(more=',"flags":{"active_power_kw":"superb"}'), "unknown_quality"),
    "identity-path": (bad_sample(device='"../m-1"'), "wrong_identity"),
    "identity-nul": (bad_sample(device='"m-1\\u0000"'), "wrong_identity"),
    "identity-number": (bad_sample(device="7"), "wrong_identity"),
    "identity-long": (bad_sample(device='"' + "m" * 64 + '"'), "wrong_identity"),
    "shape-number": ("7", "wrong_shape"),
    "shape-no-values": (f'{{"device":"m-1","at":{AT}}}', "wrong_shape"),
    "shape-empty": (bad_sample(values="{}"), "empty"),
}


def test_every_bad_sample_is_quarantined_with_its_reason_and_its_neighbour_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    """The matrix in one run: each case in a batch of its own, beside a valid neighbour at its own instant."""
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        payloads = [
            with_neighbour(bad, seq).replace(
                NEIGHBOUR.encode(), NEIGHBOUR.replace(str(AT), str(AT + seq * 1_000)).encode()
            )
            for seq, (bad, _) in enumerate(BAD_SAMPLES.values(), 1)
        ]
        peer.send(telemetry(), payloads)
        until(lambda: covered(peer, range(1, len(payloads) + 1)), "every batch")
    assert stored(dsn) == {("m-2", seq): (7.0, None) for seq in range(1, len(payloads) + 1)}
    found = dict(query(dsn, "SELECT seq, reason FROM public.quarantine"))
    assert {name: found.get(seq) for seq, name in enumerate(BAD_SAMPLES, 1)} == {
        name: reason for name, (_, reason) in BAD_SAMPLES.items()
    }
    assert len(query(dsn, "SELECT * FROM public.devices")) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-0.0", 0.0), ("5e-324", 0.0), ("600000", 600_000.0), ("1.5", 1.5), ("-2000000", -2_000_000.0)],
)
def test_strange_but_storable_numbers_are_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, value: str, expected: float
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [with_neighbour(bad_sample(values=f'{{"active_power_kw":{value}}}'))])
        until(lambda: covered(peer, [1]), "the acknowledgement")
    assert stored(dsn) == {("m-1", 0): (expected, None), ("m-2", 0): (7.0, None)}
    flagged = query(dsn, "SELECT flags FROM public.meter WHERE flags IS NOT NULL")
    assert flagged == ([({"active_power_kw": "out_of_range"},)] if abs(expected) > 500_000 else [])


BAD_PAYLOADS = {
    "empty": (b"", "empty"),
    "random": (bytes(range(256)), "not_text"),
    "text": (b"hello", "not_json"),
    "list": (b"[]", "wrong_shape"),
    "utf-16": ("{}".encode("utf-16"), "not_text"),
    "deep": (b"[" * 10_000, "too_deep"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(100), "not_text"),
    "large": (b" " * 300_000, "too_large"),
    "no-seq": (b'{"epoch":1}', "wrong_shape"),
}


def test_unreadable_payloads_are_refused_and_the_next_batch_is_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        peer.send(telemetry(), [payload for payload, _ in BAD_PAYLOADS.values()])
        peer.send("parkgrid/v1/Park/../telemetry".replace("..", "%2e%2e"), [b"{}"])
        peer.publish(topic(GATEWAY, Channel.STATUS), b"{")
        peer.publish(topic(Gateway("park", "gw-2"), Channel.BIRTH), b'{"epoch":"x"}', retain=True)
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the neighbour")
        until(lambda: service.metrics.value("refused_total", reason="wrong_topic") == 1, "the counts")
    found = {row[0] for row in query(dsn, "SELECT reason FROM public.quarantine")}
    assert {reason for _, reason in BAD_PAYLOADS.values()} | {"wrong_topic", "not_json"} <= found
    assert stored(dsn) == {("m-1", 0): (0.5, 100.0)}
    assert query(dsn, "SELECT gateway FROM public.gateways") == [("gw-1",)]


def test_a_batch_that_stays_unreadable_does_not_hold_its_gateway_for_ever(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    broken = batch(1, sample(0)).replace(b'"active_power_kw"', b'"energy_import_kwh"')
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [broken, batch(2, sample(1))])
        until(lambda: covered(peer, [2]), "the neighbour")
        assert last_ack(peer) == Ack(EPOCH, 0, ((2, 2),))
        peer.send(telemetry(), [broken, broken])
        until(lambda: covered(peer, [1, 2]), "the broken one to be passed")
    assert set(stored(dsn)) == {("m-1", 1)}
    assert reasons(dsn)["duplicate_key"] >= 1


def test_the_payload_cannot_speak_for_another_gateway(broker: RunningBroker, dsn: str, peer: Any, until: Until) -> None:
    other = Gateway("park", "gw-2")
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        introduce(peer, birth(devices=("m-7",)), other)
        forged = batch(1, sample(0)).replace(b'{"epoch"', b'{"park":"park","gateway":"gw-1","epoch"')
        peer.send(telemetry(other), [forged])
        peer.send(telemetry(), [batch(1, sample(3))])
        until(lambda: covered(peer, [1]), "the honest batch")
        until(lambda: last_ack(peer, other) is not None, "the forged batch")
    assert set(stored(dsn)) == {("m-1", 3)}
    assert query(dsn, "SELECT gateway, device, reason FROM public.quarantine") == [("gw-2", "m-1", "unknown_device")]


def test_of_two_values_for_one_instant_the_first_is_kept_and_both_are_recorded(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(0, active_power_kw=1))])
        until(lambda: covered(peer, [1]), "the first")
        peer.send(telemetry(), [batch(2, sample(0, active_power_kw=2), sample(1, active_power_kw=3))])
        until(lambda: covered(peer, [2]), "the second")
        until(lambda: service.metrics.value("rows_total", outcome="conflicting") == 1, "the count")
    assert stored(dsn) == {("m-1", 0): (1.0, None), ("m-1", 1): (3.0, None)}
    ((kept, refused),) = query(dsn, "SELECT kept, refused FROM public.conflicts")
    assert "1" in json.dumps(kept)
    assert kept != refused


def test_a_gap_is_passed_and_recorded_and_a_jump_is_only_a_gap(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(0)), batch(5, sample(1), floor=4)])
        until(lambda: covered(peer, [1, 2, 3, 5]), "the passage of the gap")
        assert last_ack(peer) == Ack(EPOCH, 3, ((5, 5),))
        peer.send(telemetry(), [batch(2**31 + 5, sample(2), floor=4)])
        until(lambda: covered(peer, [2**31 + 5]), "the jump")
    gaps = query(dsn, "SELECT first_seq, last_seq FROM public.sequence_gaps ORDER BY 1")
    assert gaps[0] == (2, 3)
    assert set(stored(dsn)) == {("m-1", 0), ("m-1", 1), ("m-1", 2)}


def test_a_flood_of_made_up_names_is_counted_and_bounded(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        flood = [
            batch(seq, Sample("m-1", AT + seq * 1_000, {f"n_{seq}_{n}": 1.0 for n in range(2_000)}))
            for seq in range(1, 31)
        ]
        peer.send(telemetry(), flood)
        peer.send(telemetry(), [batch(31, sample(0))])
        until(lambda: covered(peer, range(1, 32)), "every batch")
        until(lambda: service.metrics.value("refused_total", reason="unknown_signal") == 60_000, "the count")
        suppressed = service.metrics.value("quarantine_suppressed_total")
    rows = query(dsn, "SELECT count(*) FROM public.quarantine")[0][0]
    assert 500 <= rows < 2_000
    assert suppressed == 60_000 - rows
    assert set(stored(dsn)) == {("m-1", 0)}


def test_two_instances_at_once_store_everything_once(broker: RunningBroker, dsn: str, peer: Any, until: Until) -> None:
    with (
        serving(settings_for(broker, dsn, "ingest-a"), until) as one,
        serving(settings_for(broker, dsn, "ingest-b"), until) as two,
    ):
        introduce(peer)
        send_until_covered(peer, forty(), until)
        until(
            lambda: all(
                each.metrics.value("batches_total") + each.metrics.value("deferred_total", reason="unknown_gateway")
                >= 10
                for each in (one, two)
            ),
            "both to have seen everything",
        )
        new = sum(each.metrics.value("rows_total", outcome="stored") for each in (one, two))
    assert stored(dsn) == EXPECTED
    assert new == 40
    assert query(dsn, "SELECT * FROM public.conflicts") == []


def test_a_killed_database_session_costs_nothing(broker: RunningBroker, dsn: str, peer: Any, until: Until) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        batches = forty()
        for seq, payload in batches.items():
            peer.send(telemetry(), [payload])
            query(
                dsn,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            until(lambda seq=seq: covered(peer, [seq]), f"batch {seq}")
    assert stored(dsn) == EXPECTED


def test_the_broker_may_lose_everything(
    tmp_path: Path, dsn: str, free_port: Callable[[], int], new_peer: Any, until: Until
) -> None:
    port = free_port()
    first = launcher.start(tmp_path / "one", port)
    batches = forty()
    with serving(settings_for(first, dsn), until) as service:
        sender = new_peer(first, "parkgrid/v1/+/+/ack")
        introduce(sender)
        sender.send(telemetry(), [batches[1], batches[2]])
        first.kill()
        sender.close()
        second = launcher.start(tmp_path / "two", port)
        try:
            until(lambda: service.consumer.connected and service.consumer.reconnects, "the return")
            again = new_peer(second, "parkgrid/v1/+/+/ack")
            introduce(again)
            send_until_covered(again, batches, until)
            again.close()
        finally:
            service.stop.set()
            second.stop()
    assert stored(dsn) == EXPECTED


class Brittle:
    """The real store behind a fault of the program: it breaks on one batch."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, commit: Any) -> Any:
        if any(header.seq == 3 for header in commit.batches):
            raise ZeroDivisionError("seq 3")
        return self._store.commit(commit)


def test_a_message_that_breaks_the_program_takes_no_other_with_it(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.service.open_store", lambda *arguments: Brittle(open_store(*arguments)))
    batches = forty()
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        peer.send(telemetry(), list(batches.values()))
        until(lambda: covered(peer, [seq for seq in batches if seq != 3]), "all others")
        until(lambda: service.metrics.value("refused_total", reason="poison") >= 1, "the count")
        assert last_ack(peer) == Ack(EPOCH, 2, ((4, 10),))
    assert stored(dsn) == {key: value for key, value in EXPECTED.items() if not 8 <= key[1] < 12}
    # The gateway still has the batch; with the fault mended it is stored.
    monkeypatch.undo()
    with serving(settings_for(broker, dsn), until):
        send_until_covered(peer, batches, until)
    assert stored(dsn) == EXPECTED


def test_a_database_that_is_away_is_waited_for_within_bounds(
    broker: RunningBroker, server_dir: Path, peer: Any, until: Until
) -> None:
    server = database.start(server_dir)
    port = int(conninfo_to_dict(server.dsn)["port"])
    migrate(server.dsn)
    batches = {seq: batch(seq, sample(seq)) for seq in range(1, 301)}
    try:
        with serving(settings_for(broker, server.dsn, queue_messages=50), until) as service:
            introduce(peer)
            peer.send(telemetry(), [batches[1]])
            until(lambda: covered(peer, [1]), "the first batch")
            server.stop()
            peer.send(telemetry(), list(batches.values()))
            until(lambda: service.inbox.full, "a full inbox")
            until(
                lambda: service.metrics.registry.get_sample_value(
                    "parkgrid_ingest_store_errors_total", {"kind": "StoreUnavailableError"}
                ),
                "the store's absence",
            )
            assert service.inbox.messages <= 51
            assert not covered(peer, [300])
            server = database.start(server_dir, port)
            send_until_covered(peer, batches, until)
        assert stored(server.dsn) == {("m-1", n): (n + 0.5, 100.0 + n) for n in range(1, 301)}
    finally:
        server.stop()


# As a process of its own


@contextmanager
def process(tmp_path: Path, settings: IngestSettings, crash_at: str = "") -> Iterator[subprocess.Popen[bytes]]:
    path = tmp_path / "ingest.toml"
    path.write_text(
        f'[mqtt]\nport = {settings.mqtt.port}\nclient_id = "{settings.mqtt.client_id}"\n'
        f'[store]\ndsn = "{settings.store.dsn}"\n',
        "utf-8",
    )
    environment = os.environ | {"PARKGRID_CRASH_AT": crash_at}
    log = (tmp_path / "ingest.log").open("ab")
    child = subprocess.Popen([sys.executable, "-m", "ingest", "--config", str(path)], env=environment, stderr=log)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait(10)
        log.close()


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_killed_at_any_point_it_stores_everything_once(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, tmp_path: Path, point: str
) -> None:
    settings = settings_for(broker, dsn)
    batches = forty()
    introduce(peer)
    with process(tmp_path, settings, f"{point}:2") as child:
        until(lambda: query(dsn, "SELECT device FROM public.devices"), "the birth to be taken up")
        for seq, payload in batches.items():
            if child.poll() is not None:
                break
            peer.send(telemetry(), [payload])
            until(lambda seq=seq: covered(peer, [seq]) or child.poll() is not None, "an answer or the end")
        until(lambda: child.poll() is not None, f"the end at {point}")
        assert child.returncode == -signal.SIGKILL
    with process(tmp_path, settings) as child:
        send_until_covered(peer, batches, until)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 0
    assert stored(dsn) == EXPECTED
    assert query(dsn, "SELECT * FROM public.conflicts") == []
    assert reasons(dsn) == {}


def test_it_ends_cleanly_with_everything_acknowledged(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, tmp_path: Path
) -> None:
    introduce(peer)
    with process(tmp_path, settings_for(broker, dsn)) as child:
        send_until_covered(peer, forty(), until)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 0
    assert stored(dsn) == EXPECTED
    log = (tmp_path / "ingest.log").read_text("utf-8")
    assert "stopped" in log
    assert "Traceback" not in log


def test_a_frozen_instance_that_wakes_up_beside_its_replacement_doubles_nothing(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, tmp_path: Path
) -> None:
    batches = forty()
    introduce(peer)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        process(tmp_path / "a", settings_for(broker, dsn, "ingest-a")) as frozen,
        process(tmp_path / "b", settings_for(broker, dsn, "ingest-b")),
    ):
        send_until_covered(peer, {1: batches[1]}, until)
        frozen.send_signal(signal.SIGSTOP)
        send_until_covered(peer, batches, until)
        frozen.send_signal(signal.SIGCONT)
        peer.send(telemetry(), list(batches.values()))
        frozen.send_signal(signal.SIGTERM)
        assert frozen.wait(20) == 0
    assert stored(dsn) == EXPECTED
    assert query(dsn, "SELECT * FROM public.conflicts") == []
