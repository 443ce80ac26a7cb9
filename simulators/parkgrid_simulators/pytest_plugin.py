"""pytest fixtures for whoever reads devices: a simulated park, one device, a broker; nothing runs until one is used.

    def test_reads_my_inverter(parkgrid_park):
        inverter = parkgrid_park["pv-1"]
        assert my_client.read(inverter.host, inverter.port, inverter.unit)["power_kw"] > 0

Only pytest is imported here: a run that uses no fixture pays nothing. docs/simulators-in-ci.md shows all of it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from parkgrid_simulators.broker import Broker
    from parkgrid_simulators.running_park import RunningDevice, RunningPark

MARKER = "parkgrid_scenario"
DeviceFactory = Callable[..., "RunningDevice"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that strict markers know it."""
    line = (
        f"{MARKER}(scenario=None, *, speed=None, start=None): the park of `parkgrid_park`: name or path of a scenario, "
        "simulated seconds per second (0 stands still), local time to begin at"
    )
    config.addinivalue_line("markers", line)


@pytest.fixture
def parkgrid_park(request: pytest.FixtureRequest) -> "Iterator[RunningPark]":
    """A simulated park on free loopback ports, as the marker `parkgrid_scenario` says or the default one."""
    from parkgrid_simulators.running_park import start_park

    scenario, options = _marked(request)
    with start_park(scenario, **options) as park:
        yield park


@pytest.fixture
def parkgrid_device(request: pytest.FixtureRequest) -> Iterator[DeviceFactory]:
    """A function that starts one device: `parkgrid_device("huawei_sun2000", rated_power_kw=50)`.

    It takes the name of a driver or of its model, `device_class` where the driver serves several, `speed`, `start`,
    and ratings by name.
    """
    from parkgrid_simulators.choosing import DEVICE, one_device
    from parkgrid_simulators.running_park import start_park

    _, marked = _marked(request)
    with ExitStack() as parks:

        def start(
            driver: str,
            *,
            device_class: str | None = None,
            speed: float | None = None,
            start: str | None = None,
            **ratings: float,
        ) -> "RunningDevice":
            given = {"speed": speed, "start": start}
            options = marked | {name: value for name, value in given.items() if value is not None}
            park = parks.enter_context(start_park(one_device(driver, device_class, ratings), **options))
            return park[DEVICE] if DEVICE in park.devices else park["grid"]

        yield start


@pytest.fixture
def parkgrid_broker(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Broker]":
    """An MQTT broker on a free loopback port: mosquitto where it is installed, else amqtt."""
    from parkgrid_simulators.broker import BrokerMissingError, start_broker

    try:
        broker = start_broker(tmp_path_factory.mktemp("parkgrid-broker"))
    except BrokerMissingError as error:
        pytest.skip(str(error))
    with broker:
        yield broker


def _marked(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    """The scenario and the options that the nearest marker names."""
    marker = request.node.get_closest_marker(MARKER)
    if marker is None:
        return None, {}
    options = dict(marker.kwargs)
    name = marker.args[0] if marker.args else options.pop("scenario", None)
    unknown = sorted(options.keys() - {"speed", "start"})
    if len(marker.args) > 1 or unknown:
        wrong = unknown or list(marker.args[1:])
        pytest.fail(f"@pytest.mark.{MARKER}: {wrong}: it takes a scenario, speed= and start=", pytrace=False)
    return (None if name is None else _scenario(request, str(name))), options


def _scenario(request: pytest.FixtureRequest, name: str) -> Any:
    from parkgrid_contract.settings import SettingsError
    from parkgrid_simulators.choosing import ChoiceError, find_scenario

    try:
        return find_scenario(name, (Path(request.path).parent, request.config.rootpath))
    except (ChoiceError, SettingsError) as error:
        pytest.fail(f"@pytest.mark.{MARKER}: {error}", pytrace=False)
