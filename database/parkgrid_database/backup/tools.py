"""Runs pg_dump and pg_restore: their progress, their errors in one sentence, the password never in their arguments."""

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from parkgrid_contract.leash import leash
from parkgrid_database.backup.errors import BackupError

_LOOK_EVERY_S = 0.5
_SHOWN_ERRORS = 3
_SOME_ERRORS = 1
_NEWER_SETTING = re.compile(r'unrecognized configuration parameter "transaction_timeout"')
"""A pg_restore of version 17 or newer sets it at any server; one before 17 has no such timeout to switch off."""
_ERROR = re.compile(r"pg_(?:dump|restore): (?:fatal|error): (.*)")
"""Anywhere in a line: several jobs write at once, and each writes its line in pieces."""
_STEP = re.compile(
    r'^pg_(?:dump|restore): (?:dumping contents of table|processing data for table) "(.*)"'
    r"|^pg_restore: finished item \d+ TABLE DATA (.*)"
    r"|^pg_restore: creating (.*)"
)


@dataclass(slots=True)
class Heard:
    """What a program has said so far."""

    step: str = ""
    tables: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    harmless: int = 0
    """Errors that are known to mean nothing; pg_restore then ends with the status of errors."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=10))

    def line(self, text: str) -> None:
        """Take in a line of its standard error."""
        self.last.append(text)
        step, error = _STEP.match(text), _ERROR.search(text)
        if _NEWER_SETTING.search(text):
            self.harmless += 1
        elif error:
            self.errors.append(error.group(1))
        elif step:
            table = step.group(1) or step.group(2)
            self.step = table or step.group(3)
            if table:
                self.tables.append(table)


def run(program: Path, arguments: Sequence[str], dsn: str, look: Callable[[Heard], None]) -> None:
    """Run to the end, or to the first error, which ends it at once. Raises `BackupError`."""
    command = [str(program), "--verbose", "--no-password", *arguments, "--dbname", _without_password(dsn)]
    heard = Heard()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(dsn),
        text=True,
        errors="replace",
        # Nobody would look at what it does after us.
        preexec_fn=leash(signal.SIGTERM),  # noqa: PLW1509  (one prctl call)
    ) as child:
        reader = threading.Thread(target=_listen, args=(child, heard), daemon=True)
        reader.start()
        try:
            while _runs(child) and not heard.errors:
                look(heard)
        finally:
            # After an error there is nothing to wait for, and after Ctrl-C neither.
            if child.poll() is None:
                child.terminate()
            status = child.wait()
            reader.join()
    if heard.errors or (status and not (heard.harmless and status == _SOME_ERRORS)):
        told = "; ".join(heard.errors[:_SHOWN_ERRORS]) or f"it ended with status {status}; {'; '.join(heard.last)}"
        raise BackupError(f"{program.name} failed: {told}")
    look(heard)


def contents(program: Path, file: Path) -> list[str]:
    """The lines by which pg_restore lists what is in a dump. Raises `BackupError`."""
    done = subprocess.run(
        [program, "--list", file], capture_output=True, text=True, errors="replace", check=False, env=_english()
    )
    if done.returncode:
        raise BackupError(f"{program.name} cannot read {file}: {done.stderr.strip()}")
    return done.stdout.splitlines(keepends=True)


def _runs(child: "subprocess.Popen[str]") -> bool:
    try:
        child.wait(_LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _listen(child: "subprocess.Popen[str]", heard: Heard) -> None:
    for line in child.stderr or ():
        heard.line(line.rstrip())


def _without_password(dsn: str) -> str:
    values: dict[str, Any] = {name: value for name, value in conninfo_to_dict(dsn).items() if name != "password"}
    return make_conninfo(**values)


def _environment(dsn: str) -> Mapping[str, str]:
    """Its messages in English, which are read here; other variables of the user (PGSSLMODE, …) stay."""
    password = conninfo_to_dict(dsn).get("password")
    return {**_english(), "PGTZ": "UTC"} | ({"PGPASSWORD": str(password)} if password else {})


def _english() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
