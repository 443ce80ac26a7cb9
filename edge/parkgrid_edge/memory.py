"""Small in memory: what starting up needed goes back to the system."""

import ctypes
import gc

_ARENA_MAX = -8
"""`M_ARENA_MAX` of mallopt(3): every thread would otherwise keep a heap of its own."""


def one_heap() -> None:
    """Let all threads share one heap; call it before the first thread starts. Does nothing without glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Return freed memory to the system: compiling modules leaves megabytes behind. Does nothing without glibc."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
