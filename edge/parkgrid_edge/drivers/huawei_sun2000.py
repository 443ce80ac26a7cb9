"""Huawei SUN2000 string inverter.

Document: Huawei, "Solar Inverter Modbus Interface Definitions (V3.0)", issue 01 (2023-01-17). Addresses are printed as
sent. Cross-checked with public readers of the same map (wlcrs/huawei-solar-lib; evcc-io/evcc, template huawei-dongle).

Firmware caveats: the SDongle often answers exception 6 (busy) or closes the connection, and wants about a second of
rest after connecting (evcc-io/evcc #30803). Missing points read 0x7FFF / 0x7FFFFFFF, outside the usual sentinels.
"""

from parkgrid_contract.signals import OPERATING_STATES
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Text, WriteRegister

_NO_INT16 = (0x7FFF,)
_NO_INT32 = (0x7FFF_FFFF,)
_STATE = {name: code for code, name in enumerate(OPERATING_STATES)}

# Table "Device status" of the document; grid scheduling is running on a curve that the grid operator set.
_STATES = {
    0x0200: _STATE["running"],
    0x0201: _STATE["limited"],
    0x0202: _STATE["limited"],
    0x0401: _STATE["limited"],
    0x0402: _STATE["limited"],
    0x0403: _STATE["limited"],
    0x0404: _STATE["limited"],
    0x0405: _STATE["limited"],
    0x0100: _STATE["starting"],
    0x0000: _STATE["standby"],
    0x0001: _STATE["standby"],
    0x0002: _STATE["standby"],
    0x0003: _STATE["standby"],
    0xA000: _STATE["standby"],
    0x0300: _STATE["fault"],
    0x0301: _STATE["off"],
    0x0302: _STATE["fault"],
    0x0303: _STATE["fault"],
    0x0304: _STATE["off"],
    0x0305: _STATE["off"],
    0x0306: _STATE["off"],
    0x0307: _STATE["off"],
    0x0308: _STATE["standby"],
    0x0500: _STATE["maintenance"],
    0x0501: _STATE["maintenance"],
    0x0600: _STATE["maintenance"],
    0x0700: _STATE["maintenance"],
    0x0800: _STATE["maintenance"],
    0x0900: _STATE["maintenance"],
}


def _int16(signal: str, address: int, scale: float, vendor_name: str) -> Register:
    return Register(signal, address, Encoding.INT16, scale, absent=_NO_INT16, vendor_name=vendor_name)


def _uint16(signal: str, address: int, scale: float, vendor_name: str) -> Register:
    return Register(signal, address, Encoding.UINT16, scale, vendor_name=vendor_name)


def _int32(signal: str, address: int, scale: float, vendor_name: str) -> Register:
    return Register(signal, address, Encoding.INT32, scale, absent=_NO_INT32, vendor_name=vendor_name)


DRIVER = Driver(
    name="huawei_sun2000",
    device_class="pv_inverter",
    vendor="Huawei",
    model="SUN2000",
    document="Solar Inverter Modbus Interface Definitions V3.0, issue 01 (2023-01-17)",
    registers=(
        _int16("string_1_voltage_v", 32016, 0.1, "PV1 voltage"),
        _int16("string_1_current_a", 32017, 0.01, "PV1 current"),
        _int16("string_2_voltage_v", 32018, 0.1, "PV2 voltage"),
        _int16("string_2_current_a", 32019, 0.01, "PV2 current"),
        _int16("string_3_voltage_v", 32020, 0.1, "PV3 voltage"),
        _int16("string_3_current_a", 32021, 0.01, "PV3 current"),
        _int16("string_4_voltage_v", 32022, 0.1, "PV4 voltage"),
        _int16("string_4_current_a", 32023, 0.01, "PV4 current"),
        _int32("dc_power_kw", 32064, 0.001, "Input power"),
        _uint16("voltage_a_v", 32069, 0.1, "Phase A voltage"),
        _uint16("voltage_b_v", 32070, 0.1, "Phase B voltage"),
        _uint16("voltage_c_v", 32071, 0.1, "Phase C voltage"),
        _int32("current_a_a", 32072, 0.001, "Phase A current"),
        _int32("current_b_a", 32074, 0.001, "Phase B current"),
        _int32("current_c_a", 32076, 0.001, "Phase C current"),
        _int32("active_power_kw", 32080, 0.001, "Active power"),
        _int32("reactive_power_kvar", 32082, 0.001, "Reactive power"),
        _int16("power_factor", 32084, 0.001, "Power factor"),
        _uint16("frequency_hz", 32085, 0.01, "Grid frequency"),
        _int16("temperature_c", 32087, 0.1, "Internal temperature"),
        Register("operating_state", 32089, Encoding.UINT16, states=_STATES, vendor_name="Device status"),
        _uint16("fault_code", 32090, 1, "Fault code"),
        Register("energy_generated_kwh", 32106, Encoding.UINT32, 0.01, vendor_name="Accumulated energy yield"),
    ),
    writes=(WriteRegister("limit_pct", 40125, Encoding.INT16, 0.1, low=0, high=100),),
    # 32024-32063 are PV5-PV24, 32091-32105 start-up times and reserved words; where a model refuses one of them
    # (exception 2), the poller reads around it.
    max_gap_registers=40,
    warm_up_s=1.0,
    clock=Register("device_time_s", 40000, Encoding.UINT32, vendor_name="System time"),
    identity={"model": Text(30000, 15), "serial": Text(30015, 10), "firmware": Text(31025, 15)},
)
