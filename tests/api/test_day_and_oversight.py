"""A local day's curves and energies, and the lists of what is not in order."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg

from parkgrid_api.routes.day import day_span
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_contract.announcement import Device
from parkgrid_contract.refusal import Reason
from tests.api.conftest import Api, running
from tests.api.feed import Feed, devices, now_ms

SHANGHAI_MIDNIGHT = int(datetime.fromisoformat("2026-11-20T00:00:00+08:00").timestamp() * 1000)
HOUR = 3_600_000


async def test_curves_sum_the_devices_of_a_class(api: Api, feed: Feed) -> None:
    noon = SHANGHAI_MIDNIGHT + 12 * HOUR
    feed.write(
        {"pv-1": {"active_power_kw": 10}, "pv-2": {"active_power_kw": 5.5}, "grid-1": {"active_power_kw": -2}}, noon
    )
    feed.write({"pv-1": {"active_power_kw": 30}}, noon + 60_000)
    feed.maintain()
    day = await api.get("/parks/gaoxin-nan/day", date="2026-11-20", step="1m")
    assert (day["from_ms"], day["to_ms"], len(day["at_ms"])) == (SHANGHAI_MIDNIGHT, SHANGHAI_MIDNIGHT + 24 * HOUR, 1440)
    pv = day["power"]["pv"]
    assert pv["devices"] == 2
    assert pv["kw"][718:723] == [None, None, 15.5, 30, None]
    assert pv["reporting"][720:722] == [2, 1]
    assert pv["samples"][719:723] == [0, 2, 1, 0]
    assert day["power"]["grid"]["kw"][720] == -2
    assert set(day["power"]["ev"]["kw"]) == {None}
    quarter = await api.get("/parks/gaoxin-nan/day", date="2026-11-20", step="15m")
    # One mean a device: pv-1 (10 + 30) / 2, pv-2 5.5.
    assert quarter["power"]["pv"]["kw"][48] == 25.5
    assert quarter["power"]["pv"]["samples"][48] == 3


async def test_a_reading_belongs_to_its_local_day(api: Api, feed: Feed) -> None:
    feed.write({"grid-1": {"active_power_kw": 1}}, SHANGHAI_MIDNIGHT - 1000)
    feed.write({"grid-1": {"active_power_kw": 2}}, SHANGHAI_MIDNIGHT)
    feed.maintain()
    before = await api.get("/parks/gaoxin-nan/day", date="2026-11-19")
    after = await api.get("/parks/gaoxin-nan/day", date="2026-11-20")
    assert (before["power"]["grid"]["kw"][-1], after["power"]["grid"]["kw"][0]) == (1, 2)
    newest = await api.get("/parks/gaoxin-nan/day")
    assert newest["date"] == "2026-11-20"


async def test_energies_come_from_registers(api: Api, feed: Feed) -> None:
    morning = SHANGHAI_MIDNIGHT + 8 * HOUR
    for step, (first, second, grid) in enumerate([(100, 5000, 70), (101.5, 5000.25, 60), (104, 5003, 80)]):
        feed.write(
            {
                "pv-1": {"energy_generated_kwh": first},
                "pv-2": {"energy_generated_kwh": second},
                "grid-1": {"energy_import_kwh": grid, "energy_export_kwh": 9 - step},
            },
            morning + step * HOUR,
        )
    energy = (await api.get("/parks/gaoxin-nan/day", date="2026-11-20"))["energy"]
    assert energy["pv_inverter.energy_generated_kwh"] == {"kwh": 7, "devices": 2, "reporting": 2, "resets": 0}
    assert energy["grid_meter.energy_import_kwh"]["kwh"] == 10
    # This register ran backwards: it is told, not summed.
    assert energy["grid_meter.energy_export_kwh"] == {"kwh": None, "devices": 1, "reporting": 1, "resets": 1}
    assert energy["meter.energy_import_kwh"] == {"kwh": None, "devices": 1, "reporting": 0, "resets": 0}


async def test_a_register_that_no_device_announced_is_not_missing(feed: Feed) -> None:
    plain = Device("gun-1", "charger", ("active_power_kw", "energy_delivered_kwh"), period_s=1.0)
    giving = Device("gun-2", "charger", ("energy_delivered_kwh", "energy_returned_kwh"), period_s=1.0)
    silent = Device("gun-3", "charger", ("energy_delivered_kwh", "energy_returned_kwh"), period_s=1.0)
    morning = SHANGHAI_MIDNIGHT + 8 * HOUR
    for announced, returned in (
        ((plain,), {"kwh": None, "devices": 0, "reporting": 0, "resets": 0}),
        ((plain, giving), {"kwh": 2, "devices": 1, "reporting": 1, "resets": 0}),
        # One that announced it and tells nothing is missing: there is no sum.
        ((plain, giving, silent), {"kwh": None, "devices": 2, "reporting": 1, "resets": 0}),
    ):
        feed.announce(announced)
        for step in (0, 1):
            rows = {"gun-1": {"energy_delivered_kwh": 100 + 5 * step}}
            rows |= (
                {"gun-2": {"energy_delivered_kwh": 7, "energy_returned_kwh": 30 + 2 * step}}
                if giving in announced
                else {}
            )
            feed.write(rows, morning + step * HOUR)
        async with running(ApiSettings(DatabaseSettings(feed.dsn))) as fresh:
            energy = (await fresh.get("/parks/gaoxin-nan/day", date="2026-11-20"))["energy"]
        assert energy["charger.energy_returned_kwh"] == returned


async def test_the_curves_leave_out_what_is_flagged_and_mark_what_is_estimated(api: Api, feed: Feed) -> None:
    """pv-1 at 40 kW, 429,496 kW for 12 s of it; pv-2 at 20 kW, estimated in the quarter after."""
    morning = SHANGHAI_MIDNIGHT + 8 * HOUR
    spike = {"pv-1": b'{"active_power_kw":"out_of_range"}'}
    feed.write({"pv-1": {"active_power_kw": 40}}, [morning + second * 1000 for second in range(48)])
    feed.write(
        {"pv-1": {"active_power_kw": 429_496}}, [morning + second * 1000 for second in range(48, 60)], flags=spike
    )
    feed.write({"pv-2": {"active_power_kw": 20}}, morning)
    guess = {"pv-2": b'{"active_power_kw":"estimated","temperature_c":"estimated"}'}
    quarter = morning + HOUR // 4
    feed.write({"pv-2": {"active_power_kw": 20, "temperature_c": 7}}, quarter + 60_000, flags=guess)
    feed.maintain()
    pv = (await api.get("/parks/gaoxin-nan/day", date="2026-11-20", step="1m"))["power"]["pv"]
    assert (pv["kw"][480], pv["kw"][496], pv["estimated_ms"]) == (60, 20, [quarter])
    for device, resolution, most, estimated in (
        ("pv-1", "1m", 40, {}),
        ("pv-1", "1d", 40, {}),
        ("pv-2", "1m", 20, {"active_power_kw": [quarter]}),
        ("pv-2", "15m", 20, {"active_power_kw": [quarter]}),
        ("pv-2", "1d", 20, {"active_power_kw": [SHANGHAI_MIDNIGHT]}),
    ):
        asked = {"from": SHANGHAI_MIDNIGHT, "to": SHANGHAI_MIDNIGHT + 24 * HOUR, "resolution": resolution}
        answer = await api.get(f"/devices/gaoxin-nan/gw-1/{device}/history", signals="active_power_kw", **asked)
        assert answer["estimated"] == estimated
        assert max(filter(None, answer["history"]["curves"]["active_power_kw"]["max"])) == most


def test_days_of_a_zone_that_changes_its_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    lengths = [
        (stop - start) / HOUR for start, stop in (day_span(d, berlin) for d in (date(2026, 3, 29), date(2026, 10, 25)))
    ]
    assert lengths == [23, 25]


async def test_quarantine_counts_by_reason(api: Api, feed: Feed) -> None:
    feed.write(
        {"pv-1": {"active_power_kw": 1}},
        now_ms(),
        refused=[
            ("pv-1", Reason.UNKNOWN_SIGNAL, "<img src=x onerror=alert(1)>"),
            ("pv-1", Reason.UNKNOWN_SIGNAL, "power"),
            ("pv-9", Reason.UNKNOWN_DEVICE, "pv-9"),
        ],
    )
    answer = await api.get("/quarantine")
    assert answer["total"] == 3
    assert answer["reasons"] == {"unknown_signal": 2, "unknown_device": 1}
    assert sum(entry["occurrences"] for entry in answer["entries"]) == 3
    assert {"<img src=x onerror=alert(1)>", "pv-9"} <= {entry["content"] for entry in answer["entries"]}
    assert (await api.get("/quarantine", reason="unknown_device"))["total"] == 1
    assert (await api.get("/quarantine", park="elsewhere"))["total"] == 0
    assert len((await api.get("/quarantine", limit=1))["entries"]) == 1
    old = await api.get("/quarantine", **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})
    assert old == {"total": 0, "reasons": {}, "entries": []}


async def test_conflicts_show_both_values(api: Api, feed: Feed) -> None:
    at = now_ms()
    feed.write({"pv-1": {"active_power_kw": 12.5}}, at)
    assert feed.write({"pv-1": {"active_power_kw": 13}}, at).conflicting == 1
    (entry,) = (await api.get("/conflicts", park="gaoxin-nan"))["entries"]
    assert (entry["device"], entry["at_ms"]) == ("pv-1", at)
    assert entry["kept"] != entry["refused"]


async def test_gaps_are_listed(api: Api, feed: Feed, dsn: str) -> None:
    feed.write({"pv-1": {"active_power_kw": 1}}, now_ms())
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO base.sequence_gap (park_id, epoch_id, first_seq, last_seq, noted_at) "
            "SELECT park_id, epoch_id, 5, 9, now() FROM base.gateway_epoch"
        )
    (gap,) = (await api.get("/gaps", gateway="gw-1"))["entries"]
    assert (gap["park"], gap["first_seq"], gap["last_seq"], gap["cause"]) == ("gaoxin-nan", 5, 9, "gateway")


async def test_restores_are_listed_as_gateways_showed_them(api: Api, dsn: str) -> None:
    assert (await api.get("/restores"))["entries"] == []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO base.store_restore VALUES ('gaoxin-nan', 'gw-1', 7, 90, 7, 41, now() - INTERVAL '1 h', now()),"
            " ('gaoxin-nan', 'gw-2', 8, 12, NULL, NULL, NULL, now() - INTERVAL '1 min')"
        )
    first, second = (await api.get("/restores", park="gaoxin-nan"))["entries"]
    assert (first["gateway"], first["acked_through"], first["held_through"]) == ("gw-1", 90, 41)
    assert first["noted_ms"] - first["held_ms"] == 3_600_000
    assert (second["gateway"], second["held_epoch"], second["held_ms"]) == ("gw-2", None, None)
    assert len((await api.get("/restores", gateway="gw-2"))["entries"]) == 1
    assert (await api.get("/restores", park="elsewhere"))["entries"] == []


async def test_parks_devices_and_signals(api: Api) -> None:
    (park,) = (await api.get("/parks"))["parks"]
    assert (park["name_zh"], park["devices"], park["gateways"], park["gateways_online"]) == ("高新南", 6, 1, 1)
    listed = (await api.get("/parks/gaoxin-nan/devices"))["devices"]
    assert {device["device"] for device in listed} == {"pv-1", "pv-2", "bess-1", "grid-1", "load-1", "gun-1", "gw-1"}
    signals = (await api.get("/signals"))["classes"]
    assert {
        "name": "soc_pct",
        "unit": "%",
        "kind": "gauge",
        "resolution": 0.1,
        "low": 0,
        "high": 100,
        "states": [],
    } in (signals["storage"])


async def test_the_bucket_follows_the_slowest_device(api: Api, feed: Feed) -> None:
    noon = SHANGHAI_MIDNIGHT + 12 * HOUR
    slow = devices({"load-1": "meter"}, period_s=600) + devices({"grid-1": "grid_meter"}, period_s=1)
    # What has no power makes no curve, however seldom it reports.
    for announced, chosen, period_ms in (
        (devices({"grid-1": "grid_meter"}, period_s=60) + devices({"wx-1": "weather"}, period_s=900), "1m", 60_000),
        (devices({"grid-1": "grid_meter"}, period_s=61), "15m", 61_000),
        (slow, "15m", 600_000),
    ):
        feed.announce(announced)
        async with running(ApiSettings(DatabaseSettings(feed.dsn))) as fresh:
            day = await fresh.get("/parks/gaoxin-nan/day", date="2026-11-20")
        bucket_ms = {"1m": 60_000, "15m": 900_000}[chosen]
        assert (day["resolution"], day["bucket_ms"], day["period_ms"]) == (chosen, bucket_ms, period_ms)
        assert len(day["at_ms"]) == 24 * HOUR // bucket_ms
    explicit = await api.get("/parks/gaoxin-nan/day", date="2026-11-20", step="1m")
    assert (explicit["resolution"], explicit["period_ms"]) == ("1m", 600_000)
    # A slow device that was silent all day does not stretch what counts as a gap of the others.
    feed.write({"grid-1": {"active_power_kw": 5}}, noon)
    feed.maintain()
    silent = await api.get("/parks/gaoxin-nan/day", date="2026-11-20", step="15m")
    assert silent["period_ms"] == 1_000


async def test_a_park_without_power_devices_has_no_period(feed: Feed) -> None:
    feed.announce(devices({"wx-1": "weather"}))
    async with running(ApiSettings(DatabaseSettings(feed.dsn))) as fresh:
        day = await fresh.get("/parks/gaoxin-nan/day", date="2026-11-20")
    assert (day["resolution"], day["period_ms"]) == ("1m", None)
