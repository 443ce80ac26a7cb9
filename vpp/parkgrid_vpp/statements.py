"""SQL of the pilot, by the path of its file."""

from functools import cache
from typing import LiteralString

from parkgrid_database.sql_files import sql_text


@cache
def statement(name: str) -> LiteralString:
    """The text of one SQL file of the pilot: part of the program, never of its input."""
    return sql_text("parkgrid_vpp", name).strip()
