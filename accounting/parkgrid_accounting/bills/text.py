"""A bill as people read it, in Chinese or English."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parkgrid_accounting.bills.marks import peak_sentence
from parkgrid_accounting.bills.written import Language, local, plain
from parkgrid_domain.tariff.bill import Bill, BillLine, Note

EXAMPLE = "example_plan"
"""The note of a plan that claims to be in force nowhere."""
SIMULATED = Note(
    "simulated_data",
    "仿真数据：读数来自仿真设备，不是真实园区。",
    "Simulated data: the readings come from simulated devices, not from a real park.",
)
"""The note of a bill whose meters are simulated ones."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a bill in one language."""

    columns: tuple[str, ...]
    total: str
    difference: str
    closed: str
    provisional: str
    complete: str
    coverage: str
    factor: str
    marks: dict[str, str]
    """What the heading says for a note of this code: nobody should take the bill for one that is owed."""


WORDS: dict[Language, Words] = {
    "zh": Words(
        columns=("项目", "数量", "单位", "单价 (元)", "金额 (元)", "依据"),
        total="合计",
        difference="差额",
        closed="已结账：第 {} 版，{} 由 {} 结账（{}）",
        provisional="暂计：计至 {}",
        complete="可结账：计至 {}",
        coverage="用电量 {} 千瓦时，其中估算 {}；数据完整率 {}%",
        factor="功率因数 {}",
        marks={"simulated_data": "仿真数据", EXAMPLE: "示例电价"},
    ),
    "en": Words(
        columns=("line", "quantity", "unit", "price (CNY)", "amount (CNY)", "rule"),
        total="total",
        difference="difference",
        closed="closed: revision {}, {} by {} ({})",
        provisional="provisional: counted until {}",
        complete="ready to be closed: counted until {}",
        coverage="energy {} kWh, {} of it estimated; coverage {} %",
        factor="power factor {}",
        marks={"simulated_data": "simulated data", EXAMPLE: "example tariff"},
    ),
}


def heading(bill: Bill, language: Language) -> str:
    """Account, month and plan; and what the bill is not: of real meters, or under a tariff in force."""
    name = bill.plan_name_zh if language == "zh" else bill.plan_name_en
    told = {note.code for note in bill.notes}
    marks = "".join(f"  〔{mark}〕" for code, mark in WORDS[language].marks.items() if code in told)
    return f"{bill.account}  {bill.month}  {name} [{bill.plan_id} {bill.plan_version[:12]}]{marks}"


def example(bill: Bill) -> bool:
    """Whether its plan claims to be in force nowhere."""
    return any(note.code == EXAMPLE for note in bill.notes)


def row(line: BillLine, language: Language) -> tuple[str, ...]:
    """One line of the table."""
    name = line.name_zh if language == "zh" else line.name_en
    price = line.inputs.get("mean_price_cny_per_kwh", "-") if line.price is None else plain(line.price)
    mark = "≈ " if line.price is None else ""
    return name, plain(line.quantity), line.unit, mark + price, plain(line.amount_cny), line.rule.clause


def remarks(bill: Bill, language: Language) -> Iterator[str]:
    """What stands below the table: state, coverage, peak, notes."""
    words = WORDS[language]
    if bill.closing is not None:
        closing = bill.closing
        closed_at = local(bill, closing.closed_at_ms)
        yield words.closed.format(closing.revision, closed_at, closing.closed_by, closing.reason)
    else:
        yield (words.provisional if bill.provisional else words.complete).format(local(bill, bill.through_ms))
    yield words.coverage.format(plain(bill.energy_kwh), plain(bill.estimated_kwh), bill.coverage_pct)
    if bill.peak is not None:
        yield peak_sentence(bill, bill.peak, language)
    if bill.power_factor is not None:
        yield words.factor.format(bill.power_factor)
    for note in bill.notes:
        yield f"{'!' if note.blocks else '-'} {note.zh if language == 'zh' else note.en}"


def comparison(bills: Sequence[Bill], language: Language) -> list[tuple[str, ...]]:
    """One row a plan: what the month costs, and how much more than under the first one."""
    first = bills[0].total_cny
    return [
        (heading(bill, language), plain(bill.total_cny), f"{bill.total_cny - first:+f}", "!" if bill.blocks else "")
        for bill in bills
    ]
