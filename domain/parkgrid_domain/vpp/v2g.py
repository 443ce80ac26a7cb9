"""What a kWh that a vehicle gives back is worth: a reference price times the ratio of city and time of use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from parkgrid_domain.rule_file import Fields, packaged, read_rules, version_of

Band: TypeAlias = Literal["sharp", "peak", "flat", "valley"]
"""尖, 峰, 平, 谷."""
_MOST_CNY_PER_KWH = 10
_MOST_RATIO = 10


@dataclass(frozen=True, slots=True)
class V2gPrice:
    """The price of vehicle-to-grid discharge from a day on."""

    price_id: str
    digest: str
    name_zh: str
    name_en: str
    source: str
    valid_from: date
    valid_to: date | None
    """The first day after validity."""
    cny_per_kwh: Decimal
    """Before the ratio."""
    ratios: Mapping[str, Mapping[Band, Decimal]]
    """By city."""

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a local day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def of(self, city: str, band: Band) -> Decimal:
        """Exact yuan/kWh. Raises `ValueError` for a city without ratios."""
        if city not in self.ratios:
            raise ValueError(f"{self.price_id} has no ratios for {city}: its cities are {', '.join(self.ratios)}")
        return self.cny_per_kwh * self.ratios[city][band]


def read_v2g(text: str, file: str) -> V2gPrice:
    """The price that a text says. Raises `SettingsError` with every mistake."""
    return read_rules(text, file, _price)


def published() -> Mapping[str, V2gPrice]:
    """The prices that ship with parkgrid, by their identifier."""
    texts = packaged("parkgrid_domain.vpp", "v2g")
    found = [read_v2g(text, f"{name}.toml") for name, text in texts.items()]
    return {price.price_id: price for price in found}


def _price(fields: Fields, text: str) -> V2gPrice:
    sharp = fields.number("sharp_times_peak", "for example 1.25", low=1, high=_MOST_RATIO)
    price = V2gPrice(
        price_id=fields.text("id", "a short name in lower-case letters, digits and -"),
        digest=version_of(text),
        name_zh=fields.text("name_zh", "the name in Chinese"),
        name_en=fields.text("name_en", "the name in English"),
        source=fields.text("source", "the notice that price and ratios come from"),
        valid_from=fields.day("valid_from", "the first day on which the price holds") or date.min,
        valid_to=fields.day("valid_to", "", optional=True),
        cny_per_kwh=fields.number("price_cny_per_kwh", "for example 0.453", high=_MOST_CNY_PER_KWH),
        ratios=dict(_city(each, sharp) for each in fields.tables("city")),
    )
    fields.close()
    return price


def _city(fields: Fields, sharp: Decimal) -> tuple[str, Mapping[Band, Decimal]]:
    name = fields.text("id", "the name of the city")
    peak, flat, valley = (fields.number(key, "times the price", high=_MOST_RATIO) for key in ("peak", "flat", "valley"))
    fields.close()
    return name, {"sharp": peak * sharp, "peak": peak, "flat": flat, "valley": valley}
