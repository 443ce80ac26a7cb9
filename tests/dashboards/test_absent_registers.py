"""What panels compute in SQL is what the definitions say, also of parks whose registers are absent, silent or late."""

from collections.abc import Mapping
from dataclasses import replace

import psycopg
import pytest

from parkgrid_accounting.figures.district import OF_PARKS_TOGETHER, district_figures
from parkgrid_accounting.figures.indicators import figures
from parkgrid_accounting.figures.inputs import NOTHING_GIVEN
from parkgrid_accounting.scope import Scope
from parkgrid_contract.time import from_ms
from parkgrid_dashboards.check.macros import Range, expand
from parkgrid_dashboards.queries import query
from parkgrid_ingest.store import Park
from tests.accounting.conftest import park
from tests.accounting.indicator_day import DAY, NOTHING, Plan, device, load, park_plans, run
from tests.metering.park import PARK, Metering

__all__ = ["park"]


def announcing(plan: Plan, *signals: str, flows: int) -> Plan:
    """A meter that announces these signals and tells the first flows."""
    return replace(plan, device=replace(plan.device, signals=signals), flows=plan.flows[:flows])


def without(plans: Mapping[str, Plan], *names: str) -> dict[str, Plan]:
    return {name: plan for name, plan in plans.items() if name not in names}


PLANS = park_plans()
GRID = PLANS["grid"]
SECOND = Plan(device("grid-2", "grid_meter"), (load, lambda _: 0))
CASES = {
    "everything is there": PLANS,
    "an import-only connection": PLANS | {"grid": announcing(GRID, "energy_import_kwh", flows=1)},
    "an export register that is never told": PLANS | {"grid": replace(GRID, flows=GRID.flows[:1])},
    "two connections, one of which only imports": PLANS | {"grid-2": announcing(SECOND, "energy_import_kwh", flows=1)},
    "no photovoltaics": without(PLANS, "pv-1", "pv-2"),
    "neither storage nor connection": without(PLANS, "bess", "grid"),
    "photovoltaics that gave nothing": PLANS
    | {name: replace(PLANS[name], flows=(NOTHING,)) for name in ("pv-1", "pv-2")},
    "an inverter and a storage that fall silent at three": PLANS
    | {name: replace(PLANS[name], until_minute=900) for name in ("pv-2", "bess")},
    "an hourly connection, and a storage that falls silent late": PLANS
    | {
        "bess": replace(PLANS["bess"], until_minute=1380),
        "grid": replace(GRID, device=replace(GRID.device, period_s=3600.0)),
    },
    "more exported than there is": {"grid": replace(GRID, flows=GRID.flows[::-1])},
}
NAMES = ("consumption_kwh", "self_consumption_ratio", "self_sufficiency_ratio")
PANELS = {
    ("park", "ratios", "park"): NAMES,
    ("storage", "storage_energy", "device"): ("storage_round_trip_efficiency", "storage_equivalent_full_cycles"),
    ("district", "district_energy", "district"): ("consumption_kwh", "self_sufficiency_ratio"),
    ("district", "park_list", "district"): ("self_sufficiency_ratio",),
}


@pytest.mark.parametrize("case", CASES)
def test_panels_say_what_the_definitions_say(park: Metering, dsn: str, case: str) -> None:
    plans = CASES[case]
    park.store.describe_park(Park(PARK.park, "pingshan"))
    run(park, plans)
    values = {"park": [PARK.park], "district": ["pingshan"], "device": ["gw-1/bess"]}
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
        span = Range(*(from_ms(ms) for ms in (DAY.start_ms, DAY.end_ms)))
        shown = {
            place: connection.execute(expand(query(*place, "en"), span, 900_000, values).encode()).fetchone()
            for place in PANELS
        }
    with psycopg.connect(dsn) as connection:
        expected = {each.name: each for each in figures(connection, Scope(PARK.park), DAY)}
        together = district_figures(connection, [PARK.park], DAY, OF_PARKS_TOGETHER, NOTHING_GIVEN)
    assert together == [expected[name] for name in OF_PARKS_TOGETHER]
    for place, names in PANELS.items():
        row = shown[place] or dict.fromkeys(names)
        for name in names:
            value = expected[name].value
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-9)), (
                place,
                name,
                expected[name],
            )
