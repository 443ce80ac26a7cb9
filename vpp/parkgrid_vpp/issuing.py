"""What is done before a bundle leaves: the digests of its chain are on the disk beside the bundles."""

from collections.abc import Sequence
from pathlib import Path

from parkgrid_database.connection import Connection
from parkgrid_vpp.closed import Lacking, Place
from parkgrid_vpp.issued import NAME, given_up_in, keep


def before_issue(connection: Connection, folder: Path, chain: Sequence[str]) -> None:
    """Keep the digests of a chain that is about to be given to others.

    A chain that only ends before what was issued may be given: all of it was issued. Raises `ClosedLedgerError` for one
    that differs, `IssuedError` where the digests cannot be kept.
    """
    missing = keep(folder, chain, given_up_in(connection))
    if missing and min(missing) <= len(chain):
        newest = max(missing)
        head = Place(len(chain), chain[-1])
        raise Lacking(head, Place(newest, missing[newest]), NAME, min(missing)).error()
