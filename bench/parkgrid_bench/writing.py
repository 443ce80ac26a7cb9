"""(a) From MQTT batches to committed rows with every promise on, against raw binary COPY of the same rows."""

import time
from collections.abc import Sequence
from statistics import median

import psycopg
from psycopg import sql

from parkgrid_bench.figures import Figure, Leg, Progress, finish, run_pairs
from parkgrid_bench.load import Spec
from parkgrid_bench.plant import METERS, ROW_VALUES, MeteredSpan, copy_buffers, step_sum
from parkgrid_bench.stack import GATEWAYS, Stack
from parkgrid_contract.time import from_ms

VALUES = {1_000: 4_000_000, 200: 2_400_000, 20: 1_200_000}
"""Values of one leg, by values in a batch: each leg takes about a second or longer."""
_COPY_ROWS = 20_000
_TABLE = "bench_raw.meter"


def measure(stack: Stack, values_in_batch: int, pairs: int, tell: Progress) -> tuple[Figure, float]:
    """The figure `ingest_<values_in_batch>`, and the median rate of the chain in values a second."""
    figure = Figure(f"ingest_{values_in_batch}")
    rows_in_batch = values_in_batch // ROW_VALUES
    rows = VALUES[values_in_batch] // ROW_VALUES // len(GATEWAYS)
    upcoming: list[tuple[MeteredSpan, ...]] = []

    def baseline() -> Leg:
        upcoming.append(stack.spans(rows, rows_in_batch))
        return raw_copy(stack, upcoming[-1])

    def ours() -> Leg:
        return through_the_chain(stack, upcoming.pop(), rows_in_batch)

    prepare_raw_table(stack)
    legs = list(run_pairs(figure, baseline, ours, pairs, tell))
    return finish(figure, "million values/s", legs, 1e-6), median(ours.rate for _, ours in legs)


def through_the_chain(stack: Stack, spans: Sequence[MeteredSpan], rows_in_batch: int) -> Leg:
    """Publish, wait for the last commit; values a second, count and sum checked."""
    sent = stack.send(Spec(stack.broker.host, stack.broker.port, tuple(spans), rows_in_batch))
    seconds = stack.committed(spans, rows_in_batch) - sent.started
    values = ROW_VALUES * sum(span.rows for span in spans)
    return Leg(values / seconds, all(stored(stack, "base.meter", span) for span in spans), sent.cpu_s)


def raw_copy(stack: Stack, spans: Sequence[MeteredSpan]) -> Leg:
    """COPY the same rows from finished buffers into an identical table."""
    columns = table_columns(stack)
    buffers = []
    for span in spans:
        park, first = first_device(stack, span)
        fixed = {"park_id": park, "device_id": first, "received_at": 0, "epoch_id": 1, "seq": 1}
        buffers += copy_buffers(span, columns, fixed, _COPY_ROWS)
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier("bench_raw", "meter"))
    with psycopg.connect(stack.database.dsn) as connection:
        started = time.monotonic()
        for buffer in buffers:
            with connection.cursor().copy(statement) as copy:
                copy.write(buffer)
            connection.commit()
        seconds = time.monotonic() - started
    values = ROW_VALUES * sum(span.rows for span in spans)
    return Leg(values / seconds, all(stored(stack, _TABLE, span) for span in spans))


def store_span(stack: Stack, span: MeteredSpan, rows_in_batch: int) -> None:
    """Bring a span into the store through the chain."""
    stack.send(Spec(stack.broker.host, stack.broker.port, (span,), rows_in_batch))
    stack.committed((span,), rows_in_batch)


def stored(stack: Stack, table: str, span: MeteredSpan) -> bool:
    """Whether a table holds exactly the rows of a span: their count and the sum of all their integers."""
    park, first = first_device(stack, span)
    total = sql.SQL(" + ").join(
        sql.SQL("coalesce({}, 0)::int8").format(sql.Identifier(name)) for name in _signal_names(stack)
    )
    query = sql.SQL(
        "SELECT count(*), coalesce(sum({total}), 0)::int8 FROM {table}"
        " WHERE park_id = %s AND device_id BETWEEN %s AND %s AND at >= %s AND at < %s"
    ).format(total=total, table=sql.Identifier(*table.split(".")))
    with psycopg.connect(stack.database.dsn) as connection:
        arguments = (park, first, first + METERS - 1, from_ms(span.start_ms), from_ms(span.end_ms))
        found = connection.execute(query, arguments).fetchone()
    return found == (span.rows, step_sum(span.rows))


def prepare_raw_table(stack: Stack) -> None:
    """A table like the store's own: columns, key and daily partitions; built once."""
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        connection.execute("SET timezone = 'Asia/Shanghai'")
        connection.execute("CREATE SCHEMA IF NOT EXISTS bench_raw")
        connection.execute(_CREATE)
        connection.execute(_PARTITIONS)


def table_columns(stack: Stack) -> list[tuple[str, int]]:
    """Columns of the meter table in order, with their width; 0 for those that stay NULL."""
    widths = {"smallint": 2, "integer": 4, "bigint": 8, "timestamp with time zone": 8}
    rows = stack.query(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'base' AND table_name = 'meter' ORDER BY ordinal_position"
    )
    return [(name, widths.get(kind, 0)) for name, kind in rows]


def first_device(stack: Stack, span: MeteredSpan) -> tuple[int, int]:
    """Numbers of a gateway's park and of its first meter; the others follow it."""
    [(park, low, high)] = stack.query(
        "SELECT park_id, min(device_id), max(device_id) FROM public.devices"
        " WHERE (park, gateway) = (%s, %s) GROUP BY park_id",
        span.gateway.park,
        span.gateway.gateway,
    )
    if high - low != METERS - 1:
        raise ValueError(f"device numbers of {span.gateway} are not contiguous: {low} to {high}")
    return int(park), int(low)


def _signal_names(stack: Stack) -> list[str]:
    own = {"park_id", "device_id", "at", "received_at", "epoch_id", "seq", "flags", "untrusted"}
    return [name for name, _ in table_columns(stack) if name not in own]


_CREATE = """
DO $$ BEGIN
    IF to_regclass('bench_raw.meter') IS NULL THEN
        IF (SELECT relkind = 'p' FROM pg_class WHERE oid = 'base.meter'::regclass) THEN
            CREATE TABLE bench_raw.meter (LIKE base.meter INCLUDING ALL) PARTITION BY RANGE (at);
        ELSE
            CREATE TABLE bench_raw.meter (LIKE base.meter INCLUDING ALL);
            PERFORM create_hypertable('bench_raw.meter', 'at', chunk_time_interval => interval '1 day',
                                      create_default_indexes => false);
        END IF;
    END IF;
END $$
"""

_PARTITIONS = """
DO $$ DECLARE day date; BEGIN
    IF (SELECT relkind = 'p' FROM pg_class WHERE oid = 'bench_raw.meter'::regclass) THEN
        FOR day IN SELECT generate_series(current_date - 3, current_date + 1, '1 day') LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS bench_raw.%I PARTITION OF bench_raw.meter'
                           ' FOR VALUES FROM (%L) TO (%L)', 'meter_' || to_char(day, 'YYYYMMDD'), day, day + 1);
        END LOOP;
    END IF;
END $$
"""
