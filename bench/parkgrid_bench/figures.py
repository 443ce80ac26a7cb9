"""Figures, their bars, and how pairs are run: baseline and ours alternate A B A B, the median ratio counts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Progress = Callable[[str], None]
"""Told what is happening, for whoever waits."""


class BenchmarkError(Exception):
    """A benchmark could not be run; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach."""

    limit: float
    better: Literal["higher", "lower"]
    meaning: str
    """What the ratio is, in words."""

    def met(self, ratio: float) -> bool:
        """Whether a ratio reaches the bar."""
        return ratio >= self.limit if self.better == "higher" else ratio <= self.limit

    def __str__(self) -> str:
        """`>= 0.25` or `<= 45`."""
        return f"{'>=' if self.better == 'higher' else '<='} {self.limit:.3g}"


BARS = {
    "ingest_1000": Bar(0.25, "higher", "values/s from MQTT to committed rows / raw COPY, 1,000 values a batch"),
    "ingest_200": Bar(0.14, "higher", "the same, 200 values a batch"),
    "ingest_20": Bar(0.03, "higher", "the same, 20 values a batch"),
    "latency_p50": Bar(1.0, "lower", "published to committed, p50 / flush interval (20 ms), at half the peak rate"),
    "latency_p99": Bar(3.0, "lower", "the same, p99"),
    "outbox": Bar(0.5, "higher", "durable appends/s of the outbox / raw sqlite3, same bytes, synchronous=FULL"),
    "history_api": Bar(0.5, "higher", "history answers of 1,000 points/s / constant bytes from the same server"),
    "rollup": Bar(10.0, "higher", "speed of the 15-minute roll-up / the same answer from raw rows, 20 days at 10 s"),
    "close_day": Bar(2.0, "lower", "time to meter a day of 1,000 points at a minute / plain GROUP BY of the same rows"),
    "edge_rss_mb": Bar(45.0, "lower", "MB of a gateway agent with 50 devices x 20 signals"),
    "modbus_requests": Bar(1 / 15, "lower", "Modbus requests per value read by that agent"),
    "drain": Bar(0.6, "higher", "backlog values/s that an agent drains while live goes on / peak of ingest_200"),
    "drain_live_p99": Bar(2.0, "lower", "reading to committed, p99 of live while the backlog drains / idle"),
    "month_bill": Bar(10.0, "lower", "seconds for the month bills of 1,000 accounts from 15-minute intervals"),
    "vpp_statement_1000": Bar(2.0, "lower", "seconds for the statement of an event with 1,000 resources, sealed"),
    "vpp_capability_1000": Bar(1.0, "lower", "seconds for the capability of a pool of 1,000 resources, 24 hours"),
    "page_pixel_p95": Bar(2.0, "lower", "seconds from a changed register to the frame that shows it, p95, read at 1 s"),
    "page_cores_100": Bar(1.0, "lower", "processor seconds of the api a second with 100 pages of a park open"),
    "page_year_ms": Bar(500.0, "lower", "milliseconds from the click to a year of one signal on the screen"),
}
"""Every figure by name, in the order in which it is shown."""


@dataclass(slots=True)
class Figure:
    """One figure: its ratio in each pair."""

    name: str
    ratios: list[float] = field(default_factory=list)
    correct: bool = True
    """Whether every pair gave the right answer: row count and sum, or equal results."""
    detail: str = ""
    """Absolute figures, for people."""

    @property
    def ratio(self) -> float:
        """The median over the pairs."""
        return median(self.ratios)

    @property
    def met(self) -> bool:
        """Whether the bar is reached with right answers."""
        return self.correct and BARS[self.name].met(self.ratio)

    def as_json(self) -> dict[str, float | int | bool]:
        """The figure as `--json` prints it."""
        return {
            "ratio": round(self.ratio, 4),
            "min": round(min(self.ratios), 4),
            "max": round(max(self.ratios), 4),
            "pairs": len(self.ratios),
            "correct": self.correct,
        }


@dataclass(frozen=True, slots=True)
class Leg:
    """One measured side of a pair."""

    rate: float
    """Whatever is counted, a second."""
    correct: bool
    cpu_s: float | None = None


def run_pairs(
    figure: Figure,
    baseline: Callable[[], Leg],
    ours: Callable[[], Leg],
    pairs: int,
    tell: Progress,
) -> Iterator[tuple[Leg, Leg]]:
    """A warm-up pair that does not count, then `pairs` pairs; fills the figure and gives each pair."""
    for number in range(pairs + 1):
        first, second = baseline(), ours()
        if number:
            figure.ratios.append(second.rate / first.rate)
            figure.correct = figure.correct and first.correct and second.correct
            tell(f"{figure.name}: pair {number} of {pairs}: {second.rate / first.rate:.3f}")
            yield first, second
        elif not (first.correct and second.correct):
            figure.correct = False


def finish(figure: Figure, unit: str, legs: Sequence[tuple[Leg, Leg]], scale: float = 1.0) -> Figure:
    """Add the absolute medians of both sides to a figure."""
    first = median(leg.rate for leg, _ in legs) * scale
    second = median(leg.rate for _, leg in legs) * scale
    figure.detail = f"{second:,.3g} against {first:,.3g} {unit}"
    return figure
