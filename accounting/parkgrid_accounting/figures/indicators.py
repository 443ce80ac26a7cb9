"""Figures of a scope over a period: each on its own grid, so asking for one or for all gives the same number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from parkgrid_accounting.errors import AccountingError
from parkgrid_accounting.figures.inputs import NOTHING_GIVEN, Given, grid_of, inputs_of, sources_of
from parkgrid_accounting.figures.site import Site, SiteRegister, site_of
from parkgrid_accounting.scope import Scope
from parkgrid_database.connection import Connection
from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.definition import Figure, Indicator, Inputs
from parkgrid_domain.period import Period


class UnknownIndicatorError(AccountingError):
    """No indicator has this name."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A figure with what it came from: all that a trace needs to go on."""

    indicator: Indicator
    figure: Figure
    inputs: Inputs
    registers: Mapping[str, list[SiteRegister]]
    """The registers behind each metered quantity."""


def figures(
    connection: Connection,
    scope: Scope,
    period: Period,
    names: Iterable[str] | None = None,
    given: Given = NOTHING_GIVEN,
) -> list[Figure]:
    """The figures of these names, or of all, in the order of the registry.

    Raises `UnknownParkError`, `UnknownIndicatorError`.
    """
    return figures_of(connection, site_of(connection, scope), period, names, given)


def figures_of(
    connection: Connection,
    site: Site,
    period: Period,
    names: Iterable[str] | None = None,
    given: Given = NOTHING_GIVEN,
) -> list[Figure]:
    """As `figures`, for a site that was read before. Raises `UnknownIndicatorError`."""
    asked = _asked(names)
    period = replace(period, zone=site.zone)
    found: dict[str, Figure] = {}
    for group in _by_grid(site, period, asked):
        inputs = inputs_of(connection, site, period, _quantities(group), given)
        found |= {each.name: each.figure(inputs) for each in group}
    return [found[each.name] for each in asked]


def explained(
    connection: Connection, scope: Scope, period: Period, name: str, given: Given = NOTHING_GIVEN
) -> Explained:
    """One figure with its inputs and registers. Raises `UnknownParkError`, `UnknownIndicatorError`."""
    (indicator,) = _asked([name])
    site = site_of(connection, scope)
    period = replace(period, zone=site.zone)
    quantities = _quantities([indicator])
    inputs = inputs_of(connection, site, period, quantities, given)
    return Explained(indicator, indicator.figure(inputs), inputs, sources_of(site, period, quantities))


def _asked(names: Iterable[str] | None) -> list[Indicator]:
    if names is None:
        return list(INDICATORS.values())
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in INDICATORS]:
        raise UnknownIndicatorError(f"no indicator {', '.join(unknown)}: there are {', '.join(INDICATORS)}")
    return [indicator for name, indicator in INDICATORS.items() if name in wanted]


def _by_grid(site: Site, period: Period, indicators: list[Indicator]) -> Iterable[list[Indicator]]:
    """Indicators whose registers have the same coarsest interval share their inputs."""
    groups: dict[int, list[Indicator]] = {}
    for each in indicators:
        period_s = grid_of(site, period, _quantities([each]), None).period_s
        groups.setdefault(period_s, []).append(each)
    return groups.values()


def _quantities(indicators: list[Indicator]) -> list[str]:
    return [name for each in indicators for name in (*each.inputs, *each.optional)]
