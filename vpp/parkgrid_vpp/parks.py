"""Addresses by the park that they belong to: its number leads the key of every reading, register and interval.

    park/gateway/device[/signal] ─▶ number of the park ─▶ one question a park, which touches no other

The registry is small and common to all parks; what is asked of it first is only the number.
"""

from collections.abc import Collection, Iterator, Sequence

from parkgrid_database.connection import Connection
from parkgrid_vpp.statements import statement

DEVICE = ("gateways", "devices")
REGISTER = ("gateways", "devices", "signals")


def of_each_park(
    connection: Connection, addresses: Collection[Sequence[str]], names: Sequence[str]
) -> Iterator[tuple[int, list[Sequence[str]], dict[str, object]]]:
    """Of each park that the store knows: its number, its addresses, and what a question about them has for values.

    An address is a park and the parts that `names` names.
    """
    by_park: dict[str, list[Sequence[str]]] = {}
    for address in addresses:
        by_park.setdefault(address[0], []).append(address)
    for park, park_id in connection.execute(statement("parks/numbers"), {"parks": sorted(by_park)}).fetchall():
        mine = by_park[park]
        columns = dict(zip(names, map(list, list(zip(*mine, strict=True))[1:]), strict=True))
        yield park_id, mine, {"park": park, "park_id": park_id, **columns}
