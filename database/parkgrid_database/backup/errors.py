"""What ends a backup or a restore."""

from parkgrid_database.errors import StoreError


class BackupError(StoreError):
    """A backup cannot be made, read or restored; the message says what to do."""
