"""Registers that are refused and come back: left out, asked for again with growing pauses, at most one more a visit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from parkgrid_contract.time import SystemClock
from parkgrid_edge.polling.endpoint import Endpoint
from parkgrid_edge.polling.poller import Pace, PolledDevice, Poller
from parkgrid_edge.polling.reading import DeviceReader, Reading
from parkgrid_edge.polling.refusals import LONGEST_PAUSE_S
from parkgrid_edge.protocols.modbus import ModbusConnection
from tests.edge.peer import Device, Request, Send, TcpPeer, tcp_peer
from tests.edge.test_sunspec import INVERTER, common, device, model

pytestmark = [pytest.mark.edge, pytest.mark.process]

ENERGY, TEMPERATURE, FAULT = (32106, 32107), (32087,), (32090,)
WORDS = dict.fromkeys(range(30_000, 42_000), 7)
SIGNALS = 22
"""Rows of the driver, without the state, which 7 is no code of."""


class Bench:
    """One device under one reader, visited at instants of our own."""

    def __init__(self, peer: TcpPeer, endpoint: Endpoint, driver: str, device_class: str) -> None:
        self.peer = peer
        self._endpoint = endpoint
        self.reader = DeviceReader(driver, device_class, 1)
        self.asked: list[list[tuple[int, int]]] = []

    async def visit(self, at_s: float) -> Reading:
        before = len(self.peer.requests)
        reading = await self.reader.visit(self._endpoint, 1.0, at_s)
        self.asked.append([(request.address, request.count) for request in self.peer.requests[before:]])
        return reading

    def lose(self, *addresses: int) -> None:
        for address in addresses:
            del self.peer.devices[1].words[address]

    def find(self, *addresses: int) -> None:
        self.peer.devices[1].words.update(dict.fromkeys(addresses, 7))


@contextlib.asynccontextmanager
async def bench(
    words: Device | None = None, driver: str = "huawei_sun2000", device_class: str = "pv_inverter"
) -> AsyncIterator[Bench]:
    async with tcp_peer({1: words or Device(dict(WORDS))}) as peer:
        endpoint = Endpoint(ModbusConnection("tcp", host="127.0.0.1", port=peer.port))
        yield Bench(peer, endpoint, driver, device_class)
        endpoint.close()


async def test_an_energy_register_that_was_refused_for_some_seconds_comes_back_while_the_link_stands():
    async with bench() as inverter:
        assert len((await inverter.visit(0)).values) == SIGNALS
        await inverter.visit(1)
        plan = inverter.asked[1]
        inverter.lose(*ENERGY)
        reading = await inverter.visit(2)
        assert reading.refused == ["energy_generated_kwh"]
        assert len(reading.values) == SIGNALS - 1, "the others of its block are read in the same visit"
        inverter.find(*ENERGY)
        for second in (3, 4, 5, 6):
            assert "energy_generated_kwh" not in (await inverter.visit(second)).values
        assert [len(asked) for asked in inverter.asked[3:6]] == [len(plan)] * 3, "what is left is read as one"
        back = await inverter.visit(7)
        assert back.returned == ["energy_generated_kwh"]
        assert back.values["energy_generated_kwh"] == 7 * 65_536 * 0.01 + 0.07
        assert "energy_generated_kwh" in inverter.reader.identity.signals, "so that it is announced"
        assert len((await inverter.visit(8)).values) == SIGNALS
        assert inverter.asked[-1] == plan, "and the plan is the one of before"
        assert inverter.peer.connections == 1


async def test_a_register_comes_back_although_its_neighbour_stays_away():
    async with bench() as inverter:
        inverter.lose(*ENERGY, *TEMPERATURE)
        reading = await inverter.visit(0)
        assert reading.refused == ["energy_generated_kwh", "temperature_c"]
        inverter.find(*ENERGY)
        found: dict[str, int] = {}
        for second in range(1, 30):
            reading = await inverter.visit(second)
            found |= dict.fromkeys(reading.returned, second)
        assert found == {"energy_generated_kwh": found["energy_generated_kwh"]}
        assert found["energy_generated_kwh"] <= 8
        assert len(reading.values) == SIGNALS - 1
        assert reading.failures == []


async def test_the_pause_grows_to_an_hour_and_a_visit_asks_at_most_one_question_more():
    async with bench() as inverter:
        inverter.lose(*ENERGY, *TEMPERATURE)
        await inverter.visit(0)
        plan = len((await inverter.visit(1)) and inverter.asked[-1])
        rounds = []
        for second in range(10, 40_000, 10):
            await inverter.visit(second)
            extra = inverter.asked[-1][plan:]
            assert len(extra) <= 1
            if extra and extra[0][1] > 2:
                rounds.append(second)
        pauses = [later - earlier for earlier, later in zip(rounds, rounds[1:], strict=False)]
        assert pauses == sorted(pauses)
        assert pauses[-1] == pytest.approx(LONGEST_PAUSE_S, abs=60)
        extra = sum(len(asked) - plan for asked in inverter.asked[1:])
        # A round is the block and two parts of it; 3600 s are reached in ten rounds, the rest are one an hour.
        assert extra <= 3 * (11 + 40_000 / 3600)


async def test_what_comes_and_goes_is_asked_for_more_rarely_each_time():
    async with bench() as inverter:
        await inverter.visit(0)
        lost = []
        for second in range(1, 1200):
            reading = await inverter.visit(second)
            if reading.returned or second == 1:
                inverter.lose(*ENERGY)
            if reading.refused:
                lost.append(second)
                inverter.find(*ENERGY)
        gaps = [later - earlier for earlier, later in zip(lost, lost[1:], strict=False)]
        assert gaps == sorted(gaps)
        assert len(lost) < 10
        assert sum(len(asked) for asked in inverter.asked) < 1200 + 10 * 30


def refusing(peer: TcpPeer, code: int, condition: Callable[[Request], bool]):
    async def behaviour(request: Request, send: Send) -> None:
        pdu = bytes([request.function | 0x80, code]) if condition(request) else peer.devices[1].pdu(request)
        await send(peer.wrap(request, pdu))

    return behaviour


def touches(*addresses: int) -> Callable[[Request], bool]:
    return lambda request: any(request.address <= at < request.address + request.count for at in addresses)


@pytest.mark.parametrize("code", [4, 8, 99])
async def test_one_register_that_always_fails_does_not_take_its_block_with_it(code):
    async with bench() as inverter:
        inverter.peer.misbehave(1, refusing(inverter.peer, code, touches(*TEMPERATURE)))
        counts = [len((await inverter.visit(second)).values) for second in range(6)]
        assert (counts[0], counts[-1]) == (0, SIGNALS - 1)
        inverter.peer.misbehave(1, None)
        for second in range(6, 30):
            reading = await inverter.visit(second)
        assert len(reading.values) == SIGNALS


@pytest.mark.parametrize("code", [4, 5, 6, 11])
async def test_a_device_that_fails_altogether_is_left_in_peace_and_read_at_once_when_it_works(code):
    async with bench() as inverter:
        await inverter.visit(0)
        plan = len((await inverter.visit(1)) and inverter.asked[-1])
        inverter.peer.misbehave(1, refusing(inverter.peer, code, lambda _: True))
        for second in range(2, 66):
            assert (await inverter.visit(second)).values == {}
        assert sum(len(asked) for asked in inverter.asked[2:]) <= 64 * plan * 1.5
        inverter.peer.misbehave(1, None)
        assert len((await inverter.visit(66)).values) == SIGNALS


@pytest.mark.parametrize("code", [1, 2, 3])
async def test_a_device_that_refuses_everything_while_it_starts_is_read_whole_afterwards(code):
    async with bench() as inverter:
        inverter.peer.misbehave(1, refusing(inverter.peer, code, lambda _: True))
        for second in range(8):
            assert (await inverter.visit(second)).values == {}
        assert max(len(asked) for asked in inverter.asked[1:]) <= 2 + 3, "a question, another one, and who it is"
        inverter.peer.misbehave(1, None)
        for second in range(8, 12):
            reading = await inverter.visit(second)
        assert len(reading.values) == SIGNALS


async def test_an_illegal_function_is_not_put_to_every_register():
    async with bench() as inverter:
        await inverter.visit(0)
        plan = len((await inverter.visit(1)) and inverter.asked[-1])
        inverter.peer.misbehave(1, refusing(inverter.peer, 1, lambda _: True))
        assert (await inverter.visit(2)).values == {}
        assert len(inverter.asked[-1]) <= plan + 8, "the block, its stretches until three registers refuse, a question"
        inverter.peer.misbehave(1, None)
        for second in range(3, 9):
            reading = await inverter.visit(second)
        assert len(reading.values) == SIGNALS


async def test_a_device_whose_first_register_is_missing_for_good_is_found_when_it_has_started():
    words = Device()
    async with bench(words) as inverter:
        for second in range(4):
            await inverter.visit(second)
        words.words.update(WORDS)
        inverter.lose(32016)
        for second in range(4, 30):
            reading = await inverter.visit(second)
        assert len(reading.values) == SIGNALS - 1


async def test_a_scale_factor_that_is_refused_costs_what_it_scales():
    """Power and its factor are two stretches of one register; taking them apart once went on for ever."""
    board = device(common(), model(103, 50, INVERTER))
    start = 40_002 + 68
    async with bench(board, "sunspec") as inverter:
        await inverter.visit(0)
        words = {address: board.words.pop(address) for address in (start + 13,)}
        reading = await inverter.visit(1)
        assert reading.refused == ["voltage_a_v", "voltage_b_v", "voltage_c_v"]
        assert len(reading.values) == 16 - 3
        assert len(inverter.asked[-1]) < 60
        board.words.update(words)
        for second in range(2, 9):
            reading = await inverter.visit(second)
        assert reading.values["voltage_a_v"] == 230.1


async def test_a_name_that_was_refused_at_first_is_asked_for_again():
    async with bench() as inverter:
        model_text = {30_000 + at: 0x4141 for at in range(15)}
        inverter.lose(*model_text)
        await inverter.visit(0)
        assert inverter.reader.identity.model == ""
        for second in range(1, 10_000, 5):
            await inverter.visit(second)
        asked = [(1 + 5 * at) for at, asked in enumerate(inverter.asked[1:]) if (30_000, 15) in asked]
        assert asked == [61, 181, 421, 901, 1861, 3781, 7381], "a minute, two, four, ... an hour"
        inverter.peer.devices[1].words.update(model_text)
        await inverter.visit(20_000)
        assert inverter.reader.identity.model == "A" * 30
        assert sum((30_015, 10) in asked for asked in inverter.asked) == 1, "what was told is not asked again"


async def test_a_device_that_never_tells_its_name_is_asked_one_question_at_a_time():
    async with bench() as inverter:
        inverter.lose(*range(30_000, 30_015), *range(30_015, 30_025), *range(31_025, 31_040))
        await inverter.visit(0)
        assert len(inverter.asked[0]) == 1 + 3
        for second in range(1, 3601):
            await inverter.visit(second)
        assert sum(len(asked) - 1 for asked in inverter.asked[1:]) == 5


async def test_a_silent_device_under_question_is_no_worse_than_a_silent_device():
    """A question that is not answered at all ends the visit; what was read before it is kept."""
    async with bench() as inverter:
        inverter.lose(*ENERGY)
        await inverter.visit(0)

        async def deaf(request: Request, send: Send) -> None:
            if not touches(*ENERGY)(request):
                await send(inverter.peer.answer(request))

        inverter.peer.misbehave(1, deaf)
        inverter._endpoint.close()
        readings = [await inverter.visit(second) for second in range(6, 40)]
        assert all(len(reading.values) == SIGNALS - 1 for reading in readings)
        assert sum(bool(reading.failures) for reading in readings) <= 4


async def test_the_poller_announces_a_register_that_came_back():
    words = Device(dict(WORDS))
    lost = {address: words.words.pop(address) for address in ENERGY}
    told: list[tuple[str, ...]] = []
    async with tcp_peer({1: words}) as peer:
        connection = ModbusConnection("tcp", host="127.0.0.1", port=peer.port, timeout_s=1)
        poller = Poller(
            [PolledDevice("pv", "huawei_sun2000", "pv_inverter", 1.0, connection)],
            SystemClock(),
            lambda _: None,
            pace=Pace(100),
            identified=lambda _, identity: told.append(identity.signals),
        )
        await poller.poll_once()
        assert "energy_generated_kwh" not in poller.signals("pv")
        words.words.update(lost)

        async def until_back() -> None:
            while "energy_generated_kwh" not in poller.signals("pv"):
                await poller.poll_once()

        await asyncio.wait_for(until_back(), 10)
        poller.close()
    assert ["energy_generated_kwh" in signals for signals in told] == [False, True]
