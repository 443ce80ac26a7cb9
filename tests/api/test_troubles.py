"""What is out of order is named by its cause, with since when; what follows from it is not listed beside it."""

import json
from typing import Any

import pytest

from parkgrid_api.chain import Chain, Signs
from parkgrid_api.demonstration import Demonstration, Told
from parkgrid_api.live import Reading
from parkgrid_api.troubles import Trouble, troubles

NOW = 1_795_392_000_000
RUNNING = Chain("running", None, "connected", "storing", NOW - 3_600_000)


def at(ago_s: float) -> int:
    return NOW - round(ago_s * 1000)


def device(
    name: str,
    age_s: float | None,
    *,
    gateway: str = "gw-1",
    kind: str = "meter",
    period_s: float = 1,
    behind_s: float = 0,
) -> Reading:
    """A device whose newest reading arrived `age_s` ago, from a gateway whose clock is `behind_s` behind."""
    received = None if age_s is None else at(age_s)
    stamp = None if age_s is None else at(age_s + behind_s)
    return Reading(gateway, name, kind, f"name of {name}", period_s, False, stamp, received, {}, {})


def gateway(name: str = "gw-1", seen_s: float | None = 0.5, **more: Any) -> dict[str, Any]:
    row = {
        "park": "a",
        "gateway": name,
        "online": True,
        "imported": False,
        "health_period_s": 10.0,
        "clock_refused_ms": None,
    }
    return {**row, "last_seen_ms": None if seen_s is None else at(seen_s), **more}


def found(readings: list[Reading], *gateways: dict[str, Any], chain: Chain = RUNNING) -> list[Trouble]:
    return troubles(readings, gateways or (gateway(),), chain, NOW)


def test_nothing_is_out_of_order() -> None:
    assert found([device("a", 1), device("b", 4.9), device("slow", 100, period_s=60)]) == []
    # Unknown parts are not blamed.
    assert found([device("a", 1)], chain=Chain()) == []


def test_one_silent_device_is_named_with_the_instant_of_its_last_reading() -> None:
    [one] = found([device("a", 1), device("b", 42)])
    assert one == Trouble("device_silent", "gw-1", at(42), 1, 2, ({"device": "b", "name": "name of b"},))
    [never] = found([device("a", 1), device("b", None)])
    assert (never.kind, never.since_ms) == ("device_silent", None)


def test_of_many_silent_devices_a_few_are_named_and_all_are_counted() -> None:
    [one] = found([device("a", 1), *(device(f"b{number}", 30 + number) for number in range(400))])
    assert (one.count, one.of, len(one.devices), one.since_ms) == (400, 401, 5, at(429))


@pytest.mark.parametrize(
    ("silent_s", "seen_s", "kind"),
    [
        (6, 6, "gateway_quiet"),  # nothing came since: device or gateway, nobody knows yet
        (12, 11, "gateway_quiet"),  # its health may have come in the same second as the last reading
        (12, 4, "devices_silent"),  # heard long after its devices fell silent
        (300, 9, "devices_silent"),
        (16, 16, "gateway_silent"),  # its health is missed, too
        (60, 60, "gateway_silent"),
    ],
)
def test_a_gateway_without_readings_is_told_from_one_without_devices(silent_s: float, seen_s: float, kind: str) -> None:
    [one] = found([device("a", silent_s), device("b", silent_s)], gateway(seen_s=seen_s))
    assert (one.kind, one.gateway) == (kind, "gw-1")
    assert one.since_ms == at(seen_s if kind == "gateway_silent" else silent_s)


def test_devices_that_fall_silent_one_after_the_other_are_one_silence() -> None:
    """At the fifth second some are older than two periods and some are not yet: nobody is told apart by that."""
    readings = [device("a", 5.2), device("b", 4.6)]
    assert [one.kind for one in found(readings, gateway(seen_s=4.6))] == ["gateway_quiet"]
    [one] = found(readings, gateway(seen_s=1))
    assert (one.kind, one.count) == ("devices_silent", 2)


def test_a_gateway_of_slow_devices_is_not_missed_before_they_are_due() -> None:
    slow = [device("a", 100, period_s=900)]
    assert found(slow, gateway(seen_s=100, health_period_s=None)) == []
    assert found(slow, gateway(seen_s=9)) == []
    # Its health, every ten seconds, is missed; its readings are not due yet.
    assert found(slow, gateway(seen_s=100)) == []


@pytest.mark.parametrize("behind_s", [600, 90, 0, -240])
def test_since_when_is_never_told_by_a_gateways_own_clock(behind_s: float) -> None:
    gone = [device("a", 90, behind_s=behind_s), device("b", 91, behind_s=behind_s)]
    [off] = found(gone, gateway(online=False, seen_s=89))
    assert (off.kind, off.since_ms) == ("gateway_offline", at(89))
    [silent] = found(gone, gateway(seen_s=89))
    assert (silent.kind, silent.since_ms) == ("gateway_silent", at(89))
    [devices] = found(gone, gateway(seen_s=1))
    assert (devices.kind, devices.since_ms) == ("devices_silent", at(90))
    [one] = found([device("a", 1, behind_s=behind_s), device("b", 42, behind_s=behind_s)], gateway(seen_s=1))
    assert (one.kind, one.since_ms, one.devices[0]["device"]) == ("device_silent", at(42), "b")


def test_readings_that_come_late_are_no_silence() -> None:
    """All of them carry old stamps, whether their gateway's clock is behind or it sends what waited."""
    [late] = found([device("a", 1, behind_s=600), device("b", 1, behind_s=601)])
    assert (late.kind, late.gateway, late.since_ms, late.delay_s) == ("gateway_late", "gw-1", None, 600)
    # One that fell silent in a cut, of which the others came back: its stamp is right, it arrived afterwards.
    [one] = found([device("a", 1), device("b", 30, behind_s=200)])
    assert (one.kind, one.since_ms) == ("device_silent", at(230))


def test_refused_readings_are_no_silent_devices() -> None:
    """A clock that is far ahead: everything comes, nothing is believed."""
    refused = gateway(seen_s=1, clock_refused_ms=at(1))
    [one] = found([device("a", 60), device("b", 61)], refused)
    assert (one.kind, one.gateway, one.since_ms) == ("gateway_clock", "gw-1", at(60))
    [never] = found([device("a", None)], refused)
    assert (never.kind, never.since_ms) == ("gateway_clock", None)
    # One device's stamps among others that are believed are no clock of the gateway.
    [silent] = found([device("a", 1), device("b", 61)], refused)
    assert silent.kind == "device_silent"


def test_no_reading_is_younger_than_its_arrival() -> None:
    assert device("a", 90, behind_s=-240).age_s(NOW) == 90
    assert device("a", 90, behind_s=240).age_s(NOW) == 330


def test_an_offline_gateway_is_named_beside_a_silent_device_of_another() -> None:
    readings = [device("a", 90), device("b", 1, gateway="gw-2"), device("c", 50, gateway="gw-2")]
    off, quiet = found(readings, gateway(online=False, seen_s=80), gateway("gw-2"))
    assert (off.kind, off.gateway, off.since_ms) == ("gateway_offline", "gw-1", at(80))
    assert (quiet.kind, quiet.gateway, quiet.count) == ("device_silent", "gw-2", 1)


@pytest.mark.parametrize(
    ("chain", "kind", "since_ms"),
    [
        (Chain("silent", at(9)), "ingest", at(9)),
        (Chain("running", None, "lost", "storing", at(7)), "broker", at(7)),
        (Chain("running", None, "connected", "disk_full", at(8)), "disk_full", at(8)),
        (Chain("running", None, "lost", "unavailable", at(8)), "store", at(8)),
    ],
)
def test_a_common_cause_hides_what_follows_from_it(chain: Chain, kind: str, since_ms: int) -> None:
    readings = [device("a", 9), device("b", 9, gateway="gw-2")]
    assert found(readings, gateway(seen_s=9, online=False), gateway("gw-2", seen_s=9), chain=chain) == [
        Trouble(kind, None, since_ms)
    ]


def test_what_never_was_live_is_not_missed() -> None:
    """Imported history, and a gateway that never came: nobody waits for them."""
    rows = gateway(imported=True), gateway("gw-2", seen_s=None)
    assert found([device("a", 9_000)], *rows, chain=Chain("silent", at(9))) == []


def test_a_demonstration_that_is_not_started_yet_has_no_troubles() -> None:
    told = Told()
    told.take(json.dumps({"phase": "history", "share": 0.42, "parks": ["a", "b"]}), NOW)
    made = told.at(NOW + 9_000)
    assert made == Demonstration("history", 0.42, ("a", "b"))
    readings, row = [device("a", 9_000)], gateway(seen_s=60)
    assert troubles(readings, [row], RUNNING, NOW, made) == []
    assert troubles(readings, [{**row, "park": "elsewhere"}], RUNNING, NOW, made) != []
    assert told.at(NOW + 11_000) is None
    told.take("", NOW + 9_000)
    assert told.at(NOW + 9_000) is None


@pytest.mark.parametrize("share", [7, -1, None, "x", 1e308])
def test_whatever_is_told_of_a_demonstration_has_a_share_or_none(share: Any) -> None:
    told = Told()
    told.take(json.dumps({"phase": "history", "share": share, "parks": ["a", 7, None]}), NOW)
    made = told.at(NOW)
    assert made is not None
    assert made.parks == ("a",)
    assert made.share is None or 0 <= made.share <= 1


@pytest.mark.parametrize("payload", ["{", "[]", "7", '{"phase": "x", "share": 0, "parks": []}', '{"phase": "history"}'])
def test_what_is_no_word_of_a_demonstration_is_none(payload: str) -> None:
    told = Told()
    told.take(payload, NOW)
    assert told.at(NOW) is None


def test_signs_of_life() -> None:
    signs = Signs()
    assert signs.at(NOW) == Chain()
    signs.commit(NOW)
    assert signs.at(NOW).ingest == "unknown"  # a writer of another kind: it gives no signs, so none is missed
    signs.pulse(json.dumps({"broker": True, "store": "", "since_ms": 17}), NOW)
    assert signs.at(NOW + 3_900) == Chain("running", None, "connected", "storing", 17)
    assert signs.at(NOW + 4_100) == Chain("silent", NOW)
    signs.commit(NOW + 4_000)
    assert signs.at(NOW + 4_100).ingest == "running"
    signs.pulse(json.dumps({"broker": False, "store": "disk_full", "since_ms": 18}), NOW + 5_000)
    assert signs.at(NOW + 5_000) == Chain("running", None, "lost", "disk_full", 18)
    signs.forget()
    assert signs.at(NOW + 60_000) == Chain()


def test_of_several_workers_the_best_counts_as_long_as_it_is_heard() -> None:
    def told(worker: str, *, broker: bool, store: str = "") -> str:
        return json.dumps({"worker": worker, "broker": broker, "store": store, "since_ms": 17})

    signs = Signs()
    signs.pulse(told("a", broker=True), NOW)
    signs.pulse(told("b", broker=False, store="unavailable"), NOW + 100)
    assert signs.at(NOW + 3_900) == Chain("running", None, "connected", "storing", 17)
    signs.pulse(told("b", broker=True, store="disk_full"), NOW + 4_000)
    assert signs.at(NOW + 4_100) == Chain("running", None, "connected", "disk_full", 17)
    signs.pulse(told("c", broker=False), NOW + 4_200)
    assert signs.at(NOW + 4_300).broker == "connected"
    assert signs.at(NOW + 8_300) == Chain("silent", NOW + 4_200)


@pytest.mark.parametrize("payload", ["", "{", "[]", "7", '{"broker": 1e308, "store": {}, "since_ms": "x"}'])
def test_a_sign_that_cannot_be_read_is_one_all_the_same(payload: str) -> None:
    signs = Signs()
    signs.pulse(payload, NOW)
    assert signs.at(NOW) == Chain("running", None, "lost", "storing", None)
