"""Whether equipment could have worked when it was asked."""

from parkgrid_domain.indicators.bounds import SHARE, part
from parkgrid_domain.indicators.definition import Indicator, Observed, Value


def _availability(observed: Observed) -> Value:
    known, able = observed.energy("device_known_min"), observed.energy("device_able_min")
    return Value(able / known, details={"able_h": able / 60, "known_h": known / 60})


EQUIPMENT = (
    Indicator(
        name="equipment_availability_ratio",
        name_zh="设备可用率",
        name_en="Availability of equipment",
        formula="minutes not in fault or maintenance (charger: nor unavailable) / minutes with a known state, all "
        "devices",
        unit="",
        inputs=("device_known_min", "device_able_min"),
        source="Time-based availability [design default]: inverters, storage, chargers and DC buses by the state that "
        "they show at the end of each minute; off and standby are able to work, silence is no state.",
        compute=_availability,
        bounds=part("the states reported by the devices", "设备状态数据"),
        display=SHARE,
    ),
)
