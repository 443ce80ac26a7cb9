"""What several answers have in common: energies and powers with their unit, verdicts counted, money summed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from parkgrid_api.answers.vpp import ChainHead, MoneyShape, MoneyStatus, VerdictCounts
from parkgrid_contract.time import SHANGHAI, to_ms
from parkgrid_domain.vpp.documents import QuarterTold, Statement
from parkgrid_domain.vpp.pilot import Pilot

_KILO = 1000
_STATUSES: Sequence[MoneyStatus] = ("payable", "simulation")


def kilo(whole: int) -> float:
    """W as kW, Wh as kWh."""
    return whole / _KILO


def kilo_or_none(whole: int | None) -> float | None:
    """The same of what may not be known."""
    return None if whole is None else kilo(whole)


def text(amount: Decimal) -> str:
    """An exact number as answers tell it."""
    return f"{amount:f}"


def yuan(amount: Decimal) -> str:
    """An amount of money with its two places."""
    return f"{amount:.2f}"


def head(pilot: Pilot) -> ChainHead | None:
    """The last entry of the ledger."""
    last = pilot.head
    return None if last is None else {"number": last.number, "digest": last.digest, "at_ms": to_ms(last.at)}


def counted(quarters: Iterable[QuarterTold]) -> VerdictCounts:
    """Quarter hours by their verdict."""
    found = Counter(each.verdict for each in quarters)
    return {
        "delivered": found["delivered"],
        "partial": found["partial"],
        "not_delivered": found["not_delivered"],
        "unverified": found["unverified"],
    }


def money(statements: Iterable[Statement]) -> list[MoneyShape]:
    """Their sums, payable ones and simulations apart."""
    listed = list(statements)
    by_status = [(status, [each for each in listed if each.status == status]) for status in _STATUSES]
    return [
        {
            "status": status,
            "statements": len(each),
            "payment_cny": yuan(sum((one.payment for one in each), Decimal(0))),
            "penalty_cny": yuan(sum((one.penalty for one in each), Decimal(0))),
            "net_cny": yuan(sum((one.net for one in each), Decimal(0))),
        }
        for status, each in by_status
        if each
    ]


def year_of(at: datetime) -> int:
    """The calendar year of Shenzhen in which an instant lies."""
    return at.astimezone(SHANGHAI).year


def local_day(at: datetime) -> date:
    """The day of Shenzhen."""
    return at.astimezone(SHANGHAI).date()
