"""What can be adjusted in the next 24 hours."""

from collections.abc import Iterator
from datetime import datetime

from parkgrid_api.answers.vpp import Adjustable, AdjustableSide, CapabilityShape
from parkgrid_api.vpp.amounts import head
from parkgrid_api.vpp.summary import Names
from parkgrid_contract.time import to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.capability.outlook import SLOTS, Direction, Outlook
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp.capability import PilotCapability, capability

_PLACES = 3
"""Of kW: whole W."""


def adjustable(connection: Connection, pilot: Pilot, now: datetime, names: Names) -> CapabilityShape:
    """The capability of the pool, of each park and of each transformer."""
    found = capability(connection, pilot, now)
    return {
        "head": head(pilot),
        "at_ms": [to_ms(found.start + QUARTER * slot) for slot in range(SLOTS)],
        "of": list(_each(pilot, found, names)) if found.resources else [],
    }


def _each(pilot: Pilot, found: PilotCapability, names: Names) -> Iterator[Adjustable]:
    yield _one("all", "all", ("全部", "All"), found.pool)
    for park, outlook in sorted(found.parks.items()):
        yield _one("park", park, names.get(park, (park, park)), outlook)
    for transformer, outlook in sorted(found.transformers.items()):
        known = pilot.locations.get(transformer)
        name = transformer if known is None else known.name
        yield _one("transformer", transformer, (name, name), outlook)


def _one(kind: str, name: str, told: tuple[str, str], outlook: Outlook) -> Adjustable:
    return {
        "kind": kind,  # type: ignore[typeddict-item]
        "id": name,
        "name_zh": told[0],
        "name_en": told[1],
        "up": _side(outlook.up),
        "down": _side(outlook.down),
    }


def _side(of: Direction) -> AdjustableSide:
    return {
        "kw": [round(float(each), _PLACES) for each in of.kw[:SLOTS]],
        "minutes": [round(float(each), 1) for each in of.minutes[:SLOTS]],
        "limit": [of.limit_at(slot) for slot in range(SLOTS)],
    }
