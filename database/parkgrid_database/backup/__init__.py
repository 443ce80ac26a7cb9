"""Backup and restore of a whole database, with a manifest by which a restore is checked against what was backed up.

lock ─▶ snapshot ─┬─▶ inventory ─▶ manifest ─┐
                  └─▶ pg_dump ───────────────┴─▶ one file, under its name only when it is complete

file ─▶ checked ─▶ empty database, closed and marked ─▶ roles ─▶ pg_restore ─▶ compared with the manifest ─▶ opened
"""

from collections.abc import Callable

Tell = Callable[[str, float], None]
"""Told what is being done and which share of it is done, from 0 to 1."""
