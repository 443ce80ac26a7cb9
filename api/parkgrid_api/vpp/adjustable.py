"""What can be adjusted in the next 24 hours."""

from collections.abc import Collection, Iterator
from datetime import datetime

from parkgrid_api.answers.vpp import Adjustable, AdjustableFacts, AdjustableSide, CapabilityShape
from parkgrid_api.vpp.amounts import head
from parkgrid_api.vpp.summary import Names
from parkgrid_contract.time import to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.capability.outlook import SLOTS, Direction, Outlook
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp.capability import PilotCapability, ResourceCapability, capability

_PLACES = 3
"""Of kW: whole W."""


def adjustable(
    connection: Connection,
    pilot: Pilot,
    now: datetime,
    names: Names,
    only: Collection[str] | None,
    skip: int,
    most: int,
) -> CapabilityShape:
    """The capability of a pool, of its parks and transformers; `only` names its resources, which are then told too."""
    found = capability(connection, pilot, now, only)
    rows = list(_each(pilot, found, names, resources=only is not None)) if found.resources else []
    return {
        "head": head(pilot),
        "at_ms": [to_ms(found.start + QUARTER * slot) for slot in range(SLOTS)],
        "total": len(rows),
        "of": [_one(*row) for row in rows[skip : skip + most]],
    }


_Row = tuple[str, str, tuple[str, str], Outlook, AdjustableFacts | None]


def _each(pilot: Pilot, found: PilotCapability, names: Names, *, resources: bool) -> Iterator[_Row]:
    yield "all", "all", ("全部", "All"), found.pool, None
    for park, outlook in sorted(found.parks.items()):
        yield "park", park, names.get(park, (park, park)), outlook, None
    for transformer, outlook in sorted(found.transformers.items()):
        known = pilot.locations.get(transformer)
        name = transformer if known is None else known.name
        yield "transformer", transformer, (name, name), outlook, None
    for resource, each in sorted(found.resources.items()) if resources else ():
        one = pilot.resources[resource]
        yield "resource", resource, (one.name_zh, one.name_en), each.outlook, _facts(each)


def _facts(of: ResourceCapability) -> AdjustableFacts:
    forecast = of.forecast
    return {
        "ramp_kw_per_min": of.ramp_kw_per_min,
        "notice_min": of.notice_min,
        "recovery_min": of.recovery_min,
        "confidence_pct": of.confidence_pct,
        "method": None if forecast is None else forecast.method,
        "issued_ms": None if forecast is None else to_ms(forecast.issued_at),
    }


def _one(kind: str, name: str, told: tuple[str, str], outlook: Outlook, facts: AdjustableFacts | None) -> Adjustable:
    return {
        "kind": kind,  # type: ignore[typeddict-item]
        "id": name,
        "name_zh": told[0],
        "name_en": told[1],
        "up": _side(outlook.up),
        "down": _side(outlook.down),
        "facts": facts,
    }


def _side(of: Direction) -> AdjustableSide:
    return {
        "kw": [round(float(each), _PLACES) for each in of.kw[:SLOTS]],
        "minutes": [round(float(each), 1) for each in of.minutes[:SLOTS]],
        "limit": [of.limit_at(slot) for slot in range(SLOTS)],
    }
