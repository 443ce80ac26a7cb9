"""How far an export has come, in a small file that is replaced whole after every stretch that the server has taken."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkgrid_exchange.errors import InfluxError


@dataclass(frozen=True, slots=True)
class Cursor:
    """The file of one export: what goes where, and until when it is there."""

    path: Path
    export: str
    """Which export it belongs to: target, content, park and first instant."""

    def read(self) -> int | None:
        """The instant in ms before which everything is written, or None at the beginning. Raises `InfluxError`."""
        try:
            document: Any = json.loads(self.path.read_text("utf-8"))
            export, until_ms = document["export"], document["until_ms"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InfluxError(f"{self.path} cannot be read ({error}): remove it to start again") from error
        if export != self.export or not isinstance(until_ms, int):
            raise InfluxError(f"{self.path} belongs to another export ({export}): name another file for {self.export}")
        return until_ms

    def write(self, until_ms: int) -> None:
        """Note how far it is. Raises `InfluxError`."""
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            part.write_text(json.dumps({"export": self.export, "until_ms": until_ms}), "utf-8")
            os.replace(part, self.path)  # noqa: PTH105  atomic on every system
        except OSError as error:
            raise InfluxError(f"{self.path} cannot be written ({error.strerror}): name another file") from error
