"""The calls of the demonstration: what the bureau publishes and what the operators bid."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from parkgrid_contract.time import SHANGHAI
from parkgrid_database.connection import Connection
from parkgrid_demo.pilot.registry import BASELINE, ONE, TWO, PilotPark
from parkgrid_demo.pilot.timetable import HISTORY_DAYS, Called, Timetable
from parkgrid_domain.rule_file import packaged, version_of
from parkgrid_domain.vpp.baseline.rule import published as baselines
from parkgrid_domain.vpp.documents import Bid, Event, Part, RuleDigests, Rules
from parkgrid_domain.vpp.pack import published as packs
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp import trying
from parkgrid_vpp.ledger import Act

_CLASS: Literal["hour"] = "hour"
PACKS = {"shave": "shenzhen-precise-2023", "fill": "guangdong-2026"}
_NAMES = {
    "shave": ("午后削峰", "Afternoon peak shaving"),
    "fill": ("午间填谷", "Midday valley filling"),
}
_PRICES = {"shave": Decimal(5), "fill": Decimal("0.45")}
_OFFERS = {
    "shave": {"storage": 250_000, "v2g": 60_000, "chiller": 30_000, "compressor": 20_000},
    "fill": {"storage": 250_000},
}
"""What each resource of a park offers, W."""


def event_id(table: Timetable, called: Called) -> str:
    """The identifier of a call."""
    return f"{called.name}-{table.day:%Y%m%d}"


def rules(table: Timetable) -> list[Act]:
    """The texts that the calls are judged by: packs, baseline, calendars of the years that the history touches."""
    found = [Rules("pack", pack.pack_id, pack.text) for name, pack in packs().items() if name in PACKS.values()]
    found.append(Rules("baseline", BASELINE, packaged("parkgrid_domain.vpp", "baselines")[BASELINE]))
    found += [Rules("calendar", year, text) for year, text in _calendars(table).items()]
    return [Act(version_of(each.text), each) for each in found]


def _calendars(table: Timetable) -> dict[str, str]:
    first = table.day - timedelta(days=HISTORY_DAYS)
    texts = packaged("parkgrid_domain.calendar", "")
    return {str(year): texts[f"cn-{year}"] for year in sorted({first.year, table.day.year})}


def eligibility(connection: Connection, pilot: Pilot, table: Timetable) -> list[Act]:
    """How good the baseline of each load was over the history."""
    rule, pack, last = baselines()[BASELINE], packs()[PACKS["shave"]], table.day - timedelta(days=1)
    return [
        Act(name, trying.eligibility(connection, pilot, name, rule, pack, _CLASS, last, SHANGHAI))
        for name, resource in pilot.resources.items()
        if resource.baseline == BASELINE
    ]


def published(table: Timetable, called: Called, parks: Sequence[PilotPark]) -> Act:
    """The event of a call."""
    calendars = {year: version_of(text) for year, text in _calendars(table).items()}
    direction: Literal["shave", "fill"] = "shave" if called.name == "shave" else "fill"
    start = table.at(called.from_h)
    event = Event(
        *_NAMES[called.name],
        direction=direction,
        type="invitation",
        notice_class=_CLASS,
        setup="pilot",
        from_=start,
        to=table.at(called.to_h),
        target_w=sum(sum(offer.values()) for offer in (_offer(called, park) for park in parks)),
        targets=tuple(f"{each.park}-t1" for each in parks),
        bids_until=table.opening + timedelta(minutes=10),
        opt_out_until=table.opening + timedelta(minutes=15),
        rules=RuleDigests(packs()[PACKS[called.name]].digest, {BASELINE: baselines()[BASELINE].digest}, calendars),
        zone="Asia/Shanghai",
    )
    return Act(event_id(table, called), event)


def bids(table: Timetable, called: Called, parks: Sequence[PilotPark]) -> Iterator[tuple[str, Act]]:
    """What each operator offers for a call."""
    for operator in (ONE, TWO):
        parts = tuple(
            Part(park.resource(name), w)
            for park in parks
            if park.operator == operator
            for name, w in _offer(called, park).items()
        )
        if parts:
            name = f"{event_id(table, called)}-{operator}"
            yield operator, Act(event_id(table, called), Bid(name, operator, _PRICES[called.name], parts))


def _offer(called: Called, park: PilotPark) -> dict[str, int]:
    devices = {each.id for each in park.scenario.devices}
    there = {"storage": "storage-1", "v2g": "v2g-1", "chiller": "chiller", "compressor": "compressor"}
    return {name: w for name, w in _OFFERS[called.name].items() if there[name] in devices}
