"""Indicators: what each one is, and figures over a period."""

from parkgrid_api.answers.shape import ParkPeriod, Shape


class BoundsShape(Shape):
    """What an indicator can be at all; `per_hour` means that the upper bound is that of each hour."""

    low: float | None
    high: float | None
    per_hour: bool
    why: str


class DisplayShape(Shape):
    """How a figure is shown: a share of 0 to 1 in per cent; digits after the point, null for three significant ones."""

    share: bool
    digits: int | None


class IndicatorShape(Shape):
    """What an indicator is."""

    name: str
    name_zh: str
    name_en: str
    formula: str
    unit: str
    inputs: list[str]
    optional_inputs: list[str]
    ratings: list[str]
    factors: list[str]
    minimum_coverage_pct: float
    bounds: BoundsShape
    display: DisplayShape
    source: str


class Definitions(Shape):
    """Every indicator."""

    indicators: list[IndicatorShape]


class AnyFigureShape(Shape):
    """An indicator over a period; null with the reason where there is no number."""

    name: str
    name_zh: str
    name_en: str
    value: float | None
    unit: str
    display: DisplayShape
    coverage_pct: float
    estimated_pct: float
    unavailable: str | None
    unavailable_zh: str | None
    at_ms: int | None
    details: dict[str, float | str | None]


class FigureShape(AnyFigureShape):
    """An indicator of a scope."""

    address: str


class DistrictFigureShape(AnyFigureShape):
    """An indicator of parks together, with the addresses of those of each park."""

    addresses: list[str]


class Figures(ParkPeriod):
    """The indicators of a scope over a period; `until_ms` is where they end while it runs."""

    until_ms: int
    provisional: bool
    indicators: list[FigureShape]


class DistrictFigures(Shape):
    """The indicators of parks together over a period; `until_ms` is where they end while it runs."""

    parks: list[str]
    period: str
    from_ms: int
    to_ms: int
    as_of_ms: int
    until_ms: int
    provisional: bool
    indicators: list[DistrictFigureShape]
