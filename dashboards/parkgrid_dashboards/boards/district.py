"""The district: what it draws and makes now, which park needs somebody."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import BAD_ABOVE_0, GOOD_ABOVE_95, SILENT_S, Column, Panel, indicator

BOARD = Board(
    "district",
    rows=(
        (
            Panel(
                "district_now",
                "answer",
                (
                    Column("grid", "kwatt", colours.GRID),
                    Column("pv", "kwatt", colours.PV),
                    Column("charging", "kwatt", colours.CHARGING),
                ),
                width=8,
                height=4,
            ),
            Panel(
                "district_energy",
                "answer",
                (
                    indicator("consumption_kwh", colours.LOAD),
                    Column("generated", "kwatth", colours.PV),
                    indicator("self_sufficiency_ratio", colours.PV),
                ),
                width=8,
                height=4,
            ),
            Panel(
                "district_state",
                "answer",
                (
                    Column("parks", "none"),
                    Column("gateways_online", "none"),
                    Column("gateways_offline", "none", steps=BAD_ABOVE_0),
                    Column("silent_s", "s", steps=SILENT_S),
                ),
                width=8,
                height=4,
            ),
        ),
        (
            Panel(
                "park_list",
                "list",
                (
                    Column("park", link="/d/parkgrid-park-{language}?var-park=${__value.raw}&${__url_time_range}"),
                    Column("park_name"),
                    Column("silent_s", "s", steps=SILENT_S),
                    Column("import", "kwatth"),
                    Column("generated", "kwatth"),
                    indicator("self_sufficiency_ratio"),
                    Column("coverage_pct", "percent", decimals=1, steps=GOOD_ABOVE_95),
                ),
                width=24,
                height=7,
            ),
        ),
        (
            Panel("power_of_parks", "lines", unit="kwatt", points=300),
            Panel(
                "district_flows",
                "bars",
                (
                    Column("import", "kwatth", colours.GRID),
                    Column("generated", "kwatth", colours.PV),
                    Column("discharged", "kwatth", colours.STORAGE),
                    Column("charged", "kwatth", colours.STORAGE),
                    Column("export", "kwatth", colours.GRID),
                ),
                unit="kwatth",
                points=30,
            ),
        ),
    ),
    scope="district",
    live="district",
)
