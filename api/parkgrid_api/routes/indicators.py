"""Indicators: what each one is, and the figures of a park, a device or a place over a period."""

from typing import Any

from fastapi import APIRouter, Request, Response

from parkgrid_accounting.address import IndicatorAddress
from parkgrid_accounting.figures.district import OF_PARKS_TOGETHER, district_figures, metered_until_ms
from parkgrid_accounting.figures.indicators import figures
from parkgrid_accounting.figures.inputs import Given
from parkgrid_accounting.scope import Scope
from parkgrid_api import statements
from parkgrid_api.answers.indicators import (
    AnyFigureShape,
    BoundsShape,
    Definitions,
    DisplayShape,
    DistrictFigures,
    Figures,
    FigureShape,
    IndicatorShape,
)
from parkgrid_api.http import parameters
from parkgrid_api.http.exports import ColumnKind, ExportColumn, Table
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.problems import Mistake, not_found, refused
from parkgrid_api.routes.accounts import Asked, accounted, asked, too_many_days
from parkgrid_api.routes.describe import described, room
from parkgrid_api.routes.tables import chosen, whole
from parkgrid_api.services import Services, answer
from parkgrid_database.connection import Connection
from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.definition import Bounds, Figure, Indicator

_NAMES = Parameter(
    "names",
    "Names of indicators separated by commas; without it, all.",
    parameters.names,
    {"type": "string"},
    "self_consumption_ratio,self_sufficiency_ratio",
)
_UNTIL = Parameter(
    "until",
    "Where a period that still runs ends: `now`, or `metered`, as far as the park's energy is metered.",
    parameters.one_of("now", "metered"),
    {"type": "string", "enum": ["now", "metered"]},
    "metered",
    default="now",
)
_PLACES = ("gateway", "device", "line", "transformer", "account")
_PARAMETERS = (
    parameters.PARK,
    parameters.PERIOD,
    _NAMES,
    _UNTIL,
    *parameters.PLACES,
    parameters.FORMAT,
    parameters.BOM,
)
_DISTRICT_PARAMETERS = (parameters.PERIOD, _UNTIL)
_COLUMNS = (
    ExportColumn("name"),
    ExportColumn("name_zh"),
    ExportColumn("name_en"),
    ExportColumn("value", ColumnKind.NUMBER, decimals=6),
    ExportColumn("unit"),
    ExportColumn("coverage_pct", ColumnKind.NUMBER, "%", 1),
    ExportColumn("estimated_pct", ColumnKind.NUMBER, "%", 1),
    ExportColumn("unavailable"),
    ExportColumn("unavailable_zh"),
    ExportColumn("at", ColumnKind.INSTANT),
    ExportColumn("address"),
)


def _definition(indicator: Indicator) -> IndicatorShape:
    return {
        "name": indicator.name,
        "name_zh": indicator.name_zh,
        "name_en": indicator.name_en,
        "formula": indicator.formula,
        "unit": indicator.unit,
        "inputs": list(indicator.inputs),
        "optional_inputs": list(indicator.optional),
        "ratings": list(indicator.ratings),
        "factors": [*indicator.factors, *indicator.optional_factors],
        "minimum_coverage_pct": indicator.minimum_coverage_pct,
        "bounds": _bounds(indicator.bounds),
        "display": _display(indicator),
        "source": indicator.source,
    }


def _bounds(bounds: Bounds) -> BoundsShape:
    return {"low": bounds.low, "high": bounds.high, "per_hour": bounds.per_hour, "why": bounds.why}


def _display(indicator: Indicator) -> DisplayShape:
    return {"share": indicator.display.share, "digits": indicator.display.digits}


_DEFINITIONS: Definitions = {"indicators": [_definition(each) for each in INDICATORS.values()]}
_EXAMPLE_FIGURE: AnyFigureShape = {
    "name": "self_consumption_ratio",
    "name_zh": "自发自用率",
    "name_en": "Self-consumption",
    "value": 0.727274,
    "unit": "",
    "display": {"share": True, "digits": 0},
    "coverage_pct": 99.2,
    "estimated_pct": 0.4,
    "unavailable": None,
    "unavailable_zh": None,
    "at_ms": None,
    "details": {},
}
_EXAMPLE: Figures = {
    "park": "gaoxin-nan",
    "period": "2026-11",
    "from_ms": 1793462400000,
    "to_ms": 1796054400000,
    "as_of_ms": 1795392000000,
    "until_ms": 1795392000000,
    "provisional": True,
    "indicators": [{**_EXAMPLE_FIGURE, "address": "indicator/gaoxin-nan/self_consumption_ratio/2026-11"}],
}
_OF_DISTRICT: DistrictFigures = {
    "period": "2026-11-23",
    "from_ms": 1795363200000,
    "to_ms": 1795449600000,
    "as_of_ms": 1795392000000,
    "parks": ["gaoxin-nan"],
    "until_ms": 1795391100000,
    "provisional": True,
    "indicators": [
        {**_EXAMPLE_FIGURE, "addresses": ["indicator/gaoxin-nan/self_consumption_ratio/2026-11-23"]},
    ],
}
_MOST_PARKS, _MOST_DAYS = 500, 31


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("indicators")

    @router.get("/indicators", **described("What each indicator is", Definitions, _DEFINITIONS))
    async def definitions(request: Request) -> Response:
        parameters.read(request, ())
        return answer(_DEFINITIONS)

    @router.get(
        "/parks/{park}/indicators",
        **described("Indicators of a park, a device or a place over a period", Figures, _EXAMPLE, _PARAMETERS),
    )
    async def of_a_park(request: Request) -> Response:
        values = parameters.read(request, _PARAMETERS)
        form = chosen(request, values)
        names, scope = _names(values["names"]), _scope(values)
        found = await asked(services, values)
        until, stop_ms = values["until"], found.stop_ms

        def compute(connection: Connection) -> tuple[int, list[Figure]]:
            until_ms = _until(connection, until, [found.park], stop_ms)
            return until_ms, figures(connection, scope, found.period, names, Given(until_ms=until_ms))

        until_ms, computed = await accounted(services, "park", found.park, compute)
        rows = [_row(each, scope, found) for each in computed]
        provisional = until_ms < found.period.end_ms
        if form.name == "json":
            head = found.head()
            return answer(Figures(**head, until_ms=until_ms, provisional=provisional, indicators=rows))
        head_of_table = {**found.head(), "until_ms": until_ms, "provisional": provisional}
        table = Table("indicators", _COLUMNS, head_of_table, found.zone, values["bom"] == "true")
        told = [[dict(row)[column.member] for column in _COLUMNS] for row in rows]
        return whole(form, f"{found.park}-indicators-{found.period.text}", table, told)

    _together(router, services)
    return router


def _together(router: APIRouter, services: Services) -> None:
    """The address of figures of parks together."""

    @router.get(
        "/district/indicators",
        **described(
            "Indicators of parks together over a period",
            DistrictFigures,
            _OF_DISTRICT,
            _DISTRICT_PARAMETERS,
            found=False,
        ),
    )
    async def of_a_district(request: Request) -> Response:
        values = parameters.read(request, _DISTRICT_PARAMETERS)
        known = await services.database.rows(statements.plain("parks"), {"park": None, "limit": _MOST_PARKS})
        parks = [row["park"] for row in known]
        if not parks:
            remedy = told("no park has ever reported: see /api/v1/parks", "还没有园区上报过数据：见 /api/v1/parks")
            raise not_found("park", "", remedy)
        found = await asked(services, {"park": parks[0], "period": values["period"]})
        if (found.period.end - found.period.first).days > _MOST_DAYS:
            more = told(", or park by park", "，或逐个园区查询")
            raise refused([Mistake.of("period", found.period.text, too_many_days(_MOST_DAYS) + more)])
        until, stop_ms = values["until"], found.stop_ms

        def compute(connection: Connection) -> tuple[int, list[Figure]]:
            until_ms = _until(connection, until, parks, stop_ms)
            given = Given(until_ms=until_ms)
            return until_ms, district_figures(connection, parks, found.period, OF_PARKS_TOGETHER, given)

        until_ms, computed = await accounted(services, "park", parks, compute)
        document: DistrictFigures = {
            "period": found.period.text,
            "from_ms": found.period.start_ms,
            "to_ms": found.period.end_ms,
            "as_of_ms": found.now_ms,
            "parks": parks,
            "until_ms": until_ms,
            "provisional": until_ms < found.period.end_ms,
            "indicators": [{**_figure(each), "addresses": _addresses(each, parks, found)} for each in computed],
        }
        return answer(document)


def _until(connection: Connection, wanted: str, parks: list[str], stop_ms: int) -> int:
    """Where the figures end: at the end of the period or now, or as far as energy is metered."""
    metered_ms = metered_until_ms(connection, parks) if wanted == "metered" else None
    return stop_ms if metered_ms is None else min(stop_ms, metered_ms)


def _addresses(figure: Figure, parks: list[str], found: Asked) -> list[str]:
    """Of the figures of each park, which a trace can follow."""
    return [str(IndicatorAddress(park, figure.name, found.period)) for park in parks]


def _names(wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    unknown = [name for name in wanted or () if name not in INDICATORS]
    if unknown:
        remedy = told("is not an indicator; see /api/v1/indicators", "不是指标名称；见 /api/v1/indicators")
        raise refused([Mistake.of("names", name, remedy) for name in unknown[:10]])
    return wanted


def _scope(values: dict[str, Any]) -> Scope:
    """The scope that is asked for: a device with its gateway, or one place, since each has one address."""
    given = [name for name in _PLACES if values[name] is not None]
    if "device" in given and "gateway" not in given:
        remedy = told("needs its gateway too: gateway=gw-1", "还需要写明网关：gateway=gw-1")
        raise refused([Mistake.of("device", values["device"], remedy)])
    if len(given) > 1 and given != ["gateway", "device"]:
        remedy = told(
            "state one place at a time: its figures have one address", "一次只能写一个位置：每个数值只有一个地址"
        )
        raise refused([Mistake.of(given[1], values[given[1]], remedy)])
    return Scope(values["park"], **{name: values[name] for name in _PLACES})


def _row(figure: Figure, scope: Scope, asked_for: Asked) -> FigureShape:
    place = (scope.gateway, scope.device, scope.line, scope.transformer, scope.account)
    return {**_figure(figure), "address": str(IndicatorAddress(scope.park, figure.name, asked_for.period, *place))}


def _figure(figure: Figure) -> AnyFigureShape:
    known = INDICATORS[figure.name]
    return {
        "name": figure.name,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "value": figure.value,
        "unit": figure.unit,
        "display": _display(known),
        "coverage_pct": figure.coverage_pct,
        "estimated_pct": figure.estimated_pct,
        "unavailable": figure.unavailable,
        "unavailable_zh": figure.unavailable_zh,
        "at_ms": figure.at_ms,
        "details": dict(figure.details),
    }
