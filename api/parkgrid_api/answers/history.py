"""The history of a device and the day of a park."""

from typing import Literal, NotRequired

from parkgrid_api.answers.shape import Series, Shape


class Curve(Shape):
    """Columns of a signal: value of raw rows; mean, min, max of a gauge; first, last of a counter; last of a state."""

    value: NotRequired[Series]
    mean: NotRequired[Series]
    min: NotRequired[Series]
    max: NotRequired[Series]
    first: NotRequired[Series]
    last: NotRequired[Series]


class HistoryColumns(Shape):
    """Columns of equal length, by time."""

    at_ms: list[int]
    samples: NotRequired[list[int]]
    flags: NotRequired[list[tuple[int, dict[str, str]]]]
    curves: dict[str, Curve]


class History(Shape):
    """The history of one device.

    `estimated` names by signal the starts of buckets that hold estimates, of 15 minutes at least; of raw readings their
    flags say it.
    """

    park: str
    gateway: str
    device: str
    device_class: str
    resolution: Literal["raw", "1m", "15m", "1d"]
    bucket_ms: int
    from_ms: int
    to_ms: int
    as_of_ms: int
    rows: int
    truncated: bool
    next_from_ms: int | None
    estimated: dict[str, list[int]]
    history: HistoryColumns


class ClassPower(Shape):
    """The power of one class by bucket, how many devices it is the sum of, and of how many readings of theirs.

    `estimated_ms` are the starts of the quarters of an hour in which some of it is an estimate.
    """

    devices: int
    kw: Series
    reporting: list[int]
    samples: list[int]
    estimated_ms: list[int]


class DayPower(Shape):
    """The powers of a day by the part of the flow that they are of."""

    pv: ClassPower
    storage: ClassPower
    grid: ClassPower
    load: ClassPower
    ev: ClassPower


class Energy(Shape):
    """What registers gained; `kwh` is null where none can tell."""

    kwh: float | None
    devices: int
    reporting: int
    resets: int


class Day(Shape):
    """One local day of a park; `period_ms` is the longest period of the power devices that reported."""

    park: str
    date: str
    time_zone: str
    resolution: Literal["1m", "15m"]
    bucket_ms: int
    period_ms: int | None
    from_ms: int
    to_ms: int
    as_of_ms: int
    at_ms: list[int]
    power: DayPower
    energy: dict[str, Energy]
    """By `class.register`."""
