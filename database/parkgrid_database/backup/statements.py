"""The SQL of backup and restore, and what a connection is called here."""

from typing import Any

import psycopg

from parkgrid_database.sql_files import named_statements

STATEMENTS = named_statements("parkgrid_database", "backup")
Connection = psycopg.Connection[Any]
