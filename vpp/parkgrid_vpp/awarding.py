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
from parkgrid_domain.vpp import clearing, forms
from parkgrid_domain.vpp.documents import Awards, Part
from parkgrid_domain.vpp.forms import Identifier, OfferedWatts, Price
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import PilotError
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
    """Clear an event's bids and write what came of it."""
    return _award(connection, pilot, event_id, lambda: _cleared(pilot, event_id), by, at)


def award_from_above(
    connection: Connection, pilot: Pilot, event_id: str, given: GivenAwards, by: str, at: datetime
) -> list[Entry]:
    """Write the awards that a platform above gave. Raises `PilotError` for an event whose awards are cleared here."""
    return _award(connection, pilot, event_id, lambda: _given(pilot, event_id, given), by, at)


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
    connection: Connection, pilot: Pilot, event_id: str, made: Callable[[], Awards], by: str, at: datetime
) -> list[Entry]:
    with alone(connection, pilot):
        if event_id not in pilot.events:
            raise PilotError(f"the event {event_id} is not published")
        awards = made()
        frozen = freeze(connection, pilot, event_id, awards)
        acts: Sequence[Act] = [Act(event_id, awards), *(Act(event_id, each) for each in frozen)]
        return write(connection, pilot, acts, by, at)


def _cleared(pilot: Pilot, event_id: str) -> Awards:
    return clearing.clear(pilot, event_id, rules_of(pilot, pilot.events[event_id].event).pack)


def _given(pilot: Pilot, event_id: str, given: GivenAwards) -> Awards:
    event = pilot.events[event_id].event
    if event.setup == "pilot" and event.type == "invitation":
        raise PilotError(
            f"the event {event_id} is awarded here, from its bids, after {event.bids_until}: a file is for events"
            " of the set-up upstream and for direct ones"
        )
    fixed = rules_of(pilot, event).pack.fixed_cny_per_kwh
    price = given.price if fixed is None else fixed
    wanted = [clearing.FromAbove(each.award, each.operator, each.w, each.parts) for each in given.awards]
    return clearing.from_above(pilot, event_id, price, wanted)
