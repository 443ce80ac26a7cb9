"""The dashboards, in the order in which people read them."""

from parkgrid_dashboards.boards import charging, clusters, district, meters, park, pedf, platform, quality, storage

BOARDS = (
    district.BOARD,
    park.BOARD,
    storage.BOARD,
    charging.BOARD,
    pedf.BOARD,
    meters.BOARD,
    clusters.BOARD,
    quality.BOARD,
    platform.BOARD,
)
