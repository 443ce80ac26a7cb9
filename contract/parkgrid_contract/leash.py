"""A child process that ends with whoever started it, even when that one is killed."""

import ctypes
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_C_LIBRARY = ctypes.CDLL(None, use_errno=True)


def leash(death_signal: signal.Signals) -> Callable[[], None]:
    """A function for a new child: the kernel sends it `death_signal` when the thread that started it ends (Linux)."""
    prctl = getattr(_C_LIBRARY, "prctl", None)
    number = int(death_signal)

    def hold() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)

    return hold
