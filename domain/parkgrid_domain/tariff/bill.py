"""A bill: every line with its quantity, price, inputs and the rule that it follows; and its form as a document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from parkgrid_domain.tariff.plan import Basis


@dataclass(frozen=True, slots=True)
class Terms:
    """What the supply agreement of an account says."""

    account: str
    park: str
    demand_basis: Basis
    capacity_kva: Decimal | None = None
    contracted_kw: Decimal | None = None
    power_factor_standard: Decimal | None = None
    voltage_class: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a line comes from."""

    plan_id: str
    version: str
    clause: str


PEAK = "peak"
"""What a mark is of that is about the interval of the highest demand."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How much of something that a line rests on is an estimate, and how much is not known."""

    of: str
    """`import`, `reactive`, the code of a feed-in line, or `peak`: the interval of the highest demand."""
    unit: str
    estimated: Decimal
    """The part that is an estimate; of `peak` the whole demand, or 0."""
    estimated_intervals: int
    """Quarter hours with an estimate, counted for each register; of `peak` 1 or 0."""
    missing_intervals: int
    """Quarter hours that have passed and are not known; of `peak` each of them may have been higher."""


Marks: TypeAlias = tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line; `amount_cny` = quantity x price, rounded half-up to 0.01 CNY, and rounded nowhere else."""

    code: str
    name_zh: str
    name_en: str
    quantity: Decimal
    unit: str
    price: Decimal | None
    """CNY per unit; None where the line adds up many prices, which its inputs then describe."""
    amount_cny: Decimal
    inputs: Mapping[str, str]
    rule: Rule
    marks: Marks | None = ()
    """What it rests on that is estimated or missing, nothing where all is good; None where nobody has kept it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of some registers' energy is known, in quarter hours."""

    expected: int
    known: int
    estimated: int
    coverage_pct: Decimal


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest demand so far, and what it costs."""

    demand_kw: Decimal
    at_ms: int
    """Start of its interval."""
    window_s: int
    cost_cny: Decimal
    """The lines of the bill that follow from measured demand; 0 where the basic charge does not."""
    estimated: bool | None = None
    """Whether its interval is an estimate; None where nobody has kept it."""
    missing: int | None = None
    """Quarter hours that have passed and that some register does not know: each may have been higher."""
    good_kw: Decimal | None = None
    """The highest demand of the intervals without an estimate; None where there are none."""
    good_at_ms: int | None = None
    good_cost_cny: Decimal | None = None
    """What `good_kw` would cost."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a reader of the bill must know."""

    code: str
    zh: str
    en: str
    blocks: bool = False
    """Whether the month must not be closed like this."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Who closed the month, when and why."""

    revision: int
    closed_at_ms: int
    closed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What an account owes for a month, or for as much of it as has passed."""

    account: str
    park: str
    month: str
    plan_id: str
    plan_version: str
    plan_name_zh: str
    plan_name_en: str
    currency: str
    time_zone: str
    """Of its days and bands."""
    start_ms: int
    end_ms: int
    """The month."""
    through_ms: int
    """How far it has been counted; the same as `end_ms` once the month is over."""
    terms: Terms
    lines: tuple[BillLine, ...]
    energy_kwh: Decimal
    estimated_kwh: Decimal
    coverage: Mapping[str, Coverage]
    """By what is counted: `import`, `reactive`, and codes of feed-in lines."""
    minimum_coverage_pct: Decimal
    peak: Peak | None
    power_factor: Decimal | None
    notes: tuple[Note, ...]
    closing: Closing | None = field(default=None)
    marks: Marks | None = ()
    """Everything that it rests on that is estimated or missing; None where nobody has kept it."""

    @property
    def total_cny(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.amount_cny for line in self.lines), Decimal("0.00"))

    @property
    def coverage_pct(self) -> Decimal:
        """The lowest coverage of what it counts."""
        return min((each.coverage_pct for each in self.coverage.values()), default=Decimal(0))

    @property
    def provisional(self) -> bool:
        """Whether it may still change: the month is not over, or something blocks its closing."""
        return self.closing is None and bool(self.blocks)

    @property
    def blocks(self) -> tuple[Note, ...]:
        """What stands in the way of closing the month."""
        return tuple(note for note in self.notes if note.blocks)

    def line(self, code: str) -> BillLine:
        """One line. Raises `KeyError` for a code that it does not have."""
        for line in self.lines:
            if line.code == code:
                return line
        raise KeyError(f"no line {code!r}: the lines are {', '.join(line.code for line in self.lines)}")


def document(bill: Bill) -> dict[str, Any]:
    """The bill as JSON-ready values; decimal numbers as texts, so that none is rounded on its way."""
    made = {name: _plain(getattr(bill, name)) for name in Bill.__dataclass_fields__}
    derived = {"total_cny": bill.total_cny, "coverage_pct": bill.coverage_pct, "provisional": bill.provisional}
    return made | {name: _plain(value) for name, value in derived.items()}


def from_document(values: Mapping[str, Any]) -> Bill:
    """The bill that a document says; the inverse of `document`."""
    terms, peak, closing = values["terms"], values["peak"], values["closing"]
    plain: dict[str, Any] = {name: values[name] for name in _TEXTS} | _numbers(values, *_NUMBERS)
    return Bill(
        **plain,
        terms=Terms(**terms | {name: _number(terms[name]) for name in _TERM_NUMBERS}),
        lines=tuple(map(_line, values["lines"])),
        coverage={name: Coverage(**each | _numbers(each, "coverage_pct")) for name, each in values["coverage"].items()},
        peak=None if peak is None else _peak(peak),
        power_factor=_number(values["power_factor"]),
        notes=tuple(Note(**note) for note in values["notes"]),
        closing=None if closing is None else Closing(**closing),
        marks=_marks(values),
    )


_TEXTS = (
    *("account", "park", "month", "plan_id", "plan_version", "plan_name_zh", "plan_name_en", "currency", "time_zone"),
    *("start_ms", "end_ms", "through_ms"),
)
_NUMBERS = ("energy_kwh", "estimated_kwh", "minimum_coverage_pct")
_TERM_NUMBERS = ("capacity_kva", "contracted_kw", "power_factor_standard")


def _line(values: Mapping[str, Any]) -> BillLine:
    numbers = {"quantity": Decimal(values["quantity"]), "amount_cny": Decimal(values["amount_cny"])}
    changed = {"price": _number(values["price"]), "rule": Rule(**values["rule"]), "marks": _marks(values)}
    return BillLine(**{**values, **numbers, **changed})


def _marks(values: Mapping[str, Any]) -> Marks | None:
    """Documents of before 2026-12 have none: whether their lines rest on estimates is not known."""
    found = values.get("marks")
    return None if found is None else tuple(Mark(**each | _numbers(each, "estimated")) for each in found)


def _peak(values: Mapping[str, Any]) -> Peak:
    good = {name: _number(values.get(name)) for name in ("good_kw", "good_cost_cny")}
    return Peak(**{**values, **_numbers(values, "demand_kw", "cost_cny"), **good})


def _numbers(values: Mapping[str, Any], *names: str) -> dict[str, Decimal]:
    return {name: Decimal(values[name]) for name in names}


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return format(value, "f")
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case tuple():
            return [_plain(each) for each in value]
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        case _:
            return value
