"""Which relation answers a history question: raw rows or a roll-up, by span and wanted points."""

from collections.abc import Iterable
from dataclasses import dataclass

from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, refused

DAY_MS = 86_400_000
_SHANGHAI_MS = 28_800_000
"""Roll-ups of a day begin at midnight in Shanghai."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """One of the relations that hold a class's history."""

    name: str
    suffix: str
    """What the relation's name ends in after the class."""
    bucket_ms: int
    """Length of a bucket; 0 for raw rows, whose spacing is the device's period."""

    def bucket_of(self, slot_ms: int) -> int:
        """The start of the bucket that a quarter of an hour lies in, or of the quarter where buckets are shorter."""
        return slot_ms if self.bucket_ms < DAY_MS else (slot_ms + _SHANGHAI_MS) // DAY_MS * DAY_MS - _SHANGHAI_MS


RAW = Resolution("raw", "", 0)
ROLLUPS = (
    Resolution("1m", "_1m", 60_000),
    Resolution("15m", "_15m", 900_000),
    Resolution("1d", "_1d", DAY_MS),
)
_MINUTE_S = 60.0
BY_NAME = {resolution.name: resolution for resolution in (RAW, *ROLLUPS)}


def expected_rows(resolution: Resolution, span_ms: int, period_s: float) -> int:
    """Rows of one device in a span, when nothing is missing."""
    spacing = resolution.bucket_ms or max(1.0, period_s * 1000)
    return int(-(-span_ms // spacing))


def choose(wanted: str, span_ms: int, period_s: float, points: int, most_rows: int) -> Resolution:
    """The finest resolution with at most `points` rows, or the wanted one; refused above `most_rows`."""
    if wanted != "auto":
        chosen = BY_NAME[wanted]
    else:
        fitting = (r for r in (RAW, *ROLLUPS) if expected_rows(r, span_ms, period_s) <= points)
        chosen = next(fitting, ROLLUPS[-1])
    rows = expected_rows(chosen, span_ms, period_s)
    if rows > most_rows:
        remedy = told(
            f"the time span has {rows} rows at {chosen.name}, at most {most_rows}: use a shorter one",
            f"该时间范围在 {chosen.name} 下有 {rows} 行，最多 {most_rows} 行：请缩短",
        )
        if chosen is not ROLLUPS[-1]:
            remedy += told(" or leave resolution to auto", "，或让 resolution 保持 auto")
        raise refused([Mistake.of("from", f"{span_ms / DAY_MS:.1f} days", remedy)])
    return chosen


def day_resolution(periods_s: Iterable[float]) -> Resolution:
    """The roll-up that draws a day: minutes, unless a device reports too seldom to have a reading in each."""
    return BY_NAME["1m" if max(periods_s, default=0.0) <= _MINUTE_S else "15m"]
