"""The catalogue: names, units, widths, and the rounding that makes accepted equal stored."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.signals import CATALOGUE, DeviceClass, Signal, SignalKind

pytestmark = pytest.mark.edge

ROWS = [(name, signal) for name, device_class in CATALOGUE.items() for signal in device_class.signals]
ENDINGS = {
    "kW": "_kw", "kWh": "_kwh", "kvar": "_kvar", "kvarh": "_kvarh", "kVA": "_kva", "V": "_v", "A": "_a", "Hz": "_hz",
    "%": "_pct", "°C": "_c", "W/m²": "_w_m2", "m/s": "_m_s", "°": "_deg", "hPa": "_hpa", "mm": "_mm", "kΩ": "_kohm",
    "MB": "_mb", "s": "_s", "ms": "_ms",
}  # fmt: skip


def test_the_classes_are_those_of_the_design() -> None:
    expected = {"grid_meter", "meter", "pv_inverter", "storage", "charger", "dc_bus", "weather", "gateway"}
    assert set(CATALOGUE) == expected


@pytest.mark.parametrize(("class_name", "signal"), ROWS, ids=lambda item: getattr(item, "name", item))
def test_a_name_says_its_unit(class_name: str, signal: Signal) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,45}", signal.name), class_name
    if signal.unit:
        assert signal.name.endswith(ENDINGS[signal.unit])


@pytest.mark.parametrize(("class_name", "signal"), ROWS, ids=lambda item: getattr(item, "name", item))
def test_the_stored_integer_holds_the_whole_range(class_name: str, signal: Signal) -> None:
    assert signal.per_unit * signal.resolution == pytest.approx(1)
    for bound in (signal.low, signal.high):
        assert abs(signal.steps(bound)) <= signal.storage_limit, class_name
    assert signal.storage_bytes == 8 or signal.kind is not SignalKind.COUNTER


@given(st.sampled_from([signal for _, signal in ROWS]), st.floats(0, 1))
def test_rounding_once_is_rounding_for_good(signal: Signal, share: float) -> None:
    value = signal.low + (signal.high - signal.low) * share
    rounded = signal.rounded(value)
    assert signal.rounded(rounded) == rounded
    assert abs(rounded - value) <= signal.resolution / 2 + abs(value) * 1e-12


def test_hand_computed_steps() -> None:
    power = CATALOGUE["pv_inverter"].by_name["active_power_kw"]
    assert (power.steps(12.3456), power.value(12346), power.storage_bytes) == (12346, 12.346, 4)
    soc = CATALOGUE["storage"].by_name["soc_pct"]
    assert (soc.steps(130), soc.storage_bytes, soc.storage_limit) == (1300, 2, 32767)
    energy = CATALOGUE["meter"].by_name["energy_import_kwh"]
    assert (energy.steps(123456789.123), energy.storage_bytes) == (123456789123, 8)


def test_a_doubled_name_is_refused() -> None:
    signal = Signal("x", "", SignalKind.GAUGE, 1, 0, 1)
    with pytest.raises(ValueError, match="twice"):
        DeviceClass("twins", (signal, signal))
