"""The dashboards: committed as built, complete in both languages, and every query runs on the migrated database."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import yaml

from dashboards.__main__ import main
from dashboards.words import LANGUAGES, WORDS

COMMITTED = Path(__file__).resolve().parents[2] / "dashboards" / "provisioning"
PARK = "o'hara park"
"""A name that breaks a query which pastes it in unquoted."""


def _dashboard(language: str):
    return json.loads((COMMITTED / "dashboards" / f"park.{language}.json").read_text("utf-8"))


def _expanded(query: str) -> str:
    """The query as Grafana's PostgreSQL source expands it for the last hour."""
    end = datetime.now(UTC)
    start = end - timedelta(hours=1)
    for column in ("at", "received_at"):
        span = f"{column} BETWEEN '{start.isoformat()}' AND '{end.isoformat()}'"
        query = query.replace(f"$__timeFilter({column})", span)
    query = query.replace("${park:sqlstring}", "'" + PARK.replace("'", "''") + "'")
    assert "$" not in query
    return query


def _queries():
    panels = _dashboard("en")["panels"]
    return [pytest.param(panel, id=panel["title"]) for panel in panels]


def test_what_is_committed_is_what_is_built(tmp_path):
    assert main(["build", "--out", str(tmp_path)]) == 0
    built = sorted(tmp_path.iterdir())
    assert [path.name for path in built] == ["park.en.json", "park.zh.json"]
    for path in built:
        assert path.read_text("utf-8") == (COMMITTED / "dashboards" / path.name).read_text("utf-8"), (
            "run `python -m dashboards build` and commit the result"
        )


def test_every_language_has_every_word():
    assert set(WORDS) == set(LANGUAGES)
    assert len({frozenset(words) for words in WORDS.values()}) == 1
    assert all(text.strip() for words in WORDS.values() for text in words.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_panels_have_unique_numbers_places_and_units(language):
    panels = _dashboard(language)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        taken |= cells
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "parkgrid"


@pytest.mark.parametrize("panel", _queries())
def test_every_query_runs_and_names_the_columns_that_are_labelled(panel, dsn):
    (target,) = panel["targets"]
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(_expanded(target["rawSql"]))
        columns = [column.name for column in cursor.description]
    labelled = {override["matcher"]["options"] for override in panel["fieldConfig"].get("overrides", [])}
    assert labelled <= set(columns)
    if target["format"] == "time_series":
        assert columns[0] == "time"


def test_the_variable_runs(dsn):
    (variable,) = _dashboard("en")["templating"]["list"]
    with psycopg.connect(dsn) as connection:
        assert connection.execute(variable["query"]).fetchall() == []


def test_provisioning_names_the_source_that_the_panels_ask_for():
    (source,) = yaml.safe_load((COMMITTED / "datasources" / "parkgrid.yaml").read_text("utf-8"))["datasources"]
    assert (source["uid"], source["type"]) == ("parkgrid", "grafana-postgresql-datasource")
    assert source["secureJsonData"]["password"].startswith("${")
    (provider,) = yaml.safe_load((COMMITTED / "dashboards" / "parkgrid.yaml").read_text("utf-8"))["providers"]
    assert provider["options"]["path"] == "/etc/grafana/provisioning/dashboards"
