"""Closed months: a bill that is kept as it was, with the plan's text; what late data change becomes a new revision.

    close_month ──▶ revision 1 ──(intervals of the month change)──▶ revision 2 …      every one stays readable
                    document, plan text, versions of the other rules, digest of the intervals

Loading another version of a plan, agreeing anew or shipping another calendar changes nothing that is closed: a new
revision is computed with the plan text, the rule texts and the knowledge of the closing before it. Only somebody who
closes the month again, with a reason, brings newer rules in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from parkgrid_accounting.bills.bill import Computed, Rules, bill_of, computed, current_rules, month_named
from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.statements import statement
from parkgrid_accounting.bills.supply import Known
from parkgrid_contract.time import Clock, from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain import calendar
from parkgrid_domain.period import Period
from parkgrid_domain.rule_file import version_of
from parkgrid_domain.tariff import power_factor
from parkgrid_domain.tariff.bill import Bill, Closing, document, from_document
from parkgrid_domain.tariff.plan import Plan
from parkgrid_domain.tariff.reader import read_plan

FOLLOWER = "parkgrid"
"""Who makes the revisions that late data ask for."""
_POWER_FACTORS = "power_factor.toml"
_OVERLAP = timedelta(minutes=15)
"""A change is stamped before it is committed: what was stamped shortly before the last look is looked at again."""


@dataclass(frozen=True, slots=True)
class Closed:
    """One revision of a closed month."""

    account: str
    month: str
    closed_at: datetime
    plan_version: str
    plan_text: str
    rules_as_of: datetime
    rules: Mapping[str, str]
    """Name to version of the rules beside the plan."""
    inputs_digest: str
    bill: Bill

    @property
    def closing(self) -> Closing:
        """Revision, when, who and why."""
        if self.bill.closing is None:
            raise BillError(f"the closing of {self.account} {self.month} does not say who closed it")
        return self.bill.closing


def close_month(
    connection: Connection,
    account: str,
    month: str | Period,
    who: str,
    reason: str = "",
    clock: Clock | None = None,
) -> Bill:
    """Close a month, or close it again with a reason. Raises `BillError` with everything that stands in the way."""
    if not who.strip():
        raise BillError("the name of the person who closes the month is missing: --by")
    known, span = Known.by(clock), month_named(month)
    rules = current_rules(known)
    with connection.transaction():
        connection.execute(statement("lock_month"), (account, span.text))
        made = computed(connection, account, span, rules, None, to_ms(known.at))
        former = _closed(connection, account, span.text, None)
        _refuse(made, former, reason)
        return _keep(
            connection, made, rules, former, Closing(0, to_ms(known.at), who.strip(), reason or "month closed")
        )


def closed_bill(connection: Connection, account: str, month: str | Period, revision: int | None = None) -> Bill:
    """A closed month's bill as it is kept, the latest revision or a former one. Raises `BillError` for none."""
    found = _closed(connection, account, month_named(month).text, revision)
    if found is None:
        which = "" if revision is None else f" in revision {revision}"
        raise BillError(f"{account} {month} is not closed{which}: `parkgrid bill history {account} {month}`")
    return found.bill


def current_bill(connection: Connection, account: str, month: str | Period, clock: Clock | None = None) -> Bill:
    """The bill that holds: the closed one, or the open month so far. Raises `BillError`."""
    found = _closed(connection, account, month_named(month).text, None)
    return found.bill if found else bill_of(connection, account, month, clock=clock)


def history(connection: Connection, account: str, month: str | Period) -> list[Closed]:
    """Every revision of a closed month, the oldest first; empty while it is open."""
    values = {"account": account, "month": month_named(month).text}
    return [_read(row) for row in connection.execute(statement("closings_of"), values).fetchall()]


def follow(connection: Connection, changed_since: datetime, clock: Clock | None = None) -> list[Bill]:
    """Revise the closed months whose intervals have changed since an instant; the new revisions.

    One cheap question while nothing is closed, so it may be asked after every round of metering; asking twice about
    the same change makes one revision.
    """
    if connection.execute(statement("any_closing")).fetchone() != (True,):
        return []
    touched = connection.execute(statement("touched_closings"), {"since": changed_since}).fetchall()
    made = (_revise(connection, _Touched(*row), clock) for row in touched)
    return [bill for bill in made if bill is not None]


def reopen_touched(connection: Connection, now: datetime, clock: Clock | None = None) -> list[Bill]:
    """Revise every closed month whose intervals changed since this was last asked; the new revisions.

    How far it has looked is kept, so nothing is missed by a process that ends in between.
    """
    row = connection.execute(statement("followed_to")).fetchone()
    made = [] if row is None or row[0] is None else follow(connection, row[0] - _OVERLAP, clock)
    connection.execute(statement("note_followed"), (now,))
    return made


@dataclass(frozen=True, slots=True)
class _Touched:
    """A closed month with changed intervals."""

    account: str
    month: str
    intervals: int
    first: datetime
    last: datetime
    cause: str | None

    def reason(self, zone: ZoneInfo) -> str:
        first, last = (f"{instant.astimezone(zone):%Y-%m-%d %H:%M}" for instant in (self.first, self.last))
        cause = f" ({self.cause})" if self.cause else ""
        return f"{self.intervals} intervals changed after closing, {first} – {last}{cause}"


def _revise(connection: Connection, touched: _Touched, clock: Clock | None) -> Bill | None:
    """A new revision with the rules of the former one, unless it would count exactly the same."""
    account, month = touched.account, touched.month
    with connection.transaction():
        connection.execute(statement("lock_month"), (account, month))
        former = _closed(connection, account, month, None)
        if former is None:
            return None
        plan = read_plan(former.plan_text, f"{former.bill.plan_id} as closed")
        rules = rules_of(connection, former)
        made = computed(connection, account, month_named(month), rules, plan, former.bill.end_ms)
        if made.energy.digest() == former.inputs_digest:
            return None
        now_ms = to_ms(Known.by(clock).at)
        return _keep(connection, made, rules, former, Closing(0, now_ms, FOLLOWER, touched.reason(plan.zone)))


def _refuse(made: Computed, former: Closed | None, reason: str) -> None:
    if made.bill.blocks:
        raise BillError(
            "\n".join([f"{made.bill.account} {made.bill.month} cannot be closed:", *(n.en for n in made.bill.blocks)])
        )
    if former is None:
        return
    if not reason.strip():
        raise BillError(
            f"{former.account} {former.month} is closed already (revision {former.closing.revision} by "
            f"{former.closing.closed_by}): give the reason for another revision: --reason"
        )
    if document(replace(former.bill, closing=None)) == document(made.bill):
        raise BillError(f"{former.account} {former.month} is closed already, and closing again would change nothing")


def _keep(connection: Connection, made: Computed, rules: Rules, former: Closed | None, closing: Closing) -> Bill:
    revision = former.closing.revision + 1 if former else 1
    bill = replace(made.bill, closing=replace(closing, revision=revision))
    noted = _note_rules(connection, made.plan, rules, bill)
    connection.execute(
        statement("add_closing"),
        (
            *(bill.account, bill.month, revision, bill.park, from_ms(bill.start_ms), from_ms(bill.end_ms)),
            *(from_ms(closing.closed_at_ms), closing.closed_by, closing.reason),
            *(made.plan.plan_id, made.plan.version, made.plan.text, rules.known.at, Jsonb(noted)),
            *(made.energy.digest(), bill.total_cny, Jsonb(document(bill))),
        ),
    )
    return bill


def _note_rules(connection: Connection, plan: Plan, rules: Rules, bill: Bill) -> dict[str, str]:
    """Keep the texts of the rules that the bill used; gives their versions by name."""
    year = str(from_ms(bill.start_ms).astimezone(plan.zone).year)
    used = {name: text for name, text in rules.calendar.texts.items() if year in name}
    texts = used | {_POWER_FACTORS: rules.power_factors.text}
    for name, text in texts.items():
        values = (version_of(text), name, text, from_ms(bill.closing.closed_at_ms if bill.closing else 0))
        connection.execute(statement("note_rule"), values)
    return {name: version_of(text) for name, text in texts.items()}


def rules_of(connection: Connection, closed: Closed) -> Rules:
    """The rules of a closing, from the texts that it kept."""
    rows = connection.execute(statement("rule_texts"), (list(closed.rules.values()),)).fetchall()
    texts = {name: text for _, name, text in rows}
    table = power_factor.table(texts.pop(_POWER_FACTORS))
    return Rules(calendar.calendar(texts), table, Known(closed.rules_as_of))


def _closed(connection: Connection, account: str, month: str, revision: int | None) -> Closed | None:
    values = {"account": account, "month": month, "revision": revision}
    row = connection.execute(statement("closing_of"), values).fetchone()
    return _read(row) if row else None


def _read(row: tuple[Any, ...]) -> Closed:
    account, month, _, closed_at, _, _, version, text, as_of, rules, digest, kept = row
    return Closed(account, month, closed_at, version, text, as_of, rules, digest, from_document(kept))
