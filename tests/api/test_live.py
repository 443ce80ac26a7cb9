"""The present: what is summed, what is stale, what is missing."""

import asyncio

from parkgrid_api.answers.present import State
from parkgrid_api.live import Reading, flow, loss_kw, pv_of_use
from parkgrid_contract.refusal import Reason
from tests.api.conftest import Api
from tests.api.feed import Feed, now_ms

NOW = 1_795_392_000_000


def reading(
    device_class: str, power: float | None, *, age_s: float = 1, period_s: float = 1, **more: object
) -> Reading:
    values = {} if power is None else {"active_power_kw": power}
    flags = more.pop("flags", {})
    at = NOW - round(age_s * 1000)
    return Reading("gw-1", "d", device_class, "", period_s, False, at, at, values | more, flags)  # type: ignore[arg-type, operator]


def test_sources_and_sinks_are_summed_by_class() -> None:
    figures = flow(
        [
            reading("pv_inverter", 100.5),
            reading("pv_inverter", 50.25),
            reading("storage", -20, soc_pct=40.0),
            reading("storage", -10, soc_pct=60.0),
            reading("grid_meter", 30),
            reading("charger", 50),
            reading("meter", 99),
        ],
        NOW,
    )
    assert {name: figure.kw for name, figure in figures.items()} == {
        "pv": 150.75, "storage": -30, "grid": 30, "ev": 50, "load": 99
    }  # fmt: skip
    assert figures["storage"].soc_pct == 50
    assert all(figure.state is State.LIVE for figure in figures.values())
    assert loss_kw(figures) == 150.75 - 30 + 30 - 99 - 50


def test_without_meters_the_load_closes_the_balance() -> None:
    figures = flow([reading("grid_meter", 80), reading("pv_inverter", 40), reading("charger", 15)], NOW)
    load = figures["load"]
    assert (load.kw, load.measured, load.estimated, load.state) == (105, False, True, State.LIVE)
    assert figures["storage"].state is State.NONE
    assert loss_kw(figures) is None


def test_the_part_of_the_use_that_photovoltaics_cover() -> None:
    def powers(pv=None, load=None, ev=None):
        parts = {"pv_inverter": pv, "meter": load, "charger": ev}
        return flow([reading(kind, kw) for kind, kw in parts.items() if kw is not None], NOW)

    assert pv_of_use(powers(40, 90, 10)) == 0.4
    assert pv_of_use(powers(150, 90, 10)) == 1
    assert pv_of_use(powers(40, 90, -20)) == 0.4444, "what vehicles give back is no use"
    assert pv_of_use(powers(None, 90)) is None, "without photovoltaics there is no share"
    assert pv_of_use(powers(40)) is None, "without a load either"
    assert pv_of_use(powers(0, 0)) is None
    # Sums, not means: 40 + 0 of 90 + 10 + 300.
    assert pv_of_use(powers(40, 90, 10), powers(None, 300), powers(50)) == 0.1


def test_a_load_is_not_made_up_without_the_grid() -> None:
    assert flow([reading("pv_inverter", 40)], NOW)["load"].state is State.NONE
    silent = flow([reading("pv_inverter", 40), reading("grid_meter", None)], NOW)["load"]
    assert (silent.kw, silent.state) == (None, State.MISSING)


def test_stale_after_two_periods_and_the_way() -> None:
    # Two periods of 10 s and 3 s of transport: 23 s.
    assert flow([reading("grid_meter", 1, age_s=22.9, period_s=10)], NOW)["grid"].state is State.LIVE
    assert flow([reading("grid_meter", 1, age_s=23.1, period_s=10)], NOW)["grid"].state is State.STALE


def test_an_absent_or_unusable_value_is_never_zero() -> None:
    assert flow([reading("grid_meter", None)], NOW)["grid"].kw is None
    half = flow([reading("pv_inverter", 7), reading("pv_inverter", None)], NOW)["pv"]
    assert (half.kw, half.state, half.devices, half.reporting) == (7, State.INCOMPLETE, 2, 1)
    bad = flow([reading("grid_meter", 9e5, flags={"active_power_kw": "out_of_range"})], NOW)["grid"]
    assert (bad.kw, bad.state) == (None, State.MISSING)
    assert flow([reading("grid_meter", 5, flags={"active_power_kw": "estimated"})], NOW)["grid"].estimated
    old = flow([reading("grid_meter", 5, flags={"active_power_kw": "stale"})], NOW)["grid"]
    assert (old.kw, old.state) == (5, State.STALE)


def test_in_simulated_time_the_arrival_counts() -> None:
    row = Reading("gw-1", "d", "grid_meter", "", 1, True, NOW - 86_400_000, NOW - 500, {"active_power_kw": 1}, {})
    assert flow([row], NOW)["grid"].state is State.LIVE
    assert row.age_s(NOW) == 0.5


async def test_newest_values_come_from_the_store(api: Api, feed: Feed) -> None:
    at = now_ms()
    feed.write({"pv-1": {"active_power_kw": 11.111, "temperature_c": 31.5}}, at - 5_000)
    feed.write({"pv-1": {"active_power_kw": 12.345}, "pv-2": {"active_power_kw": 1}}, at)
    feed.write({"grid-1": {"active_power_kw": -7.5}}, at, flags={"grid-1": b'{"active_power_kw":"estimated"}'})
    live = await api.get("/parks/gaoxin-nan/live")
    found = {device["device"]: device for device in live["devices"]}
    assert found["pv-1"]["values"] == {"active_power_kw": 12.345}
    assert found["pv-1"]["at_ms"] == at
    assert found["load-1"] == {
        "gateway": "gw-1", "device": "load-1", "device_class": "meter", "name": "load-1", "simulated": False,
        "at_ms": None, "received_ms": None, "age_s": None, "stale_after_s": 5, "stale": True, "values": {}, "flags": {},
    }  # fmt: skip
    assert live["flow"]["pv"]["kw"] == 13.345
    assert live["flow"]["grid"]["kw"] == -7.5
    assert live["flow"]["grid"]["estimated"]
    assert live["flow"]["load"]["state"] == "missing"
    assert live["newest_ms"] == at


async def test_what_is_not_trusted_is_shown_with_its_flag_and_counted_nowhere(api: Api, feed: Feed) -> None:
    at = now_ms()
    flags = {"pv-1": b'{"active_power_kw":"out_of_range"}', "gw-1": b'{"cpu_pct":"bad"}'}
    powers = {"pv-1": {"active_power_kw": 429_496.0, "temperature_c": 30}, "pv-2": {"active_power_kw": 3}}
    feed.write(powers | {"gw-1": {"cpu_pct": 7}}, at, flags=flags)
    live = await api.get("/parks/gaoxin-nan/live")
    found = {device["device"]: device for device in live["devices"]}
    assert found["pv-1"]["values"] == {"active_power_kw": 429_496.0, "temperature_c": 30.0}
    assert found["pv-1"]["flags"] == {"active_power_kw": "out_of_range"}
    assert (live["flow"]["pv"]["kw"], live["flow"]["pv"]["state"]) == (3.0, "incomplete")
    asked = {"from": at - 1, "to": at + 1, "resolution": "raw", "signals": "active_power_kw"}
    history = await api.get("/devices/gaoxin-nan/gw-1/pv-1/history", **asked)
    assert live["gateways"][0]["health"] == {"cpu_pct": 7.0}
    assert history["history"]["curves"]["active_power_kw"]["value"] == [None]
    assert history["history"]["flags"] == [[at, {"active_power_kw": "out_of_range"}]]


async def test_a_reading_ages_while_nothing_comes(api: Api, feed: Feed) -> None:
    feed.write({"grid-1": {"active_power_kw": 1}}, now_ms() - 60_000)
    figure = (await api.get("/parks/gaoxin-nan/live"))["flow"]["grid"]
    assert figure["state"] == "stale"
    assert 59 < figure["age_s"] < 120


async def test_gateway_health(api: Api, feed: Feed) -> None:
    feed.write({"gw-1": {"outbox_batches": 3, "clock_offset_ms": -12, "cpu_pct": 7.5}}, now_ms())
    (gateway,) = (await api.get("/gateways"))["gateways"]
    assert gateway["online"] is True
    assert gateway["health"] == {"outbox_batches": 3, "clock_offset_ms": -12, "cpu_pct": 7.5}
    assert 0 <= gateway["last_seen_age_s"] < 30
    assert (await api.get("/gateways", park="elsewhere"))["gateways"] == []


async def test_a_gateway_whose_stamps_are_refused_is_told_by_its_clock(api: Api, feed: Feed) -> None:
    then = now_ms() - 600_000
    feed.write({"grid-1": {"active_power_kw": 1}}, then, received_ms=then)
    feed.write({}, now_ms(), refused=[("grid-1", Reason.TIME_IN_FUTURE, "2099-01-01T00:00:00Z")])
    for found in (await api.get("/parks/gaoxin-nan/live"), (await api.get("/district"))["parks"][0]):
        assert [each["kind"] for each in found["troubles"]] == ["gateway_clock"]


async def test_many_questions_at_once(api: Api, feed: Feed) -> None:
    feed.write({"grid-1": {"active_power_kw": 1}}, now_ms())
    answers = await asyncio.gather(*(api.get("/parks/gaoxin-nan/live") for _ in range(50)))
    assert {answer["flow"]["grid"]["kw"] for answer in answers} == {1}
