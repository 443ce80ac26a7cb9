"""What the long-running commands share: signals that end them in order, progress, logs out of the way."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from rich.console import Console


def quiet_logs() -> None:
    """Warnings go where the progress goes; the standard output is for the command's answer."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def announcer(console: Console) -> Callable[[str, str, float], None]:
    """Prints one line for each part that is up: its name, the seconds it took, and what it is."""

    def announce(name: str, what: str, took_s: float) -> None:
        console.print(f"  [green]✓[/] {name:11} {took_s:5.1f} s  {what}", highlight=False, soft_wrap=True)

    return announce


def stop_event() -> asyncio.Event:
    """Set by the first Ctrl-C or SIGTERM; the work then ends in order."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def run_until_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do some work, or leave it when a stop is asked for; its errors are raised one at a time."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    except ExceptionGroup as group:
        raise _first(group) from group


def _first(error: Exception) -> Exception:
    """The first error of groups within groups."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
