"""The pilot of the boards: the settled story of `tests.vpp`, and what makes a sum wrong where a board adds up blindly.

ev-1  settled, revised by late data, disputed         ev-4  closed, in part payable; one resource opted out in time
ev-5  superseded by ev-3       ev-6  cancelled with an award        ev-7  awarded, its baseline frozen and adjusted
plant-1  of a metered park, with forecasts            plant-2, plant-3  not available: unproven place, contract over
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.documents import (
    AdjustedAward,
    AdjustedResource,
    AnyDocument,
    Award,
    Awards,
    Bid,
    CapabilityTest,
    Contract,
    Frozen,
    FrozenResource,
    HeldQuarter,
    Location,
    OptOut,
    Part,
    Phase,
    Resource,
    State,
    Statement,
    StateName,
    Term,
)
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Quarter
from parkgrid_domain.vpp.statement import Identity, Member
from parkgrid_domain.vpp.statement import statement as settled
from parkgrid_vpp.forecast import issue
from parkgrid_vpp.kept_capability import keep
from parkgrid_vpp.ledger import Act, write
from tests.vpp.settled_pilot import PRICE, READINGS, acts, frozen, quarters_of_resource
from tests.vpp.small_pilot import BASELINE, PACK, event, registry, shipped_baseline_digest

METERED_PARK = "pingshan-park"
BY = '局 "the" bureau'
_PHASES = ("registered", "documents", "joint_test", "announced", "active")


def fill(connection: Connection, now: datetime) -> None:
    """Write everything; what can be forecast and adjusted is computed as the process does."""
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=7)
    pilot = Pilot()
    for at, group in groupby(acts(start), key=lambda each: each[0]):
        write(connection, pilot, [act for _, act in group], BY, at)
    more = [
        *_more_resources(_register(connection)),
        *_revised(pilot, start),
        *_paid(start - timedelta(days=3)),
        *_broken_off(start),
    ]
    more += _waiting(start + timedelta(days=8))
    for subject, document in more:
        # A statement is written after its event.
        stated = isinstance(document, Statement)
        at = pilot.events[subject].event.to if stated else start - timedelta(days=6)
        write(connection, pilot, [Act(subject, document)], BY, at)
    write(connection, pilot, [Act("storage-1", _test(start))], BY, now)
    for hours in (12, 6, 0):
        issue(connection, pilot, now - timedelta(hours=hours))
    keep(connection, pilot, now)


def _contract(account: str, names: tuple[str, ...], until: date | None) -> Contract:
    told = next(document for _, document in registry() if isinstance(document, Contract))
    return replace(told, operator="op-2", account=account, resources=names, valid_to=until)


def _register(connection: Connection) -> str:
    row = connection.execute(
        "SELECT park || '/' || gateway || '/' || device || '/' || signal FROM registers"
        " WHERE park = %s AND device_class = 'grid_meter' AND signal = 'energy_import_kwh'",
        (METERED_PARK,),
    ).fetchone()
    assert row is not None
    return str(row[0])


def _more_resources(register: str) -> list[tuple[str, AnyDocument]]:
    load = Resource(
        *("实验室", "Laboratory", METERED_PARK, "acc-2", "interruptible", 20_000, 10_000, 5_000, 15, 120, 60),
        meter=(Term(register, 1),),
        baseline=BASELINE,
    )
    found: list[tuple[str, AnyDocument]] = [
        ("tr-2", Location("transformer", "Transformer 2", "line-1", "unverified", "", None, 900_000)),
        ("acc-2", Location("account", "0302", "tr-1", "declared", "", METERED_PARK, None)),
        ("acc-3", Location("account", "0303", "tr-2", "declared", "", METERED_PARK, None)),
        ("plant-1", replace(load, up_w=10_000)),
        # Registered again: the later one counts.
        ("plant-1", load),
        ("plant-2", replace(load, account="acc-3", name_en="Pump")),
        ("plant-3", replace(load, name_en="Fan")),
        ("con-2", _contract("acc-2", ("plant-1",), None)),
        ("con-3", _contract("acc-3", ("plant-2",), None)),
        ("con-4", _contract("acc-2", ("plant-3",), date(2026, 2, 1))),
    ]
    for name, phases in (("plant-1", _PHASES), ("plant-2", _PHASES), ("plant-3", (*_PHASES, "suspended"))):
        found += [(name, Phase(phase, date(2026, 5, 1), "")) for phase in phases]  # type: ignore[arg-type]
    return [*found, ("plant-3", Phase("left", date(2026, 6, 1), "sold"))]


def _member(name: str, w: int, quarters: list[Quarter]) -> Member:
    terms = next(document for _, document in registry() if isinstance(document, Contract))
    return Member(name, w, "con-1", terms, tuple(quarters), READINGS, ())


def _revised(pilot: Pilot, start: datetime) -> list[tuple[str, AnyDocument]]:
    """Late data of ev-1: in the load's second quarter hour nothing was delivered after all."""
    quarters = quarters_of_resource(start, "load-1")
    quarters[1] = replace(quarters[1], metered_wh=54_000)
    members = [
        _member("storage-1", 500_000, quarters_of_resource(start, "storage-1")),
        _member("load-1", 200_000, quarters),
    ]
    before = pilot.events["ev-1"].statements["aw-1"][-1][0].digest
    identity = Identity("ev-1", "aw-1", "op-1", 2, before, "late data")
    return [("ev-1", settled(PACK, "shave", PRICE, members, identity))]


def _paid(start: datetime) -> list[tuple[str, AnyDocument]]:
    """ev-4: two operators fill a valley; the load of one opted out in time. The other's statement can be paid."""
    both = (Part("storage-1", 400_000), Part("load-1", 100_000))
    given = (
        Award("aw-4", "bid-4", "op-1", 500_000, both),
        Award("aw-5", "bid-5", "op-2", 8_000, (Part("plant-1", 8_000),)),
    )
    called = replace(event(start, 1, 600_000), direction="fill", name_en="Night valley", name_zh="夜谷", targets=())
    times = quarters_of(start, start + timedelta(hours=1))
    storage = [Quarter(at, 100_000, 0, taken) for at, taken in zip(times, (100_000, 90_000, 0, -5_000), strict=True)]
    plant = [Quarter(at, 2_000, 7_500, 9_600, "missing" if at == times[0] else "") for at in times]
    one = settled(PACK, "fill", PRICE, [_member("storage-1", 400_000, storage)], Identity("ev-4", "aw-4", "op-1"))
    other = settled(PACK, "fill", PRICE, [_member("plant-1", 8_000, plant)], Identity("ev-4", "aw-5", "op-2"))
    zero = [
        FrozenResource(name, "zero", None, (), True, None, True, READINGS, ())
        for name in ("storage-1", "load-1", "plant-1")
    ]
    return [
        ("ev-4", called),
        ("ev-4", Bid("bid-4", "op-1", PRICE, both)),
        ("ev-4", Awards(PRICE, given, (), 92_000)),
        ("ev-4", Frozen("aw-4", tuple(zero[:2]))),
        ("ev-4", Frozen("aw-5", tuple(zero[2:]))),
        ("ev-4", OptOut("op-1", "load-1", "no vehicle")),
        *(("ev-4", _state(each)) for each in ("notified", "active", "ended", "baseline_computed", "evaluated")),
        ("ev-4", one),
        ("ev-4", replace(other, status="payable")),
        *(("ev-4", _state(each)) for each in ("settled", "closed")),
    ]


def _broken_off(start: datetime) -> list[tuple[str, AnyDocument]]:
    later = start + timedelta(days=9)
    part = (Part("storage-1", 300_000),)
    return [
        ("ev-5", event(later, 2)),
        ("ev-5", State("superseded", None, "ev-3", "moved")),
        ("ev-6", event(later - timedelta(days=3), 2)),
        ("ev-6", Bid("bid-6", "op-1", PRICE, part)),
        ("ev-6", Awards(PRICE, (Award("aw-6", "bid-6", "op-1", 300_000, part),), (), 300_000)),
        ("ev-6", State("cancelled", None, None, "rain")),
    ]


def _waiting(start: datetime) -> list[tuple[str, AnyDocument]]:
    """ev-7: not settled, and both of its baselines are known; the load's is adjusted by a factor and a shift."""
    parts = (Part("storage-1", 300_000), Part("load-1", 100_000))
    curve = tuple(50_001 + 1_000 * place for place in range(4))
    base = frozen("aw-7", start).resources
    rule = replace(base[1], curve_wh=curve, rule=shipped_baseline_digest())
    change = AdjustedResource("load-1", "factor", Decimal("1.15"), 7, False, 50_000, 57_500, READINGS, ())
    award = Award("aw-7", "bid-7", "op-1", 400_000, parts)
    return [
        ("ev-7", event(start, 1)),
        ("ev-7", Bid("bid-7", "op-1", PRICE, parts)),
        ("ev-7", Awards(PRICE, (award,), (), 200_000)),
        ("ev-7", Frozen("aw-7", (base[0], rule))),
        ("ev-7", _state("notified")),
        ("ev-7", State("acknowledged", "aw-7", None, "")),
        ("ev-7", AdjustedAward("aw-7", (change,))),
    ]


def _state(name: StateName) -> State:
    return State(name, None, None, "")


def _test(start: datetime) -> CapabilityTest:
    quarters = tuple(HeldQuarter(-480_000 + 10_000 * place, Decimal("0.96")) for place in range(2))
    return CapabilityTest(start, -500_000, 30, 0, (0,) * 15, (-480_000,) * 30, 1, 2, quarters, None)
