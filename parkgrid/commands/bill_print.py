"""Prints bills on a terminal or into a file."""

import sys
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from parkgrid_domain.tariff.bill import Bill, BillLine

_WIDTH = 170
"""Of a table that goes into a file or a pipe: it needs no folding there."""
Language = Literal["zh", "en"]


def print_bill(bill: "Bill", language: Language) -> None:
    """The table of lines, and what a reader must know below it."""
    from rich.console import Console
    from rich.table import Table

    from parkgrid_accounting.bills import marks as marking
    from parkgrid_accounting.bills.text import WORDS, heading, remarks, row
    from parkgrid_accounting.bills.written import plain

    words = WORDS[language]
    table = Table(title=heading(bill, language), title_justify="left", title_style="bold")
    for name, justify in zip(words.columns, ("left", "right", "left", "right", "right", "left"), strict=True):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    marks = [marking.marked(line.marks, bill.peak, language) for line in bill.lines]
    if any(marks):
        table.add_column(marking.WORDS[language].heading)
    for line, mark in zip(bill.lines, marks, strict=True):
        table.add_row(*row(line, language), *([mark] if any(marks) else []))
    table.add_section()
    table.add_row(words.total, "", "", "", plain(bill.total_cny))
    Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False).print(table)
    for remark in remarks(bill, language):
        typer.echo(remark)


def print_comparison(bills: "list[Bill]", language: Language) -> None:
    """One line a plan, cheapest or not, with the difference to the agreed one."""
    from parkgrid_accounting.bills.text import WORDS, comparison, remarks

    words = WORDS[language]
    typer.echo(f"{words.total + ' (CNY)':>16} {words.difference + ' (CNY)':>18}")
    for name, total, difference, mark in comparison(bills, language):
        typer.echo(f"{total:>16} {difference:>18}  {name} {mark}".rstrip())
    for bill in bills:
        for remark in remarks(bill, language):
            if remark.startswith("!"):
                typer.echo(f"{bill.plan_id}: {remark}")


def print_revision(bill: "Bill", former: "Bill | None", language: Language) -> None:
    """Who closed it, when and why, and which lines differ from the revision before."""
    from parkgrid_accounting.bills.marks import marked
    from parkgrid_accounting.bills.text import heading, remarks
    from parkgrid_accounting.bills.written import plain

    typer.echo(heading(bill, language))
    typer.echo(f"  {next(iter(remarks(bill, language)))}")
    typer.echo(f"  {plain(bill.total_cny)} CNY")
    before = {line.code: line for line in former.lines} if former else {}
    for line in bill.lines if former else ():
        _print_change(before.get(line.code), line, marked(line.marks, bill.peak, language), language)


def _print_change(then: "BillLine | None", line: "BillLine", mark: str, language: Language) -> None:
    from parkgrid_accounting.bills.marks import WORDS

    name = line.name_zh if language == "zh" else line.name_en
    if then is None or then.amount_cny != line.amount_cny:
        changed = f"{'-' if then is None else then.amount_cny} -> {line.amount_cny}"
        typer.echo(f"    {name}: {changed}{f' [{mark}]' if mark else ''}")
    elif then.marks != line.marks:
        typer.echo(f"    {name}: {line.amount_cny} [{mark or WORDS[language].all_good}]")
