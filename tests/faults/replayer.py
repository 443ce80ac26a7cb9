"""A broker that delivers twice and out of order, played by a client: it republishes every batch it sees, shuffled."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import paho.mqtt.client as mqtt

from parkgrid_contract.topics import Channel, subscription

_HAND = 12
"""Batches that are collected before they are dealt out again in another order."""


class Replayer:
    """Collects batches and republishes each of them twice."""

    def __init__(self, client: mqtt.Client, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._seen: set[bytes] = set()
        self._hand: list[tuple[str, bytes]] = []
        self.subscribed = threading.Event()
        self.replayed = 0

    def connected(self, *_: object) -> None:
        """Subscribe, also after a reconnection."""
        self._client.subscribe(subscription(Channel.TELEMETRY), 1)

    def received(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """Take a new batch into the hand; deal when it is full. What comes back from ourselves is known."""
        mark = sha256(message.payload).digest()
        if mark in self._seen:
            return
        self._seen.add(mark)
        self._hand.append((message.topic, message.payload))
        if len(self._hand) >= _HAND:
            self._deal()

    def _deal(self) -> None:
        cards = self._hand * 2
        self._hand = []
        self._chance.shuffle(cards)
        for topic, payload in cards:
            self._client.publish(topic, payload, 1)
            self.replayed += 1


@contextmanager
def replaying(port: int, chance: random.Random) -> Iterator[Replayer]:
    """A replayer at work on the broker behind `port`."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "fault-replayer")
    replayer = Replayer(client, chance)
    client.on_connect = replayer.connected
    client.on_subscribe = lambda *_: replayer.subscribed.set()
    client.on_message = replayer.received
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield replayer
    finally:
        client.disconnect()
        client.loop_stop()
