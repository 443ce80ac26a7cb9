"""What a user sees of long work: a bar in a terminal, and plain lines where the output is kept in a file."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from parkgrid_contract.time import from_ms
from parkgrid_metering.catching_up import Progress

_LINE_EVERY_S = 5.0
_MOST = 0.95
"""Where a bar stands when the last reading is through: what is computed of them takes the rest."""


@contextlib.contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """What to call with each step of some work: a bar in a terminal, else a line every few seconds."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)


def as_share(start_ms: int, end_ms: int, what: str, tell: Progress) -> Callable[[int, int], None]:
    """Progress of what goes through a span of time: a number, and until which instant it is."""

    def told(number: int, until_ms: int) -> None:
        share = _MOST * (until_ms - start_ms) / (end_ms - start_ms)
        tell(f"{number} {what}, to {from_ms(until_ms):%Y-%m-%d}", min(share, _MOST))

    return told


@contextlib.contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Something that shows no share: a moving sign in a terminal, else a line when it begins."""
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(what, highlight=False)
        yield


class _Lines:
    """At most one line every few seconds, and one for every end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = -_LINE_EVERY_S
        self._last = ""

    def __call__(self, what: str, share: float) -> None:
        """Say it, unless something was said just now."""
        now = time.monotonic()
        line = f"{100 * share:3.0f} %  {what}"
        if line == self._last or (share < 1 and now - self._told < _LINE_EVERY_S):
            return
        self._told, self._last = now, line
        self._console.print(line, highlight=False, soft_wrap=True)
