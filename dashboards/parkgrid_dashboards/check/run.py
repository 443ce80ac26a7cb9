"""All checks of all dashboards."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from parkgrid_dashboards import alerts
from parkgrid_dashboards.check.database import Asked, Limits, check_alert, check_document, reading
from parkgrid_dashboards.check.finding import Document, Finding, Question
from parkgrid_dashboards.check.layout import languages, layout, names, variables
from parkgrid_dashboards.check.schema import check_schema
from parkgrid_dashboards.panels import SOURCE
from parkgrid_dashboards.queries import query

_EXPRESSION = "__expr__"


@dataclass(slots=True)
class Report:
    """What was found."""

    findings: list[Finding] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    """Every query that was run, with what it cost."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where queries are run."""

    dsn: str
    limits: Limits = field(default_factory=Limits)
    now: datetime | None = None
    """What counts as now; None: the present."""


def check(
    documents: Sequence[Document],
    database: Database | None = None,
    *,
    schema: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Everything that can be known about these dashboards. Raises `SchemaError`, `psycopg.Error`."""
    report = Report()
    tell("form, words, names")
    report.findings += _formal(documents)
    if schema:
        tell("types of @grafana/schema")
        report.findings += check_schema(documents)
    if database:
        with reading(database.dsn, database.now) as session:
            for document in documents:
                tell(f"queries of {document.name}.{document.language}")
                report.findings += check_document(session, document, database.limits, report.asked)
            tell("queries of alert rules")
            for question in alert_questions():
                report.findings += check_alert(session, question, database.limits, report.asked)
    return report


def alert_questions() -> Iterator[Question]:
    """The query of every alert rule."""
    for rule in alerts.RULES:
        yield Question(f"alert {rule.name}", query("alerts", rule.name, "all", "en"), "alert")


def _formal(documents: Sequence[Document]) -> Iterator[Finding]:
    yield from languages(documents)
    for document in documents:
        yield from layout(document)
        yield from variables(document)
        for question in document.questions:
            yield from names(question)
    for question in alert_questions():
        yield from names(question)
    for group in alerts.provisioned()["groups"]:
        for rule in group["rules"]:
            yield from _alert(rule)


def _alert(rule: dict[str, Any]) -> Iterator[Finding]:
    """A rule judges one of its own steps, and asks the data source that provisioning creates."""
    where = f"alert {rule['uid']}"
    steps = {step["refId"]: step for step in rule["data"]}
    if rule["condition"] not in steps:
        yield Finding(where, f"judges {rule['condition']!r}, which is none of its steps")
    for step in steps.values():
        if step["datasourceUid"] not in {SOURCE.uid, _EXPRESSION}:
            yield Finding(where, f"queries the data source {step['datasourceUid']!r}, which does not exist")
        asked = step["model"].get("expression")
        if asked is not None and asked not in steps:
            yield Finding(where, f"compares {asked!r}, which is none of its steps")
