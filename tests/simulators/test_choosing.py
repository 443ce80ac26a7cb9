"""Which park is simulated: one device of any driver, a scenario by name or path."""

import pytest

from parkgrid_edge import drivers
from parkgrid_simulators.choosing import DEVICE, ChoiceError, find_scenario, one_device
from parkgrid_simulators.served import signals_served


@pytest.mark.parametrize("driver", drivers.names())
def test_one_device_of_every_driver(driver) -> None:
    scenario = one_device(driver, drivers.find(driver).device_class or "storage")
    (device,) = [one for one in scenario.simulated() if one.device == DEVICE]
    assert device.driver == driver
    assert signals_served(device)


@pytest.mark.parametrize("driver", drivers.own_names())
def test_each_model_of_ours_has_one_driver(driver) -> None:
    scenario = one_device(drivers.find(driver).model, drivers.find(driver).device_class or "storage")
    assert scenario.simulated()[-1].driver == driver


def test_a_driver_is_found_by_its_model_and_has_the_ratings_that_are_given() -> None:
    (_, device) = one_device("sun2000", ratings={"rated_power_kw": 36.0}).simulated()
    assert (device.driver, device.ratings) == ("huawei_sun2000", {"rated_power_kw": 36.0})
    assert [one.device_class for one in one_device("eastron_sdm630", "grid_meter").simulated()] == ["grid_meter"]


@pytest.mark.parametrize(
    ("driver", "device_class", "ratings", "message"),
    [
        ("huawei_sun200", None, {}, "did you mean 'huawei_sun2000'"),
        ("sunspec", None, {}, "say which, for example device_class="),
        ("huawei_sun2000", "meter", {}, "driver 'huawei_sun2000' is for pv_inverter"),
        ("sunspec", "submarine", {}, "device_class 'submarine' is unknown; there are: "),
        ("huawei_sun2000", None, {"rated_power_kw": -1.0}, "rated_power_kw = -1.0: must be above 0 and at most "),
        ("huawei_sun2000", None, {"rated_power_kw": 2e6}, "must be above 0 and at most 1000000 kW"),
        ("huawei_sun2000", None, {"rated_power_kw": 10**5000}, "a number with thousands of digits: must be above 0"),
        (
            "huawei_sun2000",
            None,
            {"rated_powr_kw": 1.0},
            "rated_powr_kw = 1.0: is unknown; did you mean 'rated_power_kw'",
        ),
    ],
)
def test_what_there_is_not_is_explained(driver, device_class, ratings, message) -> None:
    with pytest.raises(ChoiceError, match=message):
        one_device(driver, device_class, ratings)


@pytest.mark.parametrize("name", [None, 5, [], "x" * 100_000])
def test_names_of_any_type_and_length_are_explained(name) -> None:
    with pytest.raises(ChoiceError, match=r"must be the name|is unknown; there are") as caught:
        one_device(name)
    assert len(str(caught.value)) < 500
    with pytest.raises(ChoiceError, match=r"must be the name or the path|no file of that name") as caught:
        find_scenario(name)
    assert len(str(caught.value)) < 500


def test_a_scenario_by_name_or_path(tmp_path) -> None:
    assert find_scenario("pingshan_park").park == "pingshan-park"
    with pytest.raises(ChoiceError, match="ours are: biling_ic_park, julongshan_pedf_office, pingshan_park"):
        find_scenario("nowhere.toml", (tmp_path,))
