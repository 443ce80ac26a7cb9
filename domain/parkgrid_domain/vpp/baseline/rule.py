"""The parameters of a baseline by like days, as a dated file."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeAlias, cast

from parkgrid_domain.rule_file import Fields, packaged, read_rules, version_of

LikeDays: TypeAlias = Literal["workday", "same_kind", "any"]
"""Workdays alone, 调休 included; the event day's own kind: workday, weekend or holiday; all days."""
Pick: TypeAlias = Literal["all", "highest", "middle"]
AdjustmentKind: TypeAlias = Literal["none", "additive", "multiplicative"]
EventWindow: TypeAlias = Literal["counts", "none"]
_LIKE_DAYS, _PICKS, _KINDS = (
    ("workday", "same_kind", "any"),
    ("all", "highest", "middle"),
    ("none", "additive", "multiplicative"),
)
_EVENT_WINDOWS = ("counts", "none")
_MOST_DAYS, _MOST_LOOK_BACK, _MOST_HOURS, _MOST_PCT = 60, 366, 24, 1_000
_WHOLE_PCT = 100


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How the hours before the event move the curve to the level of the day."""

    kind: AdjustmentKind
    from_min: int
    """The window begins so many minutes before the event, a multiple of 15, at most a day."""
    to_min: int
    """And ends so many minutes before it."""
    least_pct: Decimal
    """The least and the highest factor, in per cent; of a shift, the same bounds of the curve's mean over the event."""
    most_pct: Decimal
    unread_pct: Decimal = Decimal(0)
    """Where the window of the event day is not sure, the curve is shifted against the site by this part of its mean."""
    event_window: EventWindow = "counts"
    """`none`: nothing is adjusted by a window in which the site answered another event, since that was paid already."""


@dataclass(frozen=True, slots=True)
class BaselineRule:
    """Which days make a baseline, and what is done with them."""

    name: str
    digest: str
    name_zh: str
    name_en: str
    source: str
    like_days: LikeDays
    look_back_days: int
    """The oldest day looked at, in calendar days before the event."""
    skip_days: int
    """How many days just before the event are left out: 0 begins with the day before."""
    candidates: int
    """Y: how many of the most recent like days are taken."""
    pick: Pick
    chosen: int
    """X: how many of them count."""
    least_days: int
    """With fewer than so many candidates there is no baseline."""
    low_pct: Decimal
    """A day below this part of the sample's mean over the event is dropped and replaced; 0: none is."""
    high_pct: Decimal
    """A day above it too; 0: none is."""
    adjustment: Adjustment
    most_unread_days: int | None = None
    """So many days may be passed over because they were not read; with more there is no baseline. None: any number."""


@lru_cache(maxsize=100)
def read_rule(text: str, file: str) -> BaselineRule:
    """The rule that a text says. Raises `SettingsError` with every mistake. Remembered: each event asks for its own."""
    return read_rules(text, file, _rule)


def published() -> Mapping[str, BaselineRule]:
    """The rules that ship with parkgrid, by name."""
    texts = packaged("parkgrid_domain.vpp", "baselines")
    found = [read_rule(text, f"{name}.toml") for name, text in texts.items()]
    return {rule.name: rule for rule in found}


def _rule(fields: Fields, text: str) -> BaselineRule:
    candidates = _count(fields, "candidates", 1, _MOST_DAYS)
    chosen = _count(fields, "chosen", 1, _MOST_DAYS)
    rule = BaselineRule(
        name=fields.text("name", "a short name in lower-case letters, digits and -"),
        digest=version_of(text),
        name_zh=fields.text("name_zh", "the name in Chinese"),
        name_en=fields.text("name_en", "the name in English"),
        source=fields.text("source", "where the method is published"),
        like_days=cast("LikeDays", fields.choice("like_days", _LIKE_DAYS)),
        look_back_days=_count(fields, "look_back_days", 1, _MOST_LOOK_BACK),
        skip_days=_count(fields, "skip_days", 0, _MOST_DAYS),
        candidates=candidates,
        pick=cast("Pick", fields.choice("pick", _PICKS)),
        chosen=chosen,
        least_days=_count(fields, "least_days", 1, _MOST_DAYS),
        low_pct=fields.number("low_pct", "0 where no day is dropped for it", high=_WHOLE_PCT),
        high_pct=fields.number("high_pct", "0 where no day is dropped for it", high=_MOST_PCT),
        adjustment=_adjustment(fields.table("adjustment")),
        most_unread_days=(
            _count(fields, "most_unread_days", 0, _MOST_LOOK_BACK) if fields.has("most_unread_days") else None
        ),
    )
    fields.close()
    if rule.chosen > rule.candidates:
        fields.wrong("chosen", rule.chosen, f"must be at most candidates, {rule.candidates}")
    least = 1 if rule.pick == "all" else rule.chosen
    if not least <= rule.least_days <= candidates:
        fields.wrong("least_days", rule.least_days, f"must lie between {least} and candidates, {candidates}")
    if rule.pick == "all" and rule.chosen != rule.candidates:
        fields.wrong("chosen", rule.chosen, f"is {rule.candidates} where all candidates count")
    if rule.pick == "middle" and (rule.candidates - rule.chosen) % 2:
        fields.wrong("chosen", rule.chosen, "must leave out as many of the highest as of the lowest days")
    if 0 < rule.high_pct < _WHOLE_PCT:
        fields.wrong("high_pct", str(rule.high_pct), "must be at least 100, or 0")
    return rule


def _count(fields: Fields, key: str, low: int, high: int) -> int:
    number = fields.number(key, f"a whole number from {low} to {high}", low=low, high=high)
    if number != int(number):
        fields.wrong(key, str(number), "must be a whole number")
    return int(number)


def _adjustment(table: Fields | None) -> Adjustment:
    if table is None:
        return Adjustment("none", 0, 0, Decimal(_WHOLE_PCT), Decimal(_WHOLE_PCT))
    most_min = _MOST_HOURS * 60
    found = Adjustment(
        cast("AdjustmentKind", table.choice("kind", _KINDS)),
        _count(table, "from_min", 15, most_min),
        _count(table, "to_min", 0, most_min),
        table.number("least_pct", "for example 80", high=_WHOLE_PCT),
        table.number("most_pct", "for example 120", low=_WHOLE_PCT, high=_MOST_PCT),
        table.number("unread_pct", "", high=_WHOLE_PCT, default=Decimal(0)),
        cast("EventWindow", table.choice("event_window", _EVENT_WINDOWS, "counts")),
    )
    for key, minutes in (("from_min", found.from_min), ("to_min", found.to_min)):
        if minutes % 15:
            table.wrong(key, minutes, "must be a multiple of 15")
    if found.to_min >= found.from_min:
        table.wrong(
            "to_min", found.to_min, f"must be less than from_min, {found.from_min}: both count back from the start"
        )
    table.close()
    return found
