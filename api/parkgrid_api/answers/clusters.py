"""Industrial clusters."""

from typing import Literal

from parkgrid_api.answers.shape import Shape


class ClusterFigureShape(Shape):
    """One figure: a value, or the reason why there is none; with its source and how much of it is known.

    `coverage_pct` counts the intervals of the metered enterprises; `basis` says what part of the cluster they are, and
    `output_share_pct` how much of its output they make.
    """

    name: str
    name_zh: str
    name_en: str
    unit: str
    formula: str
    value: float | None
    bound: Literal["exact", "at_least", "metered_part"]
    output_share_pct: float | None
    basis: str
    basis_zh: str
    example: bool
    unavailable: str | None
    unavailable_zh: str | None
    coverage_pct: float | None
    estimated_pct: float | None
    sources: list[str]
    revision: int | None
    details: dict[str, float | str | int | None]
    address: str


class ClusterPlace(Shape):
    """A cluster as the plan states it."""

    cluster: str
    name_zh: str
    name_en: str
    kind: Literal["competitive", "potential"]
    fields_zh: list[str]
    places_zh: list[str]
    pattern_zh: str
    parks: list[str]
    source: str


class ClusterShape(ClusterPlace):
    """A cluster and its figures for a quarter."""

    quarter: str
    figures: list[ClusterFigureShape]


class ParkAttribution(Shape):
    """Whose the energy of a park is; `unattributed_kwh` is nobody's, below 0 where shares and sub-meters overlap."""

    park: str
    name_zh: str
    name_en: str
    simulated: bool
    energy_kwh: float | None
    attributed_kwh: float
    unattributed_kwh: float | None
    coverage_pct: float
    estimated_pct: float


class ClustersShape(Shape):
    """All clusters of the plan for a quarter."""

    plan: str
    plan_zh: str
    plan_en: str
    valid_from: str
    quarter: str
    clusters: list[ClusterShape]
    parks: list[ParkAttribution]


class StatedQuarter(Shape):
    """One stated output, current or former."""

    quarter: str
    revision: int
    current: bool
    basis: Literal["quarter", "cumulative"]
    output_100m_cny: float
    stated: str
    unit: str
    source: str
    note: str
    file: str
    cell: str
    file_digest: str
    entered_by: str
    entered_ms: int


class ClusterQuarters(Shape):
    """Every output that was ever stated for a cluster."""

    cluster: str
    quarters: list[StatedQuarter]
