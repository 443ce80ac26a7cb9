"""Reads a plan file: TOML, strict, every mistake at once with file, key and value.

The version of a plan is the SHA-256 of its text, so an edited file is another version. Numbers are read as the decimal
numbers they are written as; a binary float never touches a price.
"""

import re
from dataclasses import MISSING
from datetime import date
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from parkgrid_domain.rule_file import Fields, packaged, read_rules, version_of
from parkgrid_domain.tariff import scopes
from parkgrid_domain.tariff.plan import (
    BANDS,
    QUARTERS,
    Basic,
    Component,
    Curve,
    Excess,
    FeedIn,
    HighUse,
    HotDay,
    Plan,
    PlanKind,
    Schedule,
    Spot,
)
from parkgrid_domain.tariff.registers import FEED_IN_REGISTERS

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,40}")
_KINDS = ("administrative_tou", "retail_curve", "spot")
_HOURS = 24
_RESERVED = ("basic", "power_factor", "energy_curve", "energy_spot")


def read_plan(text: str, file: str) -> Plan:
    """The plan that a text says. Raises `SettingsError` with every mistake."""
    return read_rules(text, file, _plan)


def examples() -> dict[str, str]:
    """The plan files that ship as examples: id to text."""
    return packaged("parkgrid_domain.tariff", "plans")


def example(plan_id: str) -> Plan:
    """One of the examples. Raises `KeyError` for an unknown one."""
    return read_plan(examples()[plan_id], f"{plan_id}.toml")


def _plan(fields: Fields, text: str) -> Plan:
    kind = cast("PlanKind", fields.choice("kind", _KINDS))
    valid_from = fields.day("valid_from", "the first day on which the plan is valid") or date.min
    valid_to = fields.day("valid_to", "", optional=True)
    if valid_to is not None and valid_to <= valid_from:
        fields.wrong("valid_to", valid_to, f"is the first day after validity: it must be later than {valid_from}")
    hot_day = _hot_day(fields.table("hot_day"))
    schedules = tuple(_schedule(each, place) for place, each in enumerate(fields.tables("schedule")))
    curves = tuple(_curve(each, place) for place, each in enumerate(fields.tables("curve")))
    plan = Plan(
        plan_id=_matching(fields, "id", _IDENTIFIER, "lower-case letters, digits and -"),
        version=version_of(text),
        text=text,
        kind=kind,
        name_zh=fields.text("name_zh", "the plan's name in Chinese"),
        name_en=fields.text("name_en", "the plan's name in English"),
        currency=fields.choice("currency", ("CNY",)),
        zone=_zone(fields),
        valid_from=valid_from,
        valid_to=valid_to,
        source=fields.text("source", "the notice, contract or page that the figures come from"),
        example=fields.flag("example", default=False),
        minimum_coverage_pct=fields.number("minimum_coverage_pct", "for example 99", high=100),
        power_factor_adjustment=fields.flag("power_factor_adjustment", default=True),
        ratios=_by_band(fields.table("ratios")),
        schedules=schedules,
        curves=curves,
        components=tuple(_component(each) for each in fields.tables("component")),
        feed_in=tuple(_feed_in(each) for each in fields.tables("feed_in")),
        spot=_spot(fields.table("spot")),
        basic=_basic(fields.table("basic")),
        hot_day=hot_day,
    )
    fields.close()
    _check_whole(fields, plan)
    return plan


def _check_whole(fields: Fields, plan: Plan) -> None:
    """Rules across tables: what the kind needs, days without a band, bands without a price, codes used twice."""
    for key, used in (("schedule", plan.schedules), ("curve", plan.curves)):
        if used:
            scopes.check_year(fields, key, [each.scope for each in used], hot_days=plan.hot_day is not None)
        if plan.hot_day is None and any(each.scope.weather == "hot" for each in used):
            fields.wrong(f"{key}.weather", "hot", "needs a table [hot_day] that says when a day is hot")
    _check_kind(fields, plan)
    priced: list[Component | FeedIn] = [*plan.components, *plan.feed_in]
    if any(each.time_of_use for each in priced) and not plan.schedules:
        fields.wrong("schedule", MISSING, "is missing: a price that follows the time of use needs the day's bands")
    _check_bands(fields, plan)
    codes = [each.code for each in priced]
    for code in {code for code in codes if codes.count(code) > 1 or code in _RESERVED}:
        fields.wrong("code", code, f"every line needs its own; {', '.join(_RESERVED)} are taken")


def _check_kind(fields: Fields, plan: Plan) -> None:
    needs = {"administrative_tou": ("schedule", plan.schedules), "retail_curve": ("curve", plan.curves)}
    key, present = needs.get(plan.kind, ("spot", plan.spot))
    if not present:
        fields.wrong(key, MISSING, f"is missing: a plan of kind {plan.kind} needs it")
    for other, found in (("curve", plan.curves), ("spot", plan.spot)):
        if found and other != key:
            fields.wrong(other, "…", f"has no place in a plan of kind {plan.kind}")
    if plan.kind == "administrative_tou" and not any(each.time_of_use for each in plan.components):
        fields.wrong("component", MISSING, "no component has time_of_use = true: then this plan has no bands to price")


def _check_bands(fields: Fields, plan: Plan) -> None:
    used = sorted({band for schedule in plan.schedules for band in schedule.bands})
    priced: list[Component | FeedIn] = [*plan.components, *plan.feed_in]
    for part in priced:
        given: Any = getattr(part, "band_prices", {}) or plan.ratios
        missing = [BANDS[band] for band in used if band not in given]
        if part.time_of_use and missing:
            fields.wrong(part.code, ", ".join(missing), "has neither a ratio in [ratios] nor a price for these bands")


def _schedule(fields: Fields, place: int) -> Schedule:
    made = Schedule(scopes.scope(fields, place), scopes.day_bands(fields))
    fields.close()
    return made


def _curve(fields: Fields, place: int) -> Curve:
    made = Curve(scopes.scope(fields, place), fields.numbers("prices_cny_per_kwh", (_HOURS, QUARTERS)))
    fields.close()
    return made


def _component(fields: Fields) -> Component:
    band_prices = _by_band(fields.table("band_prices_cny_per_kwh"))
    price = fields.optional_number("price_cny_per_kwh", "")
    time_of_use = fields.flag("time_of_use", default=False)
    if (price is None) == (not band_prices):
        fields.wrong("price_cny_per_kwh", price, "give one price, or band_prices_cny_per_kwh, not both and not neither")
    if band_prices and not time_of_use:
        fields.wrong("time_of_use", False, "must be true where prices are given by band")
    made = Component(
        *_named(fields),
        price=price,
        band_prices=band_prices,
        time_of_use=time_of_use,
        power_factor_base=fields.flag("power_factor_base", default=True),
        clause=fields.text("clause", "where the price is written down"),
    )
    fields.close()
    return made


def _feed_in(fields: Fields) -> FeedIn:
    register = fields.choice("register", [".".join(each) for each in FEED_IN_REGISTERS])
    device_class, _, signal = register.partition(".")
    made = FeedIn(
        *_named(fields),
        device_class=device_class,
        signal=signal,
        price=fields.number("price_cny_per_kwh", "what is paid for a kWh"),
        time_of_use=fields.flag("time_of_use", default=False),
        clause=fields.text("clause", "where the price is written down"),
    )
    fields.close()
    return made


def _named(fields: Fields) -> tuple[str, str, str]:
    code = _matching(fields, "code", _CODE, "lower-case letters, digits and _")
    return code, fields.text("name_zh", "the line in Chinese"), fields.text("name_en", "the line in English")


def _spot(fields: Fields | None) -> Spot | None:
    if fields is None:
        return None
    made = Spot(
        series=_matching(fields, "series", _IDENTIFIER, "lower-case letters, digits and -"),
        margin=fields.number("margin_cny_per_kwh", "", low=None, default=Decimal(0)),
        name_zh=fields.text("name_zh", "", "现货电能量"),
        name_en=fields.text("name_en", "", "spot energy"),
        clause=fields.text("clause", "where the pass-through is agreed"),
    )
    fields.close()
    return made


def _basic(fields: Fields | None) -> Basic | None:
    if fields is None:
        return None
    high_use, excess = fields.table("high_use"), fields.table("excess")
    made = Basic(
        capacity_cny_per_kva=fields.optional_number("capacity_cny_per_kva_month", ""),
        demand_cny_per_kw=fields.optional_number("demand_cny_per_kw_month", ""),
        clause=fields.text("clause", "where the basic charge is written down"),
        high_use=None if high_use is None else _high_use(high_use),
        excess=None if excess is None else _excess(excess),
    )
    fields.close()
    return made


def _high_use(fields: Fields) -> HighUse:
    made = HighUse(
        fields.number("at_least_kwh_per_kva", "monthly energy per kVA from which the reduced price is valid"),
        fields.number("ratio", "share of the demand price that is paid then", high=1),
        fields.text("clause", "where the rule is written down"),
    )
    fields.close()
    return made


def _excess(fields: Fields) -> Excess:
    made = Excess(
        fields.number("tolerance_pct", "how far demand may exceed the contract", high=100),
        fields.number("multiplier", "what a kW beyond that costs, in demand prices"),
        fields.text("clause", "where the rule is written down"),
    )
    fields.close()
    return made


def _hot_day(fields: Fields | None) -> HotDay | None:
    if fields is None:
        return None
    made = HotDay(
        _matching(fields, "place", _IDENTIFIER, "lower-case letters, digits and -"),
        fields.number("at_least_c", "the forecast maximum from which a day is hot", low=-50, high=60),
        fields.text("forecast", "which forecast counts"),
    )
    fields.close()
    return made


def _by_band(fields: Fields | None) -> dict[int, Decimal]:
    if fields is None:
        return {}
    found = {}
    for key in fields.all_keys():
        if key not in BANDS:
            fields.wrong(key, "…", f"is not a band: the bands are {', '.join(BANDS)}")
        else:
            found[BANDS.index(key)] = fields.number(key, "")
    return found


def _zone(fields: Fields) -> ZoneInfo:
    name = fields.text("time_zone", "for example Asia/Shanghai")
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        fields.wrong("time_zone", name, "is not a time zone: write for example Asia/Shanghai")
        return ZoneInfo("UTC")


def _matching(fields: Fields, key: str, pattern: re.Pattern[str], form: str) -> str:
    text = fields.text(key, form)
    if text and not pattern.fullmatch(text):
        fields.wrong(key, text, f"must consist of {form}")
    return text
