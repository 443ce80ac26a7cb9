"""Prints the DDL that the catalogue asks for: `python -m parkgrid_database.draft telemetry postgres`.

A migration is written by a person and never changes once it is applied; this draft saves the typing. A test compares
the migrated database with the catalogue, so a signal without its migration cannot be forgotten.
"""

import sys
from collections.abc import Callable, Iterable

from parkgrid_contract.signals import CATALOGUE, DeviceClass, SignalKind
from parkgrid_database.aggregates import (
    DAY_ORIGIN,
    LEVELS,
    SINGLE_LEVELS,
    SOURCE,
    in_unit,
    integer,
    rollup_columns,
    rollup_expressions,
)

_USAGE = "usage: python -m parkgrid_database.draft telemetry|rollups|views|singles postgres|timescale"


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
        "untrusted jsonb",
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


def newest_table(device_class: DeviceClass) -> str:
    """The table of a class's newest rows, one a device; half of a page is left for the next ones."""
    name = device_class.name
    return f"CREATE TABLE base.{name}_newest (LIKE base.{name}, PRIMARY KEY (device_id)) WITH (fillfactor = 50);\n"


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


def single_table(device_class: DeviceClass) -> str:
    """The table of a class's quarters of an hour that hold one reading: its values are those of both roll-ups."""
    columns = [
        "device_id int4 NOT NULL",
        "at timestamptz NOT NULL",
        *(f"{signal.name} {integer(signal)}" for signal in device_class.signals),
        "PRIMARY KEY (device_id, at)",
    ]
    return f"CREATE TABLE base.{device_class.name}_single (\n{_listed(columns)}\n);\n"


def continuous_aggregate(device_class: DeviceClass, level: str) -> str:
    """One roll-up level as a continuous aggregate on the level below it."""
    first, last = (f"{edge}({{0}}, at) FILTER (WHERE {{0}} IS NOT NULL)" for edge in ("first", "last"))
    view, source = f"base.{device_class.name}_{level}", f"base.{device_class.name}{SOURCE[level]}"
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
    )


def raw_view(device_class: DeviceClass, suffix: str = "") -> str:
    """The readable form of a class's raw rows, or of the newest of them."""
    columns = ["device_id", "at", "received_at", "epoch_id", "seq", "flags"]
    columns += [f"{in_unit(signal.name, signal)} AS {signal.name}" for signal in device_class.signals]
    columns.append("untrusted")
    name = f"{device_class.name}{suffix}"
    return f"CREATE VIEW public.{name} AS\nSELECT\n{_listed(columns)}\nFROM base.{name};\n"


def rollup_view(device_class: DeviceClass, level: str, *, singles: bool = False) -> str:
    """The readable form of a roll-up level; with `singles`, of the quarters of an hour of one reading, too."""
    columns = ["device_id", "at", "samples"]
    for signal in device_class.signals:
        name = signal.name
        if signal.kind is SignalKind.GAUGE:
            mean = f"{name}_sum / nullif({name}_count, 0)::float8"
            columns.append(f"{in_unit(mean, signal)} AS {name}")
            columns += [f"{in_unit(f'{name}_{edge}', signal)} AS {name}_{edge}" for edge in ("min", "max")]
        elif signal.kind is SignalKind.COUNTER:
            columns += [f"{in_unit(f'{name}_{edge}', signal)} AS {name}_{edge}" for edge in ("first", "last")]
        else:
            columns.append(f"{in_unit(f'{name}_last', signal)} AS {name}")
    relation = f"{device_class.name}_{level}"
    create = f"CREATE{' OR REPLACE' if singles else ''} VIEW public.{relation} AS"
    more = f"\nUNION ALL\n{_single_rows(device_class)}" if singles else ""
    return f"{create}\nSELECT\n{_listed(columns)}\nFROM base.{relation}{more};\n"


def _single_rows(device_class: DeviceClass) -> str:
    """A single reading in the columns of a roll-up: it is its mean, least and greatest, its first and its last."""
    times = {SignalKind.GAUGE: 3, SignalKind.COUNTER: 2, SignalKind.STATE: 1}
    columns = ["device_id", "at", "1::int8"]
    columns += [in_unit(signal.name, signal) for signal in device_class.signals for _ in range(times[signal.kind])]
    return f"SELECT\n{_listed(columns)}\nFROM base.{device_class.name}_single"


def draft(section: str, store: str) -> str:
    """The DDL of one section for one store."""
    classes = CATALOGUE.values()
    parts: dict[str, Callable[[], Iterable[str]]] = {
        "telemetry": lambda: (table for each in classes for table in (raw_table(each, store), newest_table(each))),
        "rollups": lambda: (
            rollup_table(each, level) if store == "postgres" else continuous_aggregate(each, level)
            for each in classes
            for level in LEVELS
        ),
        "views": lambda: (
            view
            for each in classes
            for view in (raw_view(each), raw_view(each, "_newest"), *(rollup_view(each, level) for level in LEVELS))
        ),
        "singles": lambda: (
            text
            for each in classes
            for text in (single_table(each), *(rollup_view(each, level, singles=True) for level in SINGLE_LEVELS))
        ),
    }
    return "\n".join(parts[section]())


def main(arguments: list[str]) -> int:
    """Print the draft that was asked for."""
    match arguments:
        case [("telemetry" | "rollups" | "views" | "singles") as section, ("postgres" | "timescale") as store]:
            sys.stdout.write(draft(section, store))
            return 0
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
