"""LAMBRECHT u[sonic]WS7 weather sensor with pyranometer.

Document: LAMBRECHT meteo, "(16480.001) u[sonic]WS7 Modbus" manual, 6.6 measured value registers, function code 4.
Addresses are printed as sent: the example in the manual of rain[e]H3 asks register 31001 with
`03 04 79 19 00 01 F8 B3`.
Cross-checked with the manual 16131.5 of the same maker, 5.6.

Every value is to be requested on its own. -9999 (0xD8F1) is an error code, not a reading.
"""

from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table


def _input(signal: str, address: int, vendor_name: str, encoding: Encoding = Encoding.INT16) -> Register:
    return Register(signal, address, encoding, 0.1, table=Table.INPUT, absent=(-9999,), vendor_name=vendor_name)


DRIVER = Driver(
    name="lambrecht_ws7",
    device_class="weather",
    vendor="LAMBRECHT meteo",
    model="u[sonic]WS7",
    document="(16480.001) u[sonic]WS7 Modbus manual, section 6.6",
    registers=(
        _input("wind_speed_m_s", 30001, "Wind speed instantaneous value"),
        _input("wind_direction_deg", 30201, "Wind direction instantaneous value"),
        _input("temperature_c", 30401, "Air temperature instantaneous value"),
        _input("humidity_pct", 30601, "Humidity instantaneous value"),
        _input("pressure_hpa", 30801, "Air pressure instantaneous value"),
        _input("irradiance_horizontal_w_m2", 31401, "Global radiation instantaneous value"),
    ),
)
