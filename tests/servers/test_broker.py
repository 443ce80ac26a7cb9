"""Every step of the chain: a given broker, mosquitto, amqtt; each delivers, keeps what is retained, ends when told."""

import queue

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt import publish

from parkgrid_contract.broker_probe import answers
from parkgrid_contract.identity import Gateway
from parkgrid_servers import broker, shared_subscriptions
from parkgrid_servers.broker import BrokerStartError

pytestmark = pytest.mark.process


@pytest.fixture(params=["mosquitto", "amqtt"])
def running(request, tmp_path):
    if request.param == "mosquitto" and broker.find_mosquitto() is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    started = broker.start(tmp_path, prefer=request.param)
    yield started
    started.stop()


def test_it_delivers_what_is_retained_and_what_is_large(running):
    payload = b"x" * 500_000
    publish.single("parkgrid/v1/p/g/birth", payload, qos=1, retain=True, hostname=running.host, port=running.port)
    arrived: queue.Queue[bytes] = queue.Queue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.on_connect = lambda connected, *_: connected.subscribe("parkgrid/v1/+/+/birth", 1)
    client.on_message = lambda _client, _userdata, message: arrived.put(message.payload)
    client.connect(running.host, running.port)
    client.loop_start()
    try:
        assert arrived.get(timeout=15) == payload
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("gateways", [None, (Gateway("park", "gw-1"),)])
def test_whether_it_shares_a_subscription_is_found_out(running, tmp_path, gateways):
    asked = running if gateways is None else broker.start(tmp_path / "logins", prefer=running.kind, gateways=gateways)
    try:
        assert shared_subscriptions.are_there(asked) is (running.kind == "mosquitto")
    finally:
        asked.stop()
    assert not shared_subscriptions.are_there(asked), "one that is gone shares nothing"


def test_it_ends_when_told_and_nobody_answers_any_more(running):
    assert answers(running.host, running.port)
    running.stop()
    assert running.child.returncode in {0, -15}
    assert not answers(running.host, running.port)


def test_it_comes_back_on_its_port_after_a_kill(running, tmp_path):
    running.kill()
    again = broker.start(tmp_path, running.port, running.kind)
    try:
        assert again.port == running.port
        assert again.pid != running.pid
    finally:
        again.stop()


def test_without_mosquitto_amqtt_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(broker, "find_mosquitto", lambda: None)
    started = broker.start(tmp_path)
    try:
        assert started.kind == "amqtt"
    finally:
        started.stop()


def test_without_any_the_remedies_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(broker, "find_mosquitto", lambda: None)
    with pytest.raises(BrokerStartError, match="apt install mosquitto"):
        broker.start(tmp_path, prefer="mosquitto")
    monkeypatch.setattr(broker.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(BrokerStartError, match=r"amqtt==0\.12\.1.*--mqtt-url"):
        broker.start(tmp_path)


def test_a_given_broker_is_used_and_left_alone(running, tmp_path):
    given = broker.start(tmp_path / "none", url=f"mqtt://me:p%40ss@{running.host}:{running.port}")
    assert (given.kind, given.port, given.pid) == ("url", running.port, None)
    assert given.login("ingest") == {"username": "me", "password": "p@ss"}
    assert "p@ss" not in repr(given)
    assert "tls" not in given.settings("ingest")
    given.stop()
    given.kill()
    assert answers(running.host, running.port)


@pytest.mark.parametrize("url", ["http://host", "mqtt://", "mqtt://127.0.0.1:1"])
def test_an_address_that_leads_nowhere_is_refused(url, tmp_path):
    with pytest.raises(BrokerStartError):
        broker.start(tmp_path, url=url)


def test_mosquitto_is_bounded_and_closed_to_others(tmp_path):
    if broker.find_mosquitto() is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    started = broker.start(tmp_path, prefer="mosquitto")
    started.stop()
    lines = (tmp_path / "mosquitto.conf").read_text().splitlines()
    assert f"listener {started.port} 127.0.0.1" in lines
    for name in ("max_queued_messages", "max_queued_bytes", "max_packet_size", "max_inflight_messages"):
        assert any(line.startswith(f"{name} ") and int(line.split()[1]) > 0 for line in lines)
