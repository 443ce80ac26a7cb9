"""Writes the settings files of the roles that `up` and `replay` start."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parkgrid_servers.private_file import write_private


def write(path: Path, document: Mapping[str, Any]) -> Path:
    """A settings file that only we may read: it can hold passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, dumps(document))
    return path


def dumps(document: Mapping[str, Any]) -> str:
    """TOML with every table on one line; values that are None are left out."""
    return "".join(f"{_key(name)} = {_value(value)}\n" for name, value in document.items() if value is not None)


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            # A JSON string is a TOML basic string, once the delete character is escaped as well.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            inner = (f"{_key(name)} = {_value(item)}" for name, item in value.items() if item is not None)
            return "{" + ", ".join(inner) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            raise TypeError(f"{value!r} has no place in a settings file")
