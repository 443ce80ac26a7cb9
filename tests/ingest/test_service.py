"""Ingest whole, on a real broker and a real database: what is accepted is stored once, whatever dies in between."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from parkgrid_contract.announcement import Status, encode_status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack
from parkgrid_contract.topics import Channel, topic
from parkgrid_database.migrate import migrate
from parkgrid_ingest.settings import MetricsSettings
from parkgrid_ingest.store.opening import DatabaseStore, open_store
from parkgrid_servers import broker as launcher
from parkgrid_servers import database
from parkgrid_servers.broker import RunningBroker
from tests.ingest.chain import (
    EPOCH,
    EXPECTED,
    GATEWAY,
    Until,
    batch,
    birth,
    covered,
    forty,
    introduce,
    last_ack,
    query,
    reasons,
    sample,
    send_until_covered,
    serving,
    settings_for,
    stored,
    telemetry,
)


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


def test_epochs_that_nobody_announced_take_of_their_sender_s_time_alone(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a question to the store: 200 a second of one gateway had all others wait for half a minute."""
    with serving(settings_for(broker, dsn), until) as service:
        asked: list[int] = []

        def slow(store: Any, gateway: Gateway, epoch: int) -> Ack | None:
            asked.append(epoch)
            time.sleep(0.05)  # a store that is busy
            return real(store, gateway, epoch)

        introduce(peer)
        neighbour = Gateway("park", "gw-2")
        peer.publish(topic(neighbour, Channel.BIRTH), birth())
        until(lambda: service.metrics.value("births_total") == 2, "the births")
        real = DatabaseStore.ack_of
        monkeypatch.setattr(DatabaseStore, "ack_of", slow)
        made_up = [batch(1, sample(5), epoch=EPOCH + number) for number in range(1, 1_000)]
        peer.send(telemetry(), made_up)
        peer.send(topic(neighbour, Channel.TELEMETRY), [batch(1, sample(0))])
        until(lambda: len(stored(dsn)) == 1, "the neighbour's reading")
        value = service.metrics.value
        until(
            lambda: sum(value("deferred_total", reason=each) for each in ("unknown_epoch", "share")) == len(made_up),
            "all deferrals",
        )
    assert 0 < len(asked) < 60  # a second's worth, and a twentieth of the time since


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


def test_a_dead_gateway_was_heard_last_before_its_will_whatever_the_broker_hands_over_again(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    seen = "SELECT last_seen_at, online FROM public.gateways"
    status = topic(GATEWAY, Channel.STATUS)
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        # By a clock that is years behind.
        peer.publish(status, encode_status(Status(online=True, epoch=EPOCH, at_ms=1_500_000_000_000)), retain=True)
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the last sign of life")
        [(heard_at, online)] = query(dsn, seen)
        assert online is True
        peer.publish(status, encode_status(Status(online=False, epoch=EPOCH, at_ms=1_500_000_000_000)), retain=True)
        until(lambda: query(dsn, seen) == [(heard_at, False)], "the last will")
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE base.gateway_birth SET online = true")
    with serving(settings_for(broker, dsn), until) as service:
        until(lambda: query(dsn, "SELECT online FROM public.gateways") == [(False,)], "what the broker kept")
        until(lambda: service.metrics.value("births_total") == 1, "the birth that it kept")
        assert query(dsn, seen) == [(heard_at, False)]


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
    monkeypatch.setattr("parkgrid_ingest.service.open_store", lambda *arguments: Brittle(open_store(*arguments)))
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


def test_prometheus_is_answered_on_the_configured_port(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, free_port: Callable[[], int]
) -> None:
    port = free_port()
    settings = replace(settings_for(broker, dsn), metrics=MetricsSettings(port=port))
    with serving(settings, until):
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(0), sample(1, "m-9"))])
        until(lambda: covered(peer, [1]), "the acknowledgement")

        def page() -> str:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read(), "utf-8")

        until(lambda: 'parkgrid_ingest_rows_total{outcome="stored"} 1.0' in page(), "the counts")
        text = page()
        assert 'parkgrid_ingest_refused_total{reason="unknown_device"} 1.0' in text
        assert "parkgrid_ingest_commit_seconds_bucket" in text
        assert "parkgrid_ingest_queue_messages" in text
