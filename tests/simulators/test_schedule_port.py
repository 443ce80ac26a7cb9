"""Schedules and the truth over HTTP: a real process, and registers read back over real Modbus TCP."""

import struct
from collections.abc import Iterator

import httpx
import pytest

from tests.simulators.pilot_park import PILOT
from tests.simulators.test_control_port import modbus, simulator

pytestmark = pytest.mark.process
DAY = "2026-06-22"


@pytest.fixture
def running(tmp_path) -> Iterator[tuple[dict, httpx.Client]]:
    arguments = ("--scenario", str(PILOT), "--start", f"{DAY}T13:58", "--speed", "1")
    with simulator(tmp_path, *arguments) as document, httpx.Client(base_url=document["control"], timeout=60) as http:
        http.put("/clock", json={"speed": 0})
        yield document, http


def register(document: dict, device: str, address: int, form: str) -> float:
    """A number in the gun's input registers."""
    words = modbus(document, device, 4, address, struct.calcsize(form) // 2)
    return struct.unpack(form, words[2:])[0]


def advance(http: httpx.Client, minutes: float) -> None:
    assert http.post("/clock/advance", json={"seconds": minutes * 60}).status_code == 200


def put(http: httpx.Client, device: str, *entries: tuple[str, str, float]) -> httpx.Response:
    body = {"entries": [{"from": start, "to": end, "power_kw": power} for start, end, power in entries]}
    return http.put(f"/schedules/{device}", json=body)


def test_a_site_answers_a_call_and_the_truth_is_what_its_registers_count(running) -> None:
    document, http = running
    before = {device: register(document, device, 14, ">q") for device in ("v2g-1", "v2g-2")}
    assert put(http, "v2g-1", (f"{DAY}T14:00", f"{DAY}T14:30", -40.0)).status_code == 200
    # The same instant with an offset, and a second span after it.
    spans = (f"{DAY}T06:00:00Z", f"{DAY}T14:15:00+08:00", 200), (f"{DAY}T14:15", f"{DAY}T14:30", 100)
    told = put(http, "storage-1", *spans).json()
    assert [entry["state"] for entry in told["entries"]] == ["waiting", "waiting"]
    assert put(http, "chiller", (f"{DAY}T14:00", f"{DAY}T14:30", 20)).status_code == 200
    advance(http, 3)
    assert register(document, "v2g-1", 1, ">i") == -40_000
    assert register(document, "v2g-1", 0, ">H") == 4
    told = http.get("/schedules/v2g-1").json()
    assert (told["follows"], told["power_kw"], told["limited_by"]) == ("schedule", -40.0, None)
    assert told["vehicle"]["soc_pct"] < 80
    assert told["vehicle"]["departure"].startswith(f"{DAY}T")
    assert http.get("/devices/grid").json()["values"]["active_power_kw"] > 0
    advance(http, 45)
    truth = http.get("/truth", params={"from": f"{DAY}T14:00", "to": f"{DAY}T14:30"}).json()
    assert [quarter["start"] for quarter in truth["quarters"]] == [f"{DAY}T06:00:00+00:00", f"{DAY}T06:15:00+00:00"]
    for quarter, stored in zip(truth["quarters"], (50, 25), strict=True):
        done = quarter["devices"]
        assert done["v2g-1"] == {"energy_delivered_kwh": 0.0, "energy_returned_kwh": 10.0}
        assert done["storage-1"]["energy_discharged_kwh"] == pytest.approx(stored)
        assert done["chiller"]["energy_import_kwh"] == 5.0
        sources = done["grid"]["energy_import_kwh"] + done["pv-1"]["energy_generated_kwh"] + stored
        sinks = sum(done[name]["energy_import_kwh"] for name in ("load-fab", "chiller", "furnace"))
        sinks += sum(done[name]["energy_delivered_kwh"] for name in ("charger-1", "v2g-1", "v2g-2"))
        returned = sum(done[name]["energy_returned_kwh"] for name in ("v2g-1", "v2g-2"))
        assert sources - done["grid"]["energy_export_kwh"] == pytest.approx(sinks - returned + quarter["loss_kwh"])
    assert register(document, "v2g-1", 14, ">q") - before["v2g-1"] == 20_000
    assert register(document, "v2g-2", 14, ">q") == before["v2g-2"]
    (entry,) = http.get("/schedules/v2g-1").json()["entries"]
    assert (entry["state"], entry["asked_kwh"], entry["served_kwh"]) == ("done", -20.0, -20.0)
    assert http.get("/schedules/v2g-1").json()["follows"] == "plan"
    assert register(document, "v2g-1", 1, ">i") > 0


def test_a_gun_that_is_asked_for_too_much_does_less_and_says_why(running) -> None:
    _, http = running
    assert put(http, "v2g-2", (f"{DAY}T14:00", f"{DAY}T20:00", -60)).status_code == 200
    advance(http, 122)
    told = http.get("/schedules/v2g-2").json()
    assert (told["power_kw"], told["limited_by"]) == (0.0, "floor")
    assert told["vehicle"]["soc_pct"] == pytest.approx(told["vehicle"]["floor_soc_pct"], abs=0.01)
    target = told["vehicle"]["target_soc_pct"]
    seen = []
    while (told := http.get("/schedules/v2g-2").json())["vehicle"] is not None:
        seen.append((told["vehicle"]["soc_pct"], told["limited_by"]))
        advance(http, 1)
    assert "departure" in {reason for _, reason in seen}
    # A minute at 60 kW, which lies between two looks, is 1.6 %.
    assert seen[-1][0] == pytest.approx(target, abs=1.7)
    assert told["limited_by"] == "no_vehicle"
    (entry,) = told["entries"]
    assert entry["limited_s"].keys() == {"floor", "departure", "no_vehicle"}


def test_what_is_read_cleared_and_refused(running) -> None:
    _, http = running
    listed = {one["device"]: (one["least_kw"], one["most_kw"]) for one in http.get("/schedules").json()}
    assert listed == {
        "chiller": (20, 200),
        "furnace": (5, 130),
        "pv-1": (0, 150),
        "storage-1": (-500, 500),
        "charger-1": (0, 120),
        "v2g-1": (-60, 60),
        "v2g-2": (-60, 60),
    }
    assert http.get("/devices/v2g-1").json()["schedule"] == {"least_kw": -60, "most_kw": 60}
    assert http.get("/devices/grid").json()["schedule"] is None
    put(http, "pv-1", (f"{DAY}T13:00", f"{DAY}T15:00", 0))
    put(http, "furnace", (f"{DAY}T14:00", f"{DAY}T15:00", 130))
    advance(http, 1)
    assert http.get("/devices/pv-1").json()["values"]["active_power_kw"] == 0
    assert http.delete("/schedules/pv-1").json() == {"cleared": 1}
    advance(http, 1)
    assert http.get("/devices/pv-1").json()["values"]["active_power_kw"] > 0
    assert http.delete("/schedules").json() == {"cleared": 1}
    now = http.get("/clock").json()["now"]
    for device, entry, status, key, told in (
        ("chiller", (f"{DAY}T14:00", f"{DAY}T15:00", 19), 422, "entries.0.power_kw", "between 20 and 200 kW"),
        ("v2g-1", (f"{DAY}T14:00", f"{DAY}T15:00", -61), 422, "entries.0.power_kw", "between -60 and 60 kW"),
        ("v2g-1", (f"{DAY}T14:00", f"{DAY}T14:00", 1), 422, "entries.0.to", "after from"),
        ("v2g-1", ("noon", f"{DAY}T14:00", 1), 422, "entries.0.from", "local time between 2000 and 2200"),
        ("v2g-1", (f"{DAY}T12:00", f"{DAY}T13:00", 1), 422, "entries.0.to", f"the park's time is {now}"),
        ("v2g-1", (f"{DAY}T14:00", f"{DAY}T15:00", "60"), 422, "entries.0.power_kw", "valid number"),
        ("v2g-1", (f"{DAY}T14:00", f"{DAY}T15:00", True), 422, "entries.0.power_kw", "valid number"),
        ("grid", (f"{DAY}T14:00", f"{DAY}T15:00", 1), 404, "device", "these do: chiller, furnace"),
        ("v2g-9", (f"{DAY}T14:00", f"{DAY}T15:00", 1), 404, "device", "did you mean v2g-"),
    ):
        answer = put(http, device, entry)
        assert answer.status_code == status, answer.text
        (problem,) = answer.json()["problems"]
        assert (problem["key"], told in problem["remedy"]) == (key, True), problem
    several = put(http, "v2g-1", (f"{DAY}T14:00", f"{DAY}T15:00", 99), (f"{DAY}T14:30", f"{DAY}T16:00", 1)).json()
    assert [one["key"] for one in several["problems"]] == ["entries.0.power_kw", "entries.1.from"]
    assert put(http, "v2g-1").status_code == 422
    for span, key in (({}, "from"), ({"from": DAY, "to": f"{DAY}T00:00"}, "to"), ({"from": "x", "to": DAY}, "from")):
        answer = http.get("/truth", params=span)
        assert answer.status_code == 422
        assert key in {one["key"] for one in answer.json()["problems"]}
    assert http.get("/truth", params={"from": "2026-06-20", "to": "2026-06-23"}).status_code == 422
    described = http.get("/openapi.json").json()
    assert {"/schedules", "/schedules/{device}", "/truth"} <= described["paths"].keys()
    assert described["components"]["schemas"]["ScheduleEntry"]["properties"].keys() == {"from", "to", "power_kw"}


def test_a_fault_spoils_the_register_and_not_the_truth(running) -> None:
    document, http = running
    http.post("/faults", json={"device": "v2g-1", "kind": "zero"})
    put(http, "v2g-1", (f"{DAY}T14:00", f"{DAY}T14:30", -20))
    advance(http, 20)
    assert register(document, "v2g-1", 14, ">q") == 0
    truth = http.get("/truth", params={"from": f"{DAY}T14:00", "to": f"{DAY}T15:00"}).json()
    (quarter,) = truth["quarters"]
    assert quarter["devices"]["v2g-1"]["energy_returned_kwh"] == 5.0
