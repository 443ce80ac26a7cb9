"""Endpoints against peers that break the rules: what is wrong is dropped, never taken for something else."""

import asyncio
import struct

import pytest

from parkgrid_edge.polling.endpoint import Endpoint
from parkgrid_edge.protocols.frames import Read
from parkgrid_edge.protocols.modbus import LinkError, ModbusConnection, PermanentError, RetriableError
from parkgrid_edge.protocols.registers import Table
from tests.edge.peer import Device, crc, exception, hang_mid_frame, rtu_peer, silent, tcp_peer, until

pytestmark = [pytest.mark.edge, pytest.mark.process, pytest.mark.virtual_time]

WORDS = Device({address: address for address in range(300)})
"""Each register answers with its own address, so a misplaced answer is seen at once."""


def tcp(peer, **more) -> Endpoint:
    return Endpoint(ModbusConnection("tcp", host="127.0.0.1", port=peer.port), **more)


def rtu(peer, **more) -> Endpoint:
    return Endpoint(ModbusConnection("rtu", serial=peer.port, baud=115_200), **more)


async def ask(endpoint: Endpoint, address: int, count: int = 2, unit: int = 1, timeout_s: float = 0.15) -> list[int]:
    return await endpoint.read(Read(unit, Table.HOLDING, address, count), timeout_s)


async def test_the_tcp_request_is_byte_for_byte_the_specified_one():
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        assert await ask(endpoint, 0, 2) == [0, 1]
        endpoint.close()
    assert peer.requests[0].frame == bytes.fromhex("00 01 00 00 00 06 01 03 00 00 00 02")


async def test_the_rtu_request_is_byte_for_byte_the_specified_one():
    async with rtu_peer({1: WORDS}) as peer:
        endpoint = rtu(peer)
        assert await ask(endpoint, 0, 2) == [0, 1]
        endpoint.close()
    assert peer.requests[0].frame == bytes.fromhex("01 03 00 00 00 02 C4 0B")


async def test_input_registers_are_read_with_function_4():
    async with tcp_peer({7: WORDS}) as peer:
        endpoint = tcp(peer)
        assert await endpoint.read(Read(7, Table.INPUT, 100, 3), 1) == [100, 101, 102]
        endpoint.close()
    assert (peer.requests[0].function, peer.requests[0].unit) == (4, 7)


@pytest.mark.parametrize("code", [1, 2, 3])
async def test_a_refusal_for_good_is_permanent_and_keeps_the_connection(code):
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, exception(peer, code))
        with pytest.raises(PermanentError, match=f"exception {code}") as raised:
            await ask(endpoint, 0)
        assert raised.value.illegal_address is (code == 2)
        peer.misbehave(1, None)
        assert await ask(endpoint, 5) == [5, 6]
        assert peer.connections == 1
        endpoint.close()


@pytest.mark.parametrize("code", [4, 5, 6, 10, 11, 99])
async def test_a_refusal_for_now_is_retriable(code):
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, exception(peer, code))
        with pytest.raises(RetriableError, match=f"exception {code}"):
            await ask(endpoint, 0)
        endpoint.close()


async def test_an_exception_over_rtu_is_translated_too():
    async with rtu_peer({1: WORDS}) as peer:
        endpoint = rtu(peer)
        peer.misbehave(1, exception(peer, 6))
        with pytest.raises(RetriableError, match="device busy"):
            await ask(endpoint, 0)
        endpoint.close()


async def lies_about_length(peer, request, send, length):
    frame = peer.answer(request)
    await send(frame[:4] + struct.pack(">H", length) + frame[6:])


def tcp_faults(peer):
    def frame(transaction=None, unit=None, pdu=None, protocol=0):
        async def behaviour(request, send):
            body = WORDS.pdu(request) if pdu is None else pdu
            tid = request.transaction if transaction is None else transaction
            await send(struct.pack(">HHHB", tid, protocol, len(body) + 1, unit or request.unit) + body)

        return behaviour

    async def too_short(request, send):
        await lies_about_length(peer, request, send, 3)

    async def too_long(request, send):
        await lies_about_length(peer, request, send, 200)

    async def absurd(request, send):
        await lies_about_length(peer, request, send, 60_000)

    return {
        "silent": silent,
        "hangs mid-frame": hang_mid_frame(peer),
        "hangs in the header": hang_mid_frame(peer, 3),
        "another unit": frame(unit=9),
        "another function": frame(pdu=bytes([4, 4, 0, 7, 0, 8])),
        "fewer registers": frame(pdu=bytes([3, 2, 0, 7])),
        "more registers": frame(pdu=bytes([3, 6, 0, 7, 0, 8, 0, 9])),
        "odd byte count": frame(pdu=bytes([3, 3, 0, 7, 0])),
        "byte count lies": frame(pdu=bytes([3, 200, 0, 7, 0, 8])),
        "long exception": frame(pdu=bytes([0x83, 2, 2, 2])),
        "another protocol": frame(protocol=7),
        "another transaction": frame(transaction=60_000),
        "length too short": too_short,
        "length too long": too_long,
        "length absurd": absurd,
        "web server": lambda _request, send: send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    }


FAULTS = list(tcp_faults(None))


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_tcp_answer_is_no_answer_and_ends_the_connection(fault):
    async with tcp_peer({1: WORDS, 2: WORDS}) as peer:
        endpoint = tcp(peer)
        assert await ask(endpoint, 20) == [20, 21]
        peer.misbehave(1, tcp_faults(peer)[fault])
        with pytest.raises(LinkError):
            await ask(endpoint, 30)
        peer.misbehave(1, None)
        assert await ask(endpoint, 40, unit=2) == [40, 41]
        assert await ask(endpoint, 50) == [50, 51]
        assert peer.connections == 2
        endpoint.close()


async def test_an_answer_in_ten_pieces_is_put_together():
    async def crumbs(request, send):
        frame = peer.answer(request)
        size = -(-len(frame) // 10)
        for at in range(0, len(frame), size):
            await send(frame[at : at + size])
            await asyncio.sleep(0.002)

    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, crumbs)
        assert await ask(endpoint, 60, 20, timeout_s=1) == list(range(60, 80))
        endpoint.close()


async def test_of_two_frames_in_one_segment_only_the_asked_one_counts():
    async def both(request, send):
        other = struct.pack(">HHHB", request.transaction - 1, 0, 7, 1) + bytes([3, 4, 0xDE, 0xAD, 0xBE, 0xEF])
        await send(other + peer.answer(request))

    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        await ask(endpoint, 0)
        peer.misbehave(1, both)
        assert await ask(endpoint, 70) == [70, 71]
        endpoint.close()


async def test_a_second_answer_after_the_first_is_never_used():
    async def twice(request, send):
        next_one = struct.pack(">HHHB", request.transaction + 1, 0, 7, 1) + bytes([3, 4, 0xDE, 0xAD, 0xBE, 0xEF])
        await send(peer.answer(request) + next_one)

    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, twice)
        assert await ask(endpoint, 70) == [70, 71]
        peer.misbehave(1, None)
        assert await ask(endpoint, 80) == [80, 81]
        endpoint.close()


async def test_bytes_that_nobody_asked_for_end_the_connection():
    async def chatty(request, send):
        await send(peer.answer(request))
        await asyncio.sleep(0.02)
        await send(struct.pack(">HHHB", request.transaction + 1, 0, 7, 1) + bytes([3, 4, 0xDE, 0xAD, 0xBE, 0xEF]))

    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, chatty)
        assert await ask(endpoint, 70) == [70, 71]
        peer.misbehave(1, None)
        await asyncio.sleep(0.05)
        assert await ask(endpoint, 80) == [80, 81]
        assert peer.connections == 2
        endpoint.close()


# Answers as users reported them: a Waveshare converter numbers every answer 2 (kellerza/sunsynk#680), a device turns
# the two bytes of the number round (pymodbus-dev/pymodbus#2709), another numbers its exceptions 0
# (dresende/node-modbus-tcp#21).
MISNUMBERED = {
    "always 2": (8, "00 02 00 00 00 13 01 03 10 00 05 00 01 01 04 32 32 31 30 32 34 39 31 33 31"),
    "turned round": (2, "01 00 00 00 00 07 01 03 04 00 00 00 00"),
}


def recorded(frame: str):
    async def behaviour(_request, send):
        await send(bytes.fromhex(frame))

    return behaviour


@pytest.mark.parametrize("case", MISNUMBERED)
async def test_a_whole_answer_with_another_transaction_number_is_named_and_not_used(case):
    count, frame = MISNUMBERED[case]
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, recorded(frame))
        number = int(frame.replace(" ", "")[:4], 16)
        with pytest.raises(LinkError, match=f"transaction number {number} instead of 1; .*any_transaction") as raised:
            await ask(endpoint, 2, count)
        assert raised.value.problem == "other_transaction"
        peer.misbehave(1, silent)
        with pytest.raises(LinkError, match="no answer within") as raised:
            await ask(endpoint, 2, count)
        assert raised.value.problem == ""
        endpoint.close()


@pytest.mark.parametrize("case", MISNUMBERED)
async def test_a_setting_accepts_any_transaction_number(case):
    count, frame = MISNUMBERED[case]
    octets = bytes.fromhex(frame)[9:]
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = careless(peer)
        peer.misbehave(1, recorded(frame))
        assert await ask(endpoint, 2, count) == list(struct.unpack(f">{count}H", octets))
        assert await ask(endpoint, 2, count) == list(struct.unpack(f">{count}H", octets))
        peer.misbehave(1, recorded("00 00 00 00 00 03 01 83 02"))
        with pytest.raises(PermanentError):
            await ask(endpoint, 2, count)
        assert peer.connections == 1
        endpoint.close()


def careless(peer) -> Endpoint:
    return Endpoint(ModbusConnection("tcp", host="127.0.0.1", port=peer.port, any_transaction=True))


async def test_with_any_number_an_answer_must_still_fit_and_the_right_one_is_preferred():
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = careless(peer)
        for wrong in ("00 09 00 00 00 05 01 03 02 00 07", "00 09 00 00 00 07 02 03 04 00 07 00 08"):
            peer.misbehave(1, recorded(wrong))  # one register too few; another unit
            with pytest.raises(LinkError, match="no answer within"):
                await ask(endpoint, 30)
            # What is still to come cannot be told by its number, so the next question asks for another length first.
            peer.misbehave(1, None)
            assert await ask(endpoint, 30) == [30, 31]

        async def both(request, send):
            stray = struct.pack(">HHHB", 77, 0, 7, 1) + bytes([3, 4, 0xDE, 0xAD, 0xBE, 0xEF])
            await send(stray + peer.answer(request))

        peer.misbehave(1, both)
        assert await ask(endpoint, 40) == [40, 41]
        endpoint.close()


async def test_with_any_number_a_late_answer_of_the_same_length_is_told_apart_by_the_probe():
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = careless(peer)
        peer.misbehave(1, silent)
        with pytest.raises(LinkError):
            await ask(endpoint, 100)
        peer.misbehave(1, recorded("00 07 00 00 00 07 01 03 04 DE AD BE EF"))
        with pytest.raises(LinkError):
            await ask(endpoint, 110)
        peer.misbehave(1, None)
        assert await ask(endpoint, 110) == [110, 111]
        endpoint.close()


async def test_rtu_frames_go_through_a_transparent_converter():
    async with rtu_peer({1: WORDS}) as line:
        bytes_on_the_wire: list[bytes] = []

        async def converter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async def up(data: bytes) -> None:
                writer.write(data)
                await writer.drain()

            line.send = up
            while data := await reader.read(256):
                bytes_on_the_wire.append(data)
                line.receive(data)
            writer.close()
            gone.append(writer)

        gone: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(converter, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        endpoint = Endpoint(ModbusConnection("rtu_over_tcp", host="127.0.0.1", port=port))
        assert await ask(endpoint, 0, 2) == [0, 1]
        assert await ask(endpoint, 50, 20) == list(range(50, 70))
        line.misbehave(1, exception(line, 6))
        with pytest.raises(RetriableError, match="device busy"):
            await ask(endpoint, 0)
        line.misbehave(1, hang_mid_frame(line, 6))
        with pytest.raises(LinkError, match="no answer"):
            await ask(endpoint, 70)
        line.misbehave(1, None)
        assert await ask(endpoint, 80) == [80, 81]
        endpoint.close()
        await until(lambda: len(gone) == 2)
        server.close()
        await server.wait_closed()
    assert bytes_on_the_wire[0] == bytes.fromhex("01 03 00 00 00 02 C4 0B")


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
async def test_a_late_answer_is_never_attributed_to_the_next_request(transport):
    open_peer, endpoint_of = (tcp_peer, tcp) if transport == "tcp" else (rtu_peer, rtu)
    late = asyncio.Event()

    async def waits(request, send):
        answer = peer.answer(request)
        await late.wait()
        await send(answer)

    async with open_peer({1: WORDS, 2: WORDS}) as peer:
        endpoint = endpoint_of(peer)
        peer.misbehave(1, waits)
        with pytest.raises(LinkError, match="no answer within"):
            await ask(endpoint, 100)
        peer.misbehave(1, None)
        outcome = asyncio.ensure_future(ask(endpoint, 110, timeout_s=1))
        late.set()
        try:
            assert await outcome == [110, 111]
        except LinkError:
            # On a serial line the two answers may collide: then there is no value, and the next request is clean.
            assert transport == "rtu"
            assert await ask(endpoint, 110, timeout_s=1) == [110, 111]
        assert await ask(endpoint, 120, unit=2) == [120, 121]
        endpoint.close()


async def test_a_late_rtu_answer_of_the_same_length_is_told_apart_by_the_probe():
    """The late frame is all that arrives: with no transaction number, only its length can give it away."""

    async def replay_old(_request, send):
        old = bytes([1, 3, 4, 0xDE, 0xAD, 0xBE, 0xEF])
        await send(old + crc(old))

    async with rtu_peer({1: WORDS}) as peer:
        endpoint = rtu(peer)
        peer.misbehave(1, silent)
        with pytest.raises(LinkError):
            await ask(endpoint, 100, 2)
        peer.misbehave(1, replay_old)
        with pytest.raises(LinkError):
            await ask(endpoint, 110, 2)
        peer.misbehave(1, None)
        assert await ask(endpoint, 110, 2) == [110, 111]
        endpoint.close()


@pytest.mark.parametrize("fault", ["silent", "mid-frame", "checksum", "another unit", "shorter", "noise"])
async def test_a_broken_rtu_answer_is_no_answer(fault):
    async def checksum(request, send):
        frame = peer.answer(request)
        await send(frame[:-1] + bytes([frame[-1] ^ 1]))

    async def another_unit(request, send):
        frame = bytes([9]) + WORDS.pdu(request)
        await send(frame + b"\x00\x00")

    async def shorter(request, send):
        await send(peer.wrap(request, bytes([3, 2, 0, 7])))

    async def noise(_request, send):
        await send(b"\x00\xff\x55" * 20)

    async with rtu_peer({1: WORDS, 2: WORDS}) as peer:
        faults = {
            "silent": silent,
            "mid-frame": hang_mid_frame(peer, 5),
            "checksum": checksum,
            "another unit": another_unit,
            "shorter": shorter,
            "noise": noise,
        }
        endpoint = rtu(peer)
        peer.misbehave(1, faults[fault])
        with pytest.raises(LinkError):
            await ask(endpoint, 30)
        peer.misbehave(1, None)
        assert await ask(endpoint, 40, unit=2) == [40, 41]
        assert await ask(endpoint, 50) == [50, 51]
        endpoint.close()


async def test_noise_before_an_rtu_answer_is_passed_over():
    async def noisy(request, send):
        await send(b"\x00\xff" + peer.answer(request))

    async with rtu_peer({1: WORDS}) as peer:
        endpoint = rtu(peer)
        peer.misbehave(1, noisy)
        assert await ask(endpoint, 30) == [30, 31]
        endpoint.close()


async def test_a_device_that_closes_is_noticed_at_once_and_asked_again():
    async def closes(_request, _send):
        peer.cut()

    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, closes)
        started = asyncio.get_running_loop().time()
        with pytest.raises(LinkError, match="closed by the device"):
            await ask(endpoint, 0, timeout_s=5)
        assert asyncio.get_running_loop().time() - started < 2
        peer.misbehave(1, None)
        assert await ask(endpoint, 5) == [5, 6]
        endpoint.close()


async def test_attempts_to_connect_grow_apart_up_to_the_limit_and_vary():
    async with tcp_peer({1: WORDS}) as peer:
        port = peer.port
    endpoint = Endpoint(ModbusConnection("tcp", host="127.0.0.1", port=port), longest_retry_s=0.4, jitter=lambda: 1.0)
    loop = asyncio.get_running_loop()
    attempts, start = [], loop.time()
    while len(attempts) < 4:
        with pytest.raises(LinkError) as raised:
            await ask(endpoint, 0)
        if "cannot connect" in str(raised.value):
            attempts.append(loop.time() - start)
        await asyncio.sleep(0.005)
    pauses = [later - earlier for earlier, later in zip(attempts, attempts[1:], strict=False)]
    assert pauses[0] == pytest.approx(0.25, abs=0.1)
    assert pauses[1] == pytest.approx(0.4, abs=0.1)
    assert pauses[2] == pytest.approx(0.4, abs=0.1)
    endpoint.jitter = lambda: 0.0
    endpoint._back_off()
    assert endpoint.line.retry_at - loop.time() == pytest.approx(0.2, abs=0.01)


async def test_the_warm_up_and_the_gap_are_kept():
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer, warm_up_s=0.2, request_gap_s=0.1)
        started = asyncio.get_running_loop().time()
        for address in range(3):
            await ask(endpoint, address)
        # To the microsecond: 0.4 - 0.3 is less than 0.1 by the last digit of a float.
        first, second, third = (round((request.at - started) * 1e6) for request in peer.requests)
        assert first >= 200_000
        assert second - first >= 100_000
        assert third - second >= 100_000
        endpoint.close()


async def test_one_request_at_a_time_whoever_asks():
    under_way = most = 0

    async def counted(request, send):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        await send(peer.answer(request))

    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, counted)
        answers = await asyncio.gather(*(ask(endpoint, address, timeout_s=2) for address in range(10)))
        endpoint.close()
    assert answers == [[address, address + 1] for address in range(10)]
    assert most == 1
    assert peer.connections == 1


async def test_a_cancelled_request_takes_its_connection_with_it():
    async with tcp_peer({1: WORDS, 2: WORDS}) as peer:
        endpoint = tcp(peer)
        peer.misbehave(1, silent)
        asking = asyncio.ensure_future(ask(endpoint, 0, timeout_s=5))
        await until(lambda: bool(peer.requests))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await ask(endpoint, 3, unit=2) == [3, 4]
        assert peer.connections == 2
        endpoint.close()


async def test_nothing_but_a_read_can_leave():
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = tcp(peer)
        await ask(endpoint, 0)
        client = endpoint.line.link._client
        for write in (
            client.write_register(0, 1),
            client.write_registers(0, [1]),
            client.write_coil(0, True),
            client.mask_write_register(address=0),
        ):
            with pytest.raises(LinkError, match="only reads"):
                await write
        endpoint.close()
    assert {request.function for request in peer.requests} == {3}


async def test_a_serial_port_that_is_not_there_is_a_link_error(tmp_path):
    endpoint = Endpoint(ModbusConnection("rtu", serial=str(tmp_path / "ttyNone")))
    with pytest.raises(LinkError, match="cannot connect"):
        await ask(endpoint, 0)


async def test_a_serial_port_pulled_out_and_put_back_is_found_again(tmp_path, capfd):
    port = tmp_path / "ttyUSB0"
    endpoint = Endpoint(ModbusConnection("rtu", serial=str(port), baud=115_200), longest_retry_s=0.1)
    async with rtu_peer({1: WORDS}) as peer:
        port.symlink_to(peer.port)
        assert await ask(endpoint, 10) == [10, 11]
    port.unlink()
    for _ in range(3):
        with pytest.raises(LinkError):
            await ask(endpoint, 10)
        await asyncio.sleep(0.05)
    async with rtu_peer({1: WORDS}) as peer:
        port.symlink_to(peer.port)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 5
        words: list[int] = []
        while not words and loop.time() < deadline:
            try:
                words = await ask(endpoint, 20)
            except LinkError:
                await asyncio.sleep(0.05)
        assert words == [20, 21]
        endpoint.close()
    assert capfd.readouterr().err == ""
