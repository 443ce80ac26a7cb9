"""Words to values and back: oracles computed by hand, identity by property, requests counted."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_edge.protocols.registers import (
    Encoding,
    Register,
    Table,
    WordOrder,
    blocks,
    decode,
    decode_text,
    encode,
    read,
)

pytestmark = pytest.mark.edge


def register(encoding: Encoding, order: WordOrder = WordOrder.ABCD, **more) -> Register:
    return Register("active_power_kw", 0, encoding, word_order=order, **more)


# domain.md B.2, computed there.
@pytest.mark.parametrize(
    ("encoding", "order", "words", "value"),
    [
        (Encoding.FLOAT32, WordOrder.ABCD, [0x4640, 0xE6B6], 12345.678),
        (Encoding.FLOAT32, WordOrder.CDAB, [0xE6B6, 0x4640], 12345.678),
        (Encoding.FLOAT32, WordOrder.BADC, [0x4046, 0xB6E6], 12345.678),
        (Encoding.FLOAT32, WordOrder.DCBA, [0xB6E6, 0x4046], 12345.678),
        (Encoding.INT32, WordOrder.ABCD, [0xFFFF, 0xFA24], -1500),
        (Encoding.INT32, WordOrder.CDAB, [0xFA24, 0xFFFF], -1500),
        (Encoding.INT32, WordOrder.ABCD, [0xFA24, 0xFFFF], -98_238_465),
        (Encoding.INT32, WordOrder.ABCD, [0x0001, 0x1170], 70_000),
        (Encoding.INT32, WordOrder.CDAB, [0x1170, 0x0001], 70_000),
        (Encoding.INT32, WordOrder.ABCD, [0x1170, 0x0001], 292_552_705),
        (Encoding.INT16, WordOrder.ABCD, [0xFFFF], -1),
        (Encoding.UINT16, WordOrder.ABCD, [0x8000], 32_768),
        (Encoding.UINT64, WordOrder.ABCD, [0, 0, 1, 0], 65_536),
        (Encoding.UINT64, WordOrder.CDAB, [0, 1, 0, 0], 65_536),
        (Encoding.UINT64, WordOrder.DCBA, [0, 0x0100, 0, 0], 65_536),
        (Encoding.INT64, WordOrder.ABCD, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE], -2),
        (Encoding.FLOAT64, WordOrder.ABCD, [0x3FF8, 0, 0, 0], 1.5),
        (Encoding.BCD16, WordOrder.ABCD, [0x1234], 1234),
        (Encoding.BCD32, WordOrder.ABCD, [0x0012, 0x3456], 123_456),
    ],
)
def test_words_become_the_number_that_was_computed_by_hand(encoding, order, words, value):
    found = decode(register(encoding, order), words)
    assert found == pytest.approx(value, rel=1e-7)
    assert encode(register(encoding, order), value) == words


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        (Encoding.INT16, [0x8000]),
        (Encoding.UINT16, [0xFFFF]),
        (Encoding.INT32, [0x8000, 0]),
        (Encoding.UINT32, [0xFFFF, 0xFFFF]),
        (Encoding.INT64, [0x8000, 0, 0, 0]),
        (Encoding.UINT64, [0xFFFF] * 4),
        (Encoding.FLOAT32, [0x7FC0, 0]),
        (Encoding.FLOAT32, [0x7F80, 0]),
        (Encoding.FLOAT32, [0xFF80, 0]),
        (Encoding.FLOAT64, [0x7FF8, 0, 0, 0]),
        (Encoding.BCD16, [0x12A4]),
        (Encoding.BCD32, [0xFFFF, 0xFFFF]),
    ],
)
def test_a_sentinel_is_no_value(encoding, words):
    assert decode(register(encoding), words) is None


@pytest.mark.parametrize("encoding", list(Encoding))
def test_no_value_is_written_as_a_sentinel(encoding):
    assert decode(register(encoding), encode(register(encoding), None)) is None


def test_further_sentinels_count_as_signed_or_unsigned_numbers():
    assert decode(register(Encoding.INT16, absent=(-9999,)), [0xD8F1]) is None
    assert decode(register(Encoding.INT16, absent=(0x7FFF,)), [0x7FFF]) is None
    assert decode(register(Encoding.INT32, absent=(0x7FFF_FFFF,)), [0x7FFF, 0xFFFF]) is None


def test_the_usual_sentinel_can_be_an_ordinary_number():
    plain = register(Encoding.UINT16, default_sentinels=False)
    assert decode(plain, [0xFFFF]) == 65_535
    with pytest.raises(ValueError, match="no code for an absent value"):
        encode(plain, None)


def test_scale_offset_and_turned_sign():
    assert decode(register(Encoding.INT16, scale=0.1, offset=-40), [250]) == pytest.approx(-15)
    assert decode(register(Encoding.INT32, scale=-0.001), [0, 2500]) == pytest.approx(-2.5)
    assert encode(register(Encoding.INT32, scale=-0.001), -2.5) == [0, 2500]


def test_states_are_translated_and_an_unknown_one_is_no_value():
    row = register(Encoding.UINT16, states={0x0200: 3, 0x0201: 4})
    assert decode(row, [0x0201]) == 4
    assert decode(row, [0x0999]) is None
    assert encode(row, 3) == [0x0200]
    with pytest.raises(ValueError, match="no code for state 7"):
        encode(row, 7)


def test_a_number_that_does_not_fit_is_refused_not_wrapped():
    for encoding, value in ((Encoding.UINT16, -1), (Encoding.INT16, 40_000), (Encoding.UINT16, 65_535)):
        with pytest.raises(ValueError, match="cannot be held"):
            encode(register(encoding), value)
    with pytest.raises(ValueError, match="cannot be held"):
        encode(register(Encoding.FLOAT32), 1e300)


@pytest.mark.parametrize(("exponent", "value"), [(-2, 12.34), (0, 1234), (3, 1_234_000)])
def test_a_scale_factor_is_read_with_the_value(exponent, value):
    row = register(Encoding.INT16, exponent_address=5)
    assert read(row, {0: 1234, 5: exponent & 0xFFFF}) == pytest.approx(value)
    assert encode(row, value, exponent) == [1234]


@pytest.mark.parametrize("word", [None, 0x8000, 11, 0xFFF5])
def test_without_a_usable_scale_factor_there_is_no_value(word):
    memory = {0: 1234} if word is None else {0: 1234, 5: word}
    assert read(register(Encoding.INT16, exponent_address=5), memory) is None


def test_half_a_number_is_no_value():
    assert read(register(Encoding.INT32), {0: 1}) is None


def test_text_ends_at_the_padding_and_prints():
    assert decode_text([0x5355, 0x4E32, 0x3000, 0x4142]) == "SUN20"
    assert decode_text([0x4120, 0x2020]) == "A"
    assert decode_text([0x411B, 0x0742]) == "AB"
    # No longer than a birth takes it.
    assert decode_text([0x4141] * 125) == "A" * 200
    assert decode_text([0xFFFF, 0xFFFF]) == "\ufffd" * 4


@given(data=st.data(), encoding=st.sampled_from(list(Encoding)), order=st.sampled_from(list(WordOrder)))
def test_encode_and_decode_are_inverse(data, encoding, order):
    row = register(encoding, order)
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=encoding.words, max_size=encoding.words))
    value = decode(row, words)
    if value is None:
        return
    again = encode(row, value)
    if encoding in (Encoding.INT64, Encoding.UINT64) and abs(value) > 2**53:
        assert decode(row, again) == value
    elif encoding in (Encoding.FLOAT32, Encoding.FLOAT64) and value == 0:
        assert decode(row, again) == 0
    else:
        assert again == words


@given(st.floats(-1e6, 1e6), st.sampled_from([0.001, 0.01, 0.1, 1.0, -0.001]))
def test_a_value_survives_to_half_a_step(value, scale):
    row = register(Encoding.INT64, scale=scale)
    assert decode(row, encode(row, value)) == pytest.approx(value, abs=abs(scale) * 0.5000001)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_is_the_one_that_struct_packs(value):
    words = list(struct.unpack(">HH", struct.pack(">f", value)))
    found = decode(register(Encoding.FLOAT32), words)
    assert found is not None
    assert math.copysign(1, found) == math.copysign(1, value)
    assert found == value


def row(address: int, encoding: Encoding = Encoding.UINT16, table: Table = Table.HOLDING, **more) -> Register:
    return Register(f"s{address}", address, encoding, table=table, **more)


def spans(rows, limit=120, holes=0):
    return [(block.table.value, block.address, block.count) for block in blocks(rows, limit, holes)]


def test_contiguous_registers_are_one_read():
    assert spans([row(10), row(11, Encoding.INT32), row(13)]) == [("holding", 10, 4)]


def test_a_hole_is_read_across_only_when_the_driver_allows_it():
    rows = [row(10), row(14)]
    assert spans(rows) == [("holding", 10, 1), ("holding", 14, 1)]
    assert spans(rows, holes=2) == [("holding", 10, 1), ("holding", 14, 1)]
    assert spans(rows, holes=3) == [("holding", 10, 5)]


def test_a_number_is_never_torn_between_two_reads():
    rows = [row(address, Encoding.INT32) for address in range(0, 10, 2)]
    assert spans(rows, limit=5) == [("holding", 0, 4), ("holding", 4, 4), ("holding", 8, 2)]


def test_tables_are_read_apart_and_125_is_the_most():
    assert spans([row(0), row(1, table=Table.INPUT)]) == [("holding", 0, 1), ("input", 1, 1)]
    assert spans([row(address) for address in range(130)], limit=1000) == [("holding", 0, 125), ("holding", 125, 5)]


def test_a_scale_factor_comes_with_the_block():
    assert spans([row(10, exponent_address=12)], holes=1) == [("holding", 10, 3)]
    assert spans([row(10, exponent_address=12)]) == [("holding", 10, 1), ("holding", 12, 1)]


def test_a_register_longer_than_a_read_is_refused():
    with pytest.raises(ValueError, match="do not fit a read of 2"):
        blocks([row(0, Encoding.INT64)], 2, 0)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(list(Encoding))), min_size=1, max_size=40),
    st.integers(4, 130),
    st.integers(0, 20),
)
def test_every_register_lies_whole_in_a_legal_block(places, limit, holes):
    rows = [row(address, encoding) for address, encoding in places]
    found = blocks(rows, limit, holes)
    assert all(0 < block.count <= min(limit, 125) for block in found)
    for one in rows:
        assert any(b.address <= one.address and one.end <= b.address + b.count for b in found if one in b.registers)
