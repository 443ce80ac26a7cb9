"""A dashboard: rows of panels under each other, the first of which answers; variables, annotations and links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    DashboardCursorSync,
    DashboardLinkType,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from parkgrid_dashboards import colours
from parkgrid_dashboards.links import live_address, uid
from parkgrid_dashboards.panels import SOURCE, Panel, Place, SqlQuery, draw
from parkgrid_dashboards.queries import query
from parkgrid_dashboards.words import Words

WIDTH = 24


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard before it has a language."""

    name: str
    rows: Sequence[Sequence[Panel]]
    scope: str
    """What its variables choose: all, district, park or device; event or park of the pilot."""
    since: str = "now-24h"
    until: str = "now"
    refresh: str = "30s"
    devices: str = ""
    """Statement of parkgrid_dashboards/sql/common.sql that lists the devices to choose from."""
    live: str = ""
    """View of the live application that shows the same."""
    """With `${event}` in it, the event is chosen there too."""
    annotated: bool = True


@dataclass(frozen=True, slots=True)
class Site:
    """What differs from place to place."""

    live_url: str = "http://127.0.0.1:8080"
    """Where people open the live application."""


def build(board: Board, language: str, site: Site) -> Any:
    """The dashboard in one language."""
    words = Words(language)
    built = (
        dashboard.Dashboard(words(board.name))
        .uid(uid(board.name, language))
        .description(words.about(board.name))
        .tags(["parkgrid", f"parkgrid-{language}"])
        .timezone("Asia/Shanghai")
        .time(board.since, board.until)
        .refresh(board.refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    for variable in _variables(board, words, site):
        built = built.with_variable(variable)
    for link in _links(board, words):
        built = built.link(link)
    for panel, place in _places(board):
        built = built.with_panel(draw(panel, place, words))
    document = built.build()
    document.annotations.list_val = _annotations(board, words) if board.annotated else []
    return document


def _places(board: Board) -> list[tuple[Panel, Place]]:
    """Rows from top to bottom, panels from left to right: nothing overlaps."""
    found, top, number = [], 0, 0
    for row in board.rows:
        left = 0
        for panel in row:
            number += 1
            grid = GridPos(h=panel.height, w=panel.width, x=left, y=top)
            found.append((panel, Place(number, grid, board.name, board.scope)))
            left += panel.width
        top += max(panel.height for panel in row)
    return found


def _variables(board: Board, words: Words, site: Site) -> list[Any]:
    found: list[Any] = [dashboard.ConstantVariable("live").value(site.live_url)] if board.live else []
    found += [_asked(name, statement, words) for name, statement in _CHOICES[board.scope]]
    if board.devices:
        every = VariableOption(True, [words("all")], ["$__all"])
        found.append(_asked("device", board.devices, words).multi(True).include_all(True).current(every))
    return found


_OF_PARK = (("district", "districts"), ("park", "parks"))
_CHOICES: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType(
    {
        "all": (),
        "district": (("district", "districts"),),
        "park": _OF_PARK,
        "device": _OF_PARK,
        "vpp_event": (("event", "vpp_events"),),
        "vpp_park": (("park", "vpp_parks"),),
    }
)
"""By scope, each variable and the statement of parkgrid_dashboards/sql/common.sql that lists what to choose from."""


def _asked(name: str, statement: str, words: Words) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(words(name))
        .datasource(SOURCE)
        .query(query("common", statement, "park", words.language))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.DISABLED)
    )


def _links(board: Board, words: Words) -> list[dashboard.DashboardLink]:
    others = (
        dashboard.DashboardLink(words("dashboards"))
        .type(DashboardLinkType.DASHBOARDS)
        .tags([f"parkgrid-{words.language}"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
    if not board.live:
        return [others]
    address = live_address(board.live, park=board.scope in {"park", "device"})
    live = dashboard.DashboardLink(words("live")).type(DashboardLinkType.LINK).url(address)
    return [live.target_blank(True).icon("external link"), others]


def _annotations(board: Board, words: Words) -> list[AnnotationQuery]:
    """Spells without readings, and what happened."""
    found = []
    for name, colour in (("gaps", colours.PV), ("events", colours.LOAD)):
        text = query("common", name, board.scope, words.language)
        annotation = AnnotationQuery(words(name), SOURCE, True, False, colour)
        annotation.target = SqlQuery(text, "table").build()  # type: ignore[assignment]  # the SDK knows only tags here
        found.append(annotation)
    return found
