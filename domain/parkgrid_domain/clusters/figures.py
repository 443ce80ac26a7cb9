"""What is published of a cluster for a quarter: output, progress to its targets, energy beside output.

Every figure has a unit, a coverage, a source and either a value or the reason why there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from parkgrid_domain.clusters.reason import Reason

Detail: TypeAlias = Decimal | str | int | None


class Bound(StrEnum):
    """How far a value is the one that its name says."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    """Part of the enterprises is metered and nobody stated their part of the output: the true value is not smaller."""
    METERED_PART = "metered_part"
    """Of the metered enterprises alone, energy and output alike; their part of the cluster's output is stated."""


@dataclass(frozen=True, slots=True)
class ClusterFigure:
    """One published figure of a cluster."""

    name: str
    unit: str
    value: Decimal | None = None
    unavailable: Reason | None = None
    bound: Bound = Bound.EXACT
    coverage_pct: float | None = None
    """Known part of the metered intervals behind it; None where nothing metered is in it."""
    estimated_pct: float | None = None
    """What of the known part is an estimate."""
    output_share_pct: Decimal | None = None
    """How much of the cluster's output its metered enterprises make; None where nobody stated that, or nothing metered
    is in it. Coverage says nothing about the others: it belongs beside this."""
    example: bool = False
    """Whether an output in it is stated as an example, no statistics."""
    sources: tuple[str, ...] = ()
    revision: int | None = None
    """1 as first stated, one more for each revision of an output in it; None where no stated output is in it."""
    details: Mapping[str, Detail] = field(default_factory=dict)

    def basis(self, language: str) -> str:
        """What part of the cluster a metered figure is of, in `zh` or `en`; empty for the whole of it."""
        if self.value is None or self.bound is Bound.EXACT:
            return ""
        zh, en = _BASES[self.output_share_pct is None]
        text = zh if language == "zh" else en
        return text.format(pct=plain(self.output_share_pct) if self.output_share_pct is not None else "")


_BASES = (
    ("仅为计量企业，占集群产值 {pct} %", "metered enterprises only: {pct} % of the cluster's output"),
    ("仅为计量企业，其产值占比未填报", "metered enterprises only; their part of the output is not stated"),
)


def plain(number: Decimal) -> str:
    """A number without zeros at its end and without an exponent."""
    return f"{number.normalize():f}"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure means."""

    name: str
    unit: str
    zh: str
    en: str
    formula: str


def _targets(year: int) -> tuple[Definition, ...]:
    return (
        Definition(
            f"target_{year}", "亿元", f"{year}年目标", f"Target {year}", f"output that the plan sets for {year}"
        ),
        Definition(
            f"progress_{year}",
            "%",
            f"{year}年目标完成率",
            f"Progress to {year}",
            f"100 * newest annual output / target_{year}",
        ),
        Definition(
            f"required_growth_{year}",
            "%/a",
            f"至{year}年需年均增速",
            f"Growth needed to {year}",
            f"100 * ((target_{year} / newest annual output) ** (1 / ({year} - its year)) - 1)",
        ),
    )


DEFINITIONS = (
    Definition("base_output", "亿元", "2023年产值", "Output 2023", "output that the plan states for its base year"),
    Definition(
        "quarter_output", "亿元", "本季产值", "Output of the quarter", "stated, or cumulative - cumulative before"
    ),
    Definition(
        "cumulative_output", "亿元", "本年累计产值", "Output since January", "stated, or the sum of the quarters"
    ),
    Definition(
        "cumulative_growth",
        "%",
        "累计同比",
        "Growth on the year before",
        "100 * (cumulative_output / cumulative_output a year before - 1)",
    ),
    Definition(
        "annual_output", "亿元", "最新年度产值", "Newest annual output", "newest whole year, or the plan's base"
    ),
    *_targets(2025),
    *_targets(2030),
    Definition("energy", "kWh", "本季用电量", "Electricity of the quarter", "sum over accounts of share * consumption"),
    Definition("pv_energy", "kWh", "本季光伏发电量", "PV energy of the quarter", "sum over accounts of share * PV"),
    Definition(
        "storage_energy",
        "kWh",
        "本季储能放电量",
        "Storage energy of the quarter",
        "sum over accounts of share * discharged energy",
    ),
    Definition(
        "intensity", "kWh/万元", "单位产值电耗", "Electricity per 10,000 CNY", "energy / output of the same enterprises"
    ),
    Definition(
        "intensity_equivalent",
        "tce/万元",
        "单位产值用电折标煤（当量，含光伏）",
        "Standard coal of all electricity used per 10,000 CNY, equivalent",
        "intensity * kgce/kWh (calorific, 当量) / 1000",
    ),
    Definition(
        "intensity_equal_value",
        "tce/万元",
        "单位产值用电折标煤（等价，含光伏）",
        "Standard coal of all electricity used per 10,000 CNY, equal value",
        "intensity * kgce/kWh (thermal supply of the year, 等价) / 1000",
    ),
    Definition(
        "elasticity",
        "1",
        "电力消费弹性系数",
        "Elasticity",
        "growth of energy / growth of quarter_output, each on the same quarter of the year before",
    ),
    Definition("pv_share", "%", "占全区光伏比", "Share of all parks' PV", "100 * pv_energy / PV energy of all parks"),
    Definition(
        "storage_share",
        "%",
        "占全区储能放电比",
        "Share of all parks' storage",
        "100 * storage_energy / discharged energy of all parks",
    ),
)
"""Every figure of a cluster in the order of the report; the target years are those of the plan."""
BY_NAME = {definition.name: definition for definition in DEFINITIONS}


@dataclass(frozen=True, slots=True)
class CoalFactor:
    """How much standard coal a kWh stands for, as dated data say."""

    kgce_per_kwh: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Coal:
    """The factors of a year; None where nobody published one."""

    equivalent: CoalFactor | None = None
    """当量: the heat of a kWh."""
    equal_value: CoalFactor | None = None
    """等价: the coal that thermal supply burnt for it in that year."""
