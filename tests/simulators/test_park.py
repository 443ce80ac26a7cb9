"""The whole park: powers balance at every instant, registers integrate them, nothing leaves its limits."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from parkgrid_simulators.flow import WATT_MS_PER_KWH
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import Scenario, load_scenario
from parkgrid_simulators.weather import PINGSHAN

HOUR_MS = 3_600_000
DAY = date(2026, 6, 22)
START_MS = PINGSHAN.midnight_ms(DAY)
SOURCES = ("pv-1", "pv-2", "pv-3")
LOADS = ("load-fab", "load-machining", "load-office")
GUNS = ("charger-1", "charger-2", "charger-3", "charger-4")


def scenario(step_s: float = 60.0, **changes) -> Scenario:
    """Steps of a minute, where a test does not need shorter ones: a simulated day costs by its steps."""
    return replace(load_scenario(), step_s=step_s, **changes)


def net_energy(park: Park) -> Fraction:
    """Energy of the sources less that of the sinks since the start, from the registers alone."""
    total = Fraction(0)
    for name, flow in park.flows.items():
        sign = {"grid": 1, "storage-1": 1, **dict.fromkeys(SOURCES, 1)}.get(name, -1)
        total += sign * Fraction(flow.taken - flow.given, WATT_MS_PER_KWH)
    return total - Fraction(park.loss.taken, WATT_MS_PER_KWH)


def test_the_bus_balances_at_every_step_of_a_day(nightly) -> None:
    step_ms = 2_000 if nightly else 20_000
    park = Park(scenario(step_ms / 1000), START_MS)
    before = net_energy(park)
    for at_ms in range(START_MS, START_MS + 24 * HOUR_MS, step_ms):
        park.advance_to(at_ms)
        assert park.balance.residual == 0
    assert park.at_ms == START_MS + 24 * HOUR_MS - step_ms
    assert net_energy(park) == before


def test_the_shown_powers_balance_too() -> None:
    park = Park(scenario(), START_MS)
    at_ms = START_MS + 13 * HOUR_MS + 777
    shown = {device.device: park.values(device.device, at_ms).get("active_power_kw") for device in park.devices}
    sources = shown["grid"] + shown["storage-1"] + sum(shown[name] for name in SOURCES)
    sinks = sum(shown[name] for name in (*LOADS, *GUNS)) + park.loss.watts / 1000
    assert sources == pytest.approx(sinks, abs=1e-9)


def test_registers_are_the_integral_of_the_powers() -> None:
    park = Park(scenario(10.0), START_MS)
    first = park.values("grid", START_MS)
    energy, at_ms = 0.0, START_MS
    while at_ms < START_MS + 2 * HOUR_MS:
        power = park.values("grid", at_ms)["active_power_kw"]
        energy += power * 10 / 3600
        at_ms += 10_000
    last = park.values("grid", at_ms)
    exchanged = (last["energy_import_kwh"] - first["energy_import_kwh"]) - (
        last["energy_export_kwh"] - first["energy_export_kwh"]
    )
    assert exchanged == pytest.approx(energy, abs=1e-6)


def test_registers_run_on_within_a_step() -> None:
    park = Park(scenario(10.0), START_MS)
    at_ms = START_MS + HOUR_MS
    power = park.values("grid", at_ms)["active_power_kw"]
    begin = park.values("grid", at_ms)["energy_import_kwh"]
    assert park.values("grid", at_ms + 5000)["energy_import_kwh"] - begin == pytest.approx(power * 5 / 3600)


@pytest.mark.parametrize("sky", ["fair", "broken"])
@pytest.mark.parametrize("day", [date(2026, 1, 11), date(2026, 7, 5), date(2026, 11, 23)], ids=str)
def test_no_limit_is_broken_over_two_days(sky, day, nightly) -> None:
    step_ms = 20_000 if nightly else 60_000
    base = scenario(step_ms / 1000, seed=day.toordinal())
    park = Park(replace(base, site=replace(base.site, sky=sky)), PINGSHAN.midnight_ms(day))
    start = park.at_ms
    counters: dict[tuple[str, str], float] = {}
    for at_ms in range(start, start + 48 * HOUR_MS, step_ms):
        park.advance_to(at_ms)
        balance = park.balance
        assert balance.residual == 0
        assert 0 <= balance.pv <= 800_000
        assert abs(balance.storage) <= 500_000
        assert 100.0 - 1e-6 <= park.stored_kwh <= 2000.0 + 1e-6
        assert 0 <= sum(park.flows[name].watts for name in GUNS[:2]) <= 720_000
        assert all(0 <= park.flows[name].watts <= 480_000 for name in GUNS)
        assert balance.loss > 0
        assert balance.load > 0
        if (at_ms - start) % (900_000 if nightly else HOUR_MS) == 0:
            check_registers_never_fall(park, at_ms, counters)
    assert any(park.flows[name].taken > 0 for name in GUNS)


def check_registers_never_fall(park, at_ms, counters) -> None:
    for device in park.devices:
        for signal, value in park.values(device.device, at_ms).items():
            if signal.startswith("energy_") and value is not None:
                assert value >= counters.get((device.device, signal), 0.0)
                counters[device.device, signal] = value


def test_nothing_is_generated_before_dawn_in_december() -> None:
    park = Park(scenario(), PINGSHAN.midnight_ms(date(2026, 12, 22)))
    park.advance_to(park.at_ms + 5 * HOUR_MS)
    assert park.balance.pv == 0


def test_storage_shaves_the_peak_and_never_feeds_the_grid() -> None:
    park = Park(scenario(), START_MS)
    charged = discharged = 0
    for minute in range(24 * 60):
        park.advance_to(START_MS + minute * 60_000)
        balance = park.balance
        charged -= min(balance.storage, 0)
        discharged += max(balance.storage, 0)
        if balance.storage > 0:
            assert balance.grid >= -20_000
    assert charged > 0
    assert discharged > 0


def test_the_state_does_not_depend_on_who_looks_when() -> None:
    watched, left_alone = Park(scenario(5.0), START_MS), Park(scenario(5.0), START_MS)
    for at_ms in range(START_MS, START_MS + HOUR_MS, 7_331):
        watched.values("grid", at_ms)
        watched.values("charger-2", at_ms)
    at_ms = START_MS + HOUR_MS + 123
    for device in watched.devices:
        assert watched.values(device.device, at_ms) == left_alone.values(device.device, at_ms)


def test_another_seed_is_another_day() -> None:
    at_ms = START_MS + 12 * HOUR_MS
    one, other = Park(scenario(seed=1), START_MS), Park(scenario(seed=2), START_MS)
    assert one.values("grid", at_ms) != other.values("grid", at_ms)


def test_a_park_begins_at_the_midnight_before_its_start() -> None:
    late, early = Park(scenario(), START_MS + 5 * HOUR_MS), Park(scenario(), START_MS)
    at_ms = START_MS + 6 * HOUR_MS
    assert late.values("storage-1", at_ms) == early.values("storage-1", at_ms)


def test_set_points_work_and_hold_within_limits() -> None:
    park = Park(scenario(), START_MS)
    noon = START_MS + 12 * HOUR_MS
    park.advance_to(noon)
    park.write("storage-1", "setpoint_kw", -5_000.0)
    park.write("pv-1", "limit_pct", 10.0)
    park.write("charger-1", "limit_kw", 0.0)
    park.advance_to(noon + 60_000)
    assert park.flows["storage-1"].watts == pytest.approx(-1000 * 500, abs=1)
    assert park.flows["pv-1"].watts <= 30_000
    assert park.values("pv-1", noon + 60_000)["operating_state"] == 4.0
    assert park.flows["charger-1"].watts == 0
    assert park.balance.residual == 0


def test_instruments_agree_with_each_other() -> None:
    park = Park(scenario(), START_MS)
    at_ms = START_MS + 11 * HOUR_MS
    meter = park.values("load-fab", at_ms)
    phases = [meter[f"active_power_{phase}_kw"] for phase in "abc"]
    assert sum(phases) == pytest.approx(meter["active_power_kw"])
    assert meter["active_power_kw"] ** 2 + meter["reactive_power_kvar"] ** 2 == pytest.approx(
        meter["apparent_power_kva"] ** 2
    )
    assert meter["power_factor"] == pytest.approx(0.94, abs=1e-3)
    by_current = sum(meter[f"voltage_{phase}_v"] * meter[f"current_{phase}_a"] for phase in "abc") / 1000
    assert by_current == pytest.approx(meter["apparent_power_kva"])
    inverter = park.values("pv-1", at_ms)
    strings = sum(inverter[f"string_{n}_voltage_v"] * inverter[f"string_{n}_current_a"] for n in range(1, 5)) / 1000
    assert strings == pytest.approx(inverter["dc_power_kw"])
    assert 0.9 < inverter["active_power_kw"] / inverter["dc_power_kw"] < 0.97
    storage = park.values("storage-1", at_ms)
    assert storage["stored_energy_kwh"] == pytest.approx(storage["soc_pct"] * 20)
    assert storage["cell_voltage_min_v"] < storage["dc_voltage_v"] / 240 < storage["cell_voltage_max_v"]


def test_a_park_without_storage_sun_or_chargers_still_balances() -> None:
    base = scenario()
    few = tuple(device for device in base.devices if device.device_class in {"grid_meter", "meter", "weather"})
    park = Park(replace(base, devices=few), START_MS)
    park.advance_to(START_MS + HOUR_MS)
    assert park.balance.residual == 0
    assert park.balance.grid > 0
    assert park.values("weather", START_MS + 12 * HOUR_MS)["irradiance_plane_w_m2"] is None
