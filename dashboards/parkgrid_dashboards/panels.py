"""Panels as this project draws them: what a panel shows is said in columns, how it looks is decided here once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    stat,
    statetimeline,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    Threshold,
    ThresholdsMode,
)

from parkgrid_dashboards import colours
from parkgrid_dashboards.links import address
from parkgrid_dashboards.queries import query
from parkgrid_dashboards.words import Words
from parkgrid_domain.indicators import INDICATORS

SOURCE = DataSourceRef("grafana-postgresql-datasource", "parkgrid")
"""The data source that provisioning creates under this identifier; it reads the public views only."""
Steps = Sequence[tuple[float | None, str]]
_LONGEST_STEP_MS = 90_000_000
_SHADED_PCT = 30
_POINTS = 400
"""Steps of a picture: fine enough for a wide screen, at most 2,000 rows with five series."""

GOOD_ABOVE_95: Steps = ((None, colours.ALARM), (90, colours.PV), (95, colours.STORAGE))
BAD_ABOVE_0: Steps = ((None, colours.CALM), (1, colours.ALARM))
SILENT_S: Steps = ((None, colours.CALM), (300, colours.ALARM))
OF_LIMIT: Steps = ((None, colours.CALM), (90, colours.PV), (100, colours.ALARM))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a query as it is shown; its heading is the word of its name."""

    name: str
    unit: str = ""
    """Grafana's unit; empty for text."""
    colour: str = ""
    dashed: bool = False
    """A plan, a limit or a target."""
    decimals: int | None = None
    steps: Steps = ()
    states: Mapping[str, tuple[str, str]] | None = None
    """Code to word and colour."""
    link: str = ""
    """Where a click on it goes."""
    fill_to: str = ""
    """Another column of a picture, by its word: what lies between the two is shaded."""


_UNITS = {"": "none", "%": "percent", "kW": "kwatt", "kWh": "kwatth"}
"""Grafana's words for the units of indicators."""


def indicator(name: str, colour: str = "") -> Column:
    """The column of an indicator, shown as its definition says."""
    known = INDICATORS[name]
    unit = "percentunit" if known.display.share else _UNITS[known.unit]
    return Column(name, unit, colour, decimals=known.display.digits)


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows: a query of parkgrid_dashboards/sql and its columns."""

    name: str
    kind: str
    """answer, lines, quarters, bars, list, states, calendar or progress."""
    columns: Sequence[Column] = ()
    unit: str = ""
    """Of every series, where series are named by the data."""
    width: int = 12
    height: int = 8
    minimum: float | None = None
    maximum: float | None = None
    steps: Steps = ()
    states: Mapping[str, tuple[str, str]] | None = None
    points: int = _POINTS
    links: Sequence[tuple[str, str]] = ()
    """Word and board of links in the corner."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel lies on a board and what it asks there."""

    number: int
    grid: GridPos
    file: str
    scope: str


class SqlQuery(Builder[Dataquery]):
    """One query as Grafana stores it: the SDK has no builder for SQL sources."""

    def __init__(self, text: str, form: str) -> None:
        self._text = text
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
                "rawSql": self._text,
            },
        )


def draw(panel: Panel, place: Place, words: Words) -> Any:
    """The panel in one language."""
    kind, form = _KINDS[panel.kind]
    drawn: Any = kind(panel)
    drawn = drawn.id(place.number).title(words(panel.name)).description(words.about(panel.name)).grid_pos(place.grid)
    text = query(place.file, panel.name, place.scope, words.language)
    drawn = drawn.datasource(SOURCE).with_target(SqlQuery(text, form)).max_data_points(panel.points).interval("1m")
    if panel.unit:
        drawn = drawn.unit(panel.unit)
    if panel.minimum is not None:
        drawn = drawn.min(panel.minimum)
    if panel.maximum is not None:
        drawn = drawn.max(panel.maximum)
    if panel.steps:
        drawn = drawn.thresholds(_thresholds(panel.steps))
    if panel.states:
        drawn = drawn.mappings([_mapping(panel.states, words)])
    drawn = drawn.no_value("—").links(
        [_link(words(word), address(board, words.language)) for word, board in panel.links]
    )
    for column in panel.columns:
        drawn = drawn.override_by_name(column.name, _properties(column, panel, words))
    return drawn


def _properties(column: Column, panel: Panel, words: Words) -> list[DynamicConfigValue]:
    found: list[tuple[str, Any]] = [("displayName", words(column.name))]
    if column.unit:
        found.append(("unit", column.unit))
    if column.decimals is not None:
        found.append(("decimals", column.decimals))
    if column.colour:
        found.append(("color", {"mode": "fixed", "fixedColor": column.colour}))
    if column.dashed:
        found.extend(_dashes(panel))
    if column.fill_to:
        found += [("custom.fillBelowTo", words(column.fill_to)), ("custom.fillOpacity", _SHADED_PCT)]
    if column.steps:
        found.append(("thresholds", _thresholds(column.steps).build()))
        found.append(("color", {"mode": "thresholds"}))
    if column.states:
        found.append(("mappings", [_mapping(column.states, words)]))
    if column.link:
        found.append(
            (
                "links",
                [
                    {
                        "title": words("open"),
                        "url": column.link.replace("{language}", words.language),
                        "targetBlank": False,
                    }
                ],
            )
        )
    if panel.kind == "list" and (column.steps or column.states):
        found.append(("custom.cellOptions", {"type": "color-text"}))
    return [DynamicConfigValue(key, value) for key, value in found]


def _dashes(panel: Panel) -> list[tuple[str, Any]]:
    if panel.kind not in {"lines", "quarters", "bars"}:
        return []
    return [
        ("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        ("custom.drawStyle", "line"),
        ("custom.fillOpacity", 0),
        ("custom.stacking", {"mode": "none", "group": "plan"}),
    ]


def _answer(_: Panel) -> stat.Panel:
    """Numbers that answer: one row of the query, each column a number with its name."""
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/").values(False))
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .color_mode(shapes.BigValueColorMode.VALUE)
        .text_mode(shapes.BigValueTextMode.VALUE_AND_NAME)
        .justify_mode(shapes.BigValueJustifyMode.CENTER)
        .wide_layout(True)
    )


def _lines(_: Panel) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .draw_style(shapes.GraphDrawStyle.LINE)
        .line_width(2)
        .fill_opacity(8)
        .show_points(shapes.VisibilityMode.NEVER)
        .line_interpolation(shapes.LineInterpolation.LINEAR)
        # A picture of a year has steps of a day: what is missing for longer is a gap in the line, and every gap is
        # marked by an annotation.
        .span_nulls(False)
        .insert_nulls(_LONGEST_STEP_MS)
        .legend(_legend())
        .tooltip(_tooltip())
    )


def _quarters(_: Panel) -> timeseries.Panel:
    """What is said of whole quarter hours: stairs, without shade but where a column asks for it."""
    return _lines(_).fill_opacity(0).line_interpolation(shapes.LineInterpolation.STEP_AFTER)


def _bars(_: Panel) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .draw_style(shapes.GraphDrawStyle.BARS)
        .line_width(0)
        .fill_opacity(85)
        .bar_width_factor(0.9)
        .stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("energy"))
        .legend(_legend())
        .tooltip(_tooltip())
    )


def _list(_: Panel) -> table.Panel:
    return table.Panel().show_header(True).cell_height(shapes.TableCellHeight.SM)


def _states(_: Panel) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(shapes.VisibilityMode.AUTO)
        .row_height(0.8)
        .fill_opacity(80)
        .legend(_legend())
    )


def _calendar(_: Panel) -> statushistory.Panel:
    return (
        statushistory.Panel()
        .show_value(shapes.VisibilityMode.AUTO)
        .row_height(0.9)
        .fill_opacity(70)
        .legend(_legend())
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )


def _progress(_: Panel) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(True))
        .show_unfilled(True)
        .min(0)
    )


_KINDS = {
    "answer": (_answer, "table"),
    "lines": (_lines, "time_series"),
    "quarters": (_quarters, "time_series"),
    "bars": (_bars, "time_series"),
    "list": (_list, "table"),
    "states": (_states, "time_series"),
    "calendar": (_calendar, "time_series"),
    "progress": (_progress, "table"),
}


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(shapes.LegendDisplayMode.LIST)
        .placement(shapes.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.NONE)


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(*step) for step in steps])


def _mapping(states: Mapping[str, tuple[str, str]], words: Words) -> Any:
    return {
        "type": "value",
        "options": {
            code: {"text": words(word), "color": colour, "index": place}
            for place, (code, (word, colour)) in enumerate(states.items())
        },
    }


def _link(title: str, address: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).url(address).target_blank(False)
