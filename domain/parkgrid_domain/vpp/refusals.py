"""What may be written next in the ledger: for each act the reason why it is refused, with the remedy; empty: it may."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.rule_file import version_of
from parkgrid_domain.vpp.documents import (
    AdjustedAward,
    Awards,
    Bid,
    CapabilityTest,
    Dispute,
    Eligibility,
    Event,
    Frozen,
    Loss,
    OptOut,
    Rules,
    State,
    Statement,
)
from parkgrid_domain.vpp.pilot import BROKEN_OFF, COURSE, EventBook, Pilot
from parkgrid_domain.vpp.registration import Registered, reasons

LONGEST_EVENT = timedelta(hours=24)
_NEEDS: Mapping[str, str] = {
    "notified": "awarded",
    "acknowledged": "awarded",
    "ramping": "awarded",
    "active": "awarded",
    "ending": "active",
    "ended": "active",
    "baseline_computed": "ended",
    "evaluated": "baseline_computed",
    "settled": "evaluated",
}
"""The state that an event must have come to, at least, before another."""
RAISED_WITHIN, LONGEST_DUE = timedelta(days=30), timedelta(days=60)
"""A dispute is raised so soon after its statement; its next step follows at most so much later."""
MOST_DISPUTES = 3
"""About one statement. Of an award one is open at a time: whoever may write could else keep it from being closed."""
_AFTER: Mapping[str, tuple[str, ...]] = {"raised": (), "answered": ("raised",), "decided": ("raised", "answered")}
LEDGER = "ledger"
"""What a loss is about."""
_LONGEST_NAMES = 58
"""Of event and operator together: with the revision they are the identifier of a statement."""


def refusal(pilot: Pilot, subject: str, document: object, at: datetime) -> str:
    """Why an act may not be written about a subject at an instant; empty if it may."""
    if isinstance(document, Registered):
        return next((each.en for each in reasons(pilot, subject, document)), "")
    check = _CHECKS[type(document)]
    return next(iter(check(pilot, subject, document, at)), "")


def _rules(_pilot: Pilot, subject: str, rules: Rules, _at: datetime) -> Iterator[str]:
    if version_of(rules.text) != subject:
        yield f"the digest of the text is {version_of(rules.text)}, not {subject}"


def _eligibility(pilot: Pilot, subject: str, found: Eligibility, _at: datetime) -> Iterator[str]:
    if subject not in pilot.resources:
        yield f"the resource {subject} is not registered"
    if found.digest not in pilot.rules:
        yield f"the text of the baseline {found.rule} ({found.digest}) is not in the ledger: write it first"


def _test(pilot: Pilot, subject: str, test: CapabilityTest, at: datetime) -> Iterator[str]:
    if subject not in pilot.resources:
        yield f"the resource {subject} is not registered"
    if pilot.phase(subject) in ("", "left"):
        yield f"{subject} is {pilot.phase(subject) or 'not yet registered for the pilot'}: it is not tested"
    if test.from_.second or test.step_w == 0:
        yield "a test begins on a minute, and its step is more or less than 0"
    if len(test.minutes_w) < test.hold_min or not test.minutes_before_w:
        yield f"a test keeps the minutes before it and at least the {test.hold_min} of its hold"
    elif test.from_ + timedelta(minutes=len(test.minutes_w)) > at:
        yield f"the last minute of a test that began at {test.from_} is not over"


def _event(pilot: Pilot, subject: str, event: Event, _at: datetime) -> Iterator[str]:
    if subject in pilot.events:
        yield f"the event {subject} is published: give this one another identifier"
    if not timedelta(0) < event.to - event.from_ <= LONGEST_EVENT:
        yield f"an event lasts more than nothing and at most 24 hours; this one from {event.from_} to {event.to}"
    if not event.bids_until <= event.opt_out_until <= event.from_:
        yield "bids end first, then the time to opt out, then the event begins: bids_until <= opt_out_until <= from"
    for name in event.targets:
        if name not in pilot.locations:
            yield f"the place {name} is not registered"
    wanted = [(event.rules.pack, "pack")]
    wanted += [(each, "baseline") for each in event.rules.baselines.values()]
    wanted += [(each, "calendar") for each in event.rules.calendars.values()]
    for digest, kind in wanted:
        rules = pilot.rules.get(digest)
        if rules is None or rules.type != kind:
            yield f"no {kind} with the digest {digest} is in the ledger: write its text first"
    if event.zone != SHANGHAI.key:
        yield f"the zone is {event.zone}: days and hours of an event are those of {SHANGHAI.key}"


def _book(pilot: Pilot, subject: str) -> EventBook | None:
    return pilot.events.get(subject)


def _unknown(subject: str) -> str:
    return f"the event {subject} is not published"


def _bid(pilot: Pilot, subject: str, bid: Bid, at: datetime) -> Iterator[str]:
    book = _book(pilot, subject)
    if book is None:
        yield _unknown(subject)
        return
    if book.event.type != "invitation" or book.event.setup != "pilot":
        yield f"the event {subject} takes no bids: it is {book.event.type} in the set-up {book.event.setup}"
    if book.reached != "published" or at > book.event.bids_until:
        yield f"bids for {subject} were taken until {book.event.bids_until}; it is {book.state}"
    if bid.operator not in pilot.operators:
        yield f"the operator {bid.operator} is not registered"
    if len(subject) + len(bid.operator) > _LONGEST_NAMES:
        yield (
            f"{subject} and {bid.operator} have more than {_LONGEST_NAMES} characters together: a statement names both"
        )
    # Also of one that was replaced: else who sends an old bid once more brings its price back.
    if bid.bid in pilot.bids:
        yield f"the bid {bid.bid} is there already: give this one another identifier"
    names = [each.resource for each in bid.parts]
    if not names or len(names) != len(set(names)):
        yield "a bid names at least one resource, and each once"
    for name in names:
        if name not in pilot.resources:
            yield f"the resource {name} is not registered"


def _opt_out(pilot: Pilot, subject: str, out: OptOut, at: datetime) -> Iterator[str]:
    book = _book(pilot, subject)
    if book is None:
        yield _unknown(subject)
        return
    day = book.event.from_.astimezone(ZoneInfo(book.event.zone)).date()
    if pilot.contract_of(out.operator, out.resource, day) is None:
        yield f"{out.operator} has no contract for {out.resource} on {day}"
    known = [each for _, each in book.opt_outs if (each.operator, each.resource) == (out.operator, out.resource)]
    if out.resource in book.excused(out.operator) or (known and at > book.event.opt_out_until):
        yield f"{out.resource} has opted out of {subject} already: once more changes nothing"
    if at <= book.event.opt_out_until and _has_begun(book):
        yield f"the event {subject} has begun, and the clock says {at}: set the clock right"
    if at >= book.event.to or not book.alive:
        yield f"the event {subject} is over or was broken off: nothing can opt out of it"


def _has_begun(book: EventBook) -> bool:
    """Whether the ledger says that an event has begun, and it may still be settled anew."""
    return book.reached in COURSE[COURSE.index("active") : COURSE.index("closed")]


def _awards(pilot: Pilot, subject: str, awards: Awards, _at: datetime) -> Iterator[str]:
    book = _book(pilot, subject)
    if book is None:
        yield _unknown(subject)
        return
    if book.reached != "published":
        yield f"the event {subject} is {book.state}: it is awarded once, after it was published"
    names = [each.award for each in awards.awards]
    resources = [part.resource for each in awards.awards for part in each.parts]
    if len(names) != len(set(names)) or len(resources) != len(set(resources)):
        yield "an award or a resource stands twice"
    for each in awards.awards:
        if each.w != sum(part.w for part in each.parts):
            yield f"the award {each.award} is {each.w} W, its parts {sum(part.w for part in each.parts)} W"
    for name in resources:
        if name not in pilot.resources:
            yield f"the resource {name} is not registered"
        elif pilot.unproven(name):
            yield f"{name} lies at a place that is not proven ({', '.join(pilot.unproven(name))}): it is never awarded"
        elif (other := pilot.promised(name, book.event.from_, book.event.to)) is not None:
            yield f"{name} is awarded in {other}, which overlaps"


def _frozen(pilot: Pilot, subject: str, frozen: Frozen, _at: datetime) -> Iterator[str]:
    yield from _of_award(pilot, subject, frozen.award, {each.resource for each in frozen.resources})
    if subject in pilot.events and frozen.award in pilot.events[subject].frozen:
        yield f"the baselines of {frozen.award} are frozen: they never change"


def _adjusted(pilot: Pilot, subject: str, adjusted: AdjustedAward, _at: datetime) -> Iterator[str]:
    yield from _of_award(pilot, subject, adjusted.award, {each.resource for each in adjusted.resources})
    if subject in pilot.events:
        if adjusted.award not in pilot.events[subject].frozen:
            yield f"the baselines of {adjusted.award} are not frozen yet"
        if adjusted.award in pilot.events[subject].adjusted:
            yield f"the adjustment of {adjusted.award} is frozen: it never changes"


def _of_award(pilot: Pilot, subject: str, award_id: str, named: set[str]) -> Iterator[str]:
    book = _book(pilot, subject)
    if book is None:
        yield _unknown(subject)
        return
    award = book.award(award_id)
    if award is None:
        yield f"{award_id} is not an award of {subject}"
    elif not named <= {part.resource for part in award.parts}:
        yield f"{', '.join(sorted(named - {part.resource for part in award.parts}))} is no part of the award {award_id}"


def _statement(pilot: Pilot, subject: str, statement: Statement, at: datetime) -> Iterator[str]:
    yield from _of_award(pilot, subject, statement.award, {each.resource for each in statement.resources})
    book = _book(pilot, subject)
    if book is None:
        return
    if at < book.event.to:
        yield f"the event {subject} ends at {book.event.to}: it has no statement at {at}"
    revisions = book.statements.get(statement.award, [])
    if statement.revision != len(revisions) + 1:
        yield f"the next statement of {statement.award} is revision {len(revisions) + 1}, not {statement.revision}"
    if statement.supersedes != (revisions[-1][0].digest if revisions else None):
        yield "a revision names the digest of the statement that it takes the place of"
    if statement.statement in pilot.statements:
        yield f"the statement {statement.statement} is there already"
    if book.reached not in ("evaluated", "settled") or statement.award not in book.frozen:
        yield f"the event {subject} is {book.state}: it is settled after its baselines were computed and evaluated"


def _state(pilot: Pilot, subject: str, state: State, _at: datetime) -> Iterator[str]:
    book = _book(pilot, subject)
    if book is None:
        yield _unknown(subject)
        return
    now = book.reached
    if now in BROKEN_OFF or now == "closed":
        yield f"the event {subject} is {now}: nothing follows"
    elif state.state in BROKEN_OFF:
        if COURSE.index(now) >= COURSE.index("ended"):
            yield f"the event {subject} has {now}: only before its end can it be broken off"
        if state.state == "superseded" and state.by_event not in pilot.events:
            yield "a superseded event names the published event that takes its place, in `by_event`"
    elif state.state == "closed":
        if now != "settled" and not (book.awards is not None and not book.awards.awards):
            yield f"the event {subject} is {now}: it is closed after it was settled, or when nobody was awarded"
        if book.open_disputes():
            yield f"the event {subject} has a dispute that is not decided"
    else:
        yield from _step(book, now, state)


def _step(book: EventBook, now: str, state: State) -> Iterator[str]:
    if COURSE.index(now) < COURSE.index(_NEEDS[state.state]):
        yield f"the event {book.event_id} is {now}: before {state.state} it must be {_NEEDS[state.state]}"
    elif state.state != "acknowledged" and COURSE.index(state.state) <= COURSE.index(now):
        yield f"the event {book.event_id} is {now}: {state.state} lies before that"
    if state.state == "acknowledged" and (state.award is None or book.award(state.award) is None):
        yield f"acknowledged is said of one award of {book.event_id}, in `award`"


def _dispute(pilot: Pilot, subject: str, dispute: Dispute, at: datetime) -> Iterator[str]:
    found = pilot.statements.get(dispute.statement)
    if found is None or found[0].event_id != subject:
        yield f"{dispute.statement} is not a statement of {subject}"
        return
    if dispute.step == "raised":
        yield from _raised(pilot, dispute, at)
    today = at.astimezone(SHANGHAI).date()
    if dispute.step != "decided" and not today <= dispute.due <= today + LONGEST_DUE:
        yield f"the next step would be due on {dispute.due}: give a day from {today} to {today + LONGEST_DUE}"
    steps = found[0].disputes.get(dispute.dispute, [])
    last = steps[-1][1].step if steps else ""
    allowed = _AFTER[dispute.step]
    if (dispute.step == "raised") == bool(steps) or (steps and last not in allowed):
        yield f"the dispute {dispute.dispute} is {last or 'not raised'}: {dispute.step} does not follow"


def _raised(pilot: Pilot, dispute: Dispute, at: datetime) -> Iterator[str]:
    book, entry, statement = pilot.statements[dispute.statement]
    if book.reached == "closed":
        yield f"the event {book.event_id} is closed: its statements stand"
    if at > entry.at + RAISED_WITHIN:
        yield f"{dispute.statement} was written at {entry.at}: it may be disputed for {RAISED_WITHIN.days} days"
    # One that was raised a second time is told that by its steps.
    others = [each for each in book.open_disputes() if each.dispute != dispute.dispute]
    beside = next((each for each in others if pilot.statements[each.statement][2].award == statement.award), None)
    if beside is not None:
        yield f"the dispute {beside.dispute} about {beside.statement} is open: it is decided first"
    about = [steps for steps in book.disputes.values() if steps[0][1].statement == dispute.statement]
    if len(about) >= MOST_DISPUTES:
        yield f"{dispute.statement} was disputed {len(about)} times: at most {MOST_DISPUTES} are taken"


def _loss(pilot: Pilot, subject: str, loss: Loss, _at: datetime) -> Iterator[str]:
    head = 0 if pilot.head is None else pilot.head.number
    if subject != LEDGER:
        yield f"a loss is about the {LEDGER}, not about {subject}"
    if not loss.after <= head:
        yield f"the ledger ends at entry {head}: it cannot go on after entry {loss.after}"
    if not loss.after < loss.through:
        yield f"entries {loss.after + 1} to {loss.through} are none"


_CHECKS: Mapping[type, Callable[[Pilot, str, Any, datetime], Iterator[str]]] = {
    Rules: _rules,
    Eligibility: _eligibility,
    CapabilityTest: _test,
    Event: _event,
    Bid: _bid,
    OptOut: _opt_out,
    Awards: _awards,
    Frozen: _frozen,
    AdjustedAward: _adjusted,
    State: _state,
    Statement: _statement,
    Dispute: _dispute,
    Loss: _loss,
}
