"""What can go wrong with a store: one root, and what to do about it by class."""


class StoreError(Exception):
    """The store did not do what was asked; nothing of the failed transaction remains."""


class StoreUnavailableError(StoreError):
    """Retriable: the database cannot be reached, is full, or somebody held a lock too long. Send the same again."""


class ContentError(StoreError):
    """Permanent: the database refuses this content whatever is tried; the batch is poison."""


class SetupError(StoreError):
    """Permanent: the database is not what this version expects: not migrated, another version, or no permission."""
