"""Payload bytes: the fast path says what the strict reference says, and never accepts what the reference refuses."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parkgrid_contract.ranges import MAX_EPOCH, MAX_PAYLOAD_BYTES, MAX_SEQ
from parkgrid_contract.refusal import Reason, RefusedError
from parkgrid_contract.sample import Quality, Sample
from parkgrid_contract.telemetry import Batch, decode_batch, encode_batch
from parkgrid_ingest.decode import UNSET, Payload, Reading, decode, decode_fast, decode_strict, frame

GOOD = {"epoch": 7, "seq": 3, "floor": 1, "backlog": False}
SAMPLE = {"device": "m-1", "at": 1_790_000_000_000, "values": {"active_power_kw": 1.5, "fault_code": 2}}
IDENTIFIERS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
NAMES = st.one_of(st.sampled_from(["active_power_kw", "frequency_hz", "soc_pct"]), st.text(max_size=12))
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    seq = draw(st.integers(1, MAX_SEQ))
    samples = draw(st.lists(samples_of(), max_size=4))
    acked = draw(st.none() | st.tuples(st.integers(1, MAX_EPOCH), st.integers(1, MAX_SEQ)))
    again = draw(st.integers(0, MAX_SEQ))
    floor = draw(st.integers(1, seq))
    return Batch(draw(st.integers(1, MAX_EPOCH)), seq, floor, draw(st.booleans()), tuple(samples), acked, again)


@st.composite
def samples_of(draw: st.DrawFn) -> Sample:
    values = draw(st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=5))
    flagged = draw(st.dictionaries(st.sampled_from(sorted(values)), st.sampled_from(list(Quality)), max_size=3))
    return Sample(draw(IDENTIFIERS), draw(st.integers(-(2**53) + 1, 2**53 - 1)), values, flagged)


def plain(payload: Payload) -> Any:
    return (
        payload.epoch,
        payload.seq,
        payload.floor,
        payload.backlog,
        payload.claim,
        payload.again,
        [(s.device, s.at_ms, floats(s), {} if s.flags is UNSET else s.flags) for s in payload.samples],
    )


def floats(reading: Reading) -> dict[str, float]:
    # A whole number beyond 2^53 loses its last digit here; no signal can store one, so admission refuses it anyway.
    return {name: float(value) for name, value in reading.values.items()}


def document(*samples: Any, **changes: Any) -> bytes:
    return json.dumps(GOOD | {"samples": list(samples)} | changes).encode()


def agree(payload: bytes) -> None:
    """Whatever the fast path accepts, the reference accepts with the same meaning and without a refusal."""
    fast = decode_fast(payload)
    if fast is None:
        return
    strict, refusals = decode_strict(payload)
    assert refusals == ()
    assert plain(fast) == plain(strict)


@given(batches())
@example(Batch(1, 1, 1, backlog=False, samples=(Sample("m-1", 0, {"active_power_kw": 2**53 + 1, ":": 0}, {}),)))
def test_every_valid_batch_means_the_same_on_both_paths(batch: Batch) -> None:
    payload = encode_batch(batch)
    agree(payload)
    decoded, refusals = decode(payload)
    assert refusals == ()
    assert [s.device for s in decoded.samples] == [s.device for s in batch.samples]
    for mine, theirs in zip(decoded.samples, batch.samples, strict=True):
        assert floats(mine) == {name: float(value) for name, value in theirs.values.items()}


@given(batches(), st.data())
def test_a_damaged_batch_is_never_accepted_against_the_reference(batch: Batch, data: st.DataObject) -> None:
    payload = bytearray(encode_batch(batch))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(payload) - 1))
        cut = data.draw(st.integers(0, 3))
        payload[position : position + cut] = data.draw(st.binary(max_size=3))
        if not payload:
            break
    damaged = bytes(payload)
    try:
        decode_batch(damaged)
    except RefusedError:
        assert decode_fast(damaged) is None
    else:
        agree(damaged)


NUMERALS = st.text(alphabet="0123456789.eE+-", min_size=1, max_size=12)
TOKENS = st.one_of(NUMERALS, st.sampled_from(["NaN", "Infinity", "-Infinity", "null", "true", '"1"', "1e999", "0x1F"]))


@given(TOKENS)
def test_a_number_is_read_as_the_reference_reads_it(token: str) -> None:
    payload = document(SAMPLE).replace(b"1.5", token.encode())
    try:
        _, refusals = decode_strict(payload)
    except RefusedError:
        assert decode_fast(payload) is None
    else:
        agree(payload)
        if refusals:
            assert decode_fast(payload) is None


def test_the_ordinary_batch_takes_the_fast_path() -> None:
    payload = document(SAMPLE, SAMPLE | {"flags": {"active_power_kw": "estimated", "fault_code": "good"}})
    fast = decode_fast(payload)
    assert fast is not None
    assert fast.samples[0].values == {"active_power_kw": 1.5, "fault_code": 2.0}
    assert fast.samples[1].flags == {"active_power_kw": Quality.ESTIMATED}


def test_a_large_batch_takes_the_fast_path_too() -> None:
    fast = decode_fast(document(*[SAMPLE | {"device": f"m-{n}"} for n in range(200)]))
    assert fast is not None
    assert len(fast.samples) == 200


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY),
        (document(SAMPLE)[:-5], Reason.NOT_JSON),
        (document(SAMPLE) + b"x", Reason.NOT_JSON),
        (document(SAMPLE) + b"\x00", Reason.NOT_JSON),
        (b"\x93\x01\x02\x03", Reason.NOT_TEXT),
        (b"\xef\xbb\xbf" + document(SAMPLE), Reason.NOT_JSON),
        (json.dumps(GOOD).encode("utf-16"), Reason.NOT_TEXT),
        (b"[1, 2]", Reason.WRONG_SHAPE),
        (b'"text"', Reason.WRONG_SHAPE),
        (b"null", Reason.WRONG_SHAPE),
        (b"[" * 10_000, Reason.TOO_DEEP),
        (b'{"a":' * 10_000, Reason.TOO_DEEP),
        (b"\x1f\x8b\x08\x00" + b"\x00" * 64, Reason.NOT_TEXT),
        (b" " * (MAX_PAYLOAD_BYTES + 1), Reason.TOO_LARGE),
        (document(SAMPLE).replace(b'"seq": 3', b'"seq": 3, "seq": 4'), Reason.DUPLICATE_KEY),
        (document(SAMPLE).replace(b'"fault_code"', b'"active_power_kw"'), Reason.DUPLICATE_KEY),
        (document(SAMPLE).replace(b'"fault_code":', b'"active_power_kw" :'), Reason.DUPLICATE_KEY),
        (document(SAMPLE, seq=0), Reason.OUT_OF_BOUNDS),
        (document(SAMPLE, seq=2**53), Reason.OUT_OF_BOUNDS),
        (document(SAMPLE, epoch=-1), Reason.OUT_OF_BOUNDS),
        (document(SAMPLE, floor=4), Reason.WRONG_SHAPE),
        (document(SAMPLE, seq=True), Reason.WRONG_SHAPE),
        (document(SAMPLE, seq=3.0), Reason.WRONG_SHAPE),
        (document(SAMPLE, seq="3"), Reason.WRONG_SHAPE),
        (document(SAMPLE, backlog=0), Reason.WRONG_SHAPE),
        (document(samples={}), Reason.WRONG_SHAPE),
        (document(SAMPLE).replace(b"1.5", b"NaN"), Reason.NOT_A_NUMBER),
    ],
)
def test_an_unreadable_payload_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    assert decode_fast(payload) is None
    with pytest.raises(RefusedError) as caught:
        decode(payload)
    assert caught.value.refusal.reason is reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (7, Reason.WRONG_SHAPE),
        ({"at": 1, "values": {"a": 1}}, Reason.WRONG_IDENTITY),
        (SAMPLE | {"device": "../etc"}, Reason.WRONG_IDENTITY),
        (SAMPLE | {"device": "M-1"}, Reason.WRONG_IDENTITY),
        (SAMPLE | {"device": "m-1\n"}, Reason.WRONG_IDENTITY),
        ({"device": "m-1", "values": {"a": 1}}, Reason.TIME_MISSING),
        (SAMPLE | {"at": "2026-01-01T00:00:00Z"}, Reason.WRONG_SHAPE),
        (SAMPLE | {"at": 1.5}, Reason.WRONG_SHAPE),
        (SAMPLE | {"at": None}, Reason.WRONG_SHAPE),
        (SAMPLE | {"at": 292_000_000_000 * 31_557_600_000}, Reason.TIME_IN_FUTURE),
        (SAMPLE | {"values": {}}, Reason.EMPTY),
        (SAMPLE | {"values": []}, Reason.WRONG_SHAPE),
        (SAMPLE | {"values": {"active_power_kw": "12,5"}}, Reason.NOT_A_NUMBER),
        (SAMPLE | {"values": {"active_power_kw": True}}, Reason.NOT_A_NUMBER),
        (SAMPLE | {"values": {"active_power_kw": None}}, Reason.NOT_A_NUMBER),
        (SAMPLE | {"values": {"active_power_kw": "0x10"}}, Reason.NOT_A_NUMBER),
        (SAMPLE | {"flags": {"active_power_kw": "marvellous"}}, Reason.UNKNOWN_QUALITY),
        (SAMPLE | {"flags": None}, Reason.WRONG_SHAPE),
    ],
)
def test_a_bad_sample_loses_only_itself(bad: Any, reason: Reason) -> None:
    decoded, refusals = decode(document(SAMPLE, bad, SAMPLE | {"device": "m-2"}))
    assert [refusal.reason for refusal in refusals] == [reason]
    assert {"m-1", "m-2"} <= {reading.device for reading in decoded.samples}


def test_infinity_by_overflow_is_refused_and_its_neighbour_kept() -> None:
    decoded, refusals = decode(document(SAMPLE).replace(b"1.5", b"1e999"))
    assert [refusal.reason for refusal in refusals] == [Reason.NOT_A_NUMBER]
    assert decoded.samples[0].values == {"fault_code": 2}


def test_the_frame_of_an_unreadable_batch_can_still_be_known() -> None:
    batch = encode_batch(Batch(9, 5, 2, backlog=True, samples=()))
    broken = batch[:-2] + b'[{"device":'
    with pytest.raises(RefusedError):
        decode(broken)
    assert frame(broken) == Payload(9, 5, 2, True, [])


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b'{"seq":5,"epoch":9', b'{"epoch":9,"seq":5,"floor":6,"backlog":true,"samples":['],
)
def test_a_frame_is_never_guessed(payload: bytes) -> None:
    assert frame(payload) is None
