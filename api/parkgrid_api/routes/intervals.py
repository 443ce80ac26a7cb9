"""The 15-minute truth: energies by interval, hour, day or month, and the former values of corrected intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_type_hints
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from parkgrid_accounting.figures import interval_rows
from parkgrid_accounting.figures.interval_rows import RESOLUTIONS, Register
from parkgrid_accounting.scope import Scope
from parkgrid_api.answers.energy import EnergyRow, FormerRow, IntervalRevisions, Intervals
from parkgrid_api.http import parameters
from parkgrid_api.http.exports import Batches, ExportColumn, Format, Table
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.problems import Mistake, refused
from parkgrid_api.routes.describe import described, room
from parkgrid_api.routes.tables import chosen, column_of, refuse_long_sheet, streamed
from parkgrid_api.services import Services
from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_database.connection import Connection

_MOST_YEARS = 20
_YEAR_MS = 366 * 86_400_000
_SIGNALS = sorted(
    {
        signal.name
        for known in CATALOGUE.values()
        for signal in known.signals
        if signal.kind is SignalKind.COUNTER and signal.unit in {"kWh", "kvarh"}
    }
)
_RESOLUTION = Parameter(
    "resolution",
    "`15m`: intervals as metered (longer for a device that reports less often); or sums by hour, local day or month.",
    parameters.one_of(*RESOLUTIONS),
    {"type": "string", "enum": list(RESOLUTIONS)},
    "15m",
    default="15m",
)
_SIGNAL = Parameter(
    "signal",
    "Registers by name, separated by commas; all of one unit. Without it: every register of active energy (kWh).",
    parameters.names,
    {"type": "string"},
    "energy_import_kwh",
)
_DEVICE_CLASS = Parameter(
    "device_class",
    "Only devices of this class.",
    parameters.one_of(*CATALOGUE),
    {"type": "string", "enum": list(CATALOGUE)},
    "pv_inverter",
)
_GATEWAY = parameters.filter_name("gateway")
_DEVICE = parameters.filter_name("device")
_SCOPE = (
    parameters.PARK,
    parameters.FROM,
    parameters.TO,
    _GATEWAY,
    _DEVICE,
    _DEVICE_CLASS,
    _SIGNAL,
    parameters.LINE,
    parameters.TRANSFORMER,
    parameters.ACCOUNT,
)
_FORM = (parameters.FORMAT, parameters.BOM)
_PARAMETERS = (*_SCOPE, _RESOLUTION, *_FORM)
_REVISION_PARAMETERS = (*_SCOPE, *_FORM)
_PLACES = ("park", "gateway", "device", "line", "transformer", "account")
_HOUR_S = 3_600
_MEMBERS = get_type_hints(FormerRow)
"""Every member that a row can have; a value that is replaced has all of them."""
_NAMED = ("gateway", "device", "device_class", "signal", "at_ms", "period_s")
_AT = 1795392000000
_EXAMPLE_ROW: EnergyRow = {
    "gateway": "gw-1",
    "device": "pv-1",
    "device_class": "pv_inverter",
    "signal": "energy_generated_kwh",
    "at_ms": _AT,
    "period_s": 900,
    "energy_kwh": 12.345,
    "quality": "good",
    "expected": 900,
    "received": 900,
    "valid": 900,
    "estimated": 0,
    "late": 0,
    "first_at_ms": _AT,
    "first_register_kwh": 1000.0,
    "last_at_ms": _AT + 900_000,
    "last_register_kwh": 1012.345,
    "revision": 1,
    "changed_at_ms": _AT + 960_000,
    "cause": "first",
    "spread": None,
}
_EXAMPLE: Intervals = {
    "park": "gaoxin-nan",
    "time_zone": "Asia/Shanghai",
    "resolution": "15m",
    "unit": "kWh",
    "from_ms": _AT,
    "to_ms": _AT + 900_000,
    "as_of_ms": _AT + 86_400_000,
    "address": "interval/gaoxin-nan/{gateway}/{device}/{signal}/{start}",
    "intervals": [_EXAMPLE_ROW],
    "rows": 1,
}
_REVISIONS_EXAMPLE: IntervalRevisions = {
    "park": "gaoxin-nan",
    "time_zone": "Asia/Shanghai",
    "unit": "kWh",
    "from_ms": _AT,
    "to_ms": _AT + 900_000,
    "as_of_ms": _AT + 86_400_000,
    "address": "interval/gaoxin-nan/{gateway}/{device}/{signal}/{start}",
    "revisions": [
        {
            **_EXAMPLE_ROW,
            "superseded_at_ms": _AT + 86_400_000,
            "superseded_by": "accounting",
            "superseded_cause": "late readings",
        }
    ],
    "rows": 1,
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("energy")

    @router.get(
        "/parks/{park}/intervals",
        **described("Energies of a park's registers by interval, hour, day or month", Intervals, _EXAMPLE, _PARAMETERS),
    )
    async def intervals(request: Request) -> Response:
        return await _answer(services, request, "intervals", _PARAMETERS, _read_energies)

    @router.get(
        "/parks/{park}/intervals/revisions",
        **described(
            "Former values of corrected intervals", IntervalRevisions, _REVISIONS_EXAMPLE, _REVISION_PARAMETERS
        ),
    )
    async def revisions(request: Request) -> Response:
        return await _answer(services, request, "revisions", _REVISION_PARAMETERS, _read_revisions)

    return router


@dataclass(frozen=True, slots=True)
class _Question:
    """A request for energies, understood."""

    scope: Scope
    device_class: str | None
    signals: tuple[str, ...] | None
    unit: str
    start_ms: int
    stop_ms: int
    resolution: str | None
    zone: ZoneInfo
    bom: bool
    form: Format
    now_ms: int

    def registers(self, connection: Connection) -> list[Register]:
        """The registers that are asked for, without those whose intervals are longer than the slots."""
        found = interval_rows.registers(connection, self.scope, self.device_class, self.signals, self.unit)
        return [register for register in found if self.resolution != "1h" or register.period_s <= _HOUR_S]

    def table(self, name: str, columns: tuple[ExportColumn, ...]) -> Table:
        """The table without its rows."""
        head = {
            "park": self.scope.park,
            "time_zone": str(self.zone),
            **({"resolution": self.resolution} if self.resolution else {}),
            "unit": self.unit,
            "from_ms": self.start_ms,
            "to_ms": self.stop_ms,
            "as_of_ms": self.now_ms,
            "address": f"interval/{self.scope.park}/{{gateway}}/{{device}}/{{signal}}/{{start}}",
        }
        return Table(name, columns, head, self.zone, self.bom)


async def _answer(
    services: Services, request: Request, name: str, listed: Sequence[Parameter], read: "_Read"
) -> Response:
    values = parameters.read(request, listed)
    park = await services.registry.park(values["park"])
    now_ms = services.clock.now_ms()
    start, stop = parameters.span_ms(values, now_ms)
    if stop - start > _MOST_YEARS * _YEAR_MS:
        remedy = told(
            f"is more than {_MOST_YEARS} years before `to`: request a shorter time span",
            f"比 `to` 早 {_MOST_YEARS} 年以上：请缩短后分次查询",
        )
        raise refused([Mistake.of("from", start, remedy)])
    question = _Question(
        scope=Scope(**{part: values[part] for part in _PLACES}),
        device_class=values["device_class"],
        signals=values["signal"],
        unit=_unit(values["signal"]),
        start_ms=start,
        stop_ms=stop,
        resolution=values.get("resolution"),
        zone=ZoneInfo(park["time_zone"]),
        bom=values["bom"] == "true",
        form=chosen(request, values),
        now_ms=now_ms,
    )
    file_name = f"{values['park']}-{name}"
    return await streamed(services, question.form, file_name, lambda connection: read(connection, question))


_Read = Callable[[Connection, _Question], tuple[Table, Batches]]


def _unit(signals: Sequence[str] | None) -> str:
    """The one unit of the registers asked for; refused when there are several, since a column has one unit."""
    unknown = [name for name in signals or () if name not in _SIGNALS]
    if unknown:
        listed = ", ".join(_SIGNALS)
        remedy = told(f"is not an energy register; known: {listed}", f"不是电量寄存器；可用：{listed}")
        raise refused([Mistake.of("signal", name, remedy) for name in unknown[:10]])
    units = {name.rpartition("_")[2] for name in signals or ()}
    if len(units) > 1:
        remedy = told("mixes kWh and kvarh: request one unit at a time", "混用了 kWh 和 kvarh：一次只能查询一种单位")
        raise refused([Mistake.of("signal", ",".join(signals or ()), remedy)])
    return "kvarh" if units == {"kvarh"} else "kWh"


def _read_energies(connection: Connection, question: _Question) -> tuple[Table, Batches]:
    resolution = RESOLUTIONS[question.resolution or "15m"]
    found = question.registers(connection)
    refuse_long_sheet(
        question.form, interval_rows.expected_rows(found, resolution, question.start_ms, question.stop_ms)
    )
    columns = tuple(_column(name, question.unit) for name in (*_NAMED, *resolution.columns))
    rows = interval_rows.energies(connection, found, resolution, question.start_ms, question.stop_ms)
    return question.table("intervals", columns), rows


def _read_revisions(connection: Connection, question: _Question) -> tuple[Table, Batches]:
    names = (*_NAMED, *interval_rows.AS_METERED, "superseded_at_ms", "superseded_by", "superseded_cause")
    columns = tuple(_column(name, question.unit) for name in names)
    rows = interval_rows.revisions(connection, question.registers(connection), question.start_ms, question.stop_ms)
    return question.table("revisions", columns), rows


def _column(name: str, unit: str) -> ExportColumn:
    """The column of a stored member, in the unit of the answer."""
    told = name.removesuffix("_kwh") + f"_{unit.lower()}" if name.endswith("_kwh") else name
    return column_of(told, _MEMBERS[told])
