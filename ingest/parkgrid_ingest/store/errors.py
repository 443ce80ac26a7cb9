"""What can go wrong with a store: one root, and what to do about it by class."""


class StoreError(Exception):
    """The store did not do what was asked; nothing of the failed transaction remains."""


class StoreUnavailableError(StoreError):
    """Retriable: the database cannot be reached, is full, or somebody held a lock too long. Send the same again."""


class GaveUpError(StoreUnavailableError):
    """The database answers, but gave this one up: out of time, of locks, or by an internal error. Perhaps smaller."""


class RegistryChangedError(StoreError):
    """What was remembered of devices does not hold any more: read the registry again, then send the same again."""


class StoreFullError(StoreUnavailableError):
    """Retriable: the database's disk is full. Send the same again when there is room."""


class ContentError(StoreError):
    """Permanent: the database refuses this content whatever is tried; the batch is poison."""


class SetupError(StoreError):
    """Permanent: the database is not what this version expects: not migrated, another version, or no permission."""
