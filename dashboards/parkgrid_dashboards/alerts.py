"""Alert rules as code: what wakes somebody, each with a sentence in both languages that says what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parkgrid_dashboards.links import uid
from parkgrid_dashboards.panels import SOURCE
from parkgrid_dashboards.queries import query

GROUP = "parkgrid"
FOLDER_UID = "parkgrid-alerts"
FOLDER = "parkgrid · alerts 告警"
INTERVAL_S = 60
_EXPRESSION = "__expr__"
# Sentences are Go templates. They say .Labels and not $labels: a dollar sign in a provisioned file is a variable of the
# environment to Grafana.


@dataclass(frozen=True, slots=True)
class Rule:
    """When a number of parkgrid_dashboards/sql/alerts.sql calls somebody."""

    name: str
    above: bool
    limit: float
    for_s: int
    """Seconds that it must last."""
    severity: str
    board: str
    """The dashboard that shows why."""
    title_en: str
    title_zh: str
    summary_en: str
    summary_zh: str


RULES: Sequence[Rule] = (
    Rule(
        *("stale_park", True, 300, 120, "critical", "park", "Park is silent", "园区数据中断"),
        'No data from {{ .Labels.park }} for {{ printf "%.0f" .Values.A.Value }} s: check its gateways and their link.',
        '{{ .Labels.park }} 已 {{ printf "%.0f" .Values.A.Value }} 秒无数据：请检查网关及其链路。',
    ),
    Rule(
        *("completeness", False, 95, 0, "warning", "quality", "Data are incomplete", "数据完整率偏低"),
        '{{ .Labels.park }} had {{ printf "%.1f" .Values.A.Value }} % of yesterday\'s readings: the dashboard lists '
        "gaps with their cause.",
        '{{ .Labels.park }} 昨日数据完整率 {{ printf "%.1f" .Values.A.Value }} %：缺口与原因见面板。',
    ),
    Rule(
        *("demand_forecast", True, 100, 60, "critical", "meters", "Demand will exceed its limit", "需量预计超限"),
        'The demand of {{ .Labels.park }} in this quarter hour will be about {{ printf "%.0f" .Values.A.Value }} % of '
        "the agreed demand: reduce load or discharge storage.",
        '{{ .Labels.park }} 本 15 分钟需量预计为约定值的 {{ printf "%.0f" .Values.A.Value }} %：请削减负荷或放电。',
    ),
    Rule(
        *("outbox_growing", True, 300, 300, "warning", "platform", "Outbox is growing", "网关待发队列增长"),
        'The backlog of {{ .Labels.park }}/{{ .Labels.gateway }} grew by {{ printf "%.0f" .Values.A.Value }} s in 15 '
        "minutes: the link, the broker or ingest is down; no reading is lost.",
        '{{ .Labels.park }}/{{ .Labels.gateway }} 待发队列 15 分钟内增长 {{ printf "%.0f" .Values.A.Value }} 秒：链路、'
        "消息服务或入库中断，数据不丢失。",
    ),
    Rule(
        *("ingest_lag", True, 300, 120, "critical", "platform", "Ingest is late", "入库滞后"),
        'The newest stored reading is {{ printf "%.0f" .Values.A.Value }} s old: check ingest and the database.',
        '最新入库读数距今 {{ printf "%.0f" .Values.A.Value }} 秒：请检查入库服务与数据库。',
    ),
)


def provisioned() -> dict[str, Any]:
    """The file that Grafana reads at its start."""
    group = {"orgId": 1, "name": GROUP, "folder": FOLDER, "interval": _duration(INTERVAL_S), "rules": []}
    group["rules"] = [_rule(rule) for rule in RULES]
    return {"apiVersion": 1, "groups": [group]}


def posted(rule: Rule) -> dict[str, Any]:
    """The same rule as the provisioning interface takes it."""
    return {**_rule(rule), "orgID": 1, "folderUID": FOLDER_UID, "ruleGroup": GROUP}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "uid": f"parkgrid-{rule.name.replace('_', '-')}",
        "title": f"{rule.title_zh} · {rule.title_en}",
        "condition": "B",
        "data": [_question(rule), _threshold(rule)],
        # A rule that gets no rows has nobody to call about; one that cannot ask has.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": _duration(rule.for_s),
        "isPaused": False,
        "labels": {"severity": rule.severity},
        "annotations": {
            "summary": rule.summary_zh,
            "description": rule.summary_en,
            "__dashboardUid__": uid(rule.board, "zh"),
            "__panelId__": "1",
        },
    }


def _duration(seconds: int) -> str:
    """As Grafana writes it back, so that a comparison finds no difference: 120 s is 2m."""
    return f"{seconds // 60}m" if seconds and seconds % 60 == 0 else f"{seconds}s"


def _question(rule: Rule) -> dict[str, Any]:
    return {
        "refId": "A",
        "relativeTimeRange": {"from": 900, "to": 0},
        "datasourceUid": SOURCE.uid,
        "model": {
            "refId": "A",
            "format": "table",
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": query("alerts", rule.name, "all", "en"),
            "intervalMs": 1000,
            "maxDataPoints": 43_200,
        },
    }


def _threshold(rule: Rule) -> dict[str, Any]:
    evaluator = {"type": "gt" if rule.above else "lt", "params": [rule.limit]}
    return {
        "refId": "B",
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": _EXPRESSION,
        "model": {
            "refId": "B",
            "type": "threshold",
            "expression": "A",
            "conditions": [{"evaluator": evaluator}],
            "datasource": {"type": _EXPRESSION, "uid": _EXPRESSION},
        },
    }
