"""The report of a quarter or a year, to be drawn as a workbook or a PDF.

It depends on the ledger, the forecasts and names that it is given, and the day: the same of these give the same file.
Where money may not be paid, 模拟 / simulation stands on every page and behind every such amount.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from parkgrid_accounting.report.form import Language, Report, Section
from parkgrid_domain.clusters.quarter import quarter
from parkgrid_domain.period import Period
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.progress import delivered_wh
from parkgrid_domain.vpp.settlement import Direction
from parkgrid_vpp.printed.period.energy import VERDICTS, energies_of, events, unknown, verdicts
from parkgrid_vpp.printed.period.money import amounts, money
from parkgrid_vpp.printed.period.standing import baselines, disputes, forecasts, funnel, revisions
from parkgrid_vpp.printed.period.telling import Facts, PeriodTelling
from parkgrid_vpp.printed.wording import kilo
from parkgrid_vpp.printed.words import SIMULATION

_DIRECTIONS: Sequence[tuple[Direction, str]] = (("shave", "shaved"), ("fill", "filled"))


def period_report(pilot: Pilot, period: Period, facts: Facts, language: Language) -> Report:
    """What the pilot did in a quarter or a year, ready to be drawn."""
    of = PeriodTelling(pilot, period, facts, language)
    marks = (SIMULATION,) if of.simulated else ()
    sections = (
        *(summary(of), events(of), verdicts(of), *money(of), funnel(of)),
        *(*revisions(of), disputes(of), forecasts(of), baselines(of), unknown(of)),
    )
    return Report(
        title=f"{of.word('report.quarter' if of.quarter else 'report.year')} {_named(of)}",
        subtitle=" · ".join((_days(of), of.word("period.running" if of.running else "period.over"), *marks)),
        language=language,
        sections=tuple(_said(of, section) for section in sections),
        marks=marks,
    )


def _named(of: PeriodTelling) -> str:
    text = of.period.text
    return of.half(quarter(text).chinese if of.quarter else f"{text}年", text)


def _days(of: PeriodTelling) -> str:
    return f"{of.period.first} – {of.period.days[-1]} ({of.period.zone})"


def _said(of: PeriodTelling, section: Section) -> Section:
    """An empty table says that there is nothing."""
    return section if section.rows else replace(section, notes=(of.word("none"), *section.notes))


def summary(of: PeriodTelling) -> Section:
    """The period in short, and the head of the chain."""
    rows = tuple((of.word(key), content) for part in (_events(of), _amounts(of), _entry(of)) for key, content in part)
    notes = (of.word("period.rule"), *([of.word("simulation.why")] if of.simulated else ()), of.word("head.why"))
    return Section(of.word("summary"), of.headings("subject", "content"), rows, notes)


def _events(of: PeriodTelling) -> Iterator[tuple[str, str]]:
    states = Counter(book.state for book in of.books)
    counted = ", ".join(f"{of.word(f'state.{state}')} {count}" for state, count in states.items())
    yield "events", f"{len(of.books)}{f' ({counted})' if counted else ''}"
    for direction, key in _DIRECTIONS:
        books = [book for book in of.books if book.event.direction == direction]
        if not books:
            continue
        found, energy = energies_of(books), kilo(delivered_wh(of.standing, direction))
        if found.moved is None:
            yield key, of.word("rate.none")
        else:
            yield key, f"{energy:,f} kWh, {of.word('rate')} {found.rate_pct} %"
    counts = Counter(each.verdict for _, _, statement in of.standing for each in statement.quarters)
    yield (
        "verdicts",
        ", ".join(f"{of.word(f'verdict.{each}')} {counts[each]}" for each in VERDICTS if counts[each])
        or (of.word("none")),
    )


def _amounts(of: PeriodTelling) -> Iterator[tuple[str, str]]:
    yield "statements", str(len(of.standing))
    for mark, found in of.by_status():
        sums = dict(zip(("payment", "penalty", "net"), amounts(told for _, _, told in found), strict=False))
        for key, amount in sums.items():
            yield key, " ".join(filter(None, (f"{amount:,.2f}", of.word("yuan"), mark or of.word("payable"))))
    steps = [steps[-1][1].step for book in of.books for steps in book.disputes.values()]
    told = ", ".join(f"{of.word(f'step.{step}')} {count}" for step, count in Counter(steps).items())
    yield "disputes", told or of.word("none")


def _entry(of: PeriodTelling) -> Iterator[tuple[str, str]]:
    head = of.pilot.head
    if head is None:
        yield "head", of.word("none")
    else:
        yield "head", f"{of.word('entry.number', number=head.number)}, {of.local(head.at)}, {head.digest}"
