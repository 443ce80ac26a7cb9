"""What the commands of the pilot share: options, a connection with the pilot read, and how an act is written."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from parkgrid.commands import outcome

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.documents import Statement
    from parkgrid_domain.vpp.ledger import Entry
    from parkgrid_domain.vpp.pilot import EventBook, Pilot
    from parkgrid_vpp.ledger import Act

Dsn = Annotated[
    str,
    typer.Option(
        help="The database.",
        envvar="PARKGRID_DSN",
        default_factory=lambda: "",
        show_default="that of the running `parkgrid up`",
    ),
]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the running `parkgrid up`.  [default: your own]")]
_folder: ContextVar[Path | None] = ContextVar("_folder", default=None)
"""What the option before a command's name says."""
By = Annotated[str, typer.Option("--by", help="Who does it; the name is stored in the ledger with the act.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
EventId = Annotated[str, typer.Argument(help="The event's identifier, as `parkgrid vpp events` lists it.")]


def in_folder(data_dir: DataDir = None) -> None:
    """Where the running `up` of the command that follows has its data."""
    _folder.set(data_dir)


@contextmanager
def reading(dsn: str) -> Iterator[tuple["Connection", "Pilot"]]:
    """A connection, and the pilot as far as the ledger goes. Raises `StoreError`, `LedgerError`."""
    from parkgrid_domain.vpp.pilot import Pilot
    from parkgrid_vpp.ledger import follow

    with connected(dsn) as connection:
        pilot = Pilot()
        follow(connection, pilot)
        yield connection, pilot


def connected(dsn: str) -> "Connection":
    """A connection to the database, to be used with `with`: that of the running `up` where none is named.

    Raises `PlaceError`, `StoreError`.
    """
    import psycopg

    from parkgrid.running_instance import pilot_dsn
    from parkgrid_database.errors import translated

    dsn = dsn or pilot_dsn(_folder.get(), "a database with --dsn")
    with translated():
        return psycopg.connect(dsn, autocommit=True, connect_timeout=5)


def run(dsn: str, action: Callable[["Connection", "Pilot"], None]) -> NoReturn:
    """Do something with the pilot and end the command."""

    def opened() -> int:
        with reading(dsn) as (connection, pilot):
            action(connection, pilot)
        return 0

    outcome.finish(opened)


def write_acts(dsn: str, by: str, acts: Callable[[], list["Act"]], *, as_json: bool = False) -> NoReturn:
    """Write acts into the ledger, all of them or none, tell the number of each, and end the command."""
    run(dsn, lambda connection, pilot: tell(written(connection, pilot, acts(), by), as_json=as_json))


def written(connection: "Connection", pilot: "Pilot", acts: Sequence["Act"], by: str) -> list["Entry"]:
    """Write acts now, all of them or none."""
    from parkgrid_vpp.ledger import write

    return write(connection, pilot, acts, by, datetime.now(UTC))


def tell(entries: Sequence["Entry"], *, as_json: bool = False) -> None:
    """Print the entries that were written."""
    told = [
        {"number": each.number, "kind": each.kind, "subject": each.subject, "digest": each.digest} for each in entries
    ]
    show({"entries": told}, [f"entry {each.number}: {each.kind} {each.subject}" for each in entries], as_json=as_json)


def book_of(pilot: "Pilot", event: str) -> "EventBook":
    """An event by its identifier. Raises `PilotError` for one that is not there, with those that are."""
    from parkgrid_vpp.errors import PilotError

    found = pilot.events.get(event)
    if found is None:
        known = ", ".join(list(pilot.events)[-10:]) or "none"
        raise PilotError(f"{event!r} is not an event; the latest are: {known}")
    return found


def statement_of(pilot: "Pilot", name: str) -> tuple["EventBook", "Entry", "Statement"]:
    """A statement with its event and its entry. Raises `PilotError` for one that is not there, with those that are."""
    from parkgrid_vpp.errors import PilotError

    found = pilot.statements.get(name)
    if found is None:
        known = ", ".join(list(pilot.statements)[-10:]) or "none"
        raise PilotError(f"{name!r} is not a statement; the latest are: {known}")
    return found


def show(told: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print what was done: as one JSON object, or as lines."""
    typer.echo(json.dumps(told, ensure_ascii=False, default=str) if as_json else "\n".join(lines))
