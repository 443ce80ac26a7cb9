"""The statements of `accounting/parkgrid_accounting/sql/bills.sql`, by name."""

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_HEADING = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def _statements() -> dict[str, LiteralString]:
    text = resources.files("parkgrid_accounting").joinpath("sql", "bills.sql").read_text("utf-8")
    parts = _HEADING.split(text)[1:]
    # The text is part of the program, never of its input.
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def statement(name: str) -> LiteralString:
    """One named statement."""
    return _statements()[name]
