"""Examples of what the addresses of running and past events answer, for the OpenAPI document."""

from parkgrid_api.answers.vpp import EventEntries
from parkgrid_api.answers.vpp_accuracy import Accuracy, DisputeList, ForecastScore
from parkgrid_api.answers.vpp_live import EventLive, EventResourceLive, EventResponses
from parkgrid_api.routes.vpp_examples import ENTRY_SHORT, HEAD

_SCORE: ForecastScore = {
    "method": "seasonal_naive",
    "issued_ms": 1782266400000,
    "quarters": 672,
    "mae_kw": 12.4,
    "bias_kw": -1.1,
    "confidence_pct": 94.2,
}
ACCURACY: Accuracy = {
    "head": HEAD,
    "parks": [{"park": "park-a", "name_zh": "高新南", "name_en": "Gaoxin South", **_SCORE}],
    "total": 1,
    "resources": [
        {
            "resource": "load-1",
            "name_zh": "冷机",
            "name_en": "Chiller",
            "park": "park-a",
            "kind": "interruptible",
            "events": 1,
            "promised_kwh": 150.0,
            "delivered_kwh": 130.0,
            "accuracy_pct": 86.7,
            "unverified": 1,
            "forecast": _SCORE,
        },
    ],
}
DISPUTES: DisputeList = {
    "head": HEAD,
    "total": 1,
    "open": 1,
    "disputes": [
        {
            "dispute": "dis-1",
            "event": "ev-1",
            "name_zh": "削峰",
            "name_en": "Peak shaving",
            "statement": "ev-1-op-1-1",
            "open": True,
            "step": "raised",
            "raised_ms": 1782284400000,
            "at_ms": 1782284400000,
            "late": False,
            "text": "the meter was being changed",
            "due": "2026-07-04",
        },
    ],
}
EVENT_ENTRIES: EventEntries = {"head": HEAD, "event": "ev-1", "total": 1, "entries": [ENTRY_SHORT]}

LIVE: EventLive = {
    "event": "ev-1",
    "direction": "shave",
    "state": "active",
    "as_of_ms": 1782280980000,
    "from_ms": 1782280800000,
    "to_ms": 1782284400000,
    "kw": 600.0,
    "newest_ms": 1782280860000,
    "at_ms": [1782280800000, 1782280860000],
    "promised": [600.0, 600.0],
    "measured": [480.0, 525.0],
    "promised_kw": 600.0,
    "measured_kw": 525.0,
    "shortfall_kw": 75.0,
    "awards": [
        {
            "award": "aw-1",
            "operator": "op-1",
            "operator_zh": "一号运营商",
            "operator_en": "Operator one",
            "kw": 600.0,
            "unknown": 0,
            "promised_kw": 600.0,
            "measured_kw": 525.0,
            "shortfall_kw": 75.0,
        },
    ],
    "total": 2,
    "resources": [
        {
            "resource": "load-1",
            "name_zh": "冷机",
            "name_en": "Chiller",
            "park": "park-a",
            "kind": "interruptible",
            "operator": "op-1",
            "award": "aw-1",
            "kw": 100.0,
            "at_ms": 1782280860000,
            "promised_kw": 100.0,
            "measured_kw": 45.0,
            "shortfall_kw": 55.0,
        },
    ],
}
RESOURCE_LIVE: EventResourceLive = {
    "event": "ev-1",
    "resource": "load-1",
    "as_of_ms": 1782280980000,
    "from_ms": 1782280800000,
    "to_ms": 1782284400000,
    "kw": 100.0,
    "at_ms": [1782280800000, 1782280860000],
    "measured": [0.0, 45.0],
}
RESPONSES: EventResponses = {
    "event": "ev-1",
    "state": "active",
    "delivered_pct": "90",
    "total": 2,
    "resources": [
        {
            "resource": "load-1",
            "name_zh": "冷机",
            "name_en": "Chiller",
            "kind": "interruptible",
            "operator": "op-1",
            "award": "aw-1",
            "state": "reached",
            "why": "",
            "after_s": 100.0,
            "by_s": 120.0,
            "minutes": 3,
            "measured": 3,
            "delay": {"why": "", "readings": 3, "median_s": 1.2, "most_s": 2.4},
        },
    ],
}
