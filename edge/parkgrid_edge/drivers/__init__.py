"""One module per kind of device, each defining `DRIVER`; dropping a file here is all it takes to be found.

An installed package brings drivers of its own with entry points of the group `parkgrid.drivers`: the name is the
driver's, the value says where its `Driver` stands, for example `acme_em24 = "acme_parkgrid.em24:DRIVER"`. Nothing of a
package is imported before a device names its driver. One that cannot be used is an error and stops no other.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points
from types import MappingProxyType

from parkgrid_edge.driver_rules import broken_rules
from parkgrid_edge.protocols.registers import Driver

GROUP = "parkgrid.drivers"
OWN_PACKAGE = "parkgrid-edge"
_METADATA_ERRORS = (ImportError, LookupError, OSError, TypeError, ValueError)
"""What the reading of another package's metadata may raise, when its files are damaged."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")


class DriverError(LookupError):
    """There is no driver to be had by that name."""


class UnknownDriverError(DriverError):
    """No driver has that name; the message lists those there are."""


class UnusableDriverError(DriverError):
    """The driver of an installed package cannot be used; the message names the package, the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A driver that an installed package offers."""

    package: str
    """Name and version of the distribution."""
    entry: EntryPoint
    problem: str = ""
    """Why it is not even looked at; empty when it may be loaded."""

    def refusal(self, reason: str) -> str:
        """What is told when it cannot be used."""
        name = self.package.split(" ")[0]
        remedy = f"update or mend {name}, or uninstall it"
        return f"driver {self.entry.name!r} of {self.package} ({self.entry.value}) cannot be used: {reason}; {remedy}"


def names() -> tuple[str, ...]:
    """The names of all drivers, without importing them."""
    return tuple(sorted({*own_names(), *_offered()}))


@cache
def own_names() -> tuple[str, ...]:
    """The names of the drivers in this package."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def find(name: str) -> Driver:
    """The driver of that name. Raises `UnknownDriverError`; `UnusableDriverError` for one of an installed package."""
    if name in own_names():
        return _loaded(name)
    offer = _offered().get(name)
    if offer is not None:
        return _checked(offer)
    known = names()
    near = get_close_matches(name, known, 1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    raise UnknownDriverError(f"driver {name!r} is unknown; {advice}")


def package_of(name: str) -> str:
    """Which distribution a driver comes from: `parkgrid-edge`, or the name and version of another. Imports nothing."""
    return OWN_PACKAGE if name in own_names() or name not in _offered() else _offered()[name].package


def clashes() -> tuple[str, ...]:
    """What packages offer under a name of parkgrid's own drivers, and is therefore left alone. Nothing is imported."""
    return _read_offers()[1]


def _offered() -> Mapping[str, _Offer]:
    return _read_offers()[0]


@cache
def _read_offers() -> tuple[Mapping[str, _Offer], tuple[str, ...]]:
    """What installed packages offer, by name, and what of it is left alone."""
    found: dict[str, _Offer] = {}
    left_alone: list[str] = []
    for entry in sorted(_entries(), key=lambda entry: (entry.name, _package(entry))):
        offer = _Offer(_package(entry), entry, _name_problem(entry.name))
        if entry.name in own_names():
            left_alone.append(offer.refusal("parkgrid has a driver of that name, and that one is used"))
        elif entry.name in found:
            problem = f"{found[entry.name].package} and {offer.package} both offer it"
            found[entry.name] = _Offer(offer.package, entry, problem)
        else:
            found[entry.name] = offer
    return MappingProxyType(found), tuple(left_alone)


def _entries() -> list[EntryPoint]:
    """The entry points of the group; a package whose metadata are damaged has none, and costs nobody else's."""
    try:
        return list(entry_points(group=GROUP))
    except _METADATA_ERRORS:
        found: list[EntryPoint] = []
        for package in distributions():
            with suppress(*_METADATA_ERRORS):
                found += [entry for entry in package.entry_points if entry.group == GROUP]
        return list(dict.fromkeys(found))


def _package(entry: EntryPoint) -> str:
    with suppress(*_METADATA_ERRORS):
        if entry.dist and entry.dist.name:
            return f"{entry.dist.name} {entry.dist.version}"
    return "a package without a name"


def _name_problem(name: str) -> str:
    rule = "lower-case letters, digits and _; at most 63 characters"
    return "" if _NAME.fullmatch(name) else f"its name must be {rule}"


def _loaded(name: str) -> Driver:
    driver = importlib.import_module(f"{__name__}.{name}").DRIVER
    if not isinstance(driver, Driver):
        raise TypeError(f"edge/parkgrid_edge/drivers/{name}.py: DRIVER must be a Driver, not {type(driver).__name__}")
    return driver


def _checked(offer: _Offer) -> Driver:
    if offer.problem:
        raise UnusableDriverError(offer.refusal(offer.problem))
    try:
        driver = offer.entry.load()
        broken = broken_rules(driver) if isinstance(driver, Driver) else []
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # code of others may raise anything, `pytest.skip` too
        reason = f"{type(error).__name__}: {error}"
        raise UnusableDriverError(offer.refusal(reason)) from error
    if not isinstance(driver, Driver):
        raise UnusableDriverError(offer.refusal(f"it must be a Driver, not {type(driver).__name__}: end it in :DRIVER"))
    if driver.name != offer.entry.name:
        broken.insert(0, f"its name is {driver.name!r}: it must be that of its entry point")
    if broken:
        raise UnusableDriverError(offer.refusal("; ".join(broken)))
    return driver
