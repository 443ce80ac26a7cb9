"""A line of a bill: rounded half-up to the cent, with what it rests on that is estimated or missing."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.money import cents
from parkgrid_domain.tariff.bill import BillLine, Mark, Marks, Rule, Terms
from parkgrid_domain.tariff.plan import Plan
from parkgrid_domain.tariff.usage import Quarters

_WH_PER_KWH = 1000


class TermsError(ValueError):
    """The plan cannot price what the supply agreement says."""


def kwh(energy_wh: int) -> Decimal:
    """Wh as kWh, exactly."""
    return Decimal(energy_wh) / _WH_PER_KWH


def needed(value: Decimal | None, terms: Terms, what: str) -> Decimal:
    """What an agreement must say for its basis. Raises `TermsError` where it does not."""
    if value is None:
        raise TermsError(f"account {terms.account}: a basic charge by {terms.demand_basis} needs {what}")
    return value


def bill_line(
    plan: Plan,
    named: tuple[str, str, str],
    counted: tuple[Decimal, str],
    price: Decimal,
    inputs: dict[str, str],
    clause: str,
    marks: Marks = (),
) -> BillLine:
    """A line of quantity x price: code and names, quantity and unit, price in CNY per unit."""
    quantity, unit = counted
    rule = Rule(plan.plan_id, plan.version, clause)
    return BillLine(*named, quantity, unit, price, cents(quantity * price), inputs, rule, marks)


def marks_of(name: str, group: Quarters, within: NDArray[np.bool_] | None = None) -> Marks:
    """What of some registers' energy is estimated or missing, in all quarter hours or in some; nothing if all is good.

    A coarse interval that is estimated counts with those of its quarter hours that lie within.
    """
    chosen = slice(None) if within is None else within
    estimates, missing = int(group.estimates[chosen].sum()), int(group.missing[chosen].sum())
    if not estimates and not missing:
        return ()
    unit = "kvarh" if name == "reactive" else "kWh"
    return (Mark(name, unit, kwh(int(group.estimates_wh[chosen].sum())), estimates, missing),)


def merged(*several: Marks | None) -> Marks:
    """The marks of several things, each thing once, in the order of their first appearance."""
    found = {mark.of: mark for marks in reversed(several) for mark in marks or ()}
    order = dict.fromkeys(mark.of for marks in several for mark in marks or ())
    return tuple(found[of] for of in order)
