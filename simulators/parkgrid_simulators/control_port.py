"""The control port: HTTP with OpenAPI beside a running park, for tests in any language (extra `control`).

It sets faults, sun, set-points, schedules and clock through `Controls`, in the loop that serves the park. Errors are
`{"problems": [{"key", "value", "remedy"}]}`: 422 for a wrong value, 404 for an unknown name, 409 while the clock moves.
"""

import dataclasses
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Path, Query, Request
from fastapi.responses import PlainTextResponse

from parkgrid_contract.time import from_ms
from parkgrid_simulators.clock import ParkClock
from parkgrid_simulators.control_guard import Refusals, entry, guard
from parkgrid_simulators.control_metrics import metrics_text
from parkgrid_simulators.control_models import (
    LONGEST_NAME,
    ClockToAdvance,
    ClockToSet,
    FaultsToClear,
    FaultToInject,
    Name,
    ScheduleToSet,
    SetPoint,
    SunToSet,
)
from parkgrid_simulators.controls import Controls
from parkgrid_simulators.faults import FAULTS
from parkgrid_simulators.scenario import Scenario

_REFUSED = (400, 401, 404, 409, 413, 422)
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_Device = Annotated[str, Path(max_length=LONGEST_NAME)]


def build_app(controls: Controls, scenario: Scenario, token: str | None = None, hosts: tuple[str, ...] = ()) -> FastAPI:
    """The application over one park. With a token every path but `/health` asks for it (`Authorization: Bearer`).

    `hosts` are the names that a request may call us by, so that no web page reaches a loopback port by its own name.
    """
    app = FastAPI(
        title="parkgrid simulators: control port",
        version="1",
        dependencies=[Depends(entry(token))],
        responses={status: {"model": Refusals} for status in _REFUSED},
    )
    guard(app, hosts)
    _show(app, controls, scenario)
    _break(app, controls)
    _steer(app, controls)
    _ask(app, controls)
    return app


def _show(app: FastAPI, controls: Controls, scenario: Scenario) -> None:
    """What the park is and how it stands."""

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """That it answers, and for which park."""
        return {"status": "ok", "park": scenario.park, "devices": len(controls.endpoints)}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> str:
        """Counts for Prometheus, text format 0.0.4."""
        return metrics_text(controls)

    @app.get("/scenario")
    async def shown_scenario() -> dict[str, Any]:
        """The scenario, key by key."""
        return dataclasses.asdict(scenario, dict_factory=_as_in_the_file)

    @app.get("/devices")
    async def devices() -> list[dict[str, Any]]:
        """Every device: where it answers, its nameplate and the set-points that it takes."""
        return [_described(controls, name) for name in controls.endpoints]

    @app.get("/devices/{device}")
    async def device(device: _Device) -> dict[str, Any]:
        """One device, and what it measures now, before any fault spoils it."""
        return {**_described(controls, device), "values": dict(controls.values(device))}


def _break(app: FastAPI, controls: Controls) -> None:
    """Faults."""

    @app.get("/fault-kinds")
    async def fault_kinds() -> list[dict[str, Any]]:
        """Every kind of fault, with parameters, units, ranges and defaults."""
        return [{"kind": kind.value, **dataclasses.asdict(rule)} for kind, rule in FAULTS.items()]

    @app.get("/faults")
    async def faults() -> list[dict[str, Any]]:
        """Faults that hold or wait for their time."""
        return [dict(fault) for fault in controls.faults()]

    @app.post("/faults", status_code=201)
    async def inject(fault: FaultToInject) -> dict[str, int]:
        """Inject a fault; its number clears it."""
        number = controls.inject(fault.device, fault.kind, fault.duration_s, fault.after_s, fault.parameters)
        return {"number": number}

    @app.delete("/faults")
    async def clear(which: Annotated[FaultsToClear, Query()]) -> dict[str, int]:
        """Clear the faults of a device, of a kind, or all of them; how many."""
        return {"cleared": controls.clear(which.device, which.kind)}

    @app.delete("/faults/{number}")
    async def clear_one(number: _Number) -> dict[str, int]:
        """Clear one fault."""
        return {"cleared": controls.clear(number=number)}


def _steer(app: FastAPI, controls: Controls) -> None:
    """Sun, clock and set-points."""

    @app.get("/sun")
    async def sun() -> dict[str, Any]:
        """What was set; nothing where the sky is that of seed and date."""
        return (
            {"cloud_index": None, "irradiance_w_m2": None} if controls.sun is None else dataclasses.asdict(controls.sun)
        )

    @app.put("/sun")
    async def set_sun(wanted: SunToSet) -> dict[str, Any]:
        """Another sky from the next step on."""
        controls.set_sun(wanted.cloud_index, wanted.irradiance_w_m2)
        return await sun()

    @app.delete("/sun")
    async def clear_sun() -> dict[str, Any]:
        """The sky of seed and date again."""
        controls.set_sun()
        return await sun()

    @app.get("/clock")
    async def clock() -> dict[str, Any]:
        """The simulated instant; speed none: the machine's clock, which cannot be set."""
        speed = controls.clock.speed if isinstance(controls.clock, ParkClock) else None
        return {"now": from_ms(controls.clock.now_ms()).isoformat(), "speed": speed}

    @app.put("/clock")
    async def set_clock(wanted: ClockToSet) -> dict[str, Any]:
        """Another speed."""
        controls.set_speed(wanted.speed)
        return await clock()

    @app.post("/clock/advance")
    async def advance(wanted: ClockToAdvance, request: Request) -> dict[str, Any]:
        """Jump ahead; the answer comes when every device stands there. It ends early where its client hangs up."""
        await controls.advance(wanted.seconds, request.is_disconnected)
        return await clock()

    @app.put("/devices/{device}/set-points/{signal}")
    async def set_point(device: _Device, signal: _Device, wanted: Annotated[SetPoint, Body()]) -> dict[str, Any]:
        """Give a set-point, as a write of its register would."""
        controls.set_point(device, signal, wanted.value)
        return {"device": device, "signal": signal, "value": wanted.value}

    @app.delete("/devices/{device}/set-points/{signal}")
    async def release(device: _Device, signal: _Device) -> dict[str, Any]:
        """Give it back: the storage follows its strategy again, others are no longer limited."""
        controls.set_point(device, signal, None)
        return {"device": device, "signal": signal, "value": None}


def _ask(app: FastAPI, controls: Controls) -> None:
    """Schedules, and what came of them."""

    @app.get("/schedules")
    async def schedules() -> list[dict[str, Any]]:
        """Every device that takes a schedule: its bounds, what it follows now, and its entries."""
        return [dict(one) for one in controls.schedules.listed()]

    @app.get("/schedules/{device}")
    async def schedule(device: _Device) -> dict[str, Any]:
        """One of them: each entry with its state, what was asked and served in kWh, and what limited it for how long.

        Energies have the sign of the device's own power. A V2G gun tells its vehicle, a flexible load the time that
        it may still run off its plan today.
        """
        return dict(controls.schedules.of(device))

    @app.put("/schedules/{device}")
    async def set_schedule(device: _Device, wanted: ScheduleToSet) -> dict[str, Any]:
        """Ask a device for powers over spans of simulated time, in place of what was asked before.

        It follows them from the next step on and its normal plan at any other time. A limited device does what it can
        and says so where the schedule is read.
        """
        return dict(controls.schedules.set(device, [(one.from_, one.to, one.power_kw) for one in wanted.entries]))

    @app.delete("/schedules/{device}")
    async def clear_schedule(device: _Device) -> dict[str, int]:
        """Give a device back to its normal plan; how many entries there were."""
        return {"cleared": controls.schedules.clear(device)}

    @app.delete("/schedules")
    async def clear_schedules() -> dict[str, int]:
        """Give every device back to its normal plan."""
        return {"cleared": controls.schedules.clear()}

    @app.get("/truth")
    async def truth(start: Annotated[Name, Query(alias="from")], end: Annotated[Name, Query(alias="to")]) -> Any:
        """What every device really did in the quarter hours that began in a span of at most two days, in kWh.

        Faults do not touch it. A quarter is there once it is over, for a week and a day.
        """
        return controls.schedules.truth(start, end)


def _as_in_the_file(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keys as TOML has them: a word of Python has `_` behind it."""
    return {name.removesuffix("_"): value for name, value in pairs}


def _described(controls: Controls, device: str) -> dict[str, Any]:
    document = controls.endpoint(device).document()
    bounds = {name: {"low": low, "high": high} for name, (low, high) in controls.set_points(device).items()}
    return {**document, "set_points": bounds, "schedule": controls.schedules.bounds(device)}
