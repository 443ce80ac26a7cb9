"""The quarter hours of an event."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)


def off_the_quarter(at: datetime) -> bool:
    """Whether an instant is not the start of a quarter hour, or has no zone."""
    return at.tzinfo is None or at.timestamp() % QUARTER.total_seconds() != 0


def quarters_of(start: datetime, end: datetime) -> list[datetime]:
    """The quarter hours of [start, end), in UTC. Raises `ValueError` for a border that is not on the quarter hour."""
    for border in (start, end):
        if off_the_quarter(border):
            raise ValueError(f"{border} is not on the quarter hour, or has no zone")
    if not start < end <= start + timedelta(days=1):
        raise ValueError(f"an event from {start} to {end} is not between a quarter hour and a day long")
    utc = start.astimezone(ZoneInfo("UTC"))
    return [utc + place * QUARTER for place in range((end - start) // QUARTER)]
