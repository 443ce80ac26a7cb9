"""A call of the bureau: the event, and the texts of the rules that it names and that the ledger does not hold yet.

what is wanted, the pilot, now ─▶ defaults that are not given ─▶ `rules` entries, `event` entry
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from parkgrid_domain import calendar
from parkgrid_domain.rule_file import packaged, version_of
from parkgrid_domain.vpp.baseline.days import kind_of
from parkgrid_domain.vpp.baseline.rule import BaselineRule, read_rule
from parkgrid_domain.vpp.documents import ZERO, Event, RuleDigests, Rules
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_domain.vpp.settlement import Direction
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.ledger import Act

_LONGEST_ID = 30
"""So that a statement's identifier, event and operator in it, has at most 64 characters."""
_CLASSES: Sequence[tuple[timedelta, Literal["day_ahead", "hour", "fast", "minute", "second"]]] = (
    (timedelta(hours=12), "day_ahead"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=15), "fast"),
    (timedelta(minutes=5), "minute"),
)
"""The notice class of an event by the time between its publication and its begin, at least."""
_LOOK_BACK = timedelta(days=366)
_BIDS_END, _OPT_OUT_ENDS = timedelta(hours=24), timedelta(hours=12)
"""At most so long before an event. Baselines are frozen with the award: a like day that is not over by then is one that
was not read, and with more than two or three of them a load has no baseline, and nothing of it is paid."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is wanted; None: a default that follows from the rest."""

    event_id: str | None
    direction: Direction
    target_kw: Decimal
    start: datetime | None
    end: datetime | None
    targets: tuple[str, ...]
    pack: Pack
    setup: Literal["pilot", "upstream"] = "pilot"
    type: Literal["invitation", "direct"] = "invitation"
    name_zh: str | None = None
    name_en: str | None = None
    bids_until: datetime | None = None
    opt_out_until: datetime | None = None
    zone: str = "Asia/Shanghai"


def call(pilot: Pilot, wanted: Call, now: datetime) -> list[Act]:
    """The entries of a call. Raises `PilotError` for what cannot be, with the value and the remedy.

    Without a begin the event begins on the first quarter hour that is an hour away; without an end it lasts an hour.
    Bids are taken for half of the time until it begins, and at least until a day before it; opting out is possible for
    three quarters of it, and at least until twelve hours before it.
    """
    start = wanted.start or _next_quarter(now + timedelta(hours=1))
    end = wanted.end or start + timedelta(hours=1)
    if start <= now:
        raise PilotError(f"the event begins at {start.isoformat()}, which is past: give a later --from")
    _in_force(wanted, start)
    rules = list(_rules(pilot, wanted, start))
    event_id = wanted.event_id or _free_name(pilot, start.astimezone(ZoneInfo(wanted.zone)))
    if len(event_id) > _LONGEST_ID:
        raise PilotError(f"the event's identifier {event_id!r} has {len(event_id)} characters: at most {_LONGEST_ID}")
    bids_until = wanted.bids_until or _seconds(max(now + (start - now) / 2, start - _BIDS_END))
    if wanted.bids_until is not None and (wanted.setup, wanted.type) == ("pilot", "invitation"):
        _soon_enough(wanted, start, end, wanted.bids_until, [each for _, each in rules if each.type == "baseline"])
    opt_out_until = _seconds(max(now + (start - now) * 3 / 4, start - _OPT_OUT_ENDS, min(bids_until, start)))
    zh, en = {"shave": ("削峰", "Peak shaving"), "fill": ("填谷", "Valley filling")}[wanted.direction]
    event = Event(
        name_zh=wanted.name_zh or zh,
        name_en=wanted.name_en or en,
        direction=wanted.direction,
        type=wanted.type,
        notice_class=next((name for least, name in _CLASSES if start - now >= least), "second"),
        setup=wanted.setup,
        from_=start,
        to=end,
        target_w=watts(wanted.target_kw, "the target"),
        targets=wanted.targets,
        bids_until=bids_until,
        opt_out_until=wanted.opt_out_until or opt_out_until,
        rules=RuleDigests(
            pack=wanted.pack.digest,
            baselines={each.id: digest for digest, each in rules if each.type == "baseline"},
            calendars={each.id: digest for digest, each in rules if each.type == "calendar"},
        ),
        zone=wanted.zone,
    )
    new = [Act(digest, each) for digest, each in rules if digest not in pilot.rules]
    return [*new, Act(event_id, event)]


def baseline_text(pilot: Pilot, name: str) -> str:
    """The text of a baseline: as it ships, else as the ledger holds it. Raises `PilotError` for neither."""
    shipped = packaged("parkgrid_domain.vpp", "baselines")
    known = {each.id: each.text for each in pilot.rules.values() if each.type == "baseline"}
    text = shipped[name] if name in shipped else known.get(name)
    if text is None:
        raise PilotError(
            f"no baseline {name!r}, which a resource names: one of {', '.join(shipped)}, or one in the ledger"
        )
    return text


def _in_force(wanted: Call, start: datetime) -> None:
    day = start.astimezone(ZoneInfo(wanted.zone)).date()
    if not wanted.pack.holds_on(day):
        since, until = wanted.pack.valid_from, wanted.pack.valid_to or "open end"
        raise PilotError(f"the pack {wanted.pack.pack_id} holds from {since} to {until}, not on {day}: name another")


def _soon_enough(wanted: Call, start: datetime, end: datetime, until: datetime, baselines: Sequence[Rules]) -> None:
    """Refuse an end of bids at which too many like days are not over: they count as not read, and nobody is paid."""
    zone, holidays = ZoneInfo(wanted.zone), calendar.packaged()
    day = start.astimezone(zone).date()
    for rule in (read_rule(each.text, f"{each.id}.toml") for each in baselines):
        if rule.most_unread_days is None:
            continue
        backs = range(rule.skip_days + 1, rule.look_back_days + 1)
        ends = [end - timedelta(days=back) for back in backs if end - timedelta(days=back) > until]
        unread = [each for each in ends if _alike(rule, holidays, day, day - (end - each))]
        if len(unread) > rule.most_unread_days:
            last = unread[rule.most_unread_days].astimezone(zone)
            raise PilotError(
                f"bids end at {until.astimezone(zone):%Y-%m-%d %H:%M}: {len(unread)} days that {rule.name} compares"
                f" with are not over by then, at most {rule.most_unread_days} may be, so no load would have a baseline:"
                f" give --bids-until {last:%Y-%m-%dT%H:%M} or later"
            )


def _alike(rule: BaselineRule, holidays: calendar.Calendar, day: date, other: date) -> bool:
    """Whether a rule compares a day with another; one that no calendar knows is none."""
    if rule.like_days == "any":
        return True
    if other.year not in holidays.years:
        return False
    return kind_of(holidays, other) == (calendar.WORKDAY if rule.like_days == "workday" else kind_of(holidays, day))


def watts(kw: Decimal, what: str) -> int:
    """W of kW in steps of 0.1 kW. Raises `PilotError` for any other number."""
    tenths = kw * 10
    if not kw.is_finite() or kw <= 0 or tenths != tenths.to_integral_value():
        raise PilotError(f"{what} is {kw} kW: give more than 0, in steps of 0.1 kW")
    return int(tenths) * 100


def _rules(pilot: Pilot, wanted: Call, start: datetime) -> Iterator[tuple[str, Rules]]:
    """The texts of a call: its pack, the baselines of resources under its targets, calendars back to the look-back."""
    yield wanted.pack.digest, Rules("pack", wanted.pack.pack_id, wanted.pack.text)
    under = (each for name, each in pilot.resources.items() if pilot.under(name, wanted.targets))
    for name in sorted({each.baseline for each in under} - {ZERO}):
        text = baseline_text(pilot, name)
        yield version_of(text), Rules("baseline", name, text)
    local = start.astimezone(ZoneInfo(wanted.zone)).date()
    years = _calendars()
    if str(local.year) not in years:
        raise PilotError(f"no holidays are known for {local.year}: this version knows {', '.join(years)}")
    for year, text in years.items():
        if (local - _LOOK_BACK).year <= int(year) <= local.year:
            yield version_of(text), Rules("calendar", year, text)


def _calendars() -> Mapping[str, str]:
    """The text of each year that ships, by the year."""
    texts = calendar.packaged().texts
    return {name.removeprefix("cn-").removesuffix(".toml"): text for name, text in sorted(texts.items())}


def _free_name(pilot: Pilot, start: datetime) -> str:
    name = f"ev-{start:%Y%m%d-%H%M}"
    return next(each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if each not in pilot.events)


def _next_quarter(at: datetime) -> datetime:
    at = _seconds(at)
    return at + timedelta(seconds=-int(at.timestamp()) % int(QUARTER.total_seconds()))


def _seconds(at: datetime) -> datetime:
    return at.replace(microsecond=0)
