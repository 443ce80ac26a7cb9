"""Entries of the pilot's ledger that bundles hold, and a restored store does not: what was made after the backup."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from parkgrid_contract.time import from_ms
from parkgrid_database.errors import translated
from parkgrid_database.sql_files import named_statements
from parkgrid_vpp import verify as verifier

_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class LaterEntries:
    """What the bundles of a folder say beyond a ledger."""

    head: int
    """The newest entry of the store; 0: none."""
    newest: int
    """The newest entry that any bundle knows of."""
    named: Mapping[int, str]
    """Entries after the store's head that a bundle holds: number to kind, subject and instant."""
    other_histories: tuple[str, ...]
    """Bundles whose chain differs from the store's."""
    unreadable: tuple[str, ...]

    @property
    def missing(self) -> int:
        """How many entries the store lacks, as far as is known."""
        return max(0, self.newest - self.head)

    @property
    def lines(self) -> list[str]:
        """Every entry that is known to be missing, and how many have no content in any bundle."""
        if not self.missing:
            return []
        without = self.missing - len(self.named)
        rest = [f"  {without} of them are in no bundle here: their digests are known, their contents are not"]
        return [
            f"the pilot's ledger ends at entry {self.head}, bundles know of {self.newest}: {self.missing} are missing",
            *(f"  entry {number}: {told}" for number, told in sorted(self.named.items())),
            *(rest if without else []),
        ]


def later_entries(dsn: str | None, folder: Path, digests: Mapping[int, str] | None = None) -> LaterEntries:
    """Compare the bundles of a folder with the ledger of a database, or with one of which digests are given."""
    known = _digests(dsn) if dsn else digests or {}
    head, newest = max(known, default=0), 0
    named: dict[int, str] = {}
    others: list[str] = []
    unreadable: list[str] = []
    for path in sorted(folder.rglob("*.bundle")):
        try:
            chain, entries = _read(path)
        except verifier.Refused as error:
            unreadable.append(f"{path.name}: {error.sentence('en')}")
            continue
        place = next((each for each in known if each <= len(chain) and chain[each - 1] != known[each]), None)
        if place is not None:
            others.append(f"{path.name} has another entry {place} than the restored ledger: a second history")
            continue
        newest = max(newest, len(chain))
        named |= {number: told for number, told in entries.items() if number > head}
    return LaterEntries(head, newest, named, tuple(others), tuple(unreadable))


def _read(path: Path) -> tuple[list[str], Mapping[int, str]]:
    """The digests of a bundle's chain, and its own entries; both agree with the digests of the bundle."""
    files = verifier.read_archive(path)
    manifest = verifier.check_manifest(files)
    verifier.check_files(files, manifest)
    chain = verifier.read_chain(files, manifest)
    book = verifier.read_entries(files, chain)
    return chain, {
        entry.number: f"{entry.kind} {entry.subject}, {from_ms(entry.at * _MS_PER_S):%Y-%m-%d %H:%M} UTC"
        for entries in book.values()
        for entry in entries
    }


def _digests(dsn: str) -> Mapping[int, str]:
    statements = named_statements("parkgrid_database", "backup")
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        if connection.execute(statements["has_chain"]).fetchone() != (True,):
            return {}
        return dict(connection.execute(statements["digests"]).fetchall())
