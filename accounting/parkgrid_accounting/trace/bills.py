"""Bill lines traced: the stored document or the open month, and the same bill from energies computed again.

A closed month is computed again with the plan text, the rule texts and the knowledge of its closing, so that what has
changed since then cannot show as a difference. A former revision counts only readings received until it was closed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import numpy as np

from parkgrid_accounting.address import BillAddress
from parkgrid_accounting.bills.bill import Computed, computed, current_rules, month_named
from parkgrid_accounting.bills.closings import Closed, history, rules_of
from parkgrid_accounting.bills.energy import AccountEnergy
from parkgrid_accounting.bills.marks import marked
from parkgrid_accounting.bills.supply import Known
from parkgrid_accounting.bills.written import LANGUAGES
from parkgrid_accounting.trace.answer import Definition, Input, NotTracedError, Rule, Trace, same
from parkgrid_accounting.trace.registers import RegisterTrace, sources, trace_register
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.energy import IntervalQuality
from parkgrid_domain.tariff.bill import Bill, BillLine
from parkgrid_domain.tariff.reader import read_plan
from parkgrid_domain.tariff.usage import QUARTER_MS, QUARTER_S

TOTAL = "total"
"""The line that stands for the sum of all."""
_QUALITIES = {
    "missing": IntervalQuality.MISSING,
    "good": IntervalQuality.GOOD,
    "estimated": IntervalQuality.ESTIMATED,
}


def trace_bill(connection: Connection, address: BillAddress, now_ms: int) -> Trace:
    """A line of a bill, or its total, with everything behind it. Raises `AccountingError`."""
    month = month_named(address.month.text)
    closings = history(connection, address.account, month)
    closed = _closed(address, closings)
    through_ms = closed.bill.end_ms if closed else now_ms
    rules = rules_of(connection, closed) if closed else current_rules(Known(from_ms(now_ms)))
    plan = read_plan(closed.plan_text, f"{closed.bill.plan_id} as closed") if closed else None
    made = computed(connection, address.account, month, rules, plan, through_ms)
    published = closed.bill if closed else made.bill
    if published.park != address.park:
        raise NotTracedError(f"account {address.account} belongs to park {published.park}, not {address.park}")
    known_at = closed.closed_at if closed and closed is not closings[-1] else None
    registers = _registers(connection, made, published, known_at)
    again = computed(connection, address.account, month, rules, plan, through_ms, _energy(made.energy, registers))
    return _trace(address, closed, (published, again.bill), registers, _notes(closed, known_at))


def line_of(bill: Bill, code: str) -> BillLine:
    """A line by its code; `total` stands for the sum of all."""
    if code == TOTAL:
        (first, *_) = bill.lines
        rule = replace(first.rule, clause="sum of the lines")
        inputs = {line.code: f"{line.amount_cny} CNY" for line in bill.lines}
        total = bill.total_cny
        return BillLine(TOTAL, "合计", "total", Decimal(1), "", None, total, inputs, rule, bill.marks)
    for line in bill.lines:
        if line.code == code:
            return line
    known = ", ".join([*(line.code for line in bill.lines), TOTAL])
    raise NotTracedError(f"the bill of {bill.account} for {bill.month} has no line {code!r}; its lines are {known}")


def _closed(address: BillAddress, closings: Sequence[Closed]) -> Closed | None:
    if address.revision is None:
        return closings[-1] if closings else None
    for closed in closings:
        if closed.closing.revision == address.revision:
            return closed
    told = f"its revisions are 1 to {len(closings)}" if closings else "it is not closed, so it has no revisions"
    raise NotTracedError(f"{address} does not exist: {told}")


def _registers(
    connection: Connection, made: Computed, bill: Bill, known_at: datetime | None
) -> tuple[RegisterTrace, ...]:
    numbers = [register.register_id for register in made.energy.registers]
    found = {each.register_id: each for each in sources(connection, park=made.bill.park, registers=numbers)}
    return tuple(
        trace_register(connection, found[number], bill.start_ms, bill.end_ms, known_at=known_at) for number in numbers
    )


def _energy(stored: AccountEnergy, registers: Sequence[RegisterTrace]) -> AccountEnergy:
    """The intervals of the account as the readings give them; a coarser interval stands on its first quarter hour."""
    energy, quality = np.zeros_like(stored.energy_wh), np.zeros_like(stored.quality)
    for row, traced in enumerate(registers):
        columns = np.arange(len(traced.intervals)) * (traced.source.period_s // QUARTER_S)
        energy[row, columns] = [each.recomputed_wh or 0 for each in traced.intervals]
        quality[row, columns] = [_QUALITIES[each.recomputed_quality] for each in traced.intervals]
    return AccountEnergy(stored.registers, energy, quality)


def _trace(
    address: BillAddress,
    closed: Closed | None,
    bills: tuple[Bill, Bill],
    registers: tuple[RegisterTrace, ...],
    notes: tuple[str, ...],
) -> Trace:
    bill, again = bills
    line = line_of(bill, address.line)
    recomputed = line_of(again, address.line).amount_cny
    coverage = [each.coverage_pct for each in bill.coverage.values()]
    estimated = [100 * each.estimated / each.known for each in bill.coverage.values() if each.known]
    return Trace(
        address=str(address),
        definition=Definition(
            line.code,
            line.name_zh,
            line.name_en,
            "quantity x price, rounded half up to 0.01 CNY",
            "CNY",
            line.rule.clause,
        ),
        published=line.amount_cny,
        recomputed=recomputed,
        equal=same(line.amount_cny, recomputed),
        unit="CNY",
        coverage_pct=float(min(coverage)) if coverage else None,
        estimated_pct=max(estimated, default=None),
        details={
            "quantity": f"{line.quantity} {line.unit}".strip(),
            "price": None if line.price is None else f"{line.price} CNY/{line.unit}",
            **line.inputs,
            **_doubts(line, bill),
        },
        rules=_rules(closed, bill, line),
        inputs=tuple(_input(each, bill) for each in registers),
        registers=registers,
        notes=(*notes, *_other_marks(line, line_of(again, address.line)), *(note.en for note in bill.notes)),
    )


def _doubts(line: BillLine, bill: Bill) -> dict[str, str]:
    """What the line rests on that is estimated or missing, in both languages; nothing where all is good."""
    told = {f"marks_{language}": marked(line.marks, bill.peak, language) for language in LANGUAGES}
    return {name: text for name, text in told.items() if text}


def _other_marks(line: BillLine, again: BillLine) -> Iterator[str]:
    """Equal money may still rest on another number of estimates than the readings give."""
    if line.marks is not None and line.marks != again.marks:
        told = marked(again.marks, None, "en") or "all good"
        yield f"computed again from the readings, the inputs of the line are: {told}"


def _rules(closed: Closed | None, bill: Bill, line: BillLine) -> tuple[Rule, ...]:
    plan = Rule("plan", line.rule.plan_id, line.rule.version, bill.plan_name_en)
    if closed is None:
        return (plan,)
    by = closed.closing
    closing = Rule("closing", f"revision {by.revision}", closed.closed_at.isoformat(), f"{by.closed_by}: {by.reason}")
    others = (Rule(name, "text kept with the closing", version, name) for name, version in closed.rules.items())
    return (plan, closing, *others)


def _input(traced: RegisterTrace, bill: Bill) -> Input:
    source = traced.source
    return Input(
        name=source.signal,
        unit=source.unit,
        value=traced.energy_wh / 1000,
        recomputed=traced.recomputed_wh / 1000,
        known=traced.good + traced.estimated,
        count=(bill.through_ms - bill.start_ms) // QUARTER_MS * QUARTER_S // source.period_s,
        estimated=traced.estimated,
        registers=(f"{source.gateway}/{source.device}/{source.signal}",),
    )


def _notes(closed: Closed | None, known_at: datetime | None) -> tuple[str, ...]:
    if closed is None:
        return ("the month is open: its bill is computed at each request",)
    if known_at is None:
        return ()
    return (f"a former revision: computed again from the readings received until {known_at.isoformat()}",)
