"""The ledger of the proof: what was offered and what was accepted, in a file outside the system.

One JSON object a line, each written by one call, so that a kill leaves whole lines:

    {"offered": [sample, …], "n": 7}            before the commit of flush 7
    {"accepted": 42, "epoch": 1882…, "n": 7}    after it; 42 is the last seq of that flush

What was offered and never accepted may or may not be stored; what was accepted must be.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from parkgrid_contract import strict_json
from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import sample_document


class Ledger:
    """Appends to one ledger file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._number = _last_number(path)

    def offered(self, samples: Sequence[Sample]) -> int:
        """Note samples before they are committed; returns the number of the flush."""
        self._number += 1
        self._write({"offered": [sample_document(sample) for sample in samples], "n": self._number})
        return self._number

    def accepted(self, number: int, epoch: int, seq: int) -> None:
        """Note that a flush has been committed."""
        self._write({"accepted": seq, "epoch": epoch, "n": number})

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, document: dict[str, object]) -> None:
        os.write(self._file, strict_json.dumps(document) + b"\n")


def _last_number(path: Path) -> int:
    """The number of the last flush that an earlier run has noted, so that numbers never come twice."""
    with path.open("rb") as file:
        return sum(line.startswith(b'{"offered"') for line in file)
