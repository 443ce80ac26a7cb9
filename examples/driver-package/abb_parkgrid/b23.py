"""ABB B23 and B24 three-phase meters.

Document: ABB, "B23/B24 User Manual" 2CMC485003M0201, chapter 9: function 3, addresses in hexadecimal, as sent. What a
meter does not have is all ones where it is unsigned, and 7FFF... where it is signed. Undefined registers between 1000
and 8EFF are answered in the same way, so a request may span them.
"""

from parkgrid_edge.protocols.registers import Driver, Encoding, Register

NOTHING = (0x7FFF_FFFF,)
ENERGY, UNSIGNED, SIGNED = Encoding.UINT64, Encoding.UINT32, Encoding.INT32

DRIVER = Driver(
    name="abb_b23",
    device_class="meter",
    vendor="ABB",
    model="B23",
    document="B23/B24 User Manual 2CMC485003M0201, revision A",
    registers=(
        Register("energy_import_kwh", 0x5000, ENERGY, 0.01, vendor_name="Active import"),
        Register("energy_export_kwh", 0x5004, ENERGY, 0.01, vendor_name="Active export"),
        Register("voltage_a_v", 0x5B00, UNSIGNED, 0.1, vendor_name="Voltage L1-N"),
        Register("voltage_b_v", 0x5B02, UNSIGNED, 0.1, vendor_name="Voltage L2-N"),
        Register("voltage_c_v", 0x5B04, UNSIGNED, 0.1, vendor_name="Voltage L3-N"),
        Register("current_a_a", 0x5B0C, UNSIGNED, 0.01, vendor_name="Current L1"),
        Register("current_b_a", 0x5B0E, UNSIGNED, 0.01, vendor_name="Current L2"),
        Register("current_c_a", 0x5B10, UNSIGNED, 0.01, vendor_name="Current L3"),
        Register("active_power_kw", 0x5B14, SIGNED, 0.00001, absent=NOTHING, vendor_name="Active power, total"),
        Register("frequency_hz", 0x5B2C, Encoding.UINT16, 0.01, vendor_name="Frequency"),
    ),
    max_registers=125,
    max_gap_registers=22,
)
