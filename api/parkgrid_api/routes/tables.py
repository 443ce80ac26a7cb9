"""Answers that are tables: the form that was asked for, sent while it is read, named so that it can be saved."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args, get_type_hints

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from parkgrid_api.http.exports import (
    FORMATS,
    MOST_SHEET_ROWS,
    Batches,
    ColumnKind,
    ExportColumn,
    Format,
    Row,
    Table,
    accepted,
)
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, Problem, ProblemError, refused
from parkgrid_api.services import Services
from parkgrid_database.connection import Connection

_UNITS = {"kwh": "kWh", "kvarh": "kvarh", "kw": "kW", "pct": "%", "min": "min", "s": "s"}
"""What the last word of a member's name says of its unit."""
Source = Callable[[Connection], tuple[Table, Batches]]
"""Reads a table from a snapshot: what it is, and its rows in batches."""


def columns_of(shape: type) -> tuple[ExportColumn, ...]:
    """The columns of a table whose rows have this shape, in its order."""
    return tuple(column_of(name, of) for name, of in get_type_hints(shape).items())


def column_of(name: str, of: Any) -> ExportColumn:
    """The column of a member that is called so and is `of` this type, or null."""
    if name.endswith("_ms"):
        return ExportColumn(name.removesuffix("_ms"), ColumnKind.INSTANT)
    unit = _UNITS.get(name.rpartition("_")[2], "")
    kinds = {of, *get_args(of)}
    if int in kinds:
        return ExportColumn(name, ColumnKind.WHOLE, unit)
    return (
        ExportColumn(name, ColumnKind.NUMBER, unit, 1 if unit == "%" else 3) if float in kinds else ExportColumn(name)
    )


def chosen(request: Request, values: Mapping[str, Any]) -> Format:
    """The form that `format` names, else the one that the `Accept` header prefers; a 406 when it takes none."""
    if values["format"] is not None:
        return FORMATS[values["format"]]
    header = request.headers.get("accept", "")
    form = accepted(header)
    if form is None:
        known = ", ".join(form.media_type.partition(";")[0] for form in FORMATS.values())
        named = "|".join(FORMATS)
        remedy = told(f"use one of {known}, or format={named}", f"请接受其中之一：{known}；或写明 format={named}")
        title = told("This format is not available.", "没有这种格式的回答。")
        raise ProblemError(Problem(HTTPStatus.NOT_ACCEPTABLE, title, (Mistake.of("Accept", header, remedy),)))
    return form


def refuse_long_sheet(form: Format, rows: int) -> None:
    """A 422 for more rows than a sheet is good for."""
    if form.name == "xlsx" and rows > MOST_SHEET_ROWS:
        remedy = told(
            f"a sheet of about {rows} rows is too long (at most {MOST_SHEET_ROWS}): "
            "take csv, parquet or arrow, or narrow it",
            f"表格约 {rows} 行，过长（最多 {MOST_SHEET_ROWS} 行）：请改用 csv、parquet 或 arrow，或缩小范围",
        )
        raise refused([Mistake.of("format", form.name, remedy)])


async def streamed(services: Services, form: Format, file_name: str, source: Source) -> Response:
    """A table that is read and sent piece by piece, from one snapshot."""

    def pieces(connection: Connection) -> Iterator[bytes]:
        return form.encode(*source(connection))

    body = await services.figures.stream(pieces)
    return StreamingResponse(body, headers=_headers(form, file_name), media_type=form.media_type)


def whole(form: Format, file_name: str, table: Table, rows: Sequence[Row]) -> Response:
    """A table that is already in memory."""
    body = b"".join(form.encode(table, [rows]))
    return Response(body, headers=_headers(form, file_name), media_type=form.media_type)


def _headers(form: Format, file_name: str) -> dict[str, str]:
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if form.name != "json":
        headers["Content-Disposition"] = f'attachment; filename="{file_name}.{form.name}"'
    return headers
