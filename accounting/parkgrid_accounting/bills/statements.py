"""The statements of `sql/bills.sql`, by name."""

from typing import LiteralString

from parkgrid_database.sql_files import named_statements


def statement(name: str) -> LiteralString:
    """One named statement."""
    return named_statements("parkgrid_accounting", "bills")[name]
