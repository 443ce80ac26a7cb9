"""What people declare about registers: width, transformer ratio, a change of the meter. Kept for ever, with names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.energy import Declaration
from parkgrid_metering import registers
from parkgrid_metering.errors import DeclarationError
from parkgrid_metering.parks import Park, parks_named
from parkgrid_metering.registers import STEPS_PER_KWH, add_declaration
from parkgrid_metering.statements import statement

_PARTS = 4
_MOST_STEPS = 2**53 - 1
_MOST_RATIO = 10**9
_MOST_STEP = 100_000
"""100 kWh on the register itself, before its ratio."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to declare; what is None goes on as it was declared before."""

    register: str
    """`park/gateway/device/signal`."""
    valid_from: datetime
    by: str
    reason: str
    modulus_kwh: Decimal | None = None
    """The count at which the register starts again from zero; 0: nobody knows."""
    ratio: Fraction | None = None
    final_kwh: Decimal | None = None
    """Reading of the meter that goes."""
    initial_kwh: Decimal | None = None
    """Reading of the meter that comes."""
    step_kwh: Decimal | None = None
    """The least by which the register moves; 0: learned from its readings."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One register, and one declaration about it if there is any."""

    register: str
    unit: str
    period_s: int
    method: str
    valid_from: datetime | None
    modulus_kwh: float | None
    ratio_numerator: int | None
    ratio_denominator: int | None
    initial_kwh: float | None
    final_kwh: float | None
    by: str | None
    at: datetime | None
    reason: str | None
    step_kwh: float | None


def declare(connection: Connection, wish: Wish, now_ms: int) -> int:
    """Append a declaration and have exactly its register computed again; its number. Raises `DeclarationError`."""
    if not wish.by.strip() or not wish.reason.strip():
        raise DeclarationError("a declaration needs a name (--by) and a reason (--reason): both are kept with it")
    with connection.transaction():
        named = _named(wish.register)
        park = _park(connection, named)
        registers.discover(park, now_ms)
        number = _register(park, named)
        declaration = _declaration(wish, _in_force(park, number, wish.valid_from))
        add_declaration(park, number, declaration, (wish.by, wish.reason, now_ms))
        values = {
            "register": number,
            "from": from_ms(declaration.valid_from_ms),
            "cause": f"declaration: {wish.reason}",
            "by": wish.by,
        }
        park.execute("notes/note_declared", values)
    return number


def declared(connection: Connection, park: str = "") -> list[Declared]:
    """Every register with its declarations in order, of one park or of all."""
    values = {"parks": parks_named(connection, park)}
    rows = connection.execute(statement("registers/list_registers"), values).fetchall()
    return [Declared(*row) for row in rows]


def _named(address: str) -> Mapping[str, str]:
    """The parts of a register's address by their names."""
    parts = address.split("/")
    if len(parts) != _PARTS:
        raise DeclarationError(
            f"{address!r} is not a register: write park/gateway/device/signal, as `parkgrid registers list` shows them"
        )
    return dict(zip(("park", "gateway", "device", "signal"), parts, strict=True))


def _park(connection: Connection, named: Mapping[str, str]) -> Park:
    numbers = parks_named(connection, named["park"]) if named["park"] else []
    if not numbers:
        raise _unknown(named, [])
    return Park(connection, numbers[0])


def _register(park: Park, named: Mapping[str, str]) -> int:
    row = park.execute("registers/find_register", named).fetchone()
    if row is None:
        raise _unknown(named, [name for (name,) in park.execute("registers/registers_of_device", named)])
    return int(row[0])


def _unknown(named: Mapping[str, str], near: Sequence[str]) -> DeclarationError:
    remedy = f"there is {', '.join(near)}" if near else "`parkgrid registers list` shows those there are"
    return DeclarationError(f"no register {'/'.join(named.values())!r}: {remedy}")


def _in_force(park: Park, number: int, valid_from: datetime) -> tuple[int | None, Fraction, int | None]:
    """Width, ratio and step that hold up to an instant."""
    rows = park.execute("registers/load_declarations", {"registers": [number]}).fetchall()
    earlier = [row for row in rows if row[1] <= valid_from]
    if not earlier:
        return None, Fraction(1), None
    _, _, modulus, numerator, denominator, _, _, step = earlier[-1]
    return modulus, Fraction(numerator, denominator), step


def _declaration(wish: Wish, in_force: tuple[int | None, Fraction, int | None]) -> Declaration:
    modulus = in_force[0] if wish.modulus_kwh is None else _steps(wish.modulus_kwh, "--modulus-kwh") or None
    ratio = in_force[1] if wish.ratio is None else wish.ratio
    if not 0 < ratio <= _MOST_RATIO or ratio.denominator > _MOST_RATIO:
        raise DeclarationError(f"--ratio {ratio}: give primary over secondary, for example 80/1")
    initial, final = (
        None if value is None else _steps(value, name)
        for value, name in ((wish.initial_kwh, "--initial-kwh"), (wish.final_kwh, "--final-kwh"))
    )
    if modulus is not None and initial is not None and initial >= modulus:
        raise DeclarationError(
            f"--initial-kwh {wish.initial_kwh}: a register of {modulus / STEPS_PER_KWH} kWh ends below"
        )
    step = in_force[2] if wish.step_kwh is None else _steps(wish.step_kwh, "--step-kwh") or None
    if step is not None and step > _MOST_STEP:
        raise DeclarationError(
            f"--step-kwh {wish.step_kwh}: a register moves by at most {_MOST_STEP / STEPS_PER_KWH} kWh"
        )
    return Declaration(to_ms(wish.valid_from), modulus, ratio, initial, final, step)


def _steps(value: Decimal, name: str) -> int:
    steps = value * STEPS_PER_KWH
    if not value.is_finite() or steps != steps.to_integral_value() or not 0 <= steps <= _MOST_STEPS:
        raise DeclarationError(f"{name} {value}: give kWh from 0 up, with at most three decimals")
    return int(steps)
