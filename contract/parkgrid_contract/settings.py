"""Settings of every role: one frozen dataclass, read from one TOML file and the environment, checked without I/O.

All errors are reported at once, each with file, key, value and remedy. A field's type is its rule; further rules stand
in its metadata (`setting(...)`). The environment wins over the file: `PARKGRID_EDGE_UPLINK_HOST` sets `uplink.host` of
the role `edge`. A key that is a Python keyword has a field with `_` behind it: `class_` is the key `class`.

Rules across fields stand in two optional methods: `document_problems(document)`, a static one that sees the unchecked
tables and therefore reports beside everything else, and `problems()`, which needs settings that are right otherwise.
Both give (key, value, remedy).
"""

import copy
import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from parkgrid_contract import strict_toml
from parkgrid_contract.refusal import shorten, written

_T = TypeVar("_T")
_MOST_UNKNOWN = 20
_LONGEST_VALUE = 200
Check = Callable[[Any], str | None]
"""Looks at a value and returns a remedy, or None when it is right."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings."""

    file: str
    key: str
    value: object
    remedy: str

    def __str__(self) -> str:
        """`file: key = value: remedy`."""
        value = "" if self.value is MISSING else f" = {shorten(written(self.value), _LONGEST_VALUE)}"
        return f"{self.file}: {shorten(self.key, _LONGEST_VALUE)}{value}: {self.remedy}"


class SettingsError(Exception):
    """The settings are wrong; `problems` holds every one of them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class _Hidden:
    """What stands for the value of a secret."""

    def __repr__(self) -> str:
        return "(not shown)"


_HIDDEN = _Hidden()


def setting(
    default: Any = MISSING,
    *,
    help: str,  # noqa: A002
    check: Check | None = None,
    factory: Any = MISSING,
    secret: bool = False,
) -> Any:
    """A field of a settings dataclass: its help text, default and further rule.

    The value of a secret one stands in no `repr` and no message.
    """
    metadata = {"help": help, "check": check, "secret": secret}
    if factory is not MISSING:
        return dataclasses.field(default_factory=factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


def at_least(low: float, unit: str = "") -> Check:
    """A rule: the number must not be below `low`."""
    return lambda value: None if value >= low else f"must be at least {low} {unit}".rstrip()


def above(low: float, unit: str = "") -> Check:
    """A rule: the number must be above `low`."""
    return lambda value: None if value > low else f"must be above {low} {unit}".rstrip()


def between(low: float, high: float, unit: str = "") -> Check:
    """A rule: the number must lie between two bounds, both included."""
    return lambda value: None if low <= value <= high else f"must be between {low} and {high} {unit}".rstrip()


PORT = between(1, 65_535)


def load(kind: type[_T], path: Path | None, environment: Mapping[str, str], role: str) -> _T:
    """Settings of a role from a file (or none) and the environment. Raises `SettingsError` with all problems."""
    file = str(path) if path else "environment"
    document = _read_file(path) if path else {}
    problems: list[Problem] = []
    _overlay(kind, document, environment, f"PARKGRID_{role.upper()}_", problems)
    settings = _build(kind, document, file, "", problems)
    across = getattr(kind, "document_problems", None)
    told = {problem.key for problem in problems}
    problems += [Problem(file, *found) for found in across(document) if found[0] not in told] if across else []
    if not problems:
        problems += [Problem(file, *found) for found in _own_problems(settings)]
    if problems:
        raise SettingsError(problems)
    return typing.cast("_T", settings)


def readable(kind: type[_T], document: Mapping[str, Any]) -> _T | None:
    """One table without what is wrong in it, for rules that see the rest; None where too much is wrong.

    Unchecked tables come to `document_problems`: what is left out here is reported by `load` itself.
    """
    left = copy.deepcopy(dict(document))
    while True:
        problems: list[Problem] = []
        found = _build(kind, left, "", "", problems)
        if found is not None:
            return typing.cast("_T", found)
        if not any(_without(left, problem.key.split(".")) for problem in problems):
            return None


def _without(table: dict[str, Any], path: Sequence[str]) -> bool:
    """Take out the value at a path, or, where it is not there, the table that lacks it; whether there was one."""
    parents = [table]
    for name in path[:-1]:
        inner = parents[-1].get(name)
        if not isinstance(inner, dict):
            break
        parents.append(inner)
    for depth in range(len(parents) - 1, -1, -1):
        if path[depth] in parents[depth]:
            del parents[depth][path[depth]]
            return True
    return False


def _own_problems(settings: Any) -> list[tuple[str, object, str]]:
    """What the settings object itself finds: rules across fields, as (key, value, remedy)."""
    check = getattr(settings, "problems", None)
    return list(check()) if check else []


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return strict_toml.loads(file.read(strict_toml.MAX_BYTES + 1).decode("utf-8"))
    except OSError as error:
        remedy = f"cannot be read ({error.strerror}): create it or name another file"
        raise SettingsError([Problem(str(path), "file", MISSING, remedy)]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(str(path), "file", MISSING, "is not UTF-8 text: save it as UTF-8")]) from error
    except strict_toml.TomlError as error:
        raise SettingsError([Problem(str(path), "file", MISSING, str(error))]) from error


def _overlay(
    kind: type, document: dict[str, Any], environment: Mapping[str, str], prefix: str, problems: list[Problem]
) -> None:
    """Put environment values over the document; nested tables by `_`, lists of texts by commas."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name = f"{prefix}{field.name.upper()}"
        inner = hints[field.name]
        if dataclasses.is_dataclass(inner):
            table = document.setdefault(field.name, {})
            if isinstance(table, dict):
                _overlay(typing.cast("type", inner), table, environment, f"{name}_", problems)
                if not table:
                    del document[field.name]
        elif name in environment:
            try:
                document[field.name] = _from_text(environment[name], inner)
            except ValueError:
                remedy = f"must be {_describe(inner)}"
                problems.append(_shown(field, Problem("environment", name, environment[name], remedy)))
                document.pop(field.name, None)


def _from_text(text: str, kind: Any) -> Any:
    options = [option for option in _options(kind) if option is not type(None)]
    if bool in options:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower(), text)
    if int in options:
        return int(text)
    if float in options:
        return float(text)
    if tuple[str, ...] in options:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _build(kind: type, document: object, file: str, prefix: str, problems: list[Problem]) -> Any:
    """An instance of a settings dataclass, or None after noting what is wrong."""
    if not isinstance(document, dict):
        problems.append(Problem(file, prefix.rstrip(".") or "file", document, "must be a table"))
        return None
    before = len(problems)
    fields = {field.name.removesuffix("_"): field for field in dataclasses.fields(kind)}
    unknown = sorted(document.keys() - fields.keys())
    if len(unknown) > _MOST_UNKNOWN:
        more = len(unknown) - _MOST_UNKNOWN
        problems.append(Problem(file, prefix + "…", f"{more} more", "unknown keys: correct the others first"))
    for key in unknown[:_MOST_UNKNOWN]:
        near = get_close_matches(shorten(key, _LONGEST_VALUE), fields, 1)
        remedy = f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {', '.join(fields)}"
        problems.append(Problem(file, prefix + key, document[key], remedy))
    hints = typing.get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for name, field in fields.items():
        if name in document:
            before_field = len(problems)
            arguments[field.name] = _convert(hints[field.name], document[name], file, prefix + name, problems)
            _apply_check(field, arguments[field.name], file, prefix + name, problems)
            problems[before_field:] = [_shown(field, problem) for problem in problems[before_field:]]
        elif field.default is MISSING and field.default_factory is MISSING:
            nested = hints[field.name]
            if dataclasses.is_dataclass(nested):
                arguments[field.name] = _build(typing.cast("type", nested), {}, file, f"{prefix}{name}.", problems)
                continue
            problems.append(Problem(file, prefix + name, MISSING, f"is required: {field.metadata.get('help', '')}"))
    return kind(**arguments) if len(problems) == before else None


def _shown(field: "dataclasses.Field[Any]", problem: Problem) -> Problem:
    """A problem as it may be told: without the value of a secret."""
    return dataclasses.replace(problem, value=_HIDDEN) if field.metadata.get("secret") else problem


def _apply_check(field: "dataclasses.Field[Any]", value: object, file: str, key: str, problems: list[Problem]) -> None:
    check = field.metadata.get("check")
    remedy = check(value) if check and value is not None else None
    if remedy:
        problems.append(Problem(file, key, value, remedy))


def _convert(kind: Any, value: object, file: str, key: str, problems: list[Problem]) -> Any:
    """`value` as `kind`, or None after noting what is wrong."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _build(typing.cast("type", kind), value, file, f"{key}.", problems)
    if origin is tuple and isinstance(value, list):
        (inner, _) = typing.get_args(kind)
        return tuple(_convert(inner, item, file, f"{key}[{index}]", problems) for index, item in enumerate(value))
    if origin in (dict, Mapping, typing.get_origin(Mapping[str, Any])) and isinstance(value, dict):
        (_, inner) = typing.get_args(kind)
        return {name: _convert(inner, item, file, f"{key}.{name}", problems) for name, item in value.items()}
    for option in _options(kind):
        converted = _scalar(option, value)
        if converted is not MISSING:
            return converted
    problems.append(Problem(file, key, value, f"must be {_describe(kind)}"))
    return None


def _scalar(kind: Any, value: object) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next((member for member in kind if member.value == value), MISSING)
    if typing.get_origin(kind) is typing.Literal:
        return value if value in typing.get_args(kind) else MISSING
    if kind in (str, int, float, bool) and type(value) is kind:
        return MISSING if isinstance(value, float) and not math.isfinite(value) else value
    return MISSING


def _options(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _describe(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}
    parts = []
    for option in _options(kind):
        if typing.get_origin(option) is typing.Literal:
            parts.append("one of " + ", ".join(map(repr, typing.get_args(option))))
        elif isinstance(option, type) and issubclass(option, Enum):
            parts.append("one of " + ", ".join(repr(member.value) for member in option))
        elif typing.get_origin(option) is tuple:
            parts.append("a list")
        elif option is not type(None):
            parts.append(names.get(option, "a table"))
    return " or ".join(parts)
