"""A query as Grafana's PostgreSQL source sends it: macros and variables replaced."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
            604_800, 2_592_000, 31_536_000)  # fmt: skip
"""Grafana's round intervals; a step is the first whose middle to the next is not passed."""
_UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000, "y": 31_536_000}
_RELATIVE = re.compile(r"now(?:([-+])(\d+)([mhdwMy])(?:/[dwMy])?)?")
_MACRO = re.compile(
    r"\$__(timeFilter|timeFrom|timeTo|interval_ms|interval|from|to)\b(?:\(([^()]*)\))?|\$\{__(from|to)\}"
)
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}")
MINIMUM_STEP_S = 60


class MacroError(ValueError):
    """A query uses something that Grafana would not replace."""


@dataclass(frozen=True, slots=True)
class Range:
    """The chosen time."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, since: str, now: datetime, until: str = "now") -> "Range":
        """The span from a relative instant such as now-24h to another."""
        return cls(*(now + _relative(each) for each in (since, until)))

    def step_ms(self, points: int) -> int:
        """The step of a picture of at most so many points, rounded as Grafana does."""
        exact_s = max((self.end - self.start).total_seconds() / points, MINIMUM_STEP_S)
        for step, following in zip(_STEPS_S, (*_STEPS_S[1:], float("inf")), strict=True):
            if exact_s < (step + following) / 2:
                return max(step, MINIMUM_STEP_S) * 1000
        return _STEPS_S[-1] * 1000


def _relative(told: str) -> timedelta:
    found = _RELATIVE.fullmatch(told)
    if not found:
        raise MacroError(f"{told!r} is not a relative time such as now-24h")
    sign, count, unit = found.groups()
    return timedelta(seconds=int(f"{sign}{count}") * _UNITS_S[unit]) if sign else timedelta()


def expand(text: str, span: Range, step_ms: int, values: Mapping[str, list[str]]) -> str:
    """The SQL that reaches the database. Raises `MacroError`."""
    start, end = (_literal(at) for at in (span.start, span.end))

    known = {
        "timeFrom": start,
        "timeTo": end,
        "interval_ms": str(step_ms),
        "interval": f"'{step_ms // 1000}s'",
        "from": str(round(span.start.timestamp() * 1000)),
        "to": str(round(span.end.timestamp() * 1000)),
    }

    def macro(found: re.Match[str]) -> str:
        name, argument = found[1] or found[3], found[2]
        return known.get(name, f"{argument} BETWEEN {start} AND {end}")

    def variable(found: re.Match[str]) -> str:
        name, form = found[1], found[2]
        if name not in values:
            raise MacroError(f"${{{name}}} has no value")
        chosen = values[name] or [""]
        if form == "sqlstring":
            return ",".join("'" + value.replace("'", "''") + "'" for value in chosen)
        return ",".join(chosen)

    expanded = _VARIABLE.sub(variable, _MACRO.sub(macro, text))
    if "$" in re.sub(r"'[^']*'", "", expanded):
        rest = re.findall(r"\$\S*", re.sub(r"'[^']*'", "", expanded))
        raise MacroError(f"{rest[0]} is neither a macro nor a variable that Grafana replaces")
    return expanded


def _literal(at: datetime) -> str:
    return f"'{at.astimezone(UTC).isoformat(timespec='milliseconds').replace('+00:00', 'Z')}'"
