"""Who is supplied how: plans, supply agreements, forecasts and market prices; appended to, never changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast, get_args

from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.statements import statement
from parkgrid_contract.time import Clock, SystemClock, from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import Period
from parkgrid_domain.tariff import power_factor
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.plan import Basis, Plan
from parkgrid_domain.tariff.reader import read_plan


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an account is supplied, by whole months."""

    terms: Terms
    plan_id: str
    valid_from: date
    valid_to: date | None = None
    """The first day on which it no longer holds."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """An instant: what was agreed, stated and loaded until then counts."""

    at: datetime

    @classmethod
    def by(cls, clock: Clock | None = None) -> "Known":
        """Everything that is known now."""
        return cls(from_ms((clock or SystemClock()).now_ms()))


def load_plan(connection: Connection, text: str, file: str, who: str, clock: Clock | None = None) -> tuple[Plan, bool]:
    """Take a plan file in; says whether it is new. Raises `SettingsError` with every mistake of the file."""
    plan = read_plan(text, file)
    values = (
        *(plan.plan_id, plan.version, plan.text, plan.kind, plan.name_zh, plan.name_en),
        *(plan.valid_from, plan.valid_to, plan.source, Known.by(clock).at, _named(who)),
    )
    with connection.transaction():
        added = connection.execute(statement("add_plan"), values).fetchone()
    return plan, added is not None


def plans(connection: Connection) -> list[tuple[Any, ...]]:
    """Every loaded version: id, version, kind, names, validity, source, when and by whom it was loaded."""
    return connection.execute(statement("plans")).fetchall()


def plan_of(connection: Connection, plan_id: str, period: Period, known: Known) -> Plan:
    """The version of a plan that holds in a month. Raises `BillError` when none is loaded."""
    values = {"plan_id": plan_id, "first": period.first, "end": period.end, "as_of": known.at}
    row = connection.execute(statement("plan_of"), values).fetchone()
    if row is None:
        ids = sorted({str(each[0]) for each in plans(connection)})
        raise BillError(
            f"plan {plan_id!r} is not loaded (loaded: {', '.join(ids) or 'none'}): `parkgrid bill plans load FILE`"
        )
    return read_plan(row[0], f"{plan_id} as loaded")


def agree(connection: Connection, agreement: Agreement, who: str, clock: Clock | None = None) -> None:
    """Note a supply agreement; for its months it takes the place of what was agreed before."""
    terms = agreement.terms
    if problems := list(_problems(connection, agreement)):
        raise BillError("\n".join(problems))
    values = (
        *(terms.account, terms.park, agreement.plan_id, terms.capacity_kva, terms.contracted_kw, terms.voltage_class),
        *(terms.demand_basis, terms.power_factor_standard, agreement.valid_from, agreement.valid_to),
        *(agreement.reason, Known.by(clock).at, _named(who)),
    )
    with connection.transaction():
        connection.execute(statement("add_agreement"), values)


def agreements(connection: Connection, account: str | None = None) -> list[tuple[Any, ...]]:
    """Everything that was ever agreed, in the order in which it was."""
    return connection.execute(statement("agreements"), {"account": account}).fetchall()


def agreements_of(
    connection: Connection, accounts: Sequence[str], period: Period, known: Known
) -> dict[str, Agreement]:
    """What holds for some accounts in a month."""
    values = {"accounts": list(accounts), "first": period.first, "as_of": known.at}
    rows = connection.execute(statement("agreements_of"), values).fetchall()
    return {row[0]: _agreement(row) for row in rows}


def agreement_of(connection: Connection, account: str, period: Period, known: Known) -> Agreement:
    """What holds for an account in a month. Raises `BillError` when nothing was agreed."""
    found = agreements_of(connection, [account], period, known).get(account)
    if found is None:
        raise BillError(
            f"account {account!r} has no supply agreement for {period}: "
            f"`parkgrid bill agree {account} --plan … --from {period.first}`"
        )
    return found


def state_forecast(
    connection: Connection, place: str, day: date, maximum_c: Decimal, source: str, who: str, clock: Clock | None = None
) -> None:
    """Note the forecast of a day's maximum temperature, °C."""
    if not -50 <= maximum_c <= 60:  # noqa: PLR2004 - no forecast on Earth lies outside
        raise BillError(f"{maximum_c} °C is not a forecast: give the maximum in °C")
    if not source.strip():
        raise BillError("a forecast needs its source: --source")
    with connection.transaction():
        values = (place, day, maximum_c, source, Known.by(clock).at, _named(who))
        connection.execute(statement("add_forecast"), values)


def forecasts_of(connection: Connection, plan: Plan, period: Period, known: Known) -> dict[date, Decimal]:
    """The forecasts that a plan asks for."""
    if plan.hot_day is None:
        return {}
    values = {"place": plan.hot_day.place, "first": period.first, "end": period.end, "as_of": known.at}
    return dict(connection.execute(statement("forecasts_of"), values).fetchall())


def _problems(connection: Connection, agreement: Agreement) -> Iterator[str]:
    """Why an agreement cannot be noted."""
    terms = agreement.terms
    yield from _wrong_months(agreement.valid_from, agreement.valid_to)
    yield from _wrong_terms(terms)
    if connection.execute(statement("park_exists"), (terms.park,)).fetchone() != (True,):
        yield f"park {terms.park!r} is not known: its gateway has not announced itself yet, or the name is wrong"
    if all(plan[0] != agreement.plan_id for plan in plans(connection)):
        yield f"plan {agreement.plan_id!r} is not loaded: `parkgrid bill plans load FILE`"


def _wrong_months(first: date, end: date | None) -> Iterator[str]:
    if first.day != 1 or (end is not None and end.day != 1):
        yield f"{first} to {end or '…'}: agreements are valid for whole months: give the first of a month"
    if end is not None and end <= first:
        yield f"it ends on {end}, before it begins on {first}"


def _wrong_terms(terms: Terms) -> Iterator[str]:
    if not terms.account.strip():
        yield "the account is empty"
    if terms.demand_basis not in get_args(Basis):
        yield f"demand basis {terms.demand_basis!r} is none of {', '.join(get_args(Basis))}"
    if terms.demand_basis == "capacity" and terms.capacity_kva is None:
        yield "a basic charge by capacity needs capacity_kva"
    if terms.demand_basis == "contracted_demand" and terms.contracted_kw is None:
        yield "a basic charge by contracted_demand needs contracted_kw"
    for name, number in (("capacity", terms.capacity_kva), ("contracted demand", terms.contracted_kw)):
        if number is not None and not (number.is_finite() and number > 0):
            yield f"{name} {number} must be above 0"
    if terms.power_factor_standard is not None:
        try:
            power_factor.packaged().standard(terms.power_factor_standard)
        except ValueError as error:
            yield str(error)


def _agreement(row: Sequence[Any]) -> Agreement:
    account, park, plan_id, capacity, contracted, voltage, basis, standard, first, end, reason = row
    terms = Terms(account, park, cast("Basis", basis), capacity, contracted, standard, voltage)
    return Agreement(terms, plan_id, first, end, reason)


def _named(who: str) -> str:
    if not who.strip():
        raise BillError("your name is missing: --by")
    return who.strip()
