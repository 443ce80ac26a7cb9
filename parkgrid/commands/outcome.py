"""How a command ends: its exit status, and what a person can mend said in words."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn

import typer

FAILED = 1
_WRONG_SETTINGS = 2
_INTERRUPTED = 130


def instant(text: str | None) -> datetime | None:
    """An instant as a person writes it; one without an offset ends the command."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        refuse(f"{text!r} is not an instant: write it with its offset, for example 2016-08-01T00:00-08:00")
    return found


def finish(action: Callable[[], int]) -> NoReturn:
    """Run a command and end with its status; what a user can mend is said in words, not in a traceback."""
    from parkgrid_contract.settings import SettingsError

    try:
        status = action()
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except SettingsError as error:
        refuse(*map(str, error.problems))
    except _expected_errors() as error:
        typer.echo(f"error: {error}", err=True)
        status = FAILED
    raise typer.Exit(status)


def refuse(*sentences: str) -> NoReturn:
    """End a command because of what the user wrote; the sentences say what and how it is mended."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(_WRONG_SETTINGS)


def _expected_errors() -> tuple[type[Exception], ...]:
    """The errors that a command's own module raises with a remedy; a module that was not loaded cannot have."""
    names: Sequence[tuple[str, str]] = (
        ("parkgrid_servers.database", "DatabaseStartError"),
        ("parkgrid_servers.client_programs", "ClientProgramsError"),
        ("parkgrid_servers.broker", "BrokerStartError"),
        ("parkgrid_servers.supervisor", "PartError"),
        ("parkgrid.live_telemetry", "TapError"),
        ("parkgrid.data_folder", "PlaceError"),
        ("parkgrid.update_key", "UpdateKeyError"),
        ("parkgrid_demo.prefill", "PrefillError"),
        ("parkgrid_exchange.errors", "InfluxError"),
        ("parkgrid_vpp.errors", "PilotError"),
        ("parkgrid_accounting.errors", "AccountingError"),
        ("parkgrid_metering.errors", "MeteringError"),
        ("parkgrid_domain.vpp.forms", "DocumentError"),
        ("parkgrid_database.errors", "StoreError"),
    )
    return tuple(getattr(sys.modules[module], name) for module, name in names if module in sys.modules)
