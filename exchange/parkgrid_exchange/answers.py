"""Answers of a foreign store, line by line, within bounds: it may be broken, or no such store at all."""

import time
from collections.abc import Iterator
from typing import Protocol

from parkgrid_exchange.errors import InfluxError

MOST_LINE_BYTES = 16_000_000
"""A series of an hour, or a record; a day of seconds is 2 MB."""
MOST_BYTES = 256_000_000
MOST_SECONDS = 600.0


class Readable(Protocol):
    """What a line can be read from."""

    def readline(self, size: int, /) -> bytes:
        """At most `size` bytes up to the end of a line."""
        ...


def lines(answer: Readable, url: str) -> Iterator[bytes]:
    """The lines of an answer. Raises `InfluxError` for one that does not end."""
    size, until = 0, time.monotonic() + MOST_SECONDS
    while line := answer.readline(MOST_LINE_BYTES + 1):
        size += len(line)
        if len(line) > MOST_LINE_BYTES:
            raise InfluxError(f"{url} answers a line of more than {MOST_LINE_BYTES} bytes: is it the right store?")
        if size > MOST_BYTES:
            raise InfluxError(f"{url} answers more than {MOST_BYTES} bytes for an hour of a device: name more tags")
        if time.monotonic() > until:
            raise InfluxError(f"{url} is still answering after {MOST_SECONDS:.0f} s: look at its load, run it again")
        yield line
