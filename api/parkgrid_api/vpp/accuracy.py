"""Forecasts against what was metered, responses against what was promised, and disputes."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from parkgrid_api.answers.vpp_accuracy import Accuracy, DisputeList, DisputeRow, ForecastScore, ResourceAccuracy
from parkgrid_api.vpp.amounts import head, kilo
from parkgrid_api.vpp.summary import Names
from parkgrid_contract.time import to_ms
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.capability.forecast import Score
from parkgrid_domain.vpp.documents import Dispute
from parkgrid_domain.vpp.pilot import EventBook, Pilot, late_steps
from parkgrid_domain.vpp.progress import standing
from parkgrid_vpp.forecast import Forecast, newest, scores

_PERCENT = 100
_PLACES = 1


def accuracy(connection: Connection, pilot: Pilot, now: datetime, names: Names, skip: int, most: int) -> Accuracy:
    """The forecasts of each park, and a page of resources."""
    listed = sorted(pilot.resources)
    page = listed[skip : skip + most]
    parks = scores(connection, pilot, now)
    with translated():
        forecasts = newest(connection, {name: pilot.resources[name] for name in page}, now)
    totals = _totals(pilot, frozenset(page))
    return {
        "head": head(pilot),
        "parks": [
            {
                "park": each.park,
                "name_zh": names.get(each.park, (each.park, each.park))[0],
                "name_en": names.get(each.park, (each.park, each.park))[1],
                **_scored(each.method, each.issued_at, each.score),
            }
            for each in parks
        ],
        "total": len(listed),
        "resources": [_resource(pilot, name, totals, forecasts.get(name)) for name in page],
    }


def _totals(pilot: Pilot, names: frozenset[str]) -> Counter[tuple[str, str]]:
    """Events, verified Wh promised and moved, and unverified quarter hours of resources, by the standing statements."""
    found: Counter[tuple[str, str]] = Counter()
    for _, _, statement in standing(pilot.events.values()):
        for resource in statement.resources:
            if resource.resource in names:
                name = resource.resource
                found[name, "events"] += 1
                for quarter in resource.quarters:
                    if quarter.moved_wh is None:
                        found[name, "unverified"] += 1
                    else:
                        found[name, "promised"] += quarter.award_wh
                        found[name, "moved"] += quarter.moved_wh
    return found


def _resource(pilot: Pilot, name: str, totals: Counter[tuple[str, str]], forecast: Forecast | None) -> ResourceAccuracy:
    known, promised, moved = pilot.resources[name], totals[name, "promised"], totals[name, "moved"]
    return {
        "resource": name,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "park": known.park,
        "kind": known.kind,
        "events": totals[name, "events"],
        "promised_kwh": kilo(promised),
        "delivered_kwh": kilo(moved),
        "accuracy_pct": round(_PERCENT * moved / promised, _PLACES) if promised else None,
        "unverified": totals[name, "unverified"],
        "forecast": None if forecast is None else _scored(forecast.method, forecast.issued_at, forecast.score),
    }


def _scored(method: str, issued_at: datetime, of: Score) -> ForecastScore:
    known = of.quarters > 0
    confidence = of.confidence_pct
    return {
        "method": method,
        "issued_ms": to_ms(issued_at),
        "quarters": of.quarters,
        "mae_kw": kilo(of.mae_w) if known else None,
        "bias_kw": kilo(of.bias_w) if known else None,
        "confidence_pct": None if confidence is None else round(confidence, _PLACES),
    }


def disputes(pilot: Pilot, skip: int, most: int) -> DisputeList:
    """A page of the disputes of all events."""
    found = [(book, name, steps) for book in pilot.events.values() for name, steps in book.disputes.items()]
    # Open ones first, then the last raised.
    found.sort(key=lambda each: (each[2][-1][1].step != "decided", each[2][0][0]), reverse=True)
    return {
        "head": head(pilot),
        "total": len(found),
        "open": sum(steps[-1][1].step != "decided" for _, _, steps in found),
        "disputes": [_dispute(*each) for each in found[skip : skip + most]],
    }


def _dispute(book: EventBook, name: str, steps: Sequence[tuple[datetime, Dispute]]) -> DisputeRow:
    at, last = steps[-1]
    return {
        "dispute": name,
        "event": book.event_id,
        "name_zh": book.event.name_zh,
        "name_en": book.event.name_en,
        "statement": steps[0][1].statement,
        "open": last.step != "decided",
        "step": last.step,
        "raised_ms": to_ms(steps[0][0]),
        "at_ms": to_ms(at),
        "late": late_steps(steps)[-1],
        "text": last.text,
        "due": last.due.isoformat(),
    }
