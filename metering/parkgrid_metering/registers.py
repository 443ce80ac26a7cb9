"""Registers: one direction of one metering point each, as devices announce them, with what is declared of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from parkgrid_contract.ranges import MAX_RATING
from parkgrid_contract.signals import CATALOGUE, Signal, SignalKind
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_domain.energy import Daylight, Declaration, RegisterRule
from parkgrid_metering.columns import Int64s
from parkgrid_metering.parks import Park

_log = structlog.get_logger("metering.registers")
_UNREADABLE: dict[int, str] = {}
"""Why registers are left out, so that it is told once."""

STEPS_PER_KWH = 1_000
_QUARTER_MS = 900_000
LIMIT_OF_RATED = 1.5
"""A register that rises faster than one and a half times the rated power is not believed."""
_BY_DAYLIGHT = ("pv_inverter", "energy_generated_kwh")
_MOST_OF_RATIO = 1_000_000
FILLED_BY: Mapping[str, str] = {
    "energy_import_kwh": "+",
    "energy_export_kwh": "-",
    "energy_generated_kwh": "+",
    "energy_discharged_kwh": "+",
    "energy_charged_kwh": "-",
    "energy_delivered_kwh": "+",
    "energy_returned_kwh": "-",
}
"""Counters that a class's active power would fill, and by which of its signs."""
POWER = "active_power_kw"
LAST_MS = 4_102_444_800_000
"""2100-01-01: after every reading."""


@dataclass(frozen=True, slots=True)
class Register:
    """One register and how far its intervals are metered."""

    register_id: int
    device_id: int
    device_class: str
    signal: str
    park_id: int
    park: str
    period_ms: int
    """Length of its intervals."""
    method: Literal["register", "power"]
    reading_ms: int
    """Planned distance of its readings."""
    zone: str
    metered_ms: int | None
    limit_kw: float | None
    own_time: bool
    """Whether its gateway lives on a time of its own, so that nothing can be late."""
    announced: bool = True
    """Whether its device announces the counter."""
    has_power: bool = False
    """Whether its device announces power that can stand in for the counter."""
    counted_ms: int | None = None
    """From when on its counter answers, where power stood in for it before; None: there was no such time."""
    sought_ms: int | None = None
    """Before this instant, news aside, it has no usable reading, nor has its power; None: that is not known."""
    until_ms: int | None = None
    """Where what power stood in for ends; None: it goes on."""
    daylight: Daylight | None = None
    """Where it stands, if it counts photovoltaics."""
    kept_ms: int | None = None
    """From when on its readings are kept, if older ones were removed."""

    @property
    def source(self) -> str:
        """The signal that is read for it."""
        return self.signal if self.method == "register" else POWER

    @property
    def sign(self) -> int:
        """The direction of power that fills it."""
        return -1 if FILLED_BY.get(self.signal) == "-" else 1

    @property
    def falls_back(self) -> bool:
        """Whether power may stand in for the counter, should it never answer."""
        return self.method == "register" and self.has_power and self.metered_ms is None

    @property
    def waits(self) -> bool:
        """Whether power stands in for a counter that is announced and never answered."""
        return self.method == "power" and self.announced and self.until_ms is None

    def by_power(self) -> "Register":
        """The same while power stands in for its counter."""
        return replace(self, method="power", until_ms=self.counted_ms)

    def offset_ms(self, at_ms: int) -> int:
        """What the edges of its intervals are shifted by, so that days begin at the park's midnight."""
        if self.period_ms == _QUARTER_MS:
            return 0  # every zone is some quarters of an hour from UTC
        offset = from_ms(at_ms).astimezone(ZoneInfo(self.zone)).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000) % self.period_ms

    def floor(self, at_ms: int) -> int:
        """Start of the interval that an instant lies in."""
        offset = self.offset_ms(at_ms)
        return (at_ms + offset) // self.period_ms * self.period_ms - offset


def discover(park: Park, now_ms: int) -> int:
    """Add the registers that devices of a park announced; what their nameplates say becomes a first declaration."""
    rows = park.execute("registers/discover_registers", _COUNTERS).fetchall()
    added = [number for (number,) in rows]
    if added:
        ratings = park.execute("registers/ratings_of_registers", {"registers": added}).fetchall()
        for register, modulus_kwh, ratio in ratings:
            _declare_rating(park, register, modulus_kwh, ratio, now_ms)
    return len(added)


def _declare_rating(park: Park, register: int, modulus_kwh: float | None, ratio: float | None, now_ms: int) -> None:
    stated = [each for each in (modulus_kwh, ratio) if each is not None]
    if not stated or not all(0 < each <= MAX_RATING for each in stated):
        _log.warning("nameplate_not_believed", register=register, modulus_kwh=modulus_kwh, ratio=ratio)
        return
    exact = Fraction(1 if ratio is None else ratio).limit_denominator(_MOST_OF_RATIO)
    if exact <= 0:
        return
    add_declaration(
        park,
        register,
        Declaration(0, None if modulus_kwh is None else round(modulus_kwh * STEPS_PER_KWH), exact),
        ("nameplate", "announced by its gateway", now_ms),
    )


def add_declaration(park: Park, register: int, declaration: Declaration, author: tuple[str, str, int]) -> None:
    """Append a declaration; `author` is who, why and when."""
    by, reason, now_ms = author
    values = {
        "register": register,
        "valid_from": from_ms(declaration.valid_from_ms),
        "modulus": declaration.modulus_steps,
        "numerator": declaration.ratio.numerator,
        "denominator": declaration.ratio.denominator,
        "initial": declaration.initial_steps,
        "final": declaration.final_steps,
        "step": declaration.step_steps,
        "reason": reason,
        "by": by,
        "at": from_ms(now_ms),
    }
    park.execute("registers/add_declaration", values)


def load(park: Park) -> list[Register]:
    """Every register of a park that can be read; one that cannot is told by name, and costs the others nothing."""
    return [
        register
        for row in park.execute("registers/load_registers", {"power": POWER})
        if (register := _fenced(park.park_id, row)) is not None
    ]


def _fenced(park_id: int, row: Sequence[Any]) -> Register | None:
    try:
        return _register(park_id, row)
    except (ValueError, ArithmeticError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        if _UNREADABLE.get(row[0]) != reason:
            _log.error("register_left_out", register=row[0], device=row[1], signal=row[3], park=row[4], reason=reason)
        _UNREADABLE[row[0]] = reason
        return None


def _register(park_id: int, row: Sequence[Any]) -> Register:
    number, device, device_class, signal, park, period_s, method, reading_s, zone, metered_to, *more = row
    rated_kw, own_time, announced, has_power, counted, sought, kept, *place = more
    return Register(
        number,
        device,
        device_class,
        signal,
        park_id,
        park,
        period_s * 1_000,
        method,
        max(1, round(reading_s * 1_000)),
        zone,
        None if metered_to is None else to_ms(metered_to),
        rated_kw * LIMIT_OF_RATED if rated_kw else None,
        bool(own_time),
        announced=bool(announced),
        has_power=bool(has_power) and signal in FILLED_BY,
        counted_ms=None if counted is None else to_ms(counted),
        sought_ms=None if sought is None else to_ms(sought),
        daylight=daylight((device_class, signal), zone, *place),
        kept_ms=None if kept is None else to_ms(kept),
    )


def daylight(named: tuple[str, str], zone: str, latitude: float | None, longitude: float | None) -> Daylight | None:
    """Where a register (its class and signal) of a park stands, if it counts photovoltaics."""
    return Daylight(zone, latitude, longitude) if named == _BY_DAYLIGHT else None


def rules(park: Park, registers: Sequence[Register]) -> list[RegisterRule]:
    """What is known of each register, declarations in order."""
    found: dict[int, list[Declaration]] = {}
    numbers = [register.register_id for register in registers]
    for number, valid_from, modulus, numerator, denominator, *told in park.execute(
        "registers/load_declarations", {"registers": numbers}
    ):
        declaration = Declaration(to_ms(valid_from), modulus, Fraction(numerator, denominator), *told)
        found.setdefault(number, []).append(declaration)
    # What is declared of a counter is not about the power that stands in for it.
    told = [
        () if each.method == "power" and each.announced else tuple(found.get(each.register_id, ()))
        for each in registers
    ]
    return [
        RegisterRule(held, each.reading_ms, each.limit_kw, each.daylight)
        for held, each in zip(told, registers, strict=True)
    ]


def note_metered(park: Park, metered_ms: Mapping[int, int]) -> None:
    """Remember up to where intervals have their rows."""
    if metered_ms:
        values = {"registers": list(metered_ms), "metered_ms": list(metered_ms.values())}
        park.execute("registers/note_metered", values)


def device_ids(registers: Iterable[Register]) -> Int64s:
    """Their devices, each once, in rising order."""
    return np.unique(np.array([register.device_id for register in registers], np.int64))


def note_sought(park: Park, sought_ms: Mapping[int, int]) -> None:
    """Remember before which instant there is no usable reading, news aside."""
    if sought_ms:
        instants = [from_ms(each) for each in sought_ms.values()]
        park.execute("registers/note_sought", {"registers": list(sought_ms), "sought": instants})


def _counts_energy(signal: Signal) -> bool:
    return signal.kind is SignalKind.COUNTER and signal.name.endswith(("_kwh", "_kvarh"))


def _counters() -> dict[str, object]:
    found = [
        (name, signal.name)
        for name, device_class in CATALOGUE.items()
        for signal in device_class.signals
        if _counts_energy(signal)
    ]
    return {
        "classes": [name for name, _ in found],
        "signals": [signal for _, signal in found],
        "powers": [POWER if signal in FILLED_BY else "" for _, signal in found],
        "counters": sorted({signal for _, signal in found}),
        "never": from_ms(LAST_MS),
    }


_COUNTERS = _counters()
METERED = frozenset(name for name, device_class in CATALOGUE.items() if any(map(_counts_energy, device_class.signals)))
"""Classes that count energy."""
