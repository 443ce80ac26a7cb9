"""One park: where its power comes from and goes, how much of it is its own, and whether its data come."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import GOOD_ABOVE_95, SILENT_S, Column, Panel, indicator

_YES_NO = {"1": ("yes", colours.CALM), "0": ("no", colours.ALARM)}
_MARKED = {"1": ("yes", colours.PV), "0": ("no", colours.CALM)}

BOARD = Board(
    "park",
    rows=(
        (
            Panel(
                "power_now",
                "answer",
                (
                    Column("grid", "kwatt", colours.GRID),
                    Column("pv", "kwatt", colours.PV),
                    Column("storage", "kwatt", colours.STORAGE),
                    Column("charging", "kwatt", colours.CHARGING),
                ),
                width=9,
                height=4,
                links=(("storage", "storage"), ("charging_station", "charging_station")),
            ),
            Panel(
                "ratios",
                "answer",
                (
                    indicator("consumption_kwh", colours.LOAD),
                    indicator("self_consumption_ratio", colours.PV),
                    indicator("self_sufficiency_ratio", colours.PV),
                ),
                width=9,
                height=4,
                links=(("meters", "meters"),),
            ),
            Panel(
                "coverage",
                "answer",
                (
                    Column("coverage_pct", "percent", decimals=1, steps=GOOD_ABOVE_95),
                    Column("estimated_pct", "percent", decimals=1),
                ),
                width=6,
                height=4,
                links=(("quality", "quality"),),
            ),
        ),
        (
            Panel(
                "power",
                "lines",
                (
                    Column("grid", "kwatt", colours.GRID),
                    Column("pv", "kwatt", colours.PV),
                    Column("storage", "kwatt", colours.STORAGE),
                    Column("load", "kwatt", colours.LOAD),
                    Column("charging", "kwatt", colours.CHARGING),
                ),
                unit="kwatt",
                width=24,
                height=10,
            ),
        ),
        (
            Panel(
                "energy",
                "bars",
                (
                    Column("import", "kwatth", colours.GRID),
                    Column("export", "kwatth", colours.GRID),
                    Column("generated", "kwatth", colours.PV),
                    Column("discharged", "kwatth", colours.STORAGE),
                    Column("charged", "kwatth", colours.STORAGE),
                ),
                unit="kwatth",
                points=30,
                links=(("meters", "meters"),),
            ),
            Panel(
                "state_of_charge",
                "lines",
                unit="percent",
                minimum=0,
                maximum=100,
                links=(("storage", "storage"),),
            ),
        ),
        (
            Panel(
                "sun",
                "lines",
                (
                    Column("irradiance", "suffix: W/m²", colours.PV),
                    Column("module_temperature", "celsius", colours.ALARM),
                ),
                unit="none",
            ),
            Panel(
                "gateways",
                "list",
                (
                    Column("gateway"),
                    Column("online", states=_YES_NO),
                    Column("agent_version"),
                    Column("silent_s", "s", steps=SILENT_S),
                    Column("simulated", states=_MARKED),
                ),
                links=(("platform", "platform"),),
            ),
        ),
    ),
    scope="park",
    live="park",
)
