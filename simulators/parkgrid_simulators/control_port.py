"""The control port: HTTP with OpenAPI beside a running park, for tests in any language (extra `control`).

It sets faults, sun, set-points and clock through `Controls`, in the loop that serves the park. Room is left for
`/schedules`. Errors are `{"problems": [{"key", "value", "remedy"}]}`: 422 for a wrong value, 404 for an unknown name.
"""

import dataclasses
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Self

from fastapi import Body, Depends, FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parkgrid_contract.time import from_ms
from parkgrid_simulators.clock import FASTEST, ParkClock
from parkgrid_simulators.control_metrics import metrics_text
from parkgrid_simulators.controls import (
    LONGEST_ADVANCE_S,
    LONGEST_FAULT_S,
    MOST_CLOUD_INDEX,
    MOST_IRRADIANCE_W_M2,
    ControlError,
    Controls,
    UnknownNameError,
)
from parkgrid_simulators.faults import FAULTS
from parkgrid_simulators.scenario import Scenario

_MOST_BODY_BYTES = 65_536
_LONGEST_NAME, _LONGEST_VALUE = 64, 200
_UNPROCESSABLE, _NOT_FOUND, _TOO_LARGE, _UNAUTHORIZED = 422, 404, 413, 401
_Name = Annotated[str, Field(max_length=_LONGEST_NAME)]
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_Device = Annotated[str, Path(max_length=_LONGEST_NAME)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class FaultToInject(_Strict):
    """One fault of one device."""

    device: _Name
    kind: _Name = Field(description="one of GET /fault-kinds")
    duration_s: float | None = Field(None, gt=0, le=LONGEST_FAULT_S, description="simulated seconds; none: for good")
    after_s: float = Field(0, ge=0, le=LONGEST_FAULT_S, description="simulated seconds until it begins")
    parameters: dict[_Name, float] = Field(default_factory=dict, description="by the names in GET /fault-kinds")


class FaultsToClear(_Strict):
    """Which faults: of a device, of a kind, or all."""

    device: _Name | None = None
    kind: _Name | None = None


class SunToSet(_Strict):
    """Another sky: one of the two."""

    cloud_index: float | None = Field(None, ge=0, le=MOST_CLOUD_INDEX, description="share of the cloudless sun")
    irradiance_w_m2: float | None = Field(None, ge=0, le=MOST_IRRADIANCE_W_M2, description="W/m² at any hour")

    @model_validator(mode="after")
    def one_of_two(self) -> Self:
        """Nothing set is a mistake: DELETE /sun clears."""
        if self.cloud_index is None and self.irradiance_w_m2 is None:
            raise ValueError("give cloud_index or irradiance_w_m2; DELETE /sun brings the sky of seed and date back")
        return self


class ClockToSet(_Strict):
    """The speed of the simulated time."""

    speed: float = Field(ge=0, le=FASTEST, description="simulated seconds per second; 0 stands still")


class ClockToAdvance(_Strict):
    """A jump ahead."""

    seconds: float = Field(ge=0, le=LONGEST_ADVANCE_S, description="simulated seconds")


class SetPoint(_Strict):
    """The value of a set-point, in the unit that its name ends with."""

    value: float = Field(ge=-1e6, le=1e6)


def build_app(controls: Controls, scenario: Scenario, token: str | None = None, hosts: tuple[str, ...] = ()) -> FastAPI:
    """The application over one park. With a token every path but `/health` asks for it (`Authorization: Bearer`).

    `hosts` are the names that a request may call us by, so that no web page reaches a loopback port by its own name.
    """
    app = FastAPI(title="parkgrid simulators: control port", version="1", dependencies=[Depends(_entry(token))])
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ControlError, _refused)
    app.add_middleware(_SmallBodies)
    if hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    _show(app, controls, scenario)
    _break(app, controls)
    _steer(app, controls)
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
        return dataclasses.asdict(scenario)

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
    async def advance(wanted: ClockToAdvance) -> dict[str, Any]:
        """Jump ahead; the answer comes when every device stands there."""
        await controls.advance(wanted.seconds)
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


def _described(controls: Controls, device: str) -> dict[str, Any]:
    document = controls.endpoint(device).document()
    bounds = {name: {"low": low, "high": high} for name, (low, high) in controls.set_points(device).items()}
    return {**document, "set_points": bounds}


def _entry(token: str | None) -> Callable[[Request], Awaitable[None]]:
    async def enter(request: Request) -> None:
        if token is None or request.url.path == "/health":
            return
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not secrets.compare_digest(given, f"Bearer {token}".encode()):
            remedy = "send the header Authorization: Bearer with the token of --control-token-file"
            raise HTTPException(_UNAUTHORIZED, remedy, {"WWW-Authenticate": "Bearer"})

    return enter


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  it is registered for these
    found = [
        _problem(".".join(str(part) for part in one["loc"][1:]) or "body", one.get("input"), one["msg"])
        for one in error.errors()
    ]
    return JSONResponse({"problems": found}, _UNPROCESSABLE)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ControlError)  # noqa: S101  it is registered for these
    status = _NOT_FOUND if isinstance(error, UnknownNameError) else _UNPROCESSABLE
    return JSONResponse({"problems": [_problem(error.key, error.value, error.remedy)]}, status)


def _problem(key: str, value: object, remedy: str) -> Mapping[str, str]:
    """The value as Python writes it: not every number that comes in can stand in JSON."""
    return {"key": key[:_LONGEST_VALUE], "value": repr(value)[:_LONGEST_VALUE], "remedy": remedy}


class _SmallBodies:
    """Refuses bodies that no request of ours has, before they are in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > _MOST_BODY_BYTES:
                raise HTTPException(_TOO_LARGE, f"the body is too large: send at most {_MOST_BODY_BYTES} bytes")
            return message

        await self._app(scope, counted, send)
