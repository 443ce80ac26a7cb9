"""History through the store: stored once however often it is asked for, traced to its batches, joined by the live."""

from dataclasses import replace
from datetime import date

import psycopg
import pytest
from rich.console import Console

from parkgrid.progress import progress
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_demo import prefill as module
from parkgrid_demo.prefill import Filled, HistorySpan, PrefillError, birth, go_on, prefill
from parkgrid_edge.drivers import find
from parkgrid_edge.protocols.registers import Table, read
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering import catching_up
from parkgrid_simulators.faults import FaultPlan
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import SCENARIOS, load_scenario
from parkgrid_simulators.served import ServedDevice
from parkgrid_simulators.state import load_state
from parkgrid_simulators.weather import PINGSHAN

DAY_MS = 86_400_000
QUARTER_MS = 900_000
START_MS = PINGSHAN.midnight_ms(date(2026, 6, 22))
SPAN = HistorySpan(START_MS, START_MS + DAY_MS + 40 * QUARTER_MS)
PARK = load_scenario()
PEDF = load_scenario(SCENARIOS / "julongshan_pedf_office.toml")
STAMPS = 96 + 40


@pytest.fixture
def store(dsn):
    opened = open_store(dsn)
    yield opened
    opened.close()


def ask(dsn: str, query: str, *arguments: object) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        return connection.execute(query, arguments or None).fetchall()


def content(dsn: str) -> list[tuple]:
    """Every stored row of a few classes with where it came from."""
    return [
        row
        for name in ("grid_meter", "storage", "charger")
        for row in ask(dsn, f"SELECT t.*::text FROM base.{name} t ORDER BY device_id, at")
    ]


def test_a_park_is_stored_whole_and_marked_as_simulated(store, dsn) -> None:
    assert prefill(store, dsn, [PARK], SPAN) == (Filled("pingshan-park", 13 * STAMPS, 0),)
    assert ask(dsn, "SELECT park, name_zh, district FROM parks") == [("pingshan-park", PARK.name_zh, "pingshan")]
    assert ask(dsn, "SELECT simulated, epoch FROM gateways") == [(True, START_MS // 1000)]
    assert ask(dsn, "SELECT count(*), bool_and(period_s = 900), count(DISTINCT device_class) FROM devices") == [
        (13, True, 6)
    ]
    grid = ask(dsn, "SELECT station, line, transformer, account FROM devices WHERE device = 'grid'")
    assert grid == [("shatian-110kv", "f12", "t1", "park-main")]
    assert ask(dsn, "SELECT count(*) FROM quarantine") == [(0,)]


def test_every_row_leads_to_the_batch_of_its_quarter_of_an_hour(store, dsn) -> None:
    prefill(store, dsn, [PARK], SPAN)
    # Quarter n (from 1) begins (n - 1) · 900 s after the start and is received as it ends.
    wrong = ask(
        dsn,
        "SELECT count(*) FROM base.meter m JOIN base.gateway_epoch USING (park_id, epoch_id)"
        " WHERE extract(epoch FROM at) * 1000 <> %s + (seq - 1) * 900000 OR received_at <> at + interval '15 min'"
        " OR epoch <> %s",
        START_MS,
        START_MS // 1000,
    )
    assert wrong == [(0,)]
    assert ask(dsn, "SELECT committed::text, passed::text FROM base.gateway_epoch") == [(f"{{[1,{STAMPS + 1})}}", "{}")]


def test_roll_ups_are_ready(store, dsn) -> None:
    prefill(store, dsn, [PARK], SPAN)
    assert ask(dsn, "SELECT count(*) FROM base.rollup_dirty") == [(0,)]
    assert ask(dsn, "SELECT count(*), sum(samples) FROM grid_meter_15m") == [(STAMPS, STAMPS)]
    days = ask(dsn, "SELECT at::text, samples FROM grid_meter_1d ORDER BY at")
    assert days == [("2026-06-21 16:00:00+00", 96), ("2026-06-22 16:00:00+00", 40)]


def test_keepers_that_meet_wait_for_each_other(store, dsn, monkeypatch) -> None:
    monkeypatch.setitem(catching_up._KEEPERS, store.kind, 3)
    prefill(store, dsn, [PARK], HistorySpan(START_MS, START_MS + DAY_MS))
    assert ask(dsn, "SELECT count(*) FROM base.rollup_dirty") == [(0,)]
    assert ask(dsn, "SELECT sum(samples) FROM meter_15m") == [(3 * 96,)]


def test_roll_ups_can_be_left_to_ingest(store, dsn) -> None:
    prefill(store, dsn, [PARK], HistorySpan(START_MS, START_MS + 2 * QUARTER_MS), roll_up=False)
    assert ask(dsn, "SELECT count(*) > 0 FROM base.rollup_dirty") == [(True,)]
    while (report := store.maintain(SPAN.end_ms)).pending or report.buckets:
        pass
    assert ask(dsn, "SELECT sum(samples) FROM grid_meter_15m") == [(2,)]


def rollups(dsn: str) -> list[tuple]:
    """Every roll-up row of every class that the parks have."""
    names = [name for (name,) in ask(dsn, "SELECT DISTINCT device_class FROM devices ORDER BY 1")]
    return [
        row
        for name in names
        for level in ("1m", "15m", "1d")
        for row in ask(dsn, f"SELECT t::text FROM public.{name}_{level} t ORDER BY device_id, at")
    ]


def test_roll_ups_made_as_a_set_are_those_of_the_keeper(store, dsn) -> None:
    prefill(store, dsn, [PARK, PEDF], SPAN, roll_up=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE notes AS SELECT * FROM base.rollup_dirty")
        while (report := store.maintain(SPAN.end_ms)).pending or report.buckets:
            pass
        one_by_one, energy = rollups(dsn), slots(dsn)
        assert len(one_by_one) > 2 * 20 * STAMPS
        for name in CATALOGUE:
            for level in ("1m", "15m", "1d", "single"):
                connection.execute(f"DELETE FROM base.{name}_{level}")
        connection.execute("DELETE FROM base.energy_dirty")
        columns = "park_id, device_class, level, devices, minutes"
        connection.execute(f"INSERT INTO base.rollup_dirty ({columns}) SELECT {columns} FROM notes")
    while (report := store.roll_up(SPAN.end_ms)).pending or report.buckets:
        pass
    assert rollups(dsn) == one_by_one
    assert slots(dsn) == energy
    assert ask(dsn, "SELECT count(*) FROM base.rollup_dirty") == [(0,)]


def slots(dsn: str) -> set[tuple]:
    """Which quarters of an hour metering was told of."""
    rows = ask(dsn, "SELECT park_id, device_class, devices, slots FROM base.energy_dirty")
    return {(*of, device, slot) for *of, devices, found in rows for device, slot in zip(devices, found, strict=False)}


def test_twice_is_once(store, dsn) -> None:
    prefill(store, dsn, [PARK], SPAN)
    before = content(dsn)
    assert prefill(store, dsn, [PARK], SPAN) == (Filled("pingshan-park"),)
    assert content(dsn) == before
    assert ask(dsn, "SELECT count(*) FROM conflicts") == [(0,)]


def test_a_longer_history_adds_only_what_is_new(store, dsn) -> None:
    shorter = HistorySpan(START_MS, START_MS + DAY_MS)
    assert prefill(store, dsn, [PARK], shorter) == (Filled("pingshan-park", 13 * 96, 0),)
    assert prefill(store, dsn, [PARK], SPAN) == (Filled("pingshan-park", 13 * 40, 13 * 96),)
    assert ask(dsn, "SELECT count(*) FROM conflicts") == [(0,)]


class _KilledError(Exception):
    """Stands for the end of the process."""


class _MortalStore:
    """The real store, until its process dies after so many commits."""

    def __init__(self, store, commits: int) -> None:
        self._store = store
        self._left = commits

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    def commit(self, commit):
        if self._left == 0:
            raise _KilledError
        self._left -= 1
        return self._store.commit(commit)


def test_a_month_is_stored_at_once_and_is_one_partition(store, dsn) -> None:
    span = HistorySpan(PINGSHAN.midnight_ms(date(2026, 5, 23)), PINGSHAN.midnight_ms(date(2026, 7, 3)))
    ends: list[str] = []
    filled = prefill(store, dsn, [PEDF], span, tell=lambda what, _: ends.append(what.rpartition(" ")[2]))
    assert [each.stored for each in filled] == [len(PEDF.simulated()) * 96 * 41]
    # In UTC a local day ends at 16:00 of the day before.
    assert [end for end in ends if end.startswith("2026")] == ["2026-05-31", "2026-06-30", "2026-07-02"]
    if store.kind == "postgres":
        parts = ask(dsn, "SELECT relname FROM pg_class WHERE relname ~ '^grid_meter_2026[0-9]*$' ORDER BY 1")
        of_may = [f"grid_meter_202605{day}" for day in range(22, 32)]
        assert [name for (name,) in parts] == [
            *of_may,
            "grid_meter_202606",
            "grid_meter_20260701",
            "grid_meter_20260702",
        ]


def test_what_was_interrupted_goes_on(store, dsn, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(module, "_PART_DAYS", 1)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    states = {"pingshan-park": tmp_path / "park.json"}
    with pytest.raises(_KilledError):
        prefill(_MortalStore(store, 1), dsn, [PARK], SPAN, states=states)
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == [(96,)]
    assert prefill(store, dsn, [PARK], SPAN, states=states) == (Filled("pingshan-park", 13 * 40, 0),)
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == [(STAMPS,)]
    assert ask(dsn, "SELECT count(*) FROM conflicts") == [(0,)]
    assert load_state(states["pingshan-park"], PARK.park, PARK.seed, {device.id for device in PARK.devices})


def test_the_live_park_starts_from_the_registers_that_are_stored(store, dsn, tmp_path) -> None:
    path = tmp_path / "park.json"
    prefill(store, dsn, [PARK], SPAN, states={"pingshan-park": path})
    state = load_state(path, PARK.park, PARK.seed, {device.id for device in PARK.devices})
    shown = Park(PARK, SPAN.end_ms, state).values("grid", SPAN.end_ms)
    # A longer history has the reading of the very instant at which the shorter one ends.
    prefill(store, dsn, [PARK], replace(SPAN, end_ms=SPAN.end_ms + QUARTER_MS))
    stored = ask(dsn, "SELECT energy_import_kwh, energy_export_kwh FROM grid_meter ORDER BY at DESC LIMIT 1")[0]
    # A meter of this driver counts in floats of 32 bits: about seven digits.
    assert stored == pytest.approx((shown["energy_import_kwh"], shown["energy_export_kwh"]), rel=1e-7)


def test_the_end_is_as_dense_as_the_live_park_is_read(store, dsn) -> None:
    end_ms = START_MS + DAY_MS + 8 * QUARTER_MS
    span = HistorySpan(START_MS, end_ms, 900, START_MS + DAY_MS, 300, dense_from_ms=end_ms - 2 * QUARTER_MS)
    [filled] = prefill(store, dsn, [PARK], span, dense_s={PARK.park: 5})
    assert filled.stored == 13 * (96 + 6 * 3 + 2 * 180)
    until_ms = end_ms + QUARTER_MS + 100_001
    assert go_on(store, PARK, span, filled.state, until_ms, 5).stored == 13 * (180 + 21)
    # Twice is once, and the batches of a park's history stay without a hole.
    assert go_on(store, PARK, span, filled.state, until_ms, 5).stored == 0
    assert store.ack_of(Gateway(PARK.park, "gw-1"), span.epoch).through == 96 + 8 + 2
    late = ask(dsn, "SELECT count(*) FROM base.meter WHERE received_at < at OR received_at > at + interval '15 min'")
    assert late == [(0,)]
    live = Park(PARK, end_ms, filled.state)
    shown = live.values("grid", end_ms + QUARTER_MS + 100_000)
    stored = ask(dsn, "SELECT active_power_kw, energy_import_kwh FROM grid_meter ORDER BY at DESC LIMIT 1")[0]
    assert stored == pytest.approx((shown["active_power_kw"], shown["energy_import_kwh"]), rel=1e-7)


def test_two_parks_are_made_side_by_side(store, dsn) -> None:
    span = HistorySpan(START_MS, START_MS + DAY_MS)
    told: list[tuple[str, float]] = []
    found = prefill(store, dsn, [PARK, PEDF], span, tell=lambda what, share: told.append((what, share)))
    assert found == (Filled("pingshan-park", 13 * 96, 0), Filled("julongshan-pedf", 10 * 96, 0))
    assert ask(dsn, "SELECT count(*), min(voltage_v) > 600 FROM dc_bus") == [(96, True)]
    assert told[-1][1] == 1.0
    assert sorted(share for _, share in told) == [share for _, share in told]
    # A signal that one meter of a class has and another lacks is absent there, not zero.
    absent = ask(dsn, "SELECT count(*) FROM charger WHERE vehicle_soc_pct IS NULL AND operating_state = 1")
    assert absent[0][0] > 0


def test_readings_of_another_source_are_not_mixed_in(store, dsn) -> None:
    prefill(store, dsn, [PARK], HistorySpan(START_MS + 4 * QUARTER_MS, START_MS + 8 * QUARTER_MS))
    with pytest.raises(PrefillError, match=r"has readings of its own from 2026-06-2.* let the history end before"):
        prefill(store, dsn, [PARK], HistorySpan(START_MS, START_MS + DAY_MS))


def test_the_newest_days_can_be_finer(store, dsn) -> None:
    span = HistorySpan(START_MS, START_MS + 2 * DAY_MS, 900, START_MS + DAY_MS, 300)
    assert prefill(store, dsn, [PARK], span) == (Filled("pingshan-park", 13 * (96 + 288), 0),)
    # Registers go on where the coarse days end: no gain between two readings exceeds the rating of 2800 kW.
    gains = ask(
        dsn,
        "SELECT max(gain / hours), min(gain), count(*) FROM ("
        " SELECT energy_import_kwh - lag(energy_import_kwh) OVER (ORDER BY at) AS gain,"
        "        extract(epoch FROM at - lag(at) OVER (ORDER BY at)) / 3600 AS hours FROM grid_meter) g"
        " WHERE gain IS NOT NULL",
    )
    assert gains[0][0] < 2800
    assert gains[0][1] >= 0
    assert gains[0][2] == 96 + 288 - 1
    assert store.ack_of(Gateway("pingshan-park", "gw-1"), START_MS // 1000).through == 192


def test_a_gateway_with_other_devices_is_left_alone(store, dsn) -> None:
    prefill(store, dsn, [PARK], HistorySpan(START_MS, START_MS + DAY_MS))
    with pytest.raises(PrefillError, match=r"charger-9"):
        prefill(store, dsn, [_with_another_charger()], HistorySpan(START_MS - DAY_MS, START_MS))
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == [(96,)]


def _with_another_charger():
    """A scenario that was not the gateway's when it was born."""
    charger = next(device for device in PARK.devices if device.device_class == "charger")
    return replace(PARK, devices=(*PARK.devices, replace(charger, id="charger-9", bus="")))


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (HistorySpan(START_MS + 1, START_MS + DAY_MS), "full quarter hours"),
        (HistorySpan(START_MS, START_MS), "must be after its start"),
        (HistorySpan(START_MS, START_MS + DAY_MS, 700), "does not divide a quarter"),
        (HistorySpan(START_MS, 4_000_000_500_000), "is in the future"),
        (HistorySpan(START_MS, START_MS + DAY_MS, 900, START_MS + QUARTER_MS), "is not a midnight in Asia/Shanghai"),
        (HistorySpan(START_MS, START_MS + DAY_MS, dense_from_ms=START_MS + 60_000), "begin with a quarter of an hour"),
    ],
)
def test_what_cannot_be_made_is_refused(store, dsn, span, words) -> None:
    with pytest.raises(PrefillError, match=words):
        prefill(store, dsn, [PARK], span)
    assert ask(dsn, "SELECT count(*) FROM parks") == [(0,)]


def test_one_park_twice_is_refused(store, dsn) -> None:
    with pytest.raises(PrefillError, match="two scenarios are of one park"):
        prefill(store, dsn, [PARK, PARK], SPAN)


def test_the_birth_says_what_is_reported() -> None:
    announced = {device.device: device for device in birth(PEDF, SPAN).devices}
    assert announced["dc-bus"].device_class == "dc_bus"
    assert announced["dc-bus"].ratings == {"rated_power_kw": 500, "nominal_voltage_v": 750}
    assert "irradiance_plane_w_m2" in announced["weather"].signals
    assert "energy_import_kwh" in announced["grid"].signals
    assert announced["load-dc"].point.account == "pedf-building"


def test_the_bus_goes_on_live_with_the_registers_of_its_history(store, dsn, tmp_path) -> None:
    """The live park announces the bus of its history, and its meter shows what the history ended with."""
    span = HistorySpan(START_MS, START_MS + 8 * QUARTER_MS)
    [filled] = prefill(store, dsn, [PEDF], span, states={PEDF.park: tmp_path / "state.json"})
    state = load_state(tmp_path / "state.json", PEDF.park, PEDF.seed, {device.id for device in PEDF.devices})
    last_ms = span.end_ms + QUARTER_MS
    go_on(store, PEDF, span, filled.state, last_ms + 1, 900)
    live = Park(PEDF, last_ms, state)
    meter = ServedDevice(next(one for one in live.devices if one.device == "dc-bus"), live, FaultPlan())
    words = dict(enumerate(meter.read(Table.HOLDING, 0, 20, last_ms)))
    shown = {row.signal: read(row, words) for row in find("acrel_djsf1352").registers}
    columns = ", ".join(shown)
    (stored,) = ask(dsn, f"SELECT {columns} FROM dc_bus WHERE at = to_timestamp({last_ms / 1000})")
    known = CATALOGUE["dc_bus"].by_name
    for (signal, value), kept in zip(shown.items(), stored, strict=True):
        # The meter shows 500 kW in steps of 0.1 kW.
        step = 0.1 if signal == "active_power_kw" else known[signal].resolution
        assert value == pytest.approx(kept, abs=step / 2 + 1e-9), signal
    devices = tuple(Device(one.device, one.device_class, (), period_s=1.0) for one in live.devices)
    store.register(Gateway(PEDF.park, "gw-1"), Birth("0.1.0", START_MS, START_MS, devices, simulated=True))
    joined = "dc_bus JOIN devices USING (park_id, device_id)"
    query = f"SELECT gateway, count(DISTINCT device_id), count(*) FROM {joined} GROUP BY 1"
    assert ask(dsn, query) == [("gw-1", 1, 10)]
    assert ask(dsn, "SELECT device FROM base.device WHERE retired") == []


def test_the_bar_shows_what_is_told(capsys) -> None:
    with progress(Console(force_terminal=True)) as tell:
        tell("history of pingshan-park", 0.5)
    assert "history of pingshan-park" in capsys.readouterr().out


def test_where_nobody_looks_at_a_terminal_plain_lines_tell_the_same(capsys) -> None:
    with progress(Console(force_terminal=False)) as tell:
        for share in (0.1, 0.2, 0.3, 1.0):
            tell("readings", share)
    # At most one line every few seconds, and the end always.
    assert capsys.readouterr().out.splitlines() == [" 10 %  readings", "100 %  readings"]


def test_a_gateway_of_its_own_can_be_named(store, dsn) -> None:
    prefill(store, dsn, [PARK], HistorySpan(START_MS, START_MS + QUARTER_MS), gateway="gw-history")
    assert store.ack_of(Gateway("pingshan-park", "gw-history"), START_MS // 1000).through == 1
