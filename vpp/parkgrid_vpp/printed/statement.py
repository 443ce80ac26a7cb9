"""A statement as one report, to be drawn as a workbook or a PDF.

Everything comes from the ledger, the head of the chain included: the same ledger gives the same file, byte by byte.
What may not be paid is marked 模拟 / simulation on every page and behind every amount.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from parkgrid_accounting.report.form import Language, Report, Section
from parkgrid_domain.vpp.documents import Statement
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_vpp.printed.basis import baselines, days, findings, known_later
from parkgrid_vpp.printed.money import award_quarters, intervals, money, resource_quarters
from parkgrid_vpp.printed.summary import disputes, revisions, summary
from parkgrid_vpp.printed.telling import Telling
from parkgrid_vpp.printed.words import SIMULATION

_SECTIONS: Sequence[Callable[[Telling], Section]] = (
    *(summary, money, intervals, award_quarters, resource_quarters),
    *(baselines, days, findings, known_later, revisions, disputes),
)


def statement_report(pilot: Pilot, found: tuple[EventBook, Entry, Statement], language: Language) -> Report:
    """A statement of `pilot.statements`, ready to be drawn. Raises `PilotError` where the ledger lacks its rules."""
    of = Telling(pilot, *found, language)
    event, marks = of.book.event, tuple(_marks(of))
    told = marks if of.mark else (of.word("payable"), *marks)
    return Report(
        title=f"{of.word('title')} {of.told.statement}",
        subtitle=" · ".join((of.half(event.name_zh, event.name_en), of.operator(), of.span(), *told)),
        language=language,
        sections=tuple(_said(of, section(of)) for section in _SECTIONS),
        marks=marks,
    )


def _marks(of: Telling) -> Iterator[str]:
    """What must be said on every page."""
    if of.mark:
        yield SIMULATION
    newest = of.revisions[-1][1]
    if newest.revision > of.told.revision:
        yield of.word("superseded_by", name=newest.statement)


def _said(of: Telling, section: Section) -> Section:
    """An empty table says that there is nothing."""
    return section if section.rows else replace(section, notes=(of.word("none"), *section.notes))
