"""The virtual power plant pilot: what can be adjusted, what was delivered and what it came to, and every event."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.boards.vpp_words import DIRECTIONS, STATES
from parkgrid_dashboards.panels import BAD_ABOVE_0, Column, Panel, Steps

EVENT_LINK = (
    "/d/parkgrid-vpp-event-{language}?var-event=${__data.fields.vpp_id}"
    "&from=${__data.fields.vpp_from.numeric}&to=${__data.fields.vpp_to.numeric}"
)
OLD_S: Steps = ((None, colours.CALM), (1200, colours.ALARM))
VERDICTS = (
    Column("vpp_delivered", "none"),
    Column("vpp_partial", "none"),
    Column("vpp_not_delivered", "none", steps=BAD_ABOVE_0),
    Column("vpp_unverified", "none", steps=BAD_ABOVE_0),
)
MONEY = (
    Column("net_simulation", "prefix: ¥", decimals=2),
    Column("net_payable", "prefix: ¥", decimals=2),
)

BOARD = Board(
    "vpp_pilot",
    rows=(
        (
            Panel(
                "vpp_now",
                "answer",
                (
                    Column("vpp_up", "kwatt", colours.STORAGE),
                    Column("vpp_down", "kwatt", colours.LOAD),
                    Column("vpp_age", "s", steps=OLD_S),
                    Column("vpp_under_way", "none"),
                    Column("vpp_open_disputes", "none", steps=BAD_ABOVE_0),
                ),
                height=4,
            ),
            Panel(
                "vpp_year",
                "answer",
                (
                    Column("vpp_shaved", "kwatth", colours.STORAGE),
                    Column("vpp_filled", "kwatth", colours.LOAD),
                    *MONEY,
                    Column("vpp_settled_events", "none"),
                ),
                height=4,
            ),
        ),
        (
            Panel(
                "vpp_funnel",
                "list",
                (
                    Column("park"),
                    Column("vpp_registered", "none"),
                    Column("vpp_tested", "none"),
                    Column("vpp_available", "none"),
                    Column("vpp_responded", "none"),
                    Column("vpp_settled", "none"),
                    Column("vpp_up", "kwatt"),
                    Column("vpp_down", "kwatt"),
                ),
                width=14,
            ),
            Panel(
                "vpp_months",
                "bars",
                (Column("vpp_shaved", "kwatth", colours.STORAGE), Column("vpp_filled", "kwatth", colours.LOAD)),
                unit="kwatth",
                width=10,
            ),
        ),
        (
            Panel(
                "vpp_event_list",
                "list",
                (
                    Column("vpp_event_name", link=EVENT_LINK),
                    Column("vpp_id"),
                    Column("vpp_from"),
                    Column("vpp_to"),
                    Column("vpp_direction", states=DIRECTIONS),
                    Column("vpp_state", states=STATES),
                    Column("vpp_target", "kwatt"),
                    Column("vpp_awarded", "kwatt"),
                    Column("vpp_promised", "kwatth"),
                    Column("vpp_moved", "kwatth"),
                    *VERDICTS,
                    Column("vpp_net"),
                ),
                width=24,
                height=10,
            ),
        ),
        (
            Panel(
                "vpp_statement_list",
                "list",
                (
                    Column("vpp_event_name"),
                    Column("vpp_id"),
                    Column("vpp_operator"),
                    Column("revision", "none"),
                    Column("vpp_cause"),
                    Column("vpp_payment"),
                    Column("vpp_penalty"),
                    Column("vpp_net"),
                    Column("vpp_at"),
                    Column("vpp_entry", "none"),
                    Column("vpp_digest"),
                ),
                width=24,
            ),
        ),
    ),
    scope="all",
    since="now-1y",
    refresh="1m",
    live="vpp",
    annotated=False,
)
