"""The database: its schema and migrations, the roles and their rights, errors, and the one way to SQL files."""

from typing import Literal

StoreKind = Literal["postgres", "timescale"]
"""What a server offers: plain PostgreSQL, or TimescaleDB with columnstore and continuous aggregates."""
