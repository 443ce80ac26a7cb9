"""The park dashboard: power by flow, energy, storage, gateways and what was refused, in each language."""

from collections.abc import Callable
from importlib import resources

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import Dashboard as BuiltDashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    DynamicConfigValue,
    GridPos,
    VariableRefresh,
)

from dashboards.words import WORDS

SOURCE = DataSourceRef("grafana-postgresql-datasource", "parkgrid")
"""The data source that provisioning creates under this identifier; it reads the public views only."""
WIDTH = 24
_Words = Callable[[str], str]
_AnyPanel = timeseries.Panel | stat.Panel | table.Panel


class SqlQuery(Builder[Dataquery]):
    """One named query of dashboards/sql, sent as it is: the SDK has no builder for SQL sources."""

    def __init__(self, name: str, form: str) -> None:
        self._name = name
        self._form = form

    def build(self) -> Dataquery:
        """The query as Grafana stores it."""
        return UnknownDataquery(
            {
                "refId": "A",
                "datasource": {"type": SOURCE.type_val, "uid": SOURCE.uid},
                "format": self._form,
                "rawQuery": True,
                "editorMode": "code",
                "rawSql": read_sql(self._name),
            },
        )


def read_sql(name: str) -> str:
    """The text of a query in dashboards/sql."""
    return resources.files("dashboards").joinpath("sql", f"{name}.sql").read_text("utf-8")


def build(language: str) -> BuiltDashboard:
    """The dashboard in one of the languages of `dashboards.words`."""
    words = WORDS[language].__getitem__
    board = (
        dashboard.Dashboard(words("title"))
        .uid(f"parkgrid-park-{language}")
        .tags(["parkgrid", language])
        .timezone("Asia/Shanghai")
        .time("now/d", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(_park(words))
    )
    for panel in _panels(words):
        board = board.with_panel(panel.datasource(SOURCE))
    return board.build()


def _park(words: _Words) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable("park")
        .label(words("park"))
        .datasource(SOURCE)
        .query("SELECT park FROM parks ORDER BY park")
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )


def _panels(words: _Words) -> list[_AnyPanel]:
    power = timeseries.Panel().unit("kwatt").fill_opacity(10).description(words("power_about"))
    energy = stat.Panel().unit("kwatth").decimals(1).description(words("energy_about"))
    charge = timeseries.Panel().unit("percent").min(0).max(100)
    outbox = timeseries.Panel().unit("s").min(0).description(words("outbox_about"))
    return [
        _filled(energy, 1, "energy", "table", _place(0, 0, WIDTH, 4), words),
        _filled(power, 2, "power", "time_series", _place(0, 4, WIDTH, 11), words),
        _filled(charge, 3, "state_of_charge", "time_series", _place(0, 15, 12, 8), words),
        _filled(outbox, 4, "outbox", "time_series", _place(12, 15, 12, 8), words),
        _filled(table.Panel(), 5, "gateways", "table", _place(0, 23, 12, 8), words),
        _filled(table.Panel(), 6, "quarantine", "table", _place(12, 23, 12, 8), words),
    ]


def _place(left: int, top: int, width: int, height: int) -> GridPos:
    return GridPos(h=height, w=width, x=left, y=top)


def _filled(panel: _AnyPanel, number: int, query: str, form: str, place: GridPos, words: _Words) -> _AnyPanel:
    panel = panel.id(number).title(words(query)).grid_pos(place).with_target(SqlQuery(query, form))
    for column in _COLUMNS.get(query, ()):
        panel = panel.override_by_name(column, [DynamicConfigValue("displayName", words(column))])
    return panel


_COLUMNS = {
    "power": ("grid", "pv", "storage", "load", "charging"),
    "energy": ("import", "export", "generated", "charged", "delivered"),
    "gateways": ("gateway", "online", "agent_version", "simulated", "last_seen_at"),
    "quarantine": ("last_at", "gateway", "device", "reason", "occurrences", "location"),
}
"""Columns whose heading is a word of the catalogue."""
