"""What one sender makes dear is counted before it is done: its batches wait for its share of time, nobody else's do."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.topics import Channel, topic
from parkgrid_ingest.admission import oddity_s
from parkgrid_ingest.decode import Reading
from parkgrid_ingest.inbox import Message
from parkgrid_ingest.metrics import Metrics
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.settings import AdmissionSettings, QuotaSettings
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.writer import Writer
from tests.ingest.chain import query

EPOCH = 1_790_000_000 * 2**20
DEAR, PLAIN = Gateway("park-x", "gw-x"), Gateway("park-1", "gw-1")
SIGNALS = [signal.name for signal in CATALOGUE["meter"].signals]
SENT = 40


@dataclass
class Heard:
    """The broker's side: notes what is told, in its order."""

    told: list[object] = field(default_factory=list)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self.told.append(len(messages))

    def publish_ack(self, gateway: Gateway, epoch: int, payload: bytes) -> None:  # noqa: ARG002  (the names of `Bus`)
        self.told.append(gateway)

    def flush(self) -> None:
        self.told.append("flush")

    def ask_again(self) -> None:
        raise AssertionError("nobody changed the registry")


@pytest.fixture
def writer(dsn: str) -> Iterator[Writer]:
    with closing(open_store(dsn)) as store:
        registry = Registry(store, AdmissionSettings(), QuotaSettings())
        registry.load()
        made = Writer(store, registry, Heard(), Metrics(), threading.Event())
        birth = {"agent_version": "1", "epoch": EPOCH, "at": _now_ms(), "simulated": True}
        devices = [{"device": "m-1", "class": "meter", "signals": SIGNALS, "period_s": 1.0}]
        made.process([_message(each, Channel.BIRTH, {**birth, "devices": devices}) for each in (DEAR, PLAIN)])
        yield made


def test_dear_batches_of_one_sender_do_not_come_into_one_commit(writer: Writer, dsn: str) -> None:
    dear = [_message(DEAR, Channel.TELEMETRY, _many_shapes(seq)) for seq in range(1, SENT + 1)]
    plain = _message(PLAIN, Channel.TELEMETRY, _batch(1, _now_ms(), {"active_power_kw": 1}))
    writer.process([*dear, plain])
    # A second's worth, at an eighth of a second each, and what comes in while the test itself takes its time.
    assert 1 <= _stored(dsn)[DEAR] < SENT / 2
    assert _stored(dsn)[PLAIN] == 1
    writer.process([_message(PLAIN, Channel.TELEMETRY, _batch(2, _now_ms(), {"active_power_kw": 1}))])
    assert _stored(dsn)[PLAIN] == 2


def test_who_has_used_up_his_share_is_committed_after_all_others(writer: Writer, dsn: str) -> None:
    writer.process([_message(DEAR, Channel.TELEMETRY, _many_shapes(seq)) for seq in range(1, SENT + 1)])
    before = _stored(dsn)[DEAR]
    writer.odd = type(writer.odd)()  # as if a long time had passed
    heard = writer.bus
    assert isinstance(heard, Heard)
    heard.told.clear()
    dear = _message(DEAR, Channel.TELEMETRY, _batch(SENT + 1, _now_ms(), {"active_power_kw": 1}))
    writer.process([dear, _message(PLAIN, Channel.TELEMETRY, _batch(1, _now_ms(), {"active_power_kw": 1}))])
    assert heard.told == [PLAIN, "flush", DEAR, 2, "flush"]
    assert _stored(dsn) == {DEAR: before + 1, PLAIN: 1}


def test_only_what_is_out_of_the_ordinary_is_counted() -> None:
    usual = [Reading(f"m-{n}", 1, dict.fromkeys(SIGNALS, 1.0)) for n in range(600)]
    assert oddity_s(usual) == 0
    assert oddity_s([Reading("m-1", 1, {f"n{n}": 1.0 for n in range(2_000)})]) > 0.01
    shapes = [Reading("m-1", n, {f"n{n % 50}": 1.0, f"m{n // 50}": 1.0}) for n in range(500)]
    assert oddity_s(shapes) > 0.05


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _message(gateway: Gateway, channel: Channel, document: object) -> Message:
    payload = json.dumps(document).encode()
    return Message(topic(gateway, channel), gateway, channel, payload, _now_ms(), 1, 1, 1)


def _batch(seq: int, at_ms: int, *values: dict[str, float]) -> dict[str, object]:
    samples = [{"device": "m-1", "at": at_ms - n, "values": each} for n, each in enumerate(values)]
    return {"epoch": EPOCH, "seq": seq, "floor": 1, "backlog": False, "samples": samples}


def _many_shapes(seq: int) -> dict[str, object]:
    """Five hundred readings with as many sets of signals."""
    chosen = [dict.fromkeys([name for place, name in enumerate(SIGNALS) if n >> place & 1], 1) for n in range(1, 501)]
    return _batch(seq, _now_ms() - 1_000 * seq, *chosen)


def _stored(dsn: str) -> dict[Gateway, int]:
    """Batches that are done, by gateway."""
    rows = query(dsn, "SELECT park, gateway, (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(committed) AS r)"
                      " FROM base.gateway_epoch JOIN base.park USING (park_id)")  # fmt: skip
    return {Gateway(park, gateway): int(count) for park, gateway, count in rows}
