"""A child process that ends with whoever started it, even when that one is killed."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_C_LIBRARY = ctypes.CDLL(None, use_errno=True)


def leash(death_signal: signal.Signals, starter: int | None = None) -> Callable[[], None]:
    """A function for a new child: the kernel sends it `death_signal` when the thread that started it ends (Linux).

    A child whose starter is gone before that ends at once; `starter` is its pid, ours where the child is started.
    """
    prctl = getattr(_C_LIBRARY, "prctl", None)
    number, parent = int(death_signal), os.getpid() if starter is None else starter

    def hold() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return hold
