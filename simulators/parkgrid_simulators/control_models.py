"""What the control port takes: the bodies of its requests, every number within its range and of its own type."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from parkgrid_simulators.clock import FASTEST
from parkgrid_simulators.controls import (
    LONGEST_ADVANCE_S,
    LONGEST_FAULT_S,
    MOST_CLOUD_INDEX,
    MOST_IRRADIANCE_W_M2,
)
from parkgrid_simulators.schedules import MOST_ENTRIES

LONGEST_NAME = 64
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
_TIME = "instant like 2026-06-21T14:00+08:00; without an offset in the park's time"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class FaultToInject(_Strict):
    """One fault of one device."""

    device: Name
    kind: Name = Field(description="one of GET /fault-kinds")
    duration_s: float | None = Field(None, gt=0, le=LONGEST_FAULT_S, description="simulated seconds; none: for good")
    after_s: float = Field(0, ge=0, le=LONGEST_FAULT_S, description="simulated seconds until it begins")
    parameters: dict[Name, float] = Field(default_factory=dict, description="by the names in GET /fault-kinds")


class FaultsToClear(_Strict):
    """Which faults: of a device, of a kind, or all."""

    device: Name | None = None
    kind: Name | None = None


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


class ScheduleEntry(_Strict):
    """A power over a span of simulated time."""

    from_: Name = Field(alias="from", description=_TIME)
    to: Name = Field(description=_TIME)
    power_kw: float = Field(ge=-1e6, le=1e6, description="with the sign of the device's own power")


class ScheduleToSet(_Strict):
    """What a device is asked for, in place of what it was asked before."""

    entries: list[ScheduleEntry] = Field(min_length=1, max_length=MOST_ENTRIES)
