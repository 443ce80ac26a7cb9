"""A month of light on modules and of what they gave, by the quarter of an hour, from the simulator's weather.

Clouds pass the sensor and, some minutes later, the parts of the plant; the ratio of the two sums is the true one.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from parkgrid_domain.indicators.definition import Inputs, Place, Quantity
from parkgrid_simulators.pv import PvArray, generation
from parkgrid_simulators.weather import Site, WeatherDay
from tests.domain.indicators.cases import given

PARTS = 4
MODULES_KWP = 1_000.0
SHENZHEN = Site()
URUMQI = Site(43.8, 87.6, 800.0, "Asia/Shanghai", (3.0,) * 12)
"""Its noon is at 14:10 of the clock."""
HARBIN = Site(45.8, 126.5, 140.0, "Asia/Shanghai", (2.8,) * 12)
LHASA = Site(29.7, 91.1, 3_650.0, "Asia/Shanghai", (2.0,) * 12)


@dataclass(frozen=True)
class Month:
    """What sensor and inverters measured."""

    site: Site
    start_ms: int
    light_w_m2: np.ndarray
    generated_kwh: np.ndarray
    module_c: np.ndarray

    @property
    def performance_ratio(self) -> float:
        """Of the true light."""
        return float(self.generated_kwh.sum() / MODULES_KWP / (self.light_w_m2.sum() / 4 / 1000))

    def inputs(self, light=None, generated=None, *, placed=True, module_c=None) -> Inputs:
        """Inputs of the indicators, with what a sensor told instead of the light."""
        columns = {
            "irradiance_plane_w_m2": self.light_w_m2 if light is None else light,
            "pv_kwh": self.generated_kwh if generated is None else generated,
            "module_temperature_c": self.module_c if module_c is None else module_c,
        }
        measured = np.zeros(len(self.light_w_m2), np.bool_)
        return Inputs(
            self.start_ms,
            900,
            len(self.light_w_m2),
            {name: Quantity(name, "", np.array(values, np.float64), measured) for name, values in columns.items()},
            {"pv_rated_kwp": MODULES_KWP},
            {
                name: given(name, value)
                for name, value in {
                    "pv_least_irradiation_kwh_m2_d": 0.1,
                    "pv_light_w_m2": 100.0,
                    "pv_temperature_coefficient_per_k": -0.0035,
                }.items()
            },
            zone=ZoneInfo(self.site.zone),
            place=Place(self.site.latitude, self.site.longitude) if placed else None,
        )


@cache
def month(site: Site = SHENZHEN, first: date = date(2026, 3, 1), days: int = 30, tilt: float = 15.0) -> Month:
    """Days one after the other, each with its own sky."""
    light, generated, warm = [], [], []
    for number in range(days):
        weather = WeatherDay(site, first + timedelta(days=number), seed=7)
        arrays = [PvArray(MODULES_KWP / PARTS / 1.2, tilt_deg=tilt, cloud_lag_min=3 * part) for part in range(PARTS)]
        parts = [generation(array, weather) for array in arrays]
        light.append(_quarters(parts[0].plane_w_m2))
        generated.append(sum(_quarters(part.ac_kw) for part in parts) / 4)
        warm.append(_quarters(parts[0].cell_c))
    start_ms = WeatherDay(site, first, seed=7).start_ms
    return Month(site, start_ms, *(np.concatenate(each) for each in (light, generated, warm)))


def _quarters(minutes) -> np.ndarray:
    return np.array(minutes[:1440], np.float64).reshape(96, 15).mean(axis=1)
