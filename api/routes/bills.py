"""Bills: what an account owes for a month, what other plans would cost, and every revision of a closed month."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request, Response

from accounting.address import BillAddress
from accounting.bills.bill import compare
from accounting.bills.closings import closed_bill, current_bill, history
from api import parameters
from api.exports import Column, Kind, Table
from api.figure_answers import BillAnswer
from api.figures import Connection
from api.parameters import Parameter
from api.routes.accounts import accounted
from api.routes.describe import described, room
from api.routes.tables import chosen, whole
from api.services import Services, answer
from contract.time import to_ms
from domain.period import Period
from domain.tariff.bill import Bill, document

_MOST_REVISION = 999_999


def _month(text: str) -> Period:
    found = parameters.period_of(text)
    if (found.end - found.first).days not in range(28, 32) or len(text) != len("2026-11"):
        raise ValueError("must be a month such as 2026-11")
    return found


def _plans(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parameters.chosen_text(part) for part in text.split(",")))[:8]


_ACCOUNT = Parameter(
    "account",
    "The account (户), as its metering points name it.",
    parameters.chosen_text,
    {"type": "string"},
    "0400123",
    in_path=True,
)
_MONTH = Parameter("month", "The month.", _month, {"type": "string"}, "2026-11", in_path=True)
_REVISION = Parameter(
    "revision",
    "A revision of a closed month; without it the newest, or the open month so far.",
    parameters.whole(1, _MOST_REVISION),
    {"type": "integer", "minimum": 1, "maximum": _MOST_REVISION},
    1,
)
_PLAN = Parameter(
    "plan",
    "Plans to compare with, separated by commas: what would this month cost under …",
    _plans,
    {"type": "string"},
    "guangdong-2021-tou",
)
_PARAMETERS = (_ACCOUNT, _MONTH, _REVISION, _PLAN, parameters.FORMAT, parameters.BOM)
_COLUMNS = (
    Column("account"),
    Column("month"),
    Column("plan_id"),
    Column("code"),
    Column("name_zh"),
    Column("name_en"),
    Column("quantity", Kind.MONEY, decimals=6),
    Column("unit"),
    Column("price", Kind.MONEY, "CNY/unit", 10),
    Column("amount_cny", Kind.MONEY, "CNY", 2),
    Column("clause"),
    Column("address"),
)
_LINE = {
    "code": "energy.peak",
    "name_zh": "电度电费 峰",
    "name_en": "energy, peak",
    "quantity": "1200.000",
    "unit": "kWh",
    "price": "1.02",
    "amount_cny": "1224.00",
    "inputs": {},
    "rule": {"plan_id": "guangdong-2021-tou", "version": "9f86d0", "clause": "peak"},
    "address": "bill/gaoxin-nan/0400123/2026-11/energy.peak",
}
_EXAMPLE = {
    "bill": {
        "account": "0400123",
        "park": "gaoxin-nan",
        "month": "2026-11",
        "plan_id": "guangdong-2021-tou",
        "plan_version": "9f86d0",
        "plan_name_zh": "广东 2021 峰谷",
        "plan_name_en": "Guangdong 2021 time of use",
        "total_cny": "1224.00",
        "energy_kwh": "1200.000",
        "coverage_pct": "100.0",
        "provisional": True,
        "lines": [_LINE],
        "document": {},
    },
    "compared": [],
    "revisions": [],
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("bills")

    @router.get(
        "/accounts/{account:path}/bills/{month}",
        **described("The bill of an account for a month", BillAnswer, _EXAMPLE, _PARAMETERS),
    )
    async def bill(request: Request) -> Response:
        values = parameters.read(request, _PARAMETERS)
        form = chosen(request, values)
        account = values["account"]
        found, others, revisions = await accounted(services, "bill", account, _question(values, services))
        if form.name == "json":
            compared = [_document(each) for each in others]
            return answer({"bill": _document(found), "compared": compared, "revisions": revisions})
        rows = [_row(each, line) for each in (found, *others) for line in _document(each)["lines"]]
        table = Table("bill", _COLUMNS, {"account": account, "month": found.month}, bom=values["bom"] == "true")
        return whole(form, f"bill-{found.month}", table, rows)

    return router


_Found = tuple[Bill, list[Bill], list[dict[str, Any]]]


def _question(values: Mapping[str, Any], services: Services) -> Callable[[Connection], _Found]:
    account, month, revision, plans = (values[name] for name in ("account", "month", "revision", "plan"))

    def ask(connection: Connection) -> _Found:
        if revision is None:
            found = current_bill(connection, account, month, services.clock)
        else:
            found = closed_bill(connection, account, month, revision)
        others = compare(connection, account, month, plans, services.clock)[1:] if plans else []
        closings = [
            {
                "revision": each.closing.revision,
                "closed_ms": to_ms(each.closed_at),
                "closed_by": each.closing.closed_by,
                "reason": each.closing.reason,
                "total_cny": str(each.bill.total_cny),
                "plan_version": each.plan_version,
            }
            for each in history(connection, account, month)
        ]
        return found, others, closings

    return ask


def _document(bill: Bill) -> dict[str, Any]:
    told = document(bill)
    month = parameters.period_of(bill.month)
    revision = bill.closing.revision if bill.closing else None
    names = ("account", "park", "month", "plan_id", "plan_version", "plan_name_zh", "plan_name_en")
    lines = [
        {**line, "address": str(BillAddress(bill.park, bill.account, month, line["code"], revision))}
        for line in told.pop("lines")
    ]
    sums = {name: told[name] for name in ("total_cny", "energy_kwh", "coverage_pct", "provisional")}
    return {**{name: told.pop(name) for name in names}, **sums, "lines": lines, "document": told}


def _row(bill: Bill, line: Mapping[str, Any]) -> list[Any]:
    price = None if line["price"] is None else Decimal(line["price"])
    named = [bill.account, bill.month, bill.plan_id, line["code"], line["name_zh"], line["name_en"]]
    numbers = [Decimal(line["quantity"]), line["unit"], price, Decimal(line["amount_cny"])]
    return [*named, *numbers, line["rule"]["clause"], line["address"]]
