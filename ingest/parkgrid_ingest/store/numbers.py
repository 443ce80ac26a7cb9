"""What device numbers mean: whoever writes rows remembers them, and a database that was restored may say otherwise.

So inside every commit each number is compared with its device by name. A number that means another device now, or none,
ends the commit before anything is stored under it.
"""

from collections.abc import Iterable
from typing import Any

import psycopg

from parkgrid_contract.identity import Gateway
from parkgrid_database.errors import RegistryChangedError
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import Known

_Named = tuple[str, str, str, str]


class Numbers:
    """Device numbers as this process was told them."""

    def __init__(self) -> None:
        self._told: dict[int, _Named] = {}

    def tell(self, gateway: Gateway, known: Known) -> None:
        """Note what the database has just answered about a gateway's devices."""
        for device, (number, device_class) in known.items():
            self._told[number] = (gateway.park, gateway.gateway, device, device_class)

    def forget(self) -> None:
        """Start again: everything is about to be told anew."""
        self._told.clear()

    def check(self, connection: psycopg.Connection[Any], numbers: Iterable[int]) -> None:
        """Compare within the transaction that is to use them. Raises `RegistryChangedError`."""
        told = {number: self._told[number] for number in numbers if number in self._told}
        if not told:
            return
        columns = [list(told), *(list(column) for column in zip(*told.values(), strict=True))]
        (same,) = connection.execute(statement("count_unchanged_devices"), columns).fetchone() or (0,)
        if same != len(told):
            raise RegistryChangedError(
                f"{len(told) - same} device numbers now belong to other devices: "
                "the database was restored or replaced, or a gateway was removed"
            )
