"""Figures of several parks together: their devices and registers are taken for those of one site."""

from collections.abc import Iterable, Sequence

from parkgrid_accounting.figures.indicators import figures_of
from parkgrid_accounting.figures.inputs import Given
from parkgrid_accounting.figures.site import site_of_parks
from parkgrid_accounting.statements import statement
from parkgrid_database.connection import Connection
from parkgrid_domain.indicators.definition import Figure
from parkgrid_domain.period import Period

OF_PARKS_TOGETHER = ("consumption_kwh", "self_consumption_ratio", "self_sufficiency_ratio")
"""Indicators of energies alone: they mean the same of one park and of many."""


def district_figures(
    connection: Connection, parks: Sequence[str], period: Period, names: Iterable[str], given: Given
) -> list[Figure]:
    """The figures of parks together, over days of the first one's time zone. Raises `UnknownParkError`.

    A quantity is present in an interval when every park that has such devices knows it.
    """
    return figures_of(connection, site_of_parks(connection, parks), period, names, given)


def metered_until_ms(connection: Connection, parks: Sequence[str]) -> int | None:
    """How far the energy of parks is metered: of several, as far as the one that is furthest."""
    rows = connection.execute(statement("indicators/metered_until"), {"parks": list(parks)}).fetchall()
    return max((at_ms for _, at_ms in rows), default=None)
