"""The small pilot with its events written to the end: one settled and disputed, one under way, one that takes bids.

ev-1  shaving, settled: the storage delivers, of the load one quarter hour falls short and one cannot be verified
ev-2  filling, under way       ev-3  shaving, published
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from parkgrid_domain.vpp.documents import (
    AdjustedAward,
    AdjustedResource,
    Award,
    Awards,
    Bid,
    Contract,
    DayTold,
    Dispute,
    FindingTold,
    Frozen,
    FrozenResource,
    Loser,
    OptOut,
    Part,
    State,
    Statement,
    StateName,
)
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Quarter
from parkgrid_domain.vpp.statement import Identity, Member
from parkgrid_domain.vpp.statement import statement as settled
from parkgrid_vpp.ledger import Act
from tests.vpp.small_pilot import BASELINE, PACK, PARK, event, registry, rules, shipped_baseline_digest

READINGS = "5" * 64
PRICE = Decimal(3)
STORAGE_WH, LOAD_WH = -125_000, (0, 10_000, 25_000, 20_000)
"""Metered: the storage gives back exactly its award in each quarter hour; the load draws so much in turn."""
CURVE_WH = 50_000
"""Of the load, in each quarter hour, before an adjustment of + 10 %."""
Written = tuple[datetime, Act]


def acts(start: datetime) -> Iterator[Written]:
    """Everything in order, each with when it was written; ev-1 begins at `start` and lasts an hour."""
    before = start - timedelta(days=2)
    for subject, document in (*rules(), *registry()):
        yield before, Act(subject, document)
    yield from _settled(start, before)
    yield from _under_way(start + timedelta(hours=2), before)
    later = replace(event(start + timedelta(days=9), 2), name_zh="晚峰", name_en="Evening peak")
    yield start + timedelta(hours=2), Act("ev-3", later)


def _settled(start: datetime, before: datetime) -> Iterator[Written]:
    yield before, Act("ev-1", event(start, 1, 700_000))
    offered = (Part("storage-1", 500_000), Part("load-1", 200_000))
    yield before, Act("ev-1", Bid("bid-1", "op-1", PRICE, offered))
    yield before, Act("ev-1", Bid("bid-2", "op-2", Decimal("3.2"), (Part("load-1", 100_000),)))
    award = Award("aw-1", "bid-1", "op-1", 700_000, offered)
    yield before, Act("ev-1", Awards(PRICE, (award,), (Loser("bid-2", "op-2", "load-1", "no contract"),), 0))
    yield before, Act("ev-1", frozen("aw-1", start))
    yield before, _state("ev-1", "notified")
    yield start - timedelta(hours=1), Act("ev-1", OptOut("op-1", "load-1", "the chiller is needed"))
    yield start, Act("ev-1", adjusted("aw-1"))
    yield start, _state("ev-1", "active")
    end = start + timedelta(hours=1)
    for state in ("ended", "baseline_computed", "evaluated"):
        yield end, _state("ev-1", state)
    yield end, Act("ev-1", statement(start))
    yield end, _state("ev-1", "settled")
    due = (start + timedelta(days=10)).date()
    yield end, Act("ev-1", Dispute("dis-1", "ev-1-op-1-1", "raised", "the meter was being changed", due))


def _under_way(start: datetime, before: datetime) -> Iterator[Written]:
    called = replace(event(start, 1), direction="fill", name_zh="填谷", name_en="Valley filling")
    yield before, Act("ev-2", called)
    yield before, Act("ev-2", Bid("bid-3", "op-1", Decimal(1), (Part("storage-1", 400_000),)))
    award = Award("aw-2", "bid-3", "op-1", 400_000, (Part("storage-1", 400_000),))
    yield before, Act("ev-2", Awards(Decimal(1), (award,), (), 200_000))
    yield before, Act("ev-2", frozen("aw-2", start, resources=("storage-1",)))
    yield before, _state("ev-2", "notified")
    yield start, _state("ev-2", "active")


def _state(subject: str, state: StateName) -> Act:
    return Act(subject, State(state, None, None, ""))


def frozen(award: str, start: datetime, resources: Sequence[str] = ("storage-1", "load-1")) -> Frozen:
    """The baselines: the storage's own meter, and of the load five days of which one is dropped."""
    day = start.date()
    days = [DayTold(day - timedelta(days=back), "counts", 4 * CURVE_WH, 8 * CURVE_WH, "") for back in (1, 2, 3)]
    days.append(DayTold(day - timedelta(days=4), "too_low", 4_000, None, "200000"))
    days.append(DayTold(day - timedelta(days=5), "not_read", None, None, "missing"))
    curve = tuple([CURVE_WH] * 4)
    both = {
        "storage-1": FrozenResource("storage-1", "zero", None, (), True, None, True, READINGS, ()),
        "load-1": FrozenResource(
            "load-1", BASELINE, shipped_baseline_digest(), tuple(days), True, curve, True, READINGS, ()
        ),
    }
    return Frozen(award, tuple(both[each] for each in resources))


def adjusted(award: str) -> AdjustedAward:
    """The load drew a tenth more before the event than on its days."""
    change = AdjustedResource("load-1", "factor", Decimal("1.1"), 0, False, 50_000, 55_000, READINGS, ())
    return AdjustedAward(award, (change,))


def quarters_of_resource(start: datetime, resource: str) -> list[Quarter]:
    """What a resource was awarded, its baseline and its energy; one quarter hour of the load is under a finding."""
    times = quarters_of(start, start + timedelta(hours=1))
    if resource == "storage-1":
        return [Quarter(at, 125_000, 0, STORAGE_WH) for at in times]
    return [
        Quarter(at, 50_000, 55_000, metered, "finding" if place == 3 else "")
        for place, (at, metered) in enumerate(zip(times, LOAD_WH, strict=True))
    ]


def statement(start: datetime) -> Statement:
    """What ev-1 came to, by the rules of the pack; a simulation, since no pack is verified."""
    terms = next(document for _, document in registry() if isinstance(document, Contract))
    members = [
        Member(name, w, "con-1", terms, tuple(quarters_of_resource(start, name)), READINGS, _findings(name, start))
        for name, w in (("storage-1", 500_000), ("load-1", 200_000))
    ]
    return settled(PACK, "shave", PRICE, members, Identity("ev-1", "aw-1", "op-1"))


def _findings(resource: str, start: datetime) -> tuple[FindingTold, ...]:
    register, last = f"{PARK}/gw-1/load-1/energy_import_kwh", start + timedelta(minutes=50)
    return (FindingTold(register, "jumped", last, last),) if resource == "load-1" else ()
