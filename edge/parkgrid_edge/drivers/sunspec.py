"""Any device that speaks SunSpec: it says itself which models it has, and where.

Document: SunSpec Alliance, "SunSpec Device Information Model Specification" V1.2, and the information models 1,
101-103, 111-113, 160, 201-204, 211-214, 701, 713, 714 and 802 (github.com/sunspec/models, 2026-04-22).
See `parkgrid_edge.protocols.sunspec`.
"""

from parkgrid_edge.protocols.registers import Driver

DRIVER = Driver(
    name="sunspec",
    device_class="",
    vendor="SunSpec Alliance",
    model="SunSpec device",
    document="SunSpec Device Information Model Specification V1.2; models as of 2026-04-22",
    registers=(),
    discovers=True,
)
