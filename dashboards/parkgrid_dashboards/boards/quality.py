"""Data quality: how much of what should have come came, where it did not, and what was refused."""

from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import BAD_ABOVE_0, GOOD_ABOVE_95, Column, Panel

BOARD = Board(
    "quality",
    rows=(
        (
            Panel(
                "quality_now",
                "answer",
                (
                    Column("coverage_pct", "percent", decimals=1, steps=GOOD_ABOVE_95),
                    Column("coverage_lowest", "percent", decimals=1, steps=GOOD_ABOVE_95),
                    Column("estimated_pct", "percent", decimals=1),
                    Column("late_pct", "percent", decimals=1),
                ),
                width=14,
                height=4,
            ),
            Panel(
                "trouble_now",
                "answer",
                (
                    Column("gaps", "none", steps=BAD_ABOVE_0),
                    Column("refused", "none", steps=BAD_ABOVE_0),
                    Column("lost_batches", "none", steps=BAD_ABOVE_0),
                ),
                width=10,
                height=4,
            ),
        ),
        (Panel("calendar", "calendar", unit="percent", width=24, steps=GOOD_ABOVE_95, height=7),),
        (
            Panel(
                "worst_registers",
                "list",
                (
                    Column("park"),
                    Column("gateway"),
                    Column("device"),
                    Column("signal"),
                    Column("coverage_pct", "percent", decimals=1, steps=GOOD_ABOVE_95),
                    Column("estimated_intervals", "none"),
                    Column("late", "none"),
                ),
            ),
            Panel(
                "gap_list",
                "list",
                tuple(Column(name) for name in ("from_at", "to_at", "park", "gateway", "device", "signal", "cause")),
            ),
        ),
        (
            Panel(
                "quarantine",
                "list",
                (
                    Column("last_at"),
                    Column("park"),
                    Column("gateway"),
                    Column("device"),
                    Column("reason"),
                    Column("occurrences", "none"),
                    Column("location"),
                ),
            ),
            Panel(
                "lost",
                "list",
                (
                    Column("noted_at"),
                    Column("park"),
                    Column("gateway"),
                    Column("first_seq", "none"),
                    Column("last_seq", "none"),
                ),
            ),
        ),
    ),
    scope="district",
    since="now-14d",
    refresh="1m",
    live="quality",
)
