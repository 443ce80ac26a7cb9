"""`parkgrid registers`: the registers that energy is counted by, and what is declared of them."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome

if TYPE_CHECKING:
    from parkgrid_metering.declarations import Declared
    from parkgrid_metering.findings import Told

Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]
Kwh = str | None

app = typer.Typer(
    help=(
        "The energy registers: one for each counter of each device.\n\n"
        "Declare a register's width, its transformer ratio or a change of the meter. The declaration is stored "
        "permanently with your name, and the energy of this register is computed again from that instant on."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("list")
def list_command(dsn: Dsn, park: Annotated[str, typer.Option(help="Only this park.")] = "") -> None:
    """List registers and all declarations about them.

    For example:

        parkgrid registers list --park gaoxin-nan
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated
        from parkgrid_metering.declarations import declared

        with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            last = ""
            for each in declared(connection, park):
                if each.register != last:
                    typer.echo(f"{each.register}  {each.unit}, {each.period_s} s, {each.method}")
                    last = each.register
                if each.valid_from is not None:
                    typer.echo(f"    {_sentence(each)}")
        return 0

    outcome.finish(action)


@app.command()
def declare(
    register: Annotated[str, typer.Argument(help="park/gateway/device/signal, as `list` shows it.")],
    dsn: Dsn,
    start: Annotated[
        str, typer.Option("--from", help="The instant from which it is valid, for example 2026-11-03T14:20+08:00.")
    ],
    by: Annotated[str, typer.Option("--by", help="Your name; it is stored with the declaration.")],
    reason: Annotated[str, typer.Option("--reason", help="The reason; it is stored with every figure that changes.")],
    modulus_kwh: Annotated[
        Kwh, typer.Option(help="The count at which the register starts again from 0, for example 10000; 0: unknown.")
    ] = None,
    ratio: Annotated[str | None, typer.Option(help="Transformer ratio, for example 80/1.")] = None,
    final_kwh: Annotated[Kwh, typer.Option(help="Last reading of the old meter.")] = None,
    initial_kwh: Annotated[Kwh, typer.Option(help="First reading of the new meter.")] = None,
    step_kwh: Annotated[
        Kwh, typer.Option(help="Smallest step of the register, for example 0.01; 0: learned from its readings.")
    ] = None,
) -> None:
    """Declare properties of a register from an instant on. Options that are not given stay as they were.

    For example, after a change of the meter:

        parkgrid registers declare gaoxin-nan/gw-1/meter-1/energy_import_kwh --from 2026-11-03T14:20+08:00
        --final-kwh 81234.5 --initial-kwh 0 --ratio 80/1 --by "Li Wei" --reason "work order 4711"
    """
    instant = outcome.instant(start)

    def action() -> int:
        import psycopg

        from parkgrid_contract.time import SystemClock
        from parkgrid_database.errors import translated
        from parkgrid_metering.declarations import Wish
        from parkgrid_metering.declarations import declare as append

        if instant is None:
            return 1
        numbers = (
            _number(text, name)
            for text, name in (
                (modulus_kwh, "modulus"),
                (final_kwh, "final"),
                (initial_kwh, "initial"),
                (step_kwh, "step"),
            )
        )
        modulus, final, initial, step = numbers
        wish = Wish(register, instant, by, reason, modulus, _ratio(ratio), final, initial, step)
        with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            append(connection, wish, SystemClock().now_ms())
        typer.echo(f"declared; the energy of {register} is computed again from {instant.isoformat()} on")
        return 0

    outcome.finish(action)


@app.command()
def findings(dsn: Dsn, park: Annotated[str, typer.Option(help="Only this park.")] = "") -> None:
    """List register readings that cannot be true, with the energy in question.

    A declaration explains a jump: the last and first reading of a changed meter, another ratio, or a width.
    Then the intervals are computed again and the finding disappears. For example:

        parkgrid registers findings --park gaoxin-nan
    """

    def action() -> int:
        import psycopg

        from parkgrid_database.errors import translated
        from parkgrid_metering.findings import told

        with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            found = told(connection, park)
        for each in found:
            typer.echo(f"{each.at.isoformat(timespec='seconds')}  {each.register}: {_found(each)}")
        if not found:
            typer.echo("no findings: every accepted reading is consistent with the one before it")
        return 0

    outcome.finish(action)


def _found(each: "Told") -> str:
    values = f"from {each.from_kwh or 0:.3f} to {each.kwh or 0:.3f} kWh"
    since = each.from_at.isoformat(timespec="seconds")
    match each.kind:
        case "jumped":
            return f"register jumped {values} since {since}; {each.energy_kwh:.3f} kWh were not booked: declare why"
        case "reset":
            return f"register started again from zero, {values} since {since}; {each.energy_kwh:.3f} kWh were booked"
        case "too_much":
            return (
                f"the interval would have {each.energy_kwh:.3f} kWh, more than the rated power allows: nothing booked"
            )
        case _:
            return f"{each.readings} readings were rejected; the first shows {each.kwh or 0:.3f} kWh"


def _number(text: str | None, name: str) -> Decimal | None:
    from parkgrid_metering.errors import DeclarationError

    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as error:
        raise DeclarationError(f"--{name}-kwh {text!r} is not a number: give kWh, for example 81234.5") from error


def _ratio(text: str | None) -> Fraction | None:
    from parkgrid_metering.errors import DeclarationError

    try:
        return None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise DeclarationError(f"--ratio {text!r}: give primary over secondary, for example 80/1") from error


def _sentence(each: "Declared") -> str:
    start = "the beginning" if each.valid_from is None or each.valid_from.year <= 1970 else each.valid_from.isoformat()  # noqa: PLR2004  (the epoch)
    width = "unknown" if each.modulus_kwh is None else f"{each.modulus_kwh:g} kWh"
    change = "".join(
        f", {name} {value:.3f} kWh"
        for name, value in (("final", each.final_kwh), ("initial", each.initial_kwh))
        if value is not None
    )
    when = each.at.isoformat(timespec="seconds") if each.at else ""
    ratio = f"{each.ratio_numerator}/{each.ratio_denominator}"
    step = "" if each.step_kwh is None else f", step {each.step_kwh:g} kWh"
    return f"from {start}: width {width}, ratio {ratio}{step}{change} ({each.by}, {when}: {each.reason})"
