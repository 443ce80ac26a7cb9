"""What the first sheet says: which statement, of what, by which rules, where it stands; and its revisions, disputes."""

from collections import Counter
from collections.abc import Iterable, Iterator

from parkgrid_accounting.report.form import Section
from parkgrid_domain.vpp.documents import QuarterTold
from parkgrid_domain.vpp.pilot import late_steps
from parkgrid_domain.vpp.settlement import Verdict
from parkgrid_vpp.printed.telling import Telling
from parkgrid_vpp.printed.wording import kilo
from parkgrid_vpp.printed.words import SIMULATION

_VERDICTS: tuple[Verdict, ...] = ("delivered", "partial", "not_delivered", "unverified")


def summary(of: Telling) -> Section:
    """The statement in short."""
    rows = tuple(
        (of.word(key), content) for part in (_award(of), _amounts(of), _rules(of), _entry(of)) for key, content in part
    )
    notes = (*([of.word("simulation.why")] if of.mark else ()), of.word("head.why"))
    return Section(of.word("summary"), of.headings("subject", "content"), rows, notes)


def revisions(of: Telling) -> Section:
    """Every revision of the statement that is known."""
    rows = tuple(
        (told.statement, of.cause(told.cause), told.payment, told.penalty, told.net, entry.number, entry.digest)
        for entry, told in of.revisions
    )
    amounts = of.in_yuan("payment", "penalty", "net")
    headings = (
        *of.headings("statement", "cause"),
        *amounts,
        *of.counts("entry"),
        *of.headings("entry.digest"),
    )
    return Section(of.word("revisions"), headings, rows)


def disputes(of: Telling) -> Section:
    """Every step of the disputes about any revision."""
    mine = {told.statement for _, told in of.revisions}
    rows = tuple(
        (name, each.statement, of.step(each, late=late), of.local(at), each.due.isoformat(), each.text)
        for name, steps in of.book.disputes.items()
        for (at, each), late in zip(steps, late_steps(steps), strict=True)
        if each.statement in mine
    )
    headings = of.headings("dispute", "statement", "step", "time", "due", "text")
    return Section(of.word("disputes"), headings, rows)


def _award(of: Telling) -> Iterator[tuple[str, str]]:
    event, told = of.book.event, of.told
    yield "status", SIMULATION if of.mark else of.word("payable")
    yield "event", f"{of.half(event.name_zh, event.name_en)} ({of.book.event_id})"
    yield "direction", of.word(told.direction)
    yield "time", of.span()
    yield "operator", f"{of.operator()} ({told.operator})"
    award = of.book.award(told.award)
    yield "award", told.award if award is None else f"{told.award}, {kilo(award.w):,f} kW"
    yield "opt_outs", "; ".join(_opt_outs(of)) or of.word("none")


def _opt_outs(of: Telling) -> Iterator[str]:
    for at, each in of.book.opt_outs:
        if each.operator == of.told.operator:
            when = of.word("in_time" if at <= of.book.event.opt_out_until else "too_late")
            yield f"{of.resource(each.resource)}, {of.local(at)}, {when}: {each.reason}"


def _amounts(of: Telling) -> Iterator[tuple[str, str]]:
    told = of.told
    yield "price", of.marked(f"{told.price:f}", "per_kwh")
    yield "payment", of.marked(f"{told.payment:,.2f}", "yuan")
    yield "penalty", of.marked(f"{told.penalty:,.2f}", "yuan")
    yield "net", of.marked(f"{told.net:,.2f}", "yuan")
    yield "verdicts", _counted(of, told.quarters)
    yield "verdicts.resources", _counted(of, (each for one in told.resources for each in one.quarters))


def _counted(of: Telling, quarters: Iterable[QuarterTold]) -> str:
    counts = Counter(each.verdict for each in quarters)
    return ", ".join(f"{of.word(f'verdict.{each}')} {counts[each]}" for each in _VERDICTS if counts[each])


def _rules(of: Telling) -> Iterator[tuple[str, str]]:
    pack = of.rules.pack
    name = of.half(pack.name_zh, pack.name_en)
    yield "pack", f"{name} ({pack.pack_id}), {of.word(f'pack.{pack.status}')}"
    yield "pack.digest", of.told.pack
    yield "pack.source", pack.source


def _entry(of: Telling) -> Iterator[tuple[str, str]]:
    entry, head = of.entry, of.pilot.head or of.entry
    yield "revision", str(of.told.revision)
    yield "cause", of.cause(of.told.cause)
    yield "supersedes", _superseded(of)
    yield "entry", of.word("entry.number", number=entry.number)
    yield "entry.at", of.local(entry.at)
    yield "entry.by", entry.by
    yield "entry.digest", entry.digest
    yield "entry.previous", entry.previous
    yield "head", f"{of.word('entry.number', number=head.number)}, {of.local(head.at)}, {head.digest}"


def _superseded(of: Telling) -> str:
    for entry, told in of.revisions:
        if entry.digest == of.told.supersedes:
            return f"{told.statement}, {of.word('entry.number', number=entry.number)}, {entry.digest}"
    return of.word("none")
