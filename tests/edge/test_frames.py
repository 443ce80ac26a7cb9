"""Any bytes at all: either the whole fitting answer, or nothing, or garbled; never another frame's content."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_edge.protocols.frames import GarbledError, Read, checksum, rtu_answer, tcp_answer
from parkgrid_edge.protocols.registers import Table
from tests.edge.peer import crc

pytestmark = pytest.mark.edge

READ = Read(unit=1, table=Table.HOLDING, address=100, count=2)
PDU = bytes([3, 4, 0, 7, 0, 8])
TCP = struct.pack(">HHHB", 9, 0, 7, 1) + PDU
RTU = bytes([1]) + PDU + crc(bytes([1]) + PDU)


def test_the_checksum_of_the_specified_frame():
    assert checksum(bytes.fromhex("01 03 00 00 00 02")) == bytes.fromhex("C4 0B")


@given(st.binary(max_size=300))
def test_the_checksum_is_the_textbook_one(data):
    assert checksum(data) == crc(data)


@given(st.binary(max_size=300))
def test_random_bytes_are_never_a_wrong_tcp_answer(data):
    try:
        found = tcp_answer(data, READ, 9)
    except GarbledError:
        return
    if found:
        transaction, protocol, length, unit, function = struct.unpack(">HHHBB", found[:8])
        assert (transaction, protocol, unit, length) == (9, 0, 1, len(found) - 6)
        assert (function == 3 and found[8] == 4 == len(found) - 9) or (function == 0x83 and len(found) == 9)


@given(st.binary(max_size=300))
def test_random_bytes_are_never_a_wrong_rtu_answer(data):
    try:
        found = rtu_answer(data, READ)
    except GarbledError:
        return
    if found:
        assert crc(found[:-2]) == found[-2:]
        assert found[0] == 1
        assert (found[1] == 3 and found[2] == 4 and len(found) == 9) or (found[1] == 0x83 and len(found) == 5)


@given(st.integers(0, len(TCP) - 1))
def test_a_part_of_the_tcp_answer_is_waited_for(cut):
    assert tcp_answer(TCP[:cut], READ, 9) == b""


@given(st.integers(0, len(RTU) - 1))
def test_a_part_of_the_rtu_answer_is_waited_for(cut):
    assert rtu_answer(RTU[:cut], READ) == b""


@given(st.integers(0, len(TCP) * 8 - 1))
def test_one_flipped_bit_never_changes_where_a_tcp_value_belongs(bit):
    spoiled = bytearray(TCP)
    spoiled[bit // 8] ^= 1 << bit % 8
    try:
        found = tcp_answer(bytes(spoiled), READ, 9)
    except GarbledError:
        return
    # TCP has its own checksum: only the values themselves may be touched here, never their number or their owner.
    assert found in (b"", bytes(spoiled))
    if found:
        assert found[:9] == TCP[:9] or found[7] == 0x83


@given(st.integers(0, len(RTU) * 8 - 1))
def test_one_flipped_bit_in_an_rtu_answer_is_always_noticed(bit):
    spoiled = bytearray(RTU)
    spoiled[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(GarbledError):
        assert rtu_answer(bytes(spoiled), READ) == b""


@given(st.integers(0, 0xFFFF).filter(lambda number: number != 9))
def test_an_answer_to_another_request_is_passed_over(transaction):
    late = struct.pack(">HHHB", transaction, 0, 7, 1) + bytes([3, 4, 0xDE, 0xAD, 0xBE, 0xEF])
    assert tcp_answer(late, READ, 9) == b""
    assert tcp_answer(late + TCP, READ, 9) == TCP
