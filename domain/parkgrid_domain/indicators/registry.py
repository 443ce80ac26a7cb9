"""All indicators by name."""

from collections.abc import Mapping
from types import MappingProxyType

from parkgrid_domain.indicators.balance import BALANCE
from parkgrid_domain.indicators.carbon import CARBON
from parkgrid_domain.indicators.charging import CHARGING
from parkgrid_domain.indicators.definition import Indicator
from parkgrid_domain.indicators.demand import DEMAND
from parkgrid_domain.indicators.direct_current import DIRECT_CURRENT
from parkgrid_domain.indicators.equipment import EQUIPMENT
from parkgrid_domain.indicators.photovoltaics import PHOTOVOLTAICS
from parkgrid_domain.indicators.storage import STORAGE

INDICATORS: Mapping[str, Indicator] = MappingProxyType(
    {
        each.name: each
        for each in (
            *BALANCE,
            *PHOTOVOLTAICS,
            *STORAGE,
            *EQUIPMENT,
            *DEMAND,
            *CHARGING,
            *DIRECT_CURRENT,
            *CARBON,
        )
    },
)
"""Every indicator that is published, in the order of reports; a test asks each for its golden folder."""
