"""`check`: green on a month of three parks, and every planted fault is named in one line with its place."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_dashboards.check import Document, Finding
from parkgrid_dashboards.check.database import Limits, check_alert, check_document, reading
from parkgrid_dashboards.check.finding import Question
from parkgrid_dashboards.check.layout import layout, names, variables
from parkgrid_dashboards.check.macros import MacroError, Range, expand
from parkgrid_dashboards.check.raw import RawRelations
from parkgrid_dashboards.check.run import Database, check
from parkgrid_dashboards.check.schema import check_schema

NOON = datetime(2026, 6, 22, 12, tzinfo=UTC)
DAY = Range(NOON - timedelta(days=1), NOON)


def board(boards, name: str = "park", language: str = "en") -> Document:
    """A copy that a test may spoil."""
    [found] = [each for each in boards if (each.name, each.language) == (name, language)]
    return Document(name, language, copy.deepcopy(found.content))


def ask(district, document: Document, limits: Limits | None = None) -> list[str]:
    with reading(district.dsn, district.now) as session:
        return [str(each) for each in check_document(session, document, limits or Limits(1_000, runs=1), [])]


def spoilt(boards, text: str, form: str = "time_series") -> Document:
    """The park's board with one panel that asks something else."""
    document = board(boards)
    panel = document.panels[3]
    panel["fieldConfig"]["overrides"] = []
    panel["targets"][0] |= {"rawSql": text, "format": form}
    return Document("park", "en", {**document.content, "panels": [panel], "annotations": {"list": []}})


# --- green -----------------------------------------------------------------------------------------------------------


def test_every_panel_of_every_dashboard_has_data_and_nothing_is_wrong(district, boards, nightly):
    # Elsewhere the 95th percentile is held to 100 ms; here others share the machine, so the test allows a second.
    limits = Limits(1_000, runs=3 if nightly else 1)
    report = check(boards, Database(district.dsn, limits, district.now), schema=False)
    assert [str(each) for each in report.findings] == []
    panels = sum(len(each.panels) for each in boards)
    notes = sum(len(each.content["annotations"]["list"]) for each in boards)
    # Every panel, every annotation that has something to tell, and the five alert rules were asked.
    assert panels + 5 <= len(report.asked) <= panels + notes + 5
    told = {each.where.split(",")[0] for each in report.asked if "annotation" in each.where}
    assert {"park.zh", "park.en", "meters.en", "quality.zh"} <= told


def test_the_command_ends_with_nothing_to_complain_about(district):
    arguments = ["dashboards", "check", "--no-schema", "--slow-ms", "1000", "--runs", "1", "--dsn", district.dsn]
    done = CliRunner().invoke(app, [*arguments, "--at", district.now.strftime("%Y-%m-%dT%H:%M%z")])
    assert done.exit_code == 0, done.output
    assert "no findings" in done.output


def test_an_empty_database_has_no_park_to_choose(dsn, boards):
    report = check(boards, Database(dsn), schema=False)
    found = [str(each) for each in report.findings]
    assert "park.en: its variables have no values: the database has no park" in found


def test_the_session_reads_views_and_nothing_else(district):
    with reading(district.dsn) as session:
        assert session.connection.execute("SELECT current_user").fetchone() == ("parkgrid_grafana",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.connection.execute("SELECT 1 FROM base.park")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.connection.execute("CREATE TABLE public.mine (a int4)")


# --- planted faults: queries -----------------------------------------------------------------------------------------

WHERE = "park.en, panel 4 'Power by flow': "


def test_a_misspelt_column_is_named(district, boards):
    document = spoilt(boards, 'SELECT at AS "time", activ_power_kw AS grid FROM grid_meter_1m WHERE $__timeFilter(at)')
    assert ask(district, document) == [f'{WHERE}column "activ_power_kw" does not exist']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "SELECT 1 FROM registers WHERE signal = 'energy_imported_kwh'",
            "signal 'energy_imported_kwh' is not in the catalogue",
        ),
        ("SELECT 1 FROM registers WHERE signal IN ('soc_pct', 'soc')", "signal 'soc' is not in the catalogue"),
        ("SELECT 1 FROM devices WHERE device_class = 'battery'", "device_class 'battery' is not in the catalogue"),
        (
            "SELECT 1 WHERE (a, b) IN (('meter', 'energy_generated_kwh'))",
            "signal 'energy_generated_kwh' is not in the catalogue of meter",
        ),
        ("-- indicators: self_sufficency_ratio\nSELECT 1", "indicator 'self_sufficency_ratio' is not defined"),
    ],
)
def test_an_unknown_signal_class_or_indicator_is_named(text, said):
    assert [str(each) for each in names(Question("here", text, "table"))] == [f"here: {said}"]


def test_an_indicator_that_is_promised_must_be_a_column(district, boards):
    document = spoilt(boards, "-- indicators: load_factor\nSELECT 0.5 AS factor", "table")
    assert ask(district, document) == [f"{WHERE}says that it computes the indicator load_factor and has no such column"]


def test_a_raw_scan_is_refused_and_a_day_of_raw_readings_is_not(district, boards):
    scan = spoilt(
        boards,
        'SELECT at AS "time", active_power_kw AS grid FROM grid_meter WHERE at > $__timeFrom() ORDER BY 1 LIMIT 9',
    )
    [found] = ask(district, scan)
    # Asked over 31 days: 744 hours, in whole partitions where the store cannot bound them better.
    assert found.startswith(f"{WHERE}reads 7")
    assert found.endswith("h of raw readings of grid_meter (at most 24 h): ask grid_meter_1m or grid_meter_15m")
    hour = "at > $__timeTo()::timestamptz - INTERVAL '1 hour' AND at <= $__timeTo()::timestamptz"
    bounded = f'SELECT at AS "time", active_power_kw AS grid FROM grid_meter WHERE {hour} ORDER BY 1'
    assert ask(district, spoilt(boards, bounded)) == []


def test_raw_readings_without_any_bound_are_refused(district, boards):
    [found] = ask(district, spoilt(boards, "SELECT count(*)::float8 AS n FROM pv_inverter", "table"))
    assert "h of raw readings of pv_inverter" in found


def test_too_many_rows_are_refused(district, boards):
    many = 'SELECT at AS "time", n::float8 AS n FROM generate_series(1, 2001) AS n, (SELECT now() AS at) AS t'
    assert ask(district, spoilt(boards, many)) == [f"{WHERE}returns 2,001 rows (at most 2,000)"]


def test_a_slow_query_is_refused(district, boards):
    slow = spoilt(boards, "SELECT 1.0::float8 AS n, pg_sleep(0.12)::text AS slept", "table")
    [found] = ask(district, slow, Limits(runs=2))
    assert found.startswith(f"{WHERE}takes 1")
    assert found.endswith("ms at the 95th percentile (at most 100 ms)")


def test_a_query_without_data_is_refused_unless_the_database_is_empty(district, boards):
    nothing = spoilt(boards, "SELECT NULL::float8 AS grid", "table")
    assert ask(district, nothing) == [f"{WHERE}returns no data, whatever is chosen"]
    assert ask(district, nothing, Limits(empty=True)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1.0::float8 AS grid, 2 AS x", "column time is missing: a time series needs it as timestamptz"),
        ("SELECT 'x' AS \"time\", 1.0::float8 AS grid", "column time is text: a time series needs it as timestamptz"),
        ("SELECT now() AS \"time\", 'a' AS grid", "column grid is text: a series needs numbers"),
        (
            "SELECT now() - n * INTERVAL '1 h' AS \"time\", n::float8 AS n FROM generate_series(1, 3) AS n",
            "is not in the order of time",
        ),
    ],
)
def test_a_series_has_time_and_numbers_in_order(district, boards, text, said):
    assert ask(district, spoilt(boards, text)) == [WHERE + said]


def test_what_is_said_of_a_column_must_be_of_one_that_comes(district, boards):
    document = spoilt(boards, "SELECT 'a' AS grid", "table")
    override = {"matcher": {"id": "byName", "options": "grids"}, "properties": []}
    document.panels[0]["fieldConfig"]["overrides"] = [override]
    assert ask(district, document) == [f"{WHERE}shows a column 'grids' that its query does not return (grid)"]
    override |= {"matcher": {"id": "byName", "options": "grid"}, "properties": [{"id": "unit", "value": "kwatt"}]}
    assert ask(district, document) == [f"{WHERE}gives a unit to column 'grid', which is text"]


def test_a_variable_or_macro_that_nobody_replaces_is_refused(district, boards):
    assert ask(district, spoilt(boards, "SELECT ${nothing:sqlstring} AS a", "table")) == [
        f"{WHERE}${{nothing}} has no value"
    ]
    [found] = ask(district, spoilt(boards, "SELECT $__unixEpoch() AS a", "table"))
    assert found == f"{WHERE}$__unixEpoch() is neither a macro nor a variable that Grafana replaces"


def test_an_alert_needs_one_number(district):
    question = Question("alert x", "SELECT 'a' AS park, 1.0::float8 AS seconds", "alert")
    with reading(district.dsn, district.now) as session:
        [found] = check_alert(session, question, Limits(1_000, runs=1), [])
    assert str(found).startswith(
        "alert x: an alert needs one number called value and labels of text, not {'park': 'text'"
    )


# --- planted faults: form --------------------------------------------------------------------------------------------


def spoil(boards, change: Callable[[Any], None]) -> list[str]:
    document = board(boards)
    change(document.content["panels"])
    return [str(each) for each in (*layout(document), *variables(document))]


def test_an_overlapping_panel_is_named(boards):
    found = spoil(boards, lambda panels: panels[3]["gridPos"].update(y=3))
    # The wide panel now covers the last line of the three above it.
    assert found == [
        "park.en, panel 4 'Power by flow': overlaps park.en, panel 1 'Now'",
        "park.en, panel 4 'Power by flow': overlaps park.en, panel 2 'Own energy in the chosen time'",
        "park.en, panel 4 'Power by flow': overlaps park.en, panel 3 'Data'",
    ]


def test_a_panel_beyond_the_edge_or_with_a_taken_number_is_named(boards):
    assert spoil(boards, lambda panels: panels[4]["gridPos"].update(w=12, x=13))[0] == (
        "park.en, panel 5 'Energy': reaches from column 13 to 25: there are 24"
    )
    [found] = spoil(boards, lambda panels: panels[4].update(id=1))
    assert found == "park.en, panel 1 'Energy': has the number 1 of park.en, panel 1 'Now'"


def test_a_panel_without_unit_title_or_description_is_named(boards):
    def without_unit(panels):
        del panels[5]["fieldConfig"]["defaults"]["unit"]

    assert spoil(boards, without_unit) == ["park.en, panel 6 'State of charge': has no unit"]

    def one_column(panels):
        properties = panels[0]["fieldConfig"]["overrides"][1]["properties"]
        properties[:] = [each for each in properties if each["id"] != "unit"]

    assert spoil(boards, one_column) == ["park.en, panel 1 'Now': column 'pv' has no unit"]
    assert spoil(boards, lambda panels: panels[0].update(description="")) == [
        "park.en, panel 1 'Now': has no description"
    ]


def test_a_variable_that_the_board_has_not_is_named(boards):
    [found] = spoil(boards, lambda panels: panels[0].update(title="Now in $town"))
    assert found == "park.en, panel 1 'Now in $town': uses $town, which is no variable of this dashboard"


def test_a_finding_is_one_line():
    assert str(Finding("here", "two\n  lines")) == "here: two lines"


# --- types of Grafana ------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_what_is_built_fits_the_published_types(boards):
    assert [str(each) for each in check_schema(boards)] == []


@pytest.mark.process
def test_a_misspelt_field_is_named_where_it_stands(boards):
    def found(change: Callable[[Any], None]) -> list[str]:
        document = board(boards)
        change(document.content)
        return [str(each) for each in check_schema([document])]

    [top] = found(lambda content: content.update(refersh="30s"))
    assert top.startswith("park.en: Object literal may only specify known properties")
    assert "refersh" in top
    [option] = found(lambda content: content["panels"][3]["options"].update(legnd={}))
    assert option.startswith(WHERE)
    assert "legnd" in option
    [custom] = found(lambda content: content["panels"][3]["fieldConfig"]["defaults"]["custom"].update(lineWdth=2))
    assert custom.startswith(WHERE)
    assert "lineWdth" in custom
    [kind] = found(lambda content: content["panels"][3].update(title=7))
    assert kind == f"{WHERE}Type 'number' is not assignable to type 'string'.".replace("'Power by flow'", "7")
    [word] = found(lambda content: content["panels"][3]["fieldConfig"]["defaults"]["custom"].update(drawStyle="lines"))
    assert word.startswith(f"{WHERE}Type '\"lines\"' is not assignable to type")


# --- what Grafana does with a query ----------------------------------------------------------------------------------


def test_macros_and_variables_become_what_the_database_gets():
    text = (
        "SELECT ${park:sqlstring}, $__interval_ms WHERE $__timeFilter(at) AND b > $__timeTo()"
        " AND c IN (${device:sqlstring})"
    )
    values = {"park": ["o'hara"], "device": ["gw/a", "gw/b"]}
    start, end = "'2026-06-21T12:00:00.000Z'", "'2026-06-22T12:00:00.000Z'"
    assert expand(text, DAY, 300_000, values) == (
        f"SELECT 'o''hara', 300000 WHERE at BETWEEN {start} AND {end} AND b > {end} AND c IN ('gw/a','gw/b')"
    )


@pytest.mark.parametrize(
    ("points", "step_s"),
    # 86,400 s / 400 = 216 s, nearer to 300 than to 120; / 30 = 2,880 s, nearer to 3,600; / 1,000 = 86 s, nearer to 60.
    [(400, 300), (30, 3600), (1000, 60), (100_000, 60)],
)
def test_a_step_is_round_as_in_grafana(points, step_s):
    assert DAY.step_ms(points) == step_s * 1000


def test_a_range_is_relative():
    assert Range.of("now-14d", NOON) == Range(NOON - timedelta(days=14), NOON)
    with pytest.raises(MacroError, match="'yesterday' is not a relative time"):
        Range.of("yesterday", NOON)


def test_partitions_of_raw_readings_are_known_with_their_time(district):
    with psycopg.connect(district.dsn) as connection:
        known = RawRelations(connection).spans
    spans = [span for device_class, span in known.values() if device_class == "grid_meter"]
    assert min(start for start, _ in spans) <= district.now - timedelta(days=30)
    assert max(end for _, end in spans) >= district.now


# --- how raw readings are told ---------------------------------------------------------------------------------------


class Plans(RawRelations):
    """A week of daily partitions, without a server; instants are read by PostgreSQL in the tests above."""

    def __init__(self) -> None:
        self.spans = {
            f"meter_{day}": ("meter", (NOON + timedelta(days=day), NOON + timedelta(days=day + 1))) for day in range(7)
        }

    def _instant(self, text: str) -> datetime:
        return datetime.fromisoformat(text.split("'")[1])


def scan(day: int, condition: str = "", **more: Any) -> dict[str, Any]:
    return {"Node Type": "Index Scan", "Relation Name": f"meter_{day}", "Index Cond": condition, **more}


def test_parts_of_partitions_add_up():
    # Day 0 from 18:00 on (NOON is 12:00, so its partition ends 18 h later) and day 1 whole: 18 + 24 = 42 h.
    condition = "((device_id = 1) AND (at >= '2026-06-22 18:00:00+00'::timestamp with time zone))"
    plan = {"Node Type": "Append", "Plans": [scan(0, condition), scan(1)]}
    assert Plans().longest(plan) == {"meter": timedelta(hours=42)}


def test_what_was_planned_and_never_run_is_not_read():
    plan = {"Node Type": "Append", "Plans": [scan(0, **{"Actual Loops": 0}), scan(1, **{"Actual Loops": 3})]}
    assert Plans().longest(plan) == {"meter": timedelta(hours=24)}


def test_upper_bounds_count_and_other_relations_do_not():
    # From 12:00 until 13:30: 1.5 h.
    until = "(at < '2026-06-22 13:30:00+00'::timestamp with time zone)"
    plan = {"Node Type": "Append", "Plans": [scan(0, until), {"Node Type": "Seq Scan", "Relation Name": "meter_1m"}]}
    assert Plans().longest(plan) == {"meter": timedelta(hours=1.5)}


def test_a_bound_outside_its_partition_takes_nothing_away_below_zero():
    plan = scan(0, "(at >= '2026-07-01 00:00:00+00'::timestamp with time zone)")
    assert Plans().longest(plan) == {"meter": timedelta()}
