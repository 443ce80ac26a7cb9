"""Charging: which guns are busy, what they deliver, and how near the site is to its limit."""

from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import BAD_ABOVE_0, Column, Panel, indicator

_INK = {"charging": colours.CHARGING, "discharging": colours.STORAGE, "fault": colours.ALARM, "occupied": colours.PV}
_STATES = {str(code): (f"charger_{state}", _INK.get(state, colours.GRID)) for code, state in enumerate(CHARGER_STATES)}

BOARD = Board(
    "charging_station",
    rows=(
        (
            Panel(
                "charging_now",
                "answer",
                (
                    Column("guns_charging", "none", colours.CHARGING),
                    Column("guns_returning", "none", colours.STORAGE),
                    Column("guns_faulty", "none", steps=BAD_ABOVE_0),
                    Column("guns", "none"),
                    Column("charging", "kwatt", colours.CHARGING),
                ),
                height=4,
            ),
            Panel(
                "charging_energy",
                "answer",
                (
                    Column("delivered", "kwatth", colours.CHARGING),
                    Column("returned", "kwatth", colours.STORAGE),
                    indicator("charger_energy_utilisation_ratio"),
                ),
                height=4,
            ),
        ),
        (Panel("gun_states", "states", unit="none", width=24, states=_STATES, points=300),),
        (
            Panel(
                "site_power",
                "lines",
                (
                    Column("charging", "kwatt", colours.CHARGING),
                    Column("site_limit", "kwatt", colours.PLAN, dashed=True),
                ),
                unit="kwatt",
            ),
            Panel("gun_power", "lines", unit="kwatt", points=300),
        ),
        (
            Panel("gun_energy", "bars", unit="kwatth", points=30),
            Panel(
                "guns",
                "list",
                (
                    Column("gateway"),
                    Column("device"),
                    Column("gun_state", states=_STATES),
                    Column("charging", "kwatt"),
                    Column("vehicle_soc", "percent"),
                    Column("delivered", "kwatth"),
                ),
            ),
        ),
    ),
    scope="device",
    devices="charger_devices",
    live="devices&class=charger",
)
