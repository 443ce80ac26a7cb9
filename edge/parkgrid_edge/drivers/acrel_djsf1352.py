"""Acrel DJSF1352-RN direct-current energy meter: the bus of a PEDF building (光储直柔) at its interface converter.

Document: Acrel, "DJSF1352-RN rail-mounted DC power meter, Installation and Operation Instruction" V1.8 (2019.01),
chapter 7, Modbus-RTU 9600 8n1, function code 3. Addresses are printed in decimal, as sent.

Chapters 6 and 7 were read; the address table of chapter 7 was not at hand. Addresses, signs and scaling are what three
public readers of that table agree on: EVerest (module Acrel_DJSF1352_RN), the charger firmware of EN+
(meter_drv_djsf1352) and a monitoring gateway in C++ (DJSF1352Read); and what EN+ recorded of a meter (see the golden
words). Voltage, current and power are 16 bits, each followed by its decimal point n: value = raw x 10^(n - 3), in
volts, amperes and watts. Energies are watt-hours of the primary side.

Variants: the DJSF1352-RN-6 counts energy in steps of 0.1 Wh and has no integers at 0-9; it is another meter. The ratios
are set in the meter, whose readings are primary values already. Forward is positive, so wire it that the bus takes
forward what it draws from the grid. It knows neither reference, target, ripple nor state of the converter.
"""

from parkgrid_edge.protocols.registers import Driver, Encoding, Register

_MILLI = 0.001
"""The decimal point counts from a thousandth: n = 3 is one unit."""


def _pointed(signal: str, address: int, scale: float, vendor_name: str) -> Register:
    """A number of 16 bits whose decimal point stands behind it."""
    return Register(signal, address, Encoding.INT16, scale, exponent_address=address + 1, vendor_name=vendor_name)


DRIVER = Driver(
    name="acrel_djsf1352",
    device_class="dc_bus",
    vendor="Acrel",
    model="DJSF1352-RN",
    document="DJSF1352-RN Installation and Operation Instruction V1.8 (2019.01)",
    registers=(
        _pointed("voltage_v", 0, _MILLI, "DC voltage, decimal point DPT"),
        _pointed("current_a", 2, _MILLI, "DC current, decimal point DCT"),
        _pointed("active_power_kw", 8, _MILLI * 0.001, "Power, decimal point"),
        Register("energy_import_kwh", 12, Encoding.UINT32, 0.001, vendor_name="Total positive active energy"),
        Register("energy_export_kwh", 14, Encoding.UINT32, 0.001, vendor_name="Total negative active energy"),
        Register("fault_code", 19, Encoding.UINT16, vendor_name="Alarm status"),
    ),
    max_registers=20,
    # 4-7 broken wire, internal temperature, reserved; 16-18 ratios, inputs and outputs. EVerest reads all 20 at once.
    max_gap_registers=4,
)
