"""An update on trial: the new release is started, and stays only if a reading of it is stored in time.

`trial.json` says which two releases it is about. It is written before the link is exchanged and removed when the result
is written, so whatever happens in between, `judge` goes on from there: after a power cut, systemd starts it by the
release from before.
"""

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import structlog

from parkgrid_contract.crash import crash_point
from parkgrid_edge.update.evidence import file_of, stored
from parkgrid_edge.update.releases import BACK, NotInstalledError, Place, read_json, remove, write_json

_log = structlog.get_logger("edge.update")
MOST_STARTS = 3
"""Starts of one trial: a release that makes the machine restart again and again does not stay for ever."""
_RESTART_S = 180.0
_LOOK_S = 0.5


class Outcome(IntEnum):
    """How an update ended; also the exit status of the command."""

    STORED = 0
    WENT_BACK = 1
    REFUSED = 3
    NOT_INSTALLED = 4
    STOPPED = 5
    """It went back, and what ran before could not be restarted."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried, and by which evidence."""

    place: Place
    outbox: Path
    restart: Sequence[str]
    wait_s: float


@contextmanager
def alone(place: Place, *, wait: bool) -> Iterator[None]:
    """Let one update at a time work here. Raises `NotInstalledError` if another does and it is not waited for."""
    try:
        handle = os.open(place.folder / "update.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotInstalledError(f"{place.folder} cannot be written ({error.strerror}): run it as root") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError as error:
        raise NotInstalledError("another update is under way") from error
    finally:
        os.close(handle)


def begin(place: Place, new: str) -> None:
    """Note the trial and exchange the link; what runs is not touched yet. Raises `NotInstalledError`."""
    old = place.linked("current")
    try:
        place.link("previous", old)
        place.link(BACK, old)
        write_json(place.trial, {"old": old, "new": new, "starts": 0, "back": ""})
        crash_point("update.noted")
        place.link("current", new)
    except OSError as error:
        with suppress(OSError):
            remove(place.trial)
        raise NotInstalledError(f"{place.folder} cannot be written ({error.strerror})") from error
    crash_point("update.switched")


def judge(trial: Trial) -> Outcome:
    """Start the new release and see whether it stores; else go back. Goes on with a trial that was cut off."""
    place, note = trial.place, read_json(trial.place.trial)
    old, new = str(note.get("old", "")), str(note.get("new", ""))
    if not old or not new or place.linked("current") not in (old, new):
        return _end(place, Outcome.NOT_INSTALLED, old, new, "no update is on trial")
    reason = str(note.get("back", ""))
    if not reason and place.linked("current") == old:
        return _end(place, Outcome.NOT_INSTALLED, old, new, "it was cut off before the new release was started")
    if not reason:
        starts = int(note.get("starts", 0)) + 1
        reason = _not_noted(place, {**note, "starts": starts}) or (
            _tried(trial, new) if starts <= MOST_STARTS else f"it was started {MOST_STARTS} times without a result"
        )
    if not reason:
        crash_point("update.stored")
        return _end(place, Outcome.STORED, old, new, "a reading of it is stored")
    if failed := _not_noted(place, {**note, "back": reason}):
        _log.warning("update_not_noted", reason=failed)
    crash_point("update.going_back")
    place.go_back(old)
    crash_point("update.went_back")
    failed = _restarted(trial)
    return _end(
        place, Outcome.STOPPED if failed else Outcome.WENT_BACK, old, new, reason + (f"; {failed}" * bool(failed))
    )


def _not_noted(place: Place, note: dict[str, Any]) -> str:
    """Keep the note of the trial; empty if it is on the disk. A full disk must not keep an update from going back."""
    try:
        write_json(place.trial, note)
    except OSError as error:
        return f"{place.trial} cannot be written ({error.strerror})"
    return ""


def _tried(trial: Trial, new: str) -> str:
    """Empty once a reading of the new release is stored, else why there is none."""
    try:
        file_of(trial.outbox).unlink(missing_ok=True)
    except OSError as error:
        return f"{file_of(trial.outbox)} cannot be removed ({error.strerror})"
    if failed := _restarted(trial):
        return failed
    crash_point("update.restarted")
    deadline_s = time.monotonic() + trial.wait_s
    while not stored(trial.outbox, new):
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return f"no reading of it was stored within {trial.wait_s:g} s"
        time.sleep(min(_LOOK_S, left_s))
    return ""


def _restarted(trial: Trial) -> str:
    """Restart the agent; empty if it was, else what the command said."""
    command = " ".join(trial.restart)
    try:
        done = subprocess.run(
            trial.restart, capture_output=True, text=True, check=False, timeout=_RESTART_S, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{command}` failed: {error}"
    return f"`{command}` failed: {(done.stderr or done.stdout).strip()[-300:]}" if done.returncode else ""


def _end(place: Place, outcome: Outcome, old: str, new: str, reason: str) -> Outcome:
    """End the trial and write the result down; what is deleted first makes room for it."""
    if outcome is not Outcome.STOPPED:
        # Where nothing could be restarted, the new release may still be running.
        place.tidy()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    document = {"at": at, "outcome": outcome.name.lower(), "from": old, "to": new, "reason": reason}
    try:
        write_json(place.result, document)
    except OSError as error:
        _log.warning("update_result_not_kept", path=str(place.result), error=str(error))
    crash_point("update.told")
    remove(place.trial)
    tell = _log.info if outcome is Outcome.STORED else _log.error
    tell("update_ended", outcome=outcome.name.lower(), old=old, new=new, reason=reason)
    return outcome
