"""What ingest asks of the database: the named statements of `statements.sql`."""

from typing import LiteralString

from parkgrid_database.sql_files import named_statements


def statement(name: str) -> LiteralString:
    """One named statement."""
    return named_statements("parkgrid_ingest", "statements")[name]
