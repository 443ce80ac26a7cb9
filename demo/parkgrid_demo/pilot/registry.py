"""The pilot of the demonstration: its operators, places, resources and contracts, as acts for the ledger.

station ─┬─ line 1 ─ transformer ─ north: storage, 4 V2G guns, chiller, air compressor   ┐ operator one
         ├─ line 2 ─ transformer ─ south: storage, 4 V2G guns, chiller, air compressor   ┘
         └─ line 3 ─ transformer ─ east:  chiller, air compressor                          operator two
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from parkgrid_demo.pilot.answering import Steering
from parkgrid_domain.vpp.documents import (
    ZERO,
    Contract,
    Location,
    Operator,
    Phase,
    PhaseName,
    Resource,
    ResourceKind,
    Term,
)
from parkgrid_simulators.scenario import Scenario, load_scenario
from parkgrid_vpp.ledger import Act

SCENARIOS = Path(__file__).parent / "scenarios"
BASELINE = "workday-5"
GATEWAY = "gw-1"
STATION = "pingshan-110kv"
ONE, TWO = "operator-one", "operator-two"
_OPERATOR = {"vpp-north": ONE, "vpp-south": ONE, "vpp-east": TWO, "vpp-west": ONE}
_APART = "west-v2g"
"""The guns that another operator offers than the rest of its park."""
_LIMIT_W = 3_150_000
_GUN_W = 60_000
Counted: TypeAlias = tuple[str, str, Literal[1, -1]]
"""A device, its register, and the sign with which it counts."""
STEPS: tuple[PhaseName, ...] = get_args(PhaseName)[:5]
"""registered, documents, joint_test, announced, active."""


@dataclass(frozen=True, slots=True)
class PilotPark:
    """One park of the demonstration."""

    scenario: Scenario
    path: Path

    @property
    def park(self) -> str:
        """Its identifier."""
        return self.scenario.park

    @property
    def operator(self) -> str:
        """Who offers its resources."""
        return _OPERATOR[self.park]

    def operator_of(self, resource: str) -> str:
        """Who offers one of its resources."""
        return TWO if resource == _APART else self.operator

    @property
    def account(self) -> str:
        """Its account with the supplier."""
        return f"{self.park}-main"

    def resource(self, name: str) -> str:
        """The identifier of one of its resources."""
        return f"{self.park.removeprefix('vpp-')}-{name}"

    def steered(self) -> Iterator[tuple[str, tuple[str, ...], Steering]]:
        """Its resources, the devices by which each is moved, and how."""
        names = [each.id for each in self.scenario.devices]
        if "storage-1" in names:
            yield self.resource("storage"), ("storage-1",), "storage"
        guns = tuple(sorted(name for name in names if name.startswith("v2g-")))
        if guns:
            yield self.resource("v2g"), guns, "v2g"
        for name in ("chiller", "compressor"):
            yield self.resource(name), (name,), "load"


def parks(*, short: bool) -> list[PilotPark]:
    """The parks of the demonstration; the short form has one."""
    names = ["vpp_north"] if short else ["vpp_north", "vpp_south", "vpp_east"]
    paths = [SCENARIOS / f"{name}.toml" for name in names]
    return [PilotPark(load_scenario(path), path) for path in paths]


def registered(pilot_parks: list[PilotPark], on: date) -> list[Act]:
    """Everything that is in the registry when the demonstration begins; the last phase is reached on a day."""
    return [
        Act(ONE, Operator("坪山聚合一号", "Pingshan aggregator one")),
        Act(TWO, Operator("坪山聚合二号", "Pingshan aggregator two")),
        Act(STATION, Location("station", "Pingshan 110 kV", None, "verified", "single-line diagram", None, None)),
        *(act for each in pilot_parks for act in _of_park(each, on)),
    ]


def _of_park(one: PilotPark, on: date) -> Iterator[Act]:
    line, transformer = f"{one.park}-line", f"{one.park}-t1"
    drawing = "single-line diagram"
    name = one.scenario.name_en
    yield Act(line, Location("line", f"Line to {name}", STATION, "verified", drawing, None, None))
    yield Act(transformer, Location("transformer", f"{name} T1", line, "verified", drawing, None, _LIMIT_W))
    yield Act(one.account, Location("account", f"{name}", transformer, "verified", drawing, one.park, None))
    resources = dict(resources_of(one))
    for key, resource in resources.items():
        yield Act(key, resource)
        for place, phase in enumerate(STEPS):
            yield Act(key, Phase(phase, on - timedelta(days=7 * (len(STEPS) - 1 - place)), ""))
    shares = (Decimal(30), Decimal(70), Decimal(100), Decimal(0))
    texts = ("as registered", "each answers for its own equipment")
    yield Act(
        f"{one.park}-contract",
        Contract(one.operator, one.account, "hour", date(2026, 1, 1), None, tuple(resources), 30, *shares, *texts),
    )


def resources_of(one: PilotPark) -> Iterator[tuple[str, Resource]]:
    """The resources of a park by their identifiers."""
    devices = {each.id: each for each in one.scenario.devices}
    guns = sorted(name for name in devices if name.startswith("v2g-"))
    if "storage-1" in devices:
        own: tuple[Counted, ...] = (
            ("storage-1", "energy_charged_kwh", 1),
            ("storage-1", "energy_discharged_kwh", -1),
        )
        yield _resource(one, "storage", "储能", "Storage", "storage", (500_000, 500_000), own)
    if guns:
        meter: tuple[Counted, ...] = tuple(term for gun in guns for term in _both_ways(gun))
        yield _resource(one, "v2g", "V2G 枪群", "V2G guns", "v2g", (_GUN_W * len(guns), _GUN_W * len(guns)), meter)
    for name, zh, en, most_w in (
        ("chiller", "冷水机组", "Chiller", 190_000),
        ("compressor", "空压机", "Air compressor", 140_000),
    ):
        yield _resource(one, name, zh, en, "interruptible", (most_w, 0), ((name, "energy_import_kwh", 1),))


def _both_ways(gun: str) -> tuple[Counted, Counted]:
    return (gun, "energy_delivered_kwh", 1), (gun, "energy_returned_kwh", -1)


def _resource(
    one: PilotPark,
    name: str,
    zh: str,
    en: str,
    kind: ResourceKind,
    most_w: tuple[int, int],
    meter: tuple[Counted, ...],
) -> tuple[str, Resource]:
    terms = tuple(Term(f"{one.park}/{GATEWAY}/{device}/{signal}", sign) for device, signal, sign in meter)
    own = kind in ("storage", "v2g")
    return one.resource(name), Resource(
        name_zh=f"{one.scenario.name_zh}{zh}",
        name_en=f"{en} of {one.scenario.name_en}",
        park=one.park,
        account=one.account,
        kind=kind,
        up_w=most_w[0],
        down_w=most_w[1],
        ramp_w_per_min=most_w[0],
        notice_min=15,
        sustain_min=120,
        recovery_min=60,
        meter=terms,
        baseline=ZERO if own else BASELINE,
    )
