"""A settlement pack: what one market's rules say about paying for a response, as a dated file with source and status.

A pack is TOML, read strictly, with every mistake at once. Its digest is the SHA-256 of its text, so that a changed
status or price is another pack. A statement that may be paid comes only from a pack whose status is `verified`; all
others are simulations (模拟).
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeAlias, cast

from parkgrid_domain.rule_file import Fields, packaged, read_rules, version_of

Status: TypeAlias = Literal["verified", "unverified", "draft"]
Unsure: TypeAlias = Literal["unverified", "counts"]
Whole: TypeAlias = Literal["verified", "whole"]
AfterOptOut: TypeAlias = Literal["stands", "anew"]
ContractTypes: TypeAlias = Literal["any", "fits"]
_STATUSES = ("verified", "unverified", "draft")
_UNSURE = ("unverified", "counts")
_WHOLE = ("verified", "whole")
_AFTER_OPT_OUT = ("stands", "anew")
_CONTRACT_TYPES = ("any", "fits")
_MOST_PCT = 1_000
_MOST_CNY_PER_KWH = 100
"""Twenty times the highest published price of a response."""
_MOST_FACTOR = 100
_MOST_KW = 1_000_000
INTERVALS_MIN = (15, 60)


@dataclass(frozen=True, slots=True)
class Payment:
    """Which part of a response counts, in per cent of the award.

    counted
      │          ╭───── beyond: each further kWh counts `beyond_pct`
      │        ╱
      │      ╱   each kWh counts whole
      │    │
      └────┴─────┴───── response
         from   full_to
    """

    from_pct: Decimal
    """A smaller response counts nothing."""
    full_to_pct: Decimal
    """Up to here each kWh counts whole."""
    beyond_pct: Decimal
    """What of each kWh beyond `full_to_pct` counts."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """What a response that is too small costs: `(below_pct of the award - response) x price x factor`."""

    below_pct: Decimal
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Eligibility:
    """How good a baseline must have been over its history before it may pay, in per cent of the metered load."""

    rrmse_pct: Decimal
    bias_pct: Decimal
    """Of either sign."""
    least_days: int


@dataclass(frozen=True, slots=True)
class Unverified:
    """What an award is worth of which too little is verified: silent meters must not be worth more than a failure.

    Without this table nothing is asked: what is unverified leaves payment and penalty alike.
    """

    least_pct: Decimal
    """An award of which a smaller part is verified is paid nothing."""
    penalty: Whole
    """Then `whole`: in an unverified quarter hour nothing was moved; `verified`: it is no breach."""


@dataclass(frozen=True, slots=True)
class Bidding:
    """What a bid must be like. Without this table: anything."""

    least_w: int
    """A bid of which less may be awarded is refused whole."""
    price_after_opt_out: AfterOptOut
    """`anew`: a bid that opted out sets no price; `stands`: the price of the award is paid."""
    contract_type: ContractTypes
    """`fits`: the contract is of the type of the event."""


@dataclass(frozen=True, slots=True)
class Question:
    """What only the market's operator can answer."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Pack:
    """The settlement rules of one market from a day on."""

    pack_id: str
    digest: str
    """SHA-256 of the text."""
    text: str
    name_zh: str
    name_en: str
    status: Status
    source: str
    valid_from: date
    valid_to: date | None
    """The first day after validity."""
    interval_min: int
    """Minutes over which band and penalty are judged: 15 or 60, on the local clock."""
    delivered_pct: Decimal
    """A quarter hour with at least so much of its award is delivered; less, but enough to be paid, is partial."""
    payment: Payment
    penalty: Penalty | None
    covers: bool
    """Whether the surplus of one resource of an award may cover the shortfall of another."""
    estimated: Unsure
    """Whether a quarter hour whose energy is estimated is unverified or counts."""
    baseline: str
    """The name of the baseline that the market prescribes."""
    eligibility: Eligibility
    fixed_cny_per_kwh: Decimal | None
    """The price where the market fixes one, else the clearing price pays."""
    least_cny_per_kwh: Decimal
    most_cny_per_kwh: Decimal
    """The bounds of a bid."""
    questions: tuple[Question, ...]
    unverified: Unverified = Unverified(Decimal(0), "verified")
    bidding: Bidding = Bidding(0, "stands", "any")
    event_day_pct: Decimal = Decimal(0)
    """A day on which the loads of an account were to do less than this part of an award is no event day for it."""

    @property
    def payable(self) -> bool:
        """Whether a statement by this pack may be paid."""
        return self.status == "verified"

    def holds_on(self, day: date) -> bool:
        """Whether the pack is in force on a local day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@lru_cache(maxsize=100)
def read_pack(text: str, file: str) -> Pack:
    """The pack that a text says. Raises `SettingsError` with every mistake. Remembered: each event asks for its own."""
    return read_rules(text, file, _pack)


def published() -> Mapping[str, Pack]:
    """The packs that ship with parkgrid, by their identifier."""
    texts = packaged("parkgrid_domain.vpp", "packs")
    found = [read_pack(text, f"{name}.toml") for name, text in texts.items()]
    return {pack.pack_id: pack for pack in found}


def _pack(fields: Fields, text: str) -> Pack:
    valid_from = fields.day("valid_from", "the first day on which the rules hold") or date.min
    valid_to = fields.day("valid_to", "", optional=True)
    if valid_to is not None and valid_to <= valid_from:
        fields.wrong("valid_to", valid_to, f"is the first day after validity: it must be later than {valid_from}")
    fixed, least, most = _prices(fields.table("price"), fields)
    pack = Pack(
        pack_id=fields.text("id", "a short name in lower-case letters, digits and -"),
        digest=version_of(text),
        text=text,
        name_zh=fields.text("name_zh", "the name of the rules in Chinese"),
        name_en=fields.text("name_en", "the name of the rules in English"),
        status=cast("Status", fields.choice("status", _STATUSES)),
        source=fields.text("source", "the notice, standard or page that the rules come from"),
        valid_from=valid_from,
        valid_to=valid_to,
        interval_min=_interval_min(fields),
        delivered_pct=fields.number("delivered_pct", "for example 100", high=_MOST_PCT),
        payment=_payment(fields.table("payment"), fields),
        penalty=_penalty(fields.table("penalty")),
        covers=fields.flag("covers", default=False),
        estimated=cast("Unsure", fields.choice("estimated", _UNSURE, "unverified")),
        baseline=fields.text("baseline", "the name of a baseline"),
        eligibility=_eligibility(fields.table("eligibility"), fields),
        fixed_cny_per_kwh=fixed,
        least_cny_per_kwh=least,
        most_cny_per_kwh=most,
        questions=tuple(_question(each) for each in fields.tables("question")),
        unverified=_unverified(fields.table("unverified")),
        bidding=_bidding(fields.table("bid")),
        event_day_pct=fields.number("event_day_pct", "", high=_MOST_PCT, default=Decimal(0)),
    )
    fields.close()
    if pack.status != "verified" and not pack.questions:
        fields.wrong("question", MISSING, f"is missing: a pack that is {pack.status} says what is still to be asked")
    if pack.penalty is not None and pack.penalty.below_pct > pack.payment.full_to_pct:
        fields.wrong("penalty.below_pct", str(pack.penalty.below_pct), "must be at most payment.full_to_pct")
    return pack


def _interval_min(fields: Fields) -> int:
    minutes = fields.number("interval_min", "15, or 60 where the rules speak of the hour")
    if minutes not in INTERVALS_MIN:
        fields.wrong("interval_min", str(minutes), "must be 15 or 60")
    return int(minutes)


def _pct(fields: Fields, key: str, remedy: str) -> Decimal:
    return fields.number(key, remedy, high=_MOST_PCT)


def _required(fields: Fields, key: str, table: Fields | None) -> Fields | None:
    if table is None:
        fields.wrong(key, MISSING, f"is missing: write the table [{key}]")
    return table


def _payment(table: Fields | None, fields: Fields) -> Payment:
    mine = _required(fields, "payment", table)
    if mine is None:
        return Payment(Decimal(0), Decimal(0), Decimal(0))
    found = Payment(
        _pct(mine, "from_pct", "a smaller part of the award counts nothing"),
        _pct(mine, "full_to_pct", "up to this part of the award each kWh counts whole"),
        mine.number("beyond_pct", "what of each kWh beyond counts", high=100),
    )
    if found.full_to_pct < found.from_pct:
        mine.wrong("full_to_pct", str(found.full_to_pct), f"must be at least from_pct, {found.from_pct}")
    mine.close()
    return found


def _penalty(table: Fields | None) -> Penalty | None:
    if table is None:
        return None
    found = Penalty(
        _pct(table, "below_pct", "a smaller part of the award costs a penalty"),
        table.number("factor", "times the price", high=_MOST_FACTOR),
    )
    table.close()
    return found


def _unverified(table: Fields | None) -> Unverified:
    if table is None:
        return Unverified(Decimal(0), "verified")
    found = Unverified(
        table.number("least_pct", "of an award, so much must be verified", high=100),
        cast("Whole", table.choice("penalty", _WHOLE)),
    )
    table.close()
    return found


def _bidding(table: Fields | None) -> Bidding:
    if table is None:
        return Bidding(0, "stands", "any")
    least_kw = table.number("least_kw", "the smallest bid, in steps of 0.1 kW", high=_MOST_KW)
    if least_kw * 10 % 1:
        table.wrong("least_kw", str(least_kw), "must be in steps of 0.1 kW")
    found = Bidding(
        int(least_kw * 1000),
        cast("AfterOptOut", table.choice("price_after_opt_out", _AFTER_OPT_OUT)),
        cast("ContractTypes", table.choice("contract_type", _CONTRACT_TYPES)),
    )
    table.close()
    return found


def _eligibility(table: Fields | None, fields: Fields) -> Eligibility:
    mine = _required(fields, "eligibility", table)
    if mine is None:
        return Eligibility(Decimal(0), Decimal(0), 0)
    found = Eligibility(
        mine.number("rrmse_pct", "for example 20", high=100),
        mine.number("bias_pct", "for example 5", high=100),
        int(mine.number("least_days", "for example 20", high=366)),
    )
    mine.close()
    return found


def _prices(table: Fields | None, fields: Fields) -> tuple[Decimal | None, Decimal, Decimal]:
    mine = _required(fields, "price", table)
    if mine is None:
        return None, Decimal(0), Decimal(0)
    fixed = mine.optional_number("fixed_cny_per_kwh", "the price where the market fixes one")
    least = mine.number("least_cny_per_kwh", "the lowest bid", high=_MOST_CNY_PER_KWH)
    most = mine.number("most_cny_per_kwh", "the highest bid", high=_MOST_CNY_PER_KWH)
    if most < least:
        mine.wrong("most_cny_per_kwh", str(most), f"must be at least least_cny_per_kwh, {least}")
    if fixed is not None and not least <= fixed <= most:
        mine.wrong("fixed_cny_per_kwh", str(fixed), f"must lie between {least} and {most}")
    mine.close()
    return fixed, least, most


def _question(table: Fields) -> Question:
    found = Question(table.text("zh", "the question in Chinese"), table.text("en", "the question in English"))
    table.close()
    return found
