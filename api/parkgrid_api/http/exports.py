"""A table in the form that was asked for: JSON, CSV, XLSX, Parquet or an Arrow stream, the same numbers in each.

    batches of rows ─▶ encode ─▶ pieces of bytes      one batch in memory at a time, except for XLSX,
                                                      whose rows wait in a temporary file until all are there

A cell is a text, an integer, a float, a `Decimal`, a truth or None; an instant is milliseconds since the epoch.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from parkgrid_contract.time import SHANGHAI

if TYPE_CHECKING:
    import pyarrow as pa

Row: TypeAlias = Sequence[Any]
Batches: TypeAlias = Iterable[Sequence[Row]]
_PIECE_BYTES = 65_536
_GROUP_ROWS = 65_536
"""Rows of one row group of a Parquet file: what is held in memory at a time."""
MOST_SHEET_ROWS = 100_000
"""Rows of one sheet. A sheet could hold 1,048,576, but this many of 20 columns already take half a minute to write."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_json = msgspec.json.Encoder(decimal_format="number")


class ColumnKind(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    INSTANT = "instant"
    WHOLE = "whole"
    NUMBER = "number"
    MONEY = "money"
    """A `Decimal` with the column's decimals."""


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """One column; its name ends in its unit where it has one, for an instant in JSON too: `_ms`."""

    name: str
    kind: ColumnKind = ColumnKind.TEXT
    unit: str = ""
    decimals: int = 3

    @property
    def member(self) -> str:
        """What it is called in JSON."""
        return self.name + ("_ms" if self.kind is ColumnKind.INSTANT else "")


@dataclass(frozen=True, slots=True)
class Table:
    """What a table is called, what its columns mean, and what is said once for all rows."""

    name: str
    columns: tuple[ExportColumn, ...]
    head: Mapping[str, Any] = field(default_factory=dict)
    zone: ZoneInfo = SHANGHAI
    """Where instants are shown for people; JSON, Parquet and Arrow keep the instant itself."""
    bom: bool = False
    """Whether CSV begins with a byte order mark, which some spreadsheet programs need to see Chinese."""


Encode: TypeAlias = Callable[[Table, Batches], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Format:
    """One form of answer."""

    name: str
    media_type: str
    encode: Encode


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Parts gathered to pieces that are worth sending."""
    held = bytearray()
    for part in parts:
        held += part
        if len(held) >= _PIECE_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def to_json(table: Table, batches: Batches) -> Iterator[bytes]:
    """The head's members, the rows as objects, and their number last: what breaks off is not JSON."""

    def parts() -> Iterator[bytes]:
        names = [column.member for column in table.columns]
        head = _json.encode(dict(table.head))[:-1]
        yield b'%b%b"%b":[' % (head, b"," if table.head else b"", table.name.encode())
        rows = 0
        for batch in batches:
            objects = _json.encode([dict(zip(names, row, strict=True)) for row in batch])[1:-1]
            if objects:
                yield (b"," if rows else b"") + objects
            rows += len(batch)
        yield b'],"rows":%d}' % rows

    return _pieces(parts())


def to_csv(table: Table, batches: Batches) -> Iterator[bytes]:
    """RFC 4180, UTF-8; instants in the park's zone with their offset; no text that a spreadsheet runs as a formula."""

    def parts() -> Iterator[bytes]:
        show = [_csv_cell(column, table.zone) for column in table.columns]
        yield ((_BOM if table.bom else "") + _csv_lines([[column.name for column in table.columns]])).encode()
        for batch in batches:
            yield _csv_lines([[cell(value) for cell, value in zip(show, row, strict=True)] for row in batch]).encode()

    return _pieces(parts())


def _csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _csv_cell(column: ExportColumn, zone: ZoneInfo) -> Callable[[Any], Any]:
    match column.kind:
        case ColumnKind.TEXT:
            return guarded
        case ColumnKind.INSTANT:
            return lambda at_ms: None if at_ms is None else _local(at_ms, zone).isoformat()
        case _:
            return lambda value: value


def guarded(text: str | None) -> str | None:
    """A text that a spreadsheet program would run as a formula, with an apostrophe before it (OWASP, CSV injection)."""
    return f"'{text}" if text is not None and text.startswith(_FORMULA_STARTS) else text


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)


def to_xlsx(table: Table, batches: Batches) -> Iterator[bytes]:
    """A workbook of one sheet: numbers with their decimals, instants as local times, text never a formula."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet(table.name[:31])
    _fill(sheet, table, batches)
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _fill(sheet: Any, table: Table, batches: Batches) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    for place, column in enumerate(table.columns, 1):
        sheet.column_dimensions[get_column_letter(place)].width = max(12, len(column.name) + 2)
    bold = Font(bold=True)
    headings = [
        column.name if column.kind is not ColumnKind.INSTANT else f"{column.name} ({table.zone})"
        for column in table.columns
    ]
    sheet.append([_styled(sheet, heading, font=bold) for heading in headings])
    show = [_sheet_cell(sheet, column, table.zone) for column in table.columns]
    for batch in batches:
        for row in batch:
            sheet.append([None if value is None else cell(value) for cell, value in zip(show, row, strict=True)])


def _styled(sheet: Any, value: Any, **style: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)
    for name, given in style.items():
        setattr(cell, name, given)
    return cell


def _sheet_cell(sheet: Any, column: ExportColumn, zone: ZoneInfo) -> Callable[[Any], Any]:
    match column.kind:
        case ColumnKind.INSTANT:
            form = "yyyy-mm-dd hh:mm:ss"
            return lambda at_ms: _styled(sheet, _local(at_ms, zone).replace(tzinfo=None), number_format=form)
        case ColumnKind.NUMBER | ColumnKind.MONEY:
            form = "#,##0" + ("." + "0" * column.decimals if column.decimals else "")
            return lambda value: _styled(sheet, value, number_format=form)
        case ColumnKind.WHOLE:
            return lambda value: value
        case ColumnKind.TEXT:
            return lambda text: _sheet_text(sheet, text)


def _sheet_text(sheet: Any, text: str) -> Any:
    shown = "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return _styled(sheet, shown, data_type="s") if shown.startswith("=") else shown


class _Pipe:
    """A file that is written by pyarrow and emptied by whoever sends it on."""

    closed = False

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = 0

    def write(self, data: Any) -> int:
        """Keep some bytes."""
        self._held += data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        """How many were written."""
        return self._at

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = bytes(self._held)
        self._held.clear()
        return taken

    def writable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is not: a pipe is emptied by `take`."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to let go."""


def to_parquet(table: Table, batches: Batches) -> Iterator[bytes]:
    """Row groups as they fill; each field carries its unit, the file the head, as JSON under `parkgrid`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, pipe = _schema(table), _Pipe()
    with pq.ParquetWriter(pa.PythonFile(pipe, mode="w"), schema, compression="zstd") as writer:
        for group in _grouped(schema, batches, _GROUP_ROWS):
            writer.write_table(group, row_group_size=_GROUP_ROWS)
            yield pipe.take()
    yield pipe.take()


def to_arrow(table: Table, batches: Batches) -> Iterator[bytes]:
    """The Arrow IPC streaming format, batch by batch as they are read; units and head as in Parquet."""
    import pyarrow as pa

    schema, pipe = _schema(table), _Pipe()
    with pa.ipc.new_stream(pa.PythonFile(pipe, mode="w"), schema) as writer:
        for group in _grouped(schema, batches, 1):
            writer.write_table(group)
            yield pipe.take()
    yield pipe.take()


def _grouped(schema: "pa.Schema", batches: Batches, least_rows: int) -> Iterator["pa.Table"]:
    """Columns of so many rows; each batch is turned at once, since columns take a tenth of what rows take."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        columns = zip(*batch, strict=True) if batch else [() for _ in schema]
        arrays = [pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)]
        held.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
        rows += len(batch)
        if rows >= least_rows:
            yield pa.Table.from_batches(held, schema)
            held, rows = [], 0
    yield pa.Table.from_batches(held, schema)


def _schema(table: Table) -> "pa.Schema":
    import pyarrow as pa

    def field_of(column: ExportColumn) -> "pa.Field[Any]":
        types: dict[ColumnKind, pa.DataType] = {
            ColumnKind.TEXT: pa.string(),
            ColumnKind.INSTANT: pa.timestamp("ms", tz=str(table.zone)),
            ColumnKind.WHOLE: pa.int64(),
            ColumnKind.NUMBER: pa.float64(),
            ColumnKind.MONEY: pa.decimal128(38, column.decimals),
        }
        return pa.field(column.name, types[column.kind], metadata={"unit": column.unit} if column.unit else None)

    return pa.schema([field_of(column) for column in table.columns], {"parkgrid": _json.encode(dict(table.head))})


FORMATS = {
    form.name: form
    for form in (
        Format("json", "application/json", to_json),
        Format("csv", "text/csv; charset=utf-8", to_csv),
        Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", to_xlsx),
        Format("parquet", "application/vnd.apache.parquet", to_parquet),
        Format("arrow", "application/vnd.apache.arrow.stream", to_arrow),
    )
}
"""Every form by the name that `format=` takes."""


def accepted(header: str) -> Format | None:
    """The form that an `Accept` header prefers; JSON when it takes anything, None when it takes none of them."""
    wanted = sorted((_preference(part) for part in header.split(",") if part.strip()), reverse=True)
    if not wanted:
        return FORMATS["json"]
    for quality, _, media in wanted:
        for form in FORMATS.values():
            own = form.media_type.partition(";")[0]
            if quality > 0 and media in {own, own.partition("/")[0] + "/*", "*/*"}:
                return form
    return None


def _preference(part: str) -> tuple[float, int, str]:
    """Quality, how particular it is, and the media type of one part of the header."""
    media, _, options = part.strip().lower().partition(";")
    media = media.strip()
    quality = 1.0
    for option in options.split(";"):
        name, _, value = option.strip().partition("=")
        if name == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return quality, 2 - media.count("*"), media
