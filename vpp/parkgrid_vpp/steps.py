"""How an event goes on: what is due by the clock and by what the meters have told, one transaction at a time.

    published ─ bids_until ─▶ awards, frozen baselines ─▶ notified ─▶ ramping ─ from ─▶ active ─ to ─▶ ended
    ended ─ metered past its end, or waited longest ─▶ adjustments, baseline_computed ─▶ evaluated, statements, settled
    settled ─ late data change a figure, or a dispute is decided ─▶ revision ─ after some days ─▶ closed

What a step writes is computed from the ledger and the registers alone, so a step that did not come to its end is simply
taken again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.documents import AnyDocument, Part, State, StateName
from parkgrid_domain.vpp.pilot import COURSE, EventBook, Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp.awarding import award_by_bids
from parkgrid_vpp.errors import CannotBeAwardedError
from parkgrid_vpp.evidence import waiting
from parkgrid_vpp.freezing import adjust, resource_of
from parkgrid_vpp.ledger import Act, alone, write
from parkgrid_vpp.parks import REGISTER, of_each_park
from parkgrid_vpp.settling import statements
from parkgrid_vpp.statements import statement

BY = "parkgrid vpp run"
"""Who writes what follows by itself."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a process waits."""

    for_meters: timedelta
    """After the end of an event, for registers that are not metered yet; what is not known then is missing."""
    until_closed: timedelta
    """After an event was settled; until then late data give a revision."""
    between_revisions: timedelta = timedelta(hours=1)
    """At least so much time lies between two statements of an event that late data make."""


@dataclass(slots=True)
class Steps:
    """The steps of the events of one pilot. It may be made anew at any time: it only remembers what it looked at."""

    connection: Connection
    pilot: Pilot
    waits: Waits
    _seen: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """By event, what its registers held when its statements were computed last."""

    def take(self, event_id: str, now: datetime) -> str:
        """Take the step of an event that is due, if one is; what it came to, empty if nothing was due.

        Raises `PilotError`, `SettlementError`, `SettingsError`, `StoreError`; then nothing was written.
        """
        book = self.pilot.events[event_id]
        if not book.alive or book.reached == "closed":
            return ""
        step = {
            "published": self._award,
            "ended": self._adjust,
            "baseline_computed": self._settle,
            "evaluated": self._settle,
            "settled": self._revise,
        }.get(book.reached, self._by_clock)
        return step(book, now)

    def _by_clock(self, book: EventBook, now: datetime) -> str:
        if book.awards is not None and not book.awards.awards:
            return self._say(book, now, [State("closed", None, None, "nobody was awarded")])
        return self._say(book, now, [State(each, None, None, "") for each in due_states(book, self.pilot, now)])

    def _award(self, book: EventBook, now: datetime) -> str:
        event = book.event
        if now > event.from_:
            # Who is awarded afterwards already knows what the meters showed.
            return self._say(book, now, [State("cancelled", None, None, "not awarded in time: it has begun")])
        if event.setup != "pilot" or event.type != "invitation" or now <= event.bids_until:
            return ""
        try:
            award_by_bids(self.connection, self.pilot, book.event_id, BY, now)
        except CannotBeAwardedError as error:
            return self._say(book, now, [State("cancelled", None, None, f"not awarded: {error}"[:500])])
        return "awarded"

    def _adjust(self, book: EventBook, now: datetime) -> str:
        # The register's straight line over the last edge needs the quarter hour after it.
        until = book.event.to + QUARTER
        if now < book.event.to + self.waits.for_meters and (
            now < until or waiting(self.connection, registers_of(book, self.pilot), until)
        ):
            return ""
        with alone(self.connection, self.pilot):
            acts = [Act(book.event_id, each) for each in adjust(self.connection, self.pilot, book.event_id)]
            acts.append(Act(book.event_id, State("baseline_computed", None, None, "")))
            write(self.connection, self.pilot, acts, BY, now)
        return "baseline_computed"

    def _settle(self, book: EventBook, now: datetime) -> str:
        name = book.event_id
        self._seen[name] = self._held(book)
        with alone(self.connection, self.pilot):
            made = statements(self.connection, self.pilot, name)
            before = [State("evaluated", None, None, "")] if book.reached == "baseline_computed" else []
            told: list[AnyDocument] = [*before, *made, State("settled", None, None, "")]
            write(self.connection, self.pilot, [Act(name, each) for each in told], BY, now)
        return "settled"

    def _revise(self, book: EventBook, now: datetime) -> str:
        name = book.event_id
        for dispute, award in list(_decided(self.pilot, book)):
            with alone(self.connection, self.pilot):
                if (dispute, award) not in _decided(self.pilot, self.pilot.events[name]):
                    continue  # Another process was quicker.
                made = statements(self.connection, self.pilot, name, f"dispute {dispute}")
                write(self.connection, self.pilot, [Act(name, each) for each in made if each.award == award], BY, now)
            return "revised"
        settled_at = next(at for at, each in reversed(book.states) if each.state == "settled")
        closing = now >= settled_at + self.waits.until_closed and not book.open_disputes()
        held = self._held(book)
        # Readings may come for weeks, one by one: not each of them makes a statement.
        if self._seen.get(name) != held and (closing or now >= _last_stated(book) + self.waits.between_revisions):
            with alone(self.connection, self.pilot):
                made = statements(self.connection, self.pilot, name)
                write(self.connection, self.pilot, [Act(name, each) for each in made], BY, now)
            self._seen[name] = held
            if made:
                return "revised"
        return self._say(book, now, [State("closed", None, None, "")]) if closing else ""

    def _held(self, book: EventBook) -> tuple[object, ...]:
        """What the registers of an event hold: it differs whenever an interval or a finding has."""
        addresses = [each.split("/") for each in registers_of(book, self.pilot)]
        span = {"start": book.event.from_ - QUARTER, "stop": book.event.to + QUARTER}
        return tuple(
            each
            for _, _, named in of_each_park(self.connection, addresses, REGISTER)
            for each in self.connection.execute(statement("events/held"), named | span).fetchone() or ()
        )

    def _say(self, book: EventBook, now: datetime, states: list[State]) -> str:
        if states:
            write(self.connection, self.pilot, [Act(book.event_id, each) for each in states], BY, now)
        return states[-1].state if states else ""


def due_states(book: EventBook, pilot: Pilot, now: datetime) -> list[StateName]:
    """The states up to the end that an awarded event has come to by the clock and that are not written yet."""
    event, reached = book.event, COURSE.index(book.reached)
    ramp = ramp_of(book, pilot)
    due: list[tuple[StateName, bool]] = [
        ("notified", True),
        # One that begins while nobody looked is passed over: what is written is what was seen.
        ("ramping", ramp > timedelta(0) and event.from_ - ramp <= now < event.from_),
        ("active", now >= event.from_),
        ("ended", now >= event.to),
    ]
    return [state for state, is_due in due if is_due and COURSE.index(state) > reached]


def ramp_of(book: EventBook, pilot: Pilot) -> timedelta:
    """How long the slowest resource of an event takes to come to what it was awarded."""
    minutes = (
        -(-part.w // ramp)
        for part in _parts(book)
        if (ramp := resource_of(book, pilot, part.resource).ramp_w_per_min) and part.w
    )
    return timedelta(minutes=max(minutes, default=0))


def _last_stated(book: EventBook) -> datetime:
    """When the last statement of an event was written."""
    return max((revisions[-1][0].at for revisions in book.statements.values()), default=book.event.to)


def registers_of(book: EventBook, pilot: Pilot) -> list[str]:
    """The addresses of the registers that the statements of an event rest on."""
    return sorted({term.register for part in _parts(book) for term in resource_of(book, pilot, part.resource).meter})


def _parts(book: EventBook) -> Iterator[Part]:
    for award in () if book.awards is None else book.awards.awards:
        excused = book.excused(award.operator)
        yield from (part for part in award.parts if part.resource not in excused)


def _decided(pilot: Pilot, book: EventBook) -> Iterator[tuple[str, str]]:
    """Disputes that are decided and whose revision is not written yet, each with its award."""
    for name, steps in book.disputes.items():
        award = pilot.statements[steps[-1][1].statement][2].award
        done = any(each.cause == f"dispute {name}" for _, each in book.statements[award])
        if steps[-1][1].step == "decided" and not done:
            yield name, award
