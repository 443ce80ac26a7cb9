"""Which benchmarks make which figures, in which order, on which stack."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from parkgrid_bench import (
    close_day,
    drain,
    edge,
    history,
    latency,
    month_bill,
    outbox,
    pages,
    rollup,
    vpp_capability,
    vpp_statement,
    writing,
)
from parkgrid_bench.figures import BARS, Figure, Progress
from parkgrid_bench.plant import ROW_VALUES
from parkgrid_bench.stack import GATEWAYS, Stack, running_stack
from parkgrid_servers.broker import BrokerKind
from parkgrid_servers.database import RunningDatabase

_Step = Callable[[], Iterator[Figure]]


def run(
    names: Sequence[str],
    folder: Path,
    pairs: int,
    broker: BrokerKind | None,
    tell: Progress,
    database: RunningDatabase | None = None,
) -> list[Figure]:
    """Measure the named figures, in the order of `BARS`; on a given database, which is empty, or on one of its own."""
    tell("starting broker and ingest" if database else "starting database, broker and ingest")
    with running_stack(folder, broker, database) as stack:
        tell(f"broker {stack.broker.kind}, PostgreSQL {stack.database.version}")
        suite = _Suite(stack, folder, pairs, tell)
        steps: dict[tuple[str, ...], _Step] = {
            ("ingest_1000",): lambda: suite.writing(1_000),
            ("ingest_200",): lambda: suite.writing(200),
            ("ingest_20",): lambda: suite.writing(20),
            ("latency_p50", "latency_p99"): suite.latency,
            ("outbox",): suite.outbox,
            ("history_api",): suite.history,
            ("rollup",): suite.rollup,
            ("close_day",): suite.close_day,
            ("edge_rss_mb", "modbus_requests"): suite.edge,
            ("drain", "drain_live_p99"): suite.drain,
            ("month_bill",): suite.month_bill,
            ("vpp_statement_1000",): suite.vpp_statement,
            ("vpp_capability_1000",): suite.vpp_capability,
            ("page_pixel_p95",): suite.pixel,
            ("page_cores_100",): suite.open_pages,
            ("page_year_ms",): suite.year,
        }
        figures = [figure for made, step in steps.items() if set(made) & set(names) for figure in step()]
    return [figure for name in BARS for figure in figures if figure.name == name and name in names]


class _Suite:
    """The benchmarks on one stack; the peak rate is measured once and used by those that relate to it."""

    def __init__(self, stack: Stack, folder: Path, pairs: int, tell: Progress) -> None:
        self._stack = stack
        self._folder = folder
        self._pairs = pairs
        self._tell = tell
        self._peak: float | None = None

    def writing(self, values_in_batch: int) -> Iterator[Figure]:
        figure, rate = writing.measure(self._stack, values_in_batch, self._pairs, self._tell)
        if values_in_batch == latency.VALUES_IN_BATCH:
            self._peak = rate
        yield figure

    def latency(self) -> Iterator[Figure]:
        return latency.measure(self._stack, self._peak_rate(), self._pairs, self._tell)

    def outbox(self) -> Iterator[Figure]:
        yield outbox.measure(self._folder, self._pairs, self._tell)

    def history(self) -> Iterator[Figure]:
        yield history.measure(self._stack, self._pairs, self._tell)

    def rollup(self) -> Iterator[Figure]:
        yield rollup.measure(self._stack, self._pairs, self._tell)

    def close_day(self) -> Iterator[Figure]:
        yield close_day.measure(self._stack, self._pairs, self._tell)

    def edge(self) -> Iterator[Figure]:
        return edge.measure(self._stack, self._pairs, self._tell)

    def drain(self) -> Iterator[Figure]:
        return drain.measure(self._stack, self._peak_rate(), self._pairs, self._tell)

    def month_bill(self) -> Iterator[Figure]:
        yield month_bill.measure(self._stack, self._pairs, self._tell)

    def vpp_statement(self) -> Iterator[Figure]:
        yield vpp_statement.measure(self._stack, self._pairs, self._tell)

    def vpp_capability(self) -> Iterator[Figure]:
        yield vpp_capability.measure(self._stack, self._pairs, self._tell)

    def pixel(self) -> Iterator[Figure]:
        yield pages.pixel(self._stack, self._pairs, self._tell)

    def open_pages(self) -> Iterator[Figure]:
        yield pages.open_pages(self._stack, self._pairs, self._tell)

    def year(self) -> Iterator[Figure]:
        yield pages.year(self._stack, self._pairs, self._tell)

    def _peak_rate(self) -> float:
        """Values a second of `ingest_200`."""
        if self._peak is None:
            self._tell("measuring the peak rate first")
            rows = latency.VALUES_IN_BATCH // ROW_VALUES
            for _ in range(2):
                spans = self._stack.spans(writing.VALUES[latency.VALUES_IN_BATCH] // ROW_VALUES // len(GATEWAYS), rows)
                self._peak = writing.through_the_chain(self._stack, spans, rows).rate
        return self._peak or 0.0
