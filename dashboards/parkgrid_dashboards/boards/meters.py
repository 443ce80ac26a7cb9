"""Meters and demand: the month's peak against its limit, and every register that proves it."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import BAD_ABOVE_0, OF_LIMIT, Column, Panel, indicator

_LIMIT = Column("demand_limit", "kwatt", colours.PLAN, dashed=True)

BOARD = Board(
    "meters",
    rows=(
        (
            Panel(
                "demand_now",
                "answer",
                (
                    indicator("maximum_demand_kw", colours.GRID),
                    Column("good_maximum_kw", "kwatt"),
                    Column("demand_limit", "kwatt"),
                    Column("demand_share", "percent", decimals=0, steps=OF_LIMIT),
                    indicator("load_factor"),
                    indicator("power_factor"),
                ),
                width=24,
                height=4,
            ),
        ),
        (
            Panel("demand", "lines", (Column("demand", "kwatt", colours.GRID), _LIMIT), unit="kwatt", minimum=0),
            Panel("month_peak", "lines", (Column("peak", "kwatt", colours.ALARM), _LIMIT), unit="kwatt", minimum=0),
        ),
        (
            Panel("meter_power", "lines", unit="kwatt", points=300),
            Panel("power_factors", "lines", unit="none"),
        ),
        (
            Panel(
                "registers",
                "list",
                (
                    Column("gateway"),
                    Column("device"),
                    Column("signal"),
                    Column("unit"),
                    Column("first_register", "none", decimals=3),
                    Column("last_register", "none", decimals=3),
                    Column("energy", "none", decimals=1),
                    Column("estimated_intervals", "none"),
                    Column("missing_intervals", "none", steps=BAD_ABOVE_0),
                ),
                width=16,
                height=10,
                links=(("quality", "quality"),),
            ),
            Panel(
                "agreements",
                "list",
                (
                    Column("account"),
                    Column("plan_id"),
                    Column("contracted", "kwatt"),
                    Column("voltage_class"),
                    Column("demand_basis"),
                    Column("power_factor_standard", "none", decimals=2),
                    Column("valid_from"),
                ),
                width=8,
                height=10,
            ),
        ),
    ),
    scope="device",
    devices="meter_devices",
    live="devices&class=meter",
)
