"""Register images of every driver, and SunSpec peers by the offsets of the published models."""

import pytest

from parkgrid_contract.signals import SignalKind
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table, decode_text, read
from parkgrid_simulators.driver_checks import driver_checks
from parkgrid_simulators.image import (
    IllegalAddressError,
    IllegalValueError,
    RegisterImage,
    decimal_points,
    identity_words,
    modulus,
)
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.sunspec_image import sunspec_image

INVERTER = SimulatedDevice("pv-3", "pv_inverter", "sunspec", ratings={"rated_power_kw": 100.0})
VALUES = {
    "active_power_kw": 88.5,
    "energy_generated_kwh": 12_345.678,
    "operating_state": 3.0,
    "string_2_current_a": 12.34,
    "voltage_a_v": 231.4,
}


SERVED = [driver_checks(drivers.find(name))[-1] for name in drivers.own_names()]


@pytest.mark.parametrize("check", SERVED, ids=lambda check: f"{check.driver}: {check}")
def test_every_row_of_every_driver_carries_its_value(check) -> None:
    check()


@pytest.mark.parametrize(
    ("power_kw", "volts", "points"),
    [(250.0, 1_000.0, [3, 2, 5]), (500.0, 750.0, [2, 2, 5]), (8.0, 48.0, [1, 2, 3])],
    ids=["as recorded of a real meter", "of the office's bus", "of a small bus"],
)
def test_a_direct_current_meter_shows_its_ratings_in_four_digits(power_kw, volts, points) -> None:
    driver = drivers.find("acrel_djsf1352")
    found = decimal_points(driver, {"rated_power_kw": power_kw, "nominal_voltage_v": volts})
    assert [found[Table.HOLDING, address] for address in (1, 3, 9)] == points
    image = RegisterImage(driver, found)
    values = {"voltage_v": volts, "current_a": -1_000 * power_kw / volts, "active_power_kw": -power_kw}
    words = dict(enumerate(image.read(Table.HOLDING, 0, 20, values)))
    shown = {row.signal: read(row, words) for row in driver.registers if row.signal in values}
    assert shown == pytest.approx(values, rel=0.001)


def test_counters_wrap_and_gauges_that_do_not_fit_are_absent() -> None:
    counter = Register("energy_generated_kwh", 10, Encoding.UINT16, 0.1)
    gauge = Register("active_power_kw", 20, Encoding.INT16, 0.001)
    image = RegisterImage(Driver("d", "pv_inverter", "", "", "", (counter, gauge)))
    assert image.kinds["energy_generated_kwh"] is SignalKind.COUNTER
    assert image.read(Table.HOLDING, 10, 1, {"energy_generated_kwh": 6553.6 + 1.2}) == [12]
    assert image.read(Table.HOLDING, 20, 1, {"active_power_kw": 40.0}) == [0x8000]
    assert modulus(counter) == pytest.approx(6553.6)
    assert modulus(Register("x", 0, Encoding.BCD32, 0.01)) == pytest.approx(1_000_000)


def test_holes_are_refused_unless_they_may_be_bridged() -> None:
    rows = (Register("active_power_kw", 10, Encoding.INT16), Register("temperature_c", 13, Encoding.INT16))
    strict = RegisterImage(Driver("d", "pv_inverter", "", "", "", rows))
    lax = RegisterImage(Driver("d", "pv_inverter", "", "", "", rows, max_gap_registers=2))
    values = {"active_power_kw": 1.0, "temperature_c": 2.0}
    with pytest.raises(IllegalAddressError, match="11"):
        strict.read(Table.HOLDING, 10, 4, values)
    assert lax.read(Table.HOLDING, 10, 4, values) == [1, 0, 0, 2]
    with pytest.raises(IllegalAddressError):
        lax.read(Table.HOLDING, 11, 2, values)
    with pytest.raises(IllegalAddressError):
        lax.read(Table.INPUT, 10, 1, values)


def test_writes_are_enumerated_and_bounded() -> None:
    image = RegisterImage(drivers.find("alpitronic_hypercharger"))
    assert image.written(100, [0x0002, 0x49F0]) == [("limit_kw", pytest.approx(150.0))]
    with pytest.raises(IllegalValueError, match="limit_kw"):
        image.written(100, [0xFFF0, 0])
    with pytest.raises(IllegalAddressError):
        image.written(100, [1])
    with pytest.raises(IllegalAddressError):
        image.written(90, [1])


def test_nameplates_stand_where_the_driver_looks() -> None:
    driver = drivers.find("huawei_sun2000")
    image = RegisterImage(driver, identity_words(driver, {"serial": "pv-7"}))
    assert decode_text(image.read(Table.HOLDING, 30015, 10, {})) == "pv-7"
    assert decode_text(image.read(Table.HOLDING, 30000, 15, {})) == ""


def test_a_sunspec_inverter_word_by_word() -> None:
    words = sunspec_image(INVERTER, "9.9").read(Table.HOLDING, 40000, 120, VALUES)
    assert words[:4] == [0x5375, 0x6E53, 1, 66]
    assert decode_text(words[4:20]) == "parkgrid"
    assert decode_text(words[44:52]) == "9.9"
    assert decode_text(words[52:68]) == "pv-3"
    model = words[70:]
    assert model[:2] == [103, 50]
    # 88,500 W in steps of 10 W, since twice the rating would not fit 15 bits of 1 W.
    assert (model[14], model[15]) == (8850, 1)
    # 12,345,678 Wh = 0x00BC614E
    assert (model[24], model[25], model[26]) == (0x00BC, 0x614E, 0)
    assert (model[10], model[13]) == (2314, 0xFFFF)
    assert model[38] == 4
    assert (model[16], model[22]) == (0xFFFF, 0x8000)


def test_a_sunspec_chain_ends_properly() -> None:
    image = sunspec_image(INVERTER, "1")
    at, models = 40002, []
    while True:
        number, length = image.read(Table.HOLDING, at, 2, VALUES)
        if number == 0xFFFF:
            break
        models.append((number, length))
        at += 2 + length
    assert models == [(1, 66), (103, 50), (160, 88)]
    strings = image.read(Table.HOLDING, 40122, 90, VALUES)
    assert (strings[0], strings[8]) == (160, 4)
    # Module 2 begins at 30; its current stands nine further on: 12.34 A in steps of 0.01 A.
    assert (strings[30], strings[39], strings[2]) == (2, 1234, 0xFFFE)
    with pytest.raises(IllegalAddressError):
        image.read(Table.HOLDING, 0, 2, VALUES)


def test_a_sunspec_meter_and_storage() -> None:
    meter = sunspec_image(SimulatedDevice("m", "meter", "sunspec", ratings={"rated_power_kw": 10.0}), "1")
    words = meter.read(
        Table.HOLDING, 40070, 107, {"active_power_kw": -1.5, "energy_import_kwh": 70.0, "energy_export_kwh": 0.0}
    )
    assert words[:2] == [203, 105]
    assert (words[18], words[22]) == (0x10000 - 1500, 0)
    assert (words[46], words[47], words[54]) == (1, 4464, 0)
    assert (words[38], words[39]) == (0, 0)
    storage = sunspec_image(
        SimulatedDevice("s", "storage", "sunspec", ratings={"rated_power_kw": 500.0, "capacity_kwh": 2000.0}), "1"
    )
    values = {"soc_pct": 61.5, "stored_energy_kwh": 1230.0, "dc_power_kw": -300.0, "operating_state": 3.0}
    assert storage.read(Table.HOLDING, 40122, 2, values) == [713, 7]
    capacity = storage.read(Table.HOLDING, 40122, 9, values)
    assert (capacity[3], capacity[7], capacity[4], capacity[8]) == (12300, 2, 615, 0xFFFF)
    battery = storage.read(Table.HOLDING, 40131, 64, values)
    assert battery[:2] == [802, 62]
    assert (battery[11], battery[22]) == (615, 3)
    assert (battery[47], battery[63]) == (0x10000 - 3000, 2)


def test_a_class_without_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="weather"):
        sunspec_image(SimulatedDevice("w", "weather", "sunspec"), "1")
