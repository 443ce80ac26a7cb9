"""What a park can adjust in the next 24 hours, what limits it, and how good the forecasts behind it were."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.boards.vpp_pilot import OLD_S
from parkgrid_dashboards.boards.vpp_words import KINDS, LIMIT_CODES, LIMITED, METHODS, PARTS
from parkgrid_dashboards.panels import Column, Panel

_UP = Column("vpp_up", "kwatt", colours.STORAGE)
_DOWN = Column("vpp_down", "kwatt", colours.LOAD)

BOARD = Board(
    "vpp_capability",
    rows=(
        (
            Panel(
                "vpp_park_now",
                "answer",
                (
                    _UP,
                    Column("vpp_up_holds", "s"),
                    _DOWN,
                    Column("vpp_down_holds", "s"),
                    Column("vpp_age", "s", steps=OLD_S),
                ),
                height=4,
            ),
            Panel(
                "vpp_score_now",
                "answer",
                (
                    Column("vpp_confidence", "percent", decimals=1),
                    Column("vpp_mae", "kwatt", decimals=1),
                    Column("vpp_bias", "kwatt", decimals=1),
                    Column("vpp_scored", "none"),
                ),
                height=4,
            ),
        ),
        (
            Panel("vpp_outlook", "quarters", (_UP, _DOWN), unit="kwatt"),
            Panel(
                "vpp_forecast",
                "quarters",
                (
                    Column("vpp_forecast_kw", "kwatt", colours.PLAN, dashed=True),
                    Column("vpp_metered_kw", "kwatt", colours.LOAD),
                ),
                unit="kwatt",
            ),
        ),
        (
            Panel(
                "vpp_limits",
                "states",
                (Column("vpp_up", "none"), Column("vpp_down", "none")),
                unit="none",
                width=24,
                height=6,
                states=LIMIT_CODES,
            ),
        ),
        (
            Panel(
                "vpp_parks_now",
                "list",
                (
                    Column("vpp_part"),
                    Column("vpp_part_kind", states=PARTS),
                    Column("vpp_up", "kwatt"),
                    Column("vpp_up_holds", "s"),
                    Column("vpp_up_limit", states=LIMITED),
                    Column("vpp_down", "kwatt"),
                    Column("vpp_down_holds", "s"),
                    Column("vpp_down_limit", states=LIMITED),
                ),
                width=24,
            ),
        ),
        (
            Panel(
                "vpp_confidence",
                "list",
                (
                    Column("vpp_resource"),
                    Column("vpp_resource_name"),
                    Column("vpp_kind", states=KINDS),
                    Column("vpp_method", states=METHODS),
                    Column("vpp_issued"),
                    Column("vpp_confidence", "percent", decimals=1),
                    Column("vpp_mae", "kwatt", decimals=1),
                    Column("vpp_bias", "kwatt", decimals=1),
                    Column("vpp_scored", "none"),
                ),
                width=24,
            ),
        ),
    ),
    scope="vpp_park",
    since="now-24h",
    until="now+24h",
    refresh="1m",
    live="vpp",
    annotated=False,
)
