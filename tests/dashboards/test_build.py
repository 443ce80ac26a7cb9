"""What is built: committed as it is, the same twice, complete in both languages, in the house's colours."""

import json
import re
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_dashboards import alerts, colours, plan_sql, provision
from parkgrid_dashboards.board import Site
from parkgrid_dashboards.boards import BOARDS
from parkgrid_dashboards.check import Document
from parkgrid_dashboards.queries import QueryError, expanded, query, statements
from parkgrid_dashboards.words import LANGUAGES, WordError, Words, catalogue

NAMES = {"district", "park", "storage", "charging_station", "pedf", "meters", "clusters", "quality", "platform"}
NAMES |= {"vpp_pilot", "vpp_event", "vpp_capability"}


def files(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_committed_is_what_is_built_and_twice_the_same(tmp_path):
    for name in ("one", "two"):
        done = CliRunner().invoke(app, ["dashboards", "build", "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    one = files(tmp_path / "one")
    assert one == files(tmp_path / "two")
    assert one == files(provision.COMMITTED), "run `parkgrid dashboards build` and commit the result"
    assert len(one) == 12 * 2 + 3


def test_a_build_removes_what_a_former_one_left_and_nothing_else(tmp_path):
    old = tmp_path / "dashboards" / "en" / "gone.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    (tmp_path / "mine.txt").write_text("kept")
    provision.write(tmp_path, Site())
    assert not old.exists()
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_every_dashboard_is_there_in_both_languages(boards):
    assert {(each.name, each.language) for each in boards} == {(name, lang) for name in NAMES for lang in LANGUAGES}
    assert len({each.content["uid"] for each in boards}) == len(boards)


def test_every_word_is_used_and_none_is_empty(boards):
    texts = " ".join(json.dumps(each.content, ensure_ascii=False) for each in boards)
    for key, both in catalogue().items():
        for language in LANGUAGES:
            assert both[language].strip(), key
            assert json.dumps(both[language], ensure_ascii=False)[1:-1] in texts, f"{key} is used by no dashboard"


def test_chinese_boards_speak_chinese(boards):
    chinese = re.compile("[\u4e00-\u9fff]")
    for each in boards:
        for panel in each.panels:
            told = bool(chinese.search(panel["title"])) and bool(chinese.search(panel["description"]))
            assert told == (each.language == "zh"), each.where(panel)


def test_a_missing_word_says_where_to_add_it():
    with pytest.raises(WordError, match=r"words\.toml has no 'nothing' in zh: add it"):
        Words("zh")("nothing")


def test_the_first_row_answers(boards):
    for each in boards:
        tops = [panel for panel in each.panels if panel["gridPos"]["y"] == 0]
        assert tops
        assert {panel["type"] for panel in tops} == {"stat"}
        assert sum(panel["gridPos"]["w"] for panel in tops) == 24


MEANING = {
    "pv": colours.PV,
    "generated": colours.PV,
    "storage": colours.STORAGE,
    "charged": colours.STORAGE,
    "grid": colours.GRID,
    "load": colours.LOAD,
    "charging": colours.CHARGING,
    "bus_power": colours.DC_BUS,
}


def test_one_meaning_has_one_colour(boards):
    seen = set()
    for each in boards:
        for panel in each.panels:
            if panel["type"] not in {"stat", "timeseries"}:
                continue
            for override in panel["fieldConfig"].get("overrides", []):
                name = override["matcher"]["options"]
                if name in MEANING:
                    colour = next(one["value"] for one in override["properties"] if one["id"] == "color")
                    assert colour["fixedColor"] == MEANING[name], each.where(panel)
                    seen.add(name)
    assert seen == set(MEANING)


def test_plans_and_limits_are_dashed(boards):
    for name in ("demand_limit", "site_limit", "bus_target", "charge_limit"):
        found = [
            {one["id"]: one["value"] for one in override["properties"]}
            for each in boards
            for panel in each.panels
            if panel["type"] == "timeseries"
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"]["options"] == name
        ]
        assert found
        assert all(each["custom.lineStyle"]["fill"] == "dash" for each in found)


def test_links_lead_to_boards_that_exist_and_to_the_live_page(boards):
    known = {each.content["uid"] for each in boards}
    for each in boards:
        text = json.dumps(each.content)
        uids = set(re.findall(r"/d/([\w-]+)", text))
        assert uids <= known, uids - known
        assert all(uid.endswith(f"-{each.language}") for uid in uids)
        live = [link["url"] for link in each.content["links"] if link.get("url", "").startswith("${live}/?view=")]
        assert len(live) == 1
    park = next(each for each in boards if each.name == "park")
    assert "${live}/?view=park&park=${park:percentencode}&from=${__from}&to=${__to}" in json.dumps(park.content)


def test_the_live_page_is_where_the_build_is_told(tmp_path):
    done = CliRunner().invoke(app, ["dashboards", "build", "--out", str(tmp_path), "--live", "https://e.cn/"])
    assert done.exit_code == 0
    content = json.loads((tmp_path / "dashboards" / "zh" / "park.json").read_text("utf-8"))
    [live] = [each for each in content["templating"]["list"] if each["name"] == "live"]
    assert live["query"] == "https://e.cn"


def test_provisioning_names_folders_source_and_rules():
    read = {path.parent.name: yaml.safe_load(path.read_text("utf-8")) for path in provision.COMMITTED.rglob("*.yaml")}
    assert [each["folderUid"] for each in read["dashboards"]["providers"]] == ["parkgrid-en", "parkgrid-zh"]
    [source] = read["datasources"]["datasources"]
    assert source["secureJsonData"] == {"password": "${PARKGRID_GRAFANA_DB_PASSWORD}"}
    assert source["jsonData"]["timescaledb"] is False
    rules = read["alerting"]["groups"][0]["rules"]
    names = ("stale-park", "completeness", "demand-forecast", "outbox-growing", "ingest-lag")
    assert [rule["uid"] for rule in rules] == [f"parkgrid-{name}" for name in names]
    uids = {f"parkgrid-{board.name.replace('_', '-')}-zh" for board in BOARDS}
    assert {rule["annotations"]["__dashboardUid__"] for rule in rules} <= uids
    assert rules[0]["for"] == "2m"


def test_no_dollar_of_a_rule_is_taken_for_the_environment():
    text = (provision.COMMITTED / "alerting" / "parkgrid.yaml").read_text("utf-8")
    assert "{{ .Labels.park }}" in text
    assert "$" not in text


def test_rules_compare_in_the_right_direction():
    sign = {rule.name: alerts.posted(rule)["data"][1]["model"]["conditions"][0]["evaluator"] for rule in alerts.RULES}
    assert sign["completeness"] == {"type": "lt", "params": [95]}
    assert sign["demand_forecast"] == {"type": "gt", "params": [100]}


def test_words_of_a_query_become_sql():
    park = "${park:sqlstring}"
    assert expanded("WHERE {scope park p}", "park", "en") == f"WHERE p.park = {park}"
    # A board of a district knows no park: the query is asked for the district.
    assert expanded("{scope device}", "district", "en") == "district = ${district:sqlstring}"
    assert expanded("{during x.at}", "all", "en") == "x.at >= $__timeFrom() AND x.at < $__timeTo()"
    assert expanded("{name}", "all", "zh") == "name_zh"
    rolled = expanded("{rolled storage: soc_pct}", "park", "en")
    assert "FROM storage_1m WHERE $__interval_ms < 900000" in rolled
    assert "FROM storage_15m WHERE $__interval_ms >= 900000" in rolled


def test_an_unknown_word_or_statement_is_refused():
    with pytest.raises(QueryError, match=r"\{nothing\}: there is no such word; there are band, bucket"):
        expanded("SELECT {nothing}", "all", "en")
    with pytest.raises(QueryError, match=r"sql/park\.sql has no statement 'nothing'"):
        query("park", "nothing", "park", "en")


def test_every_statement_is_used(boards):
    used = " ".join(question.text for each in boards for question in each.questions)
    for board in BOARDS:
        for name in statements(board.name):
            assert query(board.name, name, board.scope, "en") in used, f"{board.name}.sql: {name}"


def test_targets_of_the_plan_stand_in_the_query():
    rows = plan_sql.plan_rows("en")
    # Plan, clause 3 (1) 1: intelligent connected vehicles 312.1 billion in 2023, 400 in 2025, 600 in 2030 (CNY).
    expected = (
        "'intelligent-connected-vehicles', 'Intelligent connected vehicles', 3121::float8, 4000::float8, 6000::float8"
    )
    assert expected in rows
    assert plan_sql.band() == "80 AND 107"
    assert plan_sql.minimum_coverage() == "90"


def test_a_language_that_lacks_a_board_is_found(boards):
    from parkgrid_dashboards.check.layout import languages

    [found] = languages([each for each in boards if (each.name, each.language) != ("park", "zh")])
    assert str(found) == "park: is missing in zh"
    other = [
        replace(each, content={**each.content, "panels": each.content["panels"][:-1]})
        if (each.name, each.language) == ("park", "zh")
        else each
        for each in boards
    ]
    assert [str(each) for each in languages(other)] == ["park: has other panels in one language than in another"]
    assert isinstance(other[0], Document)
