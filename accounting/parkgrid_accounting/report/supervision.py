"""The quarterly supervision table of the clusters (逐季滚动监督表): what stands in it; how it is drawn is elsewhere.

cluster_figures ─▶ Document: head, columns, one row a cluster, footnotes, sources ─▶ XLSX | PDF | CSV
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from math import ceil

from parkgrid_accounting.clusters.figures import ClusterFigures, ClusterQuarter, ParkEnergy
from parkgrid_accounting.report.words import WORDS
from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.clusters.figures import BY_NAME, DEFINITIONS, Bound, ClusterFigure, plain

_DECIMALS = {"亿元": 2, "%": 2, "%/a": 2, "kWh": 0, "kWh/万元": 2, "tce/万元": 5, "1": 2}
_ENERGY = (
    "energy",
    "intensity",
    "intensity_equivalent",
    "intensity_equal_value",
    "elasticity",
    "pv_share",
    "storage_share",
)
_OUTPUT = tuple(each.name for each in DEFINITIONS if each.name not in {*_ENERGY, "pv_energy", "storage_energy"})
_MOST_DIGITS = 9
_WORDS = {
    "zh": {
        "title": "逐季滚动监督表",
        "number": "序号",
        "cluster": "产业集群",
        "metered_share": "计量企业产值占比",
        "coverage": "计量区间完整率",
        "estimated": "其中估算区间占比",
        "revision": "修订",
        "source": "来源",
        "part_output": "一、产值与目标",
        "part_energy": "二、产值与用能",
        "part_parks": "三、园区用电归属",
        "park": "园区",
        "total": "用电量",
        "attributed": "已归属集群",
        "unattributed": "未归属",
        "made": "制表时间",
        "notes": "注",
        "sources": "来源",
        "metered": "园区 15 分钟电量（interval_energy）",
        "not_stated": "计量企业的产值占比未填报",
    },
    "en": {
        "title": ": quarterly supervision table",
        "number": "No.",
        "cluster": "Cluster",
        "metered_share": "Output of metered enterprises",
        "coverage": "Known intervals of their meters",
        "estimated": "Of these estimated",
        "revision": "Revision",
        "source": "Source",
        "part_output": "1. Output and targets",
        "part_energy": "2. Output and energy",
        "part_parks": "3. Whose energy: parks",
        "park": "Park",
        "total": "Consumption",
        "attributed": "Attributed to clusters",
        "unattributed": "Unattributed",
        "made": "Made at",
        "notes": "Notes",
        "sources": "Sources",
        "metered": "15-minute energy of the parks (interval_energy)",
        "not_stated": "the metered enterprises' part of the output is not stated",
    },
}
_REMARKS = {
    "zh": (
        "“—[n]”表示该数不可用，原因见注 n；不以 0 代替。",
        "完成率＝最新年度产值÷目标×100；需年均增速＝（目标÷最新年度产值）^(1÷剩余年数)−1。",
        "用能仅含电力，含自发光伏；单耗＝同一批企业的用电量÷产值；“≥”表示仅部分企业有计量、其产值占比未填报，数值为下限。",
        "“*（n %）”表示仅为有计量企业，其产值占集群产值 n %：电量、单耗均只是这一部分的，不代表整个集群。",
        "计量区间完整率只指有计量的企业，低于 {least:g} % 的用能数据不发布；未登记企业的用电列为“未归属”。",
        "占全区光伏比＝集群光伏发电量÷全区光伏发电量，不是光伏在用电中的比例（光伏自给）。",
        "修订号 1 为首次填报，其后每次更正加 1，历次数据均可查询。",
    ),
    "en": (
        "“—[n]”: not available, note n says why; it is never replaced by 0.",
        "Progress = 100 * newest annual output / target; growth needed = (target / that output)^(1/years left) - 1.",
        (
            "Electricity only, own PV included; intensity = energy / output of the same enterprises; “≥”: only part of "
            "the enterprises is metered and their part of the output is not stated, so the value is a lower bound."
        ),
        (
            "“* (n %)”: of the metered enterprises alone, which make n % of the cluster's output: energy and intensity "
            "are of this part, not of the whole cluster."
        ),
        (
            "Known intervals are those of the metered enterprises; below {least:g} % energy figures are not published. "
            "Energy of nobody's account is “unattributed”."
        ),
        "Share of all parks' PV = the cluster's PV energy / that of all parks; it is not the PV in consumption.",
        (
            "亿元 = 100 million CNY; 万元 = 10,000 CNY; tce: tonne of standard coal, "
            "by heat (equivalent) or by generation (equal value)."
        ),
        "Revision 1 is as first stated, each correction adds one; every former figure stays readable.",
    ),
}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column of the table."""

    key: str
    heading: str
    unit: str = ""
    decimals: int | None = None
    """Digits after the point; None for text."""
    energy: bool = False
    """Whether it stands in the part about energy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell: a number as it is, or a text; with a mark before or behind the number."""

    number: Decimal | None = None
    text: str = ""
    before: str = ""
    behind: str = ""

    def digits(self, decimals: int | None) -> int:
        """Digits after the point: those of its column, more for a number that would have fewer than three left."""
        least = decimals or 0
        return max(least, min(2 - self.number.adjusted(), _MOST_DIGITS)) if self.number and least else least

    def shown(self, decimals: int | None) -> str:
        """The text as it is printed; numbers are rounded only here."""
        if self.number is None:
            return self.text
        rounded = self.number.quantize(Decimal(1).scaleb(-self.digits(decimals)), ROUND_HALF_UP)
        return f"{self.before}{rounded:,f}{self.behind}"


@dataclass(frozen=True, slots=True)
class Document:
    """A table ready to be drawn."""

    language: str
    title: str
    subtitle: str
    columns: tuple[TableColumn, ...]
    rows: tuple[dict[str, Entry], ...]
    park_columns: tuple[TableColumn, ...]
    park_rows: tuple[dict[str, Entry], ...]
    notes: tuple[str, ...]
    reasons: tuple[str, ...]
    """Why figures are not available, by the numbers of the marks."""
    sources: tuple[str, ...]
    """Numbered from 1; the source column of the PDF names the numbers."""
    made: str

    def word(self, key: str) -> str:
        """A fixed word in the language of the document."""
        return _WORDS[self.language][key]


@dataclass(slots=True)
class _Writing:
    """What is gathered while rows are made: reasons and sources, each once and numbered."""

    language: str
    simulated: bool = False
    reasons: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def reason(self, text: str) -> int:
        return _placed(self.reasons, text)

    def source(self, text: str) -> int:
        return _placed(self.sources, self._metered() if text == "interval_energy" else text)

    def _metered(self) -> str:
        mark = f" 〔{WORDS['simulated'][self.language]}〕" if self.simulated else ""
        return _WORDS[self.language]["metered"] + mark


def _placed(listed: list[str], text: str) -> int:
    if text not in listed:
        listed.append(text)
    return listed.index(text) + 1


def document(figures: ClusterFigures, language: str, now: datetime) -> Document:
    """The table of a quarter in `zh` or `en`."""
    writing = _Writing(language, figures.simulated)
    words = _WORDS[language]
    rows = tuple(_row(number, each, writing) for number, each in enumerate(figures.clusters, 1))
    plan = figures.plan
    made = now.astimezone(SHANGHAI)
    _placed(writing.sources, plan.title_zh if language == "zh" else plan.title_en)
    return Document(
        language=language,
        title=f"{plan.name_zh if language == 'zh' else plan.name_en}{words['title']}",
        subtitle="".join(
            (figures.quarter.chinese if language == "zh" else str(figures.quarter), *_marks(figures, language))
        ),
        columns=_columns(language),
        rows=rows,
        park_columns=_park_columns(language),
        park_rows=tuple(_park_row(each, language) for each in figures.parks),
        notes=(
            *(each.format(least=plan.rules.minimum_coverage_pct) for each in _REMARKS[language]),
            *([WORDS["simulated_note"][language]] if figures.simulated else []),
        ),
        reasons=tuple(writing.reasons),
        sources=tuple(writing.sources),
        made=f"{words['made']} {made:%Y-%m-%d %H:%M} (UTC+8)",
    )


def _marks(figures: ClusterFigures, language: str) -> list[str]:
    """What must be said on every page."""
    told = {"simulated": figures.simulated, "example_output": figures.example}
    return [f"  〔{WORDS[key][language]}〕" for key, holds in told.items() if holds]


def _columns(language: str) -> tuple[TableColumn, ...]:
    words = _WORDS[language]
    found = [TableColumn("number", words["number"]), TableColumn("cluster", words["cluster"])]
    for name in (*_OUTPUT, *_ENERGY):
        each = BY_NAME[name]
        unit = {"%/a": "%", "1": ""}.get(each.unit, each.unit)
        found.append(
            TableColumn(name, each.zh if language == "zh" else each.en, unit, _DECIMALS[each.unit], name in _ENERGY)
        )
    found.append(TableColumn("metered_share", words["metered_share"], "%", 2, energy=True))
    found += [TableColumn(key, words[key], "%", 1, energy=True) for key in ("coverage", "estimated")]
    return (*found, TableColumn("revision", words["revision"]), TableColumn("source", words["source"]))


def _row(number: int, each: ClusterQuarter, writing: _Writing) -> dict[str, Entry]:
    row = {
        "number": Entry(text=str(number)),
        "cluster": Entry(text=each.cluster.name(writing.language)),
    }
    for figure in each.figures:
        row[figure.name] = _entry(figure, writing)
    energy = each["energy"]
    coverage, share = energy.coverage_pct, energy.output_share_pct
    lacking = "—" if energy.value is None else f"—[{writing.reason(_WORDS[writing.language]['not_stated'])}]"
    row["metered_share"] = Entry(text=lacking) if share is None else Entry(share)
    row["coverage"] = Entry(text="—") if coverage is None else Entry(_rounded_down(coverage))
    row["estimated"] = Entry(text="—") if energy.estimated_pct is None else Entry(_rounded_up(energy.estimated_pct))
    revision = each["quarter_output"].revision
    row["revision"] = Entry(text="—" if revision is None else str(revision))
    for key, names in (("source_output", _OUTPUT), ("source_energy", _ENERGY)):
        numbers = dict.fromkeys(writing.source(source) for name in names for source in each[name].sources)
        row[key] = Entry(text=" ".join(f"[S{place}]" for place in sorted(numbers)) or "—")
    every = dict.fromkeys(source for figure in each.figures for source in figure.sources)
    row["source"] = Entry(text="；".join(writing.sources[writing.source(source) - 1] for source in every))
    return row


def _rounded_down(pct: float) -> Decimal:
    """Coverage with one digit: 99.96 % must not be shown as 100 %."""
    return Decimal(int(pct * 10 + 1e-9)) / 10


def _rounded_up(pct: float) -> Decimal:
    """A share of estimates with one digit: 0.04 % must not be shown as none."""
    return Decimal(ceil(pct * 10 - 1e-9)) / 10


def _entry(figure: ClusterFigure, writing: _Writing) -> Entry:
    if figure.value is None:
        why = figure.unavailable.text(writing.language) if figure.unavailable else ""
        return Entry(text=f"—[{writing.reason(why)}]" if why else "—")
    mark = "≥" if figure.bound is Bound.AT_LEAST else ""
    share = figure.output_share_pct
    behind = f"* ({plain(share)} %)" if figure.bound is Bound.METERED_PART and share is not None else ""
    if figure.name == "annual_output":
        behind = f" ({figure.details['year']})"
    return Entry(figure.value, before=mark, behind=behind)


def _park_columns(language: str) -> tuple[TableColumn, ...]:
    words = _WORDS[language]
    return (
        TableColumn("park", words["park"]),
        *(TableColumn(key, words[key], "kWh", 0) for key in ("total", "attributed", "unattributed")),
        *(TableColumn(key, words[key], "%", 1) for key in ("coverage", "estimated")),
    )


def _park_row(each: ParkEnergy, language: str) -> dict[str, Entry]:
    amounts = {"total": each.energy_kwh, "attributed": each.attributed_kwh, "unattributed": each.unattributed_kwh}
    return {
        "park": Entry(text=each.name(language)),
        **{key: Entry(text="—") if amount is None else Entry(amount) for key, amount in amounts.items()},
        "coverage": Entry(_rounded_down(each.coverage_pct)),
        "estimated": Entry(_rounded_up(each.estimated_pct)),
    }
