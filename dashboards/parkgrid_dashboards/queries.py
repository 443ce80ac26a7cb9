"""The queries of the folder sql: named statements whose words in braces become SQL, so that each is written once.

{scope park}            only what the variables choose: `park`, `device`, or the board's own scope
{of storage r}          only rows of chosen devices of a class, on an alias
{rolled storage: a, b}  their 1-minute roll-up in a narrow picture, their 15-minute one in a wide one
{newest storage: a, b}  each chosen device with its newest minute of the last quarter of an hour
{energy}                intervals of the chosen registers in the chosen time
{bucket at}             the beginning of the step of the picture that an instant lies in
{whole NAME park, pv imported: exported}
                        parts of a WITH: NAME has the sums of these flows over the intervals in which all are known, of
                        each park; those before the colon have to be there at all
{figure NAME, TABLE: expression}
                        the value where it is enough known and possible, by the definition of the indicator
{during at}, {lately at}  in the chosen time (end left out); in the last quarter of an hour of it
{yuan amount, status}   an amount as text, to the cent, with the mark of a simulation where it is one
{word KEY}              a word of words.toml as a text
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from parkgrid_dashboards import plan_sql
from parkgrid_dashboards.words import Words
from parkgrid_database.sql_files import named_statements
from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.vpp.capability.outlook import LIMITS

WIDE_MS = 900_000
"""From this step on the 15-minute roll-up is asked."""
_SCOPES = MappingProxyType(
    {
        "all": "true",
        "district": "{alias}district = ${{district:sqlstring}}",
        "park": "{alias}park = ${{park:sqlstring}}",
        "device": "{alias}park = ${{park:sqlstring}}"
        " AND {alias}gateway || '/' || {alias}device IN (${{device:sqlstring}})",
    },
)
_WORD = re.compile(r"\{(\w+)(?: ([^{}]*))?\}")


class QueryError(ValueError):
    """A query of parkgrid_dashboards/sql says something that cannot be expanded."""


def statements(file: str) -> Mapping[str, str]:
    """The named statements of one file of parkgrid_dashboards/sql, as they are written."""
    return named_statements("parkgrid_dashboards", file)


def query(file: str, name: str, scope: str, language: str) -> str:
    """One statement, expanded for the scope of a board and a language. Raises `QueryError`."""
    try:
        text = statements(file)[name]
    except KeyError:
        raise QueryError(
            f"parkgrid_dashboards/sql/{file}.sql has no statement {name!r}: add `-- name: {name}`"
        ) from None
    return expanded(text, scope, language)


def expanded(text: str, scope: str, language: str) -> str:
    """SQL without words in braces. Raises `QueryError` for a word that is none."""

    def replaced(found: re.Match[str]) -> str:
        word, rest = found[1], (found[2] or "").strip()
        if word not in _WORDS:
            raise QueryError(f"{found[0]}: there is no such word; there are {', '.join(sorted(_WORDS))}")
        return _WORDS[word](rest, scope, language)

    while _WORD.search(text.replace("${", "$(")):
        text = _WORD.sub(replaced, text.replace("${", "$(")).replace("$(", "${")
    return text


def _scope(rest: str, scope: str, _: str) -> str:
    """`{scope park d}`: the widest scope named here that the board has, on an alias."""
    wanted, _, alias = rest.partition(" ")
    if wanted not in _SCOPES:
        raise QueryError(f"{{scope {rest}}}: there are {', '.join(_SCOPES)}")
    order = list(_SCOPES)
    chosen = order[min(order.index(wanted), order.index(scope))]
    return _SCOPES[chosen].format(alias=f"{alias}." if alias else "")


def _of(rest: str, scope: str, language: str) -> str:
    """`{of storage r}`: parks and devices as two arrays, which the key of park and device is searched by at once."""
    device_class, _, alias = rest.partition(" ")
    of = f"{alias}." if alias else ""
    parks = f"SELECT park_id FROM parks WHERE {_scope('park', scope, language)}"  # noqa: S608 - our own words
    chosen = f"device_class = '{device_class}' AND {_scope('device', scope, language)}"
    devices = f"SELECT device_id FROM devices WHERE {chosen}"  # noqa: S608 - our own words
    return f"{of}park_id = ANY (ARRAY({parks})) AND {of}device_id = ANY (ARRAY({devices}))"


def _rolled(rest: str, scope: str, language: str) -> str:
    device_class, _, columns = (part.strip() for part in rest.partition(":"))
    chosen = f"{_of(device_class, scope, language)} AND {_during('at')}"
    narrow, wide = (
        f"SELECT device_id, at, {columns} FROM {device_class}_{level}"  # noqa: S608 - our own words
        f" WHERE $__interval_ms {sign} {WIDE_MS} AND {chosen}"
        for level, sign in (("1m", "<"), ("15m", ">="))
    )
    return f"({narrow} UNION ALL {wide}) AS rolled"


def _newest(rest: str, scope: str, language: str) -> str:
    """Device by device a bounded look-up in the key."""
    device_class, _, columns = (part.strip() for part in rest.partition(":"))
    return (
        f"(SELECT d.*, {', '.join(f'r.{column.strip()}' for column in columns.split(','))}"  # noqa: S608 - our own words
        f" FROM devices AS d CROSS JOIN LATERAL (SELECT {columns} FROM {device_class}_1m"
        f" WHERE park_id = d.park_id AND device_id = d.device_id AND {_lately('at')} ORDER BY at DESC LIMIT 1) AS r"
        f" WHERE d.device_class = '{device_class}' AND {_scope('device d', scope, language)}) AS newest"
    )


def _energy(_: str, scope: str, language: str) -> str:
    """Register by register through the key (OFFSET 0 keeps it so): by instants alone, blocks of others are read too."""
    return (
        "(SELECT r.district, r.park, r.gateway, r.device, r.device_class, r.signal, i.at, i.period_s, i.energy_kwh,"  # noqa: S608 - our own words
        " i.quality FROM registers AS r CROSS JOIN LATERAL (SELECT at, period_s, energy_kwh, quality"
        " FROM energy_intervals"
        f" WHERE park_id = r.park_id AND register_id = r.register_id AND {_during('at')} OFFSET 0) AS i"
        f" WHERE {_scope('device r', scope, language)}) AS energy"
    )


def _whole(rest: str, *__: str) -> str:
    """Sums over whole intervals: its word names the table, the pools, and the flows with those that are required."""
    named, _, flows = rest.partition(",")
    name, _, pool = named.strip().partition(" ")
    required, _, optional = (part.strip() for part in flows.partition(":"))
    every = [*required.split(), *optional.split()]
    listed = {
        "name": name,
        "pool": f"r.{pool}" if pool else "''::text",
        "flows": ", ".join(f"'{flow}'" for flow in every),
        "required": ", ".join(f"'{flow}'" for flow in required.split()),
        "sums": ", ".join(
            f"coalesce(sum(i.energy_kwh) FILTER (WHERE a.flow = '{each}'), 0) AS {each}" for each in every
        ),
        "totals": ", ".join(f"sum(t.{flow}) AS {flow}" for flow in every),
    }
    text = plan_sql.part("whole_intervals")
    for word, replacement in listed.items():
        text = text.replace(f"<{word}>", replacement)
    return text


def _figure(rest: str, *__: str) -> str:
    """A value of an indicator, or nothing: where too little is known, or where its bounds say that it cannot be."""
    named, _, expression = rest.partition(":")
    name, _, table = (part.strip() for part in named.partition(","))
    indicator = INDICATORS[name]
    low, high = indicator.bounds.low, indicator.bounds.high
    hours = " * (extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz) / 3600)"
    possible = "" if low is None else f" AND value >= {low:g}"
    possible += "" if high is None else f" AND value <= {high:g}{hours if indicator.bounds.per_hour else ''}"
    known = f"{table}.coverage_pct >= {indicator.minimum_coverage_pct:g}" if table else "true"
    return (
        f"(SELECT CASE WHEN {known}{possible} THEN value END FROM (SELECT {expression.strip()} AS value) AS computed)"  # noqa: S608 - our own words
    )


def _bucket(rest: str, *_: str) -> str:
    return f"date_bin($__interval_ms * INTERVAL '1 millisecond', {rest}, TIMESTAMPTZ '2000-01-01 00:00+08')"


def _during(rest: str, *_: str) -> str:
    return f"{rest} >= $__timeFrom() AND {rest} < $__timeTo()"


def _lately(rest: str, *_: str) -> str:
    # A number, since what depends on the session's time zone is known too late to leave parts of a table alone.
    return f"{rest} > to_timestamp((${{__to}} - 1200000) / 1000.0) AND {rest} <= $__timeTo()::timestamptz"


def _limit(*_: str) -> str:
    return (
        "(SELECT nullif(sum(contracted_kw), 0)::float8 FROM (SELECT DISTINCT ON (account) account, contracted_kw"
        " FROM supply_agreements WHERE park = ${park:sqlstring} AND valid_from <= $__timeTo()::timestamptz::date"
        " AND (valid_to IS NULL OR valid_to > $__timeTo()::timestamptz::date)"
        " ORDER BY account, agreement_id DESC) AS agreed)"
    )


def _name(_rest: str, _scope: str, language: str) -> str:
    return f"name_{language}"


def _word(rest: str, _scope: str, language: str) -> str:
    return f"'{Words(language)(rest)}'"


def _yuan(rest: str, _scope: str, language: str) -> str:
    """A text, so that nobody reads or copies the amount without its mark."""
    amount, _, status = (part.strip() for part in rest.partition(","))
    words = Words(language)
    unit, mark = words("vpp_yuan"), words("vpp_simulation")
    told = f"to_char({amount}, 'FM999999999990.00') || ' {unit}'"
    return f"{told} || CASE {status} WHEN 'payable' THEN '' ELSE ' {mark}' END"


def _pilot_part(name: str) -> Callable[[str, str, str], str]:
    return lambda *_: plan_sql.part(name)


_WORDS: Mapping[str, Callable[[str, str, str], str]] = MappingProxyType(
    {
        "scope": _scope,
        "rolled": _rolled,
        "of": _of,
        "newest": _newest,
        "energy": _energy,
        "bucket": _bucket,
        "during": _during,
        "lately": _lately,
        "limit": _limit,
        "whole": _whole,
        "figure": _figure,
        "name": _name,
        "band": lambda *_: plan_sql.band(),
        "minimum_coverage": lambda *_: plan_sql.minimum_coverage(),
        "least": lambda name, *_: plan_sql.least(name),
        "plan": lambda _rest, _scope, language: plan_sql.plan_rows(language),
        "outputs": lambda _rest, _scope, language: plan_sql.outputs(language),
        "word": _word,
        "yuan": _yuan,
        "vpp_sums": _pilot_part("vpp_sums"),
        "vpp_settled": _pilot_part("vpp_settled"),
        "vpp_newest": _pilot_part("vpp_newest"),
        "limit_code": lambda rest, *_: f"array_position(ARRAY{[*LIMITS]}, {rest})::float8",
        "cluster_energy": lambda *_: plan_sql.part("cluster_energy"),
        "quarters_of_parks": lambda *_: plan_sql.part("quarters_of_parks"),
    },
)
