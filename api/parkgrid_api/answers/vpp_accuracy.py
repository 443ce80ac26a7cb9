"""How good forecasts and responses of the pilot were, and its disputes."""

from typing import Literal

from parkgrid_api.answers.shape import Shape
from parkgrid_api.answers.vpp import ChainHead
from parkgrid_domain.vpp.documents import ResourceKind


class ForecastScore(Shape):
    """How forecasts did against what was metered, over the seven days before the last one was issued.

    The method is seasonal-naive, the one that every other method has to beat: its own skill against it is 0.
    """

    method: str
    issued_ms: int
    quarters: int
    """Quarter hours that were compared; 0: nothing is known yet, then the errors are null."""
    mae_kw: float | None
    """Mean absolute error."""
    bias_kw: float | None
    """Mean of forecast less metered: positive where too much was forecast."""
    confidence_pct: float | None
    """How often nine tenths of the capability that the forecast promised were there."""


class ParkForecast(ForecastScore):
    """The forecasts of a park's resources; its errors are means of their quarter hours."""

    park: str
    name_zh: str
    name_en: str


class ResourceAccuracy(Shape):
    """How one resource answered over its settled events, and how good its forecast is."""

    resource: str
    name_zh: str
    name_en: str
    park: str
    kind: ResourceKind
    events: int
    """Settled events in which it was awarded, by the statements that stand."""
    promised_kwh: float
    """Of quarter hours that could be verified."""
    delivered_kwh: float
    """What it moved in the direction asked for in those, less what went the other way."""
    accuracy_pct: float | None
    """Delivered of promised; null: nothing could be verified."""
    unverified: int
    """Quarter hours that could not be verified, and count on neither side."""
    forecast: ForecastScore | None
    """Null: it has none; a storage rests on its state of charge."""


class Accuracy(Shape):
    """Forecasts by park, and resources in the order of their identifiers."""

    head: ChainHead | None
    parks: list[ParkForecast]
    total: int
    resources: list[ResourceAccuracy]


class DisputeRow(Shape):
    """A dispute with its last step."""

    dispute: str
    event: str
    name_zh: str
    name_en: str
    statement: str
    open: bool
    step: Literal["raised", "answered", "decided"]
    raised_ms: int
    at_ms: int
    """Of the last step."""
    late: bool
    """The last step came after the day until which it was to follow."""
    text: str
    due: str


class DisputeList(Shape):
    """Disputes: those that are open first, then the last raised first."""

    head: ChainHead | None
    total: int
    open: int
    disputes: list[DisputeRow]
