"""The columns of roll-ups, and how each follows from the level below: used for the DDL and by the worker."""

from collections.abc import Iterator

from parkgrid_contract.signals import DeviceClass, Signal, SignalKind

DAY_ORIGIN = "2000-01-01 00:00:00+08"
"""Buckets are counted from a midnight in Asia/Shanghai, which has no daylight saving time."""
LEVELS = {"1m": "1 minute", "15m": "15 minutes", "1d": "1 day"}
SOURCE = {"1m": "", "15m": "_1m", "1d": "_15m"}
"""Suffix of the relation that a level is computed from."""
SINGLE_LEVELS = ("1m", "15m")
"""Levels in which a reading that is alone in its quarter of an hour stands for itself."""


def integer(signal: Signal) -> str:
    """The SQL type that a signal is stored in."""
    return f"int{signal.storage_bytes}"


def in_unit(expression: str, signal: Signal) -> str:
    """The SQL expression that turns stored steps into the unit."""
    return f"{expression} / {signal.per_unit}::float8"


def rollup_columns(device_class: DeviceClass) -> Iterator[tuple[str, str]]:
    """Name and type of every stored roll-up column after the key and samples."""
    for signal in device_class.signals:
        name, kind = signal.name, integer(signal)
        if signal.kind is SignalKind.GAUGE:
            yield from ((f"{name}_sum", "int8"), (f"{name}_count", "int8"))
            yield from ((f"{name}_min", kind), (f"{name}_max", kind))
        elif signal.kind is SignalKind.COUNTER:
            yield from ((f"{name}_first", kind), (f"{name}_last", kind))
        else:
            yield f"{name}_last", kind


def rollup_expressions(device_class: DeviceClass, level: str, first: str, last: str) -> Iterator[tuple[str, str]]:
    """Column and aggregate for a level; `first` and `last` are templates of one column's first and last value."""
    from_raw = level == "1m"
    yield "samples", "count(*)" if from_raw else "sum(samples)::int8"
    for signal in device_class.signals:
        name = signal.name
        if signal.kind is SignalKind.GAUGE:
            yield f"{name}_sum", f"sum({name})" if from_raw else f"sum({name}_sum)::int8"
            yield f"{name}_count", f"count({name})" if from_raw else f"sum({name}_count)::int8"
            yield f"{name}_min", f"min({name})" if from_raw else f"min({name}_min)"
            yield f"{name}_max", f"max({name})" if from_raw else f"max({name}_max)"
        if signal.kind is SignalKind.COUNTER:
            yield f"{name}_first", first.format(name if from_raw else f"{name}_first")
        if signal.kind is not SignalKind.GAUGE:
            yield f"{name}_last", last.format(name if from_raw else f"{name}_last")


def single_expressions(device_class: DeviceClass) -> Iterator[tuple[str, str]]:
    """Column and expression where a bucket holds a single raw row: the same values, and no aggregate to compute."""
    yield "samples", "1::int8"
    for signal in device_class.signals:
        name = signal.name
        if signal.kind is SignalKind.GAUGE:
            yield from ((f"{name}_sum", f"{name}::int8"), (f"{name}_count", f"({name} IS NOT NULL)::int4::int8"))
            yield from ((f"{name}_min", name), (f"{name}_max", name))
        if signal.kind is SignalKind.COUNTER:
            yield f"{name}_first", name
        if signal.kind is not SignalKind.GAUGE:
            yield f"{name}_last", name
