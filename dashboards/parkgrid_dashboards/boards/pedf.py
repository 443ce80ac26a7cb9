"""The DC building (PEDF, 光储直柔): whether the bus holds its band and follows its plan."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import Column, Panel, indicator

BOARD = Board(
    "pedf",
    rows=(
        (
            Panel(
                "bus_now",
                "answer",
                (
                    Column("voltage_share", "percent", colours.DC_BUS),
                    Column("bus_power", "kwatt", colours.DC_BUS),
                    Column("bus_target", "kwatt"),
                    Column("ripple", "volt"),
                ),
                height=4,
            ),
            Panel(
                "bus_quality",
                "answer",
                (
                    indicator("pedf_time_in_voltage_band_ratio", colours.DC_BUS),
                    indicator("pedf_tracking_error_pct"),
                ),
                height=4,
            ),
        ),
        (
            Panel(
                "bus_voltage",
                "lines",
                (
                    Column("voltage", "volt", colours.DC_BUS),
                    Column("reference_voltage", "volt", colours.PLAN, dashed=True),
                ),
                unit="volt",
            ),
            Panel(
                "bus_power",
                "lines",
                (
                    Column("bus_power", "kwatt", colours.DC_BUS),
                    Column("bus_target", "kwatt", colours.PLAN, dashed=True),
                ),
                unit="kwatt",
            ),
        ),
        (
            Panel(
                "bus_energy",
                "bars",
                (Column("import", "kwatth", colours.DC_BUS), Column("export", "kwatth", colours.DC_BUS)),
                unit="kwatth",
                points=30,
            ),
            Panel("bus_ripple", "lines", unit="volt", minimum=0),
        ),
        (
            Panel(
                "buses",
                "list",
                (
                    Column("gateway"),
                    Column("device"),
                    Column("name"),
                    Column("nominal_voltage", "volt"),
                    Column("rated_power", "kwatt"),
                ),
                width=24,
                height=5,
            ),
        ),
    ),
    scope="device",
    devices="dc_bus_devices",
    live="devices&class=dc_bus",
)
