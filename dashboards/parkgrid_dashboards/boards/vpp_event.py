"""One event of the pilot: promised, metered and baseline, verdicts, the days of the baselines, money, and the chain."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.boards.vpp_pilot import MONEY, VERDICTS
from parkgrid_dashboards.boards.vpp_words import ENTRIES, KINDS, OUTCOMES, SOUND, UNSURE, VERDICT_CODES, YES_NO
from parkgrid_dashboards.boards.vpp_words import VERDICTS as VERDICT_WORDS
from parkgrid_dashboards.panels import Column, Panel

BOARD = Board(
    "vpp_event",
    rows=(
        (
            Panel(
                "vpp_event_now",
                "answer",
                (
                    Column("vpp_target", "kwatt"),
                    Column("vpp_awarded", "kwatt"),
                    Column("vpp_promised", "kwatth"),
                    Column("vpp_moved", "kwatth", colours.STORAGE),
                ),
                width=10,
                height=4,
            ),
            Panel("vpp_event_result", "answer", (*VERDICTS, *MONEY), width=14, height=4),
        ),
        (
            Panel(
                "vpp_quarters",
                "quarters",
                (
                    Column("vpp_baseline", "kwatth", colours.GRID, fill_to="vpp_metered"),
                    Column("vpp_metered", "kwatth", colours.LOAD),
                    Column("vpp_as_promised", "kwatth", colours.PLAN, dashed=True),
                ),
                unit="kwatth",
                width=14,
                height=9,
            ),
            Panel(
                "vpp_reduction",
                "quarters",
                (
                    Column("vpp_promised", "kwatth", colours.PLAN, dashed=True),
                    Column("vpp_moved", "kwatth", colours.STORAGE),
                ),
                unit="kwatth",
                width=10,
                height=9,
            ),
        ),
        (Panel("vpp_verdicts", "states", unit="none", width=24, states=VERDICT_CODES),),
        (
            Panel(
                "vpp_resource_list",
                "list",
                (
                    Column("vpp_resource"),
                    Column("vpp_resource_name"),
                    Column("park"),
                    Column("vpp_kind", states=KINDS),
                    Column("vpp_operator"),
                    Column("vpp_awarded", "kwatt"),
                    Column("vpp_opted_out", states=YES_NO),
                    Column("vpp_promised", "kwatth"),
                    Column("vpp_moved", "kwatth"),
                    *VERDICTS,
                ),
                width=24,
            ),
        ),
        (
            Panel(
                "vpp_lines",
                "list",
                (
                    Column("vpp_resource"),
                    Column("vpp_operator"),
                    Column("vpp_contract"),
                    Column("vpp_payment"),
                    Column("vpp_penalty"),
                    Column("vpp_operator_part"),
                    Column("vpp_user_part"),
                    Column("vpp_statement"),
                    Column("vpp_entry", "none"),
                ),
                width=24,
            ),
        ),
        (
            Panel(
                "vpp_not_sure",
                "list",
                (
                    Column("vpp_at"),
                    Column("vpp_resource"),
                    Column("vpp_promised", "kwatth"),
                    Column("vpp_baseline", "kwatth"),
                    Column("vpp_metered", "kwatth"),
                    Column("vpp_moved", "kwatth"),
                    Column("vpp_verdict", states=VERDICT_WORDS),
                    Column("vpp_unsure", states=UNSURE),
                ),
            ),
            Panel(
                "vpp_days",
                "list",
                (
                    Column("vpp_resource"),
                    Column("vpp_day"),
                    Column("vpp_outcome", states=OUTCOMES),
                    Column("vpp_day_energy", "kwatth"),
                    Column("vpp_window_energy", "kwatth"),
                    Column("vpp_detail"),
                ),
            ),
        ),
        (
            Panel(
                "vpp_head",
                "list",
                (Column("vpp_what"), Column("vpp_name"), Column("vpp_entry", "none"), Column("vpp_digest")),
                width=10,
            ),
            Panel(
                "vpp_chain",
                "list",
                (
                    Column("vpp_entry", "none"),
                    Column("vpp_entry_kind", states=ENTRIES),
                    Column("vpp_at"),
                    Column("vpp_by"),
                    Column("vpp_digest"),
                    Column("vpp_sound", states=SOUND),
                ),
                width=14,
            ),
        ),
    ),
    scope="vpp_event",
    since="now-7d",
    until="now+1d",
    refresh="1m",
    live="vpp&event=${event:percentencode}",
    annotated=False,
)
