"""Files of quarterly output: their columns, and what each row states, in CNY with every digit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum

from parkgrid_contract.refusal import shorten
from parkgrid_domain.clusters.plan import Cluster, Plan
from parkgrid_domain.clusters.quarter import Quarter, quarter
from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Findings, Sheet, number, plain, words
from parkgrid_domain.spreadsheet.mistake import Mistake
from parkgrid_domain.spreadsheet.table import FileColumn, Row, Table, table, until_too_many

SHEET = "季度产值 Output"
COLUMNS = (
    FileColumn(
        "cluster",
        "产业集群",
        "Cluster",
        "九个产业集群之一的名称",
        "Name of one of the nine clusters",
        ("集群", "集群名称", "产业集群名称"),
    ),
    FileColumn("quarter", "季度", "Quarter", "如 2024-Q2 或 2024年第二季度", "Such as 2024-Q2", ("所属季度",)),
    FileColumn(
        "basis",
        "口径",
        "Basis",
        "当季：仅这三个月；累计：自 1 月起",
        "quarter: these three months; cumulative: since January",
        ("统计口径",),
    ),
    FileColumn(
        "output", "产值", "Output", "不小于 0 的数字", "A number not below 0", ("工业产值", "总产值", "工业总产值")
    ),
    FileColumn(
        "unit", "单位", "Unit", "亿元、万元或元", "亿元 (100 million CNY), 万元 (10,000 CNY) or 元", required=False
    ),
    FileColumn("source", "来源", "Source", "数据出处，如统计局报表编号", "Who states it, and where", ("数据来源",)),
    FileColumn(
        "note",
        "备注",
        "Note",
        "可留空；示例数据写“示例”",
        "May stay empty; 示例 marks an example",
        ("说明",),
        required=False,
    ),
)
UNITS_CNY = {"亿元": Decimal(100_000_000), "万元": Decimal(10_000), "元": Decimal(1)}
_UNIT_NAMES = {
    **{name: name for name in UNITS_CNY},
    **dict.fromkeys(("100millioncny", "1e8cny", "亿", "人民币亿元"), "亿元"),
    **dict.fromkeys(("10000cny", "10,000cny", "10kcny", "万", "人民币万元"), "万元"),
    **dict.fromkeys(("cny", "rmb", "yuan", "人民币元"), "元"),
}
CNY_PER_100M = Decimal(100_000_000)
_Key = tuple[str, Quarter]


class Basis(StrEnum):
    """What an output of a quarter is the sum of."""

    QUARTER = "quarter"
    CUMULATIVE = "cumulative"


BASIS_NAMES = {
    **dict.fromkeys(("quarter", "当季", "本季", "单季", "季度", "q"), Basis.QUARTER),
    **dict.fromkeys(("cumulative", "累计", "本年累计", "ytd", "年初至今"), Basis.CUMULATIVE),
}


@dataclass(frozen=True, slots=True)
class StatedOutput:
    """One row: the output of a cluster in a quarter."""

    cluster: str
    quarter: Quarter
    basis: Basis
    output_cny: Decimal
    source: str
    note: str
    cell: str
    """The cell of the number."""
    stated: str
    """What stood there."""
    unit: str


@dataclass(frozen=True, slots=True)
class OutputFile:
    """What a file states; rows only when nothing is wrong with it."""

    rows: tuple[StatedOutput, ...]
    mistakes: tuple[Mistake, ...]
    notes: tuple[str, ...]


def read_outputs(sheet: Sheet, plan: Plan, today: date) -> OutputFile:
    """Read a sheet; any mistake refuses it whole, and all of them are told."""
    findings = Findings(list(sheet.mistakes), list(sheet.notes))
    found = table(sheet, COLUMNS, findings)
    heading_unit = _heading_unit(found, findings)
    read = [_row(row, plan, today, heading_unit, findings) for row in until_too_many(found.rows, findings)]
    _refuse_doubles(found, [key for key, _ in read], findings)
    rows = [stated for _, stated in read]
    complete = () if findings.mistakes else tuple(row for row in rows if row)
    return OutputFile(complete, tuple(findings.mistakes), tuple(findings.notes))


def unit_name(text: str) -> str | None:
    """亿元, 万元 or 元 for any way to write it; None for another word."""
    return _UNIT_NAMES.get(plain(text).replace(" ", "").casefold())


def _heading_unit(found: Table, findings: Findings) -> str | None:
    if "output" not in found.headings:
        return None
    stated = found.units.get("output")
    if stated is None:
        if "unit" not in found.headings:
            findings.add(found.headings["output"].address, "unit_missing")
        return None
    if unit_name(stated) is None:
        findings.add(found.headings["output"].address, "bad_unit", value=stated)
    return unit_name(stated)


def _row(
    row: Row, plan: Plan, today: date, heading_unit: str | None, findings: Findings
) -> tuple[_Key | None, StatedOutput | None]:
    before = len(findings.mistakes)
    for column in COLUMNS:
        unit_known = column.key == "unit" and heading_unit is None and not row["unit"].address.startswith("?")
        if (column.required or unit_known) and row[column.key].kind is CellKind.EMPTY:
            _missing(row[column.key], column, findings)
    cluster = _cluster(row["cluster"], plan, findings)
    when = _quarter(row["quarter"], today, findings)
    basis = _basis(row["basis"], findings)
    unit = _unit(row["unit"], heading_unit, findings)
    output = _output(row["output"], unit, cluster, plan, findings)
    source, note = words(row["source"], findings), words(row["note"], findings)
    key = None if cluster is None or when is None else (cluster.id, when)
    if cluster is None or when is None or basis is None or unit is None or output is None or not source:
        return key, None
    if len(findings.mistakes) > before:
        return key, None
    cell = row["output"]
    return key, StatedOutput(cluster.id, when, basis, output, source, note, cell.address, cell.text.strip(), unit)


def _missing(cell: Cell, column: FileColumn, findings: Findings) -> None:
    if not cell.address.startswith("?"):
        findings.add(cell.address, "missing", column_zh=column.zh, column_en=column.en)


def _cluster(cell: Cell, plan: Plan, findings: Findings) -> Cluster | None:
    text = plain(words(cell, findings))
    return None if not text else find_cluster(cell, text, plan, findings)


def find_cluster(cell: Cell, text: str, plan: Plan, findings: Findings) -> Cluster | None:
    """The cluster that a text names by id, Chinese or English name; a near name is offered for an unknown one."""
    known: dict[str, Cluster] = {}
    for cluster in plan.clusters:
        known |= dict.fromkeys(
            (cluster.id, cluster.name_zh, f"{cluster.name_zh}产业", f"{cluster.name_zh}产业集群"), cluster
        )
        known |= {cluster.name_en.casefold(): cluster, f"{cluster.name_zh} {cluster.name_en}".casefold(): cluster}
    if text.casefold() in known:
        return known[text.casefold()]
    near = get_close_matches(text.casefold(), known, 1, 0.5)
    hint = known[near[0]] if near else None
    findings.add(
        cell.address,
        "unknown_cluster",
        value=cell.shown,
        hint_zh=f"：是否为“{hint.name_zh}”？" if hint else "：请从模板的名单中选择",
        hint_en=f": did you mean {hint.name_en!r}?" if hint else ": choose one of the template's list",
    )
    return None


def _quarter(cell: Cell, today: date, findings: Findings) -> Quarter | None:
    text = words(cell, findings)
    if not text:
        return None
    try:
        found = quarter(text)
    except ValueError:
        findings.add(cell.address, "bad_quarter", value=cell.shown)
        return None
    if found.end > today:
        findings.add(cell.address, "future_quarter", value=found, today=today.isoformat())
        return None
    return found


def _basis(cell: Cell, findings: Findings) -> Basis | None:
    text = words(cell, findings)
    found = BASIS_NAMES.get(plain(text).casefold().partition(" ")[0])
    if text and found is None:
        findings.add(cell.address, "bad_basis", value=cell.shown)
    return found


def _unit(cell: Cell, heading_unit: str | None, findings: Findings) -> str | None:
    text = words(cell, findings)
    if not text:
        return heading_unit
    found = unit_name(text)
    if found is None:
        findings.add(cell.address, "bad_unit", value=cell.shown)
    elif heading_unit not in (None, found):
        findings.add(cell.address, "unit_conflict", value=cell.shown, heading=heading_unit)
        return None
    return found


def _output(cell: Cell, unit: str | None, cluster: Cluster | None, plan: Plan, findings: Findings) -> Decimal | None:
    found = number(cell, findings)
    if found is None:
        return None
    if found < 0:
        findings.add(cell.address, "negative", value=cell.shown)
        return None
    if unit is None or cluster is None or _other_unit(cell, unit, findings):
        return None
    output_100m_cny = found * UNITS_CNY[unit] / CNY_PER_100M
    low, high = plan.smallest_believable_100m_cny(cluster), plan.largest_believable_100m_cny(cluster)
    if output_100m_cny > high:
        findings.add(cell.address, "implausible", value=shorten(f"{output_100m_cny.normalize():f}", 40), limit=high)
        return None
    if 0 < output_100m_cny < low:
        findings.add(cell.address, "too_small", value=shorten(f"{output_100m_cny.normalize():f}", 40), limit=low)
        return None
    return found * UNITS_CNY[unit]


def _other_unit(cell: Cell, unit: str, findings: Findings) -> bool:
    """Whether the number format puts another unit behind the number than the one that is stated."""
    other = unit_name(cell.behind) not in {None, unit}
    if other:
        findings.add(cell.address, "format_unit", value=shorten(cell.behind, 60), unit=unit)
    return other


def _refuse_doubles(found: Table, keys: Sequence[_Key | None], findings: Findings) -> None:
    """A cluster and quarter may stand once; also where the rest of a row is wrong."""
    first: dict[_Key, str] = {}
    for row, key in zip(found.rows, keys, strict=False):
        cell = row["cluster"].address
        if key in first:
            findings.add(cell, "duplicate", first=first[key], value=f"{row['cluster'].shown} {key[1]}")
        elif key is not None:
            first[key] = cell
