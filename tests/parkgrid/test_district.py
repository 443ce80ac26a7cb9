"""What the first `up` makes: a history that is made once, with months that are closed and figures of the plan."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from domain.clusters.plan import plan
from parkgrid import district
from simulators.scenario import SCENARIOS, load_scenario
from simulators.weather import PINGSHAN

DAY_MS = 86_400_000
PEDF = load_scenario(SCENARIOS / "julongshan_pedf_office.toml")
UNTIL_MS = PINGSHAN.midnight_ms(date(2026, 7, 2)) + 5 * 60_000


def ask(dsn: str, query: str) -> list[tuple]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def fill(dsn: str, folder: Path, tell=lambda _what, _share: None) -> tuple[bool, list[str]]:
    phases: list[str] = []
    return district.fill(dsn, folder, {folder / "park.json": PEDF}, UNTIL_MS, tell, phases.append), phases


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
    # 32 whole days from 31 May, and the midnight reading of 2 July: five minutes past it there is no second one.
    rows = ask(dsn, "SELECT count(*), min(at), max(at) FROM grid_meter")
    assert rows[0][0] == 32 * 96
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


def test_the_figures_are_the_plans_and_the_rest_says_that_it_is_an_example(dsn, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(district, "DAYS", 1)
    fill(dsn, tmp_path)
    query = "SELECT quarter, basis, output_cny, source FROM base.cluster_output WHERE cluster = '{}' ORDER BY quarter"
    found = {row[0]: row[1:] for row in ask(dsn, query.format("new-energy"))}
    # 543 亿元 in 2023 and 700 in 2025, as the plan states: 621.5 between them, a quarter of it is 155.375.
    base = next(each.base for each in plan().clusters if each.id == "new-energy")
    assert found["2023-Q4"] == ("cumulative", Decimal(54_300_000_000), base.source)
    assert found["2024-Q1"][:2] == ("quarter", Decimal(15538000000))
    assert found["2025-Q4"][:2] == ("quarter", Decimal(17_500_000_000))
    assert "非统计数据" in found["2024-Q1"][2]
    # The plan states no figures for it, so none are invented.
    assert ask(dsn, query.format("cells-genes")) == []
    assert ask(dsn, "SELECT park, account FROM base.enterprise_account") == [("julongshan-pedf", "pedf-main")]
