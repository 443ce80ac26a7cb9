"""The points of the SunSpec models that parkgrid reads: offset from the model's id, type, scale factor, signal.

Source: SunSpec information models, github.com/sunspec/models (Apache-2.0), as of 2026-04-22. Watts become kilowatts
here; the model's own scale factor is read with every poll.

Signs: an inverter's and a storage's power is positive when it feeds the bus (701: "injected"; 802: discharge). A
meter's power is positive in quadrants 1 and 4, import, as its "Imp" registers are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from parkgrid_contract.signals import OPERATING_STATES
from parkgrid_edge.protocols.registers import Encoding

COMMON, STRINGS, DER, PORTS = 1, 160, 701, 714
STORAGE = {713, 802}
PV = {101, 102, 103, 111, 112, 113, 701}
METER = {201, 202, 203, 204, 211, 212, 213, 214}
ESS_PORTS = {1, 5}
"""Types of a port of model 714 that mean a battery: ESS, BIDIR."""
WITHOUT_BATTERY = {"operating_state", "charge_limit_kw", "discharge_limit_kw"}
"""What an inverter may say of a battery that is not connected."""

_STATE = {name: code for code, name in enumerate(OPERATING_STATES)}


def _states(*pairs: tuple[int, str]) -> Mapping[int, int]:
    return {code: _STATE[name] for code, name in pairs}


# "The same" state is counted from 1 in model 103 and from 0 in model 701.
_INVERTER_NAMES = ("off", "standby", "starting", "running", "limited", "stopping", "fault", "standby")
INVERTER_STATES = _states(*enumerate(_INVERTER_NAMES, start=1))
DER_STATES = _states(*enumerate(_INVERTER_NAMES))
BATTERY_STATES = _states(
    (1, "off"), (2, "starting"), (3, "running"), (4, "standby"), (5, "limited"), (6, "stopping"), (99, "fault")
)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model."""

    signal: str
    offset: int
    encoding: Encoding
    exponent: int | None = None
    """Offset of its scale factor."""
    scale: float = 1.0
    name: str = ""
    accumulator: bool = False
    """Whether 0 means "not implemented", as in acc32."""
    states: Mapping[int, int] | None = None


_I16, _U16, _U32, _U64, _FLOAT = (
    Encoding.INT16,
    Encoding.UINT16,
    Encoding.UINT32,
    Encoding.UINT64,
    Encoding.FLOAT32,
)
_KILO = 0.001
_PERCENT = 0.01

_INVERTER = (
    Point("current_a_a", 3, _U16, 6, name="AphA"),
    Point("current_b_a", 4, _U16, 6, name="AphB"),
    Point("current_c_a", 5, _U16, 6, name="AphC"),
    Point("voltage_a_v", 10, _U16, 13, name="PhVphA"),
    Point("voltage_b_v", 11, _U16, 13, name="PhVphB"),
    Point("voltage_c_v", 12, _U16, 13, name="PhVphC"),
    Point("active_power_kw", 14, _I16, 15, _KILO, "W"),
    Point("frequency_hz", 16, _U16, 17, name="Hz"),
    Point("reactive_power_kvar", 20, _I16, 21, _KILO, "VAr"),
    Point("power_factor", 22, _I16, 23, _PERCENT, "PF"),
    Point("energy_generated_kwh", 24, _U32, 26, _KILO, "WH", accumulator=True),
    Point("dc_current_a", 27, _U16, 28, name="DCA"),
    Point("dc_voltage_v", 29, _U16, 30, name="DCV"),
    Point("dc_power_kw", 31, _I16, 32, _KILO, "DCW"),
    Point("temperature_c", 33, _I16, 37, name="TmpCab"),
    Point("temperature_c", 34, _I16, 37, name="TmpSnk"),
    Point("temperature_c", 35, _I16, 37, name="TmpTrns"),
    Point("temperature_c", 36, _I16, 37, name="TmpOt"),
    Point("operating_state", 38, _U16, name="St", states=INVERTER_STATES),
)

_INVERTER_FLOAT = (
    Point("current_a_a", 4, _FLOAT, name="AphA"),
    Point("current_b_a", 6, _FLOAT, name="AphB"),
    Point("current_c_a", 8, _FLOAT, name="AphC"),
    Point("voltage_a_v", 16, _FLOAT, name="PhVphA"),
    Point("voltage_b_v", 18, _FLOAT, name="PhVphB"),
    Point("voltage_c_v", 20, _FLOAT, name="PhVphC"),
    Point("active_power_kw", 22, _FLOAT, None, _KILO, "W"),
    Point("frequency_hz", 24, _FLOAT, name="Hz"),
    Point("reactive_power_kvar", 28, _FLOAT, None, _KILO, "VAr"),
    Point("power_factor", 30, _FLOAT, None, _PERCENT, "PF"),
    Point("energy_generated_kwh", 32, _FLOAT, None, _KILO, "WH"),
    Point("dc_current_a", 34, _FLOAT, name="DCA"),
    Point("dc_voltage_v", 36, _FLOAT, name="DCV"),
    Point("dc_power_kw", 38, _FLOAT, None, _KILO, "DCW"),
    Point("temperature_c", 40, _FLOAT, name="TmpCab"),
    Point("temperature_c", 42, _FLOAT, name="TmpSnk"),
    Point("temperature_c", 44, _FLOAT, name="TmpTrns"),
    Point("temperature_c", 46, _FLOAT, name="TmpOt"),
    Point("operating_state", 48, _U16, name="St", states=INVERTER_STATES),
)

_METER = (
    Point("current_a_a", 3, _I16, 6, name="AphA"),
    Point("current_b_a", 4, _I16, 6, name="AphB"),
    Point("current_c_a", 5, _I16, 6, name="AphC"),
    Point("voltage_a_v", 8, _I16, 15, name="PhVphA"),
    Point("voltage_b_v", 9, _I16, 15, name="PhVphB"),
    Point("voltage_c_v", 10, _I16, 15, name="PhVphC"),
    Point("frequency_hz", 16, _I16, 17, name="Hz"),
    Point("active_power_kw", 18, _I16, 22, _KILO, "W"),
    Point("active_power_a_kw", 19, _I16, 22, _KILO, "WphA"),
    Point("active_power_b_kw", 20, _I16, 22, _KILO, "WphB"),
    Point("active_power_c_kw", 21, _I16, 22, _KILO, "WphC"),
    Point("apparent_power_kva", 23, _I16, 27, _KILO, "VA"),
    Point("reactive_power_kvar", 28, _I16, 32, _KILO, "VAR"),
    Point("power_factor", 33, _I16, 37, _PERCENT, "PF"),
    Point("energy_export_kwh", 38, _U32, 54, _KILO, "TotWhExp", accumulator=True),
    Point("energy_import_kwh", 46, _U32, 54, _KILO, "TotWhImp", accumulator=True),
)

_METER_FLOAT = (
    Point("current_a_a", 4, _FLOAT, name="AphA"),
    Point("current_b_a", 6, _FLOAT, name="AphB"),
    Point("current_c_a", 8, _FLOAT, name="AphC"),
    Point("voltage_a_v", 12, _FLOAT, name="PhVphA"),
    Point("voltage_b_v", 14, _FLOAT, name="PhVphB"),
    Point("voltage_c_v", 16, _FLOAT, name="PhVphC"),
    Point("frequency_hz", 26, _FLOAT, name="Hz"),
    Point("active_power_kw", 28, _FLOAT, None, _KILO, "W"),
    Point("active_power_a_kw", 30, _FLOAT, None, _KILO, "WphA"),
    Point("active_power_b_kw", 32, _FLOAT, None, _KILO, "WphB"),
    Point("active_power_c_kw", 34, _FLOAT, None, _KILO, "WphC"),
    Point("apparent_power_kva", 36, _FLOAT, None, _KILO, "VA"),
    Point("reactive_power_kvar", 44, _FLOAT, None, _KILO, "VAR"),
    Point("power_factor", 52, _FLOAT, name="PF"),
    Point("energy_export_kwh", 60, _FLOAT, None, _KILO, "TotWhExp"),
    Point("energy_import_kwh", 68, _FLOAT, None, _KILO, "TotWhImp"),
)

_DER = (
    Point("operating_state", 4, _U16, name="InvSt", states=DER_STATES),
    Point("active_power_kw", 10, _I16, 116, _KILO, "W"),
    Point("reactive_power_kvar", 12, _I16, 119, _KILO, "Var"),
    Point("frequency_hz", 17, _U32, 115, name="Hz"),
)
_DER_PV = (
    *_DER,
    Point("power_factor", 13, _I16, 117, name="PF"),
    Point("energy_generated_kwh", 19, _U64, 120, _KILO, "TotWhInj"),
    Point("temperature_c", 36, _I16, 122, name="TmpCab"),
    Point("temperature_c", 37, _I16, 122, name="TmpSnk"),
    Point("temperature_c", 39, _I16, 122, name="TmpSw"),
    Point("temperature_c", 38, _I16, 122, name="TmpTrns"),
    Point("temperature_c", 40, _I16, 122, name="TmpOt"),
    Point("current_a_a", 45, _I16, 113, name="AL1"),
    Point("voltage_a_v", 47, _U16, 114, name="VL1"),
    Point("current_b_a", 68, _I16, 113, name="AL2"),
    Point("voltage_b_v", 70, _U16, 114, name="VL2"),
    Point("current_c_a", 91, _I16, 113, name="AL3"),
    Point("voltage_c_v", 93, _U16, 114, name="VL3"),
)
ONE_PHASE = (
    Point("current_a_a", 14, _I16, 113, name="A"),
    Point("voltage_a_v", 16, _U16, 114, name="LNV"),
    Point("voltage_a_v", 15, _U16, 114, name="LLV"),
)
"""Model 701 of a single-phase device: with one phase, total and average are that phase's."""
_DER_STORAGE = (
    *_DER,
    Point("energy_discharged_kwh", 19, _U64, 120, _KILO, "TotWhInj"),
    Point("energy_charged_kwh", 23, _U64, 120, _KILO, "TotWhAbs"),
)

_CAPACITY = (
    Point("stored_energy_kwh", 3, _U16, 7, _KILO, "WHAvail"),
    Point("soc_pct", 4, _U16, 8, name="SoC"),
    Point("soh_pct", 5, _U16, 8, name="SoH"),
)

_DC_STORAGE = (
    Point("dc_current_a", 5, _I16, 15, name="DCA"),
    Point("dc_power_kw", 6, _I16, 17, _KILO, "DCW"),
    Point("energy_discharged_kwh", 7, _U64, 18, _KILO, "DCWhInj"),
    Point("energy_charged_kwh", 11, _U64, 18, _KILO, "DCWhAbs"),
)
_DC_PV = (
    Point("dc_current_a", 5, _I16, 15, name="DCA"),
    Point("dc_power_kw", 6, _I16, 17, _KILO, "DCW"),
)

_BATTERY = (
    Point("charge_limit_kw", 4, _U16, 54, _KILO, "WChaRteMax"),
    Point("discharge_limit_kw", 5, _U16, 54, _KILO, "WDisChaRteMax"),
    Point("soc_pct", 11, _U16, 56, name="SoC"),
    Point("soh_pct", 13, _U16, 58, name="SoH"),
    Point("cycle_count", 14, _U32, name="NCyc"),
    Point("operating_state", 22, _U16, name="State", states=BATTERY_STATES),
    Point("dc_voltage_v", 34, _U16, 59, name="V"),
    Point("cell_voltage_max_v", 37, _U16, 60, name="CellVMax"),
    Point("cell_voltage_min_v", 40, _U16, 60, name="CellVMin"),
    Point("dc_current_a", 44, _I16, 61, name="A"),
    Point("dc_power_kw", 47, _I16, 63, _KILO, "W"),
)

# An inverter of the 100 series that carries a battery's models feeds the bus with both: its AC power is the storage's.
_INVERTER_OF_STORAGE = tuple(
    point for point in _INVERTER if point.signal in {"active_power_kw", "reactive_power_kvar", "frequency_hz"}
)
_INVERTER_FLOAT_OF_STORAGE = tuple(
    point for point in _INVERTER_FLOAT if point.signal in {"active_power_kw", "reactive_power_kvar", "frequency_hz"}
)

MODELS: Mapping[int, Mapping[str, tuple[Point, ...]]] = {
    **{number: {"pv_inverter": _INVERTER, "storage": _INVERTER_OF_STORAGE} for number in (101, 102, 103)},
    **{number: {"pv_inverter": _INVERTER_FLOAT, "storage": _INVERTER_FLOAT_OF_STORAGE} for number in (111, 112, 113)},
    **{number: {"meter": _METER} for number in (201, 202, 203, 204)},
    **{number: {"meter": _METER_FLOAT} for number in (211, 212, 213, 214)},
    701: {"pv_inverter": _DER_PV, "storage": _DER_STORAGE},
    713: {"storage": _CAPACITY},
    PORTS: {"storage": _DC_STORAGE, "pv_inverter": _DC_PV},
    802: {"storage": _BATTERY},
}
"""The points of each model, by the class of the device that carries it.

Where a signal has several points, the first one that the device fills is read.
"""
