"""The plan: which clusters there are, what they produced in the base year, and what they are to reach.

The figures are a dated file beside this module; each names the document and clause that it was read from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from parkgrid_contract import strict_toml

_FILE = "pingshan_6_plus_3"


class ClusterKind(StrEnum):
    """Whether the plan sets output targets for a cluster."""

    COMPETITIVE = "competitive"
    POTENTIAL = "potential"


@dataclass(frozen=True, slots=True)
class PlanFigure:
    """An annual output that the plan states."""

    year: int
    output_100m_cny: Decimal
    """亿元 (100 million CNY)."""
    source: str
    """Document and clause."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster of the plan."""

    id: str
    name_zh: str
    name_en: str
    kind: ClusterKind
    source: str
    fields_zh: tuple[str, ...]
    places_zh: tuple[str, ...]
    pattern_zh: str
    parks: tuple[str, ...]
    """Parks that the plan names for it; whose energy is its own is told by accounts and enterprises, not by these."""
    base: PlanFigure | None
    targets: tuple[PlanFigure, ...]

    def target(self, year: int) -> PlanFigure | None:
        """The target of a year; None when the plan sets none."""
        return next((target for target in self.targets if target.year == year), None)

    def name(self, language: str) -> str:
        """Its name in `zh` or `en`."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class Rules:
    """From when on a figure is refused or not published."""

    minimum_coverage_pct: float
    implausible_factor: Decimal
    implausible_part: Decimal
    implausible_100m_cny: Decimal
    minimum_growth_pct: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """A district's clusters with the document that sets them."""

    id: str
    name_zh: str
    name_en: str
    district: str
    valid_from: date
    title_zh: str
    title_en: str
    rules: Rules
    clusters: tuple[Cluster, ...]

    def cluster(self, name: str) -> Cluster | None:
        """The cluster of an id; None when there is none."""
        return next((cluster for cluster in self.clusters if cluster.id == name), None)

    @property
    def target_years(self) -> tuple[int, ...]:
        """The years that targets are set for, in order."""
        return tuple(sorted({target.year for cluster in self.clusters for target in cluster.targets}))

    def largest_believable_100m_cny(self, cluster: Cluster) -> Decimal:
        """Above this a stated output in 亿元 has the wrong unit."""
        stated = [figure.output_100m_cny for figure in (cluster.base, *cluster.targets) if figure]
        return max(stated) * self.rules.implausible_factor if stated else self.rules.implausible_100m_cny

    def smallest_believable_100m_cny(self, cluster: Cluster) -> Decimal:
        """Below this a stated output in 亿元 that is not 0 has the wrong unit; 0 for a cluster without a base."""
        return cluster.base.output_100m_cny / self.rules.implausible_part if cluster.base else Decimal()


@cache
def plan(file: str = _FILE) -> Plan:
    """The plan of a packaged file; `FileNotFoundError` when there is no such file."""
    text = resources.files("parkgrid_domain.clusters").joinpath("data", f"{file}.toml").read_text("utf-8")
    return read_plan(strict_toml.loads(text))


def read_plan(document: Mapping[str, Any]) -> Plan:
    """The plan that a TOML document states. Raises `ValueError` naming what is wrong with it."""
    try:
        found = _plan(document)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"the plan of clusters is not complete: {error!r}") from error
    names = [cluster.id for cluster in found.clusters]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"the plan names {', '.join(doubled)} twice: a cluster has one entry")
    return found


def _plan(document: Mapping[str, Any]) -> Plan:
    title = str(document["title_zh"])
    number = title.partition(" 号")[0] + " 号"
    source = f"{number}（{document['issued_on'].isoformat()}）"
    rules = document["rules"]
    return Plan(
        id=document["id"],
        name_zh=document["name_zh"],
        name_en=document["name_en"],
        district=document["district"],
        valid_from=document["valid_from"],
        title_zh=title,
        title_en=document["title_en"],
        rules=Rules(
            float(rules["minimum_coverage_pct"]),
            Decimal(rules["implausible_factor"]),
            Decimal(rules["implausible_part"]),
            Decimal(rules["implausible_100m_cny"]),
            Decimal(str(rules["minimum_growth_pct"])),
        ),
        clusters=tuple(_cluster(entry, source) for entry in document["cluster"]),
    )


def _cluster(entry: Mapping[str, Any], source: str) -> Cluster:
    kind = ClusterKind(entry["kind"])
    if (kind is ClusterKind.COMPETITIVE) != ("base" in entry and "targets" in entry):
        raise ValueError(f"{entry['id']}: a competitive cluster has a base and targets, a potential one has neither")
    return Cluster(
        id=entry["id"],
        name_zh=entry["name_zh"],
        name_en=entry["name_en"],
        kind=kind,
        source=f"{source}{entry['clause']}",
        fields_zh=tuple(entry["fields_zh"]),
        places_zh=tuple(entry["places_zh"]),
        pattern_zh=entry["pattern_zh"],
        parks=tuple(entry["parks"]),
        base=_figure(entry["base"], source) if "base" in entry else None,
        targets=tuple(_figure(each, source) for each in entry.get("targets", ())),
    )


def _figure(entry: Mapping[str, Any], source: str) -> PlanFigure:
    output = Decimal(entry["output_100m_cny"])
    if not output > 0:
        raise ValueError(f"{entry}: an output of the plan must be above 0")
    return PlanFigure(int(entry["year"]), output, f"{source}{entry['clause']}")
