"""Bills; their numbers are exact texts."""

from typing import Literal

from parkgrid_api.answers.shape import Shape


class RuleShape(Shape):
    """Where a line of a bill comes from."""

    plan_id: str
    version: str
    clause: str


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
    estimated: bool | None
    missing: int | None
    good_kw: str | None
    good_at_ms: int | None
    good_cost_cny: str | None


class BillLineShape(Shape):
    """One line of a bill; its numbers are exact texts.

    `marks` is null in a month that was closed before they were kept; `marks_zh` and `marks_en` say them in words.
    """

    code: str
    name_zh: str
    name_en: str
    quantity: str
    unit: str
    price: str | None
    amount_cny: str
    inputs: dict[str, str]
    rule: RuleShape
    marks: list[MarkShape] | None
    marks_zh: str
    marks_en: str
    address: str


class TermsShape(Shape):
    """What the supply agreement of an account says."""

    account: str
    park: str
    demand_basis: Literal["none", "capacity", "contracted_demand", "measured_demand"]
    capacity_kva: str | None
    contracted_kw: str | None
    power_factor_standard: str | None
    voltage_class: str


class CoverageShape(Shape):
    """How much of some registers' energy is known, in quarter hours."""

    expected: int
    known: int
    estimated: int
    coverage_pct: str


class NoteShape(Shape):
    """Something that a reader of the bill must know; with `blocks` the month must not be closed like this."""

    code: str
    zh: str
    en: str
    blocks: bool


class ClosingShape(Shape):
    """Who closed the month, when and why."""

    revision: int
    closed_at_ms: int
    closed_by: str
    reason: str


class BillDocument(Shape):
    """What a bill rests on: terms, coverage, notes and closing. Numbers are exact texts."""

    currency: str
    time_zone: str
    start_ms: int
    end_ms: int
    through_ms: int
    """How far it has been counted; the same as `end_ms` once the month is over."""
    terms: TermsShape
    energy_kwh: str
    estimated_kwh: str
    coverage: dict[str, CoverageShape]
    """By what is counted: `import`, `reactive`, and codes of feed-in lines."""
    minimum_coverage_pct: str
    peak: PeakShape | None
    power_factor: str | None
    notes: list[NoteShape]
    closing: ClosingShape | None
    marks: list[MarkShape] | None
    total_cny: str
    coverage_pct: str
    provisional: bool


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
    coverage_pct: str
    provisional: bool
    peak: PeakShape | None
    marks: list[MarkShape] | None
    marks_zh: str
    marks_en: str
    lines: list[BillLineShape]
    document: BillDocument


class BillRevision(Shape):
    """One closing of a month."""

    revision: int
    closed_ms: int
    closed_by: str
    reason: str
    total_cny: str
    estimated_kwh: str
    plan_version: str


class BillAnswer(Shape):
    """The bill that holds, what other plans would cost, and the revisions of a closed month."""

    bill: BillShape
    compared: list[BillShape]
    revisions: list[BillRevision]
