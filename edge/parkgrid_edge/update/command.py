"""`parkgrid-edge update` and `parkgrid-edge trial`: what an operator calls, and systemd after a power cut."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from parkgrid_contract.crash import crash_point
from parkgrid_contract.settings import SettingsError
from parkgrid_edge.settings import EdgeSettings, load_settings
from parkgrid_edge.update.archive import ArchiveRefusedError, fits, opened
from parkgrid_edge.update.releases import NotInstalledError, Place, install, read_json
from parkgrid_edge.update.trial import Outcome, Trial, alone, begin, judge

_CONFIG = Path("/etc/parkgrid/edge.toml")
_STATUSES = """\
exit status:
  0  a reading of the new version is stored
  1  none was stored in time, and the version from before runs again
  2  the configuration or the command is wrong
  3  the archive is refused; nothing was changed
  4  it could not be installed; nothing was changed
  5  it could not go back, or the version from before could not be restarted
"""


def main(arguments: Sequence[str]) -> int:
    """Update, or end an update that was cut off; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(options.config)
    except SettingsError as error:
        return _refused(str(error), 2)
    place = Place(settings.update.folder)
    if options.command == "update" and options.last:
        return _last(place)
    # A terminal that is closed must not end a trial in its middle.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return _ended(options, settings, place)


def _ended(options: argparse.Namespace, settings: EdgeSettings, place: Place) -> int:
    try:
        outcome = _update(options, settings, place) if options.command == "update" else _resume(settings, place)
    except ArchiveRefusedError as error:
        return _refused(f"{options.archive}: refused: {error}", Outcome.REFUSED)
    except NotInstalledError as error:
        return _refused(f"not installed, nothing was changed: {error}", Outcome.NOT_INSTALLED)
    except KeyboardInterrupt:
        return _refused(_left(place, "interrupted"), 130)
    except OSError as error:
        return _refused(_left(place, str(error)), Outcome.STOPPED if place.trial.exists() else Outcome.NOT_INSTALLED)
    _last(place)
    return outcome


def _update(options: argparse.Namespace, settings: EdgeSettings, place: Place) -> Outcome:
    """Check, install beside, exchange, try."""
    _check_owner(options.config)
    bundle = opened(options.archive, settings.update.key)
    fits(bundle, place.version())
    crash_point("update.checked")
    with alone(place, wait=False):
        if place.trial.exists():
            raise NotInstalledError("an update is still on trial: `parkgrid-edge trial` ends it")
        name = install(bundle, place, options.config)
        crash_point("update.installed")
        _say(f"{bundle.version} is installed beside {place.version()} and is started now")
        begin(place, name)
        return judge(_trial(settings, place))


def _check_owner(config: Path) -> None:
    """The file says whom to trust and what to run: nobody else may write it. Raises `ArchiveRefusedError`."""
    status = config.stat()
    if status.st_mode & 0o022 or status.st_uid not in (0, os.geteuid()):
        raise ArchiveRefusedError(
            f"others may write {config}, so its key proves nothing: chown root {config}; chmod 640 {config}"
        )


def _resume(settings: EdgeSettings, place: Place) -> Outcome:
    with alone(place, wait=True):
        if not place.trial.exists():
            _say("no update is on trial")
            return Outcome.STORED
        return judge(_trial(settings, place))


def _trial(settings: EdgeSettings, place: Place) -> Trial:
    return Trial(place, settings.outbox.path, settings.update.restart, settings.update.wait_s)


def _last(place: Place) -> int:
    """Say how the last update ended."""
    found = read_json(place.result)
    if not found:
        _say("no update has been tried")
        return 0
    ends = {
        "stored": "runs",
        "went_back": "went back to {from}",
        "stopped": "went back to {from}, which is not running",
    }
    end = ends.get(str(found.get("outcome")), "was not installed").format(**found)
    _say(f"{found.get('at')} update to {found.get('to')}: {end}: {found.get('reason')}")
    return 0


def _left(place: Place, why: str) -> str:
    """In which state an update was left that ended before its time."""
    if place.trial.exists():
        return f"{why}: the update is still on trial; `parkgrid-edge trial` ends it"
    return f"{why}: nothing was changed"


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # noqa: T201 - the command's answer


def _refused(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 - the command's answer
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parkgrid-edge")
    commands = parser.add_subparsers(dest="command", required=True)
    shape = argparse.RawDescriptionHelpFormatter
    told = "Install a signed archive, start it, and go back by itself if none of its readings is stored."
    update = commands.add_parser("update", description=told, epilog=_STATUSES, formatter_class=shape)
    chosen = update.add_mutually_exclusive_group(required=True)
    chosen.add_argument("archive", nargs="?", type=Path, metavar="ARCHIVE", help="the bundle, signed by the centre")
    chosen.add_argument("--last", action="store_true", help="say how the last update ended")
    trial = commands.add_parser("trial", description="End an update that was cut off; systemd calls it.")
    for each in (update, trial):
        each.add_argument("--config", type=Path, default=_CONFIG, metavar="FILE", help=f"the agent's file ({_CONFIG})")
    return parser
