"""Examples of what the addresses of the pilot answer, for the OpenAPI document."""

from typing import Any

from parkgrid_api.answers.vpp import (
    CapabilityShape,
    ChainHead,
    Entries,
    EntryShape,
    EntryWhole,
    EventList,
    EventShort,
    FunnelShape,
    MoneyShape,
    OperatorList,
    OperatorShort,
    OperatorSide,
    PilotSummary,
    ResourceList,
    VerdictCounts,
)

HEAD: ChainHead = {
    "number": 44,
    "digest": "51ee599f20170a6c907bf0fe8d52eef41138f73f2e5f68660ca81f2f439e0b42",
    "at_ms": 1782288000000,
}
MONEY: MoneyShape = {
    "status": "simulation",
    "statements": 1,
    "payment_cny": "1890.00",
    "penalty_cny": "0.00",
    "net_cny": "1890.00",
}
VERDICTS: VerdictCounts = {
    "delivered": 2,
    "partial": 2,
    "not_delivered": 0,
    "unverified": 0,
}
ENTRY_SHORT: EntryShape = {
    "number": 37,
    "kind": "dispute",
    "subject": "ev-1",
    "at_ms": 1782284400000,
    "by": "李伟",
    "previous": "9ba30bc8c76b7a00f5f8e0f23192aaa48b47ee7b2bcd09120c2329a86652494a",
    "digest": "5eb9a859f6ece094d31e4b6fe3aabf4c61f5c77690cd4da38d8fa42b701ee28f",
}
SHORT: EventShort = {
    "event": "ev-1",
    "name_zh": "削峰",
    "name_en": "Peak shaving",
    "direction": "shave",
    "type": "invitation",
    "notice_class": "day_ahead",
    "setup": "pilot",
    "state": "disputed",
    "from_ms": 1782280800000,
    "to_ms": 1782284400000,
    "target_kw": 700.0,
    "awarded_kw": 700.0,
    "short_kw": 0.0,
    "operators": 1,
    "resources": 2,
    "promised_kwh": 650.0,
    "measured_kwh": 630.0,
    "verdicts": VERDICTS,
    "money": [
        MONEY,
    ],
    "open_disputes": 1,
}
FUNNEL: FunnelShape = {
    "kind": "park",
    "id": "park-a",
    "name_zh": "高新南",
    "name_en": "Gaoxin South",
    "stages": [
        {
            "stage": "registered",
            "resources": 2,
            "up_kw": 700.0,
            "down_kw": 500.0,
        },
    ],
}
OPERATOR_SHORT: OperatorShort = {
    "operator": "op-1",
    "name_zh": "一号运营商",
    "name_en": "Operator one",
    "resources": 2,
    "up_kw": 700.0,
    "down_kw": 500.0,
    "events": 2,
    "money": [
        MONEY,
    ],
}
ENTRY: EntryWhole = {
    "number": 4,
    "kind": "operator",
    "subject": "op-1",
    "at_ms": 1782108000000,
    "by": "李伟",
    "previous": "2fe974f7a7ce50030c34251ddcb22f521453247b3e2843fc9760ebf84269b5d6",
    "digest": "cedbce1e176fad1b14704209f5db7ebb638a90fdef1d972113befae40f5e2cb2",
    "document": {
        "name_zh": "一号运营商",
        "name_en": "Operator one",
    },
}
ENTRIES: Entries = {
    "head": HEAD,
    "entries": [
        ENTRY_SHORT,
    ],
}
SUMMARY: PilotSummary = {
    "as_of_ms": 1782316800000,
    "head": HEAD,
    "year": 2026,
    "events": 3,
    "under_way": [
        SHORT,
    ],
    "coming": [],
    "settled": 1,
    "shaved_kwh": 630.0,
    "filled_kwh": 0.0,
    "money": [
        MONEY,
    ],
    "verdicts": VERDICTS,
    "open_disputes": 1,
    "funnel": [
        FUNNEL,
    ],
}
EVENTS: EventList = {
    "as_of_ms": 0,
    "head": HEAD,
    "total": 1,
    "events": [
        SHORT,
    ],
}
RESOURCES: ResourceList = {
    "head": HEAD,
    "total": 2,
    "resources": [
        {
            "resource": "load-1",
            "name_zh": "可中断负荷",
            "name_en": "Interruptible load",
            "park": "park-a",
            "account": "acc-1",
            "transformer": "tr-1",
            "kind": "interruptible",
            "up_kw": 200.0,
            "down_kw": 0.0,
            "ramp_kw_per_min": 50.0,
            "notice_min": 30,
            "sustain_min": 120,
            "recovery_min": 60,
            "baseline": "workday-5",
            "phase": "active",
            "phases": [
                {
                    "phase": "registered",
                    "on": "2026-05-01",
                    "note": "",
                },
            ],
            "provenance": "declared",
            "unproven": [],
            "contracts": [
                {
                    "contract": "con-1",
                    "operator": "op-1",
                    "type": "day_ahead",
                    "valid_from": "2026-01-01",
                    "valid_to": None,
                    "in_force": True,
                    "operator_pct": "30",
                    "user_pct": "70",
                },
            ],
            "eligibility": None,
        },
    ],
}
OPERATORS: OperatorList = {
    "head": HEAD,
    "year": 2026,
    "total": 2,
    "operators": [
        OPERATOR_SHORT,
    ],
}
OPERATOR: OperatorSide = {
    **OPERATOR_SHORT,
    "year": 2026,
    "head": HEAD,
    "invitations_total": 1,
    "invitations": [
        {
            "event": "ev-3",
            "name_zh": "晚峰",
            "name_en": "Evening peak",
            "direction": "shave",
            "state": "published",
            "from_ms": 1783058400000,
            "to_ms": 1783065600000,
            "bids_until_ms": 1782986400000,
            "opt_out_until_ms": 1783044000000,
            "takes_bids": True,
            "target_kw": 600.0,
            "bid": None,
            "bid_kw": None,
            "price_cny_per_kwh": None,
            "award": None,
            "awarded_kw": None,
        },
    ],
    "earnings_total": 1,
    "earnings": [
        {
            "event": "ev-1",
            "name_zh": "削峰",
            "name_en": "Peak shaving",
            "from_ms": 1782280800000,
            "statement": "ev-1-op-1-1",
            "revision": 1,
            "status": "simulation",
            "payment_cny": "1890.00",
            "penalty_cny": "0.00",
            "net_cny": "1890.00",
            "operator_part_cny": "567.00",
            "user_part_cny": "1323.00",
            "entry": 35,
            "digest": "198be4817ce70ca5ede68ecfb2ec6623c6de53a13de276957d6a83c95e39aa2c",
        },
    ],
    "earned": [
        {
            "status": "simulation",
            "operator_part_cny": "567.00",
            "user_part_cny": "1323.00",
        },
    ],
}
CAPABILITY: CapabilityShape = {
    "head": HEAD,
    "at_ms": [1782280800000],
    "total": 1,
    "of": [
        {
            "kind": "all",
            "id": "all",
            "name_zh": "全部",
            "name_en": "All",
            "up": {"kw": [620.5], "minutes": [45.0], "limit": ["energy"]},
            "down": {"kw": [500.0], "minutes": [60.0], "limit": ["power"]},
            "facts": None,
        }
    ],
}
BID: dict[str, Any] = {
    "by": "李伟",
    "bid": "bid-7-1",
    "operator": "op-1",
    "price": "2.80",
    "parts": [{"resource": "storage-1", "w": 500000}],
}
OPT_OUT: dict[str, Any] = {"by": "李伟", "operator": "op-1", "resource": "load-1", "reason": "the chiller is needed"}
DISPUTE: dict[str, Any] = {
    "by": "李伟",
    "dispute": "dis-1",
    "statement": "ev-1-op-1-1",
    "text": "the meter was being changed",
    "due": "2026-07-04",
}
