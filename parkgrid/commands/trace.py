"""`parkgrid trace`: from a published figure back to the readings it came from, and forward again."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.commands import report
from parkgrid_contract.time import SHANGHAI, from_ms

if TYPE_CHECKING:
    from rich.tree import Tree

    from parkgrid_accounting.trace.answer import Trace
    from parkgrid_accounting.trace.registers import RegisterTrace

_DIFFERENT = 1
_WRONG = 2
_SHOWN = 4
_WIDTH = 160

app = typer.Typer(rich_markup_mode="markdown")


@app.command()
def trace(
    address: Annotated[str, typer.Argument(help="The address of the figure, as printed in reports and API answers.")],
    dsn: report.Dsn = None,
    data_dir: report.DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with everything.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Show every interval and reading, not only the first and last.")
    ] = False,
) -> None:
    """Trace a figure to its definition, intervals, registers, readings and batches, and compute it again from them.

    Exit status 1 if the result differs from the published figure.

    For example:

        parkgrid trace interval/pingshan-park/gw-1/pv-1/energy_generated_kwh/2026-11-23T00:00:00Z

        parkgrid trace indicator/pingshan-park/self_consumption_ratio/2026-11

        parkgrid trace bill/pingshan-park/0400123/2026-11/total@1 --json

        parkgrid trace cluster/new-energy/intensity/2026-Q3
    """
    found = _traced(address, report.found(dsn, data_dir))
    if as_json:
        typer.echo(json.dumps(document(found), ensure_ascii=False, indent=1))
    else:
        from rich.console import Console

        Console(width=_WIDTH, soft_wrap=True, highlight=False).print(tree(found, full=full))
    raise typer.Exit(0 if found.equal else _DIFFERENT)


def _traced(address: str, dsn: str) -> "Trace":
    import psycopg

    from parkgrid_accounting.address import AddressError
    from parkgrid_accounting.errors import AccountingError
    from parkgrid_accounting.trace.figure import trace as traced

    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL timezone TO 'UTC'")
            return traced(connection, address, time.time_ns() // 1_000_000)
    except (AddressError, AccountingError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_WRONG) from None
    except psycopg.Error as error:
        typer.echo(f"error: the database does not answer: {str(error).splitlines()[0]}", err=True)
        raise typer.Exit(_WRONG) from None


def document(found: "Trace") -> dict[str, Any]:
    """A trace as plain JSON values; money as exact text."""
    return _plain(asdict(found))  # type: ignore[no-any-return]  # a mapping stays one


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case Decimal():
            return str(value)
    return value


def tree(found: "Trace", *, full: bool = False) -> "Tree":
    """A trace for people: what is published, what comes out, and everything in between."""
    from rich.markup import escape
    from rich.tree import Tree

    verdict = "[green]equal[/]" if found.equal else "[bold red]DIFFERENT[/]"
    root = Tree(f"[bold]{escape(found.address)}[/]")
    root.add(
        f"published {_told(found.published, found.unit)} · recomputed {_told(found.recomputed, found.unit)} · {verdict}"
    )
    if found.unavailable:
        root.add(f"not available: {escape(found.unavailable)}")
    definition = root.add(escape(f"{found.definition.name}  {found.definition.name_zh}  {found.definition.name_en}"))
    for line in (f"formula  {found.definition.formula}", f"source   {found.definition.source}"):
        definition.add(escape(line))
    if found.coverage_pct is not None:
        estimated = "" if found.estimated_pct is None else f", {found.estimated_pct:.1f} % of it with estimates"
        # A coverage of 100 % beside a small sample would be read as the whole.
        of = f" of the intervals of: {escape(found.basis)}" if found.basis else ""
        root.add(f"coverage {found.coverage_pct:.1f} %{of}{estimated}")
    _branch(root, "details", (f"{name} = {told}" for name, told in found.details.items() if told is not None))
    _branch(root, "rules", (f"{rule.name} = {rule.value}  [{rule.version}]  {rule.source}" for rule in found.rules))
    _branch(
        root,
        "inputs",
        (
            f"{each.name}  {_told(each.value, each.unit)}  from readings {_told(each.recomputed, each.unit)}  "
            f"{each.known} of {each.count} intervals, {each.estimated} estimated"
            for each in found.inputs
        ),
    )
    registers = root.add(f"registers ({len(found.registers)})") if found.registers else root
    for register in found.registers:
        _register(registers, register, full=full)
    told = [
        f"{_instant(each.at_ms)}  {each.value:.3f}  {each.quality}  batch {each.epoch}/{each.seq}, "
        f"received {_instant(each.received_ms)}"
        for each in found.readings
    ]
    _branch(root, f"readings ({len(told)})", _some(told, full=full))
    _branch(root, "notes", found.notes)
    return root


def _register(root: "Tree", traced: "RegisterTrace", *, full: bool) -> None:
    from rich.markup import escape

    source = traced.source
    name = f"{source.park}/{source.gateway}/{source.device}/{source.signal}"
    verdict = "equal" if traced.equal else "DIFFERENT"
    branch = root.add(
        escape(
            f"{name}  {traced.energy_wh / 1000:.3f} {source.unit} stored, {traced.recomputed_wh / 1000:.3f} from "
            f"{traced.readings} readings: {verdict}"
        )
    )
    branch.add(
        f"{len(traced.intervals)} intervals of {source.period_s} s by {source.method}: {traced.good} good, "
        f"{traced.estimated} estimated, {traced.missing} missing, {traced.revised} corrected"
    )
    _branch(
        branch,
        "declarations",
        (
            f"from {_instant(each.valid_from_ms)}  modulus {each.modulus_steps}  ratio {each.ratio}  "
            f"{each.declared_by}: {each.reason}"
            for each in traced.declarations
        ),
    )
    _branch(
        branch,
        "batches",
        (
            f"{each.gateway} epoch {each.epoch}: {each.readings} readings in {_ranges(each.batches, full=full)}"
            for each in traced.batches
        ),
    )
    if full or not traced.equal:
        rows = (each for each in traced.intervals if full or not each.equal)
        _branch(
            branch,
            "intervals",
            (
                f"{_instant(each.at_ms)}  {each.energy_wh} Wh {each.quality} revision {each.revision}, from readings "
                f"{each.recomputed_wh} Wh {each.recomputed_quality}"
                for each in rows
            ),
        )


def _branch(root: "Tree", name: str, lines: Iterable[str]) -> None:
    from rich.markup import escape

    told = list(lines)
    if told:
        branch = root.add(name)
        for line in told:
            branch.add(escape(line))


def _some(lines: list[str], *, full: bool) -> list[str]:
    if full or len(lines) <= 2 * _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"… {len(lines) - 2 * _SHOWN} more: --full", *lines[-_SHOWN:]]


def _ranges(batches: str, *, full: bool) -> str:
    """Sequence numbers as ranges, a long list of them summed up."""
    parts = batches.strip("{}").split("),[")
    if full or len(parts) <= _SHOWN:
        return f"batches {batches}"
    return f"{len(parts)} runs of batches, {parts[0].lstrip('[')}) … [{parts[-1]}: --full lists them"


def _told(value: float | Decimal | None, unit: str) -> str:
    if value is None:
        return "none"
    return f"{value:,} {unit}".strip() if isinstance(value, Decimal) else f"{value:,.6g} {unit}".strip()


def _instant(at_ms: int) -> str:
    return from_ms(at_ms).astimezone(SHANGHAI).isoformat(timespec="seconds")
