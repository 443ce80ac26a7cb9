"""A day of a small park in whole watt-hours a minute, so that every figure can be computed by hand.

Wh a minute     00-08   08-10   10-10:30   10:30-17   17-18   18-20   20-24    kWh of the day
load              500     500        500        500     500     500     500    720
two inverters       -    1200       1200       1200       -       -       -    648    (9 h)
charger             -       -       1000          -       -       -       -     30
storage in          -     300          -          -       -       -       -     36
storage out         -       -          -          -       -     240       -     28.8
grid in           500       -        300          -     500     260     500    240 + 9 + 30 + 31.2 + 120 = 430.2
grid out            -     400          -        700       -       -       -    48 + 273 = 321
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import MeteringPoint
from parkgrid_contract.signals import CATALOGUE, CHARGER_STATES, OPERATING_STATES
from parkgrid_domain.period import Period, period
from tests.metering.park import MINUTE_MS, Metering

DAY = period("2026-03-05")
MINUTES = 1440
Flow = Callable[[int], int]
RUNNING, FAULT, CHARGING, AVAILABLE = (
    OPERATING_STATES.index("running"),
    OPERATING_STATES.index("fault"),
    CHARGER_STATES.index("charging"),
    CHARGER_STATES.index("available"),
)
ENERGY = {
    "grid_meter": ("energy_import_kwh", "energy_export_kwh"),
    "meter": ("energy_import_kwh", "energy_export_kwh"),
    "pv_inverter": ("energy_generated_kwh",),
    "storage": ("energy_charged_kwh", "energy_discharged_kwh"),
    "charger": ("energy_delivered_kwh", "energy_returned_kwh"),
    "dc_bus": ("energy_import_kwh", "energy_export_kwh"),
}
NOTHING: Flow = lambda _: 0  # noqa: E731


def between(first_h: float, last_h: float, wh: int) -> Flow:
    return lambda minute: wh if first_h * 60 <= minute < last_h * 60 else 0


def load(minute: int) -> int:
    return 500 if minute >= 0 else 0


one_inverter = between(8, 17, 600)
charging = between(10, 10.5, 1000)
stored = between(8, 10, 300)
released = between(18, 20, 240)


def net(minute: int) -> int:
    return load(minute) + charging(minute) + stored(minute) - 2 * one_inverter(minute) - released(minute)


@dataclass(frozen=True)
class Plan:
    """A device, its registers' energies by the minute, and its other signals by the minute."""

    device: Device
    flows: Sequence[Flow]
    gauges: Callable[[int], Mapping[str, float]] = lambda _: {}
    until_minute: int = MINUTES
    """The last minute that is read."""


def device(name: str, kind: str, *gauges: str, **more: Any) -> Device:
    signals = (*ENERGY.get(kind, ()), *gauges)
    return Device(name, kind, signals, **({"period_s": 60.0, "point": MeteringPoint("s", "f1", "t1")} | more))


def light(minute: int) -> float:
    """940 and 960 W/m² by turns of a quarter of an hour: a sensor that stands still is not believed."""
    return 950.0 + (10 if minute // 15 % 2 else -10) if 480 <= minute < 1020 else 0.0


def stored_kwh(minute: int) -> float:
    """100 kWh, 0.9 of what comes in, 1 / 0.9 of what goes out: 132.4 at ten, 100.4 at the end."""
    taken, given = min(max(minute - 480, 0), 120) * 0.3, min(max(minute - 1080, 0), 120) * 0.24
    return 100 + taken * 0.9 - given / 0.9


def park_plans() -> dict[str, Plan]:
    """The park of the table above."""
    account = {"point": MeteringPoint("s", "f1", "t1", "main")}
    plans = [
        Plan(
            device("grid", "grid_meter", "active_power_kw", "reactive_energy_import_kvarh", **account),
            (lambda m: max(net(m), 0), lambda m: max(-net(m), 0)),
            lambda m: {"active_power_kw": net(m) * 0.06, "reactive_energy_import_kvarh": 10_000 + m * 0.1},
        ),
        Plan(device("load", "meter"), (load, NOTHING)),
        *(
            Plan(
                device(name, "pv_inverter", "operating_state", ratings={"rated_power_kw": 36, "rated_power_kwp": 40}),
                (one_inverter,),
                lambda _: {"operating_state": RUNNING},
            )
            for name in ("pv-1", "pv-2")
        ),
        Plan(
            device("bess", "storage", "stored_energy_kwh", ratings={"capacity_kwh": 144, "rated_power_kw": 20}),
            (stored, released),
            lambda m: {"stored_energy_kwh": stored_kwh(m)},
        ),
        Plan(
            device("gun", "charger", "operating_state", "session_count", ratings={"rated_power_kw": 60}),
            (charging, NOTHING),
            lambda m: {"operating_state": CHARGING if 600 <= m < 630 else AVAILABLE, "session_count": 5 + (m >= 600)},
        ),
        Plan(
            device("sky", "weather", "irradiance_plane_w_m2", "module_temperature_c"),
            (),
            lambda m: {"irradiance_plane_w_m2": light(m), "module_temperature_c": 25.0},
        ),
    ]
    return {each.device.device: each for each in plans}


def run(
    park: Metering,
    plans: Mapping[str, Plan],
    day: Period = DAY,
    flags: Mapping[str, Mapping[int, bytes]] | None = None,
) -> None:
    """Announce the devices, store a reading of each at every period from midnight to midnight, and meter.

    `flags` are by device and reading.
    """
    park.born(*(each.device for each in plans.values()))
    for plan in plans.values():
        kind, step = plan.device.device_class, round(plan.device.period_s / 60)
        counters = [0] * len(plan.flows)
        # The first registers are told; an announced one without a flow stays silent.
        told = [signal for signal in ENERGY.get(kind, ()) if signal in plan.device.signals][: len(plan.flows)]
        readings = []
        for minute in range(plan.until_minute + 1):
            if minute % step == 0:
                values: dict[str, Any] = dict(zip(told, counters, strict=True))
                named = CATALOGUE[kind].by_name
                values |= {name: named[name].steps(value) for name, value in plan.gauges(minute).items()}
                at_ms = day.start_ms + minute * MINUTE_MS
                readings.append((park.devices[plan.device.device], at_ms, values))
            counters = [held + flow(minute) for held, flow in zip(counters, plan.flows, strict=True)]
        mine = (flags or {}).get(plan.device.device)
        park.store_readings(readings, kind, received_ms=day.end_ms + MINUTE_MS, flags=mine)
    park.metered()
