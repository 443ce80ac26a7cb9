"""Reads the packaged factor files: strict, every mistake named, and picks what holds for a period.

Two days decide. `on` is the last day of the period: an entry must be valid then. `as_of` is the day of the report: what
was published later does not exist for it, so a figure of the past can be computed again as it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from parkgrid_contract import strict_toml
from parkgrid_domain.indicators.definition import Factor

NATIONAL = "national"
MARKERS = ("verified", "verified-weak", "from memory", "computed", "design default", "given")
_FILES = ("carbon.toml", "coal.toml", "thresholds.toml")
_REQUIRED: Mapping[str, Any] = {"name": str, "unit": str, "value": (int, float), "publication": str, "marker": str}
_OPTIONAL: Mapping[str, Any] = {"region": str, "year": int, "valid_from": date, "valid_to": date, "note": str}


class FactorError(ValueError):
    """A factor file that cannot be used, with the file, the entry and the remedy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of a file and when it may be used."""

    factor: Factor
    valid_from: date
    valid_to: date | None
    """The first day on which it does not hold any more."""

    def holds(self, on: date, as_of: date, region: str) -> bool:
        """Whether it may be used for a period that ends on a day, in a report of another day, in a region."""
        published = self.factor.published
        return (
            self.valid_from <= on
            and (self.valid_to is None or on < self.valid_to)
            and (published is None or published <= as_of)
            and self.factor.region in {"", region}
        )


@cache
def packaged() -> tuple[Entry, ...]:
    """Every entry of the packaged files."""
    return tuple(entry for name in _FILES for entry in read_factors(_text(name), name))


def factors_for(on: date, as_of: date, region: str | None) -> dict[str, Factor]:
    """The numbers by name that hold for a period, national ones where the region has none of that name at all.

    A location-based factor is never replaced by the national one: a park without a region has none.
    """
    found: dict[str, Entry] = {}
    for entry in packaged():
        name = entry.factor.name
        wanted = (region or "") if name == "carbon_location_kg_per_kwh" else NATIONAL
        if entry.holds(on, as_of, wanted) and (name not in found or _rank(entry) > _rank(found[name])):
            found[name] = entry
    return {name: entry.factor for name, entry in found.items()}


def region_of(district: str, time_zone: str) -> str | None:
    """The region of a park's factors, or `None` when nobody has named one."""
    for entry in strict_toml.loads(_text("regions.toml"))["region"]:
        zones = entry.get("time_zones")
        if district in entry["districts"] and (zones is None or time_zone in zones):
            return str(entry["region"])
    return None


def read_factors(text: str, file: str) -> list[Entry]:
    """The entries of a file. Raises `FactorError`, which names every mistake."""
    document = strict_toml.loads(text)
    publications = document.get("publication", {})
    mistakes: list[str] = []
    entries: list[Entry] = []
    for number, row in enumerate(document.get("factor", []), 1):
        wrong = [f"{file}: factor {number}: {what}" for what in _mistakes(row, publications)]
        mistakes += wrong
        if not wrong:
            entries.append(_entry(row, publications[row["publication"]]))
    mistakes += [f"{file}: {what}" for what in _overlaps(entries)]
    if mistakes:
        raise FactorError("\n".join(mistakes))
    return entries


def _rank(entry: Entry) -> tuple[int, date]:
    return entry.factor.year or 0, entry.valid_from


def _text(name: str) -> str:
    return resources.files("parkgrid_domain.factors").joinpath("data", name).read_text(encoding="utf-8")


def _mistakes(row: Mapping[str, Any], publications: Mapping[str, Any]) -> Iterable[str]:
    for key, kind in _REQUIRED.items():
        if key not in row:
            yield f"{key} is missing"
        elif not isinstance(row[key], kind) or isinstance(row[key], bool):
            yield f"{key} = {row[key]!r} is of the wrong kind"
    for key, value in row.items():
        if key in _OPTIONAL and not isinstance(value, _OPTIONAL[key]):
            yield f"{key} = {value!r} is of the wrong kind"
        elif key not in _REQUIRED and key not in _OPTIONAL:
            yield f"{key} is not known: remove it or write one of {', '.join((*_REQUIRED, *_OPTIONAL))}"
    if row.get("marker") not in MARKERS:
        yield f"marker = {row.get('marker')!r}: write one of {', '.join(MARKERS)}"
    if row.get("publication") not in publications:
        yield f"publication = {row.get('publication')!r} is not described above: add [publication.…] with its source"
    elif "valid_from" not in row and "published" not in publications[row["publication"]]:
        yield "valid_from is missing, and its publication has no day"


def _entry(row: Mapping[str, Any], publication: Mapping[str, Any]) -> Entry:
    published = publication.get("published")
    note = f"; {row['note']}" if "note" in row else ""
    factor = Factor(
        name=row["name"],
        value=float(row["value"]),
        unit=row["unit"],
        source=f"{publication['source']} [{row['marker']}]{note}",
        region=row.get("region", ""),
        year=row.get("year"),
        published=published,
        marker=row["marker"],
    )
    # What is dated by its publication holds for any period that is reported afterwards.
    return Entry(factor, row.get("valid_from", date.min), row.get("valid_to"))


def _overlaps(entries: list[Entry]) -> Iterable[str]:
    seen: set[tuple[object, ...]] = set()
    for entry in entries:
        factor = entry.factor
        key = (factor.name, factor.region, factor.year, entry.valid_from)
        if key in seen:
            yield f"{factor.name} of {factor.region or 'everywhere'} is there twice for the same time: remove one"
        seen.add(key)
