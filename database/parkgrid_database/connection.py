"""What a connection to the database is called."""

from typing import Any, TypeAlias

import psycopg

Connection: TypeAlias = psycopg.Connection[Any]
"""A synchronous connection, whatever its rows are."""
