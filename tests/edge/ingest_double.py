"""A stand-in for ingest, written from the wire's description with paho and json alone: stores, acknowledges, counts."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion


class IngestDouble:
    """Keeps every sample once by (device, at), and acknowledges like the real one unless told not to."""

    def __init__(self, port: int, gateway: str = "park-1/gw-1") -> None:
        self.acknowledges = True
        self.stored: dict[tuple[str, int], dict[str, float]] = {}
        self.contradicted: list[tuple[str, int]] = []
        self.arrived: list[tuple[int, int, bool]] = []
        self.before_birth = 0
        self.births: list[dict[str, Any]] = []
        self.status: list[tuple[bool, bool]] = []
        self.results: list[dict[str, Any]] = []
        self._base = f"parkgrid/v1/{gateway}"
        self._done: dict[int, set[int]] = {}
        self._through: dict[int, int] = {}
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("parkgrid/v1/#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, channel: str, document: object, *, retain: bool = False) -> None:
        payload = document if isinstance(document, bytes) else json.dumps(document)
        self._client.publish(f"{self._base}/{channel}", payload, 1, retain)

    @property
    def epochs(self) -> list[int]:
        return list(dict.fromkeys(epoch for epoch, _, _ in self.arrived))

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        channel = message.topic.rsplit("/", 1)[1]
        if channel == "telemetry":
            self._on_batch(json.loads(message.payload))
        elif channel == "birth":
            self.births.append(json.loads(message.payload))
        elif channel == "status":
            self.status.append((json.loads(message.payload)["online"], bool(message.retain)))
        elif channel == "result":
            self.results.append(json.loads(message.payload))

    def _on_batch(self, batch: dict[str, Any]) -> None:
        epoch, seq = batch["epoch"], batch["seq"]
        self.arrived.append((epoch, seq, batch["backlog"]))
        self.before_birth += not any(birth["epoch"] == epoch for birth in self.births)
        if not self.acknowledges:
            return
        done = self._done.setdefault(epoch, set())
        if seq not in done:
            done.add(seq)
            for sample in batch["samples"]:
                key = (sample["device"], sample["at"])
                if self.stored.setdefault(key, sample["values"]) != sample["values"]:
                    self.contradicted.append(key)
        through = max(self._through.get(epoch, 0), batch["floor"] - 1)
        while through + 1 in done:
            through += 1
        self._through[epoch] = through
        beyond = [[each, each] for each in sorted(done) if each > through][:64]
        self.publish("ack", {"epoch": epoch, "through": through, "beyond": beyond}, retain=True)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Poll until something is true; fail with `what` after a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.02)
