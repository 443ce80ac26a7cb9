"""How complete a park's readings are, where they are missing for which cause, and what cannot be true."""

from fastapi import APIRouter, Request, Response

from parkgrid_api import statements
from parkgrid_api.answers.completeness import (
    CompleteDay,
    Completeness,
    CompleteRegister,
    DataGap,
    DataGaps,
    DeviceProblem,
    DeviceProblems,
    RegisterFinding,
    RegisterFindings,
)
from parkgrid_api.http import parameters
from parkgrid_api.routes.accounts import asked
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services, answer

_PARAMETERS = (parameters.PARK, parameters.PERIOD)
_EXAMPLE: Completeness = {
    "park": "gaoxin-nan",
    "period": "2026-11-23",
    "from_ms": 1795363200000,
    "to_ms": 1795449600000,
    "as_of_ms": 1795449700000,
    "score_pct": 99.99,
    "days": [
        {
            "day": "2026-11-23",
            "registers": 1,
            "coverage_pct": 99.99,
            "coverage_pct_min": 99.99,
            "expected": 86400,
            "received": 86400,
            "valid": 86390,
            "estimated": 0,
            "late": 12,
        }
    ],
    "registers": [
        {
            "gateway": "gw-1",
            "device": "pv-1",
            "device_class": "pv_inverter",
            "signal": "energy_generated_kwh",
            "expected": 86400,
            "received": 86400,
            "valid": 86390,
            "estimated": 0,
            "late": 12,
            "good_intervals": 96,
            "estimated_intervals": 0,
            "intervals": 96,
            "coverage_pct": 99.99,
        }
    ],
}
_GAPS_EXAMPLE: DataGaps = {
    "park": "gaoxin-nan",
    "period": "2026-11",
    "gaps": [
        {
            "gateway": "gw-1",
            "device": "pv-1",
            "signal": "energy_generated_kwh",
            "from_ms": 1795392000000,
            "to_ms": 1795399200000,
            "cause": "link",
        }
    ],
}

_FINDINGS_EXAMPLE: RegisterFindings = {
    "park": "gaoxin-nan",
    "period": "2026-11",
    "findings": [
        {
            "gateway": "gw-1",
            "device": "meter-1",
            "signal": "energy_import_kwh",
            "kind": "jumped",
            "at_ms": 1795392010000,
            "from_ms": 1795392000000,
            "from_register_kwh": 48211.0,
            "register_kwh": 53211.0,
            "energy_kwh": 5000.0,
            "readings": 0,
        }
    ],
}
_PROBLEMS_EXAMPLE: DeviceProblems = {
    "problems": [
        {
            "park": "gaoxin-nan",
            "gateway": "gw-1",
            "device": "meter-3",
            "device_class": "meter",
            "problem": "wrong_device",
        }
    ]
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("completeness")
    limit = parameters.limit(services.settings.limits.page)
    of_gaps = (*_PARAMETERS, limit)

    @router.get(
        "/parks/{park}/completeness",
        **described("How complete a park's readings are", Completeness, _EXAMPLE, _PARAMETERS),
    )
    async def completeness(request: Request) -> Response:
        found = await asked(services, parameters.read(request, _PARAMETERS))
        bound, read = found.bound(), services.database.rows_of
        registers = await read(CompleteRegister, statements.plain("completeness"), bound)
        days = await read(CompleteDay, statements.plain("completeness_days"), bound)
        known = [row["coverage_pct"] for row in registers if row["coverage_pct"] is not None]
        score_pct = sum(known) / len(known) if known else None
        return answer(Completeness(**found.head(), score_pct=score_pct, days=days, registers=registers))

    @router.get(
        "/parks/{park}/gaps",
        **described("Spells without readings, with their cause", DataGaps, _GAPS_EXAMPLE, of_gaps),
    )
    async def gaps(request: Request) -> Response:
        values = parameters.read(request, of_gaps)
        found = await asked(services, values)
        bound = found.bound(limit=values["limit"])
        rows = await services.database.rows_of(DataGap, statements.plain("data_gaps"), bound)
        return answer(DataGaps(park=found.park, period=found.period.text, gaps=rows))

    @router.get(
        "/parks/{park}/findings",
        **described("What registers cannot have counted", RegisterFindings, _FINDINGS_EXAMPLE, of_gaps),
    )
    async def findings(request: Request) -> Response:
        values = parameters.read(request, of_gaps)
        found = await asked(services, values)
        bound = found.bound(limit=values["limit"])
        rows = await services.database.rows_of(RegisterFinding, statements.plain("register_findings"), bound)
        return answer(RegisterFindings(park=found.park, period=found.period.text, findings=rows))

    of_problems = (parameters.filter_name("park"), limit)

    @router.get(
        "/device-problems",
        **described("Devices that need repair", DeviceProblems, _PROBLEMS_EXAMPLE, of_problems),
    )
    async def device_problems(request: Request) -> Response:
        values = parameters.read(request, of_problems)
        rows = await services.database.rows_of(DeviceProblem, statements.plain("device_problems"), values)
        return answer(DeviceProblems(problems=rows))

    return router
