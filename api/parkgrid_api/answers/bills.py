"""Bills; their numbers are exact texts."""

from typing import Any

from parkgrid_api.answers.shape import Shape


class MarkShape(Shape):
    """How much of something that a line rests on is an estimate, in its unit, and how many quarter hours are missing.

    `of` is `import`, `reactive`, the code of a feed-in line, or `peak`: the interval of the highest demand.
    """

    of: str
    unit: str
    estimated: str
    estimated_intervals: int
    missing_intervals: int


class PeakShape(Shape):
    """The highest demand and what it costs; whether its interval is an estimate, and the highest of the good ones."""

    demand_kw: str
    at_ms: int
    window_s: int
    cost_cny: str
    estimated: bool | None = None
    missing: int | None = None
    good_kw: str | None = None
    good_at_ms: int | None = None
    good_cost_cny: str | None = None


class BillLineShape(Shape):
    """One line of a bill; its numbers are exact texts.

    `marks` is null in a month that was closed before they were kept; `marks_zh` and `marks_en` say them in words.
    """

    code: str
    name_zh: str
    name_en: str
    quantity: str
    unit: str
    price: str | None = None
    amount_cny: str
    inputs: dict[str, str]
    rule: dict[str, str]
    marks: list[MarkShape] | None = None
    marks_zh: str
    marks_en: str
    address: str


class BillShape(Shape):
    """What an account owes for a month."""

    account: str
    park: str
    month: str
    plan_id: str
    plan_version: str
    plan_name_zh: str
    plan_name_en: str
    total_cny: str
    energy_kwh: str
    estimated_kwh: str
    coverage_pct: str | None = None
    provisional: bool
    peak: PeakShape | None = None
    marks: list[MarkShape] | None = None
    marks_zh: str
    marks_en: str
    lines: list[BillLineShape]
    document: dict[str, Any]


class BillAnswer(Shape):
    """The bill that holds, what other plans would cost, and the revisions of a closed month."""

    bill: BillShape
    compared: list[BillShape]
    revisions: list[dict[str, Any]]
