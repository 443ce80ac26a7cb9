"""What was entered after a backup and is not in the restored store, as far as it can be known.

Of the pilot's ledger, bundles, the file of issued digests and the copy beside it know more than the store; of the
declarations of registers, bundles know those that money rests on. Of all else that people entered nothing is known
outside: then the newest entry of each kind is named, so that whoever entered something later sees that it is missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from parkgrid_contract.time import from_ms
from parkgrid_database.errors import translated
from parkgrid_database.sql_files import named_statements
from parkgrid_vpp import issued, ledger_copy
from parkgrid_vpp import verify as verifier
from parkgrid_vpp.errors import IssuedError

_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class LaterEntries:
    """What the bundles of a folder say beyond a ledger."""

    head: int
    """The newest entry of the store; 0: none."""
    newest: int
    """The newest entry that any bundle knows of."""
    named: Mapping[int, str]
    """Entries after the store's head that a bundle or the copy holds: number to kind, subject and instant."""
    other_histories: tuple[str, ...]
    """Bundles whose chain differs from the store's."""
    unreadable: tuple[str, ...]
    declarations: tuple[str, ...] = ()
    """Declarations of registers that a bundle holds and the store does not."""

    @property
    def missing(self) -> int:
        """How many entries the store lacks, as far as is known."""
        return max(0, self.newest - self.head)

    @property
    def lines(self) -> list[str]:
        """Every entry that is known to be missing, and how many have no content in any bundle."""
        declared = [f"  missing in the store: declaration of {each}" for each in self.declarations]
        if not self.missing:
            return declared
        without = self.missing - len(self.named)
        rest = [f"  {without} of them are in no bundle here: their digests are known, their contents are not"]
        return [
            f"the pilot's ledger ends at entry {self.head}, bundles know of {self.newest}: {self.missing} are missing",
            *(f"  entry {number}: {told}" for number, told in sorted(self.named.items())),
            *(rest if without else []),
            *declared,
        ]


@dataclass(frozen=True, slots=True)
class NewestByPeople:
    """The newest entry that people made in one table."""

    table: str
    rows: int
    at: str
    by: str

    @property
    def line(self) -> str:
        """As it is printed."""
        return f"  {self.table}: {self.rows}, the last at {self.at} by {self.by}"


def newest_by_people(dsn: str) -> list[NewestByPeople]:
    """Of each table in which people are named, the newest entry; a table without rows is left out."""
    statements = named_statements("parkgrid_database", "backup")
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        asked = [query for (query,) in connection.execute(statements["by_people"]).fetchall()]
        rows = [connection.execute(query).fetchone() for query in asked]
    return [NewestByPeople(*row) for row in rows if row is not None and row[1]]


def later_entries(dsn: str | None, folder: Path, digests: Mapping[int, str] | None = None) -> LaterEntries:
    """Compare what was issued, in a folder, with the ledger of a database, or with one of which digests are given."""
    known = _digests(dsn) if dsn else digests or {}
    head, newest = max(known, default=0), 0
    named: dict[int, str] = {}
    others: list[str] = []
    unreadable: list[str] = []
    declared: dict[tuple[str, int], str] = {}
    for told in _outside(folder, unreadable):
        place = next((each for each in known if each <= len(told.chain) and told.chain[each - 1] != known[each]), None)
        if place is not None:
            others.append(f"{told.name} has another entry {place} than the restored ledger: a second history")
            continue
        newest = max(newest, len(told.chain))
        named |= {number: each for number, each in told.entries.items() if number > head}
        declared |= dict.fromkeys(told.declared, told.name)
    missing = sorted(declared.keys() - _declared(dsn)) if dsn and declared else []
    lacking = tuple(
        f"{register} from {from_ms(at):%Y-%m-%d %H:%M} UTC, in {declared[register, at]}" for register, at in missing
    )
    return LaterEntries(head, newest, named, tuple(others), tuple(unreadable), lacking)


@dataclass(frozen=True, slots=True)
class _Told:
    """What one file outside the store says."""

    name: str
    chain: list[str]
    entries: Mapping[int, str]
    declared: frozenset[tuple[str, int]] = frozenset()


def _outside(folder: Path, unreadable: list[str]) -> Iterable[_Told]:
    for path in sorted(folder.rglob("*.bundle")):
        try:
            yield _read(path)
        except verifier.Refused as error:
            unreadable.append(f"{path.name}: {error.sentence('en')}")
    for path in sorted(folder.rglob(issued.NAME)):
        try:
            yield _Told(path.name, issued.read(path.parent), {})
        except IssuedError as error:
            unreadable.append(str(error))
    for path in sorted(folder.rglob(ledger_copy.NAME)):
        try:
            entries = list(ledger_copy.read(path.parent))
        except IssuedError as error:
            unreadable.append(str(error))
            continue
        told = {each.number: f"{each.kind} {each.subject}, {each.at:%Y-%m-%d %H:%M} UTC" for each in entries}
        yield _Told(path.name, [each.digest for each in entries], told)


def _read(path: Path) -> _Told:
    """The digests of a bundle's chain, its entries and declarations; they agree with the digests of the bundle."""
    files = verifier.read_archive(path)
    manifest = verifier.check_manifest(files)
    verifier.check_files(files, manifest)
    chain = verifier.read_chain(files, manifest)
    book = verifier.read_entries(files, chain)
    entries = {
        entry.number: f"{entry.kind} {entry.subject}, {from_ms(entry.at * _MS_PER_S):%Y-%m-%d %H:%M} UTC"
        for each in book.values()
        for entry in each
    }
    declared = verifier.read_declared(files)
    found = {(register, one.from_ms) for each in declared.values() for register, known in each.items() for one in known}
    return _Told(path.name, chain, entries, frozenset(found))


def _digests(dsn: str) -> Mapping[int, str]:
    statements = named_statements("parkgrid_database", "backup")
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        if connection.execute(statements["has_chain"]).fetchone() != (True,):
            return {}
        return dict(connection.execute(statements["digests"]).fetchall())


def _declared(dsn: str) -> set[tuple[str, int]]:
    statements = named_statements("parkgrid_database", "backup")
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        if connection.execute(statements["has_declarations"]).fetchone() != (True,):
            return set()
        return set(connection.execute(statements["declared"]).fetchall())
