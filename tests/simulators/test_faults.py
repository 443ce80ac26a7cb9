"""Every fault that a device can have, seen by a client on the wire."""

import asyncio
import struct

import pytest

from parkgrid_simulators.clock import SteppedClock
from parkgrid_simulators.faults import FOREVER_MS, MOST_FAULTS, Fault, FaultKind, FaultPlan, parameter_problems
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.plant import SimulatedDevice
from tests.simulators.bench_plant import KnownPlant, Raw, read_request

pytestmark = pytest.mark.process

DEVICES = (
    SimulatedDevice("pv-1", "pv_inverter", "huawei_sun2000", bus="b"),
    SimulatedDevice("pv-2", "pv_inverter", "huawei_sun2000", bus="b"),
)
POWER, ENERGY = read_request(3, 32080, 2), read_request(3, 32106, 2)
GOOD_POWER = "00 01 00 00 00 07 01 03 04 00 01 11 70"


@pytest.fixture
async def bench():
    plant = KnownPlant(
        DEVICES, {"active_power_kw": 70.0, "operating_state": 3.0, "energy_generated_kwh": lambda at_ms: at_ms / 1000}
    )
    clock, plan = SteppedClock(100_000), FaultPlan()
    server = ModbusServer(plant, clock, plan)
    endpoints = await server.start()
    raw = await Raw.open(endpoints[0])
    yield clock, plan, raw, endpoints[0]
    await raw.close()
    await server.stop()


def fault(kind, start=110_000, end=120_000, **parameters):
    return Fault("pv-1", kind, start, end, parameters)


def energy(answer: str) -> float:
    (steps,) = struct.unpack(">I", bytes.fromhex(answer[-11:].replace(" ", "")))
    return steps / 100


async def test_a_fault_holds_only_in_its_span_and_on_its_device(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.EXCEPTION, code=6))
    assert await raw.ask(POWER) == GOOD_POWER
    clock.advance_to(110_000)
    assert await raw.ask(POWER) == "00 01 00 00 00 03 01 83 06"
    assert await raw.ask(read_request(3, 32080, 2, unit=2)) == GOOD_POWER.replace("07 01", "07 02")
    clock.advance_to(120_000)
    assert await raw.ask(POWER) == GOOD_POWER


async def test_silence(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.SILENT))
    clock.advance_to(111_000)
    raw.send(POWER)
    assert await raw.silent()
    clock.advance_to(120_000)
    assert await raw.ask(POWER) == GOOD_POWER


async def test_hanging_in_the_middle_of_a_frame(bench) -> None:
    clock, plan, raw, endpoint = bench
    plan.inject(fault(FaultKind.HANG))
    clock.advance_to(111_000)
    raw.send(POWER)
    half = await asyncio.wait_for(raw.reader.readexactly(6), 2.0)
    assert half == bytes.fromhex("000100000007")
    raw.send(POWER)
    assert await raw.silent()
    clock.advance_to(120_000)
    again = await Raw.open(endpoint)
    assert await again.ask(POWER) == GOOD_POWER
    await again.close()


async def test_a_late_reply(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.LATE, delay_s=0.3))
    clock.advance_to(111_000)
    started = asyncio.get_running_loop().time()
    assert await raw.ask(POWER) == GOOD_POWER
    assert asyncio.get_running_loop().time() - started >= 0.29


async def test_another_units_answer(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.WRONG_UNIT))
    clock.advance_to(111_000)
    assert await raw.ask(POWER) == GOOD_POWER.replace("07 01", "07 02")


@pytest.mark.parametrize(("number", "words"), [(None, "ff ff ff ff"), (32767, "7f ff 7f ff"), (0, "00 00 00 00")])
async def test_spikes(bench, number, words) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.SPIKE, **({} if number is None else {"word": number})))
    clock.advance_to(111_000)
    assert (await raw.ask(POWER)).endswith(words)


async def test_swapped_words(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.WORD_SWAP))
    clock.advance_to(111_000)
    assert (await raw.ask(POWER)).endswith("11 70 00 01")
    assert (await raw.ask(read_request(3, 32089, 1))).endswith("03 02 02 00")


async def test_stuck_values_are_those_of_the_beginning(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.STUCK))
    clock.advance_to(115_000)
    assert energy(await raw.ask(ENERGY)) == 110.0
    clock.advance_to(119_000)
    assert energy(await raw.ask(ENERGY)) == 110.0
    clock.advance_to(121_000)
    assert energy(await raw.ask(ENERGY)) == 121.0


async def test_a_counter_that_starts_again(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.COUNTER_RESET, end=FOREVER_MS))
    assert energy(await raw.ask(ENERGY)) == 100.0
    clock.advance_to(112_500)
    assert energy(await raw.ask(ENERGY)) == 2.5


async def test_a_counter_that_passes_its_end(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.COUNTER_WRAP, distance_kwh=5.0, end=FOREVER_MS))
    clock.advance_to(114_000)
    # 2^32 steps of 0.01 kWh, less one kWh.
    assert energy(await raw.ask(ENERGY)) == 42_949_672.96 - 1.0
    clock.advance_to(116_000)
    assert energy(await raw.ask(ENERGY)) == 1.0
    assert (await raw.ask(POWER)) == GOOD_POWER


async def test_faults_can_be_cleared(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.EXCEPTION, code=4))
    plan.inject(fault(FaultKind.STUCK))
    plan.clear("pv-2")
    clock.advance_to(111_000)
    assert await raw.ask(POWER) == "00 01 00 00 00 03 01 83 04"
    plan.clear("pv-1")
    assert await raw.ask(POWER) == GOOD_POWER
    plan.inject(Fault("nobody", FaultKind.STUCK, 0, FOREVER_MS))
    assert await raw.ask(POWER) == GOOD_POWER
    plan.clear()
    assert plan.active("nobody", 5) == ()


async def test_refused_registers(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.REFUSED, address=32081, count=2))
    plan.inject(fault(FaultKind.REFUSED, address=40125))
    clock.advance_to(111_000)
    assert await raw.ask(POWER) == "00 01 00 00 00 03 01 83 02"
    assert (await raw.ask(read_request(3, 32080, 1))).endswith("03 02 00 01")
    assert await raw.ask("0001 0000 0006 01 06 9cbd 01f4") == "00 01 00 00 00 03 01 86 02"
    assert energy(await raw.ask(ENERGY)) == 111.0
    clock.advance_to(120_000)
    assert await raw.ask(POWER) == GOOD_POWER


async def test_zero_for_a_while(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.ZERO))
    clock.advance_to(111_000)
    assert (await raw.ask(POWER)).endswith("03 04 00 00 00 00")
    assert energy(await raw.ask(ENERGY)) == 0.0
    # What was absent stays absent: phase A has no voltage here.
    assert (await raw.ask(read_request(3, 32069, 1))).endswith("03 02 ff ff")
    clock.advance_to(120_000)
    assert energy(await raw.ask(ENERGY)) == 120.0


async def test_a_counter_that_falls_a_little(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.COUNTER_FALL, end=FOREVER_MS, fall_kwh=0.25))
    assert energy(await raw.ask(ENERGY)) == 100.0
    clock.advance_to(110_000)
    assert energy(await raw.ask(ENERGY)) == 109.75
    clock.advance_to(112_000)
    assert energy(await raw.ask(ENERGY)) == 111.75
    assert await raw.ask(POWER) == GOOD_POWER


async def test_a_glitch_of_one_word(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.WORD_GLITCH, mask=0x0F00, share=1))
    clock.advance_to(111_000)
    answers = {(await raw.ask(POWER))[-11:] for _ in range(20)}
    assert answers == {"0f 01 11 70", "00 01 1e 70"}
    # A number of one register has no word that could be torn from another.
    assert (await raw.ask(read_request(3, 32089, 1))).endswith("03 02 02 00")


async def test_a_share_of_the_answers_drawn_with_the_seed(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.WORD_GLITCH, share=0.25))
    clock.advance_to(111_000)
    first = [await raw.ask(POWER) for _ in range(200)]
    assert 25 < sum(answer != GOOD_POWER for answer in first) < 75
    for seed, alike in ((1, True), (2, False)):
        server = ModbusServer(KnownPlant(DEVICES, {"active_power_kw": 70.0}), clock, FaultPlan(seed=seed))
        (other, _) = await server.start()
        server.plan.inject(fault(FaultKind.WORD_GLITCH, share=0.25))
        again = await Raw.open(other)
        assert ([await again.ask(POWER) for _ in range(200)] == first) is alike
        await again.close()
        await server.stop()


async def test_a_clock_that_is_late(bench) -> None:
    clock, plan, raw, _ = bench
    plan.inject(fault(FaultKind.LATE_CLOCK, behind_s=60))
    # 100 s after 1970 began, then 115 s less a minute.
    assert (await raw.ask(read_request(3, 40000, 2))).endswith("00 00 00 64")
    clock.advance_to(115_000)
    assert (await raw.ask(read_request(3, 40000, 2))).endswith("00 00 00 37")
    assert await raw.ask(POWER) == GOOD_POWER


@pytest.mark.parametrize("kind", FaultKind)
async def test_every_fault_begins_with_its_defaults_and_ends(bench, kind) -> None:
    clock, plan, raw, endpoint = bench
    number = plan.inject(Fault("pv-1", kind, 110_000, 120_000))
    clock.advance_to(111_000)
    if kind is FaultKind.SILENT:
        raw.send(POWER)
        assert await raw.silent()
    elif kind is FaultKind.HANG:
        raw.send(POWER)
        await raw.reader.readexactly(6)
    else:
        await raw.ask(POWER)
    assert plan.clear(number=number) == 1
    again = await Raw.open(endpoint)
    assert await again.ask(POWER) == GOOD_POWER
    await again.close()


def test_parameters_have_ranges() -> None:
    wrong = {"code": 0, "share": 2.0, "word": 5, "mask": True}
    assert [name for name, _, _ in parameter_problems(FaultKind.EXCEPTION, wrong)] == ["code", "share", "word", "mask"]
    assert not list(parameter_problems(FaultKind.EXCEPTION, {"code": 255, "share": 0.5}))
    remedies = {name: remedy for name, _, remedy in parameter_problems(FaultKind.SILENT, {"code": 1, "share": "often"})}
    assert remedies == {
        "code": "is no parameter of silent; it takes: share",
        "share": "must be a number between 0.001 and 1",
    }
    for value in (float("nan"), float("inf"), None, 1.5):
        assert list(parameter_problems(FaultKind.SPIKE, {"word": value}))


def test_a_plan_holds_so_many_and_forgets_what_ended() -> None:
    plan = FaultPlan(fault(FaultKind.SILENT, end=115_000 + number) for number in range(MOST_FAULTS))
    with pytest.raises(ValueError, match="1000 faults already: clear some"):
        plan.inject(fault(FaultKind.SILENT))
    plan.forget(115_500)
    assert len(plan.listed()) == MOST_FAULTS - 501
    assert plan.inject(fault(FaultKind.SILENT)) == MOST_FAULTS + 1
