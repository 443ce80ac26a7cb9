"""Where the pilot stands: the funnel by park, cluster and transformer, revisions, disputes, accuracy."""

from collections.abc import Iterator

from parkgrid_accounting.report.form import Cell, Heading, Section
from parkgrid_domain.vpp.documents import ZERO
from parkgrid_domain.vpp.pilot import EventBook, late_steps
from parkgrid_domain.vpp.progress import STAGES, Group, groups, stages_of
from parkgrid_vpp.printed.period.telling import PeriodTelling
from parkgrid_vpp.printed.wording import kilo


def funnel(of: PeriodTelling) -> Section:
    """How far the resources have come: all, then by park, cluster and transformer."""
    reached = stages_of(of.pilot, of.last_day, of.books)
    rows: list[tuple[Cell, ...]] = []
    for group in groups(of.pilot):
        stages = [reached[stage] & group.resources for stage in STAGES]
        powers = [
            sum(of.pilot.resources[name].up_w for name in reached["available"] & group.resources),
            sum(of.pilot.resources[name].down_w for name in reached["available"] & group.resources),
        ]
        rows.append((of.word(f"kind.{group.kind}"), _name(of, group), *map(len, stages), *map(kilo, powers)))
    headings = (
        *of.headings("part", "name"),
        *of.counts(*(f"stage.{stage}" for stage in STAGES)),
        *of.in_kw("available_up", "available_down"),
    )
    notes = (of.word("funnel.day", day=of.last_day.isoformat()), of.word("funnel.why"))
    return Section(of.word("funnel"), headings, tuple(rows) if of.pilot.resources else (), notes)


def _name(of: PeriodTelling, group: Group) -> str:
    told = of.facts.parks.get(group.id) if group.kind == "park" else None
    name = of.half(*(told or (group.name_zh, group.name_en)))
    return name if group.kind == "all" or name == group.id else f"{name} ({group.id})"


def revisions(of: PeriodTelling) -> Iterator[Section]:
    """Statements that were revised: what each revision came to; only the last one counts."""
    for mark, found in of.by_status() or [("", [])]:
        rows: list[tuple[Cell, ...]] = []
        for book, _, newest in found:
            told = book.statements[newest.award]
            if len(told) > 1:
                rows += [(each.statement, of.cause(each.cause), each.net, at.number, at.digest) for at, each in told]
        headings = (
            *of.headings("statement", "cause"),
            *of.of_money(mark, "net"),
            *of.counts("entry"),
            *of.headings("entry.digest"),
        )
        yield Section(of.titled("revisions", mark, found), headings, tuple(rows), (of.word("revisions.why"),))


def disputes(of: PeriodTelling) -> Section:
    """Each dispute about a statement of the period, with its state and what came of it."""
    rows = tuple(row for book in of.books for row in _disputes(of, book))
    headings = of.headings("dispute", "statement", "state", "raised_at", "last_step", "due", "raised_text", "last_text")
    return Section(of.word("disputes"), (*headings, *of.headings("revision_by")), rows)


def _disputes(of: PeriodTelling, book: EventBook) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for name, steps in book.disputes.items():
        (raised_at, raised), (last_at, last) = steps[0], steps[-1]
        by_it = [
            told.statement
            for revisions_of in book.statements.values()
            for _, told in revisions_of
            if told.cause == f"dispute {name}"
        ]
        rows.append(
            (
                *(
                    name,
                    raised.statement,
                    of.step(last, late=late_steps(steps)[-1]),
                    of.local(raised_at),
                    of.local(last_at),
                ),
                None if last.step == "decided" else last.due.isoformat(),
                *(raised.text, last.text if len(steps) > 1 else None, ", ".join(by_it) or None),
            )
        )
    return rows


def forecasts(of: PeriodTelling) -> Section:
    """How the forecasts of each park did, where they are stored."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            of.half(*of.facts.parks.get(each.park, (each.park, each.park))),
            *(each.method, of.local(each.issued_at), each.score.quarters),
            *((kilo(each.score.mae_w), kilo(each.score.bias_w)) if each.score.quarters else (None, None)),
            each.score.confidence_pct,
        )
        for each in of.facts.forecasts
    )
    headings = (
        *of.headings("kind.park", "method", "issued"),
        *of.counts("compared"),
        *of.in_kw("mae", "bias"),
        Heading(f"{of.word('confidence')} (%)", 1),
    )
    return Section(of.word("forecasts"), headings, rows, (of.word("forecasts.why"),))


def baselines(of: PeriodTelling) -> Section:
    """How good the baselines of the awarded loads were when that was last looked at."""
    awarded = {name: each for book in of.books for name, each in book.resources.items() if each.baseline != ZERO}
    rows: list[tuple[Cell, ...]] = []
    for name in sorted(awarded):
        found = of.pilot.eligibility.get(name)
        whose = f"{of.half(awarded[name].name_zh, awarded[name].name_en)} ({name})"
        if found is None:
            rows.append((whose, awarded[name].baseline, None, None, None, None, None, of.word("never_looked_at")))
            continue
        told = (found.rule, f"{found.from_} – {found.to}", found.days, found.rrmse_pct, found.bias_pct, found.mae_kw)
        rows.append((whose, *told, of.word("yes" if found.passes else "no")))
    headings = (
        *of.headings("resource", "baseline", "looked_at"),
        *of.counts("days_compared"),
        *(Heading(f"{of.word(key)} (%)", 2) for key in ("rrmse", "bias_share")),
        Heading(f"{of.word('mae')} (kW)", 3),
        *of.headings("eligible"),
    )
    return Section(of.word("baseline_accuracy"), headings, tuple(rows), (of.word("baseline_accuracy.why"),))
