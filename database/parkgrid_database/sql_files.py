"""SQL lies in files beside the code that asks it: one statement a file, or several under `-- name:` lines."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import LiteralString, cast

_HEADING = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def sql_text(package: str, file: str) -> LiteralString:
    """The text of `sql/<file>.sql` in a package; the text is part of the program, never of its input."""
    return resources.files(package).joinpath("sql", *f"{file}.sql".split("/")).read_text("utf-8")


@cache
def named_statements(package: str, file: str) -> Mapping[str, LiteralString]:
    """The statements of `sql/<file>.sql` in a package by their names; what stands before the first name is no part."""
    parts = _HEADING.split(sql_text(package, file))[1:]
    return {name: cast("LiteralString", body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
