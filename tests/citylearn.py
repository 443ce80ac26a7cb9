"""The CityLearn year of 17 houses behind one connection point; what a replay of it must give, from its files alone."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

_PLACES = [parent / "shared" / "data" / "citylearn_2022" for parent in Path(__file__).resolve().parents]
DATA = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
HOUSES = 17
needed = pytest.mark.skipif(not DATA.is_dir(), reason="citylearn_2022 is not here: put it at ../shared/data")


@dataclass(frozen=True)
class Hours:
    """The hours of a span: what the houses used, what their roofs made."""

    load_kwh: list[float]
    pv_kwh: list[float]

    @property
    def net_kwh(self) -> list[float]:
        """What the connection point took in each hour; negative where it gave."""
        return [used - made for used, made in zip(self.load_kwh, self.pv_kwh, strict=True)]

    @property
    def kwh(self) -> dict[str, float]:
        """The totals, by the names of a replay's verdict."""
        return {
            "load_kwh": sum(self.load_kwh),
            "pv_kwh": sum(self.pv_kwh),
            "import_kwh": sum(max(energy, 0) for energy in self.net_kwh),
            "export_kwh": sum(max(-energy, 0) for energy in self.net_kwh),
        }


def of_hours(first: int, hours: int) -> Hours:
    """So many hours from a row of the files on."""
    schema = json.loads((DATA / "schema.json").read_text())
    load, generation = [0.0] * hours, [0.0] * hours
    for number in range(1, HOUSES + 1):
        power_kw = schema["buildings"][f"Building_{number}"]["pv"]["attributes"]["nominal_power"]
        with (DATA / f"Building_{number}.csv").open() as file:
            rows = list(csv.DictReader(file))[first : first + hours]
        for hour, row in enumerate(rows):
            load[hour] += float(row["non_shiftable_load"])
            generation[hour] += float(row["solar_generation"]) / 1000 * power_kw
    return Hours(load, generation)
