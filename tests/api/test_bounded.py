"""What is asked of the present takes as many locks with many days stored as with one.

A server with default settings has room for some thousand locks; a search for the newest reading of a park among two
years of partitions took 11,745 of them, and was refused as soon as two sessions did it at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from accounting.settlement.keeper import settle, settle_once
from api import statements
from api.database import connection_text
from api.resolution import RAW
from api.settings import DatabaseSettings
from contract.announcement import Device
from contract.signals import CATALOGUE
from dashboards.board import Site
from dashboards.check.macros import Range, expand
from dashboards.provision import documents
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
            settle(connection, now_ms())

    def locks(self) -> Mapping[str, int]:
        """Question to the locks that it holds at its end."""
        return {**self._of_api(), **self._of_boards(), "a round of settlement": self._of_settlement()}

    def _of_api(self) -> Mapping[str, int]:
        midnight = self.at_ms // DAY * DAY
        span = {"start": _at(midnight), "stop": _at(midnight + DAY)}
        park = {"park": GATEWAY.park}
        device_id = self.feed.known["meter-1"][0]
        raw = statements.history("meter", ("active_power_kw",), RAW)
        asked: Mapping[str, tuple[bytes, Mapping[str, Any]]] = {
            "live": (statements.latest(), park),
            "district": (statements.district(), {}),
            "newest day": (statements.newest(), park),
            "gateways of a park": (statements.plain("gateways"), {**park, "limit": 100}),
            "gateways": (statements.plain("gateways"), {"park": None, "limit": 100}),
            "power of a day": (statements.day_power("_1m"), {**park, **span}),
            "energies of a day": (statements.energies(), {**park, **span}),
            "readings of a day": (raw, {"device_id": device_id, "rows": 10_000, **span}),
        }
        with psycopg.connect(connection_text(DatabaseSettings(self.feed.dsn)), autocommit=True) as connection:
            connection.prepare_threshold = 1
            return {name: _counted(connection, *question) for name, question in asked.items()}

    def _of_boards(self) -> Mapping[str, int]:
        devices = [f"{GATEWAY.gateway}/{_name(kind)}" for kind in CATALOGUE]
        values = {"park": [GATEWAY.park], "district": ["pingshan"], "device": devices}
        found = {}
        with psycopg.connect(self.feed.dsn, autocommit=True) as connection:
            for document in documents(Site()):
                span = Range(_at(self.at_ms) - timedelta(days=1), _at(self.at_ms))
                for place, question in enumerate(document.questions):
                    text = expand(question.text, span, 300_000, values)
                    found[f"{question.where} {place}"] = _counted(connection, text.encode(), None, 1)
        return found

    def _of_settlement(self) -> int:
        self.at_ms += 1_000
        self.write([self.at_ms])
        self.feed.maintain()
        with psycopg.connect(self.feed.dsn, autocommit=True) as connection, connection.transaction():
            settle_once(connection, now_ms())
            return _total(connection)


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
