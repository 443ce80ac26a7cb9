"""Examples of what the addresses of an event answer, for the OpenAPI document."""

from parkgrid_api.answers.vpp_event import (
    AwardOrder,
    EventResource,
    EventResourceRow,
    EventResources,
    EventWhole,
    QuarterShape,
)
from parkgrid_api.routes.vpp_examples import ENTRY_SHORT, HEAD, SHORT, VERDICTS

_QUARTER: QuarterShape = {
    "at_ms": 1782280800000,
    "award_kwh": 50.0,
    "baseline_kwh": 55.0,
    "metered_kwh": 0.0,
    "target_kwh": 5.0,
    "moved_kwh": 55.0,
    "verdict": "delivered",
    "unsure": "",
}
_ROW: EventResourceRow = {
    "resource": "load-1",
    "name_zh": "可中断负荷",
    "name_en": "Interruptible load",
    "park": "park-a",
    "kind": "interruptible",
    "operator": "op-1",
    "award": "aw-1",
    "kw": 200.0,
    "opted_out": False,
    "baseline": "workday-5",
    "eligible": True,
    "promised_kwh": 150.0,
    "measured_kwh": 130.0,
    "verdicts": {
        "delivered": 1,
        "partial": 2,
        "not_delivered": 0,
        "unverified": 1,
    },
    "note": "finding 1",
    "status": "simulation",
    "contract": "con-1",
    "payment_cny": "390.00",
    "penalty_cny": "0.00",
    "operator_part_cny": "117.00",
    "user_part_cny": "273.00",
    "statement": "ev-1-op-1-1",
    "entry": 35,
}
EVENT: EventWhole = {
    **SHORT,
    "as_of_ms": 1782316800000,
    "head": HEAD,
    "bids_until_ms": 1782208800000,
    "opt_out_until_ms": 1782266400000,
    "targets": [
        {
            "location": "tr-1",
            "name": "Transformer",
            "level": "transformer",
        },
    ],
    "pack": {
        "pack": "guangdong-2026",
        "digest": "8649f305addd276272d94dab7b4ef5d872afa2809ad91a1d366b4d79911fe2b1",
        "name_zh": "广东省市场化需求响应（日前邀约）",
        "name_en": "Guangdong market-based demand response (day-ahead invitation)",
        "status": "unverified",
        "source": "a page that quotes the rule; the text was not read",
        "interval_min": 60,
        "questions": [
            {
                "zh": "50 %、120 % 两档与罚则系数 M = 0.5 在 2026 年的条文中是否仍然有效？",
                "en": "Are the bands of 50 and 120 % and the penalty's factor M = 0.5 still in the text of 2026?",
            },
        ],
    },
    "price_cny_per_kwh": "3",
    "course": [
        {
            "state": "published",
            "at_ms": 1782108000000,
            "award": None,
            "by_event": None,
            "reason": "",
        },
    ],
    "bids": [
        {
            "bid": "bid-1",
            "operator": "op-1",
            "price_cny_per_kwh": "3",
            "kw": 700.0,
            "resources": 2,
            "at_ms": 1782108000000,
            "entry": 24,
        },
    ],
    "losers": [
        {
            "bid": "bid-2",
            "operator": "op-2",
            "resource": "load-1",
            "reason": "no contract",
        },
    ],
    "opt_outs": [
        {
            "operator": "op-1",
            "resource": "load-1",
            "at_ms": 1782277200000,
            "in_time": False,
            "reason": "the chiller is needed",
        },
    ],
    "awards": [
        {
            "award": "aw-1",
            "bid": "bid-1",
            "operator": "op-1",
            "operator_zh": "一号运营商",
            "operator_en": "Operator one",
            "awarded_kw": 700.0,
            "kw": 700.0,
            "resources": 2,
            "verdicts": VERDICTS,
            "quarters": [
                {
                    "at_ms": 1782280800000,
                    "award_kwh": 175.0,
                    "baseline_kwh": 55.0,
                    "metered_kwh": -125.0,
                    "target_kwh": -120.0,
                    "moved_kwh": 180.0,
                    "verdict": "delivered",
                    "unsure": "",
                },
            ],
            "intervals": [
                {
                    "at_ms": 1782280800000,
                    "award_kwh": "650",
                    "response_kwh": "630",
                    "counted_kwh": "630",
                    "payment_cny": "1890",
                    "penalty_cny": "0",
                    "quarters": 4,
                },
            ],
            "statements": [
                {
                    "statement": "ev-1-op-1-1",
                    "revision": 1,
                    "cause": "first",
                    "status": "simulation",
                    "price_cny_per_kwh": "3",
                    "payment_cny": "1890.00",
                    "penalty_cny": "0.00",
                    "net_cny": "1890.00",
                    "entry": 35,
                    "at_ms": 1782284400000,
                    "by": "李伟",
                    "digest": "198be4817ce70ca5ede68ecfb2ec6623c6de53a13de276957d6a83c95e39aa2c",
                },
            ],
        },
    ],
    "disputes": [
        {
            "dispute": "dis-1",
            "statement": "ev-1-op-1-1",
            "open": True,
            "steps": [
                {
                    "step": "raised",
                    "at_ms": 1782284400000,
                    "late": False,
                    "text": "the meter was being changed",
                    "due": "2026-07-04",
                },
            ],
        },
    ],
    "entries_total": 15,
    "entries": [
        ENTRY_SHORT,
    ],
}
AWARD: AwardOrder = {
    "event": "ev-1",
    "award": "aw-1",
    "operator": "op-1",
    "direction": "shave",
    "state": "disputed",
    "from_ms": 1782280800000,
    "to_ms": 1782284400000,
    "opt_out_until_ms": 1782266400000,
    "kw": 700.0,
    "price_cny_per_kwh": "3",
    "parts": [
        {
            "resource": "storage-1",
            "name_zh": "储能",
            "name_en": "Storage",
            "park": "park-a",
            "kind": "storage",
            "kw": 500.0,
            "opted_out": False,
        },
    ],
}
EVENT_RESOURCES: EventResources = {
    "event": "ev-1",
    "total": 2,
    "resources": [
        _ROW,
    ],
}
EVENT_RESOURCE: EventResource = {
    **_ROW,
    "frozen": {
        "name": "workday-5",
        "digest": "5a45dd67d4702a853ddf3a93ae04c9e31782412fe845afc4e75efccc73ff1297",
        "enough": True,
        "eligible": True,
        "readings": "5555555555555555555555555555555555555555555555555555555555555555",
        "days": [
            {
                "day": "2026-06-23",
                "outcome": "counts",
                "energy_kwh": 200.0,
                "window_kwh": 400.0,
                "detail": "",
            },
        ],
        "curve_kwh": [
            50.0,
        ],
        "adjustment": {
            "applied": "factor",
            "factor": "1.1",
            "shift_kwh": 0.0,
            "capped": False,
            "past_kwh": 50.0,
            "today_kwh": 55.0,
        },
    },
    "eligibility": None,
    "quarters": [
        _QUARTER,
    ],
    "intervals": [],
    "readings": "5555555555555555555555555555555555555555555555555555555555555555",
    "findings": [
        {
            "register": "park-a/gw-1/load-1/energy_import_kwh",
            "kind": "jumped",
            "from_ms": 1782283800000,
            "to_ms": 1782283800000,
        },
    ],
    "known_later": [],
}
