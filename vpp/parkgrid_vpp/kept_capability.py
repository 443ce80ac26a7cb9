"""The newest capability of pool, parks and transformers, kept for boards: they ask in SQL and cannot compute it.

It is computed anew with each quarter hour and with each new entry of the ledger; the page computes it when it asks.
"""

from collections.abc import Iterator
from datetime import datetime

from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.capability.outlook import SLOTS, Direction, Outlook
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.capability import PilotCapability, capability
from parkgrid_vpp.forecast import quarter_of
from parkgrid_vpp.statements import statement

_W_PER_KW = 1000


def keep(connection: Connection, pilot: Pilot, now: datetime) -> int:
    """Replace what is kept where a quarter hour or an entry came since; how many rows. Raises `StoreError`.

    Nothing is kept of a pilot without an active resource.
    """
    entry = 0 if pilot.head is None else pilot.head.number
    with translated():
        kept = connection.execute(statement("capability/kept")).fetchone()
        if kept is not None and tuple(kept) == (quarter_of(now), entry):
            return 0
        found = capability(connection, pilot, now)
        rows = list(_of(found)) if found.resources else []
        told = {"computed_at": now, "entry": entry, "start_at": found.start}
        with connection.transaction():
            connection.execute(statement("capability/delete_kept"))
            for kind, name, outlook in rows:
                sides = _side("up", outlook.up) | _side("down", outlook.down)
                connection.execute(statement("capability/insert_kept"), {"kind": kind, "id": name, **told, **sides})
    return len(rows)


def _of(found: PilotCapability) -> Iterator[tuple[str, str, Outlook]]:
    yield "all", "all", found.pool
    yield from (("park", name, each) for name, each in found.parks.items())
    yield from (("transformer", name, each) for name, each in found.transformers.items())


def _side(name: str, of: Direction) -> dict[str, object]:
    return {
        f"{name}_w": [round(float(each) * _W_PER_KW) for each in of.kw[:SLOTS]],
        f"{name}_min": [round(float(each), 1) for each in of.minutes[:SLOTS]],
        f"{name}_limit": [of.limit_at(slot) for slot in range(SLOTS)],
    }
