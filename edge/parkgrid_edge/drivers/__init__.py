"""One module per kind of device, each defining `DRIVER`; dropping a file here is all it takes to be found."""

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from parkgrid_edge.protocols.registers import Driver


class UnknownDriverError(LookupError):
    """No driver has that name; the message lists those there are."""


def names() -> tuple[str, ...]:
    """The names of all drivers, without importing them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def find(name: str) -> Driver:
    """The driver of that name. Raises `UnknownDriverError`."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, 1)
        advice = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise UnknownDriverError(f"driver {name!r} is unknown; {advice}")
    driver = importlib.import_module(f"{__name__}.{name}").DRIVER
    if not isinstance(driver, Driver):
        raise TypeError(f"edge/parkgrid_edge/drivers/{name}.py: DRIVER must be a Driver, not {type(driver).__name__}")
    return driver


def all_drivers() -> Mapping[str, Driver]:
    """Every driver by name."""
    return MappingProxyType({name: find(name) for name in names()})
