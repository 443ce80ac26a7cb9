"""The broker of the fixture `parkgrid_broker`, where mosquitto is not installed."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from paho.mqtt import publish, subscribe

from parkgrid_contract.broker_probe import listens
from parkgrid_simulators import broker

pytestmark = pytest.mark.process


def test_amqtt_takes_the_place_of_mosquitto(tmp_path) -> None:
    with broker.start_broker(tmp_path, prefer="amqtt") as running:
        assert running.kind == "amqtt"
        place = {"hostname": running.host, "port": running.port}
        publish.single("a/b", b"1", qos=1, retain=True, **place)
        assert subscribe.simple("a/#", **place).payload == b"1"
    assert not listens(running.host, running.port)


def test_none_at_all_is_explained_with_the_commands(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(broker, "find_mosquitto", lambda: None)
    monkeypatch.setattr(broker.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(broker.BrokerMissingError, match=r'apt install mosquitto.*"parkgrid-simulators\[broker\]"'):
        broker.start_broker(tmp_path)


def test_it_outlives_the_thread_that_started_it(tmp_path) -> None:
    with ThreadPoolExecutor(1) as workers:
        running = workers.submit(broker.start_broker, tmp_path).result()
    with running:
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(1)
        assert listens(running.host, running.port)
    assert not listens(running.host, running.port)


_STARTS_ONE = """
import sys
from pathlib import Path
from parkgrid_simulators.broker import start_broker
print(start_broker(Path(sys.argv[1])).port, flush=True)
sys.stdin.read()
"""


def test_it_ends_with_a_run_that_is_killed(tmp_path) -> None:
    command = [sys.executable, "-c", _STARTS_ONE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        port = int(run.stdout.readline())
        assert listens("127.0.0.1", port)
        run.kill()
    deadline = time.monotonic() + 30
    while listens("127.0.0.1", port):
        assert time.monotonic() < deadline, "the broker outlived the run that started it"
        time.sleep(0.05)
