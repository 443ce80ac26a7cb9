"""The simulators' own V2G gun: a direct-current charger of parkgrid that charges and gives back.

Document: parkgrid, "Registers of the simulated V2G gun", version 1, which is this file; input registers, function code
4, addresses as sent. No maker's document with a register of returned energy was found in public, so this table claims
no make. For a real bidirectional charger write a driver of its own (docs/add-a-device.md).

Charging is positive, as parkgrid counts it; a power or a current below zero gives back.
"""

from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table, WriteRegister


def _input(signal: str, address: int, encoding: Encoding, scale: float, vendor_name: str) -> Register:
    return Register(signal, address, encoding, scale, table=Table.INPUT, vendor_name=vendor_name)


DRIVER = Driver(
    name="parkgrid_v2g",
    device_class="charger",
    vendor="parkgrid",
    model="simulated V2G gun",
    document="Registers of the simulated V2G gun, version 1",
    registers=(
        Register(
            "operating_state",
            0,
            Encoding.UINT16,
            table=Table.INPUT,
            states={code: code for code in range(len(CHARGER_STATES))},
            vendor_name="State, as the catalogue numbers the states of a charger",
        ),
        _input("active_power_kw", 1, Encoding.INT32, 0.001, "Power, giving back below zero"),
        _input("voltage_v", 3, Encoding.UINT16, 0.1, "Voltage"),
        _input("current_a", 4, Encoding.INT16, 0.1, "Current, giving back below zero"),
        _input("vehicle_soc_pct", 5, Encoding.UINT16, 0.01, "State of charge of the vehicle"),
        _input("session_energy_kwh", 6, Encoding.INT32, 0.01, "Delivered less returned energy of the session"),
        _input("limit_kw", 8, Encoding.UINT32, 0.001, "Maximum power"),
        _input("energy_delivered_kwh", 10, Encoding.INT64, 0.001, "Delivered energy"),
        _input("energy_returned_kwh", 14, Encoding.INT64, 0.001, "Returned energy"),
        _input("session_count", 18, Encoding.UINT32, 1, "Sessions"),
        _input("temperature_c", 20, Encoding.INT16, 0.1, "Temperature"),
        _input("fault_code", 21, Encoding.UINT16, 1, "Fault"),
    ),
    writes=(WriteRegister("limit_kw", 0, Encoding.UINT32, 0.001, low=0, high=1_000),),
)
