"""The whole agent as a process: killed at every step, small in memory, polite when told to stop."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkgrid_edge.drivers import find
from tests.edge.ingest_double import IngestDouble
from tests.edge.peer import Device, tcp_peer

pytestmark = pytest.mark.edge

MOST_MB = 45.0


def configured(folder: Path, broker_port: int, device_ports: list[int], period_s: float = 0.02) -> Path:
    lines = [
        'park = "park-1"\ngateway = "gw-1"\nhealth_s = 1.0',
        f'[outbox]\npath = "{folder}/outbox.db"\nflush_s = 0.02',
        f"[uplink]\nport = {broker_port}\nresend_s = 1.0",
        f'[ledger]\npath = "{folder}/ledger.jsonl"',
    ]
    for index, port in enumerate(device_ports):
        lines.append(f'[[devices]]\nid = "m-{index}"\ndriver = "eastron_sdm630"\nperiod_s = {period_s}')
        lines.append(f'[devices.connection]\nhost = "127.0.0.1"\nport = {port}')
    path = folder / "edge.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


@contextmanager
def agent(path: Path, crash_at: str = "") -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | ({"PARKGRID_CRASH_AT": crash_at} if crash_at else {})
    with (path.parent / "agent.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "parkgrid_edge", "--config", str(path)], stderr=log, env=environment
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def accepted_by(ledger: Path) -> dict[tuple[str, int], dict[str, float]]:
    """What the ledger says was accepted, read by its description."""
    offered: dict[int, list[dict]] = {}
    accepted: dict[tuple[str, int], dict[str, float]] = {}
    for line in ledger.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if "offered" in entry:
            assert entry["n"] not in offered
            offered[entry["n"]] = entry["offered"]
        else:
            for sample in offered[entry["n"]]:
                accepted[sample["device"], sample["at"]] = sample["values"]
    return accepted


def offered_by(ledger: Path) -> set[tuple[str, int]]:
    entries = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    return {(sample["device"], sample["at"]) for entry in entries for sample in entry.get("offered", ())}


async def until(condition, what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"timed out: {what}"
        await asyncio.sleep(0.05)


def resident(pid: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def meter() -> Device:
    words = {}
    for register in find("eastron_sdm630").registers:
        for offset in range(register.encoding.words):
            words[register.address + offset] = 0x4248 if offset == 0 else 0
    # The driver reads in blocks, so neighbours must answer too.
    return Device(dict.fromkeys(range(400), 0) | words)


POINTS = ["edge.before_commit:9", "edge.after_commit:9", "edge.after_publish:5", "edge.before_trim:2", "", "", ""]


async def test_kill_at_every_step_loses_and_invents_nothing(tmp_path, broker):
    chance = random.Random(7)
    ledger = tmp_path / "ledger.jsonl"
    async with tcp_peer({1: meter()}) as peer:
        with IngestDouble(broker.port) as ingest:
            path = configured(tmp_path, broker.port, [peer.port] * 1)
            for point in POINTS:
                before = len(accepted_by(ledger)) if ledger.exists() else 0
                with agent(path, point) as process:
                    if point:
                        await until(lambda process=process: process.poll() is not None, f"killed at {point}")
                        assert process.returncode == -signal.SIGKILL
                    else:
                        await until(lambda before=before: len(accepted_by(ledger)) > before + 5, "accepting")
                        await asyncio.sleep(chance.random() / 5)
                        process.kill()
            with agent(path) as process:
                accepted = accepted_by(ledger)
                await until(lambda: len(accepted_by(ledger)) > len(accepted) + 5, "accepting again")
                await until(lambda: set(accepted) <= set(ingest.stored), "everything accepted is stored")
                process.send_signal(signal.SIGTERM)
                await until(lambda: process.poll() is not None, "stopped")
                assert process.returncode == 0
            accepted = accepted_by(ledger)
            await until(lambda: set(accepted) <= set(ingest.stored), "the last flush was drained")
            assert len(accepted) > 30
            assert {key: ingest.stored[key] for key in accepted} == accepted
            assert set(ingest.stored) <= offered_by(ledger)
            assert ingest.contradicted == []
            assert ingest.before_birth == 0
            assert ingest.status[-1] == (False, False)
    assert "Traceback" not in (tmp_path / "agent.log").read_text("utf-8")


async def test_a_problem_that_a_person_must_mend_is_announced_until_it_is_mended(tmp_path, broker):
    async def misnumbered(request, send):
        answer = peer.answer(request)
        await send(bytes([answer[1], answer[0]]) + answer[2:])

    def announced(ingest: IngestDouble) -> str | None:
        devices = ingest.births[-1]["devices"] if ingest.births else []
        return next((device["problem"] for device in devices if device["device"] == "m-0"), None)

    async with tcp_peer({1: meter()}) as peer:
        peer.misbehave(1, misnumbered)
        with IngestDouble(broker.port) as ingest:
            with agent(configured(tmp_path, broker.port, [peer.port], period_s=0.5)):
                await until(lambda: announced(ingest) == "other_transaction", "the problem is named")
                peer.misbehave(1, None)
                await until(lambda: announced(ingest) == "", "the problem is over")
            assert ingest.stored


async def test_fifty_devices_fit_into_a_small_gateway(tmp_path, broker):
    async with tcp_peer({1: meter()}) as first, tcp_peer({1: meter()}) as second:
        with IngestDouble(broker.port) as ingest:
            path = configured(tmp_path, broker.port, [first.port, second.port] * 25, period_s=1.0)
            with agent(path) as process:
                await until(lambda: len({device for device, _ in ingest.stored}) == 51, "all devices seen")
                await until(lambda: len(ingest.stored) > 250, "some rounds")
                resident_mb = resident(process.pid)
                health = [values for (device, _), values in ingest.stored.items() if device == "gw-1"]
                process.send_signal(signal.SIGINT)
                await until(lambda: process.poll() is not None, "stopped")
                assert process.returncode == 0
    assert resident_mb <= MOST_MB
    assert health[-1]["agent_memory_mb"] == pytest.approx(resident_mb, abs=5)
    assert health[-1]["samples_dropped"] == 0
