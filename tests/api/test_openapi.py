"""The document against the truth: every route is in it, every example and every real answer fits its schema."""

import asyncio
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_contract.refusal import Reason
from tests.api.conftest import Api, document, running
from tests.api.feed import Feed, now_ms

ADDRESSES = {
    "/api/v1/district",
    "/api/v1/district/indicators",
    "/api/v1/district/stream",
    "/api/v1/parks",
    "/api/v1/parks/{park}",
    "/api/v1/parks/{park}/devices",
    "/api/v1/parks/{park}/live",
    "/api/v1/parks/{park}/stream",
    "/api/v1/parks/{park}/supply",
    "/api/v1/parks/{park}/day",
    "/api/v1/devices/{park}/{gateway}/{device}/history",
    "/api/v1/gateways",
    "/api/v1/signals",
    "/api/v1/quarantine",
    "/api/v1/conflicts",
    "/api/v1/gaps",
    "/api/v1/restores",
    "/api/v1/parks/{park}/intervals",
    "/api/v1/parks/{park}/intervals/revisions",
    "/api/v1/parks/{park}/sessions",
    "/api/v1/indicators",
    "/api/v1/parks/{park}/indicators",
    "/api/v1/parks/{park}/completeness",
    "/api/v1/parks/{park}/findings",
    "/api/v1/device-problems",
    "/api/v1/parks/{park}/gaps",
    "/api/v1/accounts/{account}/bills/{month}",
    "/api/v1/trace/{address}",
    "/api/v1/clusters",
    "/api/v1/clusters/{cluster}",
    "/api/v1/clusters/{cluster}/quarters",
    "/api/v1/vpp",
    "/api/v1/vpp/accuracy",
    "/api/v1/vpp/capability",
    "/api/v1/vpp/disputes",
    "/api/v1/vpp/entries",
    "/api/v1/vpp/entries/{number}",
    "/api/v1/vpp/events",
    "/api/v1/vpp/events/{event}",
    "/api/v1/vpp/events/{event}/awards/{operator}",
    "/api/v1/vpp/events/{event}/bundles/{operator}",
    "/api/v1/vpp/statements/{statement}/pdf",
    "/api/v1/vpp/statements/{statement}/xlsx",
    "/api/v1/vpp/events/{event}/entries",
    "/api/v1/vpp/events/{event}/live",
    "/api/v1/vpp/events/{event}/resources",
    "/api/v1/vpp/events/{event}/resources/{resource}",
    "/api/v1/vpp/events/{event}/resources/{resource}/live",
    "/api/v1/vpp/events/{event}/responses",
    "/api/v1/vpp/resources",
    "/api/v1/vpp/operators",
    "/api/v1/vpp/operators/{operator}",
    "/healthz",
}
FIGURES = {"/api/v1/accounts/{account}/bills/{month}", "/api/v1/trace/{address}"}
"""What answers only where there are figures: `test_figures.py` holds them to their schemas."""


def fits(instance: Any, schema: dict[str, Any]) -> None:
    jsonschema.validate(instance, {**schema, "components": document()["components"]})


def test_the_document_lists_exactly_the_addresses() -> None:
    assert set(document()["paths"]) == ADDRESSES


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_every_answer_has_a_schema_and_a_fitting_example(address: str) -> None:
    operation = document()["paths"][address]["get"]
    assert operation["summary"]
    assert {"200", "400", "401", "421", "422", "503"} <= set(operation["responses"])
    for response in operation["responses"].values():
        assert response["description"]
        for content in response.get("content", {}).values():
            fits(content["example"], content["schema"])


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_every_parameter_is_described(address: str) -> None:
    operation = document()["paths"][address]["get"]
    listed = operation.get("parameters", [])
    named = {part[1:-1] for part in address.split("/") if part.startswith("{")}
    assert {parameter["name"] for parameter in listed if parameter["in"] == "path"} == named
    for parameter in listed:
        assert parameter["description"]
        jsonschema.validate(parameter["example"], parameter["schema"])


async def test_real_answers_fit(api: Api, feed: Feed) -> None:
    at = now_ms()
    power = {name: {"active_power_kw": 1.5} for name in ("pv-1", "bess-1", "grid-1", "load-1", "gun-1")}
    feed.write(
        {**power, "gw-1": {"cpu_pct": 4}},
        at,
        flags={"pv-1": b'{"active_power_kw":"estimated"}'},
        refused=[("pv-1", Reason.UNKNOWN_SIGNAL, "x"), ("pv-9", Reason.UNKNOWN_DEVICE, "y")],
    )
    feed.write({"pv-1": {"active_power_kw": 2}}, at)
    feed.maintain()
    names = {"{park}": "gaoxin-nan", "{gateway}": "gw-1", "{device}": "pv-1", "{cluster}": "new-energy"}
    for address in sorted(
        address
        for address in ADDRESSES - FIGURES
        # `test_vpp.py` holds those of the pilot to their schemas.
        if not address.endswith("/stream") and not address.startswith("/api/v1/vpp/")
    ):
        path = address
        for name, value in names.items():
            path = path.replace(name, value)
        for query in ("", "?resolution=raw&points=20000", "?resolution=1m") if "history" in path else ("",):
            until = f"{query}{'&' if query else '?'}from={at - 60_000}" if "history" in path else query
            answer = await api.client.get(path + until)
            assert answer.status_code == 200, (path, answer.text)
            content = document()["paths"][address]["get"]["responses"]["200"]["content"]["application/json"]
            fits(answer.json(), content["schema"])


async def test_refusals_fit(api: Api) -> None:
    refused = document()["paths"]["/api/v1/parks"]["get"]["responses"]["422"]
    problem = refused["content"]["application/problem+json"]["schema"]
    for path in ("/api/v1/parks?x=1", "/api/v1/parks/nope", "/api/v1/nope", "/nope.html"):
        fits((await api.client.get(path)).json(), problem)


async def test_documents_and_metrics_are_off_unless_enabled(dsn: str, api: Api) -> None:
    for path in ("/api/v1/openapi.json", "/openapi.json", "/docs", "/redoc", "/metrics"):
        assert (await api.client.get(path)).status_code == 404, path
    async with running(ApiSettings(DatabaseSettings(dsn), documents=True, metrics=True)) as open_api:
        served = (await open_api.client.get("/api/v1/openapi.json")).json()
        assert set(served["paths"]) == ADDRESSES
        metrics = (await open_api.client.get("/metrics")).text
        assert "parkgrid_api_streams 0" in metrics


@pytest.mark.process
async def test_the_command_prints_it() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "parkgrid_api", "--openapi", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors
    assert b'"openapi": "3.1' in output
