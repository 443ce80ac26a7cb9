"""Golden words: raw words as the makers' documents and captures give them, against the sample they mean.

Driver and simulator share the register rows, so nothing but these words can find a wrong address. Expected values are
worked out by hand from the document's unit and gain; the golden words are placed by the addresses as printed there.
"""

from parkgrid_contract.signals import CHARGER_STATES, OPERATING_STATES
from parkgrid_edge.driver_checks import Golden, float_words, hex_words

GOLDEN: dict[str, Golden] = {
    # Huawei V3.0, 3.1: signal, type and gain as printed; values as in the document's ranges.
    "huawei_sun2000": Golden(
        holding={
            32016: hex_words("1A2C 0352"),  # PV1 670.0 V, 8.50 A
            32018: hex_words("1A36 0348"),  # PV2 671.0 V, 8.40 A
            32020: hex_words("7FFF 7FFF"),  # PV3 not fitted
            32022: hex_words("7FFF 7FFF"),  # PV4 not fitted
            32064: hex_words("0001 86A0"),  # input 100,000 W
            32069: hex_words("08FC 0906 08F2"),  # 230.0 231.0 229.0 V
            32072: hex_words("0002 3280 0002 3668 0002 2E98"),  # 144.000 145.000 143.000 A
            32080: hex_words("0001 7CF4"),  # 97,524 W
            32082: hex_words("FFFF F830"),  # -2,000 var
            32084: hex_words("03E7 1389"),  # 0.999, 50.01 Hz
            32087: hex_words("01C3"),  # 45.1 degrees
            32089: hex_words("0201 0000"),  # on grid, power limited; no fault
            32106: hex_words("0012 D687"),  # 1,234,567 x 0.01 kWh
        },
        sample={
            "string_1_voltage_v": 670.0,
            "string_1_current_a": 8.5,
            "string_2_voltage_v": 671.0,
            "string_2_current_a": 8.4,
            "dc_power_kw": 100.0,
            "voltage_a_v": 230.0,
            "voltage_b_v": 231.0,
            "voltage_c_v": 229.0,
            "current_a_a": 144.0,
            "current_b_a": 145.0,
            "current_c_a": 143.0,
            "active_power_kw": 97.524,
            "reactive_power_kvar": -2.0,
            "power_factor": 0.999,
            "frequency_hz": 50.01,
            "temperature_c": 45.1,
            "operating_state": OPERATING_STATES.index("limited"),
            "fault_code": 0,
            "energy_generated_kwh": 12_345.67,
        },
    ),
    # Huawei V3.0, energy storage unit 1: power > 0 is charging there.
    "huawei_luna2000": Golden(
        holding={
            37000: hex_words("0002 0000 1388 1C52 0226"),  # running; charging 5,000 W; 725.0 V; 55.0 %
            37014: hex_words("0000"),
            37021: hex_words("0045"),  # 6.9 A into the battery
            37046: hex_words("0000 2710 0000 2328"),  # may charge 10,000 W, discharge 9,000 W
            37066: hex_words("0001 E240 0001 86A0"),  # 1,234.56 and 1,000.00 kWh
        },
        sample={
            "operating_state": OPERATING_STATES.index("running"),
            "active_power_kw": -5.0,
            "dc_voltage_v": 725.0,
            "soc_pct": 55.0,
            "fault_code": 0,
            "dc_current_a": -6.9,
            "charge_limit_kw": 10.0,
            "discharge_limit_kw": 9.0,
            "energy_charged_kwh": 1234.56,
            "energy_discharged_kwh": 1000.0,
        },
    ),
    # Eastron: 30001 is sent as 0x0000, 30053 as 0x0034, 30073 as 0x0048, 30075 as 0x004A; 230.2 V reads 43 66 33 34.
    "eastron_sdm630": Golden(
        input={
            0x0000: hex_words("4366 3334 4367 0000 4365 8000"),  # 230.2 231.0 229.5 V
            0x0006: float_words(10.5) + float_words(11.25) + float_words(9.75),
            0x000C: float_words(2415.5) + float_words(2598.75) + float_words(-1200.0),
            0x0034: hex_words("456E E000"),  # 3,822.0 W
            0x0038: float_words(4000.0),
            0x003C: float_words(-250.0) + float_words(0.95),
            0x0046: hex_words("4247 F5C3 4640 E6B6 4048 F5C3"),  # 49.99 Hz, 12,345.678 and 3.14 kWh
            0x004C: float_words(77.5) + float_words(8.25),
        },
        sample={
            "voltage_a_v": 230.2,
            "voltage_b_v": 231.0,
            "voltage_c_v": 229.5,
            "current_a_a": 10.5,
            "current_b_a": 11.25,
            "current_c_a": 9.75,
            "active_power_a_kw": 2.416,
            "active_power_b_kw": 2.599,
            "active_power_c_kw": -1.2,
            "active_power_kw": 3.822,
            "apparent_power_kva": 4.0,
            "reactive_power_kvar": -0.25,
            "power_factor": 0.95,
            "frequency_hz": 49.99,
            "energy_import_kwh": 12_345.678,
            "energy_export_kwh": 3.14,
            "reactive_energy_import_kvarh": 77.5,
            "reactive_energy_export_kvarh": 8.25,
        },
    ),
    # alpitronic V2.5; power, session energy, state of charge and total as in evcc's charger/alpitronic_test.go.
    "alpitronic_hypercharger": Golden(
        input={
            100: hex_words("0003"),  # charging
            101: hex_words("0000 9C68"),  # 400.40 V
            103: hex_words("0B38"),  # 28.72 A
            104: hex_words("0000 2CEC"),  # 11,500 W
            106: hex_words("0E10"),  # an hour
            107: hex_words("04D2 1996"),  # 12.34 kWh, 65.50 %
            132: hex_words("0000 0000 0000 4911"),  # 18,705 Wh
            136: hex_words("0002 49F0"),  # 150,000 W
        },
        sample={
            "operating_state": CHARGER_STATES.index("charging"),
            "voltage_v": 400.4,
            "current_a": 28.7,
            "active_power_kw": 11.5,
            "session_energy_kwh": 12.34,
            "vehicle_soc_pct": 65.5,
            "energy_delivered_kwh": 18.705,
            "limit_kw": 150.0,
        },
    ),
    # parkgrid's own table, version 1: a gun that gives back 45 kW.
    "parkgrid_v2g": Golden(
        input={
            0: hex_words("0004"),  # discharging
            1: hex_words("FFFF 5038"),  # -45,000 W
            3: hex_words("0FA0 FB9B"),  # 400.0 V, -112.5 A
            5: hex_words("1964"),  # 65.00 %
            6: hex_words("FFFF FC18"),  # -10.00 kWh: more given than taken
            8: hex_words("0000 EA60"),  # 60,000 W
            10: hex_words("0000 0000 0001 E240"),  # 123.456 kWh
            14: hex_words("0000 0000 0000 4E20"),  # 20.000 kWh
            18: hex_words("0000 0011 FFCE 0000"),  # 17 sessions, -5.0 degrees, no fault
        },
        sample={
            "operating_state": CHARGER_STATES.index("discharging"),
            "active_power_kw": -45.0,
            "voltage_v": 400.0,
            "current_a": -112.5,
            "vehicle_soc_pct": 65.0,
            "session_energy_kwh": -10.0,
            "limit_kw": 60.0,
            "energy_delivered_kwh": 123.456,
            "energy_returned_kwh": 20.0,
            "session_count": 17,
            "temperature_c": -5.0,
            "fault_code": 0,
        },
    ),
    # Acrel: raw x 10^(decimal point - 3) in V, A and W; the words at 4-7 and from 12 on are those of a real meter.
    "acrel_djsf1352": Golden(
        holding={
            0: hex_words("1D4C 0002"),  # 7500 x 0.1 V
            2: hex_words("FD6F 0002"),  # -657 x 0.1 A: into the grid
            4: hex_words("0000 014D"),  # no broken wire, 33.3 degrees
            8: hex_words("FE13 0005"),  # -493 x 100 W
            12: hex_words("0000 521A 0000 03E8 0001 00FA 0000 0001"),  # 21,018 and 1,000 Wh; 1:1, 250 A; voltage high
        },
        sample={
            "voltage_v": 750.0,
            "current_a": -65.7,
            "active_power_kw": -49.3,
            "energy_import_kwh": 21.018,
            "energy_export_kwh": 1.0,
            "fault_code": 1,
        },
    ),
    # LAMBRECHT: the printed number is sent (31001 = 0x7919); factor 10; 0xD8F1 = -9999 is an error code.
    "lambrecht_ws7": Golden(
        input={
            0x7531: hex_words("0035"),  # 5.3 m/s
            0x75F9: hex_words("0A5A"),  # 265.0 degrees
            0x76C1: hex_words("FFF6"),  # -1.0 degrees
            0x7789: hex_words("D8F1"),  # humidity: error
            0x7851: hex_words("2786"),  # 1011.8 hPa
            0x7AA9: hex_words("2134"),  # 850.0 W/m2
        },
        sample={
            "wind_speed_m_s": 5.3,
            "wind_direction_deg": 265.0,
            "temperature_c": -1.0,
            "pressure_hpa": 1011.8,
            "irradiance_horizontal_w_m2": 850.0,
        },
    ),
}
