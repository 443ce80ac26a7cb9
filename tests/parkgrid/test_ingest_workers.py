"""`parkgrid up --ingest-workers`: several processes where the broker shares, one and a word where it does not."""

import asyncio
import time
import tomllib
from pathlib import Path

import pytest

from parkgrid.local_system import LocalSystem
from parkgrid_contract.announcement import Birth, Device, encode_birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import Batch, encode_batch
from parkgrid_contract.topics import Channel, topic
from parkgrid_servers import broker
from parkgrid_servers.broker_access import INGEST_WORKERS
from tests.ingest.chain import query
from tests.ingest.conftest import connect_peer

GATEWAY = Gateway("park", "gw-1")
BATCHES = 30
pytestmark = pytest.mark.process


def started(folder: Path, dsn: str, workers: int) -> tuple[list[str], list[str]]:
    """Which parts run, and what was said; a gateway's batches are stored meanwhile."""
    said: list[str] = []

    async def run() -> list[str]:
        system = LocalSystem(folder, lambda name, what, _: said.append(f"{name}: {what}"))
        try:
            await system.start_database(dsn)
            await system.start_broker(None, [GATEWAY])
            await system.start_ingest(workers)
            await asyncio.to_thread(stores, system.broker, dsn)
            return [part.name for part in system.supervisor.parts]
        finally:
            await system.supervisor.close()

    return asyncio.run(run()), said


def stores(running: broker.RunningBroker | None, dsn: str) -> None:
    assert running is not None
    now_ms = time.time_ns() // 1_000_000
    device = Device("m-1", "meter", ("active_power_kw",))
    peer = connect_peer(running, login=str(GATEWAY))
    peer.publish(topic(GATEWAY, Channel.BIRTH), encode_birth(Birth("1", 1, now_ms, (device,))), retain=True)
    deadline = time.monotonic() + 30
    while query(dsn, "SELECT count(*) FROM public.meter") != [(BATCHES,)]:
        assert time.monotonic() < deadline
        for seq in range(1, BATCHES + 1):
            samples = (Sample("m-1", now_ms - seq * 1_000, {"active_power_kw": float(seq)}),)
            peer.publish(topic(GATEWAY, Channel.TELEMETRY), encode_batch(Batch(1, seq, 1, False, samples)))
        time.sleep(0.5)
    peer.close()


@pytest.mark.skipif(broker.find_mosquitto() is None, reason="mosquitto is not installed")
def test_several_workers_have_a_login_and_a_metrics_port_each(server_dir, dsn):
    parts, said = started(server_dir, dsn, 2)
    assert sorted(parts) == ["broker", *INGEST_WORKERS[:2]]
    one, other = (tomllib.loads((server_dir / f"{name}.toml").read_text("utf-8")) for name in INGEST_WORKERS[:2])
    assert one["mqtt"]["share"] == other["mqtt"]["share"]
    assert len(one["mqtt"]["share"]) > len("ingest-") + 12, "nobody who may read telemetry can guess it"
    for key in ("username", "password", "client_id"):
        assert one["mqtt"][key] != other["mqtt"][key]
    assert one["metrics"]["port"] != other["metrics"]["port"]
    assert not any("one worker" in each for each in said)


def test_on_a_broker_that_does_not_share_one_runs_and_a_word_says_so(server_dir, dsn, monkeypatch):
    monkeypatch.setattr(broker, "find_mosquitto", lambda: None)
    parts, said = started(server_dir, dsn, 3)
    assert parts == ["broker", "ingest"]
    assert "ingest: one worker and not 3: the broker has no shared subscriptions" in said
    assert "share" not in tomllib.loads((server_dir / "ingest.toml").read_text("utf-8"))["mqtt"]


def test_one_worker_asks_nothing_and_keeps_its_messages_at_the_broker(server_dir, dsn):
    parts, _ = started(server_dir, dsn, 1)
    assert parts == ["broker", "ingest"]
    assert "share" not in tomllib.loads((server_dir / "ingest.toml").read_text("utf-8"))["mqtt"]
