"""What was promised and what is known to be delivered, event by event; the verdicts; what cannot be known.

promised = verified + unverified + not settled        moved: of the verified part alone
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from parkgrid_accounting.report.form import Cell, Heading, Section
from parkgrid_domain.vpp.documents import QuarterTold, Statement
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.progress import moved_wh, responded, standing
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Verdict
from parkgrid_vpp.printed.period.telling import PeriodTelling
from parkgrid_vpp.printed.wording import kilo

VERDICTS: tuple[Verdict, ...] = ("delivered", "partial", "not_delivered", "unverified")
_QUARTERS_AN_HOUR = 4
_UNVERIFIED = "unverified"
_ENERGIES = 6
_RESPONDED = ("awarded_resources", "responded_resources", "responded_share")


@dataclass(frozen=True, slots=True)
class Energies:
    """Energies of one event or several, in Wh."""

    verified: int
    unverified: int
    unsettled: int
    """Promised in awards that have no statement yet."""
    moved: int | None
    """Verified response; None where no quarter hour is verified."""

    @property
    def promised(self) -> int:
        """What was awarded and not opted out in time."""
        return self.verified + self.unverified + self.unsettled

    @property
    def rate_pct(self) -> Decimal | None:
        """The moved part of what was promised in verified quarter hours, to a tenth."""
        if self.moved is None or self.verified == 0:
            return None
        return (100 * Decimal(self.moved) / self.verified).quantize(Decimal("0.1"), ROUND_HALF_UP)


def energies_of(books: Iterable[EventBook]) -> Energies:
    """The energies of events together."""
    listed = list(books)
    told = [statement for _, _, statement in standing(listed)]
    quarters = [each for statement in told for each in _of_resources(statement)]
    known = [each for each in quarters if each.verdict != _UNVERIFIED]
    return Energies(
        verified=sum(each.award_wh for each in known),
        unverified=sum(each.award_wh for each in quarters if each.verdict == _UNVERIFIED),
        unsettled=sum(map(_unsettled_wh, listed)),
        moved=moved_wh(known) if known else None,
    )


def awarded_w(book: EventBook, settled: bool | None = None) -> int:
    """What the awards of an event mean without what opted out in time: all, or those with or without a statement."""
    return sum(
        part.w
        for award in (() if book.awards is None else book.awards.awards)
        if settled is None or settled == (book.latest(award.award) is not None)
        for part in award.parts
        if part.resource not in book.excused(award.operator)
    )


def _unsettled_wh(book: EventBook) -> int:
    if not book.alive:
        return 0
    return awarded_w(book, settled=False) * len(quarters_of(book.event.from_, book.event.to)) // _QUARTERS_AN_HOUR


def mean_w(book: EventBook) -> int | None:
    """Mean delivered power over the quarter hours in which every resource is verified; None where there is none."""
    moved, unsure = defaultdict[datetime, int](int), set[datetime]()
    for _, _, statement in standing([book]):
        for one in statement.resources:
            for each in one.quarters:
                moved[each.at] += each.moved_wh or 0
                if each.verdict == _UNVERIFIED:
                    unsure.add(each.at)
    known = [wh for at, wh in moved.items() if at not in unsure]
    return round(sum(known) * _QUARTERS_AN_HOUR / len(known)) if known else None


def events(of: PeriodTelling) -> Section:
    """The events with promised and delivered power and energy, and the sums of each direction."""
    rows = [_event(of, book) for book in of.books]
    for direction in ("shave", "fill"):
        mine = [book for book in of.books if book.event.direction == direction]
        if mine:
            whose = f"{of.word('total')}: {of.word(direction)}"
            rows.append((whose, None, None, None, None, None, *_energies(energies_of(mine))))
    headings = (
        *of.headings("event", "time", "state"),
        *of.in_kw("target", "awarded", "delivered_mean"),
        *of.in_kwh("promised", "verified", "unverified_energy", "unsettled", "moved"),
        Heading(f"{of.word('rate')} (%)", 1),
    )
    notes = tuple(of.word(key) for key in ("period.rule", "energies.why", "mean.why", "rate.why"))
    return Section(of.word("events"), headings, tuple(rows), notes)


def _event(of: PeriodTelling, book: EventBook) -> tuple[Cell, ...]:
    powers = (book.event.target_w, None if book.awards is None else awarded_w(book), mean_w(book))
    state = f"{of.word(book.event.direction)}, {of.word(f'state.{book.state}')}"
    energies = _energies(energies_of([book])) if book.awards else (None,) * _ENERGIES
    return (of.event(book), of.span(book), state, *map(kilo, powers), *energies)


def _energies(found: Energies) -> tuple[Cell, ...]:
    parts = (found.promised, found.verified, found.unverified, found.unsettled, found.moved)
    return (*map(kilo, parts), found.rate_pct)


def verdicts(of: PeriodTelling) -> Section:
    """Quarter hours of the awards by verdict, and how many of the awarded resources responded."""
    rows = [(of.event(book), *_judged([book])) for book in of.books]
    if of.books:
        rows.append((of.word("total"), *_judged(of.books)))
    headings = (
        *of.headings("event"),
        *of.counts(*(f"verdict.{each}" for each in VERDICTS), *_RESPONDED[:2]),
        Heading(f"{of.word(_RESPONDED[2])} (%)", 1),
    )
    return Section(of.word("verdicts"), headings, tuple(rows), (of.word("responded.why"),))


def _judged(books: list[EventBook]) -> tuple[Cell, ...]:
    found = standing(books)
    if not found:
        return (None,) * (len(VERDICTS) + len(_RESPONDED))
    counts = Counter(each.verdict for _, _, told in found for each in told.quarters)
    awarded = sum(len(told.resources) for _, _, told in found)
    answered = sum(len(responded([book])) for book in books)
    share = (100 * Decimal(answered) / awarded).quantize(Decimal("0.1"), ROUND_HALF_UP) if awarded else None
    return (*(counts[each] for each in VERDICTS), awarded, answered, share)


def unknown(of: PeriodTelling) -> Section:
    """What this report cannot tell: each named, none counted as zero."""
    rows = [*_unverified(of), *_unsettled(of), *_places(of), *_open(of)]
    if not of.facts.forecasts:
        rows.append((of.word("unknown.forecast"), None, None, of.word("unknown.forecast.why")))
    headings = (*of.headings("subject"), *of.counts("number"), *of.in_kwh("promised"), *of.headings("meaning"))
    return Section(of.word("unknown"), headings, tuple(rows), (of.word("unknown.why"),))


def _unverified(of: PeriodTelling) -> Iterator[tuple[Cell, ...]]:
    """Quarter hours of resources by the reason why nobody knows."""
    number: Counter[str] = Counter()
    award_wh: Counter[str] = Counter()
    for _, _, told in of.standing:
        for each in _of_resources(told):
            if each.verdict == _UNVERIFIED:
                number[each.unsure] += 1
                award_wh[each.unsure] += each.award_wh
    for reason in sorted(number):
        subject = f"{of.word('unknown.quarters')}: {of.maybe('unsure', reason)}"
        yield subject, number[reason], kilo(award_wh[reason]), of.word("unknown.quarters.why")


def _of_resources(told: Statement) -> Iterator[QuarterTold]:
    return (each for one in told.resources for each in one.quarters)


def _unsettled(of: PeriodTelling) -> Iterator[tuple[Cell, ...]]:
    for book in of.books:
        if unsettled := _unsettled_wh(book):
            subject = f"{of.word('unsettled')}: {of.event(book)}"
            yield subject, None, kilo(unsettled), of.word(f"state.{book.state}")


def _places(of: PeriodTelling) -> Iterator[tuple[Cell, ...]]:
    pilot = of.pilot
    staying = [name for name in pilot.resources if pilot.phase(name) not in ("", "left")]
    unproven = [name for name in staying if pilot.unproven(name)]
    if unproven:
        yield of.word("unknown.unproven"), len(unproven), None, of.word("unknown.unproven.why")
    lost = [name for name in staying if not _under_transformer(pilot, name)]
    if lost:
        yield of.word("unknown.transformer"), len(lost), None, of.word("unknown.transformer.why")


def _under_transformer(pilot: Pilot, resource: str) -> bool:
    return any(pilot.locations[each].level == "transformer" for each in pilot.path(pilot.resources[resource].account))


def _open(of: PeriodTelling) -> Iterator[tuple[Cell, ...]]:
    pending = sum(len(book.open_disputes()) for book in of.books)
    if pending:
        yield of.word("unknown.disputes"), pending, None, of.word("unknown.disputes.why")
