"""The standard-coal factors of a quarter, from the dated factors."""

from datetime import timedelta
from decimal import Decimal

from parkgrid_domain.clusters.figures import Coal, CoalFactor
from parkgrid_domain.clusters.quarter import Quarter
from parkgrid_domain.factors.reader import factors_for
from parkgrid_domain.indicators.definition import Factor


def coal_of(quarter: Quarter) -> Coal:
    """The factors that hold on the last day of a quarter."""
    last = quarter.end - timedelta(days=1)
    found = factors_for(last, last, None)
    return Coal(*(_factor(found, f"coal_{name}_kgce_per_kwh") for name in ("equivalent", "equal_value")))


def _factor(found: dict[str, Factor], name: str) -> CoalFactor | None:
    factor = found.get(name)
    return None if factor is None else CoalFactor(Decimal(str(factor.value)), factor.source)
