"""A small pilot for tests: one park with a storage and an interruptible load behind one transformer, one operator."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources

from parkgrid_domain.rule_file import version_of
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.baseline.rule import published as baselines
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Award,
    Awards,
    Bid,
    Contract,
    Eligibility,
    Event,
    Location,
    Operator,
    Part,
    Phase,
    Resource,
    RuleDigests,
    Rules,
    Statement,
    Term,
    kind_of,
)
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pack import published as packs
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.refusals import refusal

PARK = "park-a"
PACK = packs()["guangdong-2026"]
BASELINE = "workday-5"
DAY = date(2026, 6, 24)
START = datetime(2026, 6, 24, 6, 0, tzinfo=UTC)
"""14:00 in Shenzhen, a Wednesday."""
WRITTEN = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
_PHASES = ("registered", "documents", "joint_test", "announced", "active")


def baseline_text(name: str = BASELINE) -> str:
    """The text of a baseline that ships with parkgrid."""
    return (resources.files("parkgrid_domain.vpp") / "data" / "baselines" / f"{name}.toml").read_text("utf-8")


def calendar_text(year: int = 2026) -> str:
    """The text of a year's calendar."""
    return (resources.files("parkgrid_domain.calendar") / "data" / f"cn-{year}.toml").read_text("utf-8")


def rules() -> list[tuple[str, AnyDocument]]:
    """The texts of the rules that the small pilot uses."""
    found = [
        Rules("pack", PACK.pack_id, PACK.text),
        Rules("baseline", BASELINE, baseline_text()),
        Rules("calendar", "2026", calendar_text()),
    ]
    return [(version_of(each.text), each) for each in found]


def registry() -> list[tuple[str, AnyDocument]]:
    """Places, operators, resources, contracts, and everything active."""
    account = ("sta-1", "line-1", "tr-1", "acc-1")
    storage = [
        Term(f"{PARK}/gw-1/storage-1/energy_charged_kwh", 1),
        Term(f"{PARK}/gw-1/storage-1/energy_discharged_kwh", -1),
    ]
    load = [Term(f"{PARK}/gw-1/load-1/energy_import_kwh", 1)]
    found: list[tuple[str, AnyDocument]] = [
        ("op-1", Operator("一号运营商", "Operator one")),
        ("op-2", Operator("二号运营商", "Operator two")),
        (account[0], Location("station", "Substation", None, "verified", "drawing 1", None, None)),
        (account[1], Location("line", "Line", account[0], "verified", "drawing 1", None, None)),
        (account[2], Location("transformer", "Transformer", account[1], "verified", "drawing 1", None, 2_000_000)),
        (account[3], Location("account", "0301", account[2], "declared", "", PARK, None)),
        (
            "storage-1",
            Resource(
                *("储能", "Storage", PARK, "acc-1", "storage", 500_000, 500_000, 500_000, 5, 120, 60),
                meter=tuple(storage),
                baseline="zero",
            ),
        ),
        (
            "load-1",
            Resource(
                *("可中断负荷", "Interruptible load", PARK, "acc-1", "interruptible", 200_000, 0, 50_000, 30, 120, 60),
                meter=tuple(load),
                baseline=BASELINE,
            ),
        ),
        (
            "con-1",
            Contract(
                *("op-1", "acc-1", "day_ahead", date(2026, 1, 1), None, ("storage-1", "load-1"), 30),
                *(Decimal(30), Decimal(70), Decimal(100), Decimal(0), "storage and chiller", "as agreed"),
            ),
        ),
    ]
    for resource in ("storage-1", "load-1"):
        for number, phase in enumerate(_PHASES):
            found.append((resource, Phase(phase, date(2026, 5, 1) + timedelta(days=number), "")))  # type: ignore[arg-type]
    return found


def tried(resource: str = "load-1", **other: object) -> tuple[str, AnyDocument]:
    """The baseline of a load was tried on 200 days and passes; `other` are figures that are otherwise."""
    days, errors = (date(2025, 6, 1), date(2026, 5, 31), 200), (Decimal(4), Decimal(1), Decimal(5))
    found = Eligibility(BASELINE, shipped_baseline_digest(), *days, *errors, passes=True, why="")
    return resource, replace(found, **other)  # type: ignore[arg-type]


def event(start: datetime = START, hours: int = 2, target_w: int = 600_000) -> Event:
    """A peak-shaving event of some hours."""
    digests = dict(zip(("pack", "baseline", "calendar"), (digest for digest, _ in rules()), strict=True))
    return Event(
        *("削峰", "Peak shaving", "shave", "invitation", "day_ahead", "pilot"),
        *(start, start + timedelta(hours=hours), target_w, ("tr-1",)),
        bids_until=start - timedelta(hours=20),
        opt_out_until=start - timedelta(hours=4),
        rules=RuleDigests(digests["pack"], {BASELINE: digests["baseline"]}, {"2026": digests["calendar"]}),
        zone="Asia/Shanghai",
    )


def bid() -> Bid:
    """500 kW of the storage and 100 kW of the load at 3 yuan/kWh."""
    return Bid("bid-1", "op-1", Decimal(3), (Part("storage-1", 500_000), Part("load-1", 100_000)))


def awards() -> Awards:
    """The bid as it was awarded whole."""
    return Awards(Decimal(3), (Award("aw-1", "bid-1", "op-1", 600_000, bid().parts),), (), 0)


def before_the_event() -> list[tuple[str, AnyDocument]]:
    """Registry, the event `ev-1` and the bid for it."""
    return [*rules(), *registry(), ("ev-1", event()), ("ev-1", bid())]


def written(pilot: Pilot, acts: Iterable[tuple[str, AnyDocument]], at: datetime = WRITTEN) -> list[Entry]:
    """Write acts into a ledger that is only in memory; each must be one that may be written."""
    found = []
    for subject, document in acts:
        # A statement is written after its event.
        when = max(at, pilot.events[subject].event.to) if isinstance(document, Statement) else at
        assert refusal(pilot, subject, document, when) == ""
        entry = Entry.after(pilot.head, kind_of(document), subject, when, "tester", forms.document(document))
        pilot.follow([entry])
        found.append(entry)
    return found


def shipped_baseline_digest() -> str:
    """The digest of the small pilot's baseline."""
    return baselines()[BASELINE].digest
