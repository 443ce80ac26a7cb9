"""The bus of a live PEDF park: metered over real Modbus TCP, and carried over a restart."""

import json
from dataclasses import replace
from datetime import date

import pytest

from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge.polling.poller import PolledDevice, Poller
from parkgrid_edge.protocols.modbus import ModbusConnection
from parkgrid_simulators.dc_bus import SIGNALS
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import SCENARIOS, load_scenario
from parkgrid_simulators.state import StateError, load_state
from parkgrid_simulators.weather import PINGSHAN

HOUR_MS = 3_600_000
START_MS = PINGSHAN.midnight_ms(date(2026, 6, 22)) + 9 * HOUR_MS
SCENARIO = replace(load_scenario(SCENARIOS / "julongshan_pedf_office.toml"), step_s=60.0)
DEVICES = {device.id for device in SCENARIO.devices}


class StandingClock:
    """A clock that stands where a test puts it."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms


def reload(path):
    return load_state(path, SCENARIO.park, SCENARIO.seed, DEVICES)


async def metered(park: Park, at_ms: int) -> dict[str, float]:
    """What the agent's own poller reads of the bus at an instant."""
    server, samples = ModbusServer(park, StandingClock(at_ms)), []
    endpoints = {endpoint.device.device: endpoint for endpoint in await server.start()}
    bus = endpoints["dc-bus"]
    connection = ModbusConnection("tcp", host=bus.host, port=bus.port, unit=bus.unit, timeout_s=5)
    device = bus.device
    polled = PolledDevice(device.device, device.driver, device.device_class, 1.0, connection)
    poller = Poller([polled], StandingClock(at_ms), samples.append)
    await poller.poll_once()
    poller.close()
    await server.stop()
    (sample,) = samples
    assert not sample.flags
    return dict(sample.values)


@pytest.mark.process
@pytest.mark.parametrize("hours", [0, 4, 13], ids=["morning", "noon", "night"])
async def test_its_meter_gives_what_it_can_and_leaves_the_rest_absent(hours) -> None:
    at_ms = START_MS + hours * HOUR_MS
    park = Park(SCENARIO, at_ms)
    expected = dict(park.values("dc-bus", at_ms))
    found = await metered(park, at_ms)
    beyond_a_meter = {"reference_voltage_v", "ripple_v", "target_power_kw", "operating_state"}
    assert set(found) == set(SIGNALS) - beyond_a_meter
    for signal, value in found.items():
        # A rating of 500 kW in four digits: steps of 0.1 kW.
        step = 0.1 if signal == "active_power_kw" else CATALOGUE["dc_bus"].by_name[signal].resolution
        assert value == pytest.approx(expected[signal], abs=step / 2 + 1e-9), signal
    sources = sum(park.flows[name].watts for name in ("pv-1", "pv-2", "storage-1"))
    sinks = sum(park.flows[name].watts for name in ("load-dc", "charger-1", "charger-2"))
    assert found["active_power_kw"] == pytest.approx((sinks - sources) / 1000, abs=0.05)
    assert park.balance.residual == 0


@pytest.mark.parametrize("hours", [3, 20, 40], ids=["same day", "next day", "two days on"])
def test_a_restarted_park_shows_the_bus_that_it_would_have_shown(tmp_path, hours) -> None:
    whole = Park(SCENARIO, START_MS)
    at_ms = START_MS + hours * HOUR_MS
    whole.advance_to(at_ms)
    whole.midnight.save(tmp_path / "state.json")
    resumed = Park(SCENARIO, at_ms, reload(tmp_path / "state.json"))
    assert resumed.values("dc-bus", at_ms + 7_000) == whole.values("dc-bus", at_ms + 7_000)
    assert resumed.values("dc-bus", at_ms)["energy_import_kwh"] > 0


def test_a_state_of_before_there_was_a_bus_begins_its_registers(tmp_path) -> None:
    park = Park(SCENARIO, START_MS + 30 * HOUR_MS)
    park.midnight.save(tmp_path / "state.json")
    document = json.loads((tmp_path / "state.json").read_text())
    assert set(document["bus"]) == {"taken", "given"}
    del document["bus"]
    (tmp_path / "state.json").write_text(json.dumps(document))
    resumed = Park(SCENARIO, park.at_ms, reload(tmp_path / "state.json"))
    assert resumed.values("dc-bus", park.at_ms) == park.values("dc-bus", park.at_ms)


@pytest.mark.parametrize("bus", [{"taken": "much"}, [1], None, {"taken": None}], ids=str)
def test_a_damaged_bus_is_refused(tmp_path, bus) -> None:
    Park(SCENARIO, START_MS).midnight.save(tmp_path / "state.json")
    document = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps(document | {"bus": bus}))
    with pytest.raises(StateError, match="cannot be read"):
        reload(tmp_path / "state.json")
