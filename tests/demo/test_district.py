"""What the first `up` makes: a history that is made once, with months that are closed and figures of the plan."""

from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import psycopg
import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_demo import district
from parkgrid_demo.example_outputs import outputs
from parkgrid_demo.prefill import birth
from parkgrid_demo.prefill_rows import Task, make
from parkgrid_domain.clusters.plan import plan
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.catching_up import catch_up
from parkgrid_simulators.scenario import SCENARIOS, load_scenario
from parkgrid_simulators.weather import PINGSHAN

DAY_MS = 86_400_000
PEDF = load_scenario(SCENARIOS / "julongshan_pedf_office.toml")
UNTIL_MS = PINGSHAN.midnight_ms(date(2026, 7, 2)) + 5 * 60_000


def ask(dsn: str, query: str) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def fill(dsn: str, folder: Path, tell=lambda _what, _share: None, until_ms: int = UNTIL_MS) -> tuple[bool, list[str]]:
    phases: list[str] = []
    made = district.fill(dsn, folder, {folder / "park.json": PEDF}, until_ms, tell, phases.append, {PEDF.park: 5})
    return made is not None, phases


class _LeftError(Exception):
    """The user's Ctrl-C."""


def test_a_year_is_made_once_and_goes_on_after_an_interruption(dsn, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(district, "DAYS", 32)

    def leave(_what: str, _share: float) -> None:
        raise _LeftError

    with pytest.raises(_LeftError):
        fill(dsn, tmp_path, leave)
    noted = (tmp_path / "history.json").read_text("utf-8")
    assert '"complete": false' in noted
    assert fill(dsn, tmp_path) == (True, ["readings", "intervals", "bills", "clusters"])
    # 32 whole days from 31 May: by the quarter of an hour, the last two by the minute, the last half hour every 5 s.
    rows = ask(dsn, "SELECT count(*), min(at), max(at) FROM grid_meter")
    assert rows[0][0] == 30 * 96 + 2 * 1440 - 30 + 360
    assert ask(dsn, "SELECT count(*) FROM conflicts") == [(0,)]
    # June is the one whole month; its bill is kept.
    closed = ask(dsn, "SELECT account, month, revision, total_cny FROM base.bill_closing")
    assert [row[:3] for row in closed] == [("pedf-main", "2026-06", 1)]
    assert closed[0][3] > 0
    assert fill(dsn, tmp_path) == (False, [])
    assert (tmp_path / "park.json").is_file()


def test_a_park_with_readings_of_its_own_gets_no_history(dsn, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(district, "DAYS", 1)
    fill(dsn, tmp_path)
    before = ask(dsn, "SELECT count(*) FROM grid_meter")
    other = tmp_path / "other"
    other.mkdir()
    assert fill(dsn, other) == (False, [])
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == before


def test_what_was_interrupted_before_the_live_park_began_is_made_to_the_present(dsn, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(district, "DAYS", 1)

    def leave(what: str, _share: float) -> None:
        if what.startswith("energy"):
            raise _LeftError

    with pytest.raises(_LeftError):
        fill(dsn, tmp_path, leave)
    assert fill(dsn, tmp_path, until_ms=UNTIL_MS + 2 * 3_600_000)[0]
    newest = ask(
        dsn, "SELECT (extract(epoch FROM max(at)) * 1000)::int8, count(DISTINCT at) = count(*) FROM grid_meter"
    )
    assert newest == [(UNTIL_MS - 5 * 60_000 + 2 * 3_600_000 - 5_000, True)]
    assert ask(dsn, "SELECT count(*) FROM conflicts") == [(0,)]


def test_live_readings_follow_a_history_without_a_hole_or_a_gap(dsn, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(district, "DAYS", 3)
    parks = {tmp_path / "park.json": PEDF}
    until_ms = UNTIL_MS + 9 * 3_600_000
    [handover] = district.fill(dsn, tmp_path, parks, until_ms, lambda *_: None, lambda _: None, {PEDF.park: 5})
    # The live park is up four minutes later, and is read for three quarters of an hour.
    begun_ms = until_ms + 4 * 60_000
    live(dsn, handover, begun_ms, begun_ms + 45 * 60_000)
    district.join(dsn, [handover], begun_ms + 60_000)
    catch_up(dsn)
    assert ask(dsn, "SELECT * FROM data_gaps") == []
    # The bus has no driver, so nobody reads it live.
    query = "FROM interval_energy i JOIN registers r USING (park_id, register_id) WHERE r.device <> 'dc-bus'"
    assert ask(dsn, f"SELECT r.device, r.signal, i.at {query} AND (i.quality <> 'good' OR i.revision > 1)") == []
    assert ask(dsn, "SELECT count(*) FROM conflicts") == [(0,)]
    steps = ask(
        dsn,
        "SELECT max(gap) FILTER (WHERE at > now) , min(gained), max(gained) FROM ("
        " SELECT at, at - lag(at) OVER w AS gap, energy_import_kwh - lag(energy_import_kwh) OVER w AS gained,"
        f" to_timestamp({begun_ms / 1000} - 1800) AS now FROM grid_meter WINDOW w AS (ORDER BY at)) s",
    )
    assert steps[0][0].total_seconds() == 5
    assert 0 <= steps[0][1] <= steps[0][2] < 1100 / 4


def live(dsn: str, handover: district.Handover, begun_ms: int, end_ms: int) -> None:
    """What the gateway of the live park says and sends."""
    gateway, epoch = Gateway(PEDF.park, "gw-1"), begun_ms // 1000
    announced = birth(PEDF, replace(handover.span, period_s=5))
    with closing(open_store(dsn)) as store:
        known = store.register(gateway, replace(announced, epoch=epoch, at_ms=begun_ms))
        ids = {device: number for device, (number, _) in known.items()}
        # Made from the history's end, as the live park catches up from there, and read from its own beginning.
        made = make(Task(PEDF, ids, handover.span.end_ms, end_ms, 5, handover.state, as_live=True))
        rows = [_from(each, begun_ms) for each in made.rows]
        store.commit(Commit([BatchHeader(gateway, epoch, 1, 1, backlog=False, received_ms=end_ms)], rows))


def _from(rows: ClassRows, begun_ms: int) -> ClassRows:
    kept = rows.at_ms >= begun_ms
    return ClassRows(
        rows.device_class,
        np.zeros(kept.sum(), np.int32),
        rows.device_id[kept],
        rows.at_ms[kept],
        {name: steps[kept] for name, steps in rows.values.items()},
        {name: None if mask is None else mask[kept] for name, mask in rows.present.items()},
    )


def test_example_outputs_are_plausible_and_no_target() -> None:
    """Every year but the base lies 0.5 to 7 % off the line, no two quarters of a year are equal, the first is low."""
    years: dict[tuple[str, int], list[Decimal]] = {}
    for cluster, quarter, _, amount, unit, *_ in outputs(date(2031, 2, 1)):
        assert unit == "亿元"
        years.setdefault((cluster, int(quarter[:4])), []).append(Decimal(amount))
    for each in plan().clusters:
        if each.base is None:
            assert (each.id, 2024) not in years
            continue
        for target in each.targets:
            off = abs(sum(years[each.id, target.year]) / target.output_100m_cny - 1)
            assert Decimal("0.005") < off < Decimal("0.071"), (each.id, target.year, off)
        for year in range(each.base.year + 1, 2031):
            quarters = years[each.id, year]
            assert len({*quarters}) == len(quarters) == 4
            assert min(quarters) == quarters[0]
    assert list(outputs(date(2026, 11, 29))) == list(outputs(date(2026, 11, 29)))


def test_the_figures_are_the_plans_and_the_rest_says_that_it_is_an_example(dsn, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(district, "DAYS", 1)
    fill(dsn, tmp_path)
    query = "SELECT quarter, basis, output_cny, source FROM base.cluster_output WHERE cluster = '{}' ORDER BY quarter"
    found = {row[0]: row[1:] for row in ask(dsn, query.format("new-energy"))}
    # 543 亿元 in 2023, as the plan states; what follows is near the line to its 700 of 2025, and off it.
    base = next(each.base for each in plan().clusters if each.id == "new-energy")
    assert found["2023-Q4"] == ("cumulative", Decimal(54_300_000_000), base.source)
    assert found["2024-Q1"][0] == "quarter"
    assert "非统计数据" in found["2024-Q1"][2]
    assert [row for row in ask(dsn, "SELECT quarter, note FROM base.cluster_output") if row[1] != "示例"] == [
        (f"{each.base.year}-Q4", "") for each in plan().clusters if each.base
    ]
    # The plan states no figures for it, so none are invented.
    assert ask(dsn, query.format("cells-genes")) == []
    assert ask(dsn, "SELECT park, account FROM base.enterprise_account") == [("julongshan-pedf", "pedf-main")]
