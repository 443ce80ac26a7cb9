"""Prints the DDL that the catalogue asks for: `python -m ingest.sql.draft telemetry postgres`.

A migration is written by a person and never changes once it is applied; this draft saves the typing. A test compares
the migrated database with the catalogue, so a signal without its migration cannot be forgotten.
"""

import sys
from collections.abc import Callable, Iterable, Iterator

from contract.signals import CATALOGUE, DeviceClass, Kind, Signal

DAY_ORIGIN = "2000-01-01 00:00:00+08"
"""Buckets are counted from a midnight in Asia/Shanghai, which has no daylight saving time."""
LEVELS = {"1m": "1 minute", "15m": "15 minutes", "1d": "1 day"}
_SOURCE = {"1m": "", "15m": "_1m", "1d": "_15m"}
_POLICY_START = "3 days"
"""How far back the extension's own refresh looks; maintenance refreshes older ranges that late rows touched."""
_USAGE = "usage: python -m ingest.sql.draft telemetry|rollups|views postgres|timescale"


def integer(signal: Signal) -> str:
    """The SQL type that a signal is stored in."""
    return f"int{signal.storage_bytes}"


def in_unit(expression: str, signal: Signal) -> str:
    """The SQL expression that turns stored steps into the unit."""
    return f"{expression} / {signal.per_unit}::float8"


def rollup_columns(device_class: DeviceClass) -> Iterator[tuple[str, str]]:
    """Name and type of every stored roll-up column after device_id, at and samples."""
    for signal in device_class.signals:
        name, kind = signal.name, integer(signal)
        if signal.kind is Kind.GAUGE:
            yield from ((f"{name}_sum", "int8"), (f"{name}_count", "int8"))
            yield from ((f"{name}_min", kind), (f"{name}_max", kind))
        elif signal.kind is Kind.COUNTER:
            yield from ((f"{name}_first", kind), (f"{name}_last", kind))
        else:
            yield f"{name}_last", kind


def rollup_expressions(device_class: DeviceClass, level: str, first: str, last: str) -> Iterator[tuple[str, str]]:
    """Column and aggregate for a level; `first` and `last` are templates of one column's first and last value."""
    from_raw = level == "1m"
    yield "samples", "count(*)" if from_raw else "sum(samples)::int8"
    for signal in device_class.signals:
        name = signal.name
        if signal.kind is Kind.GAUGE:
            yield f"{name}_sum", f"sum({name})" if from_raw else f"sum({name}_sum)::int8"
            yield f"{name}_count", f"count({name})" if from_raw else f"sum({name}_count)::int8"
            yield f"{name}_min", f"min({name})" if from_raw else f"min({name}_min)"
            yield f"{name}_max", f"max({name})" if from_raw else f"max({name}_max)"
        if signal.kind is Kind.COUNTER:
            yield f"{name}_first", first.format(name if from_raw else f"{name}_first")
        if signal.kind is not Kind.GAUGE:
            yield f"{name}_last", last.format(name if from_raw else f"{name}_last")


def _listed(lines: Iterable[str]) -> str:
    return ",\n".join(f"    {line}" for line in lines)


def raw_table(device_class: DeviceClass, store: str) -> str:
    """The table of a class's raw rows."""
    columns = [
        "device_id int4 NOT NULL",
        "at timestamptz NOT NULL",
        "received_at timestamptz NOT NULL",
        "epoch_id int4 NOT NULL",
        "seq int8 NOT NULL",
        "flags jsonb",
        *(f"{signal.name} {integer(signal)}" for signal in device_class.signals),
        "PRIMARY KEY (device_id, at)",
    ]
    table = f"base.{device_class.name}"
    create = f"CREATE TABLE {table} (\n{_listed(columns)}\n)"
    if store == "postgres":
        return f"{create} PARTITION BY RANGE (at);\n"
    return (
        f"{create};\n"
        f"SELECT create_hypertable('{table}', by_range('at', INTERVAL '1 day'), create_default_indexes => false);\n"
        f"ALTER TABLE {table} SET (\n"
        "    timescaledb.enable_columnstore = true,\n"
        "    timescaledb.segmentby = 'device_id',\n"
        "    timescaledb.orderby = 'at'\n);\n"
        f"CALL add_columnstore_policy('{table}', after => INTERVAL '7 days');\n"
    )


def rollup_table(device_class: DeviceClass, level: str) -> str:
    """The table of one roll-up level that ingest keeps itself."""
    columns = [
        "device_id int4 NOT NULL",
        "at timestamptz NOT NULL",
        "samples int8 NOT NULL",
        *(f"{name} {kind}" for name, kind in rollup_columns(device_class)),
        "PRIMARY KEY (device_id, at)",
    ]
    return f"CREATE TABLE base.{device_class.name}_{level} (\n{_listed(columns)}\n) WITH (fillfactor = 80);\n"


def continuous_aggregate(device_class: DeviceClass, level: str) -> str:
    """One roll-up level as a continuous aggregate on the level below it."""
    first, last = (f"{edge}({{0}}, at) FILTER (WHERE {{0}} IS NOT NULL)" for edge in ("first", "last"))
    view, source = f"base.{device_class.name}_{level}", f"base.{device_class.name}{_SOURCE[level]}"
    bucket = f"time_bucket(INTERVAL '{LEVELS[level]}', at, TIMESTAMPTZ '{DAY_ORIGIN}')"
    selected = [
        "device_id",
        f"{bucket} AS at",
        *(f"{expression} AS {name}" for name, expression in rollup_expressions(device_class, level, first, last)),
    ]
    # A column alias cannot be the grouping key when the source has a column of that name, so the bucket stands twice.
    return (
        f"CREATE MATERIALIZED VIEW {view}\n"
        "WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS\n"
        f"SELECT\n{_listed(selected)}\nFROM {source}\nGROUP BY device_id, {bucket}\nWITH NO DATA;\n"
        f"SELECT add_continuous_aggregate_policy('{view}', start_offset => INTERVAL '{_POLICY_START}',\n"
        f"    end_offset => INTERVAL '{LEVELS[level]}', schedule_interval => INTERVAL '30 minutes');\n"
    )


def raw_view(device_class: DeviceClass) -> str:
    """The readable form of a class's raw rows."""
    columns = ["device_id", "at", "received_at", "epoch_id", "seq", "flags"]
    columns += [f"{in_unit(signal.name, signal)} AS {signal.name}" for signal in device_class.signals]
    name = device_class.name
    return f"CREATE VIEW public.{name} AS\nSELECT\n{_listed(columns)}\nFROM base.{name};\n"


def rollup_view(device_class: DeviceClass, level: str) -> str:
    """The readable form of a roll-up level."""
    columns = ["device_id", "at", "samples"]
    for signal in device_class.signals:
        name = signal.name
        if signal.kind is Kind.GAUGE:
            mean = f"{name}_sum / nullif({name}_count, 0)::float8"
            columns.append(f"{in_unit(mean, signal)} AS {name}")
            columns += [f"{in_unit(f'{name}_{edge}', signal)} AS {name}_{edge}" for edge in ("min", "max")]
        elif signal.kind is Kind.COUNTER:
            columns += [f"{in_unit(f'{name}_{edge}', signal)} AS {name}_{edge}" for edge in ("first", "last")]
        else:
            columns.append(f"{in_unit(f'{name}_last', signal)} AS {name}")
    relation = f"{device_class.name}_{level}"
    return f"CREATE VIEW public.{relation} AS\nSELECT\n{_listed(columns)}\nFROM base.{relation};\n"


def draft(section: str, store: str) -> str:
    """The DDL of one section for one store."""
    classes = CATALOGUE.values()
    parts: dict[str, Callable[[], Iterable[str]]] = {
        "telemetry": lambda: (raw_table(each, store) for each in classes),
        "rollups": lambda: (
            rollup_table(each, level) if store == "postgres" else continuous_aggregate(each, level)
            for each in classes
            for level in LEVELS
        ),
        "views": lambda: (
            view for each in classes for view in (raw_view(each), *(rollup_view(each, level) for level in LEVELS))
        ),
    }
    return "\n".join(parts[section]())


def main(arguments: list[str]) -> int:
    """Print the draft that was asked for."""
    match arguments:
        case [("telemetry" | "rollups" | "views") as section, ("postgres" | "timescale") as store]:
            sys.stdout.write(draft(section, store))
            return 0
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
