"""Takes a file of the registry in: whole or not at all, only what is new, every mistake at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from parkgrid_accounting.spreadsheet.sheet import Take
from parkgrid_database.connection import Connection
from parkgrid_domain.spreadsheet.mistake import Mistake
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import Contract, Location, Operator, Phase, Resource, kind_of
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.registration import reasons
from parkgrid_vpp.ledger import Act, follow, write
from parkgrid_vpp.sheets.reading import Stated, read_registry

_MOST_MISTAKES = 1_000
"""More than that nobody corrects at once."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file."""

    mistakes: tuple[Mistake, ...]
    """Any of them refuses the file whole."""
    notes: tuple[str, ...] = ()
    """What was read in another form than it was written."""
    rows: int = 0
    added: int = 0
    changed: int = 0
    dry: bool = False

    @property
    def unchanged(self) -> int:
        """What is registered already, and writes nothing."""
        return self.rows - self.added - self.changed


def take_registry(
    connection: Connection, path: Path, by: str, at: datetime, *, take: Take | None = None, dry: bool = False
) -> Imported:
    """Take in a workbook or a folder of CSV files.

    Raises `FileError` for what cannot be read as one, `RefusedActError`, `LedgerError` and `StoreError`.
    """
    pilot = Pilot()
    follow(connection, pilot)
    acts, found = examine(pilot, path, by, at, take)
    if acts and not dry:
        write(connection, Pilot(), acts, by, at)
    return replace(found, dry=dry)


def examine(pilot: Pilot, path: Path, by: str, at: datetime, take: Take | None = None) -> tuple[list[Act], Imported]:
    """What a file would write after `pilot`, which is brought there: nothing if anything is wrong with the file."""
    file = read_registry(path, pilot, take)
    notes = tuple(file.findings.notes)
    new = list(_new(pilot, file.stated))
    added = sum(_registered(pilot, each) is None for each in new)
    mistakes = (*file.findings.mistakes, *_refused(pilot, new, by, at))
    if mistakes:
        return [], Imported(mistakes[:_MOST_MISTAKES], notes)
    acts = [Act(each.subject, each.document) for each in new]
    return acts, Imported((), notes, len(file.stated), added, len(new) - added)


def _new(pilot: Pilot, stated: Sequence[Stated]) -> Iterator[Stated]:
    """What is not registered just so."""
    taken = Counter((name, step) for name, steps in pilot.phases.items() for step in steps)
    for each in stated:
        if isinstance(each.document, Phase):
            step = (each.subject, each.document)
            if taken[step]:
                taken[step] -= 1
                continue
        elif _registered(pilot, each) == each.document:
            continue
        yield each


def _registered(pilot: Pilot, stated: Stated) -> object:
    """What is registered under the same identifier."""
    match stated.document:
        case Operator():
            return pilot.operators.get(stated.subject)
        case Location():
            return pilot.locations.get(stated.subject)
        case Resource():
            return pilot.resources.get(stated.subject)
        case Contract():
            return pilot.contracts.get(stated.subject)
        case Phase():
            return None


def _refused(pilot: Pilot, new: Sequence[Stated], by: str, at: datetime) -> Iterator[Mistake]:
    """Why documents may not be written, one after the other; brings `pilot` to where it would be, wrong ones included.

    A wrong one is taken in as well, so that what rests on it is not refused because of it.
    """
    for each in new:
        for reason in reasons(pilot, each.subject, each.document):
            place = each.place(reason.field)
            yield place.mistaken("refused", reason_zh=reason.zh, reason_en=reason.en)
        told = forms.document(each.document)
        pilot.follow([Entry.after(pilot.head, kind_of(each.document), each.subject, at, by, told)])
