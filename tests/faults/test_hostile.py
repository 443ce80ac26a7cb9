"""One bad gateway harms no other: what it sends is told as its own, and the others' readings arrive in time.

`--hostile-s 600` lets it go on for ten minutes, and prints what the others felt of it.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest

from parkgrid_contract.announcement import Birth, Device, encode_birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import Batch, decode_ack, encode_batch
from parkgrid_contract.topics import Channel, topic
from parkgrid_servers import broker as launcher
from parkgrid_servers import process
from parkgrid_servers.broker import RunningBroker
from parkgrid_servers.broker_access import INGEST
from tests.faults.hostile import birth as hostile_birth
from tests.faults.hostile import messages
from tests.faults.system import Ingest, end
from tests.ingest.chain import query
from tests.ingest.conftest import Peer, connect_peer, wait_until

HOSTILE = Gateway("park-x", "gw-x")
HONEST = tuple(Gateway(f"park-{park}", f"gw-{gateway}") for park in (1, 2) for gateway in (1, 2))
EPOCH = 1_790_000_000 * 2**20
_EVERY_S = 0.25
_AGAIN_S = 10.0
_MOST_MB = 400.0


@dataclass(slots=True)
class Honest:
    """A gateway that sends a reading of five devices four times a second, again after ten seconds of silence."""

    gateway: Gateway
    peer: Peer
    sent: dict[int, float] = field(default_factory=dict)
    lags_s: list[float] = field(default_factory=list)
    waiting: dict[int, tuple[float, bytes]] = field(default_factory=dict)

    def announce(self) -> None:
        devices = tuple(Device(f"m-{n}", "meter", ("active_power_kw",)) for n in range(5))
        self.peer.client.publish(
            topic(self.gateway, Channel.BIRTH), encode_birth(Birth("1", EPOCH, _now_ms(), devices)), 1, retain=True
        )

    def send(self) -> None:
        """The next batch, and what was not acknowledged in time."""
        now_s = time.monotonic()
        seq, at_ms = len(self.sent) + 1, _now_ms()
        samples = tuple(Sample(f"m-{n}", at_ms, {"active_power_kw": float(seq)}) for n in range(5))
        self.sent[seq] = now_s
        self.waiting[seq] = (now_s, encode_batch(Batch(EPOCH, seq, 1, False, samples)))
        self.send_again(seq)

    def send_again(self, new: int = 0) -> bool:
        """Send what waits for too long, and what is new; whether anything waits."""
        now_s = time.monotonic()
        for number, (at_s, payload) in list(self.waiting.items()):
            if number == new or now_s - at_s > _AGAIN_S:
                self.waiting[number] = (now_s, payload)
                self.peer.client.publish(topic(self.gateway, Channel.TELEMETRY), payload, 1)
        return bool(self.waiting)

    def hear(self, payload: bytes) -> None:
        """An acknowledgement: how long each batch took."""
        ack, now_s = decode_ack(payload), time.monotonic()
        for seq in [seq for seq in list(self.waiting) if ack.epoch == EPOCH and ack.covers(seq)]:
            del self.waiting[seq]
            self.lags_s.append(now_s - self.sent[seq])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def _honest(broker: RunningBroker, stop: threading.Event) -> Iterator[list[Honest]]:
    """All of them, each with its own login, sending in its own time."""
    with ExitStack() as stack:
        gateways = []
        for each in HONEST:
            peer = stack.enter_context(closing(connect_peer(broker, topic(each, Channel.ACK), login=str(each))))
            gateways.append(Honest(each, peer))

        def work() -> None:
            while not stop.wait(_EVERY_S):
                for each in gateways:
                    each.send()

        for each in gateways:
            each.peer.client.on_message = lambda _client, _data, message, mine=each: mine.hear(message.payload)
            each.announce()
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield gateways
        finally:
            stop.set()
            thread.join(10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """A broker that gives each gateway its own topics, and nothing more."""
    running = launcher.start(tmp_path / "broker", gateways=[HOSTILE, *HONEST])
    try:
        yield running
    finally:
        running.stop()


def _attack(broker: RunningBroker, seconds: float) -> int:
    """Send every bad message there is for so long, a hundred in flight; how many it were."""
    sent = 0
    with closing(connect_peer(broker, login=str(HOSTILE))) as peer:
        deadline = time.monotonic() + seconds
        for name, payload in messages(HOSTILE, EPOCH, _now_ms(), seed=1):
            last = peer.client.publish(name, payload, qos=1)
            sent += 1
            if sent % 100 == 0:
                with suppress(RuntimeError, ValueError):
                    last.wait_for_publish(5.0)
            if time.monotonic() > deadline:
                return sent
    raise AssertionError("the messages came to an end")


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1_000
    raise AssertionError("no VmRSS")


def test_a_hostile_gateway_is_told_by_name_and_keeps_nobody_waiting(
    broker: RunningBroker, dsn: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = request.config.getoption("--hostile-s")
    port = process.free_port()
    ingest = Ingest("ingest", tmp_path, broker.port, dsn)
    login = "".join(f'{name} = "{text}"\n' for name, text in broker.login(INGEST).items())
    ingest.start(more=f"{login}[metrics]\nport = {port}\n")
    try:
        stop = threading.Event()
        with _honest(broker, stop) as gateways:
            wait_until(lambda: all(each.lags_s for each in gateways), "the first readings", 60.0)
            before = [lag for each in gateways for lag in each.lags_s]
            for each in gateways:
                each.lags_s.clear()
            assert ingest.child is not None
            memory_mb, sent = [_memory_mb(ingest.child.pid)], 0
            deadline = time.monotonic() + seconds
            while (left_s := deadline - time.monotonic()) > 0:
                sent += _attack(broker, min(left_s, 30.0))
                memory_mb.append(_memory_mb(ingest.child.pid))
            during = sorted(lag for each in gateways for lag in each.lags_s)
            stop.set()
            wait_until(lambda: sum(each.send_again() for each in gateways) == 0, "the others' readings", 60.0)
        assert ingest.child.poll() is None
        metrics = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        _quiet_again(broker, dsn)
    finally:
        end(ingest.child)
    stored = query(
        dsn, "SELECT d.park, d.gateway, count(*) FROM meter JOIN devices AS d USING (device_id) GROUP BY 1, 2"
    )
    found = {Gateway(park, gateway): count for park, gateway, count in stored}
    assert {each.gateway: found[each.gateway] for each in gateways} == {
        each.gateway: 5 * len(each.sent) for each in gateways
    }
    refused = query(dsn, "SELECT park, gateway, reason, sum(occurrences)::int8 FROM quarantine GROUP BY 1, 2, 3")
    assert {(park, gateway) for park, gateway, _, _ in refused} == {(HOSTILE.park, HOSTILE.gateway)}
    reasons = {reason: count for _, _, reason, count in refused}
    assert {"out_of_bounds", "not_text", "unknown_class", "unknown_device", "not_json"} <= set(reasons)
    assert "poison" not in reasons
    assert "Traceback" not in ingest_log(tmp_path)
    assert max(memory_mb) < _MOST_MB
    figures = {
        "seconds": seconds,
        "messages": sent,
        "others_p95_before_s": _p95(before),
        "others_p95_s": _p95(during),
        "others_most_s": round(during[-1], 2) if during else None,
        "memory_mb": [round(memory_mb[0]), round(max(memory_mb))],
        "quarantine": reasons,
        "metrics": [line for line in metrics.splitlines() if line.startswith("parkgrid_ingest_senders_total")],
        "load": os.getloadavg()[0],
    }
    with capsys.disabled():
        print(json.dumps(figures, indent=1))  # noqa: T201 - what the run was made for


def ingest_log(folder: Path) -> str:
    """What ingest said."""
    return (folder / "ingest.log").read_text()


def _quiet_again(broker: RunningBroker, dsn: str) -> None:
    """The gateway itself, mended, is heard again after all this."""
    with closing(connect_peer(broker, login=str(HOSTILE))) as peer:
        payload = hostile_birth(EPOCH + 1, _now_ms(), agent_version="mended")
        query_ = "SELECT agent_version FROM gateways WHERE gateway = 'gw-x'"
        peer.publish(topic(HOSTILE, Channel.BIRTH), payload, retain=True)
        wait_until(lambda: query(dsn, query_) == [("mended",)], "the mended gateway", 90.0)


def _p95(lags_s: list[float]) -> float | None:
    return round(sorted(lags_s)[int(0.95 * len(lags_s))], 3) if lags_s else None
