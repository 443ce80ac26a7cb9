"""An award is written together with the baselines that are frozen with it, and nobody writes in between.

bids in the ledger ──── clear ─────┐
award of a platform ─── from_above ┴─▶ awards ─▶ frozen baselines ─▶ both in one transaction
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parkgrid_database.connection import Connection
from parkgrid_domain.calendar import CalendarGapError
from parkgrid_domain.vpp import clearing, forms
from parkgrid_domain.vpp.documents import Awards, Part
from parkgrid_domain.vpp.forms import Identifier, OfferedWatts, Price
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import CannotBeAwardedError, PilotError
from parkgrid_vpp.evidence import site_meters
from parkgrid_vpp.freezing import freeze
from parkgrid_vpp.ledger import Act, alone, write
from parkgrid_vpp.rules import rules_of

MOST_CHARACTERS = 4_000_000
"""Of an award that comes as a file: one of five thousand resources has some three hundred thousand."""


@dataclass(frozen=True, slots=True)
class GivenAward:
    """One award in the file of a platform above; without parts it is spread over the operator's resources."""

    award: Identifier
    operator: Identifier
    w: OfferedWatts
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class GivenAwards:
    """The file of a platform above: `{"price": "3.5", "awards": [{"award", "operator", "w", "parts"}]}`."""

    price: Price
    awards: tuple[GivenAward, ...]


def award_by_bids(connection: Connection, pilot: Pilot, event_id: str, by: str, at: datetime) -> list[Entry]:
    """Clear an event's bids and write what came of it.

    Raises `PilotError` for an event that has begun, `CannotBeAwardedError` for one whose rules allow no award.
    """
    return _award(connection, pilot, event_id, lambda meters: _cleared(pilot, event_id, meters), by, at)


def award_from_above(
    connection: Connection, pilot: Pilot, event_id: str, given: GivenAwards, by: str, at: datetime
) -> list[Entry]:
    """Write the awards that a platform above gave.

    Raises `PilotError` for an event whose awards are cleared here or that has begun, and for values that cannot be.
    """
    return _award(connection, pilot, event_id, lambda meters: _given(pilot, event_id, given, meters), by, at)


def read_given(text: str) -> GivenAwards:
    """The file of a platform above. Raises `DocumentError` with every mistake; `parts` may be left out."""
    if len(text) > MOST_CHARACTERS:
        raise forms.DocumentError([f"the file has {len(text)} characters: at most {MOST_CHARACTERS} are read"])
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise forms.DocumentError([f"the file is not JSON: {error}"]) from error
    awards = told.get("awards") if isinstance(told, dict) else None
    for each in awards if isinstance(awards, list) else ():
        if isinstance(each, dict):
            each.setdefault("parts", [])
    return forms.read(GivenAwards, told)


def _award(
    connection: Connection,
    pilot: Pilot,
    event_id: str,
    made: Callable[[clearing.SiteMeters], Awards],
    by: str,
    at: datetime,
) -> list[Entry]:
    with alone(connection, pilot):
        if event_id not in pilot.events:
            raise PilotError(f"the event {event_id} is not published")
        event = pilot.events[event_id].event
        if at > event.from_:
            raise PilotError(
                f"the event {event_id} began at {event.from_}: it is awarded before it begins, or not at all"
            )
        meters = {term.register for each in pilot.resources.values() for term in each.meter}
        awards = made(site_meters(connection, meters))
        try:
            frozen = freeze(connection, pilot, event_id, awards)
        except CalendarGapError as error:
            raise CannotBeAwardedError(f"no baseline can be frozen for {event_id}: {error}") from error
        acts: Sequence[Act] = [Act(event_id, awards), *(Act(event_id, each) for each in frozen)]
        return write(connection, pilot, acts, by, at)


def _cleared(pilot: Pilot, event_id: str, meters: clearing.SiteMeters) -> Awards:
    return clearing.clear(pilot, event_id, rules_of(pilot, pilot.events[event_id].event).pack, meters)


def _given(pilot: Pilot, event_id: str, given: GivenAwards, meters: clearing.SiteMeters) -> Awards:
    event = pilot.events[event_id].event
    if event.setup == "pilot" and event.type == "invitation":
        raise PilotError(
            f"the event {event_id} is awarded here, from its bids, after {event.bids_until}: a file is for events"
            " of the set-up upstream and for direct ones"
        )
    pack = rules_of(pilot, event).pack
    price = given.price if pack.fixed_cny_per_kwh is None else pack.fixed_cny_per_kwh
    if not pack.least_cny_per_kwh <= price <= pack.most_cny_per_kwh:
        bounds = f"{pack.least_cny_per_kwh} to {pack.most_cny_per_kwh} yuan/kWh"
        raise PilotError(f"the price {price} yuan/kWh lies outside the bounds of {pack.pack_id}, {bounds}")
    for each in given.awards:
        total = sum(part.w for part in each.parts)
        if total > each.w:
            raise PilotError(f"the parts of {each.award} are {total} W together: the award is {each.w} W")
    wanted = [clearing.FromAbove(each.award, each.operator, each.w, each.parts) for each in given.awards]
    return clearing.from_above(pilot, event_id, price, wanted, meters)
