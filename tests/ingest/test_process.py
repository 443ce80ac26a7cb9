"""Ingest as a process of its own: killed at any point, frozen, or asked to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from parkgrid_ingest.settings import IngestSettings
from parkgrid_servers.broker import RunningBroker
from tests.ingest.chain import (
    EXPECTED,
    Until,
    covered,
    forty,
    introduce,
    query,
    reasons,
    send_until_covered,
    settings_for,
    stored,
    telemetry,
)

CRASH_POINTS = (
    "ingest.received",
    "ingest.before_copy",
    "ingest.after_copy",
    "ingest.before_commit",
    "ingest.after_commit",
    "ingest.after_ack",
)


@contextmanager
def process(tmp_path: Path, settings: IngestSettings, crash_at: str = "") -> Iterator[subprocess.Popen[bytes]]:
    path = tmp_path / "ingest.toml"
    path.write_text(
        f'[mqtt]\nport = {settings.mqtt.port}\nclient_id = "{settings.mqtt.client_id}"\n'
        f'[store]\ndsn = "{settings.store.dsn}"\n',
        "utf-8",
    )
    environment = os.environ | {"PARKGRID_CRASH_AT": crash_at}
    log = (tmp_path / "ingest.log").open("ab")
    child = subprocess.Popen(
        [sys.executable, "-m", "parkgrid_ingest", "--config", str(path)], env=environment, stderr=log
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait(10)
        log.close()


# The fault rounds kill the whole chain's ingest at each of these points too.
@pytest.mark.parametrize(
    "point",
    [
        point if point == "ingest.after_commit" else pytest.param(point, marks=pytest.mark.nightly)
        for point in CRASH_POINTS
    ],
)
def test_killed_at_any_point_it_stores_everything_once(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, tmp_path: Path, point: str
) -> None:
    settings = settings_for(broker, dsn)
    batches = forty()
    introduce(peer)
    with process(tmp_path, settings, f"{point}:2") as child:
        until(lambda: query(dsn, "SELECT device FROM public.devices"), "the birth to be taken up")
        for seq, payload in batches.items():
            if child.poll() is not None:
                break
            peer.send(telemetry(), [payload])
            until(lambda seq=seq: covered(peer, [seq]) or child.poll() is not None, "an answer or the end")
        until(lambda: child.poll() is not None, f"the end at {point}")
        assert child.returncode == -signal.SIGKILL
    with process(tmp_path, settings) as child:
        send_until_covered(peer, batches, until)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 0
    assert stored(dsn) == EXPECTED
    assert query(dsn, "SELECT * FROM public.conflicts") == []
    assert reasons(dsn) == {}


def test_it_ends_cleanly_with_everything_acknowledged(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, tmp_path: Path
) -> None:
    introduce(peer)
    with process(tmp_path, settings_for(broker, dsn)) as child:
        send_until_covered(peer, forty(), until)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 0
    assert stored(dsn) == EXPECTED
    log = (tmp_path / "ingest.log").read_text("utf-8")
    assert "stopped" in log
    assert "Traceback" not in log


def test_a_frozen_instance_that_wakes_up_beside_its_replacement_doubles_nothing(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, tmp_path: Path
) -> None:
    batches = forty()
    introduce(peer)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        process(tmp_path / "a", settings_for(broker, dsn, "ingest-a")) as frozen,
        process(tmp_path / "b", settings_for(broker, dsn, "ingest-b")),
    ):
        send_until_covered(peer, {1: batches[1]}, until)
        frozen.send_signal(signal.SIGSTOP)
        send_until_covered(peer, batches, until)
        frozen.send_signal(signal.SIGCONT)
        peer.send(telemetry(), list(batches.values()))
        frozen.send_signal(signal.SIGTERM)
        assert frozen.wait(20) == 0
    assert stored(dsn) == EXPECTED
    assert query(dsn, "SELECT * FROM public.conflicts") == []
