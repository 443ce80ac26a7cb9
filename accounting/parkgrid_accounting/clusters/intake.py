"""Takes files of outputs and enterprises in: whole or not at all, each file once, every former figure kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from parkgrid_accounting.clusters.figures import enterprises_of, revisions
from parkgrid_accounting.spreadsheet.sheet import Take, read_bytes, read_sheet
from parkgrid_accounting.statements import statement
from parkgrid_contract.time import SHANGHAI
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.clusters import enterprise_file, output_file
from parkgrid_domain.clusters.enterprise_file import (
    EnterpriseFile,
    StatedAccount,
    StatedEnterprise,
    over_full,
    read_enterprises,
)
from parkgrid_domain.clusters.output_file import OutputFile, StatedOutput, read_outputs
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.spreadsheet.mistake import Mistake, mistake


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file."""

    mistakes: tuple[Mistake, ...] = ()
    """Any of them refuses the file whole."""
    notes: tuple[str, ...] = ()
    """What was read in another form than it was written."""
    rows: int = 0
    added: int = 0
    revised: int = 0
    unchanged: int = 0
    before: str = ""
    """Who took the same file in before, and when; then nothing was done."""
    dry: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    kind: str
    file: str
    file_digest: str
    entered_by: str
    entered_at: datetime


def take_outputs(dsn: str, path: Path, by: str, now: datetime, *, take: Take | None = None, dry: bool = False) -> Taken:
    """Take in a file of quarterly outputs. Raises `FileError` and the errors of the store."""
    content = read_bytes(path)
    today = now.astimezone(SHANGHAI).date()
    found = read_outputs(read_sheet(path, content, output_file.SHEET, take), plan(), today)
    if found.mistakes:
        return Taken(found.mistakes, found.notes, dry=dry)
    return _take(dsn, _file("output", path, content, by, now), found, dry=dry)


def take_enterprises(
    dsn: str, path: Path, by: str, now: datetime, *, take: Take | None = None, dry: bool = False
) -> Taken:
    """Take in a file of enterprises and their accounts. Raises `FileError` and the errors of the store."""
    content = read_bytes(path)
    found = read_enterprises(read_sheet(path, content, enterprise_file.SHEET, take), plan())
    if found.mistakes:
        return Taken(found.mistakes, found.notes, dry=dry)
    return _take(dsn, _file("enterprise", path, content, by, now), found, dry=dry)


def _file(kind: str, path: Path, content: bytes, by: str, now: datetime) -> _File:
    return _File(kind, path.name, hashlib.sha256(content).hexdigest(), by, now)


def _take(dsn: str, file: _File, found: OutputFile | EnterpriseFile, *, dry: bool) -> Taken:
    with translated(), psycopg.connect(dsn, connect_timeout=5) as connection:
        connection.execute(statement("clusters/lock"))
        if before := _before(connection, file):
            return Taken(notes=found.notes, before=before, dry=dry)
        if isinstance(found, OutputFile):
            rows, inserts = _outputs(connection, found.rows)
            mistakes: tuple[Mistake, ...] = ()
        else:
            rows, inserts, mistakes = _enterprises(connection, found)
        if mistakes:
            return Taken(mistakes, found.notes, dry=dry)
        if not dry:
            _insert(connection, file, inserts)
    revised = sum(known for _, _, known in inserts)
    return Taken((), found.notes, rows, len(inserts) - revised, revised, rows - len(inserts), dry=dry)


_Insert = tuple[str, Mapping[str, Any], bool]
"""Statement, values, and whether there is a former figure."""


def _before(connection: Connection, file: _File) -> str:
    with connection.cursor(row_factory=dict_row) as cursor:
        values = {"kind": file.kind, "file_digest": file.file_digest}
        row = cursor.execute(statement("clusters/import"), values).fetchone()
    if row is None:
        return ""
    return f"{row['file']}, {row['entered_by']}, {row['entered_at'].astimezone(UTC):%Y-%m-%d %H:%MZ}"


def _outputs(connection: Connection, stated: Sequence[StatedOutput]) -> tuple[int, list[_Insert]]:
    current = {
        (each.output.cluster, each.output.quarter): (
            each.output.basis,
            each.output.output_100m_cny,
            each.output.source,
            each.note,
        )
        for each in revisions(connection)
        if each.current
    }
    inserts: list[_Insert] = []
    for each in stated:
        former = current.get((each.cluster, each.quarter))
        if former != (each.basis, each.output_cny / output_file.CNY_PER_100M, each.source, each.note):
            values = {**asdict(each), "quarter": str(each.quarter), "basis": each.basis.value}
            inserts.append(("clusters/insert_output", values, former is not None))
    return len(stated), inserts


def _enterprises(connection: Connection, found: EnterpriseFile) -> tuple[int, list[_Insert], tuple[Mistake, ...]]:
    enterprises, accounts = enterprises_of(connection)
    known = {each.enterprise: each for each in enterprises}
    held = {_key(each): each for each in accounts}
    inserts: list[_Insert] = [
        ("clusters/insert_enterprise", asdict(each), each.enterprise in known)
        for each in found.enterprises
        if known.get(each.enterprise) != each
    ]
    inserts += [
        ("clusters/insert_account", asdict(share), _key(share) in held)
        for share in found.accounts
        if held.get(_key(share)) != share
    ]
    after = held | {_key(share): share for share in found.accounts}
    mistakes = [
        mistake("A1", "over_account", value=f"{park}/{account}", sum=total)
        for (park, account), total in over_full(list(after.values()))
    ]
    mistakes += _over_cluster(known | {each.enterprise: each for each in found.enterprises})
    return len(found.enterprises) + len(found.accounts), inserts, tuple(mistakes)


def _over_cluster(enterprises: Mapping[str, StatedEnterprise]) -> list[Mistake]:
    sums: dict[str, Decimal] = {}
    for each in enterprises.values():
        sums[each.cluster] = sums.get(each.cluster, Decimal()) + (each.output_share_pct or 0)
    return [
        mistake("A1", "over_cluster", value=cluster, sum=total)
        for cluster, total in sums.items()
        if total > 100  # noqa: PLR2004 - per cent
    ]


def _key(share: StatedAccount) -> tuple[str, str, str, date]:
    return (share.park, share.account, share.enterprise, share.valid_from)


def _insert(connection: Connection, file: _File, inserts: Sequence[_Insert]) -> None:
    values = {**asdict(file), "figures": len(inserts)}
    row = connection.execute(statement("clusters/note_import"), values).fetchone()
    assert row is not None  # noqa: S101  (the statement returns the row that it writes)
    for name, each, _ in inserts:
        connection.execute(statement(name), {**each, "import_id": row[0]})
