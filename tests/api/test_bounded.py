"""What is asked of the present takes as many locks with many days stored as with one.

A server with default settings has room for some thousand locks; a search for the newest reading of a park among two
years of partitions took 11,745 of them, and was refused as soon as two sessions did it at once.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from parkgrid_accounting.figures.district import OF_PARKS_TOGETHER, district_figures
from parkgrid_accounting.figures.inputs import NOTHING_GIVEN
from parkgrid_api import statements
from parkgrid_api.database import connection_text
from parkgrid_api.resolution import RAW
from parkgrid_api.settings import DatabaseSettings
from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_dashboards.board import Site
from parkgrid_dashboards.check.macros import Range, expand
from parkgrid_dashboards.check.run import alert_questions
from parkgrid_dashboards.provision import documents
from parkgrid_dashboards.queries import query
from parkgrid_domain.period import period
from parkgrid_metering.registers import METERED, POWER
from parkgrid_metering.rounds import run_pass, run_rounds
from parkgrid_vpp import statements as pilot
from parkgrid_vpp.live import MINUTE
from tests.api.feed import GATEWAY, Feed, now_ms

DAYS = 40
DAY = 86_400_000
MOST = 200
_LOCKS = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
_SO_OFTEN = 7
"""A prepared statement whose plans cost alike gets one plan for all spans after its fifth use."""


@dataclass
class Store:
    """A park with a device of each class that reads now, and can be given a past."""

    feed: Feed
    at_ms: int

    def write(self, at_ms: list[int]) -> None:
        """A reading of every device at these instants."""
        for kind in CATALOGUE:
            # Of a meter that counts only one of its two directions.
            silent = {"energy_export_kwh", "reactive_energy_import_kvarh"} if kind == "meter" else set()
            signals = {name: [1.0] * len(at_ms) for name in CATALOGUE[kind].by_name if name not in silent}
            self.feed.series(_name(kind), at_ms, **signals)

    def drain(self) -> None:
        self.feed.maintain()
        with psycopg.connect(self.feed.dsn, autocommit=True) as connection:
            run_rounds(connection, now_ms())

    def locks(self) -> Mapping[str, int]:
        """Question to the locks that it holds at its end."""
        return {**self._of_api(), **self._of_pilot(), **self._of_boards(), "a round of metering": self._of_metering()}

    def _of_api(self) -> Mapping[str, int]:
        midnight = self.at_ms // DAY * DAY
        span = {"start": _at(midnight), "stop": _at(midnight + DAY)}
        park = {"park": GATEWAY.park, "park_id": self.feed.park_id}
        device_id = self.feed.known["meter-1"][0]
        raw = statements.history("meter", ("active_power_kw",), RAW)
        asked: Mapping[str, tuple[bytes, Mapping[str, Any]]] = {
            "live": (statements.latest(), park),
            "district": (statements.district(), {}),
            "newest day": (statements.newest(), park),
            "gateways of a park": (statements.plain("gateways"), {**park, "limit": 100}),
            "gateways": (statements.plain("gateways"), {"park": None, "park_id": None, "limit": 100}),
            "gateways of all parks": (statements.plain("gateways_seen"), {"limit": 100}),
            "parks": (statements.plain("parks"), {"park": None, "limit": 100}),
            "one park": (statements.plain("parks"), {**park, "limit": 1}),
            "devices of a park": (statements.plain("devices"), park),
            "power of a day": (statements.day_power("_1m"), {**park, **span}),
            "energies of a day": (statements.energies(), {**park, **span}),
            "estimates of a day": (statements.plain("estimates_of_power"), {**park, **span}),
            "completeness of a day": (statements.plain("completeness"), {**park, **span}),
            "readings of a day": (raw, {**park, "device_id": device_id, "rows": 10_000, **span}),
        }
        with psycopg.connect(connection_text(DatabaseSettings(self.feed.dsn)), autocommit=True) as connection:
            connection.prepare_threshold = 1
            return {name: _counted(connection, *question) for name, question in asked.items()}

    def _of_pilot(self) -> Mapping[str, int]:
        """What the api and the pilot's process ask about an event of the last two hours."""
        start, stop = _at(self.at_ms - 7_200_000), _at(self.at_ms + 60_000)
        minutes = [start + number * MINUTE for number in range(120)]
        by_api: dict[str, tuple[bytes, Mapping[str, Any]]] = {}
        by_process: dict[str, tuple[bytes, Mapping[str, Any]]] = {}
        for kind in METERED:
            number = self.feed.known[_name(kind)][0]
            minute, raw = f"{kind}_1m", kind
            span = {"park_id": self.feed.park_id, "devices": [number], "start": start, "stop": stop}
            by_api[f"pilot: minutes of {kind}"] = _filled("live/minutes", minute), span
            by_api[f"pilot: extremes of {kind}"] = _filled("responses/extremes", minute), span
            by_api[f"pilot: delays of {kind}"] = _filled("responses/delays", raw), {**span, "instants": minutes}
            by_api[f"pilot: readings of {kind}"] = _filled("responses/readings", raw), {**span, "starts": [start]}
            by_process[f"pilot: capability of {kind}"] = (
                _filled("capability/minutes", minute),
                {**span, "device_id": number},
            )
        with psycopg.connect(self.feed.dsn, autocommit=True) as connection:
            registers = [row[0] for row in connection.execute("SELECT register_id FROM public.registers")]
            edges = {"park_id": self.feed.park_id, "registers": registers, "start": start, "stop": stop}
            edges |= {"starts": [start], "stops": [stop]}
            for place in ("evidence/findings", "evidence/intervals"):
                by_process[f"pilot: {place}"] = _filled(place), {**edges, "as_of": None, "none": -(2**63)}
            of_process = {name: _counted(connection, *question) for name, question in by_process.items()}
        with psycopg.connect(connection_text(DatabaseSettings(self.feed.dsn)), autocommit=True) as connection:
            connection.prepare_threshold = 1
            return of_process | {name: _counted(connection, *question) for name, question in by_api.items()}

    def _of_boards(self) -> Mapping[str, int]:
        devices = [f"{GATEWAY.gateway}/{_name(kind)}" for kind in CATALOGUE]
        values = {"park": [GATEWAY.park], "district": ["pingshan"], "device": devices, "event": ["ev-1"]}
        found = {}
        # Boards repeat a question. Prepared, it would keep the plan of an earlier board, and with it the locks of
        # planning would be counted or not as statistics were renewed between the two.
        with psycopg.connect(self.feed.dsn, autocommit=True, prepare_threshold=None) as connection:
            for document in documents(Site()):
                span = Range(_at(self.at_ms) - timedelta(days=1), _at(self.at_ms))
                for place, question in enumerate(document.questions):
                    text = expand(question.text, span, 300_000, values)
                    found[f"{question.where} {place}"] = _counted(connection, text.encode(), None, 1)
            for question in alert_questions():
                found[question.where] = _counted(connection, question.text.encode(), None, 1)
        return found

    def _of_metering(self) -> int:
        self.at_ms += 1_000
        self.write([self.at_ms])
        self.feed.maintain()
        with psycopg.connect(self.feed.dsn, autocommit=True) as connection, connection.transaction():
            run_pass(connection, now_ms())
            return _total(connection)


def _filled(place: str, relation: str = "") -> bytes:
    """A statement of the pilot on one class's readings or minutes."""
    identifiers = {"power": POWER, "lowest": f"{POWER}_min", "highest": f"{POWER}_max"}
    identifiers |= {"view": relation, "relation": relation} if relation else {}
    return sql.SQL(pilot.statement(place)).format(**{k: sql.Identifier(v) for k, v in identifiers.items()}).as_bytes()


def _counted(
    connection: psycopg.Connection[Any], text: bytes, values: Mapping[str, Any] | None, times: int = _SO_OFTEN
) -> int:
    for _ in range(times):
        with connection.transaction():
            connection.execute(text, values)
            count = _total(connection)
    return count


def _total(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_LOCKS).fetchone()
    assert row is not None
    return int(row[0])


def _name(kind: str) -> str:
    return GATEWAY.gateway if kind == "gateway" else f"{kind}-1"


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.fixture
def stored(dsn: str) -> Iterator[Store]:
    feed = Feed(dsn)
    feed.announce([Device(_name(kind), kind, tuple(CATALOGUE[kind].by_name)) for kind in CATALOGUE])
    store = Store(feed, now_ms() - 60_000)
    store.write([store.at_ms])
    store.drain()
    yield store
    feed.store.close()


def test_no_question_about_the_present_takes_more_locks_for_more_days(stored: Store) -> None:
    few = stored.locks()
    stored.write([stored.at_ms - number * DAY for number in range(2, DAYS + 2)])
    stored.drain()
    many = stored.locks()
    assert {name: count for name, count in many.items() if count > few[name] or count > MOST} == {}


FEW, MANY = 3, 12
KINDS = ("grid_meter", "pv_inverter", "storage")
QUARTERS_OF_A_DAY = 96


def test_what_parks_together_cost_grows_as_their_number_does_and_no_faster(dsn: str) -> None:
    feeds = [Feed(dsn, Gateway(f"park-{number}", "gw-1")) for number in range(MANY)]
    at_ms = now_ms() // 900_000 * 900_000
    span = Range(_at(at_ms - DAY), _at(at_ms))
    cost = {}
    for count, added in ((FEW, feeds[:FEW]), (MANY, feeds[FEW:])):
        for feed in added:
            _a_day(feed, at_ms)
        with psycopg.connect(dsn, autocommit=True) as connection:
            run_rounds(connection, now_ms())
            connection.execute("ANALYZE")
            asked = _questions(dsn, [feed.gateway.park for feed in feeds[:count]], span)
            listed = _rows_touched(connection, query("district", "park_list", "district", "en"), span)
            cost[count] = asked, listed, _rows_of_one_park(connection, feeds[0], span)
    for feed in feeds:
        feed.store.close()
    assert cost[MANY][0] == cost[FEW][0], "questions for the figures of parks together"
    assert cost[MANY][1] < 1.3 * MANY / FEW * cost[FEW][1], "rows that the list of parks looks at"
    more = {name: rows for name, rows in cost[MANY][2].items() if rows > cost[FEW][2][name]}
    assert more == {}, "rows that a question about one park looks at"


def _a_day(feed: Feed, at_ms: int) -> None:
    """A park whose registers advance each quarter of an hour until this instant."""
    feed.announce([Device(kind, kind, tuple(CATALOGUE[kind].by_name), period_s=900.0) for kind in KINDS])
    instants = [at_ms - 900_000 * back for back in range(QUARTERS_OF_A_DAY, -1, -1)]
    for kind in KINDS:
        counted = {
            name: [float(step) for step in range(len(instants))] for name in CATALOGUE[kind].by_name if "energy" in name
        }
        feed.series(kind, instants, **counted)
    feed.maintain()


def _questions(dsn: str, parks: list[str], span: Range) -> int:
    """How many statements the figures of parks together take."""
    asked = 0

    class Counting(psycopg.Cursor[Any]):
        def execute(self, *values: Any, **named: Any) -> "Counting":
            nonlocal asked
            asked += 1
            return super().execute(*values, **named)

    day = period(span.start.date().isoformat())
    with psycopg.connect(dsn, cursor_factory=Counting) as connection:
        found = district_figures(connection, parks, day, OF_PARKS_TOGETHER, NOTHING_GIVEN)
    assert len(found) == len(OF_PARKS_TOGETHER)
    return asked


def _rows_touched(connection: psycopg.Connection[Any], text: str, span: Range) -> float:
    """Rows that the steps of a plan for some parks pass on or throw away, all told."""
    return _rows_of(connection, expand(text, span, 900_000, {"district": ["pingshan"]}).encode())


def _rows_of_one_park(connection: psycopg.Connection[Any], feed: Feed, span: Range) -> Mapping[str, float]:
    """The same of what is asked of one park, by its keys; going through a small table would be cheaper with so few."""
    park = {"park": feed.gateway.park, "park_id": feed.park_id, "start": span.start, "stop": span.end, "limit": 100}
    asked = {
        "live": statements.latest(),
        "gateways": statements.plain("gateways"),
        "newest day": statements.newest(),
        "the park": statements.plain("parks"),
        "devices": statements.plain("devices"),
        "power of a day": statements.day_power("_15m"),
        "energies of a day": statements.energies(),
        "estimates": statements.plain("estimates_of_power"),
        "completeness": statements.plain("completeness"),
        "gaps": statements.plain("data_gaps"),
        "findings": statements.plain("register_findings"),
    }
    with connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_bitmapscan = off")
        return {name: _rows_of(connection, text, park) for name, text in asked.items()}


def _rows_of(connection: psycopg.Connection[Any], text: bytes, values: Mapping[str, Any] | None = None) -> float:
    row = connection.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + text, values).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return _of_step(plan[0]["Plan"])


def _of_step(step: Mapping[str, Any]) -> float:
    removed = sum(value for name, value in step.items() if name.startswith("Rows Removed"))
    own: float = (step["Actual Rows"] + removed) * step["Actual Loops"]
    return own + sum(_of_step(each) for each in step.get("Plans", ()))
