"""The pilot over HTTP: what the ledger says is answered, followed entry by entry; a broken chain is said; writing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import jsonschema
import psycopg
import pytest

from parkgrid_accounting.report.draw import draw_pdf, draw_xlsx
from parkgrid_api.app import openapi
from parkgrid_api.settings import ApiSettings, DatabaseSettings, WritingSettings
from parkgrid_api.vpp import downloads
from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import Dispute, Operator, State
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import Act, write
from parkgrid_vpp.printed.statement import statement_report
from tests.api.conftest import Api, document, running
from tests.api.feed import Feed
from tests.vpp.settled_pilot import acts
from tests.vpp.small_pilot import PACK

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=7)
"""Some hours ago: the events lie in this year of Shenzhen, but for some hours of its first day."""
WRITING = "9f2c41d7a0b86e3f5c1d7a90e4b2f863ad51"


@dataclass
class Ledger:
    """The ledger of the test's database, and a session that writes it."""

    connection: "psycopg.Connection[Any]"
    pilot: Pilot

    def write(self, at: datetime, *written: Act) -> None:
        write(self.connection, self.pilot, written, "the bureau", at)

    def story(self) -> None:
        for at, group in groupby(acts(START), key=lambda each: each[0]):
            self.write(at, *(act for _, act in group))


@pytest.fixture
def ledger(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield Ledger(connection, Pilot())


@pytest.fixture
async def vpp(dsn: str, ledger: Ledger) -> AsyncIterator[Api]:
    """The api over the story, with the rights that it has in a deployment."""
    ledger.story()
    async with running(ApiSettings(DatabaseSettings(dsn, role="parkgrid_api"))) as api:
        yield api


async def fitting(api: Api, address: str, **names: Any) -> Any:
    """A real answer, held against its schema."""
    path = address
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", str(value))
    answer = await api.get(path)
    whole = document()
    content = whole["paths"][f"/api/v1{address}"]["get"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(answer, {**content["schema"], "components": whole["components"]})
    return answer


async def test_headline_and_funnel(vpp: Api, ledger: Ledger) -> None:
    answer = await fitting(vpp, "/vpp")
    head = ledger.pilot.head
    assert head is not None
    assert answer["head"] == {"number": head.number, "digest": head.digest, "at_ms": to_ms(head.at)}
    assert (answer["events"], answer["settled"], answer["open_disputes"]) == (3, 1, 1)
    assert [each["event"] for each in answer["under_way"]] == ["ev-2"]
    assert [each["event"] for each in answer["coming"]] == ["ev-3"]
    # 4 x 125 kWh of the storage; 55 + 45 + 30 kWh of the load, whose last quarter hour is under a finding.
    assert (answer["shaved_kwh"], answer["filled_kwh"]) == (630, 0)
    assert answer["verdicts"] == {"delivered": 2, "partial": 2, "not_delivered": 0, "unverified": 0}
    # 630 kWh of 650 kWh, all of it paid at 3 yuan/kWh.
    assert answer["money"] == [
        {
            "status": "simulation",
            "statements": 1,
            "payment_cny": "1890.00",
            "penalty_cny": "0.00",
            "net_cny": "1890.00",
        }
    ]
    everything, *others = answer["funnel"]
    assert [(each["stage"], each["resources"], each["up_kw"]) for each in everything["stages"]] == [
        ("registered", 2, 700),
        ("tested", 2, 700),
        ("available", 2, 700),
        ("responded", 2, 700),
        ("settled", 0, 0),
    ]
    assert [(each["kind"], each["id"]) for each in others] == [("park", "park-a"), ("transformer", "tr-1")]


async def test_an_event_with_its_money_and_where_it_stands(vpp: Api) -> None:
    listed = await fitting(vpp, "/vpp/events")
    assert [each["event"] for each in listed["events"]] == ["ev-3", "ev-2", "ev-1"]
    answer = await fitting(vpp, "/vpp/events/{event}", event="ev-1")
    assert (answer["state"], answer["promised_kwh"], answer["measured_kwh"]) == ("disputed", 650, 630)
    assert answer["pack"]["pack"] == PACK.pack_id
    assert answer["pack"]["questions"]
    assert [each["state"] for each in answer["course"]] == [
        *("published", "awarded", "notified", "active", "ended", "baseline_computed", "evaluated", "settled"),
    ]
    assert answer["losers"] == [
        {"bid": "bid-2", "operator": "op-2", "resource": "load-1", "reason": "no contract"},
    ]
    assert [each["in_time"] for each in answer["opt_outs"]] == [False]
    (award,) = answer["awards"]
    assert [each["moved_kwh"] for each in award["quarters"]] == [180, 170, 155, 125]
    (statement,) = award["statements"]
    entry = await fitting(vpp, "/vpp/entries/{number}", number=statement["entry"])
    assert entry["digest"] == statement["digest"]
    assert entry["document"]["net"] == statement["net_cny"] == "1890.00"
    assert entry["digest"] in {each["digest"] for each in answer["entries"]}
    (dispute,) = answer["disputes"]
    assert (dispute["open"], dispute["statement"]) == (True, statement["statement"])
    assert [(step["step"], step["late"]) for step in dispute["steps"]] == [("raised", False)]


async def test_one_resource_with_its_days_and_quarter_hours(vpp: Api) -> None:
    listed = await fitting(vpp, "/vpp/events/{event}/resources", event="ev-1")
    assert [(each["resource"], each["payment_cny"]) for each in listed["resources"]] == [
        ("load-1", "390.00"),
        ("storage-1", "1500.00"),
    ]
    answer = await fitting(vpp, "/vpp/events/{event}/resources/{resource}", event="ev-1", resource="load-1")
    assert (answer["operator_part_cny"], answer["user_part_cny"]) == ("117.00", "273.00")
    assert [each["outcome"] for each in answer["frozen"]["days"]] == ["counts"] * 3 + ["too_low", "not_read"]
    assert [(each["baseline_kwh"], each["metered_kwh"], each["verdict"]) for each in answer["quarters"]] == [
        (55, 0, "delivered"),
        (55, 10, "partial"),
        (55, 25, "partial"),
        (55, 20, "unverified"),
    ]
    assert {each["target_kwh"] for each in answer["quarters"]} == {5}
    assert answer["quarters"][3]["unsure"] == "finding"
    assert [each["kind"] for each in answer["findings"]] == ["jumped"]
    # Not settled: the award and the frozen baseline, nothing else.
    running_one = await fitting(vpp, "/vpp/events/{event}/resources/{resource}", event="ev-2", resource="storage-1")
    assert {(each["award_kwh"], each["baseline_kwh"], each["verdict"]) for each in running_one["quarters"]} == {
        (100, 0, None)
    }
    assert {each["target_kwh"] for each in running_one["quarters"]} == {100}


async def test_a_statement_as_a_file(vpp: Api, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ledger.pilot.statements["ev-1-op-1-1"]
    for form, draw, start in (("pdf", draw_pdf, b"%PDF"), ("xlsx", draw_xlsx, b"PK")):
        path = f"/api/v1/vpp/statements/ev-1-op-1-1/{form}"
        answer = await vpp.client.get(path, headers={"Accept-Language": "zh"})
        assert answer.content == draw(statement_report(ledger.pilot, found, "zh"))
        assert answer.headers["content-disposition"] == f'attachment; filename="ev-1-op-1-1.{form}"'
        english = await vpp.client.get(f"{path}?lang=en")
        assert english.content.startswith(start)
        assert english.content != answer.content
        await vpp.refused(f"/vpp/statements/nothing/{form}", 404)
        await vpp.refused(f"/vpp/statements/ev-1-op-1-1/{form}", 422, lang="fr")
        # Two resources of four quarter hours each, and five days that were looked at.
        monkeypatch.setitem(downloads.MOST_ROWS, form, 12)
        (mistake,) = await vpp.refused(f"/vpp/statements/ev-1-op-1-1/{form}", 422)
        assert f"parkgrid vpp statement ev-1-op-1-1 --{form} FILE" in mistake["remedy"]
    monkeypatch.setattr(downloads, "MOST_READINGS", 47)
    (mistake,) = await vpp.refused("/vpp/events/ev-1/bundles/op-1", 422)
    assert mistake["value"] == "48", "eight quarter hours of the event's day and of five days before"
    monkeypatch.setattr(downloads, "MOST_WAITING", 0)
    await vpp.refused("/vpp/statements/ev-1-op-1-1/pdf", 503)


async def test_a_site_reads_its_award(vpp: Api) -> None:
    answer = await fitting(vpp, "/vpp/events/{event}/awards/{operator}", event="ev-2", operator="op-1")
    begins = to_ms(START + timedelta(hours=2))
    assert (answer["from_ms"], answer["to_ms"]) == (begins, begins + 3_600_000)
    assert (answer["direction"], answer["kw"]) == ("fill", 400)
    assert [(each["resource"], each["kw"], each["opted_out"]) for each in answer["parts"]] == [
        ("storage-1", 400, False)
    ]
    for operator in ("op-2", "nobody"):
        (mistake,) = await vpp.refused(f"/vpp/events/ev-2/awards/{operator}", 404)
        assert mistake["field"] == "award"


async def test_a_running_event_by_minute_and_how_soon_it_was_answered(vpp: Api, dsn: str) -> None:
    begins = to_ms(START + timedelta(hours=2))
    feed = Feed(dsn, Gateway("park-a", "gw-1"))
    try:
        feed.announce([Device("storage-1", "storage", ("active_power_kw",), period_s=20.0)])
        # 20 s apart: it charges with 200 kW, from 80 s on with 420 kW, then it is silent.
        times = [begins + 20_000 * place for place in range(6)]
        feed.series("storage-1", times, active_power_kw=[-200.0] * 4 + [-420.0] * 2)
        feed.maintain()
    finally:
        feed.store.close()
    answer = await fitting(vpp, "/vpp/events/{event}/live", event="ev-2")
    assert (len(answer["at_ms"]), answer["measured"][:3], answer["promised"][:3]) == (
        60,
        [200, pytest.approx(346.667), None],
        [400, 400, 0],
    )
    assert (answer["newest_ms"], answer["kw"], answer["measured_kw"]) == (begins + 60_000, 400, pytest.approx(346.667))
    ((award,), (resource,)) = answer["awards"], answer["resources"]
    assert (award["unknown"], award["shortfall_kw"]) == (0, pytest.approx(53.333))
    assert (resource["resource"], resource["at_ms"], resource["shortfall_kw"]) == (
        "storage-1",
        begins + 60_000,
        award["shortfall_kw"],
    )
    alone = await fitting(vpp, "/vpp/events/{event}/resources/{resource}/live", event="ev-2", resource="storage-1")
    assert (alone["at_ms"], alone["measured"]) == (answer["at_ms"], answer["measured"])
    soon = await fitting(vpp, "/vpp/events/{event}/responses", event="ev-2")
    assert soon["delivered_pct"] == "100"
    (one,) = soon["resources"]
    assert (one["state"], one["after_s"], one["by_s"], one["measured"]) == ("reached", 60, 80, 2)
    assert (one["delay"]["why"], one["delay"]["readings"]) == ("", 2)
    assert one["delay"]["most_s"] >= one["delay"]["median_s"] > 4 * 3600
    # Nothing was awarded; nothing was ever measured.
    assert (await fitting(vpp, "/vpp/events/{event}/live", event="ev-3"))["at_ms"] == []
    assert (await fitting(vpp, "/vpp/events/{event}/responses", event="ev-3"))["resources"] == []
    load, _ = (await fitting(vpp, "/vpp/events/{event}/responses", event="ev-1"))["resources"]
    assert (load["state"], load["why"], load["delay"]["why"]) == ("unknown", "no_reading", "no_reading")
    await vpp.refused("/vpp/events/ev-2/responses", 422, limit=101)


async def test_how_well_it_was_answered_and_what_is_disputed(vpp: Api) -> None:
    answer = await fitting(vpp, "/vpp/accuracy")
    # Of the load, three quarter hours of 50 kWh each: 55, 45 and 30 kWh; the fourth is under a finding.
    assert [
        (each["resource"], each["events"], each["promised_kwh"], each["delivered_kwh"], each["unverified"])
        for each in answer["resources"]
    ] == [("load-1", 1, 150, 130, 1), ("storage-1", 1, 500, 500, 0)]
    assert [each["accuracy_pct"] for each in answer["resources"]] == [86.7, 100]
    assert (answer["parks"], answer["resources"][0]["forecast"]) == ([], None)
    listed = await fitting(vpp, "/vpp/disputes")
    assert (listed["open"], [each["dispute"] for each in listed["disputes"]]) == (1, ["dis-1"])
    whole = await fitting(vpp, "/vpp/events/{event}/entries", event="ev-1")
    second = await vpp.get("/vpp/events/ev-1/entries", skip=1, limit=1)
    assert (second["total"], second["entries"]) == (whole["total"], whole["entries"][1:2])


async def test_resources_and_operators(vpp: Api) -> None:
    answer = await fitting(vpp, "/vpp/resources")
    assert [(each["resource"], each["phase"], each["transformer"]) for each in answer["resources"]] == [
        ("load-1", "active", "tr-1"),
        ("storage-1", "active", "tr-1"),
    ]
    assert {each["provenance"] for each in answer["resources"]} == {"declared"}
    assert (await vpp.get("/vpp/resources", phase="suspended"))["total"] == 0
    assert (await vpp.get("/vpp/resources", operator="op-2"))["total"] == 0
    second = await vpp.get("/vpp/resources", skip=1, limit=1)
    assert (second["total"], [each["resource"] for each in second["resources"]]) == (2, ["storage-1"])
    listed = await fitting(vpp, "/vpp/operators")
    assert [(each["operator"], each["resources"], each["events"]) for each in listed["operators"]] == [
        ("op-1", 2, 2),
        ("op-2", 0, 0),
    ]
    side = await fitting(vpp, "/vpp/operators/{operator}", operator="op-1")
    assert [(each["event"], each["takes_bids"], each["awarded_kw"]) for each in side["invitations"]] == [
        ("ev-3", True, None),
        ("ev-2", False, 400),
        ("ev-1", False, 700),
    ]
    assert side["earned"] == [{"status": "simulation", "operator_part_cny": "567.00", "user_part_cny": "1323.00"}]
    for path in ("events/ev-9", "operators/op-9", "events/ev-1/resources/x", "entries/999999"):
        await vpp.refused(f"/vpp/{path}", 404)


async def test_without_forecast_and_state_of_charge_nothing_can_be_adjusted(vpp: Api) -> None:
    answer = await fitting(vpp, "/vpp/capability")
    assert len(answer["at_ms"]) == 96
    assert [(each["kind"], each["id"]) for each in answer["of"]] == [
        ("all", "all"),
        ("park", "park-a"),
        ("transformer", "tr-1"),
    ]
    pool = answer["of"][0]["up"]
    assert (len(pool["kw"]), len(pool["minutes"]), set(pool["kw"])) == (96, 96, {0})
    # The load needs half an hour of notice; later nothing is known of it.
    assert set(pool["limit"]) == {"unknown", "notice"}
    own = await vpp.get("/vpp/capability", operator="op-1", skip=3)
    assert [(each["kind"], each["id"]) for each in own["of"]] == [("resource", "load-1"), ("resource", "storage-1")]
    assert own["of"][0]["facts"]["notice_min"] == 30
    assert (await vpp.get("/vpp/capability", operator="op-2"))["of"] == []
    one = await vpp.get("/vpp/capability", resource="storage-1")
    assert [each["kind"] for each in one["of"]] == ["all", "park", "transformer", "resource"]


async def test_new_entries_are_followed(vpp: Api, ledger: Ledger) -> None:
    assert (await vpp.get("/vpp/events/ev-2"))["state"] == "active"
    ledger.write(START + timedelta(hours=3), Act("ev-2", State("ended", None, None, "")))
    assert (await vpp.get("/vpp/events/ev-2"))["state"] == "ended"
    entries = await fitting(vpp, "/vpp/entries")
    total = entries["head"]["number"]
    newest = await vpp.get("/vpp/entries", after=total - 2, limit=5)
    assert [each["number"] for each in newest["entries"]] == [total - 1, total]
    assert newest["entries"][1]["previous"] == newest["entries"][0]["digest"]


async def test_without_a_pilot_everything_is_empty(dsn: str) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn))) as api:
        answer = await fitting(api, "/vpp")
        assert (answer["head"], answer["events"], answer["money"]) == (None, 0, [])
        assert [each["kind"] for each in answer["funnel"]] == ["all"]
        for list_name in ("events", "resources", "operators", "entries"):
            assert (await fitting(api, f"/vpp/{list_name}"))[list_name] == []


async def test_a_broken_chain_is_said_and_hides_nothing_else(vpp: Api, ledger: Ledger) -> None:
    await vpp.get("/vpp")
    # Somebody who owns the database puts an entry in by hand.
    ledger.connection.execute(
        "INSERT INTO base.vpp_entry (number, kind, subject, at, by, document, previous, digest)"
        " SELECT max(number) + 1, 'operator', 'op-3', now(), 'x', '{}', max(digest), repeat('0', 64)"
        " FROM base.vpp_entry"
    )
    for path in ("/vpp", "/vpp/events/ev-1", "/vpp/entries"):
        (mistake,) = await vpp.refused(path, 503)
        assert mistake["field"] == "ledger"
        assert "carries" in mistake["value"]
    await vpp.get("/parks")


def bid(**changes: Any) -> dict[str, Any]:
    parts = [{"resource": "storage-1", "w": 300_000}]
    return {"by": "李伟", "bid": "bid-9", "operator": "op-1", "price": "2.5", "parts": parts, **changes}


async def test_writing_exists_only_with_its_own_token(vpp: Api, dsn: str, ledger: Ledger) -> None:
    path = "/api/v1/vpp/events/ev-3/bids"
    assert (await vpp.client.get(path)).status_code == 404
    assert (await vpp.client.post(path, json=bid())).status_code == 405
    assert not any("/bids" in address for address in document()["paths"])
    settings = ApiSettings(DatabaseSettings(dsn), writing=WritingSettings(dsn, "parkgrid_vpp", WRITING))
    described = openapi(settings)["paths"]["/api/v1/vpp/events/{event}/bids"]  # type: ignore[index]
    assert set(described) == {"post"}
    async with running(settings) as api:
        for token in ("", "x"):
            refused = await api.client.post(path, json=bid(), headers={"Write-Token": token})
            assert refused.status_code == 401
        headers = {"Write-Token": WRITING}
        written = await api.client.post(path, json=bid(), headers=headers)
        assert written.status_code == 201, written.text
        assert written.json()["by"] == "not authenticated: 李伟"
        event = await api.get("/vpp/events/ev-3")
        assert [(each["bid"], each["kw"], each["entry"]) for each in event["bids"]] == [
            ("bid-9", 300, written.json()["number"])
        ]
        again = await api.client.post(path, json=bid(), headers=headers)
        assert again.status_code == 409
        assert "is there already" in again.json()["problems"][0]["remedy"]
        wrong = await api.client.post(path, json=bid(price=2.5, colour="red"), headers=headers)
        assert {each["field"] for each in wrong.json()["problems"]} == {"price", "colour"}
        for body in (b"", b"[1]", b"{", b"[" * 5_000, b"\xff"):
            assert (await api.client.post(path, content=body, headers=headers)).status_code == 422
        too_long = await api.client.post(path, content=b" " * 1_000_001, headers=headers)
        assert too_long.status_code == 422
        nobody = await api.client.post(path, json=bid(by=" "), headers=headers)
        assert nobody.json()["problems"][0]["field"] == "by"
        out = {"by": "x", "operator": "op-1", "resource": "load-1", "reason": "repair"}
        opted = await api.client.post("/api/v1/vpp/events/ev-3/opt-outs", json=out, headers=headers)
        assert opted.status_code == 201, opted.text
        again = await api.client.post("/api/v1/vpp/events/ev-3/opt-outs", json=out, headers=headers)
        assert again.status_code == 409
        assert "once more changes nothing" in again.json()["problems"][0]["remedy"]
        due = datetime.now(UTC).date() + timedelta(days=15)
        dispute = {"by": "x", "dispute": "dis-2", "statement": "ev-1-op-1-1", "text": "?", "due": due.isoformat()}
        disputes = "/api/v1/vpp/events/ev-1/disputes"
        open_one = await api.client.post(disputes, json=dispute, headers=headers)
        assert open_one.status_code == 409
        assert "dis-1 about ev-1-op-1-1 is open" in open_one.json()["problems"][0]["remedy"]
        stands = Dispute("dis-1", "ev-1-op-1-1", "decided", "it stands", due)
        ledger.write(datetime.now(UTC), Act("ev-1", stands))
        raised = await api.client.post(disputes, json=dispute, headers=headers)
        assert raised.status_code == 201, raised.text
        assert (await api.get("/vpp"))["open_disputes"] == 1
        ledger.write(datetime.now(UTC), Act("op-4", Operator("四", "Four")))
        assert (await api.get("/vpp/operators"))["total"] == 3


@pytest.mark.usefixtures("vpp")
async def test_a_ledger_that_lacks_what_was_issued_is_read_but_takes_nothing(dsn: str) -> None:
    path, headers = "/api/v1/vpp/events/ev-3/bids", {"Write-Token": WRITING}
    settings = ApiSettings(DatabaseSettings(dsn), writing=WritingSettings(dsn, "parkgrid_vpp", WRITING))
    async with running(settings) as api:
        before = (await api.get("/vpp"))["head"]
        assert (await api.client.get("/healthz")).json()["ledger"] == "open"
        newest, digest = before["number"] + 3, "ab" * 32
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("INSERT INTO base.vpp_issued VALUES (%s, %s, 'issued-chain.txt')", (newest, digest))
        for language, title in (("en", "takes no entry now"), ("zh-CN", "暂不接收新条目")):
            refused = await api.client.post(path, json=bid(), headers=headers | {"Accept-Language": language})
            problem = refused.json()
            assert (refused.status_code, problem["type"]) == (503, "urn:parkgrid:problem:ledger-closed")
            assert title in problem["title"]
            (mistake,) = problem["problems"]
            assert f"{before['number']} ({before['digest'][:12]}…)" in mistake["remedy"]
            assert f"{newest} ({digest[:12]}…)" in mistake["remedy"]
            assert "parkgrid vpp ledger read-back" in mistake["remedy"]
        assert (await api.get("/vpp"))["head"] == before
        assert (await api.client.get("/healthz")).json()["ledger"] == "lacking"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DELETE FROM base.vpp_issued")
        assert (await api.client.post(path, json=bid(), headers=headers)).status_code == 201


def test_a_writing_token_is_one_of_its_own() -> None:
    database = DatabaseSettings("postgresql://x")
    wrong = {
        WritingSettings("postgresql://x"): "writing.token",
        WritingSettings("", token=WRITING): "writing.dsn",
        WritingSettings("postgresql://x", token="short" + WRITING[:4]): "writing.token",
    }
    for writing, key in wrong.items():
        assert [each[0] for each in ApiSettings(database, writing=writing).problems()] == [key]
    same = ApiSettings(database, token=WRITING, writing=WritingSettings("postgresql://x", token=WRITING))
    assert [each[2] for each in same.problems()] == ["is the token of reading as well: take another"]
