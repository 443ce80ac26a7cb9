"""The load of a write benchmark as a process of its own: payloads are made first, then sent on a word.

    bench ──spec──▶ load: makes payloads ──"ready"──▶ bench ──"go"──▶ load: publishes ──result──▶ bench

Times are of the monotonic clock, which all processes of a machine share.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from parkgrid_bench.plant import MeteredSpan, payloads
from parkgrid_bench.wire import Publisher, pace
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import RefusedError
from parkgrid_contract.telemetry import decode_ack
from parkgrid_contract.topics import Channel, topic


@dataclass(frozen=True, slots=True)
class Spec:
    """What to send."""

    host: str
    port: int
    spans: tuple[MeteredSpan, ...]
    rows_in_batch: int
    batches_per_s: float | None = None
    """Steady rate over all gateways with latencies taken; None sends everything as quickly as it goes."""

    def as_json(self) -> str:
        """One line of text."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Sent:
    """What happened."""

    started: float
    finished: float
    cpu_s: float
    latencies_ms: tuple[float, ...] = ()
    """From the publication of each batch to the arrival of an acknowledgement that covers it."""
    longest_gap_ms: float = 0.0
    """Longest time without any acknowledgement."""


def main() -> None:
    """Serve one specification from standard input."""
    spec = _spec(json.loads(sys.stdin.readline()))
    made = [list(payloads(span, spec.rows_in_batch)) for span in spec.spans]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    cpu_s = time.process_time()
    sent = _flood(spec, made) if spec.batches_per_s is None else _steady(spec, made, spec.batches_per_s)
    sys.stdout.write(json.dumps(asdict(sent) | {"cpu_s": time.process_time() - cpu_s}) + "\n")


def _flood(spec: Spec, made: list[list[bytes]]) -> Sent:
    publishers = [Publisher(spec.host, spec.port, f"bench-load-{number}") for number in range(len(made))]
    topics = [topic(span.gateway, Channel.TELEMETRY) for span in spec.spans]
    started = time.monotonic()
    for together in zip(*made, strict=True):
        for publisher, name, payload in zip(publishers, topics, together, strict=True):
            publisher.publish(name, payload)
    for publisher, name in zip(publishers, topics, strict=True):
        publisher.publish_all(name, ())
        publisher.close()
    return Sent(started, time.monotonic(), 0.0)


def _steady(spec: Spec, made: list[list[bytes]], rate: float) -> Sent:
    """One gateway at a steady rate: the time of each batch until its acknowledgement is seen."""
    [span], [batches] = spec.spans, made
    publisher = Publisher(spec.host, spec.port, "bench-steady")
    sent_at: list[float] = []
    seen_at: list[float] = []

    def acknowledged(_topic: bytes, payload: bytes) -> None:
        try:
            ack = decode_ack(payload)
        except RefusedError:
            return
        now = time.monotonic()
        while ack.epoch == span.epoch and len(seen_at) < len(sent_at) and ack.covers(span.first_seq + len(seen_at)):
            seen_at.append(now)

    publisher.subscribe(topic(span.gateway, Channel.ACK), acknowledged)
    name = topic(span.gateway, Channel.TELEMETRY)
    started = time.monotonic()
    for due, payload in zip(pace(rate), batches, strict=False):
        while (left := due - time.monotonic()) > 0:
            publisher.read(left)
        sent_at.append(time.monotonic())
        publisher.publish(name, payload)
    deadline = time.monotonic() + 30
    while len(seen_at) < len(sent_at) and time.monotonic() < deadline:
        publisher.read(0.1)
    publisher.close()
    latencies = [(seen - sent) * 1_000 for sent, seen in zip(sent_at, seen_at, strict=False)]
    gap = float(np.diff(np.unique(np.array(seen_at))).max() * 1_000) if len(seen_at) > 1 else float("inf")
    return Sent(started, time.monotonic(), 0.0, tuple(latencies), gap)


def _spec(document: dict[str, Any]) -> Spec:
    spans = tuple(MeteredSpan(**(span | {"gateway": Gateway(**span["gateway"])})) for span in document["spans"])
    return Spec(**(document | {"spans": spans}))


if __name__ == "__main__":
    main()
