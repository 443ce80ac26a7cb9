"""Eastron SDM630 three-phase meter (also usable at a connection point: class = "grid_meter").

Document: Eastron, "SDM630 Modbus protocol", input registers, function code 4. Printed as 30001 and so on; the address
on the wire is that number minus 30001. Every value is a float32, big-endian. Cross-checked with the B+G e-tech manual
of the SDM630 and with volkszaehler/mbmd (meters/rs485/sdm.go). A request may carry at most 40 values (80 registers).

Import is positive, as parkgrid counts a load and a grid connection. A float32 energy counts in steps of 1/64 kWh from
131,072 kWh on, and 1 kWh from 8,388,608 kWh on.
"""

from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table


def _float(signal: str, number: int, scale: float, vendor_name: str) -> Register:
    address = number - 30001
    return Register(signal, address, Encoding.FLOAT32, scale, table=Table.INPUT, vendor_name=vendor_name)


DRIVER = Driver(
    name="eastron_sdm630",
    device_class="meter",
    vendor="Eastron",
    model="SDM630",
    document="SDM630 Modbus protocol, input registers (V1.x), SDM630 user manual part 1.2",
    registers=(
        _float("voltage_a_v", 30001, 1, "Phase 1 line to neutral volts"),
        _float("voltage_b_v", 30003, 1, "Phase 2 line to neutral volts"),
        _float("voltage_c_v", 30005, 1, "Phase 3 line to neutral volts"),
        _float("current_a_a", 30007, 1, "Phase 1 current"),
        _float("current_b_a", 30009, 1, "Phase 2 current"),
        _float("current_c_a", 30011, 1, "Phase 3 current"),
        _float("active_power_a_kw", 30013, 0.001, "Phase 1 power"),
        _float("active_power_b_kw", 30015, 0.001, "Phase 2 power"),
        _float("active_power_c_kw", 30017, 0.001, "Phase 3 power"),
        _float("active_power_kw", 30053, 0.001, "Total system power"),
        _float("apparent_power_kva", 30057, 0.001, "Total system volt amps"),
        _float("reactive_power_kvar", 30061, 0.001, "Total system VAr"),
        _float("power_factor", 30063, 1, "Total system power factor"),
        _float("frequency_hz", 30071, 1, "Frequency of supply voltages"),
        _float("energy_import_kwh", 30073, 1, "Import Wh since last reset"),
        _float("energy_export_kwh", 30075, 1, "Export Wh since last reset"),
        _float("reactive_energy_import_kvarh", 30077, 1, "Import VArh since last reset"),
        _float("reactive_energy_export_kvarh", 30079, 1, "Export VArh since last reset"),
    ),
    max_registers=80,
    # Phase values that parkgrid does not keep, and reserved words that the meter answers with zero.
    max_gap_registers=36,
)
