"""A fabricated event with all that can happen in one, computed by the product's own functions, as a bundle.

    readings of registers ─▶ domain.energy ─▶ rows ─▶ freezing, settling ─▶ entries ─▶ bundle

Only the database is left out: rows come from the same computation that metering stores them from. The verifier, which
shares no code with any of this, must then come to the same cents.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy import Declaration, Grid, Readings, RegisterRule, interval_energy
from parkgrid_domain.rule_file import version_of
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Award,
    Awards,
    Bid,
    Contract,
    Dispute,
    Eligibility,
    Event,
    FindingTold,
    Location,
    Operator,
    OptOut,
    Part,
    Phase,
    Resource,
    RuleDigests,
    Rules,
    State,
    Term,
)
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pack import Pack, published, read_pack
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_vpp import evidence as vpp_evidence
from parkgrid_vpp import freezing, settling
from parkgrid_vpp.bundle import Contents, Declared, Minute, write
from parkgrid_vpp.bundle_entries import resting_on
from parkgrid_vpp.centre_key import CentreKey
from parkgrid_vpp.evidence import Evidence, beside
from parkgrid_vpp.rules import rules_of
from tests.vpp.small_pilot import calendar_text, written

KEY = CentreKey(bytes(range(32)))
FOREIGN = CentreKey(bytes(range(1, 33)))
START = datetime(2026, 6, 24, 6, 0, tzinfo=UTC)
"""14:00 in Shenzhen, a Wednesday."""
DAYS = 14
"""Of readings before the event day."""
PERIOD_MS = 300_000
GATEWAY = "park-a/gw-1"
RULE = """name = "short-rule"
name_zh = "测试用"
name_en = "For tests"
source = "none"
like_days = "same_kind"
look_back_days = 12
skip_days = 0
candidates = 4
pick = "highest"
chosen = 3
least_days = 4
low_pct = 25
high_pct = 200

[adjustment]
kind = "multiplicative"
from_min = 120
to_min = 60
least_pct = 80
most_pct = 120
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be fabricated."""

    pack: str = "guangdong-2026"
    covers: bool = True
    status: str = "unverified"
    estimated: str = "unverified"
    interval_min: int = 60
    direction: str = "shave"
    hours: int = 2
    rule: str = RULE
    seed: int = 1
    revisions: int = 2
    changes: tuple[tuple[str, str], ...] = ()
    """Texts of the pack that are replaced."""
    dearest_leaves: bool = False
    """Whether another operator's dearer bid is awarded too and opts out in time."""
    silent: tuple[timedelta, timedelta] | None = None
    """From when to when before the event's begin one load is not read."""
    on_edges: bool = False
    """Whether the registers are read to the millisecond every five minutes, so also on each edge."""
    change_min: int = 7
    """So many minutes after an edge the meter of one load was changed."""
    called_before: bool = False
    """Whether a load of the third account was called two hours before, in the window of the adjustment, for an hour."""
    resources: tuple[str, ...] = (
        *("storage-1", "site-1", "load-2", "load-3", "load-4", "load-5"),
        *("guns-1", "guns-2", "guns-3"),
    )


@dataclass(slots=True)
class Made:
    """What was fabricated."""

    pilot: Pilot
    entries: list[Entry]
    evidence: dict[int, Evidence]
    contents: Contents

    @property
    def bundle(self) -> bytes:
        """The archive."""
        return write(self.contents, KEY)


@dataclass(frozen=True, slots=True)
class Course:
    """One register over time: declarations, and instants at which nothing was read."""

    mean_wh: float
    declarations: tuple[Declaration, ...] = ()
    start: int = 1_000_000
    silent: tuple[datetime, datetime] | None = None
    findings: tuple[FindingTold, ...] = ()
    by_power: bool = False
    event_factor: float = 1.0
    """What is drawn in the event, in parts of what is drawn else."""


def pack_text(wish: Wish) -> str:
    """A pack that ships with parkgrid, changed as the wish says."""
    text = published()[wish.pack].text
    pack = read_pack(text, "x")
    text = text.replace(f"covers = {str(pack.covers).lower()}", f"covers = {str(wish.covers).lower()}")
    text = text.replace(f'estimated = "{pack.estimated}"', f'estimated = "{wish.estimated}"')
    text = text.replace(f'status = "{pack.status}"', f'status = "{wish.status}"')
    for old, new in wish.changes:
        text = text.replace(old, new)
    return text.replace(f"interval_min = {pack.interval_min}", f"interval_min = {wish.interval_min}")


def courses(wish: Wish) -> dict[str, Course]:
    """The registers: a site with a storage, loads behind it, one with a ratio and a new meter, one with a gap."""
    event_end = START + timedelta(hours=wish.hours)
    less = 0.55 if wish.direction == "shave" else 1.6
    change_ms = _ms(START - timedelta(days=2)) + wish.change_min * 60_000
    rolled = Declaration(0, 1_200_000, Fraction(80, 3))
    changed = Declaration(change_ms, 1_200_000, Fraction(80, 3), initial_steps=17, final_steps=None)
    jumped = FindingTold(
        f"{GATEWAY}/load-4/energy_import_kwh", "jumped", START + timedelta(minutes=31), START + timedelta(minutes=33)
    )
    return {
        f"{GATEWAY}/grid-1/energy_import_kwh": Course(90_000, event_factor=less),
        f"{GATEWAY}/grid-1/energy_export_kwh": Course(500),
        f"{GATEWAY}/storage-1/energy_charged_kwh": Course(3_000, event_factor=0 if wish.direction == "shave" else 30),
        f"{GATEWAY}/storage-1/energy_discharged_kwh": Course(
            3_000, event_factor=20 if wish.direction == "shave" else 0
        ),
        f"{GATEWAY}/load-2/energy_import_kwh": Course(60_000, (rolled, changed), 1_150_000, event_factor=less),
        f"{GATEWAY}/load-3/energy_import_kwh": Course(
            20_000, silent=(START + timedelta(minutes=20), START + timedelta(minutes=62)), event_factor=less
        ),
        f"{GATEWAY}/guns-2/energy_import_kwh": Course(2_000, by_power=True),
        f"{GATEWAY}/load-4/energy_import_kwh": Course(25_000, findings=(jumped,), event_factor=less),
        f"{GATEWAY}/load-5/energy_import_kwh": Course(
            25_000,
            silent=None if wish.silent is None else (START - wish.silent[0], START - wish.silent[1]),
            event_factor=less,
        ),
        f"{GATEWAY}/guns-1/energy_import_kwh": Course(
            5_000, silent=(event_end - timedelta(minutes=50), event_end + timedelta(minutes=5))
        ),
        f"{GATEWAY}/guns-1/energy_export_kwh": Course(4_000),
    }


def read_registers(wish: Wish, course: Mapping[str, Course]) -> dict[str, tuple[Course, NDArray[np.int64]]]:
    """The rows of every register over the days, as metering computes them from readings."""
    random = np.random.default_rng(wish.seed)
    first = START - timedelta(days=DAYS + 1)
    last = START + timedelta(hours=wish.hours + 4)
    grid = Grid(_ms(first), 900_000, (_ms(last) - _ms(first)) // 900_000)
    found = {}
    for name, each in course.items():
        at_ms = np.arange(grid.start_ms - 3 * PERIOD_MS, grid.stop_ms + 3 * PERIOD_MS, PERIOD_MS, dtype=np.int64)
        at_ms += random.integers(-40_000, 40_000, len(at_ms)) * (not wish.on_edges)
        power = each.mean_wh / 3 * random.uniform(0.8, 1.2, len(at_ms))
        end = START + timedelta(hours=wish.hours)
        power[(at_ms > _ms(START)) & (at_ms <= _ms(end))] *= each.event_factor
        ratio = float(each.declarations[0].ratio) if each.declarations else 1.0
        steps = each.start + np.cumsum(np.rint(power / ratio)).astype(np.int64)
        declarations = each.declarations
        if len(declarations) == 2:
            new = at_ms >= declarations[1].valid_from_ms
            final = int(steps[~new][-1]) + 5
            steps[new] = steps[new] - int(steps[~new][-1]) + 20
            modulus = declarations[0].modulus_steps or 0
            declarations = (declarations[0], replace(declarations[1], final_steps=final % modulus))
            steps %= modulus
        if each.silent is not None:
            there = (at_ms < _ms(each.silent[0])) | (at_ms > _ms(each.silent[1]))
            at_ms, steps = at_ms[there], steps[there]
        count = len(at_ms)
        readings = Readings(np.zeros(count, np.int32), at_ms, steps, np.ones(count, np.int8), np.zeros(count, np.bool_))
        table = interval_energy(readings, [RegisterRule(declarations, PERIOD_MS, 5_000.0)], grid)
        found[name] = replace(each, declarations=declarations), _rows(grid, table)
    return found


def _rows(grid: Grid, table: object) -> NDArray[np.int64]:
    """The rows as evidence packs them: at, revision, quality, energy, and the readings around."""
    none = -(2**63)
    columns = [grid.edges_ms[:-1] // 1000, np.ones(grid.count, np.int64), table.quality[0].astype(np.int64)]  # type: ignore[attr-defined]
    for name in ("energy_wh", "first_at_ms", "first_steps", "last_at_ms", "last_steps"):
        column = getattr(table, name)[0].astype(np.int64)
        known = table.quality[0] > 0 if name == "energy_wh" else column != -1  # type: ignore[attr-defined]
        columns.append(np.where(known, column, none))
    return np.stack(columns, axis=1)


def evidence(registers: Mapping[str, tuple[Course, NDArray[np.int64]]], until: datetime | None = None) -> Evidence:
    """The evidence of all registers, of quarter hours before an instant."""
    found = {}
    for name, (course, rows) in registers.items():
        known = rows if until is None else rows[rows[:, 0] < until.timestamp()]
        found[name] = vpp_evidence._Register(by_power=course.by_power, rows=known, findings=course.findings)
    return Evidence(found)


@contextmanager
def read_as(found: Evidence) -> Iterator[None]:
    """Whoever reads evidence gets this one: everything else is the product's own."""
    with (
        mock.patch.object(freezing, "read", return_value=found),
        mock.patch.object(settling, "read", return_value=found),
    ):
        yield


def registry(rule: str) -> list[tuple[str, AnyDocument]]:
    """Places, operators, resources, contracts, phases, and how good the baselines were."""
    name = RULE.splitlines()[0].split('"')[1]
    site = [Term(f"{GATEWAY}/grid-1/energy_import_kwh", 1), Term(f"{GATEWAY}/grid-1/energy_export_kwh", -1)]
    charged, discharged = (f"{GATEWAY}/storage-1/energy_{word}_kwh" for word in ("charged", "discharged"))
    guns = [Term(f"{GATEWAY}/guns-1/energy_import_kwh", 1), Term(f"{GATEWAY}/guns-1/energy_export_kwh", -1)]

    def load(number: int, account: str) -> Resource:
        meter = [Term(f"{GATEWAY}/load-{number}/energy_import_kwh", 1)]
        return _resource("interruptible", account, meter, name)

    resources = {
        "storage-1": _resource("storage", "acc-1", [Term(charged, 1), Term(discharged, -1)], "zero"),
        "site-1": _resource("shiftable", "acc-1", [*site, Term(charged, -1), Term(discharged, 1)], name),
        "load-2": load(2, "acc-2"),
        "load-3": load(3, "acc-3"),
        "load-4": load(4, "acc-3"),
        "load-5": load(5, "acc-3"),
        "guns-1": _resource("v2g", "acc-2", guns, "zero"),
        "guns-2": _resource("v2g", "acc-2", guns, "zero"),
        "guns-3": _resource("v2g", "acc-2", [Term(f"{GATEWAY}/guns-2/energy_import_kwh", 1)], "zero"),
    }
    found: list[tuple[str, AnyDocument]] = [
        ("op-1", Operator("一号运营商", "Operator one")),
        ("op-2", Operator("二号运营商", "Operator two")),
        ("sta-1", Location("station", "Substation", None, "verified", "drawing 1", None, None)),
        ("line-1", Location("line", "Line", "sta-1", "verified", "drawing 1", None, None)),
        ("tr-1", Location("transformer", "Transformer", "line-1", "verified", "drawing 1", None, 2_000_000)),
    ]
    accounts = ("acc-1", "acc-2", "acc-3")
    found += [(each, Location("account", each, "tr-1", "declared", "", "park-a", None)) for each in accounts]
    found += resources.items()
    for number, account in enumerate(accounts, 1):
        mine = tuple(each for each, told in resources.items() if told.account == account)
        shares = (Decimal("33.3"), Decimal("66.7"), Decimal(100), Decimal(0))
        terms = Contract("op-1", account, "day_ahead", date(2026, 1, 1), None, mine, 30, *shares, "", "as agreed")
        found.append((f"con-{number}", terms))
    for resource in resources:
        for day, phase in enumerate(("registered", "documents", "joint_test", "announced", "active"), 1):
            found.append((resource, Phase(phase, date(2026, 5, day), "")))  # type: ignore[arg-type]
        if resource == "load-3":
            found.append((resource, Phase("suspended", date(2026, 7, 1), "dated after the event")))
        bias = Decimal("7.5") if resource == "load-5" else Decimal("-1.25")
        found.append(
            (
                resource,
                Eligibility(
                    *(name, version_of(rule), date(2025, 6, 1), date(2026, 5, 31), 60),
                    *(Decimal("3.2"), bias, Decimal("8.75")),
                    passes=resource != "load-5",
                    why="",
                ),
            )
        )
    return found


def dearer_registry() -> list[tuple[str, AnyDocument]]:
    """An account of its own, whose guns another operator offers."""
    meter = [Term(f"{GATEWAY}/guns-9/energy_delivered_kwh", 1)]
    shares = (Decimal(50), Decimal(50), Decimal(100), Decimal(0))
    terms = Contract("op-2", "acc-9", "day_ahead", date(2026, 1, 1), None, ("guns-9",), 30, *shares, "", "")
    return [
        ("acc-9", Location("account", "acc-9", "tr-1", "declared", "", "park-a", None)),
        ("guns-9", _resource("v2g", "acc-9", meter, "zero")),
        ("con-9", terms),
    ]


def _resource(kind: str, account: str, meter: Sequence[Term], baseline: str) -> Resource:
    numbers = (600_000, 600_000, 100_000, 30, 120, 60)
    return Resource("资源", "Resource", "park-a", account, kind, *numbers, tuple(meter), baseline)  # type: ignore[arg-type]


def the_event(wish: Wish, digests: Mapping[str, str], start: datetime = START, hours: int = 2) -> Event:
    """An event of some hours under the transformer."""
    return Event(
        *("事件", "Event", wish.direction, "invitation", "day_ahead", "pilot"),  # type: ignore[arg-type]
        *(start, start + timedelta(hours=hours), 1_500_000, ("tr-1",)),
        bids_until=start - timedelta(hours=20),
        opt_out_until=start - timedelta(hours=4),
        rules=RuleDigests(digests["pack"], {"short-rule": digests["baseline"]}, {"2026": digests["calendar"]}),
        zone="Asia/Shanghai",
    )


@dataclass(slots=True)
class _Ledger:
    """A ledger in memory, and the evidence behind its entries."""

    pilot: Pilot = field(default_factory=Pilot)
    entries: list[Entry] = field(default_factory=list)
    behind: dict[int, Evidence] = field(default_factory=dict)

    def add(self, acts: Collection[tuple[str, AnyDocument]], at: datetime, found: Evidence | None = None) -> None:
        """Write acts, each of which must be one that may be written."""
        new = written(self.pilot, acts, at)
        self.entries += new
        if found is not None:
            self.behind.update((each.number, found) for each in new)


@cache
def made(wish: Wish = Wish()) -> Made:
    """The event, from the registry to the last revision of its statement."""
    registers = read_registers(wish, courses(wish))
    ledger = _Ledger()
    texts = {"pack": pack_text(wish), "baseline": wish.rule, "calendar": calendar_text(2026)}
    names = {"pack": wish.pack, "baseline": "short-rule", "calendar": "2026"}
    rules = [Rules(kind, names[kind], text) for kind, text in texts.items()]  # type: ignore[arg-type]
    digests = {kind: version_of(text) for kind, text in texts.items()}
    month = START - timedelta(days=30)
    ledger.add([(version_of(each.text), each) for each in rules], month)
    ledger.add(registry(wish.rule), month)
    _other_event(ledger, wish, digests, 0, START - timedelta(days=6))
    if wish.called_before:
        _other_event(ledger, wish, digests, 2, START - timedelta(hours=2))
    _awarded(ledger, wish, digests, registers)
    _settled(ledger, wish, registers)
    return Made(ledger.pilot, ledger.entries, ledger.behind, _contents(ledger, wish, registers))


def _other_event(ledger: _Ledger, wish: Wish, digests: Mapping[str, str], number: int, start: datetime) -> None:
    """An event in which one load of the third account is called for an hour: such a day is no like day."""
    parts, name = (Part("load-5", 10_000),), f"ev-{number}"
    ledger.add([(name, the_event(wish, digests, start, 1))], start - timedelta(days=2))
    ledger.add([(name, Bid(f"bid-0{number}", "op-1", Decimal(3), parts))], start - timedelta(days=1))
    awarded = Awards(Decimal(3), (Award(f"aw-0{number}", f"bid-0{number}", "op-1", 10_000, parts),), (), 0)
    ledger.add([(name, awarded)], start - timedelta(hours=19))


def _awarded(
    ledger: _Ledger,
    wish: Wish,
    digests: Mapping[str, str],
    registers: Mapping[str, tuple[Course, NDArray[np.int64]]],
) -> None:
    event = the_event(wish, digests, hours=wish.hours)
    ledger.add([("ev-1", event)], START - timedelta(days=2))
    powers = {
        "storage-1": 200_000,
        "site-1": 150_000,
        "load-2": 80_000,
        "load-3": 30_000,
        "load-4": 40_000,
        "load-5": 40_000,
        "guns-1": 16_000,
        "guns-2": 16_000,
        "guns-3": 8_000,
    }
    powers = {name: powers[name] for name in wish.resources}
    parts = tuple(Part(name, w) for name, w in powers.items())
    price = Decimal("1.2345")
    ledger.add([("ev-1", Bid("bid-9", "op-1", Decimal(3), parts[:1]))], START - timedelta(hours=30))
    ledger.add([("ev-1", Bid("bid-1", "op-1", price, parts))], START - timedelta(hours=25))
    at = START - timedelta(hours=19)
    given = [Award("aw-1", "bid-1", "op-1", sum(powers.values()), parts)]
    if wish.dearest_leaves:
        price = Decimal("2.5")
        dear = (Part("guns-9", 20_000),)
        ledger.add(dearer_registry(), START - timedelta(hours=26))
        ledger.add([("ev-1", Bid("bid-2", "op-2", price, dear))], START - timedelta(hours=25))
        given.append(Award("aw-2", "bid-2", "op-2", 20_000, dear))
    awards = Awards(price, tuple(given), (), 0)
    known = evidence(registers, at - timedelta(minutes=20))
    with read_as(known):
        frozen = freezing.freeze(None, ledger.pilot, "ev-1", awards)  # type: ignore[arg-type]
    ledger.add([("ev-1", awards)], at)
    ledger.add([("ev-1", each) for each in frozen], at, known)
    if "guns-2" in wish.resources:
        ledger.add([("ev-1", OptOut("op-1", "guns-2", "in use"))], START - timedelta(hours=5))
    if wish.dearest_leaves:
        ledger.add([("ev-1", OptOut("op-2", "guns-9", "in use"))], START - timedelta(hours=5))


def _settled(ledger: _Ledger, wish: Wish, registers: Mapping[str, tuple[Course, NDArray[np.int64]]]) -> None:
    end = START + timedelta(hours=wish.hours)
    known = evidence(registers)
    with read_as(known):
        adjusted = freezing.adjust(None, ledger.pilot, "ev-1")  # type: ignore[arg-type]
    ledger.add([("ev-1", each) for each in adjusted], START, known)
    for state in ("notified", "active", "ended", "baseline_computed", "evaluated"):
        ledger.add([("ev-1", State(state, None, None, ""))], end)  # type: ignore[arg-type]
    _statement(ledger, known, end + timedelta(hours=2), "")
    if wish.revisions > 1:
        later = evidence(_corrected(registers))
        for step in ("raised", "answered", "decided"):
            dispute = Dispute("d-1", "ev-1-op-1-1", step, "reads too low", date(2026, 7, 8))  # type: ignore[arg-type]
            ledger.add([("ev-1", dispute)], end + timedelta(days=1))
        _statement(ledger, later, end + timedelta(days=2), "dispute d-1")


def _corrected(
    registers: Mapping[str, tuple[Course, NDArray[np.int64]]],
) -> dict[str, tuple[Course, NDArray[np.int64]]]:
    """The same registers after a person has explained the finding of one of them."""
    return {name: (replace(course, findings=()), rows) for name, (course, rows) in registers.items()}


def _statement(ledger: _Ledger, known: Evidence, at: datetime, cause: str) -> None:
    with read_as(known):
        found = settling.statements(None, ledger.pilot, "ev-1", cause)  # type: ignore[arg-type]
    mine = [each for each in found if each.award == "aw-1"]
    assert len(mine) == 1
    ledger.add([("ev-1", each) for each in mine], at, known)


def _contents(ledger: _Ledger, wish: Wish, registers: Mapping[str, tuple[Course, NDArray[np.int64]]]) -> Contents:
    entries = resting_on(ledger.entries, "ev-1", "op-1")
    readings, declarations = {}, {}
    for entry in entries:
        if entry.number in ledger.behind:
            known = ledger.behind[entry.number]
            for each in entry.document["resources"]:
                meter = ledger.pilot.resources[each["resource"]].meter
                quarters = _quarters(entry.kind, wish, ledger.pilot, each["resource"])
                readings[entry.number, each["resource"]] = list(known.lines(meter, quarters))
            declarations[entry.number] = list(_declared(registers))
    statements = [each for each in entries if each.kind == "statement"]
    return Contents(
        event="ev-1",
        operator="op-1",
        statement=statements[-1].document["statement"],
        created=datetime(2026, 7, 1, tzinfo=UTC),
        engine="0.1.0",
        entries=entries,
        chain=[each.digest for each in ledger.entries],
        readings=readings,
        declarations=declarations,
        findings=[{"register": f"{GATEWAY}/load-4/energy_import_kwh", "kind": "jumped", "energy_wh": 12}],
        minutes=[Minute("park-a/gw-1/load-2", START + timedelta(minutes=each), -1_500 + each) for each in range(9)],
    )


def _quarters(kind: str, wish: Wish, pilot: Pilot, resource: str) -> frozenset[datetime]:
    """The quarter hours that the readings of an entry cover, for a resource."""
    quarters = quarters_of(START, START + timedelta(hours=wish.hours))
    if kind == "statement":
        return frozenset(beside(quarters))
    if pilot.resources[resource].baseline == "zero":
        return frozenset()
    rules = rules_of(pilot, pilot.events["ev-1"].event)
    past = freezing.past_of(rules.baselines["short-rule"], rules, quarters)
    return frozenset(past.looked_at if kind == "frozen" else past.today)


def _declared(registers: Mapping[str, tuple[Course, NDArray[np.int64]]]) -> Iterator[Declared]:
    for name, (course, _) in registers.items():
        for each in course.declarations:
            numbers = each.valid_from_ms, each.modulus_steps, each.ratio.numerator, each.ratio.denominator
            yield Declared(name, *numbers, each.initial_steps, each.final_steps)


def pack_of(wish: Wish) -> Pack:
    """The pack of a wish."""
    return read_pack(pack_text(wish), "pack.toml")


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
