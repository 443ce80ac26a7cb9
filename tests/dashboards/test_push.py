"""`push`: everything arrives once, a second time changes nothing, what somebody changed is put right and reported."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_dashboards.board import Site
from parkgrid_dashboards.push import Change, DatabaseAccess, PushError, push
from tests.dashboards import grafana_server
from tests.dashboards.grafana_server import TOKEN, Grafana

pytestmark = pytest.mark.process

ACCESS = DatabaseAccess("database:5432", "grafana_reader", "secret")
# One data source, two folders of dashboards and one of alert rules, nine dashboards in two languages, five rules.
THINGS = 1 + 3 + 24 + 5


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with grafana_server.running() as server:
        yield server


def send(grafana: Grafana, access: DatabaseAccess | None = ACCESS, site: Site | None = None) -> list[Change]:
    return list(push(grafana.url, TOKEN, site or Site(), access))


def test_everything_arrives(grafana):
    assert {change.state for change in send(grafana)} == {"created"}
    assert len(grafana.boards) == 24
    assert set(grafana.folders) == {"parkgrid-en", "parkgrid-zh", "parkgrid-alerts"}
    assert grafana.boards["parkgrid-park-zh"]["meta"] == {"folderUid": "parkgrid-zh"}
    source = grafana.sources["parkgrid"]
    assert (source["url"], source["user"], source["secureJsonFields"]) == (
        "database:5432",
        "grafana_reader",
        {"password": True},
    )
    assert set(grafana.rules) == {
        f"parkgrid-{name}" for name in ("stale-park", "completeness", "demand-forecast", "outbox-growing", "ingest-lag")
    }
    assert {rule["folderUID"] for rule in grafana.rules.values()} == {"parkgrid-alerts"}


def test_a_second_time_changes_nothing(grafana):
    send(grafana)
    grafana.writes.clear()
    changes = send(grafana, DatabaseAccess("database:5432", "grafana_reader"))
    assert [change.state for change in changes] == ["unchanged"] * THINGS
    assert grafana.writes == []


def test_what_somebody_changed_is_put_right_and_reported(grafana):
    send(grafana)
    grafana.boards["parkgrid-park-zh"]["dashboard"]["title"] = "mine"
    grafana.boards["parkgrid-storage-en"]["meta"]["folderUid"] = "elsewhere"
    grafana.folders["parkgrid-en"]["title"] = "old"
    grafana.rules["parkgrid-completeness"]["data"][1]["model"]["conditions"][0]["evaluator"]["params"] = [50]
    grafana.sources["parkgrid"]["jsonData"]["maxOpenConns"] = 500
    changed = [str(change) for change in send(grafana) if change.state != "unchanged"]
    assert changed == [
        "updated   data source parkgrid",
        "updated   folder parkgrid",
        "updated   dashboard parkgrid-park-zh",
        "updated   dashboard parkgrid-storage-en",
        "updated   alert rule parkgrid-completeness",
    ]
    assert grafana.boards["parkgrid-park-zh"]["dashboard"]["title"] == "园区"
    assert [change.state for change in send(grafana)] == ["unchanged"] * THINGS


def test_fields_that_grafana_adds_are_no_difference(grafana):
    send(grafana)
    for rule in grafana.rules.values():
        rule["data"][0]["queryType"] = ""
    grafana.boards["parkgrid-park-zh"]["dashboard"]["iteration"] = 7
    assert {change.state for change in send(grafana)} == {"unchanged"}


def test_another_address_of_the_live_page_changes_the_dashboards_only(grafana):
    send(grafana)
    changed = [change.what for change in send(grafana, site=Site("https://e.cn")) if change.state == "updated"]
    assert len(changed) == 24
    assert all(what.startswith("dashboard ") for what in changed)


def test_without_access_the_data_source_is_left_alone(grafana):
    assert len(send(grafana, None)) == THINGS - 1
    assert grafana.sources == {}


def test_a_wrong_token_and_an_absent_server_are_told(grafana, free_port):
    with pytest.raises(PushError, match=r"401: .*service account with the role Admin"):
        list(push(grafana.url, "wrong", Site(), ACCESS))
    with pytest.raises(PushError, match="cannot be reached"):
        list(push(f"http://127.0.0.1:{free_port()}", TOKEN, Site(), ACCESS))
    with pytest.raises(PushError, match="'grafana' is not an address of Grafana"):
        list(push("grafana", TOKEN, Site(), ACCESS))


def test_the_command_says_what_changed(grafana, monkeypatch):
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    monkeypatch.setenv("PARKGRID_GRAFANA_DB_PASSWORD", "secret")
    arguments = ["dashboards", "push", "--url", grafana.url, "--database", "database:5432"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "created   dashboard parkgrid-clusters-zh" in first.output
    assert f"{THINGS} created" in first.output
    assert f"{THINGS} unchanged" in CliRunner().invoke(app, arguments).output


def test_the_command_refuses_without_a_login(monkeypatch):
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    done = CliRunner().invoke(app, ["dashboards", "push", "--url", "http://127.0.0.1:1"])
    assert done.exit_code == 2
    assert "set GRAFANA_TOKEN, or give --user and set GRAFANA_PASSWORD" in done.output
