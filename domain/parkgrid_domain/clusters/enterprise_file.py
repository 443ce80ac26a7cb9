"""Files that say whose account is whose: an enterprise, its one cluster, and its part of the energy of an account."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from parkgrid_contract.identity import IDENTIFIER
from parkgrid_domain.clusters.output_file import find_cluster
from parkgrid_domain.clusters.plan import Plan
from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Findings, Sheet, number, plain, words
from parkgrid_domain.spreadsheet.mistake import Mistake
from parkgrid_domain.spreadsheet.table import FileColumn, Row, Table, table, until_too_many

SHEET = "企业账户 Enterprises"
COLUMNS = (
    FileColumn("enterprise", "企业标识", "Enterprise", "小写字母、数字、- 和 _", "Lower-case letters, digits, - and _"),
    FileColumn("name_zh", "企业名称", "Chinese name", "可留空", "May stay empty", required=False),
    FileColumn("name_en", "英文名称", "English name", "可留空", "May stay empty", required=False),
    FileColumn("cluster", "产业集群", "Cluster", "一家企业只属于一个集群", "One cluster only", ("集群",)),
    FileColumn(
        "output_share",
        "占集群产值比例",
        "Share of cluster output",
        "百分之几，如 12.5；不知道则留空",
        "Per cent, such as 12.5; empty if not known",
        required=False,
    ),
    FileColumn("park", "园区", "Park", "园区标识，如 gaoxin-nan", "Identifier of the park"),
    FileColumn("account", "用电户号", "Account", "计量点的户号", "The account of the metering points", ("户号",)),
    FileColumn("share", "用电份额", "Share of account", "百分之几，最多 100", "Per cent, at most 100"),
    FileColumn("valid_from", "起始月", "From month", "如 2024-01", "Such as 2024-01"),
    FileColumn(
        "valid_to", "截止月", "To month", "不含该月，可留空", "This month excluded; may stay empty", required=False
    ),
    FileColumn("source", "来源", "Source", "数据出处", "Who states it, and where", ("数据来源",)),
)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class StatedEnterprise:
    """An enterprise and its cluster."""

    enterprise: str
    cluster: str
    name_zh: str
    name_en: str
    output_share_pct: Decimal | None
    source: str


@dataclass(frozen=True, slots=True)
class StatedAccount:
    """An enterprise's part of the energy of an account, from one month to another (excluded)."""

    park: str
    account: str
    enterprise: str
    valid_from: date
    valid_to: date | None
    share_pct: Decimal
    source: str

    def holds(self, month: date) -> bool:
        """Whether it holds in the month that starts on a day."""
        return self.valid_from <= month and (self.valid_to is None or month < self.valid_to)


@dataclass(frozen=True, slots=True)
class EnterpriseFile:
    """What a file states; nothing when anything is wrong with it."""

    enterprises: tuple[StatedEnterprise, ...]
    accounts: tuple[StatedAccount, ...]
    mistakes: tuple[Mistake, ...]
    notes: tuple[str, ...]


def read_enterprises(sheet: Sheet, plan: Plan) -> EnterpriseFile:
    """Read a sheet; any mistake refuses it whole, and all of them are told."""
    findings = Findings(list(sheet.mistakes), list(sheet.notes))
    found = table(sheet, COLUMNS, findings)
    read = [(row, _row(row, plan, findings)) for row in until_too_many(found.rows, findings)]
    stated = [(row, *both) for row, both in read if both]
    enterprises = _one_each([(row, enterprise) for row, enterprise, _ in stated], findings)
    accounts = _accounts([(row, account) for row, _, account in stated], findings)
    _refuse_too_much(found, enterprises, accounts, findings)
    if findings.mistakes:
        return EnterpriseFile((), (), tuple(findings.mistakes), tuple(findings.notes))
    return EnterpriseFile(tuple(enterprises.values()), tuple(accounts), (), tuple(findings.notes))


def _row(row: Row, plan: Plan, findings: Findings) -> tuple[StatedEnterprise, StatedAccount] | None:
    before = len(findings.mistakes)
    for column in COLUMNS:
        cell = row[column.key]
        if column.required and cell.kind is CellKind.EMPTY and not cell.address.startswith("?"):
            findings.add(cell.address, "missing", column_zh=column.zh, column_en=column.en)
    enterprise, park = (_identifier(row[key], findings) for key in ("enterprise", "park"))
    named = plain(words(row["cluster"], findings))
    cluster = find_cluster(row["cluster"], named, plan, findings) if named else None
    share, output_share = _share(row["share"], findings), _share(row["output_share"], findings)
    start, end = _month(row["valid_from"], findings), _month(row["valid_to"], findings)
    if start and end and end <= start:
        findings.add(row["valid_to"].address, "month_order", value=f"{end:%Y-%m}", first=f"{start:%Y-%m}")
    account, source, name_zh, name_en = (
        words(row[key], findings) for key in ("account", "source", "name_zh", "name_en")
    )
    if len(findings.mistakes) > before or cluster is None or share is None or start is None or not account:
        return None
    return (
        StatedEnterprise(enterprise, cluster.id, name_zh, name_en, output_share, source),
        StatedAccount(park, account, enterprise, start, end, share, source),
    )


def _identifier(cell: Cell, findings: Findings) -> str:
    text = words(cell, findings)
    if text and not IDENTIFIER.fullmatch(text):
        findings.add(cell.address, "bad_identifier", value=cell.shown)
    return text


def _share(cell: Cell, findings: Findings) -> Decimal | None:
    """A part in per cent, above 0 and at most 100."""
    found = number(cell, findings)
    if found is not None and not 0 < found <= _HUNDRED:
        findings.add(cell.address, "out_of_range", value=cell.shown, low=0, high=100)
        return None
    return found


def _month(cell: Cell, findings: Findings) -> date | None:
    text = plain(words(cell, findings))
    if not text:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        findings.add(cell.address, "bad_month", value=cell.shown)
        return None


def _one_each(stated: list[tuple[Row, StatedEnterprise]], findings: Findings) -> dict[str, StatedEnterprise]:
    """One entry for each enterprise: several rows may name it for several accounts, but only one cluster."""
    found: dict[str, tuple[Row, StatedEnterprise]] = {}
    for row, each in stated:
        first_row, first = found.setdefault(each.enterprise, (row, each))
        if each.cluster != first.cluster:
            at, value = first_row["cluster"].address, each.enterprise
            findings.add(row["cluster"].address, "two_clusters", value=value, first=at, other=first.cluster)
        if each.output_share_pct != first.output_share_pct:
            at = first_row["output_share"].address
            findings.add(row["output_share"].address, "two_shares", value=each.enterprise, first=at)
    return {name: each for name, (_, each) in found.items()}


def _accounts(stated: list[tuple[Row, StatedAccount]], findings: Findings) -> list[StatedAccount]:
    first: dict[tuple[str, str, str, date], str] = {}
    kept = []
    for row, each in stated:
        key = (each.park, each.account, each.enterprise, each.valid_from)
        cell = row["account"].address
        if key in first:
            value = f"{each.enterprise} {each.park}/{each.account} {each.valid_from:%Y-%m}"
            findings.add(cell, "duplicate", first=first[key], value=value)
            continue
        first[key] = cell
        kept.append(each)
    return kept


def _refuse_too_much(
    found: Table, enterprises: dict[str, StatedEnterprise], accounts: list[StatedAccount], findings: Findings
) -> None:
    """Parts of one whole may not come to more than the whole, in any month."""
    if not found.rows:
        return
    heads = {key: cell.address for key, cell in found.headings.items()}
    for (park, account), total in over_full(accounts):
        findings.add(heads["share"], "over_account", value=f"{park}/{account}", sum=total)
    by_cluster: dict[str, Decimal] = defaultdict(Decimal)
    for each in enterprises.values():
        by_cluster[each.cluster] += each.output_share_pct or 0
    for cluster, total in by_cluster.items():
        if total > _HUNDRED:
            findings.add(heads["output_share"], "over_cluster", value=cluster, sum=total)


def over_full(accounts: list[StatedAccount]) -> list[tuple[tuple[str, str], Decimal]]:
    """The accounts whose shares come to more than 100 % in some month, with the largest sum."""
    grouped: dict[tuple[str, str], list[StatedAccount]] = defaultdict(list)
    for each in accounts:
        grouped[each.park, each.account].append(each)
    # A sum can only grow where a share begins.
    sums = (
        (key, max(sum((each.share_pct for each in held if each.holds(at.valid_from)), Decimal()) for at in held))
        for key, held in grouped.items()
    )
    return [(key, total) for key, total in sums if total > _HUNDRED]
