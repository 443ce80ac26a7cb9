"""Bills from the database: the open month so far, any month under any plan, many accounts at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from parkgrid_accounting.bills.energy import AccountEnergy, account_energies
from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.prices import prices_of
from parkgrid_accounting.bills.supply import (
    Agreement,
    Known,
    agreement_of,
    agreements_of,
    forecasts_of,
    plan_of,
)
from parkgrid_accounting.bills.text import SIMULATED
from parkgrid_contract.time import Clock, to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain import calendar
from parkgrid_domain.calendar import Calendar, CalendarGapError
from parkgrid_domain.period import Period, period
from parkgrid_domain.tariff import power_factor
from parkgrid_domain.tariff.bill import Bill
from parkgrid_domain.tariff.engine import bill
from parkgrid_domain.tariff.lines import TermsError
from parkgrid_domain.tariff.month import MonthPlan, month_plan
from parkgrid_domain.tariff.plan import Plan
from parkgrid_domain.tariff.power_factor import Table
from parkgrid_domain.tariff.usage import QUARTER_MS

_MONTH_LENGTH = len("2026-11")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules beside the plan, and the instant whose knowledge counts."""

    calendar: Calendar
    power_factors: Table
    known: Known


@dataclass(frozen=True, slots=True)
class Computed:
    """A bill with what it was made from."""

    bill: Bill
    plan: Plan
    agreement: Agreement
    energy: AccountEnergy


def current_rules(known: Known) -> Rules:
    """The rules that this version ships."""
    return Rules(calendar.packaged(), power_factor.packaged(), known)


def bill_of(
    connection: Connection, account: str, month: str | Period, plan_id: str | None = None, clock: Clock | None = None
) -> Bill:
    """What an account owes for a month, so far if it is not over, under its agreed plan or another one.

    Raises `BillError` when there is no agreement, the plan is not loaded, or both do not fit together.
    """
    known = Known.by(clock)
    return computed(connection, account, month_named(month), current_rules(known), plan_id, to_ms(known.at)).bill


def compare(
    connection: Connection, account: str, month: str | Period, plan_ids: Iterable[str], clock: Clock | None = None
) -> list[Bill]:
    """What the month costs under each of some plans, after what it costs under the agreed one.

    The agreement's capacity, demand basis and power-factor standard stay as they are. Raises `BillError`.
    """
    known = Known.by(clock)
    rules, span, through_ms = current_rules(known), month_named(month), to_ms(known.at)
    agreed = computed(connection, account, span, rules, None, through_ms)
    wanted = [plan_id for plan_id in dict.fromkeys(plan_ids) if plan_id != agreed.plan.plan_id]
    others = [
        _bill(_laid(connection, plan_of(connection, plan_id, span, known), span, rules), agreed, rules, through_ms)
        for plan_id in wanted
    ]
    return [agreed.bill, *others]


def computed(
    connection: Connection,
    account: str,
    month: Period,
    rules: Rules,
    plan: str | Plan | None,
    through_ms: int,
    energy: AccountEnergy | None = None,
) -> Computed:
    """A bill and what it is made from; the plan is the agreed one, one that is loaded, or one that is given.

    So is the energy: stored intervals, or what a trace computed again.
    """
    agreement = agreement_of(connection, account, month, rules.known)
    if not isinstance(plan, Plan):
        plan = plan_of(connection, plan or agreement.plan_id, month, rules.known)
    laid = _laid(connection, plan, month, rules)
    energy = energy or account_energies(connection, {account: agreement.terms.park}, laid.period)[account]
    return Computed(_made(laid, agreement, energy, rules, through_ms), plan, agreement, energy)


def bills_of(
    connection: Connection, accounts: Sequence[str], month: str | Period, clock: Clock | None = None
) -> dict[str, Bill | BillError]:
    """The bills of many accounts, their intervals read at once; an account that has none says why."""
    known = Known.by(clock)
    rules, span = current_rules(known), month_named(month)
    agreements = agreements_of(connection, accounts, span, known)
    laid = _laid_plans(connection, agreements, span, rules)
    energies: dict[str, AccountEnergy] = {}
    for zone in {plan.period.zone.key for plan in laid.values() if isinstance(plan, MonthPlan)}:
        in_zone = {
            each: found.terms.park for each, found in agreements.items() if _zone_of(laid[found.plan_id]) == zone
        }
        some = next(plan for plan in laid.values() if _zone_of(plan) == zone)
        energies |= account_energies(connection, in_zone, some.period if isinstance(some, MonthPlan) else span)
    return {
        account: _bill_or_error(account, agreements, laid, energies, rules, span, to_ms(known.at))
        for account in accounts
    }


def month_named(month: str | Period) -> Period:
    """A month as it is written, 2026-11. Raises `BillError` for anything else."""
    text = str(month)
    try:
        found = period(text)
    except ValueError as error:
        raise BillError(str(error)) from error
    if len(text) != _MONTH_LENGTH or "Q" in text:
        raise BillError(f"{text!r} is not a month: a bill is for one, written like 2026-11")
    return found


def _laid_plans(
    connection: Connection, agreements: Mapping[str, Agreement], month: Period, rules: Rules
) -> dict[str, MonthPlan | BillError]:
    laid: dict[str, MonthPlan | BillError] = {}
    for plan_id in {agreement.plan_id for agreement in agreements.values()}:
        try:
            laid[plan_id] = _laid(connection, plan_of(connection, plan_id, month, rules.known), month, rules)
        except BillError as error:
            laid[plan_id] = error
    return laid


def _zone_of(plan: MonthPlan | BillError) -> str | None:
    return plan.period.zone.key if isinstance(plan, MonthPlan) else None


def _bill_or_error(
    account: str,
    agreements: Mapping[str, Agreement],
    laid: Mapping[str, MonthPlan | BillError],
    energies: Mapping[str, AccountEnergy],
    rules: Rules,
    month: Period,
    through_ms: int,
) -> Bill | BillError:
    if account not in agreements:
        return BillError(f"account {account!r} has no supply agreement for {month}")
    plan = laid[agreements[account].plan_id]
    if isinstance(plan, BillError):
        return plan
    try:
        return _made(plan, agreements[account], energies[account], rules, through_ms)
    except BillError as error:
        return error


def _laid(connection: Connection, plan: Plan, month: Period, rules: Rules) -> MonthPlan:
    local = replace(month, zone=plan.zone)
    spot = prices_of(connection, plan.spot.series, local, rules.known) if plan.spot else None
    try:
        return month_plan(plan, local, rules.calendar, forecasts_of(connection, plan, local, rules.known), spot)
    except CalendarGapError as error:
        raise BillError(f"plan {plan.plan_id}: {error}") from error


def _bill(laid: MonthPlan, agreed: Computed, rules: Rules, through_ms: int) -> Bill:
    if laid.period.zone != agreed.plan.zone:
        raise BillError(f"plan {laid.plan.plan_id} keeps {laid.period.zone}, {agreed.plan.plan_id} {agreed.plan.zone}")
    return _made(laid, agreed.agreement, agreed.energy, rules, through_ms)


def _made(laid: MonthPlan, agreement: Agreement, energy: AccountEnergy, rules: Rules, through_ms: int) -> Bill:
    through = min(max(through_ms // QUARTER_MS * QUARTER_MS, laid.period.start_ms), laid.period.end_ms)
    usage = energy.usage((through - laid.period.start_ms) // QUARTER_MS)
    try:
        made = bill(laid, usage, agreement.terms, rules.power_factors, through)
    except TermsError as error:
        raise BillError(str(error)) from error
    return replace(made, notes=(*made.notes, SIMULATED)) if energy.simulated else made
