"""Numbers as the page writes them: three significant digits, the next unit at 1,000, little energy never as nothing."""

import pytest

from tests.web.sources import call


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (1_234.0, "kW", ["1.23", "MW"]),
        (0.002, "kW", ["0", "kW"]),
        (999.6, "kWh", ["1.00", "MWh"]),
        (0.0031831, "tce/万元", ["0.00318", "tce/万元"]),
        (0.0696, "tce/万元", ["0.0696", "tce/万元"]),
        (0.5, "tce/万元", ["0.50", "tce/万元"]),
        (0.0, "tce/万元", ["0", "tce/万元"]),
        (25.94, "kWh/万元", ["25.9", "kWh/万元"]),
    ],
)
def test_a_number_and_its_unit(value: float, unit: str, told: list[str]) -> None:
    assert call("numbers.ts", "told", value, unit, "en") == told
