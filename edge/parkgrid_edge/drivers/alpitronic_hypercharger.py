"""Alpitronic hypercharger, direct-current super-charger; this is its connector 1.

Document: alpitronic, "Load Management Manual" V2.5 (Modbus TCP), input registers, function code 4, addresses as sent.
Cross-checked with OpenEMS (io.openems.edge.evcs.hypercharger) and evcc-io/evcc (charger/alpitronic.go and its test).

Firmware caveat: before 1.7.2 the power register always read 0.
"""

from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table, WriteRegister

_STATE = {name: code for code, name in enumerate(CHARGER_STATES)}
_STATES = {
    0: _STATE["available"],
    2: _STATE["occupied"],  # vehicle ready
    1: _STATE["occupied"],  # waiting for authorisation
    3: _STATE["charging"],
    4: _STATE["occupied"],  # suspended by the vehicle
    5: _STATE["occupied"],  # suspended by the charger
    6: _STATE["finishing"],
    7: _STATE["reserved"],
    8: _STATE["unavailable"],
    9: _STATE["unavailable"],  # updating its firmware
    10: _STATE["fault"],
    11: _STATE["unavailable"],
}


def _input(signal: str, address: int, encoding: Encoding, scale: float, vendor_name: str) -> Register:
    return Register(signal, address, encoding, scale, table=Table.INPUT, vendor_name=vendor_name)


DRIVER = Driver(
    name="alpitronic_hypercharger",
    device_class="charger",
    vendor="alpitronic",
    model="hypercharger",
    document="Load Management Manual V2.5",
    registers=(
        Register(
            "operating_state", 100, Encoding.UINT16, table=Table.INPUT, states=_STATES, vendor_name="Connector state"
        ),
        _input("voltage_v", 101, Encoding.UINT32, 0.01, "Charging voltage"),
        _input("current_a", 103, Encoding.UINT16, 0.01, "Charging current"),
        _input("active_power_kw", 104, Encoding.UINT32, 0.001, "Charging power"),
        _input("session_energy_kwh", 107, Encoding.UINT16, 0.01, "Charged energy"),
        _input("vehicle_soc_pct", 108, Encoding.UINT16, 0.01, "State of charge"),
        _input("energy_delivered_kwh", 132, Encoding.INT64, 0.001, "Total charged energy"),
        _input("limit_kw", 136, Encoding.UINT32, 0.001, "Maximum charging power AC"),
    ),
    writes=(WriteRegister("limit_kw", 100, Encoding.UINT32, 0.001, low=0, high=1_000),),
    # 109-131: connector type, limits of the vehicle, vehicle and tag identifiers.
    max_gap_registers=23,
)
