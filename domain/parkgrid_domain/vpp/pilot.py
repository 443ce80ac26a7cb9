"""The pilot as the ledger tells it: registry and events, folded entry by entry. Nothing of it is stored elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Literal, TypeAlias, cast
from zoneinfo import ZoneInfo

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.vpp import documents
from parkgrid_domain.vpp.documents import (
    AdjustedAward,
    Award,
    Awards,
    Bid,
    CapabilityTest,
    Contract,
    ContractType,
    Dispute,
    Eligibility,
    Event,
    Frozen,
    Location,
    Loss,
    Operator,
    OptOut,
    Phase,
    Resource,
    Rules,
    State,
    Statement,
    StateName,
)
from parkgrid_domain.vpp.ledger import Entry, check_chain
from parkgrid_domain.vpp.pack import read_pack

EventState: TypeAlias = Literal["published", "awarded", "disputed"] | StateName
COURSE: Sequence[EventState] = (
    "published",
    "awarded",
    "notified",
    "acknowledged",
    "ramping",
    "active",
    "ending",
    "ended",
    "baseline_computed",
    "evaluated",
    "settled",
    "closed",
)
"""The states of an event in their order. `published` is the event's entry, `awarded` that of its awards; `disputed` is
a settled event with a dispute that is not decided."""
BROKEN_OFF: frozenset[EventState] = frozenset({"cancelled", "superseded"})


@dataclass(frozen=True, slots=True)
class Offered:
    """A bid and when it came."""

    number: int
    at: datetime
    bid: Bid


@dataclass(slots=True)
class EventBook:
    """One event and everything that was written about it."""

    event_id: str
    event: Event
    published: Entry
    bids: dict[str, Offered] = field(default_factory=dict)
    """By operator, the last one in time."""
    opt_outs: list[tuple[datetime, OptOut]] = field(default_factory=list)
    awards: Awards | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    """As they were registered when they were awarded: a later change of a formula moves nothing of this event."""
    contracts: dict[str, tuple[str, Contract]] = field(default_factory=dict)
    """By resource, the contract that it was awarded under, and its identifier."""
    states: list[tuple[datetime, State]] = field(default_factory=list)
    frozen: dict[str, Frozen] = field(default_factory=dict)
    """By award."""
    adjusted: dict[str, AdjustedAward] = field(default_factory=dict)
    statements: dict[str, list[tuple[Entry, Statement]]] = field(default_factory=dict)
    """By award, every revision in order."""
    disputes: dict[str, list[tuple[datetime, Dispute]]] = field(default_factory=dict)
    """By dispute, every step in order."""

    @property
    def reached(self) -> EventState:
        """The last state that was written."""
        of_event = [each.state for _, each in self.states if each.state != "acknowledged"]
        if of_event:
            return of_event[-1]
        return "published" if self.awards is None else "awarded"

    @property
    def state(self) -> EventState:
        """The state as people see it."""
        return "disputed" if self.reached == "settled" and self.open_disputes() else self.reached

    def open_disputes(self) -> list[Dispute]:
        """The last step of each dispute that is not decided."""
        return [steps[-1][1] for steps in self.disputes.values() if steps[-1][1].step != "decided"]

    def award(self, award_id: str) -> Award | None:
        """An award by its identifier."""
        given = () if self.awards is None else self.awards.awards
        return next((each for each in given if each.award == award_id), None)

    def latest(self, award_id: str) -> Statement | None:
        """The statement of an award that stands."""
        revisions = self.statements.get(award_id)
        return revisions[-1][1] if revisions else None

    def excused(self, operator: str) -> frozenset[str]:
        """The resources that an operator took out in time."""
        return frozenset(
            each.resource for at, each in self.opt_outs if each.operator == operator and at <= self.event.opt_out_until
        )

    @property
    def alive(self) -> bool:
        """Whether it takes place, or has."""
        return self.reached not in BROKEN_OFF


@dataclass(slots=True)
class Pilot:
    """Registry and events at one moment of the ledger."""

    head: Entry | None = None
    rules: dict[str, Rules] = field(default_factory=dict)
    """By digest."""
    operators: dict[str, Operator] = field(default_factory=dict)
    locations: dict[str, Location] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    bound: dict[str, set[str]] = field(default_factory=dict)
    """Account to the contracts that were ever made for it."""
    offered: dict[str, set[str]] = field(default_factory=dict)
    """Resource to the contracts that ever named it."""
    phases: dict[str, list[Phase]] = field(default_factory=dict)
    """By resource, in order."""
    eligibility: dict[str, Eligibility] = field(default_factory=dict)
    """By resource, the latest."""
    tests: dict[str, list[CapabilityTest]] = field(default_factory=dict)
    """By resource, in order."""
    events: dict[str, EventBook] = field(default_factory=dict)
    bids: set[str] = field(default_factory=set)
    """The identifiers of all bids, also of those that another took the place of."""
    statements: dict[str, tuple[EventBook, Entry, Statement]] = field(default_factory=dict)
    """By their identifier."""
    losses: list[tuple[Entry, Loss]] = field(default_factory=list)
    """Entries that were given up, in order."""
    gone: tuple[int, str] | None = None
    """Number and digest of an entry that was followed once and that the store does not hold any more."""

    def follow(self, entries: Iterable[Entry]) -> int:
        """Take in entries that follow the head, each checked; how many. Raises `ChainError`, `DocumentError`."""
        count = 0
        for entry in entries:
            self.head = check_chain([entry], self.head)
            self._take(entry)
            count += 1
        return count

    def _take(self, entry: Entry) -> None:
        document = documents.read(entry.kind, entry.document)
        plain: Mapping[type, dict[str, object]] = {
            Rules: cast("dict[str, object]", self.rules),
            Operator: cast("dict[str, object]", self.operators),
            Location: cast("dict[str, object]", self.locations),
            Resource: cast("dict[str, object]", self.resources),
            Contract: cast("dict[str, object]", self.contracts),
            Eligibility: cast("dict[str, object]", self.eligibility),
        }
        if type(document) in plain:
            plain[type(document)][entry.subject] = document
            if isinstance(document, Contract):
                self._bind(entry.subject, document)
        elif isinstance(document, Phase):
            self.phases.setdefault(entry.subject, []).append(document)
        elif isinstance(document, CapabilityTest):
            self.tests.setdefault(entry.subject, []).append(document)
        elif isinstance(document, Loss):
            self.losses.append((entry, document))
        elif isinstance(document, Event):
            self.events[entry.subject] = EventBook(entry.subject, document, entry)
        else:
            self._take_of_event(self.events[entry.subject], entry, document)

    def _bind(self, name: str, contract: Contract) -> None:
        self.bound.setdefault(contract.account, set()).add(name)
        for resource in contract.resources:
            self.offered.setdefault(resource, set()).add(name)

    def _take_of_event(self, book: EventBook, entry: Entry, document: object) -> None:
        match document:
            case Bid():
                book.bids[document.operator] = Offered(entry.number, entry.at, document)
                self.bids.add(document.bid)
            case OptOut():
                book.opt_outs.append((entry.at, document))
            case Awards():
                self._award(book, document)
            case State():
                book.states.append((entry.at, document))
            case Frozen():
                book.frozen[document.award] = document
            case AdjustedAward():
                book.adjusted[document.award] = document
            case Statement():
                book.statements.setdefault(document.award, []).append((entry, document))
                self.statements[document.statement] = (book, entry, document)
            case Dispute():
                book.disputes.setdefault(document.dispute, []).append((entry.at, document))

    def _award(self, book: EventBook, awards: Awards) -> None:
        book.awards = awards
        day, wanted = day_of(book.event), self.contract_type(book.event)
        for each in awards.awards:
            for part in each.parts:
                book.resources[part.resource] = self.resources[part.resource]
                name = self.contract_of(each.operator, part.resource, day, wanted)
                if name is not None:
                    book.contracts[part.resource] = name, self.contracts[name]

    def phase(self, resource: str, day: date | None = None) -> str:
        """The last phase of a resource, or that of a day; empty: it was not registered for the pilot."""
        steps = [each for each in self.phases.get(resource, ()) if day is None or each.on <= day]
        return steps[-1].phase if steps else ""

    def path(self, location: str) -> Iterator[str]:
        """A place and every place above it."""
        seen: set[str] = set()
        at: str | None = location
        while at is not None and at in self.locations and at not in seen:
            seen.add(at)
            yield at
            at = self.locations[at].parent

    def under(self, resource: str, targets: Sequence[str]) -> bool:
        """Whether a resource lies under one of these places; no place means everywhere."""
        return not targets or not set(targets).isdisjoint(self.path(self.resources[resource].account))

    def unproven(self, resource: str) -> list[str]:
        """The places above a resource whose provenance is not proven."""
        account = self.resources[resource].account
        known = list(self.path(account))
        return [each for each in known if self.locations[each].provenance == "unverified"] if known else [account]

    def contract_type(self, event: Event) -> ContractType | None:
        """The type that the contracts of an event must have; None where its pack asks for none."""
        rules = self.rules.get(event.rules.pack)
        return fitting_type(event) if rules is not None and _asks_for_type(rules.text) else None

    def contract_of(self, operator: str, resource: str, day: date, of_type: ContractType | None = None) -> str | None:
        """The contract by which an operator may offer a resource on a day; it is for the account of the resource.

        Of several, also of the type that is asked for, the first by its identifier.
        """
        for name in sorted(self.offered.get(resource, ())):
            each = self.contracts[name]
            mine = each.operator == operator and each.account == self.resources[resource].account
            fits = of_type is None or each.type == of_type
            if mine and fits and resource in each.resources and holds_on(each, day):
                return name
        return None

    def promised(self, resource: str, start: datetime, end: datetime) -> str | None:
        """Another event that the resource was awarded in and that overlaps with [start, end)."""
        for book in self.overlapping(start, end):
            for each in () if book.awards is None else book.awards.awards:
                if resource not in book.excused(each.operator) and any(
                    part.resource == resource for part in each.parts
                ):
                    return book.event_id
        return None

    def overlapping(self, start: datetime, end: datetime) -> Iterator[EventBook]:
        """The awarded events that take place, or have, within [start, end)."""
        for book in self.events.values():
            if book.alive and book.awards is not None and book.event.from_ < end and start < book.event.to:
                yield book


def late_steps(steps: Sequence[tuple[datetime, Dispute]]) -> list[bool]:
    """For each step of a dispute whether it came after the day until which it was to follow."""
    days = [at.astimezone(SHANGHAI).date() for at, _ in steps]
    return [False, *(day > before.due for day, (_, before) in zip(days[1:], steps, strict=False))]


def day_of(event: Event) -> date:
    """The local day on which an event begins."""
    return event.from_.astimezone(ZoneInfo(event.zone)).date()


def fitting_type(event: Event) -> ContractType:
    """The type of contract that an event is for: 直控, 日前响应, or 小时响应 for every shorter notice."""
    if event.type == "direct":
        return "direct"
    return "day_ahead" if event.notice_class == "day_ahead" else "hour"


@lru_cache(maxsize=100)
def _asks_for_type(pack: str) -> bool:
    try:
        return read_pack(pack, "pack").bidding.contract_type == "fits"
    except SettingsError:
        # Such an event is never awarded: the step that would do it says what is wrong with the text.
        return False


def holds_on(contract: Contract, day: date) -> bool:
    """Whether a contract is in force on a day."""
    return contract.valid_from <= day and (contract.valid_to is None or day < contract.valid_to)
