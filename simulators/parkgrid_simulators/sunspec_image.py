"""A SunSpec peer: the "SunS" mark, model 1 and the measuring models of a device's class, chained to the end mark.

Layouts are facts of the SunSpec information models 1, 103, 160, 203, 713 and 802 (github.com/sunspec/models). A line is
`type name [signal scale scale-factor]`; types: u/e 16 bits unsigned, i 16 bits signed, a accumulator of 32 bits, l 32
bits unsigned, s scale factor, t text; a number after the type repeats it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table
from parkgrid_simulators.image import Address, RegisterImage, text_words
from parkgrid_simulators.plant import SimulatedDevice

BASE = 40_000
_END = 0xFFFF
_INT16_MAX = 32_767
_MARK = (0x5375, 0x6E53)
_ENCODINGS = {
    "u": Encoding.UINT16,
    "e": Encoding.UINT16,
    "i": Encoding.INT16,
    "a": Encoding.UINT32,
    "l": Encoding.UINT32,
}
_WORDS = {"u": 1, "e": 1, "i": 1, "s": 1, "a": 2, "l": 2}
_ABSENT = {"u": 0xFFFF, "e": 0xFFFF, "i": 0x8000, "s": 0x8000, "a": 0, "l": 0xFFFF}
# OPERATING_STATES of the catalogue: off standby starting running limited stopping fault maintenance.
_INVERTER_STATES = {1: 0, 8: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6}
_BATTERY_STATES = {1: 0, 4: 1, 2: 2, 3: 3, 5: 4, 6: 5, 99: 6}

_LAYOUTS: Mapping[int, str] = {
    103: """
        u A; u AphA current_a_a 1 A_SF; u AphB current_b_a 1 A_SF; u AphC current_c_a 1 A_SF; s A_SF -1
        u3 PPV; u PhVphA voltage_a_v 1 V_SF; u PhVphB voltage_b_v 1 V_SF; u PhVphC voltage_c_v 1 V_SF; s V_SF -1
        i W active_power_kw 0.001 W_SF; s W_SF power
        u Hz frequency_hz 1 Hz_SF; s Hz_SF -2
        i VA; s VA_SF power; i VAr reactive_power_kvar 0.001 VAr_SF; s VAr_SF power
        i PF power_factor 0.01 PF_SF; s PF_SF -1
        a WH energy_generated_kwh 0.001 WH_SF; s WH_SF 0
        u DCA dc_current_a 1 DCA_SF; s DCA_SF -1; u DCV dc_voltage_v 1 DCV_SF; s DCV_SF -1
        i DCW dc_power_kw 0.001 DCW_SF; s DCW_SF power
        i TmpCab temperature_c 1 Tmp_SF; i3 Tmp; s Tmp_SF -1
        e St operating_state; e StVnd; l Evt1; l Evt2; l4 EvtVnd
    """,
    160: "s DCA_SF -2; s DCV_SF -1; s DCW_SF 0; s DCWH_SF 0; l Evt; u N 4; u TmsPer;"
    + ";".join(
        f"""
        u ID {n}; t8 IDStr; u DCA string_{n}_current_a 1 DCA_SF; u DCV string_{n}_voltage_v 1 DCV_SF; u DCW; a DCWH
        l Tms; i Tmp; e DCSt; l DCEvt
        """
        for n in range(1, 5)
    ),
    203: """
        i A; i AphA current_a_a 1 A_SF; i AphB current_b_a 1 A_SF; i AphC current_c_a 1 A_SF; s A_SF -1
        i PhV; i PhVphA voltage_a_v 1 V_SF; i PhVphB voltage_b_v 1 V_SF; i PhVphC voltage_c_v 1 V_SF; i4 PPV; s V_SF -1
        i Hz frequency_hz 1 Hz_SF; s Hz_SF -2
        i W active_power_kw 0.001 W_SF; i WphA active_power_a_kw 0.001 W_SF; i WphB active_power_b_kw 0.001 W_SF
        i WphC active_power_c_kw 0.001 W_SF; s W_SF power
        i VA apparent_power_kva 0.001 VA_SF; i3 VAph; s VA_SF power
        i VAR reactive_power_kvar 0.001 VAR_SF; i3 VARph; s VAR_SF power
        i PF power_factor 0.01 PF_SF; i3 PFph; s PF_SF -1
        a TotWhExp energy_export_kwh 0.001 TotWh_SF; a3 TotWhExpPh; a TotWhImp energy_import_kwh 0.001 TotWh_SF
        a3 TotWhImpPh; s TotWh_SF 0; a8 TotVAh; s TotVAh_SF; a16 TotVArh; s TotVArh_SF; l Evt
    """,
    713: """
        u WHRtg; u WHAvail stored_energy_kwh 0.001 WH_SF; u SoC soc_pct 1 Pct_SF; u SoH soh_pct 1 Pct_SF; e Sta
        s WH_SF energy; s Pct_SF -1
    """,
    802: """
        u AHRtg; u WHRtg; u WChaRteMax charge_limit_kw 0.001 WChaDisChaMax_SF
        u WDisChaRteMax discharge_limit_kw 0.001 WChaDisChaMax_SF; u DisChaRte
        u SoCMax; u SoCMin; u SocRsvMax; u SocRsvMin
        u SoC soc_pct 1 SoC_SF; u DoD; u SoH soh_pct 1 SoH_SF; l NCyc cycle_count
        e ChaSt; e LocRemCtl; u Hb; u CtrlHb; u AlmRst; e Typ 4; e State operating_state; e StateVnd; l WarrDt
        l Evt1; l Evt2; l EvtVnd1; l EvtVnd2; u V dc_voltage_v 1 V_SF; u VMax; u VMin
        u CellVMax cell_voltage_max_v 1 CellV_SF; u2 CellVMaxAt; u CellVMin cell_voltage_min_v 1 CellV_SF; u2 CellVMinAt
        u CellVAvg; i A dc_current_a 1 A_SF; u AChaMax; u ADisChaMax; i W dc_power_kw 0.001 W_SF
        e ReqInvState; i ReqW; e SetOp; e SetInvState
        s AHRtg_SF; s WHRtg_SF; s WChaDisChaMax_SF power; s DisChaRte_SF; s SoC_SF -1; s DoD_SF; s SoH_SF -1; s V_SF -1
        s CellV_SF -3; s A_SF -1; s AMax_SF; s W_SF power
    """,
}
_MODELS = {"pv_inverter": (103, 160), "meter": (203,), "grid_meter": (203,), "storage": (103, 713, 802)}
_STATES = {103: _INVERTER_STATES, 802: _BATTERY_STATES}


@dataclass(frozen=True, slots=True)
class _Point:
    kind: str
    words: int
    name: str
    rest: tuple[str, ...]
    """Constant value, or signal, scale and scale factor; empty for a point that is not implemented."""


def sunspec_image(device: SimulatedDevice, firmware: str) -> RegisterImage:
    """The registers of a SunSpec device of that class. Raises `ValueError` for a class without a model."""
    models = _MODELS.get(device.device_class)
    if models is None:
        known = ", ".join(_MODELS)
        raise ValueError(f"{device.device}: no SunSpec model for class {device.device_class!r}; there are: {known}")
    words = [*_MARK, *_common(device, firmware)]
    rows: list[Register] = []
    exponents = {
        "power": _exponent(2 * device.ratings.get("rated_power_kw", 0.0)),
        "energy": _exponent(device.ratings.get("capacity_kwh", 0.0)),
    }
    for model in models:
        rows += _append(words, model, exponents)
    words += [_END, 0]
    fixed: dict[Address, int] = {(Table.HOLDING, BASE + at): word for at, word in enumerate(words)}
    driver = Driver("sunspec", device.device_class, "SunSpec", "", "SunSpec information models", tuple(rows))
    return RegisterImage(driver, fixed)


def _common(device: SimulatedDevice, firmware: str) -> list[int]:
    """Model 1: maker, model, version, serial number, address."""
    words = [1, 66, *text_words("parkgrid", 16), *text_words(f"simulated {device.device_class}", 16)]
    return [*words, *text_words("", 8), *text_words(firmware, 8), *text_words(device.device, 16), 1, 0x8000]


def _append(words: list[int], model: int, exponents: Mapping[str, int]) -> list[Register]:
    """Put a model at the end of the words and return the rows of its measurements."""
    start = BASE + len(words)
    points = list(_points(_LAYOUTS[model]))
    addresses: dict[str, int] = {}
    at = start + 2
    for point in points:
        addresses.setdefault(point.name, at)
        at += point.words
    words += [model, at - start - 2]
    rows: list[Register] = []
    at = start + 2
    for point in points:
        words += _words(point, exponents)
        if point.kind in _ENCODINGS and point.rest and not _constant(point.rest[0]):
            rows.append(_row(model, point, at, addresses))
        at += point.words
    return rows


def _row(model: int, point: _Point, at: int, addresses: Mapping[str, int]) -> Register:
    signal, scale, factor = (*point.rest, "1", "")[:3] if len(point.rest) < 3 else point.rest  # noqa: PLR2004
    states = _STATES.get(model) if signal == "operating_state" else None
    exponent = addresses[factor] if factor else None
    encoding = _ENCODINGS[point.kind]
    accumulator = point.kind == "a"
    return Register(
        signal,
        at,
        encoding,
        float(scale),
        states=states,
        vendor_name=f"{model}.{point.name}",
        default_sentinels=not accumulator,
        absent=(0,) if accumulator else (),
        exponent_address=exponent,
    )


def _words(point: _Point, exponents: Mapping[str, int]) -> list[int]:
    if point.kind == "t":
        return [0] * point.words
    if point.kind == "s" and point.rest:
        text = point.rest[0]
        return [(int(text) if _constant(text) else exponents[text]) & 0xFFFF]
    if point.rest and _constant(point.rest[0]):
        return [int(point.rest[0])]
    return [_ABSENT[point.kind]] * point.words


def _points(layout: str) -> Iterator[_Point]:
    for line in layout.replace(";", "\n").splitlines():
        if parts := line.split():
            kind, repeat = parts[0][0], int(parts[0][1:] or 1)
            yield _Point(kind, _WORDS.get(kind, 1) * repeat, parts[1], tuple(parts[2:]))


def _constant(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _exponent(most_kilo: float) -> int:
    """The smallest power of ten that lets thousands of the unit fit 15 bits."""
    exponent = 0
    while most_kilo * 1000 / 10**exponent > _INT16_MAX:
        exponent += 1
    return exponent
