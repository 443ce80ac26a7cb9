"""A day of two guns in whole watt-hours a minute, so that the origin of every session can be worked out by hand.

Wh a minute       10:00-10:15   10:15-10:30   22:00-22:15   22:15-22:30   23:45-24:00
photovoltaics          600           300            -             -             -
storage out            300            -             -             -             -
grid in                100           700          1000            -           100
gun-1                  400           200            -             -           100
gun-2                   -             -           1000            -             -
gun-2 gives back        -             -             -            500            -

The sources of the first quarter are 9 + 4.5 + 1.5 = 15 kWh, so 60 % PV, 30 % storage, 10 % grid; those of the second
4.5 + 10.5 = 15 kWh, so 30 % PV and 70 % grid. In the evening all is from the grid.
"""

from collections.abc import Callable

from parkgrid_contract.signals import CHARGER_STATES
from tests.accounting.indicator_day import AVAILABLE, CHARGING, DAY, NOTHING, Flow, Plan, device, run
from tests.metering.park import Metering

DISCHARGING = CHARGER_STATES.index("discharging")
GAUGES = ("active_power_kw", "vehicle_soc_pct", "operating_state", "session_count")
MINUTE_MS = 60_000


def at_ms(text: str) -> int:
    """Milliseconds of a time of the day, as `10:15`."""
    hours, minutes = text.split(":")
    return DAY.start_ms + (int(hours) * 60 + int(minutes)) * MINUTE_MS


def steps(*listed: tuple[int, int, int]) -> Flow:
    """From minute, to minute, Wh a minute."""
    return lambda minute: next((wh for first, last, wh in listed if first <= minute < last), 0)


FIRST, SECOND = (600, 615), (615, 630)
EVENING, GIVING, NIGHT = (1320, 1335), (1335, 1350), (1425, 1441)
GUN_1 = steps((*FIRST, 400), (*SECOND, 200), (*NIGHT, 100))
GUN_2, GUN_2_BACK = steps((*EVENING, 1000)), steps((*GIVING, 500))


def _gun(
    name: str, flows: tuple[Flow, Flow], busy: Callable[[int], int | None], count: Callable[[int], int], soc: int
) -> Plan:
    def shown(minute: int) -> dict[str, float]:
        power_kw = (flows[0](minute) - flows[1](minute)) * 0.06
        state = busy(minute)
        plugged = {} if state is None else {"vehicle_soc_pct": soc + 0.5 * (minute % 60)}
        found = {"active_power_kw": power_kw, "operating_state": AVAILABLE if state is None else state}
        return {**found, "session_count": count(minute), **plugged}

    return Plan(device(name, "charger", *GAUGES), flows, shown)


def plans() -> dict[str, Plan]:
    """The park of the table above."""

    def first(minute: int) -> int | None:
        return CHARGING if 600 <= minute < 630 or minute >= 1425 else None

    def second(minute: int) -> int | None:
        if 1320 <= minute < 1335:
            return CHARGING
        return DISCHARGING if 1335 <= minute < 1350 else None

    grid = steps((*FIRST, 100), (*SECOND, 700), (*EVENING, 1000), (*NIGHT, 100))
    listed = [
        Plan(device("grid", "grid_meter"), (grid, NOTHING)),
        Plan(device("pv-1", "pv_inverter"), (steps((*FIRST, 600), (*SECOND, 300)),)),
        Plan(device("bess", "storage"), (NOTHING, steps((*FIRST, 300)))),
        _gun("gun-1", (GUN_1, NOTHING), first, lambda minute: (minute >= 600) + (minute >= 1425), 40),
        _gun("gun-2", (GUN_2, GUN_2_BACK), second, lambda minute: minute >= 1320, 70),
    ]
    return {each.device.device: each for each in listed}


def charged(park: Metering, *without: str) -> None:
    """Store the day, and meter it; without some of its devices."""
    run(park, {name: plan for name, plan in plans().items() if name not in without})
