"""Birth and status: identity on the wire, and a birth that its owner must mend is refused whole."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.announcement import (
    Birth,
    Device,
    Status,
    decode_birth,
    decode_status,
    encode_birth,
    encode_status,
)
from parkgrid_contract.identity import MeteringPoint
from parkgrid_contract.ranges import MAX_EPOCH, MAX_RATING, MAX_STAMP_MS
from parkgrid_contract.refusal import Reason, RefusedError
from parkgrid_contract.signals import CATALOGUE

pytestmark = pytest.mark.edge

text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
identifiers = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)


@st.composite
def devices(draw: st.DrawFn) -> Device:
    name = draw(st.sampled_from(sorted(CATALOGUE)))
    signals = st.sampled_from([signal.name for signal in CATALOGUE[name].signals])
    return Device(
        device=draw(identifiers),
        device_class=name,
        signals=tuple(draw(st.lists(signals, unique=True))),
        name=draw(text),
        model=draw(text),
        firmware=draw(text),
        period_s=draw(st.floats(0.05, 3600)),
        ratings=draw(st.dictionaries(st.just("rated_power_kw"), st.floats(0, 1e6))),
        point=MeteringPoint(draw(text), draw(text), draw(text), draw(text)),
        problem=draw(text),
    )


@given(st.lists(devices(), max_size=5, unique_by=lambda device: device.device), st.booleans(), text)
def test_a_birth_survives_the_wire(items: list[Device], simulated: bool, version: str) -> None:
    birth = Birth(version, 7, 1795399200000, tuple(items), simulated)
    assert decode_birth(encode_birth(birth)) == birth


@given(st.booleans(), st.integers(1, MAX_EPOCH), st.integers(0, MAX_STAMP_MS))
def test_a_status_survives_the_wire(online: bool, epoch: int, at_ms: int) -> None:
    assert decode_status(encode_status(Status(online, epoch, at_ms))) == Status(online, epoch, at_ms)


def test_a_device_of_an_older_agent_has_no_problem() -> None:
    assert decode_birth(birth_with()).devices[0].problem == ""


def birth_with(**changes: Any) -> bytes:
    device = {"device": "m", "class": "meter", "signals": ["active_power_kw"], "period_s": 1.0} | changes
    return birth_of(devices=[device])


def birth_of(**changes: Any) -> bytes:
    return json.dumps({"agent_version": "1", "epoch": 1, "at": 1, "devices": []} | changes).encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"class": "toaster"}, Reason.UNKNOWN_CLASS),
        ({"signals": ["soc_pct"]}, Reason.UNKNOWN_SIGNAL),
        ({"signals": [["x"]]}, Reason.UNKNOWN_SIGNAL),
        ({"device": "a/b"}, Reason.WRONG_IDENTITY),
        ({"period_s": 0}, Reason.OUT_OF_BOUNDS),
        ({"period_s": 1e308}, Reason.OUT_OF_BOUNDS),
        ({"period_s": 1e-300}, Reason.OUT_OF_BOUNDS),
        ({"period_s": 10**400}, Reason.NOT_A_NUMBER),
        ({"signals": ["active_power_kw"] * 2}, Reason.DUPLICATE_KEY),
        ({"ratings": {"rated_power_kw": 1e308}}, Reason.OUT_OF_BOUNDS),
        ({"ratings": {"rated_power_kw": -2 * MAX_RATING}}, Reason.OUT_OF_BOUNDS),
        ({"ratings": {f"r{n}": 1 for n in range(51)}}, Reason.TOO_MANY),
        ({"ratings": {"a\ud800": 1}}, Reason.WRONG_IDENTITY),
        ({"name": "a\ud800b"}, Reason.NOT_TEXT),
        ({"model": "a\x1bb"}, Reason.NOT_TEXT),
        ({"firmware": "a\nb"}, Reason.NOT_TEXT),
        ({"problem": "\udfff"}, Reason.NOT_TEXT),
        ({"point": {"account": "\ud800"}}, Reason.NOT_TEXT),
        ({"period_s": "1"}, Reason.NOT_A_NUMBER),
        ({"name": "x" * 4096}, Reason.TOO_LARGE),
        ({"name": "a\x00b"}, Reason.NOT_TEXT),
        ({"ratings": {"rated_power_kw": "big"}}, Reason.NOT_A_NUMBER),
        ({"point": "here"}, Reason.WRONG_SHAPE),
    ],
)
def test_a_wrong_birth_is_refused_with_its_reason(changes: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(RefusedError) as caught:
        decode_birth(birth_with(**changes))
    assert caught.value.refusal.reason is reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": 0}, Reason.OUT_OF_BOUNDS),
        ({"epoch": 2**53 - 1}, Reason.OUT_OF_BOUNDS),
        ({"epoch": 10**400}, Reason.OUT_OF_BOUNDS),
        ({"epoch": 1.5}, Reason.WRONG_SHAPE),
        ({"at": -1}, Reason.OUT_OF_BOUNDS),
        ({"at": 10**18}, Reason.OUT_OF_BOUNDS),
        ({"agent_version": "\ud800"}, Reason.NOT_TEXT),
    ],
)
def test_a_birth_out_of_range_is_refused_with_its_reason(changes: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(RefusedError) as caught:
        decode_birth(birth_of(**changes))
    assert caught.value.refusal.reason is reason


def test_a_device_may_not_appear_twice() -> None:
    device = Device("m", "meter", ("active_power_kw",))
    with pytest.raises(RefusedError, match="twice"):
        decode_birth(encode_birth(Birth("1", 1, 1, (device, device))))


def test_the_number_of_devices_is_bounded() -> None:
    devices_ = tuple(Device(f"m{n}", "meter", ()) for n in range(1001))
    with pytest.raises(RefusedError, match="at most 1000"):
        decode_birth(encode_birth(Birth("1", 1, 1, devices_)))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'{"online":1,"epoch":1,"at":1}',
        b'{"online":true}',
        b"x" * 5000,
        b'{"online":true,"epoch":0,"at":1}',
        b'{"online":true,"epoch":1,"at":1e15}',
    ],
)
def test_a_wrong_status_is_refused(payload: bytes) -> None:
    with pytest.raises(RefusedError):
        decode_status(payload)
