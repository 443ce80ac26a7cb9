"""What ingest's tests share: a gateway's side of the broker, and waiting with a deadline."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from parkgrid_servers.broker import RunningBroker

PATIENCE_S = 20.0


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true result of `condition`, asked again and again until the deadline."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.01)
    return found


@dataclass(slots=True)
class Peer:
    """A client on the other side of the broker."""

    client: Client
    messages: list[MQTTMessage] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for the broker's word."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def send(self, topic: str, payloads: list[bytes]) -> None:
        """Publish many at QoS 1 and wait for all."""
        for sent in [self.client.publish(topic, payload, qos=1) for payload in payloads]:
            sent.wait_for_publish(PATIENCE_S)

    def payloads(self, topic: str) -> list[bytes]:
        """What came on a topic so far."""
        return [message.payload for message in list(self.messages) if message.topic == topic]

    def close(self) -> None:
        """Disconnect and end its thread."""
        self.client.disconnect()
        self.client.loop_stop()


def connect_peer(broker: RunningBroker, *filters: str, login: str = "") -> Peer:
    """A connected peer that has subscribed to `filters`; with a `login` of the broker's, if it asks for one."""
    peer = Peer(Client(CallbackAPIVersion.VERSION2, client_id=f"peer-{uuid4().hex[:8]}"))
    ready: list[int] = []
    peer.client.max_inflight_messages_set(1_000)
    peer.client.on_message = lambda _c, _d, message: peer.messages.append(message)
    peer.client.on_subscribe = lambda *_: ready.append(1)
    if login:
        peer.client.username_pw_set(**broker.login(login))
    peer.client.connect(broker.host, broker.port)
    peer.client.loop_start()
    wait_until(peer.client.is_connected, "the peer's connection")
    if filters:
        peer.client.subscribe([(each, 1) for each in filters])
        wait_until(lambda: ready, "the peer's subscription")
    return peer


@pytest.fixture
def peer(broker: RunningBroker) -> Iterator[Peer]:
    """A peer that hears every acknowledgement."""
    with closing(connect_peer(broker, "parkgrid/v1/+/+/ack")) as connected:
        yield connected


@pytest.fixture
def until() -> Callable[..., Any]:
    """`wait_until`, for tests."""
    return wait_until


@pytest.fixture
def new_peer() -> Callable[..., Peer]:
    """`connect_peer`, for tests that restart their broker."""
    return connect_peer
