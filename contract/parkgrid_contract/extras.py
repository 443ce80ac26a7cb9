"""Optional libraries: where one is missing, the error names the command that adds it."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ImportError):
    """A library of an extra is not installed; the message names it and the command that adds it."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Put around imports of libraries that only an extra brings; `name` is what pip takes, as `parkgrid[grafana]`.

    Raises `MissingExtraError` if one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed: pip install '{name}'", name=error.name) from error
