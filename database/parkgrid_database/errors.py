"""What can go wrong with the database, by what to do about it; the driver's errors are translated here alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

_REFUSED_CONTENT = (psycopg.DataError, psycopg.IntegrityError, errors.ProgramLimitExceeded)
_GAVE_UP = (errors.QueryCanceled, errors.OutOfMemory, errors.InternalError_)
_NOT_SET_UP = (psycopg.ProgrammingError, psycopg.NotSupportedError)


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


@contextmanager
def translated() -> Iterator[None]:
    """The one place where the driver's exceptions become `StoreError`s."""
    try:
        yield
    except _REFUSED_CONTENT as error:
        raise ContentError(_sentence(error)) from error
    except _NOT_SET_UP as error:
        raise SetupError(f"{_sentence(error)}; is the database migrated (`parkgrid db migrate`)?") from error
    except errors.DiskFull as error:
        raise StoreFullError(_sentence(error)) from error
    except _GAVE_UP as error:
        raise GaveUpError(_sentence(error)) from error
    except psycopg.Error as error:
        raise StoreUnavailableError(_sentence(error)) from error


def _sentence(error: psycopg.Error) -> str:
    code = f" [{error.sqlstate}]" if error.sqlstate else ""
    return (str(error).strip().replace("\n", "; ") or type(error).__name__) + code
