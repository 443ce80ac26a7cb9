"""Huawei LUNA2000 battery storage, read through its SUN2000 inverter.

Document: Huawei, "Solar Inverter Modbus Interface Definitions (V3.0)", issue 01 (2023-01-17), energy storage unit 1.
Cross-checked with wlcrs/huawei-solar-lib and bolliy/ioBroker.sun2000 ("> 0 charging, < 0 discharging"). parkgrid counts
discharge positive, so power and current have a negative scale.
"""

from parkgrid_contract.signals import OPERATING_STATES
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Text

_STATE = {name: code for code, name in enumerate(OPERATING_STATES)}
_STATES = {
    0: _STATE["off"],
    1: _STATE["standby"],
    2: _STATE["running"],
    3: _STATE["fault"],
    4: _STATE["standby"],
}

DRIVER = Driver(
    name="huawei_luna2000",
    device_class="storage",
    vendor="Huawei",
    model="LUNA2000",
    document="Solar Inverter Modbus Interface Definitions V3.0, issue 01 (2023-01-17)",
    registers=(
        Register("operating_state", 37000, Encoding.UINT16, states=_STATES, vendor_name="Running status"),
        Register(
            "active_power_kw",
            37001,
            Encoding.INT32,
            -0.001,
            absent=(0x7FFF_FFFF,),
            vendor_name="Charge and discharge power",
        ),
        Register("dc_voltage_v", 37003, Encoding.UINT16, 0.1, vendor_name="Bus voltage"),
        Register("soc_pct", 37004, Encoding.UINT16, 0.1, vendor_name="Battery SOC"),
        Register("fault_code", 37014, Encoding.UINT16, vendor_name="Fault ID"),
        Register("dc_current_a", 37021, Encoding.INT16, -0.1, absent=(0x7FFF,), vendor_name="Bus current"),
        Register("charge_limit_kw", 37046, Encoding.UINT32, 0.001, vendor_name="Maximum charge power"),
        Register("discharge_limit_kw", 37048, Encoding.UINT32, 0.001, vendor_name="Maximum discharge power"),
        Register("energy_charged_kwh", 37066, Encoding.UINT32, 0.01, vendor_name="Total charge"),
        Register("energy_discharged_kwh", 37068, Encoding.UINT32, 0.01, vendor_name="Total discharge"),
    ),
    # 37000-37069 is one area of the map; what is not listed here are ratings, versions and day counters.
    max_gap_registers=30,
    warm_up_s=1.0,
    identity={"serial": Text(37052, 10), "firmware": Text(37814, 15)},
)
