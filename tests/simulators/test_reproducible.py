"""The same seed and the same clock give the same bytes, whoever polls in between."""

from dataclasses import replace
from datetime import date

import pytest

from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import blocks
from parkgrid_simulators.clock import SteppedClock
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import load_scenario
from parkgrid_simulators.weather import PINGSHAN
from tests.simulators.bench_plant import Raw, read_request

pytestmark = pytest.mark.process

START_MS = PINGSHAN.midnight_ms(date(2026, 6, 22)) + 11 * 3_600_000
INSTANTS = [START_MS, START_MS + 61_003, START_MS + 1_800_000]
SUNSPEC_BLOCKS = [(3, 40000, 70), (3, 40070, 52)]


async def everything(endpoints) -> list[str]:
    """Every block of every device, as the bytes on the wire."""
    found = []
    for endpoint in endpoints:
        raw = await Raw.open(endpoint)
        for function, address, count in requests(endpoint.device.driver):
            found.append(await raw.ask(read_request(function, address, count, endpoint.unit)))
        await raw.close()
    return found


def requests(name: str) -> list[tuple[int, int, int]]:
    if name == "sunspec":
        return SUNSPEC_BLOCKS
    driver = drivers.find(name)
    cut = blocks(driver.registers, driver.max_registers, driver.max_gap_registers)
    return [({"holding": 3, "input": 4}[block.table.value], block.address, block.count) for block in cut]


async def run(seed: int, *, nosy: bool) -> list[list[str]]:
    clock = SteppedClock(START_MS)
    server = ModbusServer(Park(replace(load_scenario(), seed=seed, step_s=10.0), START_MS), clock)
    endpoints = await server.start()
    found = []
    for at_ms in INSTANTS:
        while nosy and clock.now_ms() + 20_000 < at_ms:
            clock.advance_to(clock.now_ms() + 17_389)
            await everything(endpoints[::3])
        clock.advance_to(at_ms)
        found.append(await everything(endpoints))
    await server.stop()
    return found


async def test_same_seed_same_bytes() -> None:
    calm, nosy = await run(7, nosy=False), await run(7, nosy=True)
    assert calm == nosy
    assert calm[0] != calm[1] != calm[2]
    assert all(" 83 " not in answer[18:27] for answers in calm for answer in answers)
    other = await run(8, nosy=False)
    assert other[0] != calm[0]
