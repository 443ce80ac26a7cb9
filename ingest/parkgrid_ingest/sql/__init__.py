"""Everything the database runs: migrations, and the named statements of `statements.sql` and `roles.sql`."""

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_FILES = ("statements.sql", "roles.sql")
_HEADING = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def statements() -> dict[str, LiteralString]:
    """The text of every named statement; the text is part of the program, never of its input."""
    text = "".join(resources.files(__name__).joinpath(file).read_text("utf-8") for file in _FILES)
    parts = _HEADING.split(text)[1:]
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def statement(name: str) -> LiteralString:
    """One named statement."""
    return statements()[name]
