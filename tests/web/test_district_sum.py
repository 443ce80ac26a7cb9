"""The district's day is the sum of its parks' days, and says where it is not the sum of all of them."""

from typing import Any

from tests.web.sources import call

BUCKET = 900_000
PARTS = {"pv": "pv_inverter", "storage": "storage", "grid": "grid_meter", "load": "meter", "ev": "charger"}


def day(energy: dict[str, float | None] | None = None, **kw: list[float | None]) -> dict[str, Any]:
    """A park's day as the api answers it; parts that are not given have no devices."""
    length = len(next(iter(kw.values())))
    power = {
        part: {
            "devices": int(part in kw),
            "kw": kw.get(part, [None] * length),
            "reporting": [int(value is not None) for value in kw.get(part, [None] * length)],
            "samples": [900 * (value is not None) for value in kw.get(part, [None] * length)],
            "estimated_ms": [BUCKET] if part in kw else [],
        }
        for part in PARTS
    }
    told = {
        key: {"kwh": kwh, "devices": 1, "reporting": int(kwh is not None), "resets": 0}
        for key, kwh in (energy or {}).items()
    }
    at = [BUCKET * index for index in range(length)]
    return {"bucket_ms": BUCKET, "period_ms": 1_000, "at_ms": at, "power": power, "energy": told}


def test_powers_and_energies_add_up() -> None:
    first = day({"grid.import": 5.0, "pv.made": 1.0}, grid=[1, 2, 3], pv=[0, 1, 2])
    second = day({"grid.import": 0.5}, grid=[10, 20, 30])
    found = call("parts/district_sum.ts", "summed", [first, second])
    assert found["day"]["power"]["grid"]["kw"] == [11, 22, 33]
    assert found["day"]["power"]["grid"]["devices"] == 2
    assert found["day"]["power"]["pv"]["kw"] == [0, 1, 2]
    nothing = {"devices": 0, "kw": [None] * 3, "reporting": [0] * 3, "samples": [0] * 3, "estimated_ms": []}
    assert found["day"]["power"]["ev"] == nothing
    assert found["day"]["power"]["pv"]["estimated_ms"] == [BUCKET]
    assert found["day"]["energy"]["grid.import"] == {"kwh": 5.5, "devices": 2, "reporting": 2, "resets": 0}
    assert found["day"]["energy"]["pv.made"]["kwh"] == 1
    assert found["partial"] == []


def test_a_park_that_is_silent_for_a_while_makes_a_partial_spell() -> None:
    whole = day(grid=[1.0] * 8)
    silent = day(grid=[10.0, 10.0, None, None, None, None, 10.0, 10.0])
    found = call("parts/district_sum.ts", "summed", [whole, silent])
    assert found["day"]["power"]["grid"]["kw"] == [11, 11, 1, 1, 1, 1, 11, 11]
    assert found["partial"] == [[2 * BUCKET, 6 * BUCKET]]


def test_a_park_of_which_one_meter_is_silent_makes_a_partial_spell() -> None:
    whole = day(load=[1.0] * 8)
    some = day(load=[537.0, 537.0, 13.8, 13.8, 13.8, 13.8, 537.0, 537.0])
    some["power"]["load"] |= {"devices": 2, "reporting": [2, 2, 1, 1, 1, 1, 2, 2]}
    found = call("parts/district_sum.ts", "summed", [whole, some])
    assert found["partial"] == [[2 * BUCKET, 6 * BUCKET]]


def test_the_newest_bucket_waits_for_everybody() -> None:
    early, late = day(grid=[1, 1, 1, None]), day(grid=[10, 10, None, None])
    found = call("parts/district_sum.ts", "summed", [early, late])
    # A fall from 11 to 1 kW at the end of the line would be no fall of any power.
    assert found["day"]["power"]["grid"]["kw"] == [11, 11, None, None]
    assert found["partial"] == []


def test_half_an_energy_is_none() -> None:
    known, unknown = day({"grid.import": 5.0}, grid=[1]), day({"grid.import": None}, grid=[1])
    found = call("parts/district_sum.ts", "summed", [known, unknown])
    assert found["day"]["energy"]["grid.import"] == {"kwh": None, "devices": 2, "reporting": 1, "resets": 0}


def test_a_park_without_an_answer_makes_the_day_partial() -> None:
    found = call("parts/district_sum.ts", "summed", [day({"grid.import": 5.0}, grid=[None, 1, 1, None])], 1)
    assert found["day"]["energy"]["grid.import"]["kwh"] is None
    assert found["partial"] == [[BUCKET, 3 * BUCKET]]


def test_no_day_is_no_sum() -> None:
    assert call("parts/district_sum.ts", "summed", []) is None
