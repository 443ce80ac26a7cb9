"""The words of a B23, against what they mean by its manual."""

import pytest
from abb_parkgrid.b23 import DRIVER

from parkgrid_simulators.driver_checks import Golden, driver_checks, hex_words

GOLDEN = Golden(
    holding={
        0x5000: hex_words("0000 0000 0012 D687 FFFF FFFF FFFF FFFF"),  # 12,345.67 kWh; it does not count export
        0x5B00: hex_words("0000 08FE 0000 0906 0000 08F7"),  # 230.2 231.0 229.5 V
        0x5B0C: hex_words("0000 041A 0000 0465 0000 03CF"),  # 10.50 11.25 9.75 A
        0x5B14: hex_words("FFFE 2B40"),  # -1,200.00 W
        0x5B2C: hex_words("1387"),  # 49.99 Hz
    },
    sample={
        "energy_import_kwh": 12_345.67,
        "voltage_a_v": 230.2,
        "voltage_b_v": 231.0,
        "voltage_c_v": 229.5,
        "current_a_a": 10.5,
        "current_b_a": 11.25,
        "current_c_a": 9.75,
        "active_power_kw": -1.2,
        "frequency_hz": 49.99,
    },
)


@pytest.mark.parametrize("check", driver_checks(DRIVER, GOLDEN), ids=str)
def test_driver(check):
    check()
