"""A file of the registry to documents, each with the cells that it was read from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_accounting.spreadsheet.sheet import Take, read_bytes, read_sheet, read_sheets
from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Findings, Sheet
from parkgrid_domain.vpp import documents
from parkgrid_domain.vpp.documents import Contract, Location, Operator, Phase, Resource, Term
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.registration import Registered
from parkgrid_vpp.sheets.cells import Line, Place, lines
from parkgrid_vpp.sheets.tables import (
    CONTRACT_RESOURCES,
    CONTRACTS,
    LEVELS,
    LOCATIONS,
    METERS,
    OPERATORS,
    PHASE_STEPS,
    RESOURCES,
    TABLES,
    RegistryTable,
)
from parkgrid_vpp.sheets.writing import ESCAPED

_DEPTH = {level: depth for depth, level in enumerate(LEVELS)}
_Sheets = Mapping[str, tuple[str, Sheet]]
"""By table: the name of its sheet or file, and what stands there."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One document that a file states."""

    subject: str
    document: Registered
    places: Mapping[str, Place]
    """By field of the document; the empty field is its identifier."""

    def place(self, name: str) -> Place:
        """Where a field stands; of one without a cell, the identifier."""
        return self.places.get(name) or self.places[""]


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """What a file states, in the order in which it can be written, and everything wrong with its cells."""

    stated: Sequence[Stated]
    findings: Findings


@dataclass(frozen=True, slots=True)
class _Link:
    """A contract names a resource: both are identifiers."""


def read_registry(path: Path, pilot: Pilot, take: Take | None = None) -> RegistryFile:
    """Read a workbook, or a folder of CSV files. Raises `FileError` for what is neither.

    A resource without a row in the table of meters keeps the registers that it has in `pilot`, a contract without
    resources those that it names.
    """
    sheets = _folder(path) if path.is_dir() else _workbook(path, take)
    return _Reading(sheets, pilot).read()


def _workbook(path: Path, take: Take | None) -> _Sheets:
    if path.suffix.lower() not in {".xlsx", ".xlsm"}:
        raise FileError(
            f"“{path.name}”不是 .xlsx，也不是装有 CSV 文件的文件夹",
            f"{path.name!r} is neither .xlsx nor a folder of CSV files",
        )
    by_sheet = {each.sheet: each.name for each in TABLES}
    found = read_sheets(path, read_bytes(path), list(by_sheet), take)
    if not found:
        names = ", ".join(by_sheet)
        raise FileError(f"{path.name}：没有可读的工作表：{names}", f"{path.name}: none of the sheets {names}")
    return {by_sheet[each.name]: (each.name, each) for each in found}


def _folder(path: Path) -> _Sheets:
    known = {f"{each.name}.csv": each.name for each in TABLES}
    files = sorted(each for each in path.iterdir() if each.suffix.lower() == ".csv")
    for each in files:
        if each.name not in known:
            names = ", ".join(known)
            raise FileError(f"无法识别的文件“{each.name}”：应为 {names}", f"unknown file {each.name!r}: {names}")
    if not files:
        raise FileError(f"{path} 中没有 CSV 文件", f"there is no CSV file in {path}")
    return {known[each.name]: (each.name, _unescaped(read_sheet(each, read_bytes(each), ""))) for each in files}


def _unescaped(sheet: Sheet) -> Sheet:
    """The texts without the apostrophes that the export puts before what a spreadsheet would compute."""

    def plain(cell: Cell) -> Cell:
        escaped = cell.kind is CellKind.TEXT and cell.text[0] == "'" and cell.text[1:2] in ESCAPED
        return Cell(cell.address, cell.kind, cell.text[1:]) if escaped and len(cell.text) > 1 else cell

    return Sheet(sheet.name, [[plain(cell) for cell in row] for row in sheet.rows], sheet.mistakes, sheet.notes)


class _Reading:
    """One pass over the tables of a file."""

    def __init__(self, sheets: _Sheets, pilot: Pilot) -> None:
        self._sheets, self._pilot = sheets, pilot
        self._findings = Findings()

    def read(self) -> RegistryFile:
        """Everything that the file states."""
        meters = self._by_owner(METERS, Term, "resource")
        named = self._by_owner(CONTRACT_RESOURCES, _Link, "contract")
        operators = self._lines(OPERATORS, Operator)
        # What lies above is registered first.
        locations = sorted(self._lines(LOCATIONS, Location), key=lambda line: _DEPTH[line.told["level"]])
        resources, contracts = self._lines(RESOURCES, Resource), self._lines(CONTRACTS, Contract)
        self._refuse_unlisted(meters, resources, RESOURCES)
        self._refuse_unlisted(named, contracts, CONTRACTS)
        stated = [
            *(_stated("operator", each) for each in operators),
            *(_stated("location", each) for each in locations),
            *(self._resource(each, meters.get(each.told["id"], ())) for each in resources),
            *(self._contract(each, named.get(each.told["id"], ())) for each in contracts),
            *(_stated("phase", each, key="resource") for each in self._lines(PHASE_STEPS, Phase)),
        ]
        return RegistryFile(stated, self._findings)

    def _lines(self, table: RegistryTable, form: type[Any]) -> list[Line]:
        source, sheet = self._sheets.get(table.name, ("", Sheet("", [])))
        return lines(source, sheet, table, form, self._findings) if sheet.rows or sheet.mistakes else []

    def _by_owner(self, table: RegistryTable, form: type[Any], owner: str) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = {}
        for line in self._lines(table, form):
            found.setdefault(line.told[owner], []).append(line)
        return found

    def _refuse_unlisted(self, owned: Mapping[str, list[Line]], owners: Sequence[Line], table: RegistryTable) -> None:
        # With mistakes in that table its rows are not all known.
        listed = {each.told["id"] for each in owners}
        for owner in () if self._findings.mistakes else owned.keys() - listed:
            place = next(iter(owned[owner][0].places.values()))
            source = self._sheets.get(table.name, (table.sheet,))[0]
            self._findings.mistakes.append(place.mistaken("unlisted", sheet=source))

    def _resource(self, line: Line, meters: Sequence[Line]) -> Stated:
        known = self._pilot.resources.get(line.told["id"])
        terms = [{name: each.told[name] for name in ("register", "sign")} for each in meters]
        if not terms and known:
            terms = [{"register": each.register, "sign": each.sign} for each in known.meter]
        places = {f"meter[{number}].register": each.place("register") for number, each in enumerate(meters)}
        return _stated("resource", line, {"meter": terms}, places)

    def _contract(self, line: Line, named: Sequence[Line]) -> Stated:
        known = self._pilot.contracts.get(line.told["id"])
        resources = [each.told["resource"] for each in named] or list(known.resources if known else ())
        places = {f"resources[{number}]": each.place("resource") for number, each in enumerate(named)}
        return _stated("contract", line, {"resources": resources}, places)


def _stated(
    kind: str,
    line: Line,
    more: Mapping[str, Any] | None = None,
    places: Mapping[str, Place] | None = None,
    key: str = "id",
) -> Stated:
    told = {name: value for name, value in line.told.items() if name != key} | dict(more or {})
    document = cast("Registered", documents.read(kind, told))
    return Stated(line.told[key], document, {"": line.places[key], **line.places, **(places or {})})
