"""docs/scenarios.md names every key of a scenario and every fault as the code has them, in both languages."""

import dataclasses
import math
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest

from parkgrid_simulators import scenario, scenario_tables
from parkgrid_simulators.faults import FAULTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLES = {
    "scenario": scenario.Scenario,
    "site": scenario_tables.SiteSettings,
    "strategy": scenario_tables.StrategySettings,
    "chargers": scenario_tables.StationSettings,
    "v2g": scenario_tables.V2gSettings,
    "schedules": scenario_tables.ScheduleSettings,
    "devices": scenario_tables.DeviceSettings,
    "point": scenario_tables.PointSettings,
    "dc_buses": scenario_tables.DcBusSettings,
    "faults": scenario_tables.FaultSettings,
}
PARAMETERS = {parameter.name for rule in FAULTS.values() for parameter in rule.parameters}
_RANGE = re.compile(r"must be between (\S+) and (\S+)(?: (\S+))?$")


def toml_type(hint: Any) -> str:
    """The type of a key, as TOML calls it."""
    if typing.get_origin(hint) is Mapping:
        return "table"
    options = [one for one in typing.get_args(hint) or (hint,) if one is not type(None)]
    if typing.get_origin(hint) is typing.Literal or (isinstance(options[0], type) and issubclass(options[0], str)):
        return "string" if typing.get_origin(hint) is not tuple else "array of string"
    if typing.get_origin(hint) is tuple:
        return f"array of {toml_type(options[0])}"
    return {float: "float", int: "integer"}.get(options[0], "table")


def bounds(field: "dataclasses.Field[Any]", hint: Any) -> tuple[str, str]:
    """Unit and range of a key."""
    if typing.get_origin(hint) is typing.Literal:
        return "", ", ".join(typing.get_args(hint))
    check = field.metadata.get("check")
    if check is None or hint is str:
        # Texts have one rule, which stands above the tables.
        return "", ""
    if toml_type(hint).startswith("array"):
        return "", "0 or 12 × 1 … 10"
    low, high, unit = _RANGE.match(check(-math.inf)).groups()
    return unit or "", f"{float(low):.16g} … {float(high):.16g}"


def default(field: "dataclasses.Field[Any]") -> str:
    """The default of a key as TOML writes it; a dash for none."""
    if field.default is MISSING:
        return "required" if field.default_factory is MISSING else ""
    if dataclasses.is_dataclass(field.default) or field.default in (None, "", ()):
        return ""
    if isinstance(field.default, str):
        return f"`{field.default}`"
    return f"{list(field.default)}".replace("'", "") if isinstance(field.default, tuple) else f"{field.default:g}"


def key(field: "dataclasses.Field[Any]") -> str:
    """What a field is called in the file: a word of Python has `_` behind it."""
    return field.name.removesuffix("_")


def keys(kind: type) -> Iterator[tuple[str, ...]]:
    """What the code says of each key of a table."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if kind is not scenario_tables.FaultSettings or field.name not in PARAMETERS:
            hint = hints[field.name]
            yield f"`{key(field)}`", toml_type(hint), *bounds(field, hint), default(field)


def fault_rows() -> Iterator[tuple[str, ...]]:
    """What the code says of each fault and parameter."""
    for kind, rule in FAULTS.items():
        for one in rule.parameters or (None,):
            if one is None:
                yield f"`{kind.value}`", "", "", "", ""
                continue
            value = "drawn" if one.default is None else f"{one.default:.15g}"
            yield f"`{kind.value}`", f"`{one.name}`", one.unit, f"{one.low:.15g} … {one.high:.15g}", value


def documented(text: str) -> dict[str, list[list[str]]]:
    """The rows of every table, by the name in its heading."""
    found: dict[str, list[list[str]]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name = re.search(r"`\[*([a-z0-9_]+)\]*`", part.partition("\n")[0])
        lines = [line for line in part.splitlines() if line.startswith("| ")]
        if name and lines:
            rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]
            found[name[1]] = [row for row in rows if not row[0].startswith("-")]
    return found


WORDS = {
    "必填": "required",
    "随机": "drawn",
    "–": "",
    "度": "degrees",
    "个寄存器": "registers",
    "0 或 12 个 × 1 … 10": "0 or 12 × 1 … 10",
}


@pytest.mark.parametrize("name", ["scenarios.md", "scenarios.zh.md"])
def test_the_reference_says_what_the_code_does(name) -> None:
    tables = documented((DOCS / name).read_text("utf-8"))
    wanted = {table: list(keys(kind)) for table, kind in TABLES.items()} | {"kind": list(fault_rows())}
    assert tables.keys() == wanted.keys()
    for table, rows in wanted.items():
        told = [tuple(WORDS.get(cell, cell) for cell in row[:5]) for row in tables[table]]
        assert told == rows, table
        assert all(len(row) == 6 and row[5] for row in tables[table])


def test_english_meanings_are_those_of_the_code() -> None:
    tables = documented((DOCS / "scenarios.md").read_text("utf-8"))
    for table, kind in TABLES.items():
        helps = {f"`{key(field)}`": field.metadata["help"] for field in dataclasses.fields(kind)}
        assert {row[0]: row[5] for row in tables[table]}.items() <= helps.items()
    for kind, rule in FAULTS.items():
        rows = [row for row in tables["kind"] if row[0] == f"`{kind.value}`"]
        assert rows[0][5].startswith(rule.help)
        assert all(one.help in row[5] for one, row in zip(rule.parameters, rows, strict=False))


def test_every_parameter_is_a_key_of_a_fault() -> None:
    fields = {field.name for field in dataclasses.fields(scenario_tables.FaultSettings)}
    assert fields > PARAMETERS
    assert fields - PARAMETERS == {"device", "kind", "start", "duration_s"}
