"""All indicators by name."""

from collections.abc import Mapping
from types import MappingProxyType

from domain.indicators.balance import BALANCE
from domain.indicators.carbon import CARBON
from domain.indicators.charging import CHARGING
from domain.indicators.definition import Indicator
from domain.indicators.demand import DEMAND
from domain.indicators.direct_current import DIRECT_CURRENT
from domain.indicators.equipment import EQUIPMENT
from domain.indicators.photovoltaics import PHOTOVOLTAICS
from domain.indicators.storage import STORAGE

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
