"""(b) From publication to commit at half the peak rate, against the flush interval.

Measured from outside: from the moment a batch is written to the broker's socket to the moment its acknowledgement,
which follows the commit, is read from there. That is a little longer than the commit itself.
"""

from collections.abc import Iterator

import numpy as np

from parkgrid_bench.figures import Figure, Progress
from parkgrid_bench.load import Spec
from parkgrid_bench.plant import ROW_VALUES
from parkgrid_bench.stack import GATEWAYS, Stack
from parkgrid_bench.writing import stored

VALUES_IN_BATCH = 200
FLUSH_INTERVAL_MS = 20.0
"""The interval of reliability bar P6; ingest's own `commit.max_wait_ms` is shorter."""
_SECONDS = 5.0


def measure(stack: Stack, peak: float, pairs: int, tell: Progress) -> Iterator[Figure]:
    """The figures `latency_p50` and `latency_p99`; `peak` in values a second."""
    middle, high = Figure("latency_p50"), Figure("latency_p99")
    rows = VALUES_IN_BATCH // ROW_VALUES
    rate = peak / 2 / VALUES_IN_BATCH
    absolute: list[tuple[float, float]] = []
    for number in range(pairs + 1):
        spans = stack.spans(round(rate * _SECONDS) * rows, rows, GATEWAYS[:1])
        sent = stack.send(Spec(stack.broker.host, stack.broker.port, spans, rows, rate))
        complete = len(sent.latencies_ms) == spans[0].rows // rows and stored(stack, "base.meter", spans[0])
        if not number:
            continue
        p50, p99 = np.percentile(sent.latencies_ms, [50, 99])
        tell(
            f"latency: run {number} of {pairs}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"longest pause {sent.longest_gap_ms:.0f} ms"
        )
        absolute.append((float(p50), float(p99)))
        for figure, value in ((middle, p50), (high, p99)):
            figure.ratios.append(float(value) / FLUSH_INTERVAL_MS)
            figure.correct = figure.correct and complete
    for figure, column in ((middle, 0), (high, 1)):
        milliseconds = float(np.median([each[column] for each in absolute]))
        figure.detail = f"{milliseconds:.1f} ms at {rate:,.0f} batches/s of {VALUES_IN_BATCH} values"
        yield figure
