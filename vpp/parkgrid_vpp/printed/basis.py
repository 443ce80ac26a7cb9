"""What the quarter hours of a statement rest on: baselines, the days behind them, findings, what was known later."""

from parkgrid_accounting.report.form import Cell, Section
from parkgrid_domain.vpp.documents import ZERO, AdjustedResource, DayTold, FrozenResource
from parkgrid_vpp.printed.telling import Telling
from parkgrid_vpp.printed.wording import kilo


def baselines(of: Telling) -> Section:
    """The baseline of each resource: its rules, whether it may pay, its adjustment, the digests of its readings."""
    rows = []
    for one in of.told.resources:
        frozen, adjusted = of.frozen.get(one.resource), of.adjusted.get(one.resource)
        if frozen is None:
            continue
        rows.append(
            (
                *(of.resource(one.resource), _rule(of, frozen), frozen.rule),
                *(of.word("yes" if each else "no") for each in (frozen.enough, frozen.eligible)),
                _adjustment(of, adjusted),
                *(frozen.readings, None if adjusted is None else adjusted.readings, one.readings),
            )
        )
    named = of.headings("resource", "baseline", "baseline.digest", "enough", "eligible", "adjustment")
    digests = of.headings("readings.frozen", "readings.adjusted", "readings.statement")
    return Section(of.word("baselines"), (*named, *digests), tuple(rows))


def _rule(of: Telling, frozen: FrozenResource) -> str:
    if frozen.baseline == ZERO:
        return of.word("baseline.zero")
    rule = of.rules.baselines.get(frozen.baseline)
    return frozen.baseline if rule is None else f"{of.half(rule.name_zh, rule.name_en)} ({frozen.baseline})"


def _adjustment(of: Telling, found: AdjustedResource | None) -> str:
    if found is None:
        return of.word("adjust.none")
    past, today = ("–" if each is None else f"{kilo(each):,f}" for each in (found.past_wh, found.today_wh))
    shift = f"{kilo(found.shift_wh):+,f}"
    told = of.word(f"adjust.{found.applied}", factor=f"{found.factor:f}", shift=shift, past=past, today=today)
    return f"{told} {of.word('adjust.capped')}" if found.capped else told


def days(of: Telling) -> Section:
    """Every day that was looked at, chosen or dropped, with the reason."""
    rows = tuple(
        _day(of, one.resource, day)
        for one in of.told.resources
        if one.resource in of.frozen
        for day in of.frozen[one.resource].days
    )
    headings = (
        *of.headings("resource", "day", "outcome"),
        *of.in_kwh("day.energy", "day.window"),
        *of.headings("reason"),
    )
    return Section(of.word("days"), headings, rows)


def _day(of: Telling, resource: str, day: DayTold) -> tuple[Cell, ...]:
    if day.outcome in ("too_low", "too_high"):
        detail = of.word("mean", wh=day.detail)
    else:
        detail = of.maybe("unsure" if day.outcome == "not_read" else "kind_of_day", day.detail)
    outcome = of.word(f"outcome.{day.outcome}")
    return (of.resource(resource), day.day.isoformat(), outcome, kilo(day.energy_wh), kilo(day.window_wh), detail)


def findings(of: Telling) -> Section:
    """The open findings behind the baselines and over the event."""
    rows = []
    for one in of.told.resources:
        frozen, adjusted = of.frozen.get(one.resource), of.adjusted.get(one.resource)
        found = [each for part in (frozen, adjusted, one) if part is not None for each in part.findings]
        for each in dict.fromkeys(found):
            span = of.local(each.from_), of.local(each.at)
            rows.append((of.resource(one.resource), each.register, of.word(f"finding.{each.kind}"), *span))
    headings = of.headings("resource", "register", "finding", "from", "to")
    return Section(of.word("findings"), headings, tuple(rows))


def known_later(of: Telling) -> Section:
    """Days of a baseline whose energy is another now than when it was frozen."""
    rows = tuple(
        (of.resource(each.resource), each.day.isoformat(), kilo(each.was_wh), kilo(each.is_wh))
        for each in of.told.known_later
    )
    return Section(of.word("known_later"), (*of.headings("resource", "day"), *of.in_kwh("was", "is")), rows)
