"""`parkgrid bill`: plans and supply agreements in, bills and closed months out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parkgrid.commands.bill_print import Language, print_bill, print_comparison, print_revision

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.tariff.bill import Bill

_FAILED = 1
_WRONG = 2
_MAX_FILE_BYTES = 16 << 20
Dsn = Annotated[str, typer.Option(help="The database.", envvar="PARKGRID_DSN")]
By = Annotated[str, typer.Option("--by", help="Your name; it is stored with the change.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the bill.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, numbers as exact strings.")]
Account = Annotated[str, typer.Argument(help="The account (户号), as the meter's metering point names it.")]
Month = Annotated[str, typer.Argument(help="The month, for example 2026-11.")]

app = typer.Typer(
    help=(
        "Electricity bills, computed exactly from stored 15-minute energies and versioned plan files.\n\n"
        "First `parkgrid bill plans examples`, then load a plan, assign it to an account (`agree`), and show a month."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
plans = typer.Typer(help="Tariff plans: versioned files.", no_args_is_help=True, rich_markup_mode="markdown")
prices = typer.Typer(help="Prices of market series.", no_args_is_help=True, rich_markup_mode="markdown")
app.add_typer(plans, name="plans")
app.add_typer(prices, name="prices")


@plans.command("load")
def plans_load(
    file: Annotated[str, typer.Argument(help="A TOML file, or the name of an example.")], dsn: Dsn, by: By
) -> None:
    """Check a plan file and store it as a new version; closed months keep the version they were closed with.

    For example:

        parkgrid bill plans load guangdong-2021-tou --by "Li Wei"

        parkgrid bill plans load contract.toml --by "Li Wei"
    """
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.supply import load_plan

        plan, new = load_plan(connection, _plan_text(file), file, by)
        typer.echo(f"{plan.plan_id} {plan.short_version} {'loaded' if new else 'is already loaded: nothing to do'}")


@plans.command("check")
def plans_check(file: Annotated[str, typer.Argument(help="A TOML file, or the name of an example.")]) -> None:
    """Check a plan file and list all mistakes; nothing is stored."""
    with _telling():
        from parkgrid_domain.tariff.reader import read_plan

        plan = read_plan(_plan_text(file), file)
        typer.echo(f"{plan.plan_id} {plan.short_version} is valid: {plan.kind}, valid from {plan.valid_from}")


@plans.command("examples")
def plans_examples(
    show: Annotated[str | None, typer.Argument(help="Print this one, as a start for your own.")] = None,
) -> None:
    """List the example plans, or print one. The examples are not necessarily valid today.

    For example:

        parkgrid bill plans examples

        parkgrid bill plans examples guangdong-2021-tou > our-plan.toml
    """
    with _telling():
        from parkgrid_domain.tariff.reader import example, examples

        if show is not None:
            typer.echo(_plan_text(show), nl=False)
            return
        for plan_id in examples():
            plan = example(plan_id)
            typer.echo(f"{plan_id:24} {plan.name_zh}  {plan.name_en}")


@plans.command("list")
def plans_list(dsn: Dsn) -> None:
    """List every loaded version of every plan."""
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.supply import plans as loaded

        for plan_id, version, kind, name_zh, _, first, end, _, loaded_at, loaded_by in loaded(connection):
            typer.echo(
                f"{plan_id:24} {version[:12]}  {kind:18} {first} .. {end or '…'}  {loaded_at:%Y-%m-%d} {loaded_by}  "
                f"{name_zh}"
            )


@prices.command("load")
def prices_load(
    series: Annotated[str, typer.Argument(help="The name of the series, as in the spot plan.")],
    file: Annotated[Path, typer.Argument(help="CSV with the columns at,price_cny_per_kwh.")],
    dsn: Dsn,
    by: By,
    source: Annotated[str, typer.Option(help="Where the prices come from.")],
) -> None:
    """Load prices of a market series: all of the file, or nothing if there is a mistake.

    For example:

        parkgrid bill prices load guangdong-day-ahead october.csv --source "exchange, 2026-11-02" --by "Li Wei"
    """
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.prices import load_prices, read_prices

        found = read_prices(_read(file), str(file))
        load_prices(connection, series, found, source, by)
        typer.echo(f"{len(found)} prices of {series}")


@app.command("forecast")
def forecast(
    day: Annotated[str, typer.Argument(help="The day, for example 2026-06-12.")],
    maximum_c: Annotated[str, typer.Argument(help="Forecast maximum, °C.")],
    dsn: Dsn,
    by: By,
    source: Annotated[str, typer.Option(help="Who forecast it, and when.")],
    place: Annotated[str, typer.Option(help="The place, as in the plans.")] = "guangzhou",
) -> None:
    """Enter the forecast of a day's maximum temperature, on which hot-day prices depend.

    For example:

        parkgrid bill forecast 2026-06-12 35.5 --source "CCTV-1, 2026-06-11 19:00" --by "Li Wei"
    """
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.supply import state_forecast

        state_forecast(connection, place, _day(day), _number(maximum_c, "MAXIMUM_C"), source, by)
        typer.echo(f"{place} {day}: {maximum_c} °C")


@app.command("agree")
def agree(
    account: Account,
    dsn: Dsn,
    by: By,
    park: Annotated[str, typer.Option(help="The park of the account.")],
    plan: Annotated[str, typer.Option(help="A loaded plan.")],
    first: Annotated[str, typer.Option("--from", help="The first of a month.")],
    end: Annotated[str | None, typer.Option("--to", help="The first of the month after the last one.")] = None,
    basis: Annotated[
        Literal["none", "capacity", "contracted_demand", "measured_demand"],
        typer.Option("--basis", help="What the basic charge is based on."),
    ] = "none",
    capacity_kva: Annotated[str | None, typer.Option(help="Capacity of the transformers, kVA.")] = None,
    contracted_kw: Annotated[str | None, typer.Option(help="Contracted demand, kW.")] = None,
    power_factor: Annotated[str | None, typer.Option(help="Its power-factor standard: 0.90, 0.85 or 0.80.")] = None,
    voltage: Annotated[str, typer.Option(help="Voltage class, for example 10 kV.")] = "",
    reason: Annotated[str, typer.Option(help="The reason, for later readers.")] = "",
) -> None:
    r"""Record the supply agreement of an account, from the first of a month on; it replaces the earlier one from then.

    For example:

        parkgrid bill agree 0319-77 --park gaoxin-nan --plan guangdong-2021-tou --from 2026-11-01 \
            --basis measured_demand --capacity-kva 1000 --power-factor 0.90 --by "Li Wei"
    """
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.supply import Agreement, agree
        from parkgrid_domain.tariff.bill import Terms

        numbers = (
            _optional(capacity_kva, "--capacity-kva"),
            _optional(contracted_kw, "--contracted-kw"),
            _optional(power_factor, "--power-factor"),
        )
        terms = Terms(account, park, basis, *numbers, voltage)
        agree(connection, Agreement(terms, plan, _day(first), _day(end) if end else None, reason), by)
        typer.echo(f"{account}: {plan} from {first}{f' until {end}' if end else ''}")


@app.command("show")
def show(
    account: Account,
    month: Month,
    dsn: Dsn,
    plan: Annotated[str | None, typer.Option(help="Compute with this plan instead of the agreed one.")] = None,
    against: Annotated[
        str | None, typer.Option("--compare", help="Compare with the cost under these plans, separated by commas.")
    ] = None,
    revision: Annotated[int | None, typer.Option(help="An earlier revision of a closed month.")] = None,
    as_json: AsJson = False,
    language: Lang = "zh",
) -> None:
    """Show a month's bill: the closed one, or the sum so far with its maximum demand.

    For example:

        parkgrid bill show 0319-77 2026-11

        parkgrid bill show 0319-77 2026-11 --compare retail-curve-2026,spot-2026 --lang en

        parkgrid bill show 0319-77 2026-10 --revision 1 --json
    """
    with _database(dsn) as connection:
        found = _bills(connection, account, month, plan, against, revision)
        if as_json:
            from parkgrid_domain.tariff.bill import document

            documents = [document(bill) for bill in found]
            typer.echo(json.dumps(documents if against else documents[0], ensure_ascii=False))
            return
        print_comparison(found, language) if against else print_bill(found[0], language)


@app.command("close")
def close(
    account: Account,
    month: Month,
    dsn: Dsn,
    by: By,
    reason: Annotated[str, typer.Option(help="The reason; required to close a month again.")] = "",
    language: Lang = "zh",
) -> None:
    """Close a month: its bill is fixed, and only late data create another revision.

    For example:

        parkgrid bill close 0319-77 2026-10 --by "Li Wei"
    """
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.closings import close_month

        print_bill(close_month(connection, account, month, by, reason), language)


@app.command("history")
def history(account: Account, month: Month, dsn: Dsn, as_json: AsJson = False, language: Lang = "zh") -> None:
    """List the revisions of a closed month: when, who, why, and what changed in which line.

    For example:

        parkgrid bill history 0319-77 2026-10 --lang en
    """
    with _database(dsn) as connection:
        from parkgrid_accounting.bills.closings import history as revisions
        from parkgrid_accounting.bills.errors import BillError
        from parkgrid_domain.tariff.bill import document

        found = [each.bill for each in revisions(connection, account, month)]
        if not found:
            raise BillError(f"{account} {month} is not closed: `parkgrid bill close {account} {month} --by …`")
        if as_json:
            typer.echo(json.dumps([document(bill) for bill in found], ensure_ascii=False))
            return
        for number, bill in enumerate(found):
            print_revision(bill, found[number - 1] if number else None, language)


def _bills(
    connection: "Connection", account: str, month: str, plan: str | None, against: str | None, revision: int | None
) -> "list[Bill]":
    from parkgrid_accounting.bills.bill import bill_of, compare
    from parkgrid_accounting.bills.closings import closed_bill, current_bill

    if against:
        return compare(connection, account, month, [each.strip() for each in against.split(",")])
    if plan:
        return [bill_of(connection, account, month, plan)]
    if revision is not None:
        return [closed_bill(connection, account, month, revision)]
    return [current_bill(connection, account, month)]


@contextmanager
def _database(dsn: str) -> "Iterator[Connection]":
    import psycopg

    from parkgrid_database.errors import translated

    with _telling(), translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        yield connection


@contextmanager
def _telling() -> Iterator[None]:
    """What a user can mend is said in words, not in a traceback."""
    from parkgrid_accounting.bills.errors import BillError
    from parkgrid_contract.settings import SettingsError
    from parkgrid_database.errors import StoreError

    try:
        yield
    except SettingsError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(_WRONG) from error
    except (BillError, StoreError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_FAILED) from error


def _plan_text(name: str) -> str:
    from parkgrid_domain.tariff.reader import examples

    return examples()[name] if name in examples() else _read(Path(name))


def _read(path: Path) -> str:
    from parkgrid_accounting.bills.errors import BillError

    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise BillError(f"{path}: more than {_MAX_FILE_BYTES >> 20} MB is too large for such a file")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise BillError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BillError(f"{path} is not UTF-8 text: save it as UTF-8") from error


def _day(text: str) -> date:
    from parkgrid_accounting.bills.errors import BillError

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BillError(f"{text!r} is not a day: write it like 2026-11-01") from error


def _optional(text: str | None, name: str) -> Decimal | None:
    return None if text is None else _number(text, name)


def _number(text: str, name: str) -> Decimal:
    from parkgrid_accounting.bills.errors import BillError

    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BillError(f"{name} {text!r} is not a number")
    return number
