"""The test of an adjustable capability: an agreed step, read minute by minute from the roll-ups and judged.

registers of the resource ─▶ power of their devices, 1 min ─▶ what the resource drew ─▶ step_test ─▶ entry `test`
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.capability.step_test import StepTest, step_test
from parkgrid_domain.vpp.documents import CapabilityTest, HeldQuarter, Term
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.statements import statement

BEFORE_MIN = 15
"""The level before the step is the mean of so many minutes."""
AFTER_MIN = 30
"""So many minutes after the hold show how the site comes back, as far as they were read."""
_SIGNS: Mapping[str, int] = {
    "energy_import_kwh": 1,
    "energy_export_kwh": -1,
    "energy_generated_kwh": 1,
    "energy_discharged_kwh": 1,
    "energy_charged_kwh": -1,
    "energy_delivered_kwh": 1,
    "energy_returned_kwh": -1,
}
"""Counters, and which sign of their device's active power fills them."""
_MINUTE = timedelta(minutes=1)
_W_PER_KW = 1000
_PLACES = Decimal("0.000001")


def judged_step(
    connection: Connection, pilot: Pilot, name: str, start: datetime, step_w: int, hold_min: int
) -> CapabilityTest:
    """Read and judge a step; to be written as an entry about the resource.

    `step_w` is negative where less is to be drawn. Raises `PilotError` for an unknown resource, a minute before the
    step or of the hold without a reading, and a step that cannot be judged; `StoreError`.
    """
    resource = pilot.resources.get(name)
    if resource is None:
        raise PilotError(f"the resource {name} is not registered")
    start = start.astimezone(UTC)
    if start != start.replace(second=0, microsecond=0):
        raise PilotError(f"{start} is not on the minute: a test begins on a minute")
    first = start - BEFORE_MIN * _MINUTE
    count = BEFORE_MIN + hold_min + AFTER_MIN
    with translated():
        drawn = _drawn(connection, resource.meter, first, count)
    needed = drawn[: BEFORE_MIN + hold_min]
    missing = [place for place, each in enumerate(needed) if each is None]
    if missing:
        at = first + missing[0] * _MINUTE
        raise PilotError(
            f"{len(missing)} of {len(needed)} minutes of {name} were not read, the first at {at:%Y-%m-%d %H:%MZ}: "
            "a test needs each minute of the quarter hour before the step and of the hold; take another time"
        )
    known = [each for each in drawn if each is not None]
    # Minutes after the hold count as far as they were read without a gap.
    after = next((place for place, each in enumerate(drawn) if each is None), len(drawn))
    return _judged(start, step_w, hold_min, known[:BEFORE_MIN], known[BEFORE_MIN:after])


def _judged(
    start: datetime, step_w: int, hold_min: int, before: Sequence[int], minutes: Sequence[int]
) -> CapabilityTest:
    level = round(sum(before) / len(before))
    try:
        found: StepTest = step_test(level, step_w, minutes, hold_min)
    except ValueError as error:
        raise PilotError(str(error)) from error
    return CapabilityTest(
        from_=start,
        step_w=step_w,
        hold_min=hold_min,
        before_w=level,
        minutes_before_w=tuple(before),
        minutes_w=tuple(minutes),
        first_response_min=found.first_response_min,
        reached_min=found.reached_min,
        quarters=tuple(
            HeldQuarter(round(each.mean_kw), Decimal(str(each.accuracy)).quantize(_PLACES)) for each in found.quarters
        ),
        rebound_w=None if found.rebound_kw is None else round(found.rebound_kw),
    )


def _drawn(connection: Connection, meter: Sequence[Term], first: datetime, count: int) -> list[int | None]:
    """What a resource drew in each minute in W; None where one of its devices told nothing."""
    powers = {device: _power(connection, device, first, count) for device in dict.fromkeys(map(_device, meter))}
    found: list[int | None] = []
    for at in (first + place * _MINUTE for place in range(count)):
        told = [(term, powers[_device(term)].get(at)) for term in meter]
        known = [_of_term(term, power) for term, power in told if power is not None]
        found.append(round(sum(known) * _W_PER_KW) if len(known) == len(told) else None)
    return found


def _of_term(term: Term, power_kw: float) -> float:
    """What a register would have counted of a power, by the sign of the formula."""
    signal = term.register.rpartition("/")[2]
    if signal not in _SIGNS:
        raise PilotError(f"{term.register} counts no active power: a test cannot be read from it")
    return term.sign * max(0.0, _SIGNS[signal] * power_kw)


def _power(connection: Connection, device: str, first: datetime, count: int) -> dict[datetime, float]:
    names = dict(zip(("park", "gateway", "device"), device.split("/"), strict=True))
    row = connection.execute(statement("capability/device"), names).fetchone()
    if row is None or "active_power_kw" not in CATALOGUE[row[0]].by_name:
        raise PilotError(f"{device} is no device that tells its active power: a test cannot be read from it")
    relation = sql.Identifier("public", f"{CATALOGUE[row[0]].name}_1m")
    query = sql.SQL(statement("capability/minutes")).format(relation=relation)
    values = {"park_id": row[1], "device_id": row[2], "start": first, "stop": first + count * _MINUTE}
    return {at.astimezone(UTC): power for at, power in connection.execute(query, values)}


def _device(term: Term) -> str:
    return term.register.rpartition("/")[0]
