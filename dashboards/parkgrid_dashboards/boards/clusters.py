"""Clusters and energy: output against the targets of the plan, intensity, and the share of PV and storage."""

from parkgrid_dashboards import colours
from parkgrid_dashboards.board import Board
from parkgrid_dashboards.panels import GOOD_ABOVE_95, Column, Panel, indicator

_AMOUNT = "suffix: 亿元"
_INTENSITY = "suffix: kWh/万元"

BOARD = Board(
    "clusters",
    rows=(
        (
            Panel(
                "plan_now",
                "answer",
                (
                    Column("output_this_year", _AMOUNT, colours.LOAD),
                    Column("target_2025", _AMOUNT),
                    Column("target_2030", _AMOUNT),
                    Column("progress_2025", "percent", decimals=1),
                    Column("progress_2030", "percent", decimals=1),
                ),
                width=14,
                height=4,
            ),
            Panel(
                "energy_now",
                "answer",
                (
                    indicator("consumption_kwh", colours.LOAD),
                    Column("pv_of_consumption", "percent", colours.PV, decimals=1),
                    Column("storage_of_consumption", "percent", colours.STORAGE, decimals=1),
                ),
                width=10,
                height=4,
            ),
        ),
        (
            Panel(
                "progress",
                "list",
                (
                    Column("cluster"),
                    Column("quarter"),
                    Column("output_this_year", _AMOUNT),
                    Column("base_2023", _AMOUNT),
                    Column("target_2025", _AMOUNT),
                    Column("target_2030", _AMOUNT),
                    Column("progress_2025", "percent", decimals=1),
                    Column("progress_2030", "percent", decimals=1),
                ),
                width=24,
                height=9,
            ),
        ),
        (
            Panel("outputs", "bars", unit=_AMOUNT),
            Panel("intensities", "lines", unit=_INTENSITY, minimum=0),
        ),
        (
            Panel(
                "cluster_figures",
                "list",
                (
                    Column("cluster"),
                    Column("quarter"),
                    Column("output", _AMOUNT),
                    Column("energy", "kwatth"),
                    Column("energy_intensity_kwh_per_10k_cny", _INTENSITY, decimals=3),
                    Column("output_share_pct", "percent", decimals=2),
                    Column("coverage_pct", "percent", decimals=1, steps=GOOD_ABOVE_95),
                ),
            ),
            Panel(
                "own_energy",
                "bars",
                (
                    Column("pv_of_consumption", "percent", colours.PV),
                    Column("storage_of_consumption", "percent", colours.STORAGE),
                ),
                unit="percent",
            ),
        ),
        (
            Panel(
                "sources",
                "list",
                (
                    Column("cluster"),
                    Column("quarter"),
                    Column("output", _AMOUNT),
                    Column("revision", "none"),
                    Column("source"),
                    Column("file"),
                    Column("cell"),
                    Column("entered_by"),
                ),
                width=24,
                height=8,
            ),
        ),
    ),
    scope="all",
    since="now-2y",
    refresh="5m",
    live="clusters",
    annotated=False,
)
