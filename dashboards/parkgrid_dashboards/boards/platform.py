"""Platform health: whether readings come in, what waits, what the database does."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import BAD_ABOVE_0, Column, Panel, Steps

_LAG: Steps = ((None, colours.CALM), (300, colours.ALARM))
_OFFSET: Steps = ((None, colours.CALM), (1000, colours.ALARM))

BOARD = Board(
    "platform",
    rows=(
        (
            Panel(
                "store_now",
                "answer",
                (
                    Column("lag_s", "s", steps=_LAG),
                    Column("backlog", "none"),
                    Column("database_size", "bytes"),
                    Column("connections", "none"),
                ),
                height=4,
            ),
            Panel(
                "gateways_now",
                "answer",
                (
                    Column("outbox_oldest", "s", steps=_LAG),
                    Column("outbox_size", "decmbytes"),
                    Column("clock_offset", "ms", steps=_OFFSET),
                ),
                height=4,
            ),
        ),
        (
            Panel("readings", "bars", unit="short", points=100),
            Panel("outbox", "lines", unit="s", minimum=0, points=300),
        ),
        (
            Panel("clock", "lines", unit="ms", points=300),
            Panel("agents", "lines", unit="decmbytes", minimum=0, points=300),
        ),
        (
            Panel(
                "losses",
                "list",
                (
                    Column("park"),
                    Column("gateway"),
                    Column("dropped", "none", steps=BAD_ABOVE_0),
                    Column("reads_failed", "none"),
                    Column("reconnects", "none"),
                ),
                width=10,
            ),
            Panel(
                "progress_of_store", "list", (Column("relation"), Column("newest_at"), Column("lag_s", "s")), width=9
            ),
            Panel("backlog", "list", (Column("work"), Column("entries", "none")), width=5),
        ),
    ),
    scope="district",
    live="quality",
)
