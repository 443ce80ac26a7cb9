"""The tap shows what a gateway sends, decoded, with units, and what could not be read."""

import json
import threading

import pytest
from paho.mqtt import publish

from parkgrid import live_telemetry
from parkgrid.live_telemetry import Wanted
from parkgrid_contract.announcement import Birth, Device, encode_birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Quality, Sample
from parkgrid_contract.telemetry import Batch, encode_batch
from parkgrid_servers import broker as launcher

BASE = "parkgrid/v1/gaoxin-nan/gw-1"
# 2026-03-01 04:00:00 UTC is noon in Shenzhen.
NOON_MS = 1_772_337_600_000
BIRTH = encode_birth(
    Birth("0.1", 7, NOON_MS, (Device("pv-1", "pv_inverter", ("active_power_kw",)), Device("m-1", "meter", ()))),
)
SAMPLES = (
    Sample("pv-1", NOON_MS, {"active_power_kw": 12.5}, {"active_power_kw": Quality.ESTIMATED}),
    Sample("m-1", NOON_MS + 250, {"active_power_kw": -3.25, "energy_import_kwh": 10.0}),
)


def _messages(*, backlog: bool = False):
    yield f"{BASE}/birth", BIRTH
    yield f"{BASE}/telemetry", encode_batch(Batch(7, 1, 1, backlog, SAMPLES))


def test_a_line_names_time_device_value_unit_and_quality():
    assert list(live_telemetry.lines(_messages(), Wanted(), as_json=False)) == [
        "2026-03-01 12:00:00.000  gaoxin-nan/gw-1/pv-1  active_power_kw=12.5kW (estimated)",
        "2026-03-01 12:00:00.250  gaoxin-nan/gw-1/m-1  active_power_kw=-3.25kW  energy_import_kwh=10kWh",
    ]


def test_json_lines_are_the_wire_form_with_the_address():
    lines = live_telemetry.lines(_messages(), Wanted(device="m-1", signal="energy"), as_json=True)
    assert [json.loads(line) for line in lines] == [
        {
            "park": "gaoxin-nan",
            "gateway": "gw-1",
            "device": "m-1",
            "at": NOON_MS + 250,
            "values": {"energy_import_kwh": 10.0},
        },
    ]


def test_filters_that_match_nothing_show_nothing():
    for wanted in (Wanted(park="x"), Wanted(gateway="x"), Wanted(device="x"), Wanted(signal="soc")):
        assert list(live_telemetry.lines(_messages(), wanted, as_json=False)) == []


def test_backlog_is_shown_on_request():
    assert list(live_telemetry.lines(_messages(backlog=True), Wanted(), as_json=False)) == []
    assert len(list(live_telemetry.lines(_messages(backlog=True), Wanted(backlog=True), as_json=False))) == 2


def test_what_cannot_be_read_is_said_and_the_rest_goes_on():
    def messages():
        yield f"{BASE}/telemetry", b"not json"
        yield from _messages()

    first, *rest = live_telemetry.lines(messages(), Wanted(), as_json=False)
    assert first.startswith(f"refused  {BASE}/telemetry  batch: not_json")
    assert len(rest) == 2


def test_a_real_broker_is_listened_to(broker):
    publish.single(f"{BASE}/birth", BIRTH, qos=1, retain=True, hostname=broker.host, port=broker.port)
    payload = encode_batch(Batch(7, 1, 1, backlog=False, samples=SAMPLES))
    lines = live_telemetry.lines(live_telemetry.listen(broker.url, for_s=20), Wanted(), as_json=False)
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.1):
            publish.single(f"{BASE}/telemetry", payload, qos=1, hostname=broker.host, port=broker.port)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert "gaoxin-nan/gw-1/pv-1  active_power_kw=12.5kW (estimated)" in next(lines)
    finally:
        stop.set()
        sender.join()
        lines.close()


@pytest.fixture
def guarded(tmp_path):
    """The broker of `parkgrid up`."""
    running = launcher.start(tmp_path / "broker", gateways=[Gateway("gaoxin-nan", "gw-1")])
    yield running
    running.stop()


@pytest.mark.process
def test_the_broker_of_up_is_heard_and_the_end_of_a_connection_is_said(guarded):
    place = {"hostname": guarded.host, "port": guarded.port, "auth": guarded.login("gaoxin-nan/gw-1")}
    heard = live_telemetry.listen(guarded.url)
    publish.single(f"{BASE}/birth", BIRTH, qos=1, retain=True, **place)
    assert next(heard) == (f"{BASE}/birth", BIRTH)
    guarded.kill()
    with pytest.raises(live_telemetry.TapError, match="ended the connection"):
        next(heard)


@pytest.mark.process
def test_a_refused_login_is_an_error_with_a_remedy(guarded):
    with pytest.raises(live_telemetry.TapError, match=r"refuses 'tap'.*name:password@host"):
        next(live_telemetry.listen(f"mqtt://tap:wrong@127.0.0.1:{guarded.port}"))


def test_a_silent_broker_is_an_error_with_a_remedy(free_port):
    port = free_port()
    try:
        next(live_telemetry.listen(f"mqtt://127.0.0.1:{port}"))
    except live_telemetry.TapError as error:
        assert str(port) in str(error)
        assert "--broker" in str(error)
    else:
        raise AssertionError("a closed port was listened to")
