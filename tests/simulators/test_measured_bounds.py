"""Measured files and price files whose numbers and lines have no end are refused by their place."""

from pathlib import Path

import pytest

from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.prices import read_prices
from parkgrid_contract.settings import SettingsError
from parkgrid_simulators.measured.loading import open_measured

MAPPING = """
name = "x"
source = "y"
[time]
column = "t"
format = "unix_s"
period_s = 900
[[devices]]
device = "main"
device_class = "grid_meter"
file = "a.csv"
[devices.counters.energy_import_kwh]
column = "r"
"""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("t,r\n1e9999999,1\n", "line 2, column t = '1e9999999': is not a time between 1970 and 9999"),
        ("t,r\ninf,1\n", "line 2, column t = 'inf': is not a time"),
        ("t,r\n-1,1\n", "line 2, column t = '-1': is not a time"),
        ("t,r\n1760000400,1e9999999\n", "line 2, column r = '1e9999999': must be a number"),
        ("t,r\n" + "," * 2_000_000, "line 2 is longer than 1000000 characters"),
    ],
)
def test_a_measured_file_has_bounds(body: str, says: str, tmp_path: Path) -> None:
    """The first of these became an integer of ten million digits."""
    (tmp_path / "m.toml").write_text(MAPPING)
    (tmp_path / "a.csv").write_text(body)
    with pytest.raises(SettingsError) as refused:
        open_measured(tmp_path, tmp_path / "m.toml")
    assert says in str(refused.value)
    assert str(tmp_path / "a.csv") in str(refused.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("2026-01-01T00:00+08:00,1e-999999\n", "p.csv: line 2: '1e-999999' is not a price"),
        ("x" * 200_000, "p.csv: not a valid CSV"),
    ],
)
def test_a_price_file_has_bounds(body: str, says: str) -> None:
    with pytest.raises(BillError) as refused:
        read_prices("at,price_cny_per_kwh\n" + body, "p.csv")
    assert says in str(refused.value)
