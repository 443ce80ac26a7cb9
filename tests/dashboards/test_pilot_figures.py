"""The pilot: what boards add up in SQL is what the API answers from the fold of the ledger, figure by figure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from parkgrid_api.vpp.adjustable import adjustable
from parkgrid_api.vpp.event_resources import listed, one
from parkgrid_api.vpp.events import short, whole
from parkgrid_api.vpp.summary import summary
from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import to_ms
from parkgrid_dashboards.check.macros import Range, expand
from parkgrid_dashboards.queries import query
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.progress import standing
from parkgrid_metering.rounds import run_rounds
from parkgrid_vpp.capability import capability
from parkgrid_vpp.forecast import scores
from parkgrid_vpp.ledger import follow
from tests.api.feed import Feed
from tests.conftest import temporary_database
from tests.dashboards.pilot_of_boards import METERED_PARK, fill

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

DAYS = 8
QUARTER_MS = 900_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A store with a pilot, the pilot as its ledger tells it, and when all of it was written."""

    connection: "psycopg.Connection[Any]"
    pilot: Pilot
    now: datetime


@pytest.fixture(scope="module")
def kept(database_server: "RunningDatabase", template_database: str) -> Iterator[Kept]:
    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        now = datetime.now(UTC)
        _metered(dsn, to_ms(now) // QUARTER_MS * QUARTER_MS)
        with psycopg.connect(dsn, autocommit=True) as connection:
            run_rounds(connection, to_ms(now))
            fill(connection, now)
            pilot = Pilot()
            follow(connection, pilot)
            yield Kept(connection, pilot, now)


def _metered(dsn: str, end_ms: int) -> None:
    """A meter that draws 40 kW by night and 60 kW by day, in turns of twelve hours, less every fifth quarter hour."""
    feed = Feed(dsn, Gateway(METERED_PARK, "gw-1"))
    feed.announce([Device("grid", "grid_meter", tuple(CATALOGUE["grid_meter"].by_name), period_s=900.0)])
    instants = [end_ms - QUARTER_MS * back for back in range(DAYS * 96, -1, -1)]
    drawn = [(10.0 if at // 43_200_000 % 2 else 15.0) - (at // QUARTER_MS % 5 == 0) for at in instants]
    feed.series("grid", instants, energy_import_kwh=[sum(drawn[:place]) for place in range(len(drawn))])
    feed.maintain()
    feed.store.close()


def ever(now: datetime) -> Range:
    return Range(now - timedelta(days=200), now + timedelta(days=1))


def panel(kept: Kept, board: str, name: str, **values: str) -> list[dict[str, Any]]:
    """The rows that a panel gets."""
    choice = {key: [value] for key, value in values.items()}
    text = expand(query(board, name, "all", "en"), ever(kept.now), QUARTER_MS, choice)
    with kept.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(text.encode()).fetchall()


def amount(told: str) -> tuple[str, bool]:
    """An amount of a board, and whether it carries the mark of a simulation."""
    number, unit, *mark = told.split()
    assert unit == "yuan"
    assert mark in ([], ["simulation"])
    return number, bool(mark)


VERDICTS = ("delivered", "partial", "not_delivered", "unverified")


def verdicts(row: dict[str, Any]) -> dict[str, int] | None:
    found = {name: row[f"vpp_{name}"] for name in VERDICTS}
    return None if set(found.values()) == {None} else found


def test_the_headline_and_the_funnel_of_the_pilot_are_those_of_the_api(kept):
    answer = summary(kept.pilot, kept.now, {})
    [year], [now] = (panel(kept, "vpp_pilot", name) for name in ("vpp_year", "vpp_now"))
    assert (year["vpp_shaved"], year["vpp_filled"]) == (answer["shaved_kwh"], answer["filled_kwh"])
    assert year["vpp_settled_events"] == answer["settled"]
    net = {each["status"]: float(each["net_cny"]) for each in answer["money"]}
    assert year["net_simulation"] == net.get("simulation")
    assert year["net_payable"] == net.get("payable")
    assert now["vpp_under_way"] == len(answer["under_way"]) == 1
    assert now["vpp_open_disputes"] == answer["open_disputes"] == 1
    rows = {row["park"]: row for row in panel(kept, "vpp_pilot", "vpp_funnel")}
    told = {"All" if each["kind"] == "all" else each["id"]: each["stages"] for each in answer["funnel"]}
    assert set(rows) == {"All", "park-a", METERED_PARK}
    for park, row in rows.items():
        assert {stage["stage"]: row[f"vpp_{stage['stage']}"] for stage in told[park]} == {
            stage["stage"]: stage["resources"] for stage in told[park]
        }
        assert (row["vpp_up"], row["vpp_down"]) == (told[park][2]["up_kw"], told[park][2]["down_kw"])
    assert [stage["resources"] for stage in told["All"]] == [4, 4, 3, 3, 2]


def test_the_events_of_the_pilot_are_those_of_the_api(kept):
    rows = {row["vpp_id"]: row for row in panel(kept, "vpp_pilot", "vpp_event_list")}
    assert set(rows) == set(kept.pilot.events) == {f"ev-{number}" for number in range(1, 8)}
    for book in kept.pilot.events.values():
        row, answer = rows[book.event_id], short(book)
        fields = ("state", "direction", "target_kw", "awarded_kw", "promised_kwh", "measured_kwh")
        columns = ("state", "direction", "target", "awarded", "promised", "moved")
        assert [row[f"vpp_{name}"] for name in columns] == [answer[name] for name in fields], book.event_id
        assert verdicts(row) == answer["verdicts"]
        money = [amount(each) for each in (row["vpp_net"] or "").split(", ") if each]
        assert money == [(each["net_cny"], each["status"] == "simulation") for each in answer["money"]]
        choice = {"event": book.event_id}
        [now], [result] = (panel(kept, "vpp_event", f"vpp_event_{name}", **choice) for name in ("now", "result"))
        assert (now["vpp_promised"], now["vpp_moved"]) == (answer["promised_kwh"], answer["measured_kwh"])
        assert verdicts(result) == answer["verdicts"]
        by_status = {each["status"]: float(each["net_cny"]) for each in answer["money"]}
        assert {name: result[f"net_{name}"] for name in by_status} == by_status
    # One event in each way in which a sum may be wrong.
    assert {"disputed", "closed", "superseded", "cancelled"} <= {row["vpp_state"] for row in rows.values()}
    months = panel(kept, "vpp_pilot", "vpp_months")
    moved = sum(row[name] or 0 for row in months for name in ("vpp_shaved", "vpp_filled"))
    every = [quarter for _, _, told in standing(kept.pilot.events.values()) for quarter in told.quarters]
    assert moved == sum(each.moved_wh or 0 for each in every if each.verdict in ("delivered", "partial")) / 1000


@pytest.mark.parametrize("event", ["ev-1", "ev-2", "ev-4", "ev-7"])
def test_the_quarter_hours_and_the_money_of_an_event_are_those_of_the_api(kept, event):
    pilot = kept.pilot
    book = pilot.events[event]
    answer = whole(pilot, book, [], 0, kept.now)
    drawn = panel(kept, "vpp_event", "vpp_quarters", event=event)
    moved = panel(kept, "vpp_event", "vpp_reduction", event=event)
    assert len(drawn) == len(moved) == 5
    for place, each in enumerate(zip(*(award["quarters"] for award in answer["awards"]), strict=True)):

        def total(name: str, quarters: Any = each) -> float | None:
            found = [quarter[name] for quarter in quarters]
            return None if None in found else pytest.approx(sum(found), abs=1e-9)

        assert (drawn[place]["vpp_baseline"], drawn[place]["vpp_metered"]) == (
            total("baseline_kwh"),
            total("metered_kwh"),
        )
        assert drawn[place]["vpp_as_promised"] == total("target_kwh")
        assert moved[place]["vpp_promised"] == total("award_kwh")
    _, resources = listed(book, 0, 100)
    rows = {row["vpp_resource"]: row for row in panel(kept, "vpp_event", "vpp_resource_list", event=event)}
    lines = {row["vpp_resource"]: row for row in panel(kept, "vpp_event", "vpp_lines", event=event)}
    codes: dict[str, list[float]] = {}
    for row in panel(kept, "vpp_event", "vpp_verdicts", event=event):
        codes.setdefault(row["metric"], []).append(row["value"])
    assert set(rows) == {each["resource"] for each in resources}
    for each in resources:
        name = each["resource"]
        row = rows[name]
        assert (row["vpp_resource_name"], row["vpp_awarded"]) == (each["name_en"], each["kw"])
        assert row["vpp_opted_out"] == ("yes" if each["opted_out"] else "no")
        assert (row["vpp_promised"], row["vpp_moved"]) == (each["promised_kwh"], each["measured_kwh"])
        assert verdicts(row) == each["verdicts"]
        if each["payment_cny"] is not None:
            simulated = each["status"] == "simulation"
            for column in ("payment", "penalty", "operator_part", "user_part"):
                assert amount(lines[name][f"vpp_{column}"]) == (each[f"{column}_cny"], simulated)
        if each["verdicts"] is not None:
            *told, last = codes[name]
            order = ("unverified", "not_delivered", "partial", "delivered")
            assert {verdict: told.count(code) for code, verdict in enumerate(order, 1)} == each["verdicts"]
            assert last is None


def test_the_days_and_the_chain_of_an_event_are_those_of_the_ledger(kept):
    connection, pilot = kept.connection, kept.pilot
    load = one(pilot, pilot.events["ev-1"], "load-1")
    assert load is not None
    assert load["frozen"] is not None
    days = {row["vpp_day"]: row for row in panel(kept, "vpp_event", "vpp_days", event="ev-1")}
    assert {
        day: (row["vpp_outcome"], row["vpp_day_energy"], row["vpp_window_energy"]) for day, row in days.items()
    } == {each["day"]: (each["outcome"], each["energy_kwh"], each["window_kwh"]) for each in load["frozen"]["days"]}
    unsure = [row for row in panel(kept, "vpp_event", "vpp_not_sure", event="ev-1") if row["vpp_unsure"]]
    assert [(row["vpp_resource"], row["vpp_verdict"], row["vpp_unsure"]) for row in unsure] == [
        ("load-1", "unverified", "finding")
    ]
    for event in pilot.events:
        chain = panel(kept, "vpp_event", "vpp_chain", event=event)
        assert chain
        assert {row["vpp_sound"] for row in chain} == {"yes"}
    head, *others = panel(kept, "vpp_event", "vpp_head", event="ev-1")
    assert pilot.head is not None
    assert (head["vpp_entry"], head["vpp_digest"]) == (pilot.head.number, pilot.head.digest)
    newest = pilot.events["ev-1"].statements["aw-1"][-1][0]
    assert {"ev-1-op-1-2": newest.digest}.items() <= {row["vpp_name"]: row["vpp_digest"] for row in others}.items()
    connection.execute("ALTER TABLE base.vpp_entry DISABLE TRIGGER append_only")
    with connection.transaction(force_rollback=True):
        connection.execute("UPDATE base.vpp_entry SET by = 'x' WHERE number = %s", (newest.number,))
        asked = expand(query("vpp_event", "vpp_chain", "vpp_event", "en"), ever(kept.now), 900_000, {"event": ["ev-1"]})
        rows = connection.execute(asked.encode()).fetchall()
        assert [row[0] for row in rows if row[-1] == "no"] == [newest.number]
    connection.execute("ALTER TABLE base.vpp_entry ENABLE TRIGGER append_only")


def test_capability_and_forecasts_are_those_of_the_api(kept):
    connection, pilot = kept.connection, kept.pilot
    [[computed_at]] = connection.execute("SELECT DISTINCT computed_at FROM vpp_capabilities").fetchall()
    found = adjustable(connection, pilot, computed_at, {}, None, 0, 100)
    rows = connection.execute(
        "SELECT kind, id, array_agg(up_kw ORDER BY at), array_agg(down_min ORDER BY at),"
        " array_agg(up_limit ORDER BY at) FROM vpp_capabilities GROUP BY kind, id"
    ).fetchall()
    assert {(kind, name): told for kind, name, *told in rows} == {
        (each["kind"], each["id"]): [each["up"]["kw"], each["down"]["minutes"], each["up"]["limit"]]
        for each in found["of"]
    }
    assert {kind for kind, *_ in rows} == {"all", "park", "transformer"}
    # 20 kW each of two resources: the place of the second is not proven, so it is never awarded, but it is active.
    assert max(next(told for kind, name, told, *_ in rows if name == METERED_PARK)) == 40
    for where, name in (("vpp_pilot", "vpp_now"), ("vpp_capability", "vpp_park_now")):
        [row] = panel(kept, where, name, park=METERED_PARK)
        slot = int((computed_at.timestamp() + row["vpp_age"]) * 1000 - found["at_ms"][0]) // QUARTER_MS
        wanted = next(each for each in found["of"] if each["id"] == ("all" if name == "vpp_now" else METERED_PARK))
        assert (row["vpp_up"], row["vpp_down"]) == (wanted["up"]["kw"][slot], wanted["down"]["kw"][slot])
    choice = {"park": METERED_PARK}
    [score] = [each for each in scores(connection, pilot, computed_at) if each.park == METERED_PARK]
    [told] = panel(kept, "vpp_capability", "vpp_score_now", **choice)
    assert told["vpp_scored"] == score.score.quarters > 0
    assert told["vpp_mae"] * 1000 == pytest.approx(score.score.mae_w, abs=1)
    assert told["vpp_confidence"] == pytest.approx(score.score.confidence_pct)
    known = capability(connection, pilot, computed_at).resources
    for park in ("park-a", METERED_PARK):
        for row in panel(kept, "vpp_capability", "vpp_confidence", park=park):
            assert row["vpp_confidence"] == pytest.approx(known[row["vpp_resource"]].confidence_pct)
    # Four times the energy of the register's quarter hour, of each of the two resources that are settled by it.
    drawn = [row for row in panel(kept, "vpp_capability", "vpp_forecast", **choice) if row["vpp_metered_kw"]]
    assert len(drawn) > 20
    register = pilot.resources["plant-1"].meter[0].register.split("/")
    energies = dict(
        connection.execute(
            "SELECT at, energy_kwh FROM interval_energy WHERE (park, gateway, device, signal) = (%s, %s, %s, %s)"
            " AND at >= %s AND period_s = 900",
            (*register, drawn[0]["time"]),
        ).fetchall()
    )
    assert [row["vpp_metered_kw"] for row in drawn] == pytest.approx([8 * energies[row["time"]] for row in drawn])
