"""The battery against hand-computed states of charge, and its limits against anything that may be asked of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_simulators.storage import Battery, Strategy, typical_efficiency


def always(efficiency):
    return lambda _share: efficiency


ORACLE = Battery(1000.0, 500.0, charge_efficiency=always(0.95), discharge_efficiency=always(0.95))


def test_charge_and_discharge_by_hand() -> None:
    # 500 + 0.95 * 400 / 4 = 595; 595 - 400 / 4 / 0.95 = 489.73684
    charged = ORACLE.after(500.0, -400.0, 900.0)
    assert charged / 10 == pytest.approx(59.5)
    assert ORACLE.after(charged, 400.0, 900.0) / 10 == pytest.approx(48.973684, abs=1e-6)


def test_round_trip() -> None:
    stored = ORACLE.after(500.0, -400.0, 900.0) - 500.0
    # What comes out of 95 kWh is 90.25 of the 100 kWh that went in.
    assert ORACLE.after(500.0 + stored, 4 * 0.9025 * 100, 900.0) == pytest.approx(500.0)


def test_steps_add_up_to_the_whole() -> None:
    energy = 500.0
    for _ in range(900):
        energy = ORACLE.after(energy, -400.0, 1.0)
    assert energy == pytest.approx(595.0)


@pytest.mark.parametrize(
    ("soc", "charge", "discharge"),
    [(0.05, 1.0, 0.0), (0.075, 1.0, 0.5), (0.10, 1.0, 1.0), (0.5, 1.0, 1.0), (0.90, 1.0, 1.0), (0.95, 0.55, 1.0)],
)
def test_taper_near_the_ends(soc, charge, discharge) -> None:
    assert ORACLE.charge_limit_kw(1000 * soc) == pytest.approx(500 * charge)
    assert ORACLE.discharge_limit_kw(1000 * soc) == pytest.approx(500 * discharge)


def test_full_takes_nothing_and_almost_full_a_tenth() -> None:
    assert ORACLE.charge_limit_kw(1000.0) == 0.0
    assert ORACLE.charge_limit_kw(999.999) == pytest.approx(50.0, abs=0.01)
    assert ORACLE.discharge_limit_kw(0.0) == 0.0


@pytest.mark.parametrize(("share", "efficiency"), [(0.02, 0.80), (0.10, 0.93), (0.30, 0.97), (0.45, 0.97), (1.0, 0.96)])
def test_efficiency_curve(share, efficiency) -> None:
    assert typical_efficiency(share) == pytest.approx(efficiency)


@given(
    st.floats(0.0, 1.0),
    st.floats(-5_000, 5_000),
    st.floats(0.1, 900.0),
    st.sampled_from([ORACLE, Battery(2000.0, 1000.0), Battery(50.0, 500.0)]),
)
def test_no_request_breaks_a_limit(soc, wanted, seconds, battery) -> None:
    energy = soc * battery.capacity_kwh
    power = battery.allowed_kw(energy, wanted, seconds)
    assert -battery.charge_limit_kw(energy) <= power <= battery.discharge_limit_kw(energy)
    assert power == 0 or (power > 0) == (wanted > 0)
    assert abs(power) <= abs(wanted) + 1e-9
    after = battery.after(energy, power, seconds)
    assert after <= battery.capacity_kwh * (1 + 1e-9)
    assert after >= min(energy, battery.empty_at * battery.capacity_kwh) - 1e-9


@given(st.floats(-2_000, 2_000), st.floats(0, 1439.99))
def test_strategy_follows_the_sign_of_the_residual(residual, minute) -> None:
    strategy = Strategy(peak_import_kw=800.0)
    battery = Battery(2000.0, 500.0)
    wanted = strategy.wanted_kw(battery, residual, minute)
    if residual < 0:
        assert wanted == residual
    elif residual > 800:
        assert wanted == pytest.approx(residual - 800)
    else:
        # Charging never lifts the import above the cap, discharging never feeds the grid.
        assert residual - 800 - 1e-9 <= wanted <= residual
    in_peak = 600 <= minute < 720 or 840 <= minute < 1140
    if 0 <= residual <= 500 and in_peak:
        assert wanted == residual


def test_a_power_that_is_not_worth_it_is_left() -> None:
    strategy = Strategy(peak_import_kw=800.0)
    assert strategy.power_kw(Battery(2000.0, 500.0), 1000.0, 5.0, 650.0, 2.0) == 0.0
    assert strategy.power_kw(Battery(2000.0, 500.0), 1000.0, 50.0, 650.0, 2.0) == 50.0


def test_auxiliaries_and_conversion() -> None:
    battery = Battery(2000.0, 500.0)
    assert battery.auxiliary_kw(0.0) == pytest.approx(4.0)
    assert battery.auxiliary_kw(-500.0) == pytest.approx(12.5)
    assert battery.dc_power_kw(200.0) == pytest.approx(200.0 / 0.97)
    assert battery.dc_power_kw(-200.0) == pytest.approx(-200.0 * 0.97)
