"""The registry of the pilot of `parkgrid up`: one park that answers, others on their way into the pilot or out of it.

station ─ line ─ transformer ─┬─ main account: storage, chiller, air compressor    operator one    active
                              └─ charging account: V2G guns                        operator two    active
the district's three parks: storages, chargers, photovoltaics, a PEDF building     one in each other phase
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from parkgrid_contract.time import SHANGHAI
from parkgrid_demo.pilot.registry import (
    BASELINE,
    GATEWAY,
    ONE,
    STATION,
    STEPS,
    TWO,
    Counted,
    PilotPark,
    resources_of,
)
from parkgrid_domain.vpp.documents import (
    ZERO,
    Contract,
    ContractType,
    Location,
    Operator,
    Phase,
    PhaseName,
    Provenance,
    Resource,
    ResourceKind,
    Term,
)
from parkgrid_simulators.scenario import Scenario
from parkgrid_vpp.ledger import Act

BUREAU = "district energy bureau (demonstration)"
_LIMIT_W = 3_150_000
_NOTICE_MIN = 5
"""So short that a call may begin a quarter of an hour after it was made."""
_ACTIVE_AFTER = timedelta(days=50)
"""From the first day of the history on; the phases before it lie a week apart."""
_DRAWING = "single-line diagram"
_SHARES = Decimal(30), Decimal(70), Decimal(100), Decimal(0)
_TEXTS = "as registered", "each answers for its own equipment"


@dataclass(frozen=True, slots=True)
class _Other:
    """A resource of a park that does not answer calls."""

    name: str
    zh: str
    en: str
    kind: ResourceKind
    most_w: tuple[int, int]
    meter: tuple[Counted, ...]
    phases: tuple[PhaseName, ...]


def _storage(name: str, most_w: int, *phases: PhaseName) -> _Other:
    meter: tuple[Counted, ...] = (("storage-1", "energy_charged_kwh", 1), ("storage-1", "energy_discharged_kwh", -1))
    return _Other(name, "储能", "Storage", "storage", (most_w, most_w), meter, phases)


def _pool(name: str, guns: int, most_w: int, *phases: PhaseName) -> _Other:
    meter: tuple[Counted, ...] = tuple((f"charger-{gun + 1}", "energy_delivered_kwh", 1) for gun in range(guns))
    return _Other(name, "快充枪群", "Chargers", "charger_pool", (most_w, 0), meter, phases)


_OTHERS: Mapping[str, tuple[_Other, ...]] = {
    "pingshan-park": (
        _storage("pingshan-storage", 300_000, *STEPS[:3]),
        _pool("pingshan-chargers", 4, 400_000, *STEPS[:2]),
    ),
    "biling-ic-park": (
        _storage("biling-storage", 500_000, *STEPS[:4]),
        _Other(
            *("biling-pv", "光伏", "Photovoltaics", "pv_curtailment", (0, 800_000)),
            (("pv-1", "energy_generated_kwh", -1), ("pv-2", "energy_generated_kwh", -1)),
            STEPS[:1],
        ),
    ),
    "julongshan-pedf": (
        _Other(
            *("julongshan-pedf", "光储直柔建筑", "PEDF building", "pedf", (100_000, 50_000)),
            (
                *(("grid", "energy_import_kwh", 1), ("grid", "energy_export_kwh", -1)),
                *(("storage-1", "energy_charged_kwh", -1), ("storage-1", "energy_discharged_kwh", 1)),
            ),
            (*STEPS, "suspended"),
        ),
        _pool("julongshan-chargers", 2, 120_000, *STEPS, "left"),
    ),
}
"""Of the parks that `parkgrid up` has without the pilot."""
_UNPROVEN = "julongshan-pedf"
"""The park whose transformer is not proven: it is listed, and never awarded."""
Dated = tuple[datetime, Act]
"""An act and when it was done."""


def registered(one: PilotPark, others: Sequence[Scenario], first: date) -> Iterator[Dated]:
    """Everything that is registered in the first months of a history that begins on a day, in order of time."""
    acts = [*_begun(one, first), *(each for scenario in others for each in _other(scenario, first))]
    return iter(sorted(acts, key=lambda each: each[0]))


def _begun(one: PilotPark, first: date) -> Iterator[Dated]:
    """The operators, and the park that answers."""
    at = morning(first)
    yield at, Act(ONE, Operator("坪山聚合一号", "Pingshan aggregator one"))
    yield at, Act(TWO, Operator("坪山聚合二号", "Pingshan aggregator two"))
    yield at, Act(STATION, Location("station", "Pingshan 110 kV", None, "verified", _DRAWING, None, None))
    line, transformer, charging = f"{one.park}-line", f"{one.park}-t1", f"{one.park}-ev"
    name = one.scenario.name_en
    yield at, Act(line, Location("line", f"Line to {name}", STATION, "verified", _DRAWING, None, None))
    yield at, Act(transformer, Location("transformer", f"{name} T1", line, "verified", _DRAWING, None, _LIMIT_W))
    for account, told in ((one.account, name), (charging, f"{name}, charging")):
        yield at, Act(account, Location("account", told, transformer, "verified", _DRAWING, one.park, None))
    resources = {key: replace(each, notice_min=_NOTICE_MIN) for key, each in resources_of(one)}
    guns = one.resource("v2g")
    resources[guns] = replace(resources[guns], account=charging)
    for key, resource in resources.items():
        yield at, Act(key, resource)
        yield from _phased(key, STEPS, first + _ACTIVE_AFTER - timedelta(days=7 * (len(STEPS) - 1)))
    for operator, account in ((ONE, one.account), (TWO, charging)):
        mine = tuple(key for key, each in resources.items() if each.account == account)
        yield from ((at, each) for each in _contracts(operator, account, account, mine, first))


def _other(scenario: Scenario, first: date) -> Iterator[Dated]:
    """The resources of another park and its way through the phases, which begins a month later."""
    wanted = _OTHERS.get(scenario.park, ())
    if not wanted:
        return
    at = morning(first + timedelta(days=30))
    point = next(each.point for each in scenario.devices if each.device_class == "grid_meter")
    provenance: Provenance = "unverified" if scenario.park == _UNPROVEN else "verified"
    evidence = "" if scenario.park == _UNPROVEN else _DRAWING
    line, transformer = f"{scenario.park}-line", f"{scenario.park}-t1"
    name = scenario.name_en
    yield at, Act(point.station, Location("station", point.station, None, "verified", _DRAWING, None, None))
    yield at, Act(line, Location("line", f"Line to {name}", point.station, "verified", _DRAWING, None, None))
    yield at, Act(transformer, Location("transformer", f"{name} T1", line, provenance, evidence, None, _LIMIT_W))
    yield at, Act(point.account, Location("account", name, transformer, "declared", "", scenario.park, None))
    for each in wanted:
        yield at, Act(each.name, _resource(scenario, point.account, each))
        yield from _phased(each.name, each.phases, first + timedelta(days=30))
    names = tuple(each.name for each in wanted)
    yield from ((at, each) for each in _contracts(TWO, scenario.park, point.account, names, first))


def _resource(scenario: Scenario, account: str, each: _Other) -> Resource:
    terms = tuple(Term(f"{scenario.park}/{GATEWAY}/{device}/{signal}", sign) for device, signal, sign in each.meter)
    return Resource(
        name_zh=f"{scenario.name_zh}{each.zh}",
        name_en=f"{each.en} of {scenario.name_en}",
        park=scenario.park,
        account=account,
        kind=each.kind,
        up_w=each.most_w[0],
        down_w=each.most_w[1],
        ramp_w_per_min=max(each.most_w),
        notice_min=_NOTICE_MIN,
        sustain_min=120,
        recovery_min=60,
        meter=terms,
        baseline=ZERO if each.kind == "storage" else BASELINE,
    )


def _contracts(operator: str, name: str, account: str, resources: tuple[str, ...], since: date) -> Iterator[Act]:
    """One for calls of the day before, one for those of the same day."""
    kinds: Mapping[str, ContractType] = {"contract": "day_ahead", "contract-hour": "hour"}
    for ending, kind in kinds.items():
        terms = Contract(operator, account, kind, since, None, resources, _NOTICE_MIN, *_SHARES, *_TEXTS)
        yield Act(f"{name}-{ending}", terms)


def _phased(resource: str, phases: Sequence[PhaseName], begin: date) -> Iterator[Dated]:
    """One phase a week; it is written on the morning of its day."""
    for place, phase in enumerate(phases):
        on = begin + timedelta(days=7 * place)
        yield morning(on) + timedelta(minutes=30), Act(resource, Phase(phase, on, ""))


def morning(day: date) -> datetime:
    """When an office begins its work."""
    return datetime.combine(day, time(9), SHANGHAI)
