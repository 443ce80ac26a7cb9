"""How numbers and instants of a bill are written."""

from decimal import Decimal
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from parkgrid_contract.time import from_ms
from parkgrid_domain.tariff.bill import Bill

Language: TypeAlias = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


def plain(number: Decimal) -> str:
    """A number in full, thousands apart."""
    return f"{number:,f}"


def local(bill: Bill, stamp_ms: int) -> str:
    """An instant in the time zone of the bill, to the minute."""
    return f"{from_ms(stamp_ms).astimezone(ZoneInfo(bill.time_zone)):%Y-%m-%d %H:%M}"
