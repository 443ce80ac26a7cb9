"""Every query run as it will be: in a read-only session, with its macros and variables, at its dashboard's time."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from parkgrid_dashboards.check.finding import Document, Finding, Question
from parkgrid_dashboards.check.layout import indicators
from parkgrid_dashboards.check.macros import MacroError, Range, expand
from parkgrid_dashboards.check.raw import RawRelations, findings
from parkgrid_database.connection import Connection

MOST_ROWS = 2_000
SLOW_MS = 100.0
RUNS = 20
ROLE = "parkgrid_grafana"
_WIDE = timedelta(days=31)
_NUMBERS = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"})
_TEXTS = frozenset({"text", "varchar", "bpchar", "name"})
_TIMEOUT_MS = 10_000
_ROUNDS = 3
"""A query is slow when it is slow each time that it is asked for: others may be at work on the machine meanwhile."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may cost."""

    slow_ms: float = SLOW_MS
    """95th percentile of a panel's query."""
    runs: int = RUNS
    empty: bool = False
    """Whether a panel may have nothing to say: on a database without data."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query as it was sent, with how long it took."""

    where: str
    rows: int
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Session:
    """A read-only connection and where raw readings lie."""

    connection: Connection
    raw: RawRelations
    now: datetime


@contextmanager
def reading(dsn: str, now: datetime | None = None) -> Iterator[Session]:
    """A session that can read the public views and nothing else, as Grafana's."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
        raw = RawRelations(connection)
        connection.execute("SET default_transaction_read_only = on")
        connection.execute(sql.SQL("SET statement_timeout = {}").format(_TIMEOUT_MS))
        if known:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ROLE)))
        yield Session(connection, raw, now or datetime.now(UTC))


def check_document(session: Session, document: Document, limits: Limits, asked: list[Asked]) -> Iterator[Finding]:
    """Every query of a dashboard under every choice of its variables; notes what each cost."""
    try:
        chosen = document.content["time"]
        span = Range.of(chosen["from"], session.now, chosen["to"])
        choices = list(_choices(session, document, span))
    except (MacroError, psycopg.Error) as error:
        yield Finding(f"{document.name}.{document.language}, variables", str(error))
        return
    if not choices:
        yield Finding(f"{document.name}.{document.language}", "its variables have no values: the database has no park")
        return
    for question in document.questions:
        if question.form != "variable":
            yield from _check(session, question, span, choices, limits, asked)


def check_alert(session: Session, question: Question, limits: Limits, asked: list[Asked]) -> Iterator[Finding]:
    """The query of an alert rule: labels and one number, quick."""
    span = Range(session.now - timedelta(minutes=15), session.now)
    yield from _check(session, question, span, [{}], limits, asked)


Choice = Mapping[str, list[str]]


def _choices(session: Session, document: Document, span: Range) -> Iterator[Choice]:
    """Every value of single variables; of multiple ones all values at once, as All does."""
    chosen: list[dict[str, list[str]]] = [{}]
    for variable in document.variables:
        name = variable["name"]
        if variable["type"] != "query":
            for choice in chosen:
                choice[name] = [str(variable.get("query", ""))]
            continue
        following = []
        for choice in chosen:
            text = expand(str(variable["query"]), span, 60_000, choice)
            options = [str(row[0]) for row in session.connection.execute(text.encode()).fetchall()]
            following += (
                [{**choice, name: options}] if variable.get("multi") else [{**choice, name: [each]} for each in options]
            )
        chosen = following
    yield from chosen


def _check(
    session: Session, question: Question, span: Range, choices: Sequence[Choice], limits: Limits, asked: list[Asked]
) -> Iterator[Finding]:
    points = int((question.panel or {}).get("maxDataPoints") or 400)
    told: Choice | None = None
    for choice in choices:
        try:
            text = expand(question.text, span, span.step_ms(points), choice)
            cursor = session.connection.execute(text.encode())
        except (MacroError, psycopg.Error) as error:
            yield Finding(question.where, _sentence(error))
            return
        rows = cursor.fetchall()
        if len(rows) > MOST_ROWS:
            yield Finding(question.where, f"returns {len(rows):,} rows (at most {MOST_ROWS:,})")
            return
        if told is None and any(value is not None for row in rows for value in row[_first_value(question) :]):
            told = choice
            yield from (Finding(question.where, text) for text in shape(question, cursor, rows))
            cost_ms = yield from _measured(session, question, text, limits)
            asked.append(Asked(question.where, len(rows), cost_ms))
    if told is None:
        if question.form in {"table", "time_series"} and not limits.empty:
            yield Finding(question.where, "returns no data, whatever is chosen")
        return
    yield from _read_raw(session, question, span, points, told)


def _first_value(question: Question) -> int:
    return 1 if question.form == "time_series" else 0


def _sentence(error: Exception) -> str:
    """What is wrong, without where in the text."""
    return str(error).splitlines()[0]


def shape(question: Question, cursor: psycopg.Cursor[Any], rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """Columns and types that the panel needs."""
    types = {column.name: _type(cursor, column.type_code) for column in cursor.description or ()}
    match question.form:
        case "time_series":
            yield from _series(types, rows)
        case "annotation":
            wanted = {"time": "timestamptz", "text": "text", "tags": "text"}
            yield from (f"column {name} is not {kind}" for name, kind in wanted.items() if types.get(name) != kind)
        case "alert":
            numbers = [name for name, kind in types.items() if kind in _NUMBERS]
            if numbers != ["value"] or not set(types.values()) <= _NUMBERS | _TEXTS:
                yield f"an alert needs one number called value and labels of text, not {types}"
    yield from _columns(question, types)


def _series(types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    if types.get("time") != "timestamptz":
        yield f"column time is {types.get('time', 'missing')}: a time series needs it as timestamptz"
        return
    for name, kind in types.items():
        if name not in {"time", "metric"} and kind not in _NUMBERS:
            yield f"column {name} is {kind}: a series needs numbers"
    place = list(types).index("time")
    times = [row[place] for row in rows]
    if times != sorted(times):
        yield "is not in the order of time"


def _columns(question: Question, types: Mapping[str, str]) -> Iterator[str]:
    """What the panel says about columns is about columns that come."""
    for name in sorted(indicators(question.text) - set(types)):
        if "metric" not in types:
            yield f"says that it computes the indicator {name} and has no such column"
    overrides = (question.panel or {}).get("fieldConfig", {}).get("overrides", [])
    for override in overrides:
        if override["matcher"]["id"] != "byName":
            continue
        name = override["matcher"]["options"]
        if name not in types:
            yield f"shows a column {name!r} that its query does not return ({', '.join(types)})"
        elif any(each["id"] == "unit" for each in override["properties"]) and types[name] not in _NUMBERS:
            yield f"gives a unit to column {name!r}, which is {types[name]}"


def _type(cursor: psycopg.Cursor[Any], oid: int) -> str:
    known = cursor.adapters.types.get(oid)
    return known.name if known else str(oid)


def _measured(session: Session, question: Question, text: str, limits: Limits) -> Generator[Finding, None, float]:
    """The 95th percentile of some runs, in ms; a query that is too slow in every round is a finding."""
    p95 = float("inf")
    for _ in range(_ROUNDS):
        p95 = min(p95, _round(session, text, limits.runs))
        if p95 <= limits.slow_ms:
            break
    else:
        yield Finding(question.where, f"takes {p95:.0f} ms at the 95th percentile (at most {limits.slow_ms:.0f} ms)")
    return p95


def _round(session: Session, text: str, runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        session.connection.execute(text.encode()).fetchall()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]


def _read_raw(session: Session, question: Question, span: Range, points: int, choice: Choice) -> Iterator[Finding]:
    """What a month would read: a range is chosen by whoever looks."""
    wide = Range(min(span.start, session.now - _WIDE), span.end)
    text = expand(question.text, wide, wide.step_ms(points), choice)
    try:
        row = session.connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}".encode()).fetchone()
    except psycopg.Error as error:
        yield Finding(question.where, f"over a month: {_sentence(error)}")
        return
    plan: Mapping[str, Any] = row[0][0]["Plan"] if row else {}
    yield from (Finding(question.where, each) for each in findings(session.raw.longest(plan)))
