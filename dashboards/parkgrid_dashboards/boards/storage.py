"""Storage: how full, how much it moved, what came back of it."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import GOOD_ABOVE_95, Column, Panel, indicator

BOARD = Board(
    "storage",
    rows=(
        (
            Panel(
                "storage_now",
                "answer",
                (
                    Column("state_of_charge", "percent", colours.STORAGE),
                    Column("storage", "kwatt", colours.STORAGE),
                    Column("charge_limit", "kwatt"),
                    Column("discharge_limit", "kwatt"),
                ),
                height=4,
            ),
            Panel(
                "storage_energy",
                "answer",
                (
                    Column("charged", "kwatth", colours.STORAGE),
                    Column("discharged", "kwatth", colours.STORAGE),
                    indicator("storage_round_trip_efficiency"),
                    indicator("storage_equivalent_full_cycles"),
                ),
                height=4,
            ),
        ),
        (Panel("soc_band", "lines", unit="percent", minimum=0, maximum=100, width=24),),
        (
            Panel(
                "storage_power",
                "lines",
                (
                    Column("storage", "kwatt", colours.STORAGE),
                    Column("charge_limit", "kwatt", colours.PLAN, dashed=True),
                    Column("discharge_limit", "kwatt", colours.PLAN, dashed=True),
                ),
                unit="kwatt",
            ),
            Panel(
                "storage_flows",
                "bars",
                (Column("discharged", "kwatth", colours.STORAGE), Column("charged", "kwatth", colours.STORAGE)),
                unit="kwatth",
                points=30,
            ),
        ),
        (
            Panel("dc_side", "lines", unit="volt"),
            Panel(
                "storage_days",
                "list",
                (
                    Column("day"),
                    Column("charged", "kwatth"),
                    Column("discharged", "kwatth"),
                    indicator("storage_round_trip_efficiency"),
                    Column("coverage_pct", "percent", decimals=1, steps=GOOD_ABOVE_95),
                ),
            ),
        ),
    ),
    scope="device",
    devices="storage_devices",
    live="devices&class=storage",
)
