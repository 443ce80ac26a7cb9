"""The Modbus TCP server byte by byte, on real sockets."""

import asyncio
import struct

import pytest

from parkgrid_edge.polling.endpoint import Endpoint
from parkgrid_edge.protocols.frames import Read
from parkgrid_edge.protocols.modbus import ModbusConnection
from parkgrid_edge.protocols.registers import Table
from parkgrid_simulators.clock import SteppedClock
from parkgrid_simulators.control_errors import ControlError
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.plant import SimulatedDevice
from tests.simulators.bench_plant import KnownPlant, Raw, read_request

pytestmark = pytest.mark.process

METER = SimulatedDevice("m-1", "meter", "eastron_sdm630", bus="b")
SECOND = SimulatedDevice("m-2", "meter", "eastron_sdm630", bus="b")
INVERTER = SimulatedDevice("pv-1", "pv_inverter", "huawei_sun2000")


@pytest.fixture
async def bench():
    """A running server over known values; yields plant, clock, server and endpoints by device."""
    plant = KnownPlant(
        (METER, SECOND, INVERTER),
        {
            "m-1": {"active_power_kw": 1.5, "voltage_a_v": 230.0, "energy_import_kwh": lambda at_ms: at_ms / 1000},
            "m-2": {"active_power_kw": -2.0},
            "pv-1": {"active_power_kw": 70.0, "energy_generated_kwh": 12345.67, "operating_state": 3.0},
        },
    )
    clock = SteppedClock(1_000_000)
    server = ModbusServer(plant, clock)
    endpoints = {endpoint.device.device: endpoint for endpoint in await server.start()}
    yield plant, clock, server, endpoints
    await server.stop()


@pytest.fixture
async def meter(bench):
    raw = await Raw.open(bench[3]["m-1"])
    yield raw
    await raw.close()


@pytest.fixture
async def inverter(bench):
    raw = await Raw.open(bench[3]["pv-1"])
    yield raw
    await raw.close()


async def test_a_read_of_input_registers(meter) -> None:
    # 1500 W as float32 is 44 BB 80 00; 230 V is 43 66 00 00.
    assert await meter.ask("0001 0000 0006 01 04 0034 0002") == "00 01 00 00 00 07 01 04 04 44 bb 80 00"
    assert await meter.ask("abcd 0000 0006 01 04 0000 0002") == "ab cd 00 00 00 07 01 04 04 43 66 00 00"


async def test_a_read_of_holding_registers(inverter) -> None:
    # 70,000 W = 0x00011170; 12345.67 kWh in steps of 0.01 = 1,234,567 = 0x0012D687; on-grid = 0x0200.
    assert await inverter.ask(read_request(3, 32080, 2)) == "00 01 00 00 00 07 01 03 04 00 01 11 70"
    assert await inverter.ask(read_request(3, 32106, 2)) == "00 01 00 00 00 07 01 03 04 00 12 d6 87"
    assert await inverter.ask(read_request(3, 32089, 1)) == "00 01 00 00 00 05 01 03 02 02 00"


async def test_half_of_a_number_may_be_read(inverter) -> None:
    assert await inverter.ask(read_request(3, 32081, 1)) == "00 01 00 00 00 05 01 03 02 11 70"


async def test_units_of_one_port(bench, meter) -> None:
    assert bench[3]["m-1"].port == bench[3]["m-2"].port
    assert (bench[3]["m-1"].unit, bench[3]["m-2"].unit) == (1, 2)
    # -2000 W as float32 is C4 FA 00 00.
    assert await meter.ask(read_request(4, 52, 2, unit=2)) == "00 01 00 00 00 07 02 04 04 c4 fa 00 00"
    assert await meter.ask(read_request(4, 52, 2, unit=9)) == "00 01 00 00 00 03 09 84 0b"


async def test_absent_values_are_the_devices_own_no_value(meter, inverter) -> None:
    assert await meter.ask(read_request(4, 70, 2)) == "00 01 00 00 00 07 01 04 04 7f c0 00 00"
    assert await inverter.ask(read_request(3, 32087, 1)) == "00 01 00 00 00 05 01 03 02 80 00"


@pytest.mark.parametrize(
    ("request_frame", "answer"),
    [
        ("0001 0000 0006 01 05 0000 ff00", "00 01 00 00 00 03 01 85 01"),
        ("0001 0000 0006 01 03 0000 0002", "00 01 00 00 00 03 01 83 02"),
        ("0001 0000 0006 01 04 ffff 0002", "00 01 00 00 00 03 01 84 02"),
        ("0001 0000 0006 01 04 0034 0000", "00 01 00 00 00 03 01 84 03"),
        ("0001 0000 0006 01 04 0034 007e", "00 01 00 00 00 03 01 84 03"),
        ("0001 0000 0004 01 04 0034", "00 01 00 00 00 03 01 84 03"),
        ("0001 0000 0002 01 2b", "00 01 00 00 00 03 01 ab 01"),
        ("0001 0000 0007 01 06 0000 0001 00", "00 01 00 00 00 03 01 86 03"),
    ],
    ids=["function", "table", "end", "none", "too many", "short", "bare", "long"],
)
async def test_exceptions(meter, request_frame, answer) -> None:
    assert await meter.ask(request_frame) == answer


async def test_pipelined_and_chopped_frames_are_answered_in_order(meter) -> None:
    meter.send(*(read_request(4, 52, 2, transaction=number) for number in range(1, 6)))
    assert [(await meter.answer())[:5] for _ in range(5)] == [f"00 0{number}" for number in range(1, 6)]
    for octet in bytes.fromhex(read_request(4, 0, 2, transaction=6).replace(" ", "")):
        meter.writer.write(bytes((octet,)))
        await meter.writer.drain()
    assert (await meter.answer()).endswith("43 66 00 00")


@pytest.mark.parametrize("frame", ["0001 0001 0006 01 04 0034 0002", "0001 0000 0001 01", "0001 0000 ffff 01 04"])
async def test_what_is_not_modbus_ends_the_connection_only(bench, meter, frame) -> None:
    meter.send(frame)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await meter.answer()
    again = await Raw.open(bench[3]["m-1"])
    assert (await again.ask(read_request(4, 0, 2))).endswith("43 66 00 00")
    await again.close()


async def test_writes(bench, inverter) -> None:
    # limit_pct stands at 40125 in steps of 0.1.
    assert await inverter.ask("0001 0000 0006 01 06 9cbd 01f4") == "00 01 00 00 00 06 01 06 9c bd 01 f4"
    assert await inverter.ask("0002 0000 0009 01 10 9cbd 0001 02 00fa") == "00 02 00 00 00 06 01 10 9c bd 00 01"
    assert bench[0].written == [("pv-1", "limit_pct", 50.0), ("pv-1", "limit_pct", 25.0)]
    assert await inverter.ask("0003 0000 0006 01 06 9cbd 03e9") == "00 03 00 00 00 03 01 86 03"
    assert await inverter.ask("0004 0000 0006 01 06 7d50 0001") == "00 04 00 00 00 03 01 86 02"
    assert await inverter.ask("0005 0000 0009 01 10 9cbd 0002 02 00fa") == "00 05 00 00 00 03 01 90 03"
    assert len(bench[0].written) == 2


async def test_registers_are_those_of_the_simulated_instant(bench, meter) -> None:
    (first,) = struct.unpack(">f", bytes.fromhex((await meter.ask(read_request(4, 72, 2)))[-11:].replace(" ", "")))
    bench[1].advance_to(2_000_000)
    (second,) = struct.unpack(">f", bytes.fromhex((await meter.ask(read_request(4, 72, 2)))[-11:].replace(" ", "")))
    assert (first, second) == (1000.0, 2000.0)


async def test_the_edge_reads_it(bench) -> None:
    endpoint = bench[3]["pv-1"]
    reader = Endpoint(ModbusConnection(host=endpoint.host, port=endpoint.port, unit=1))
    words = await reader.read(Read(unit=1, table=Table.HOLDING, address=32080, count=2), 2.0)
    assert list(words) == [0x0001, 0x1170]
    reader.close()


async def test_a_taken_port_is_refused_and_nothing_stays_open(bench) -> None:
    taken = bench[3]["pv-1"].port
    other = ModbusServer(bench[0], bench[1])
    with pytest.raises(OSError, match="address already in use"):
        await other.start(port_base=taken - 1 if taken != bench[3]["m-1"].port + 1 else taken)
    await other.stop()


@pytest.mark.parametrize("port_base", [-5, 65_535, 70_000, 10**400, "80", 1.5, True])
async def test_a_port_that_no_machine_has_is_refused(bench, port_base) -> None:
    server = ModbusServer(bench[0], bench[1])
    with pytest.raises(
        ControlError, match=r"^port_base = .*: (must be a whole number between 0 and 65535|the park needs)"
    ):
        await server.start(port_base=port_base)


async def test_too_many_clients_of_one_port_are_turned_away(bench, inverter) -> None:
    crowd = [await Raw.open(bench[3]["m-1"]) for _ in range(32)]
    late = await Raw.open(bench[3]["m-1"])
    late.send(read_request(4, 0, 2))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await late.answer()
    assert (await crowd[0].ask(read_request(4, 0, 2))).endswith("43 66 00 00")
    # Other devices are reached all the same, by new clients too.
    other = await Raw.open(bench[3]["pv-1"])
    assert await other.ask(read_request(3, 32080, 2)) == await inverter.ask(read_request(3, 32080, 2))
    await other.close()
    for raw in (*crowd, late):
        await raw.close()


async def test_endpoints_describe_the_device(bench) -> None:
    document = bench[3]["m-2"].document()
    assert document["device"] == "m-2"
    assert document["class"] == "meter"
    assert document["connection"] == {"kind": "tcp", "host": "127.0.0.1", "port": bench[3]["m-2"].port, "unit": 2}
