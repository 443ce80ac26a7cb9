"""The tests of a driver, and of the device that is simulated from its rows, as functions that any test runner can call.

`parkgrid_edge.driver_checks` has all but the last one, for whoever has no simulators.
"""

from collections.abc import Iterator
from functools import partial

from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge import driver_checks as edge
from parkgrid_edge.driver_checks import Check, DriverCheckError, Golden, float_words, hex_words
from parkgrid_edge.protocols.registers import Driver, Register, decode, encode
from parkgrid_simulators.image import RegisterImage, decimal_points

__all__ = ["Check", "DriverCheckError", "Golden", "driver_checks", "float_words", "hex_words"]
_RATINGS = {"rated_power_kw": 12.0, "nominal_voltage_v": 100.0}
_SHOWN = 12.0
_SMALL = (1.0, 0.1, 0.01, 0.0)


def driver_checks(driver: Driver, golden: Golden | None = None) -> list[Check]:
    """All checks of one driver: those of the edge, and that its simulated device shows what it is given."""
    served = Check("its simulated device shows every signal", partial(_is_served, driver), driver.name)
    return [*edge.driver_checks(driver, golden), served]


def _is_served(driver: Driver) -> Iterator[str]:
    if driver.discovers or driver.device_class not in CATALOGUE:
        return
    image = RegisterImage(driver, decimal_points(driver, _RATINGS))
    for row in driver.registers:
        exponent = image.exponent(row)
        value = _shown(driver, row, exponent)
        words = image.read(row.table, row.address, row.encoding.words, {row.signal: value})
        shown = decode(row, words, exponent)
        if shown is None or abs(shown - value) > abs(row.scale) * 10**exponent:
            yield f"{row.signal} at {row.address}: the simulated device is given {value} and shows {shown}"
        image.read(row.table, row.address, row.encoding.words, {})


def _shown(driver: Driver, row: Register, exponent: int) -> float:
    """A value that the row can hold: a state that it knows, or a number within the signal's range."""
    if row.states:
        return float(next(iter(row.states.values())))
    signal = CATALOGUE[driver.device_class].by_name.get(row.signal)
    values = (min(_SHOWN, signal.high) if signal else _SHOWN, *_SMALL)
    return next((value for value in values if _holds(row, value, exponent)), 0.0)


def _holds(row: Register, value: float, exponent: int) -> bool:
    try:
        encode(row, value, exponent)
    except ValueError:
        return False
    return True
