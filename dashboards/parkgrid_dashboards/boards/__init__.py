"""The dashboards, in the order in which people read them."""

from parkgrid_dashboards.boards import (
    charging,
    clusters,
    district,
    meters,
    park,
    pedf,
    platform,
    quality,
    storage,
    vpp_capability,
    vpp_event,
    vpp_pilot,
)

BOARDS = (
    district.BOARD,
    park.BOARD,
    storage.BOARD,
    charging.BOARD,
    pedf.BOARD,
    meters.BOARD,
    clusters.BOARD,
    vpp_pilot.BOARD,
    vpp_event.BOARD,
    vpp_capability.BOARD,
    quality.BOARD,
    platform.BOARD,
)
