"""Generated history: powers balance, registers integrate them, however it is cut, and the live park joins."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from parkgrid_contract.signals import CATALOGUE
from parkgrid_simulators.history import Day, days, devices, midnight_after, signals
from parkgrid_simulators.history_park import MinutePark
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import SCENARIOS, Scenario, load_scenario
from parkgrid_simulators.served import as_held
from parkgrid_simulators.weather import PINGSHAN

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
START_MS = PINGSHAN.midnight_ms(date(2026, 6, 22))
"""A Monday."""
PARKS = {path.stem: load_scenario(path) for path in sorted(SCENARIOS.glob("*.toml"))}


def columns(made: list[Day], device: str) -> dict[str, np.ndarray]:
    """All readings of one device by signal, and their stamps under `at_ms`."""
    parts = [each for day in made for each in day.readings if each.device == device]
    matrix = np.concatenate([part.values for part in parts])
    found = {name: matrix[:, place] for place, name in enumerate(parts[0].signals)}
    return found | {"at_ms": np.concatenate([part.at_ms for part in parts])}


def of_class(scenario: Scenario, device_class: str) -> list[str]:
    return [device.device for device in devices(scenario) if device.device_class == device_class]


@pytest.fixture(scope="module", params=sorted(PARKS))
def two_days(request) -> tuple[Scenario, list[Day]]:
    """Two days of every park, a reading each minute."""
    scenario = PARKS[request.param]
    return scenario, list(days(scenario, START_MS, START_MS + 2 * DAY_MS, 60))


def gained(made: list[Day], names: list[str], signal: str) -> np.ndarray:
    """Energy of some devices together between consecutive readings, in kWh."""
    return sum((np.diff(columns(made, name)[signal]) for name in names), np.zeros(1))


def test_the_registers_balance_between_any_two_readings(two_days) -> None:
    scenario, made = two_days
    storage, guns = of_class(scenario, "storage"), of_class(scenario, "charger")
    sources = (
        gained(made, ["grid"], "energy_import_kwh")
        - gained(made, ["grid"], "energy_export_kwh")
        + gained(made, of_class(scenario, "pv_inverter"), "energy_generated_kwh")
        + gained(made, storage, "energy_discharged_kwh")
        - gained(made, storage, "energy_charged_kwh")
    )
    sinks = gained(made, of_class(scenario, "meter"), "energy_import_kwh") + gained(made, guns, "energy_delivered_kwh")
    loss = sources - sinks
    # Transformer at rest: 0.11 % of its rating, for a minute; never less than that is lost.
    assert loss.min() >= 0.0011 * scenario.transformer_kva / 60 - 1e-6
    registers = made[-1].state.loss["taken"] / 3.6e9
    last_step = 2 * DAY_MS // 60_000 / (2 * DAY_MS // 60_000 - 1)
    assert loss.sum() * last_step == pytest.approx(registers, rel=0.002)


def test_a_register_gains_what_the_power_says(two_days) -> None:
    scenario, made = two_days
    for name in ("grid", *of_class(scenario, "meter")):
        found = columns(made, name)
        net = np.diff(found["energy_import_kwh"]) - np.diff(found["energy_export_kwh"])
        # Powers hold for a step of a minute: energy is power times 1/60 hour.
        np.testing.assert_allclose(net, found["active_power_kw"][:-1] / 60, atol=1e-6)
    for name in of_class(scenario, "storage"):
        found = columns(made, name)
        net = np.diff(found["energy_discharged_kwh"]) - np.diff(found["energy_charged_kwh"])
        np.testing.assert_allclose(net, found["active_power_kw"][:-1] / 60, atol=1e-6)


def test_import_and_export_never_run_together(two_days) -> None:
    _, made = two_days
    found = columns(made, "grid")
    assert not ((np.diff(found["energy_import_kwh"]) > 0) & (np.diff(found["energy_export_kwh"]) > 0)).any()


def test_registers_never_run_back(two_days) -> None:
    scenario, made = two_days
    for device in devices(scenario):
        found = columns(made, device.device)
        for signal in CATALOGUE[device.device_class].signals:
            if signal.kind == "counter" and signal.name in found:
                assert (np.diff(found[signal.name]) >= 0).all(), (device.device, signal.name)


def test_every_value_is_in_its_range(two_days) -> None:
    scenario, made = two_days
    for device in devices(scenario):
        found = columns(made, device.device)
        assert len(found["at_ms"]) == 2 * 1440
        for name in signals(device):
            signal, values = CATALOGUE[device.device_class].by_name[name], found[name]
            known = values[~np.isnan(values)]
            assert ((known >= signal.low) & (known <= signal.high)).all(), (device.device, name)


def test_the_sun_shines_by_day_on_modules_and_weather_station_alike(two_days) -> None:
    scenario, made = two_days
    weather = columns(made, "weather")
    hours = (weather["at_ms"] - START_MS) % DAY_MS / HOUR_MS
    power = sum(columns(made, name)["active_power_kw"] for name in of_class(scenario, "pv_inverter"))
    assert (power[(hours < 5) | (hours > 20)] == 0).all()
    assert (weather["irradiance_plane_w_m2"][(hours < 5) | (hours > 20)] == 0).all()
    day = (hours > 8) & (hours < 17)
    assert np.corrcoef(power[day], weather["irradiance_plane_w_m2"][day])[0, 1] > 0.8
    assert np.nanmax(weather["module_temperature_c"]) > np.nanmax(weather["temperature_c"])


def same(first: list[Day], second: list[Day]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(
        one.device == other.device and one.values.tobytes() == other.values.tobytes()
        for day, twin in pairs
        for one, other in zip(day.readings, twin.readings, strict=True)
    )


@pytest.mark.parametrize("name", sorted(PARKS))
def test_what_it_makes_does_not_depend_on_how_it_is_cut(name) -> None:
    scenario = PARKS[name]
    whole = list(days(scenario, START_MS, START_MS + 3 * DAY_MS, 900))
    first = list(days(scenario, START_MS, START_MS + DAY_MS, 900))
    rest = list(days(scenario, START_MS + DAY_MS, START_MS + 3 * DAY_MS, 900, first[-1].state))
    assert same(whole, first + rest)
    assert whole[-1].state == rest[-1].state


def test_the_period_changes_how_often_it_is_read_and_nothing_else() -> None:
    # Periods of whole five minutes are read from steps of five minutes, shorter ones from steps of one.
    scenario = PARKS["pingshan_park"]
    for short_s, long_s in ((60, 180), (300, 900)):
        often = list(days(scenario, START_MS, START_MS + DAY_MS, short_s))
        seldom = list(days(scenario, START_MS, START_MS + DAY_MS, long_s))
        for one, other in zip(often[0].readings, seldom[0].readings, strict=True):
            np.testing.assert_array_equal(one.values[:: long_s // short_s], other.values)
        assert often[-1].state == seldom[-1].state


def test_long_steps_keep_the_energy_and_the_balance(two_days) -> None:
    scenario, minutes = two_days
    made = {60: minutes, 300: list(days(scenario, START_MS, START_MS + 2 * DAY_MS, 300))}
    # What does not depend on states holds its mean: the registers differ by less than a watt for each step.
    for device in of_class(scenario, "pv_inverter") + of_class(scenario, "meter"):
        signal = "energy_import_kwh" if device.startswith("load") else "energy_generated_kwh"
        short, long = (columns(made[period_s], device)[signal] for period_s in (60, 300))
        # Whole watts: below 1 W times 48 h.
        np.testing.assert_allclose(short[::5], long, atol=0.048)
    found = columns(made[300], "grid")
    net = np.diff(found["energy_import_kwh"]) - np.diff(found["energy_export_kwh"])
    np.testing.assert_allclose(net, found["active_power_kw"][:-1] / 12, atol=1e-6)
    park = MinutePark(scenario, START_MS, step_s=300.0)
    park.advance_to(START_MS + 13 * HOUR_MS)
    assert park.balance.residual == 0


@pytest.mark.parametrize("name", sorted(PARKS))
def test_what_it_makes_does_not_depend_on_the_minute_at_which_it_is_cut(name) -> None:
    scenario = PARKS[name]
    cut_ms, end_ms = START_MS + DAY_MS + 10 * HOUR_MS, START_MS + 2 * DAY_MS + HOUR_MS
    whole = list(days(scenario, START_MS, end_ms, 300))
    first = list(days(scenario, START_MS, cut_ms, 300))
    rest = list(days(scenario, cut_ms, end_ms, 300, first[-1].state))
    for device in devices(scenario):
        together = columns(first + rest, device.device)
        for signal, values in columns(whole, device.device).items():
            np.testing.assert_array_equal(together[signal], values)
    assert whole[-1].state == rest[-1].state


@pytest.mark.parametrize("name", sorted(PARKS))
def test_the_live_park_goes_on_with_the_very_registers(name) -> None:
    scenario = PARKS[name]
    end_ms = START_MS + DAY_MS + 10 * HOUR_MS
    state = list(days(scenario, START_MS, end_ms, 900))[-1].state
    longer = list(days(scenario, START_MS, end_ms + 900_000, 900))
    live = Park(scenario, end_ms, state)
    assert [device.device for device in live.devices] == [device.device for device in devices(scenario)]
    for device in devices(scenario):
        found, shown = columns(longer, device.device), live.values(device.device, end_ms)
        assert found["at_ms"][-1] == end_ms
        for signal in signals(device):
            if CATALOGUE[device.device_class].by_name[signal].kind == "counter":
                assert found[signal][-1] == shown[signal], (device.device, signal)


@pytest.mark.parametrize("name", sorted(PARKS))
def test_history_and_live_park_are_one_from_a_state_on(name) -> None:
    scenario = PARKS[name]
    begin_ms, end_ms = START_MS + 10 * HOUR_MS, START_MS + 10 * HOUR_MS + 400_000
    state = list(days(scenario, START_MS, begin_ms, 60))[-1].state
    [made] = days(scenario, begin_ms, end_ms, 5, state, as_live=True)
    live = Park(scenario, begin_ms + 60_000, state)
    for at_ms in range(begin_ms, end_ms, 5_000):
        for each in made.readings:
            shown = live.values(each.device, at_ms)
            expected = [np.nan if shown.get(name) is None else shown[name] for name in each.signals]
            np.testing.assert_array_equal(each.values[(at_ms - begin_ms) // 5_000], expected)
    assert live.balance.residual == 0


@pytest.mark.parametrize("name", sorted(PARKS))
def test_the_quick_park_is_the_same_park(name, nightly) -> None:
    scenario = PARKS[name]
    quick, park = MinutePark(scenario, START_MS), Park(replace(scenario, step_s=60.0), START_MS)
    for at_ms in range(START_MS, START_MS + (2 if nightly else 1) * DAY_MS + HOUR_MS, 840_000):
        for device in park.devices:
            assert quick.values(device.device, at_ms) == park.values(device.device, at_ms)
        assert quick.balance == park.balance
        assert quick.loss == park.loss
    assert quick.midnight == park.midnight
    assert quick.balance.residual == 0


@pytest.mark.parametrize("name", sorted(PARKS))
def test_many_instants_at_once_are_each_of_them(name) -> None:
    scenario = replace(PARKS[name], step_s=60.0)
    stamps = range(START_MS + 13 * HOUR_MS, START_MS + 14 * HOUR_MS, 40_000)
    park, shown = Park(scenario, START_MS), MinutePark(scenario, START_MS).columns(stamps)
    assert list(shown) == [device.device for device in park.devices]
    for place, at_ms in enumerate(stamps):
        for device, series in shown.items():
            for signal, value in park.values(device, at_ms).items():
                found = np.broadcast_to(series[signal], len(stamps))[place]
                assert found == value or (value is None and np.isnan(found)), (device, signal)


def test_another_seed_is_another_history() -> None:
    scenario = PARKS["pingshan_park"]
    other = replace(scenario, seed=scenario.seed + 1)
    end_ms = START_MS + DAY_MS
    assert not same(list(days(scenario, START_MS, end_ms, 900)), list(days(other, START_MS, end_ms, 900)))


def test_offices_rest_in_the_spring_festival_and_work_on_a_make_up_saturday() -> None:
    def used(day: date) -> float:
        start_ms = PINGSHAN.midnight_ms(day)
        made = list(days(PARKS["pingshan_park"], start_ms, start_ms + DAY_MS, 900))
        return float(np.ptp(columns(made, "load-office")["energy_import_kwh"]))

    workday, festival, make_up = used(date(2026, 2, 11)), used(date(2026, 2, 18)), used(date(2026, 2, 14))
    # The shape of an office runs at 0.15 of a workday in a public holiday.
    assert festival < 0.3 * workday
    assert make_up > 0.7 * workday


def test_summer_gives_more_than_winter() -> None:
    def made_of(day: date) -> float:
        scenario = PARKS["pingshan_park"]
        clear = replace(scenario, site=replace(scenario.site, sky="fair"))
        start_ms = PINGSHAN.midnight_ms(day)
        made = list(days(clear, start_ms, start_ms + DAY_MS, 900))
        return float(np.ptp(columns(made, "pv-1")["energy_generated_kwh"]))

    assert made_of(date(2026, 7, 1)) > 1.15 * made_of(date(2026, 1, 1))


@pytest.fixture(scope="module")
def bus_day() -> list[Day]:
    return list(days(PARKS["julongshan_pedf_office"], START_MS, START_MS + DAY_MS, 60))


def test_the_bus_takes_what_hangs_on_it_needs(bus_day) -> None:
    bus = columns(bus_day, "dc-bus")
    expected = (
        columns(bus_day, "load-dc")["active_power_kw"]
        + sum(columns(bus_day, name)["active_power_kw"] for name in ("charger-1", "charger-2"))
        - sum(columns(bus_day, name)["active_power_kw"] for name in ("pv-1", "pv-2", "storage-1"))
    )
    np.testing.assert_allclose(bus["active_power_kw"], expected, atol=1e-9)
    net = np.diff(bus["energy_import_kwh"]) - np.diff(bus["energy_export_kwh"])
    np.testing.assert_allclose(net, bus["active_power_kw"][:-1] / 60, atol=1e-6)


def test_the_bus_voltage_stays_in_the_band_and_follows_the_target(bus_day) -> None:
    bus = columns(bus_day, "dc-bus")
    assert bus["voltage_v"].min() >= 0.80 * 750
    assert bus["voltage_v"].max() <= 1.07 * 750
    assert np.corrcoef(bus["reference_voltage_v"], bus["target_power_kw"])[0, 1] > 0.99
    assert np.abs(bus["active_power_kw"] - bus["target_power_kw"]).mean() < 0.1 * 500
    np.testing.assert_allclose(bus["current_a"] * bus["voltage_v"] / 1000, bus["active_power_kw"], atol=1e-9)


def test_a_park_without_a_bus_has_none() -> None:
    assert of_class(PARKS["pingshan_park"], "dc_bus") == []


def test_a_wrong_bus_is_told_apart() -> None:
    scenario = PARKS["julongshan_pedf_office"]
    bus = scenario.dc_buses[0]
    wrong = replace(scenario, dc_buses=(replace(bus, id="grid", driver="acrel", loads=("pv-1",)), bus))
    assert [(where, value) for where, value, _ in wrong.problems()] == [
        ("dc_buses", ["grid", "dc-bus"]),
        ("dc_buses[0].id", "grid"),
        ("dc_buses[0].driver", "acrel"),
        ("dc_buses[0].loads", "pv-1"),
    ]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "period_s", "words"),
    [
        (START_MS, START_MS, 900, "has no length"),
        (START_MS + 1, START_MS, 900, "has no length"),
        (START_MS, START_MS + DAY_MS, 0, "does not divide"),
        (START_MS, START_MS + DAY_MS, 7, "does not divide"),
        (START_MS, START_MS + 90_000, 60, "within a step of 60 s"),
    ],
)
def test_what_cannot_be_made_is_refused(start_ms, end_ms, period_s, words) -> None:
    with pytest.raises(ValueError, match=words):
        next(days(PARKS["pingshan_park"], start_ms, end_ms, period_s))


def test_a_history_begins_and_ends_anywhere() -> None:
    scenario = PARKS["pingshan_park"]
    start_ms, end_ms = START_MS + 22 * HOUR_MS, START_MS + DAY_MS + 2 * HOUR_MS
    made = list(days(scenario, start_ms, end_ms, 900))
    stamps = columns(made, "grid")["at_ms"]
    assert stamps.tolist() == list(range(start_ms, end_ms, 900_000))
    assert made[-1].state.date == date(2026, 6, 23)
    assert midnight_after(scenario, start_ms) == START_MS + DAY_MS


def test_counters_are_held_in_the_steps_of_their_registers() -> None:
    by_name = {device.device: device for device in devices(PARKS["pingshan_park"])}
    exact = np.array([[28_000.123_456, 28_000.123_456], [1_234_567.891, 7.004]])
    # Huawei's inverter counts in 0.01 kWh and its power in watts; Eastron's meter counts in floats of 32 bits.
    inverter = as_held(by_name["pv-1"], ("energy_generated_kwh", "active_power_kw"), exact)
    np.testing.assert_allclose(inverter, [[28_000.12, 28_000.123_456], [1_234_567.89, 7.004]], rtol=1e-12)
    meter = as_held(by_name["grid"], ("energy_import_kwh", "active_power_kw"), exact)
    np.testing.assert_array_equal(meter[:, 0], exact[:, 0].astype(np.float32).astype(float))
    np.testing.assert_array_equal(meter[:, 1], exact[:, 1])
