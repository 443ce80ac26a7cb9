"""The simulated meter, read over a real socket: alone, with a fault, and in a park."""

import pytest
from abb_parkgrid.b23 import DRIVER
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from parkgrid_edge.protocols.registers import decode

ROWS = {row.signal: row for row in DRIVER.registers}


def shown(meter, signal, timeout_s=5):
    row = ROWS[signal]
    with ModbusTcpClient(meter.host, port=meter.port, timeout=timeout_s, retries=0) as client:
        answer = client.read_holding_registers(row.address, count=row.encoding.words, device_id=meter.unit)
    return decode(row, answer.registers)


def test_one_meter_alone(parkgrid_device):
    meter = parkgrid_device("abb_b23", rated_power_kw=40, speed=0)
    assert shown(meter, "voltage_a_v") == pytest.approx(230, rel=0.1)
    meter.inject("silent")
    with pytest.raises(ModbusIOException):
        shown(meter, "voltage_a_v", timeout_s=0.2)
    meter.clear()
    assert shown(meter, "voltage_a_v") == pytest.approx(230, rel=0.1)


@pytest.mark.parkgrid_scenario("park.toml", speed=0, start="2026-06-21T12:00")
def test_the_powers_of_a_park_balance(parkgrid_park):
    grid, load = (shown(parkgrid_park[name], "active_power_kw") for name in ("grid", "load"))
    pv = parkgrid_park["pv"].values()["active_power_kw"]
    losses = grid + pv - load
    assert 0 < losses < (pv + load) / 10
