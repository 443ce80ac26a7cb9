"""Indicators: what each one is, and the figures of a park, a device or a place over a period."""

from typing import Any

from fastapi import APIRouter, Request, Response

from accounting.address import IndicatorAddress
from accounting.figures.indicators import figures
from accounting.figures.inputs import Given
from accounting.scope import Scope
from api import parameters
from api.exports import Column, Kind, Table
from api.figure_answers import Definitions, Figures
from api.figures import Connection
from api.parameters import Parameter
from api.problems import Mistake, refused
from api.routes.accounts import Asked, accounted, asked
from api.routes.describe import described, room
from api.routes.tables import chosen, whole
from api.services import Services, answer
from domain.indicators import INDICATORS
from domain.indicators.definition import Figure, Indicator

_NAMES = Parameter(
    "names",
    "Names of indicators separated by commas; without it, all.",
    parameters.names,
    {"type": "string"},
    "self_consumption_ratio,self_sufficiency_ratio",
)
_PLACES = ("gateway", "device", "line", "transformer", "account")
_PARAMETERS = (
    parameters.PARK,
    parameters.PERIOD,
    _NAMES,
    *parameters.PLACES,
    parameters.FORMAT,
    parameters.BOM,
)
_COLUMNS = (
    Column("name"),
    Column("name_zh"),
    Column("name_en"),
    Column("value", Kind.NUMBER, decimals=6),
    Column("unit"),
    Column("coverage_pct", Kind.NUMBER, "%", 1),
    Column("estimated_pct", Kind.NUMBER, "%", 1),
    Column("unavailable"),
    Column("unavailable_zh"),
    Column("at", Kind.INSTANT),
    Column("address"),
)


def _definition(indicator: Indicator) -> dict[str, Any]:
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
        "source": indicator.source,
    }


_DEFINITIONS = {"indicators": [_definition(each) for each in INDICATORS.values()]}
_EXAMPLE = {
    "park": "gaoxin-nan",
    "period": "2026-11",
    "from_ms": 1793462400000,
    "to_ms": 1796054400000,
    "as_of_ms": 1795392000000,
    "provisional": True,
    "indicators": [
        {
            "name": "self_consumption_ratio",
            "name_zh": "自发自用率",
            "name_en": "Self-consumption",
            "value": 0.727274,
            "unit": "",
            "coverage_pct": 99.2,
            "estimated_pct": 0.4,
            "unavailable": None,
            "unavailable_zh": None,
            "at_ms": None,
            "details": {},
            "address": "indicator/gaoxin-nan/self_consumption_ratio/2026-11",
        }
    ],
}


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
        given = Given(until_ms=found.stop_ms)

        def compute(connection: Connection) -> list[Figure]:
            return figures(connection, scope, found.period, names, given)

        rows = [_row(each, scope, found) for each in await accounted(services, "park", found.park, compute)]
        head = {**found.head(), "provisional": found.stop_ms < found.period.end_ms}
        if form.name == "json":
            return answer({**head, "indicators": rows})
        table = Table("indicators", _COLUMNS, head, found.zone, values["bom"] == "true")
        told = [
            [row[column.name + ("_ms" if column.kind is Kind.INSTANT else "")] for column in _COLUMNS] for row in rows
        ]
        return whole(form, f"{found.park}-indicators-{found.period.text}", table, told)

    return router


def _names(wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    unknown = [name for name in wanted or () if name not in INDICATORS]
    if unknown:
        raise refused([Mistake.of("names", name, "is no indicator; see /api/v1/indicators") for name in unknown[:10]])
    return wanted


def _scope(values: dict[str, Any]) -> Scope:
    """The scope that is asked for: a device with its gateway, or one place, since each has one address."""
    given = [name for name in _PLACES if values[name] is not None]
    if "device" in given and "gateway" not in given:
        raise refused([Mistake.of("device", values["device"], "needs its gateway too: gateway=gw-1")])
    if len(given) > 1 and given != ["gateway", "device"]:
        raise refused(
            [Mistake.of(given[1], values[given[1]], "state one place at a time: its figures have one address")]
        )
    return Scope(values["park"], **{name: values[name] for name in _PLACES})


def _row(figure: Figure, scope: Scope, asked_for: Asked) -> dict[str, Any]:
    known = INDICATORS[figure.name]
    place = (scope.gateway, scope.device, scope.line, scope.transformer, scope.account)
    address = IndicatorAddress(scope.park, figure.name, asked_for.period, *place)
    return {
        "name": figure.name,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "value": figure.value,
        "unit": figure.unit,
        "coverage_pct": figure.coverage_pct,
        "estimated_pct": figure.estimated_pct,
        "unavailable": figure.unavailable,
        "unavailable_zh": figure.unavailable_zh,
        "at_ms": figure.at_ms,
        "details": dict(figure.details),
        "address": str(address),
    }
