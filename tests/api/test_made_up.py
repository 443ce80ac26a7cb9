"""Requests made up from the OpenAPI document: nothing ends in a 5xx, and every answer is one that the document states.

A run makes up some hundred; `scripts/test tests/api/test_made_up.py --http-cases 1700` makes up more.
"""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.errors import Unsatisfiable
from starlette.types import ASGIApp, Message

from parkgrid_api.http.middleware import AccessMiddleware
from parkgrid_api.page import Page
from parkgrid_api.services import Services
from parkgrid_api.settings import ApiSettings, DatabaseSettings, LimitSettings
from parkgrid_contract.time import SystemClock
from tests.api.feed import Feed, now_ms

if TYPE_CHECKING:
    from schemathesis import Case, GenerationMode

ACCOUNT = "坪山 1/2"
SEED = 20_261_130
USUAL_CASES, NIGHTLY_CASES = 120, 1_700
THERE = {
    "park": "gaoxin-nan",
    "gateway": "gw-1",
    "device": "pv-1",
    "cluster": "new-energy",
    "account": ACCOUNT,
    "month": "2026-02",
    "address": "indicator/gaoxin-nan/self_consumption_ratio/2026-02",
}
"""What exists, so that a made-up question is not only about what does not."""
EDGES = (
    *("0000", "0001", "1999", "2000", "2199", "2200", "9999", "10000", "-1", "2026-00", "2026-13", "2026-2", "2026-Q0"),
    *("0001-Q1", "9999-Q4", "2199-Q4", "2000-Q1", "0001-01", "9999-12", "2000-01", "2199-12", "0001-01-01"),
    *("9999-12-31", "1999-12-31", "2000-01-01", "2199-12-31", "2200-01-01", "2026-02-29", "2026-W09", "2026-060"),
    *("0001-01-01..9999-12-31", "2000-01-01..2200-01-01", "2026-02-01..2026-02-01", "9999-12-30..9999-12-31", ".."),
    *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59"),
    *("2000-01-01T00:00:00Z", "1999-12-31T23:59:59.999Z", "2199-12-31T23:59:59.999Z", "2026-02-01T00:00:00+24:00"),
    *("2026-02-01T00:00:00+14:00", "2026-02-01T00:00:00-12:00", "2026-02-01T00:00:00+05:45:07", "2026-02-01T24:00Z"),
    *("0", "1", "946684800000", "946684799999", "7258118399999", "7258118400000", "253402300799999"),
    *("9007199254740991", "9007199254740993", "9223372036854775808", "1e12", "2026-02-01T00:00:00", "２０２６", "now"),
)
ADDRESSES = (
    "interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/{}",
    "session/gaoxin-nan/gw-1/gun-1/{}",
    "indicator/gaoxin-nan/self_consumption_ratio/{}",
    "indicator/gaoxin-nan/gw-1/pv-1/peak_sun_hours/{}",
    "bill/gaoxin-nan/" + quote(ACCOUNT, safe="") + "/{}/energy.peak",
    "cluster/new-energy/progress_2025/{}",
)


class Asked:
    """The application in its own loop: asked one request after the other."""

    def __init__(self, application: ASGIApp, document: dict[str, Any], loop: asyncio.Runner) -> None:
        self._application = application
        self._document = document
        self._loop = loop
        self._validators: dict[tuple[str, int], Any] = {}
        self.statuses: Counter[int] = Counter()

    def check(self, path: str, request: httpx.Request) -> int:
        """Ask, and hold the answer to the document."""
        status, headers, body = self._loop.run(self._ask(request))
        self.statuses[status] += 1
        assert status < 500, (str(request.url), status, body[:500])
        responses = self._document["paths"][path]["get"]["responses"]
        assert str(status) in responses, (str(request.url), status)
        media = headers.get(b"content-type", b"").decode().partition(";")[0]
        content = responses[str(status)].get("content", {})
        assert media in content or not (media or content), (str(request.url), status, media)
        if media.endswith("json"):
            self._validator(path, status, content[media]["schema"]).validate(json.loads(body))
        return status

    def _validator(self, path: str, status: int, schema: dict[str, Any]) -> Any:
        key = (path, status)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema.Draft202012Validator(whole)
        return self._validators[key]

    async def _ask(self, request: httpx.Request) -> tuple[int, dict[bytes, bytes], bytes]:
        """One request, until the answer is through; of a stream its first event."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        sent: list[Message] = []
        enough = asyncio.Event()
        questions = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            if questions:
                return questions.pop()
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if message.get("body") and dict(sent[0]["headers"])[b"content-type"].startswith(b"text/event-stream"):
                enough.set()

        async with asyncio.timeout(60):
            await self._application(scope, receive, send)
        start, *parts = sent
        return start["status"], dict(start["headers"]), b"".join(part["body"] for part in parts)


@pytest.fixture
def asked(feed: Feed) -> Iterator[Asked]:
    power = {name: {"active_power_kw": 1.5} for name in ("pv-1", "bess-1", "grid-1", "load-1", "gun-1")}
    feed.write(power, [now_ms() - 1_000 * age_s for age_s in range(600)])
    feed.maintain()
    with served(ApiSettings(DatabaseSettings(feed.dsn), limits=LimitSettings(rows=2_000))) as found:
        yield found


@contextmanager
def served(config: ApiSettings) -> Iterator[Asked]:
    from parkgrid_api.app import create_app, openapi

    services = Services.of(config, SystemClock(), Page())
    application = create_app(services)
    with asyncio.Runner() as loop:
        lifespan = application.router.lifespan_context(application)
        loop.run(lifespan.__aenter__())
        try:
            yield Asked(AccessMiddleware(application, config), openapi(config), loop)
        finally:
            loop.run(lifespan.__aexit__(None, None, None))


def request_of(case: "Case") -> httpx.Request:
    """A made-up case as it goes over the wire; every second one is about what exists."""
    for name, value in (case.path_parameters or {}).items():
        if name in THERE and len(str(value)) % 2:
            case.path_parameters[name] = THERE[name]
    kwargs = case.as_transport_kwargs(base_url="http://localhost")
    headers = {name: value for name, value in (kwargs.get("headers") or {}).items() if name.lower() != "user-agent"}
    try:
        return httpx.Request("GET", kwargs["url"], params=kwargs.get("params"), headers=headers)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        assume(False)
        raise


def make_up(asked: Asked, operation: Any, mode: "GenerationMode", number: int) -> None:
    """So many requests to one address."""

    @seed(SEED)
    @settings(max_examples=number, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: "Case") -> None:
        asked.check(operation.path, request_of(case))

    with contextlib.suppress(Unsatisfiable):  # an address whose parameters take nothing wrong
        ask()


def test_made_up_requests(asked: Asked, request: pytest.FixtureRequest, nightly: bool) -> None:
    # It takes seconds, and every process of a run collects every test.
    import schemathesis

    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    wanted = request.config.getoption("--http-cases", None) or (NIGHTLY_CASES if nightly else USUAL_CASES)
    schema = schemathesis.openapi.from_dict(asked._document)
    operations = [result.ok() for result in schema.get_all_operations()]
    asking = [operation for operation in operations if operation.query or operation.path_parameters]
    for operation in operations:
        for mode in modes if operation in asking else modes[:1]:
            make_up(asked, operation, mode, -(-wanted // len(asking) // len(modes)) + 2)
    logging.getLogger(__name__).info("%d requests: %s", asked.statuses.total(), dict(asked.statuses))
    assert asked.statuses.total() >= wanted
    assert asked.statuses[200] > asked.statuses.total() // 20


def test_edges_of_time_are_answered_or_refused(asked: Asked) -> None:
    """In every parameter of every address that takes a time, and in every address of a figure."""
    taken = {"from", "to", "period", "date", "quarter"}
    for path, operations in asked._document["paths"].items():
        parameters = operations["get"].get("parameters", [])
        timed = [each["name"] for each in parameters if each["name"] in taken]
        filled = path
        for name, value in THERE.items():
            filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
        for edge in EDGES:
            for name in timed:
                asked.check(path, httpx.Request("GET", f"http://localhost{filled}", params={name: edge}))
    for edge in EDGES:
        bill = "/api/v1/accounts/{account}/bills/{month}"
        asked.check(
            bill, httpx.Request("GET", f"http://localhost/api/v1/accounts/{quote(ACCOUNT)}/bills/{quote(edge)}")
        )
        for address in ADDRESSES:
            url = f"http://localhost/api/v1/trace/{address.format(quote(edge, safe=':+'))}"
            asked.check("/api/v1/trace/{address}", httpx.Request("GET", url))
    assert set(asked.statuses) <= {200, 404, 422}
    assert asked.statuses[422] > asked.statuses.total() // 3
