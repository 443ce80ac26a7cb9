"""The MQTT side against a real broker: nothing is acknowledged before its time, nothing piles up, and it comes back."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, decode_ack, encode_ack
from parkgrid_contract.time import SystemClock
from parkgrid_contract.topics import Channel
from parkgrid_ingest import broker_probe
from parkgrid_ingest.consumer import Consumer
from parkgrid_ingest.inbox import Inbox, Message
from parkgrid_ingest.settings import MqttSettings
from parkgrid_servers import broker as launcher
from parkgrid_servers.broker import RunningBroker

GATEWAY = Gateway("park", "gw-1")
TELEMETRY = "parkgrid/v1/park/gw-1/telemetry"
Until = Callable[..., Any]


@contextmanager
def consuming(broker: RunningBroker, inbox: Inbox, **settings: Any) -> Iterator[Consumer]:
    consumer = Consumer(MqttSettings(host=broker.host, port=broker.port, **settings), inbox, SystemClock())
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop()


def roomy() -> Inbox:
    return Inbox(10_000, 10_000_000)


def collect(inbox: Inbox, count: int, until: Until) -> list[Message]:
    taken: list[Message] = []
    until(lambda: taken.extend(inbox.take(10_000_000, 0.05)) or len(taken) >= count, f"{count} messages")
    return taken


def test_retained_births_arrive_before_telemetry(broker: RunningBroker, peer: Any, until: Until) -> None:
    inbox = roomy()
    peer.publish("parkgrid/v1/park/gw-1/birth", b"born", retain=True)
    with consuming(broker, inbox) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        peer.publish(TELEMETRY, b"one")
        birth, batch = collect(inbox, 2, until)
    assert (birth.channel, birth.gateway, birth.payload) == (Channel.BIRTH, GATEWAY, b"born")
    assert (batch.channel, batch.gateway, batch.payload) == (Channel.TELEMETRY, GATEWAY, b"one")
    assert (birth.retained, batch.retained) == (True, False)


def test_a_last_will_is_news_once_and_then_what_the_broker_kept(broker: RunningBroker, peer: Any, until: Until) -> None:
    inbox, again = roomy(), roomy()
    with consuming(broker, inbox) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        peer.publish("parkgrid/v1/park/gw-1/status", b"gone", retain=True)
        (news,) = collect(inbox, 1, until)
        consumer.acknowledge([news])
    with consuming(broker, again):
        (kept,) = collect(again, 1, until)
    assert (news.payload, news.retained, kept.payload, kept.retained) == (b"gone", False, b"gone", True)


def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(
    broker: RunningBroker, peer: Any, until: Until
) -> None:
    inbox = roomy()
    with consuming(broker, inbox) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        peer.send(TELEMETRY, [b"kept", b"lost"])
        kept, lost = collect(inbox, 2, until)
        consumer.acknowledge([kept])
    again = roomy()
    with consuming(broker, again):
        (message,) = collect(again, 1, until)
        assert message.payload == b"lost" == lost.payload
        with pytest.raises(AssertionError):
            until(lambda: again.messages, "anything more", 0.3)


def test_what_was_sent_while_nobody_listened_is_delivered(broker: RunningBroker, peer: Any, until: Until) -> None:
    with consuming(broker, roomy()) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
    peer.send(TELEMETRY, [b"%d" % number for number in range(300)])
    inbox = roomy()
    with consuming(broker, inbox) as consumer:
        taken = collect(inbox, 300, until)
        consumer.acknowledge(taken)
    assert [int(message.payload) for message in taken] == list(range(300))


def test_a_full_inbox_leaves_the_rest_with_the_broker_and_the_connection_alive(
    broker: RunningBroker, peer: Any, until: Until
) -> None:
    inbox = Inbox(max_messages=50, max_bytes=10_000_000)
    with consuming(broker, inbox, keepalive_s=1) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        peer.send(TELEMETRY, [b"%d" % number for number in range(400)])
        until(lambda: inbox.full, "a full inbox")
        # More than three keep-alive intervals in which no answer of the broker is read.
        until(lambda: consumer.paused_s > 4.0, "a long pause")
        assert inbox.messages <= 51
        assert consumer.connected
        seen: list[bytes] = []
        while len(seen) < 400:
            taken = collect(inbox, 1, until)
            seen += [message.payload for message in taken]
            consumer.acknowledge(taken)
        assert consumer.reconnects == 0
    assert [int(payload) for payload in seen] == list(range(400))


@pytest.mark.timing
@pytest.mark.process
def test_it_works_at_the_twenty_messages_that_a_broker_allows_by_default(
    tmp_path: Path, new_peer: Any, until: Until
) -> None:
    program = launcher.find_mosquitto()
    if program is None:
        pytest.skip("mosquitto is not here")
    narrow = launcher.start(tmp_path / "narrow", prefer="mosquitto")
    narrow.stop()
    configuration = tmp_path / "narrow" / "mosquitto.conf"
    text = configuration.read_text("utf-8").replace("max_inflight_messages 1000", "max_inflight_messages 20")
    configuration.write_text(text, "utf-8")
    child = launcher.run([program, "-c", str(configuration)], tmp_path / "narrow", narrow.port)
    try:
        inbox = roomy()
        with consuming(child, inbox) as consumer:
            until(lambda: consumer.connected, "the subscriptions")
            sender = new_peer(child)
            sender.send(TELEMETRY, [b"%d" % number for number in range(1_000)])
            taken: list[Message] = []
            started = time.monotonic()
            while len(taken) < 1_000:
                part = inbox.take(10_000_000, 5.0, 0.02)
                assert part
                taken += part
                consumer.acknowledge(part)
            assert time.monotonic() - started < 10.0
            sender.close()
        assert [int(message.payload) for message in taken] == list(range(1_000))
    finally:
        child.stop()


@contextmanager
def guarded(folder: Path, access: str) -> Iterator[tuple[RunningBroker, Callable[[str], None]]]:
    """A broker with an access list, and how to give it another one while it runs."""
    program = launcher.find_mosquitto()
    if program is None:
        pytest.skip("mosquitto is not here")
    first = launcher.start(folder, prefer="mosquitto")
    first.stop()
    configuration, rules = folder / "mosquitto.conf", folder / "access"
    configuration.write_text(f"{configuration.read_text('utf-8')}\nacl_file {rules}\n", "utf-8")
    rules.write_text(f"{access}\n", "utf-8")
    rules.chmod(0o600)
    child = launcher.run([program, "-c", str(configuration)], folder, first.port)

    def grant(access: str) -> None:
        rules.write_text(f"{access}\n", "utf-8")
        assert child.child is not None
        child.child.send_signal(signal.SIGHUP)

    try:
        yield child, grant
    finally:
        child.stop()


@pytest.mark.process
def test_a_broker_that_hands_nothing_over_is_left_and_asked_again(
    tmp_path: Path, new_peer: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_probe, "AFTER_S", 0.3)
    monkeypatch.setattr(broker_probe, "PATIENCE_S", 0.6)
    with guarded(tmp_path / "broker", "topic readwrite #") as (broker, grant):
        inbox = roomy()
        with consuming(broker, inbox) as consumer:
            until(lambda: consumer.connected, "the subscriptions")
            sender = new_peer(broker)
            sender.send(TELEMETRY, [b"before"])
            consumer.acknowledge(collect(inbox, 1, until))
            time.sleep(1.5)
            assert consumer.reconnects == 0, "it is quiet, and echoes come back"
            grant("topic write #")
            until(lambda: consumer.reconnects >= 1, "a new connection")
            grant("topic readwrite #")
            until(lambda: consumer.connected, "the return")
            sender.send(TELEMETRY, [b"after"])
            assert [message.payload for message in collect(inbox, 1, until)] == [b"after"]
            sender.close()


@pytest.mark.process
def test_a_broker_that_allows_no_echo_is_not_left(
    tmp_path: Path, new_peer: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_probe, "AFTER_S", 0.1)
    monkeypatch.setattr(broker_probe, "PATIENCE_S", 0.2)
    access = "topic readwrite parkgrid/v1/+/+/telemetry\ntopic deny parkgrid/v1/-/-/echo"
    with guarded(tmp_path / "broker", access) as (broker, _):
        inbox = roomy()
        with consuming(broker, inbox) as consumer:
            until(lambda: consumer.connected, "the subscriptions")
            time.sleep(1.5)
            sender = new_peer(broker)
            sender.send(TELEMETRY, [b"one"])
            collect(inbox, 1, until)
            sender.close()
            assert consumer.reconnects == 0


def test_it_comes_back_after_the_broker_was_killed(
    tmp_path: Path, free_port: Callable[[], int], new_peer: Any, until: Until
) -> None:
    port = free_port()
    first = launcher.start(tmp_path / "one", port)
    inbox = roomy()
    with consuming(first, inbox) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        sender = new_peer(first)
        sender.send(TELEMETRY, [b"before"])
        stale = collect(inbox, 1, until)
        first.kill()
        sender.close()
        until(lambda: not consumer.connected, "the loss")
        # Another folder: the broker has forgotten session, messages and subscriptions.
        second = launcher.start(tmp_path / "two", port)
        try:
            until(lambda: consumer.connected, "the return")
            other = new_peer(second, "parkgrid/v1/+/+/ack")
            other.send(TELEMETRY, [b"after"])
            fresh = collect(inbox, 1, until)
            consumer.acknowledge(stale)
            consumer.publish_ack(GATEWAY, 7, encode_ack(Ack(7, 3)))
            consumer.acknowledge(fresh)
            until(lambda: other.messages, "the acknowledgement")
            assert [message.payload for message in fresh] == [b"after"]
            assert stale[0].connection != fresh[0].connection
            other.close()
        finally:
            consumer.stop()
            second.stop()


def test_acknowledgements_are_retained_and_the_newest_epoch_stands_last(
    broker: RunningBroker, peer: Any, until: Until, new_peer: Any
) -> None:
    with consuming(broker, roomy()) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        for through in range(50):
            consumer.publish_ack(GATEWAY, 9, encode_ack(Ack(9, through)))
        consumer.publish_ack(GATEWAY, 8, encode_ack(Ack(8, 4)))
        consumer.flush()
        until(lambda: len(peer.messages) >= 2, "both epochs")
    assert len(peer.messages) < 50
    late = new_peer(broker, "parkgrid/v1/park/gw-1/ack")
    until(lambda: late.messages, "the retained acknowledgement")
    assert decode_ack(late.messages[0].payload) == Ack(9, 49)
    late.close()


@pytest.mark.parametrize(
    "topic",
    [
        "parkgrid/v1/PARK/gw-1/telemetry",
        "parkgrid/v1/../gw-1/telemetry",
        "parkgrid/v1/park/%67w/telemetry",
        "parkgrid/v1/园区/gw-1/telemetry",
        "parkgrid/v1//gw-1/telemetry",
        "parkgrid/v1/" + "p" * 5_000 + "/gw-1/telemetry",
    ],
)
def test_a_strange_topic_arrives_without_an_identity(
    broker: RunningBroker, peer: Any, until: Until, topic: str
) -> None:
    inbox = roomy()
    with consuming(broker, inbox) as consumer:
        until(lambda: consumer.connected, "the subscriptions")
        peer.send(topic, [b"x"])
        peer.send(TELEMETRY, [b"neighbour"])
        strange, neighbour = collect(inbox, 2, until)
        if strange.gateway is not None:
            strange, neighbour = neighbour, strange
    assert (strange.gateway, strange.channel) == (None, None)
    assert neighbour.gateway == GATEWAY


def test_a_broker_that_is_not_there_is_waited_for(tmp_path: Path, free_port: Callable[[], int], until: Until) -> None:
    port = free_port()
    consumer = Consumer(MqttSettings(port=port), roomy(), SystemClock())
    consumer.start()
    until(lambda: consumer.reconnects >= 2, "two attempts")
    late = launcher.start(tmp_path / "late", port)
    try:
        until(lambda: consumer.connected, "the connection")
    finally:
        consumer.stop()
        late.stop()
