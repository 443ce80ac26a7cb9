"""Bills: what an account owes for a month, what other plans would cost, and every revision of a closed month."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, cast

from fastapi import APIRouter, Request, Response

from parkgrid_accounting.address import BillAddress
from parkgrid_accounting.bills.bill import compare
from parkgrid_accounting.bills.closings import closed_bill, current_bill, history
from parkgrid_accounting.bills.marks import marked
from parkgrid_accounting.bills.written import LANGUAGES
from parkgrid_api.answers.bills import BillAnswer, BillLineShape, BillRevision, BillShape
from parkgrid_api.http import parameters
from parkgrid_api.http.exports import ColumnKind, ExportColumn, Table
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.routes.accounts import accounted
from parkgrid_api.routes.describe import described, room
from parkgrid_api.routes.tables import chosen, whole
from parkgrid_api.services import Services, answer
from parkgrid_contract.time import to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import Period
from parkgrid_domain.tariff.bill import Bill, Marks, Peak, document

_MOST_REVISION = 999_999


def _month(text: str) -> Period:
    found = parameters.period_of(text)
    if (found.end - found.first).days not in range(28, 32) or len(text) != len("2026-11"):
        raise ValueError(told("must be a month such as 2026-11", "必须是月份，例如 2026-11"))
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
    ExportColumn("account"),
    ExportColumn("month"),
    ExportColumn("plan_id"),
    ExportColumn("code"),
    ExportColumn("name_zh"),
    ExportColumn("name_en"),
    ExportColumn("quantity", ColumnKind.MONEY, decimals=6),
    ExportColumn("unit"),
    ExportColumn("price", ColumnKind.MONEY, "CNY/unit", 10),
    ExportColumn("amount_cny", ColumnKind.MONEY, "CNY", 2),
    ExportColumn("estimated_kwh", ColumnKind.MONEY, "kWh", 3),
    ExportColumn("estimated_intervals", ColumnKind.WHOLE),
    ExportColumn("missing_intervals", ColumnKind.WHOLE),
    ExportColumn("marks_zh"),
    ExportColumn("marks_en"),
    ExportColumn("clause"),
    ExportColumn("address"),
)
_LINE: BillLineShape = {
    "code": "energy.peak",
    "name_zh": "电度电费 峰",
    "name_en": "energy, peak",
    "quantity": "1200.000",
    "unit": "kWh",
    "price": "1.02",
    "amount_cny": "1224.00",
    "inputs": {},
    "rule": {"plan_id": "guangdong-2021-tou", "version": "9f86d0", "clause": "peak"},
    "marks": [
        {"of": "import", "unit": "kWh", "estimated": "12.5", "estimated_intervals": 2, "missing_intervals": 1},
    ],
    "marks_zh": "估算 12.5 kWh（2 个时段），缺 1 个时段，未计入",
    "marks_en": "12.5 kWh estimated (2 quarter hours), 1 quarter hours missing, not counted",
    "address": "bill/gaoxin-nan/0400123/2026-11/energy.peak",
}
_EXAMPLE: BillAnswer = {
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
        "estimated_kwh": "12.5",
        "coverage_pct": "99.96",
        "provisional": True,
        "peak": {
            "demand_kw": "600",
            "at_ms": 1794193200000,
            "window_s": 900,
            "cost_cny": "19200.00",
            "estimated": True,
            "missing": 1,
            "good_kw": "400",
            "good_at_ms": 1793462400000,
            "good_cost_cny": "12800.00",
        },
        "marks": _LINE["marks"],
        "marks_zh": _LINE["marks_zh"],
        "marks_en": _LINE["marks_en"],
        "lines": [_LINE],
        "document": {
            "currency": "CNY",
            "time_zone": "Asia/Shanghai",
            "start_ms": 1793462400000,
            "end_ms": 1796054400000,
            "through_ms": 1795392000000,
            "terms": {
                "account": "0400123",
                "park": "gaoxin-nan",
                "demand_basis": "contracted_demand",
                "capacity_kva": "3150",
                "contracted_kw": "2000",
                "power_factor_standard": "0.90",
                "voltage_class": "10kV",
            },
            "energy_kwh": "1200.000",
            "estimated_kwh": "12.5",
            "coverage": {"import": {"expected": 2880, "known": 2879, "estimated": 2, "coverage_pct": "99.96"}},
            "minimum_coverage_pct": "95",
            "peak": None,
            "power_factor": "0.95",
            "notes": [
                {
                    "code": "month_open",
                    "zh": "本月尚未结束，账单仅计至当前。",
                    "en": "The month is not over: counted so far.",
                    "blocks": True,
                }
            ],
            "closing": None,
            "marks": _LINE["marks"],
            "total_cny": "1224.00",
            "coverage_pct": "99.96",
            "provisional": True,
        },
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
            return answer(BillAnswer(bill=_document(found), compared=compared, revisions=revisions))
        rows = [_row(each, line) for each in (found, *others) for line in _document(each)["lines"]]
        table = Table("bill", _COLUMNS, {"account": account, "month": found.month}, bom=values["bom"] == "true")
        return whole(form, f"bill-{found.month}", table, rows)

    return router


_Found = tuple[Bill, list[Bill], list[BillRevision]]


def _question(values: Mapping[str, Any], services: Services) -> Callable[[Connection], _Found]:
    account, month, revision, plans = (values[name] for name in ("account", "month", "revision", "plan"))

    def ask(connection: Connection) -> _Found:
        if revision is None:
            found = current_bill(connection, account, month, services.clock)
        else:
            found = closed_bill(connection, account, month, revision)
        others = compare(connection, account, month, plans, services.clock)[1:] if plans else []
        closings: list[BillRevision] = [
            {
                "revision": each.closing.revision,
                "closed_ms": to_ms(each.closed_at),
                "closed_by": each.closing.closed_by,
                "reason": each.closing.reason,
                "total_cny": str(each.bill.total_cny),
                "estimated_kwh": str(each.bill.estimated_kwh),
                "plan_version": each.plan_version,
            }
            for each in history(connection, account, month)
        ]
        return found, others, closings

    return ask


def _document(bill: Bill) -> BillShape:
    told = document(bill)
    month = parameters.period_of(bill.month)
    revision = bill.closing.revision if bill.closing else None
    names = ("account", "park", "month", "plan_id", "plan_version", "plan_name_zh", "plan_name_en")
    lines = [
        {
            **line,
            **_words(marks, bill.peak),
            "address": str(BillAddress(bill.park, bill.account, month, line["code"], revision)),
        }
        for line, marks in zip(told.pop("lines"), (line.marks for line in bill.lines), strict=True)
    ]
    sums = {name: told[name] for name in _SUMS}
    named = {name: told.pop(name) for name in names}
    return cast("BillShape", {**named, **sums, **_words(bill.marks, bill.peak), "lines": lines, "document": told})


def _words(marks: Marks | None, peak: Peak | None) -> dict[str, str]:
    return {f"marks_{language}": marked(marks, peak, language) for language in LANGUAGES}


_SUMS = ("total_cny", "energy_kwh", "estimated_kwh", "coverage_pct", "provisional", "peak", "marks")


def _row(bill: Bill, line: Mapping[str, Any]) -> list[Any]:
    price = None if line["price"] is None else Decimal(line["price"])
    named = [bill.account, bill.month, bill.plan_id, line["code"], line["name_zh"], line["name_en"]]
    numbers = [Decimal(line["quantity"]), line["unit"], price, Decimal(line["amount_cny"])]
    return [*named, *numbers, *_counted(line), line["rule"]["clause"], line["address"]]


def _counted(line: Mapping[str, Any]) -> list[Any]:
    """What of a line is estimated in kWh, and the intervals of everything that it rests on; nothing if not kept."""
    told = [line["marks_zh"], line["marks_en"]]
    if line["marks"] is None:
        return [None, None, None, *told]
    energy = sum((Decimal(mark["estimated"]) for mark in line["marks"] if mark["unit"] == "kWh"), Decimal(0))
    counts = [sum(mark[name] for mark in line["marks"]) for name in ("estimated_intervals", "missing_intervals")]
    return [energy, *counts, *told]
