"""The batch and its acknowledgement: encode∘decode is identity, and nothing malformed gets through unnamed."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.ranges import MAX_EPOCH, MAX_PAYLOAD_BYTES, MAX_SEQ
from parkgrid_contract.refusal import Reason, RefusedError
from parkgrid_contract.sample import Quality, Sample
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.telemetry import (
    Ack,
    Batch,
    decode_ack,
    decode_batch,
    encode_ack,
    encode_batch,
    time_reason,
)

pytestmark = pytest.mark.edge

GOOD = '{"device":"pv-1","at":1795399200000,"values":{"active_power_kw":12.5}}'
identifiers = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
instants = st.integers(946_684_800_000, 4_000_000_000_000)
signals = st.sampled_from([signal.name for signal in CATALOGUE["meter"].signals])
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
marks = st.tuples(st.integers(1, MAX_EPOCH), st.integers(1, MAX_SEQ))
bad_qualities = st.sampled_from([quality for quality in Quality if quality is not Quality.GOOD])


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    values = draw(st.dictionaries(signals, numbers, min_size=1, max_size=6))
    flags = draw(st.dictionaries(st.sampled_from(sorted(values)), bad_qualities, max_size=3))
    return Sample(draw(identifiers), draw(instants), values, flags)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    seq = draw(st.integers(1, MAX_SEQ))
    floor = draw(st.integers(1, seq))
    content = tuple(draw(st.lists(samples(), max_size=8)))
    acked = draw(st.none() | marks)
    again = draw(st.integers(0, MAX_SEQ))
    return Batch(draw(st.integers(1, MAX_EPOCH)), seq, floor, draw(st.booleans()), content, acked, again)


@given(batches())
def test_a_batch_survives_the_wire(batch: Batch) -> None:
    decoded = decode_batch(encode_batch(batch))
    assert decoded.batch == batch
    assert decoded.refusals == ()


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_with_a_reason_or_are_a_batch(payload: bytes) -> None:
    try:
        decode_batch(payload)
    except RefusedError as error:
        assert error.refusal.reason in Reason


@given(batches(), st.data())
def test_a_damaged_batch_never_raises_anything_else(batch: Batch, data: st.DataObject) -> None:
    payload = bytearray(encode_batch(batch))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(payload)))
    try:
        decode_batch(bytes(payload[:cut]))
    except RefusedError as error:
        assert error.refusal.where


def envelope(samples_text: str = GOOD, **changes: str) -> bytes:
    parts = {"epoch": "1", "seq": "2", "floor": "1", "backlog": "false", "samples": f"[{samples_text}]"} | changes
    return ("{" + ",".join(f'"{name}":{value}' for name, value in parts.items() if value) + "}").encode()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY),
        (envelope()[:-5], Reason.NOT_JSON),
        (b" " * (MAX_PAYLOAD_BYTES + 1), Reason.TOO_LARGE),
        (b"\x00\x01\x02", Reason.NOT_JSON),
        (b"[]", Reason.WRONG_SHAPE),
        (b'"text"', Reason.WRONG_SHAPE),
        (envelope(seq='2,"seq":3'), Reason.DUPLICATE_KEY),
        (envelope('{"device":"a","at":1,"values":{"x":1,"x":2}}'), Reason.DUPLICATE_KEY),
        (b"[" * 10_000, Reason.TOO_DEEP),
        (b'{"a":' * 10_000, Reason.TOO_DEEP),
        (envelope() + b" trailing", Reason.NOT_JSON),
        (b"\xef\xbb\xbf" + envelope(), Reason.NOT_JSON),
        (envelope().decode().encode("utf-16"), Reason.NOT_TEXT),
        (gzip.compress(b" " * 1_000_000), Reason.NOT_TEXT),
        (envelope('{"device":"a","at":1,"values":{"x":NaN}}'), Reason.NOT_A_NUMBER),
        (envelope('{"device":"a","at":1,"values":{"x":-Infinity}}'), Reason.NOT_A_NUMBER),
        (envelope('{"device":"a","at":1,"values":{"x":0x10}}'), Reason.NOT_JSON),
        (envelope(seq=""), Reason.WRONG_SHAPE),
        (envelope(seq="0"), Reason.OUT_OF_BOUNDS),
        (envelope(seq="-1"), Reason.OUT_OF_BOUNDS),
        (envelope(seq="true"), Reason.WRONG_SHAPE),
        (envelope(seq="1.0", floor="1"), Reason.WRONG_SHAPE),
        (envelope(seq=str(2**53)), Reason.OUT_OF_BOUNDS),
        (envelope(epoch='"1"'), Reason.WRONG_SHAPE),
        (envelope(floor="3"), Reason.WRONG_SHAPE),
        (envelope(backlog="0"), Reason.WRONG_SHAPE),
        (envelope(samples="{}"), Reason.WRONG_SHAPE),
        (envelope(seq="1" * 5000), Reason.NOT_JSON),
    ],
)
def test_a_bad_envelope_is_refused_whole(payload: bytes, reason: Reason) -> None:
    with pytest.raises(RefusedError) as caught:
        decode_batch(payload)
    assert caught.value.refusal.reason is reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("7", Reason.WRONG_SHAPE),
        ('{"at":1,"values":{"x":1}}', Reason.WRONG_IDENTITY),
        ('{"device":"../x","at":1,"values":{"x":1}}', Reason.WRONG_IDENTITY),
        ('{"device":"UPPER","at":1,"values":{"x":1}}', Reason.WRONG_IDENTITY),
        ('{"device":"a","values":{"x":1}}', Reason.TIME_MISSING),
        ('{"device":"a","at":"2026-11-23","values":{"x":1}}', Reason.WRONG_SHAPE),
        ('{"device":"a","at":1.5,"values":{"x":1}}', Reason.WRONG_SHAPE),
        ('{"device":"a","at":292000000000000000,"values":{"x":1}}', Reason.TIME_IN_FUTURE),
        ('{"device":"a","at":1,"values":{}}', Reason.EMPTY),
        ('{"device":"a","at":1,"values":[1]}', Reason.WRONG_SHAPE),
        ('{"device":"a","at":1,"values":{"x":"12,5"}}', Reason.NOT_A_NUMBER),
        ('{"device":"a","at":1,"values":{"x":true}}', Reason.NOT_A_NUMBER),
        ('{"device":"a","at":1,"values":{"x":null}}', Reason.NOT_A_NUMBER),
        ('{"device":"a","at":1,"values":{"x":1e999}}', Reason.NOT_A_NUMBER),
        ('{"device":"a","at":1,"values":{"x":1},"flags":{"x":"splendid"}}', Reason.UNKNOWN_QUALITY),
    ],
)
def test_a_bad_sample_loses_only_itself(item: str, reason: Reason) -> None:
    decoded = decode_batch(envelope(f"{GOOD},{item},{GOOD}"))
    assert [sample.device for sample in decoded.batch.samples] == ["pv-1", "pv-1"]
    assert [refusal.reason for refusal in decoded.refusals] == [reason]
    assert decoded.refusals[0].where.startswith("samples[1]")


def test_a_bad_value_loses_only_itself() -> None:
    decoded = decode_batch(envelope('{"device":"a","at":1,"values":{"good":1,"bad":"x"}}'))
    assert decoded.batch.samples == (Sample("a", 1, {"good": 1}),)
    assert [str(refusal) for refusal in decoded.refusals] == ["samples[0].values.bad: not_a_number (x)"]


def test_negative_zero_and_integers_keep_their_value() -> None:
    decoded = decode_batch(envelope('{"device":"a","at":1,"values":{"x":-0.0,"y":9007199254740993,"z":5e-324}}'))
    assert decoded.batch.samples[0].values == {"x": 0.0, "y": 9007199254740993, "z": 5e-324}


def test_good_flags_do_not_travel() -> None:
    decoded = decode_batch(envelope('{"device":"a","at":1,"values":{"x":1},"flags":{"x":"good"}}'))
    assert decoded.batch.samples[0].flags == {}


def test_the_wire_form_is_the_documented_one() -> None:
    sample = Sample("pv-1", 1795399200000, {"active_power_kw": 12.5}, {"active_power_kw": Quality.STALE})
    assert json.loads(encode_batch(Batch(7, 42, 40, backlog=True, samples=(sample,)))) == {
        "epoch": 7,
        "seq": 42,
        "floor": 40,
        "backlog": True,
        "samples": [
            {
                "device": "pv-1",
                "at": 1795399200000,
                "values": {"active_power_kw": 12.5},
                "flags": {"active_power_kw": "stale"},
            },
        ],
    }


def test_nan_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_batch(Batch(1, 1, 1, backlog=False, samples=(Sample("a", 1, {"x": float("nan")}),)))


@given(st.integers(1, MAX_EPOCH), st.integers(0, 1000), st.lists(st.tuples(st.integers(2, 9), st.integers(0, 9))))
def test_an_ack_survives_the_wire_and_covers_what_it_says(
    epoch: int, through: int, steps: list[tuple[int, int]]
) -> None:
    ranges = []
    end = through
    for gap, length in steps[:20]:
        ranges.append((end + gap, end + gap + length))
        end = ranges[-1][1]
    ack = Ack(epoch, through, tuple(ranges))
    assert decode_ack(encode_ack(ack)) == ack
    covered = {seq for seq in range(end + 3) if ack.covers(seq)}
    expected = set(range(through + 1)).union(*(range(first, last + 1) for first, last in ranges))
    assert covered == expected


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"{}",
        b'{"epoch":1,"through":-1}',
        b'{"epoch":0,"through":1}',
        b'{"epoch":1,"through":1,"beyond":[[1,2]]}',
        b'{"epoch":1,"through":1,"beyond":[[5,4]]}',
        b'{"epoch":1,"through":1,"beyond":[[3,4],[4,5]]}',
        b'{"epoch":1,"through":1,"beyond":[["a","b"]]}',
        b'{"epoch":1,"through":1,"beyond":[[true,5]]}',
    ],
)
def test_a_bad_ack_is_refused(payload: bytes) -> None:
    with pytest.raises(RefusedError):
        decode_ack(payload)


@pytest.mark.parametrize(
    ("at_ms", "reason"),
    [
        (946_684_799_999, Reason.TIME_TOO_OLD),
        (946_684_800_000, None),
        (1_795_399_200, Reason.TIME_TOO_OLD),
        (1_795_399_500_000, None),
        (1_795_399_500_001, Reason.TIME_IN_FUTURE),
        (1_795_399_200_000_000, Reason.TIME_IN_FUTURE),
    ],
)
def test_stamps_are_believed_from_2000_to_five_minutes_ahead(at_ms: int, reason: Reason | None) -> None:
    assert time_reason(at_ms, now_ms=1_795_399_200_000) is reason
