"""Which park to simulate: a scenario by name or path, or a park around one device of a named driver."""

import logging
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from parkgrid_contract.refusal import shorten, written
from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge import drivers
from parkgrid_edge.driver_rules import rating_problems
from parkgrid_simulators.scenario import SCENARIOS, Scenario, load_scenario
from parkgrid_simulators.scenario_tables import DcBusSettings, DeviceSettings

RATED_KW, STORED_HOURS = 100.0, 2.0
"""Of a device whose ratings nobody gave: its power, and a storage's capacity at this power."""
DEVICE = "device"
"""What the one device of a park of its own is called."""
_GRID = "grid"
_log = logging.getLogger(__name__)


class ChoiceError(ValueError):
    """There is no such scenario, driver or class; the message lists those there are."""


def find_scenario(name: str, folders: Sequence[Path] = ()) -> Scenario:
    """A scenario of ours by its name, or a TOML file by its path, looked for in `folders`.

    Raises `ChoiceError`, or `SettingsError` for a file that is wrong.
    """
    if not isinstance(name, str):
        raise ChoiceError(f"scenario {shorten(written(name))}: must be the name or the path of one, as text")
    ours = {path.stem: path for path in sorted(SCENARIOS.glob("*.toml"))}
    if name in ours:
        return load_scenario(ours[name])
    for folder in (*folders, Path()):
        # A name may be longer than any file's.
        with suppress(OSError):
            if (folder / name).is_file():
                return load_scenario(folder / name)
    places = ", ".join(str(folder) for folder in folders) or "the current folder"
    raise ChoiceError(
        f"scenario {shorten(written(name))}: no file of that name in {places}; ours are: {', '.join(ours)}"
    )


def one_device(driver: str, device_class: str | None = None, ratings: Mapping[str, float] | None = None) -> Scenario:
    """A park of one device and the grid meter that closes its balance. Raises `ChoiceError`.

    `driver` is the name of a driver, or the model that it is for; a driver of several classes (SunSpec) needs one said.
    """
    if wrong := list(rating_problems(ratings or {})):
        raise ChoiceError(
            "; ".join(f"ratings {shorten(name)} = {shorten(written(value))}: {remedy}" for name, value, remedy in wrong)
        )
    if not isinstance(driver, str):
        raise ChoiceError(f"driver {shorten(written(driver))}: must be the name of one, or of its model, as text")
    name = _driver_of(driver)
    try:
        known = drivers.find(name)
    except drivers.DriverError as error:
        raise ChoiceError(str(error)) from error
    chosen = device_class or known.device_class
    if not chosen:
        raise ChoiceError(f"driver {name!r} serves several classes: say which, for example device_class='pv_inverter'")
    if chosen not in CATALOGUE:
        raise ChoiceError(f"device_class {shorten(written(chosen))} is unknown; there are: {', '.join(CATALOGUE)}")
    if not known.serves(chosen):
        raise ChoiceError(f"device_class {shorten(written(chosen))}: driver {name!r} is for {known.device_class}")
    rated = {"rated_power_kw": RATED_KW, **known.ratings, **(ratings or {})}
    return _built(name, chosen, rated)


def _built(driver: str, device_class: str, ratings: dict[str, Any]) -> Scenario:
    grid = DeviceSettings(_GRID, "grid_meter", "eastron_sdm630", ratings={"rated_power_kw": 10 * RATED_KW})
    if device_class == "dc_bus":
        volts = {"nominal_voltage_v": ratings["nominal_voltage_v"]} if "nominal_voltage_v" in ratings else {}
        bus = DcBusSettings(DEVICE, ratings["rated_power_kw"], driver, **volts)
        return _checked(Scenario("one-device", (grid,), dc_buses=(bus,)))
    if device_class == "storage":
        ratings = {"capacity_kwh": STORED_HOURS * ratings["rated_power_kw"], **ratings}
    device = DeviceSettings(DEVICE, device_class, driver, ratings=ratings)  # type: ignore[arg-type]
    return _checked(Scenario("one-device", (device,) if device_class == "grid_meter" else (grid, device)))


def _checked(scenario: Scenario) -> Scenario:
    problems = [f"{key} = {shorten(written(value))}: {remedy}" for key, value, remedy in scenario.problems()]
    if problems:
        raise ChoiceError("; ".join(problems))
    return scenario


def _driver_of(text: str) -> str:
    """The name of a driver, from its name or from the model that it is for.

    Capital letters, and ways to write an accent, make no difference. parkgrid's own drivers come first: what is
    installed beside parkgrid does not change what a name or a model means.
    """
    wanted, own = _folded(text), drivers.own_names()
    if wanted in own:
        return wanted
    names = {_folded(name): name for name in drivers.names()}
    ours, others = _models(own), _models([name for name in names.values() if name not in own])
    found = [names[wanted]] if wanted in names else others.get(wanted, [])
    if wanted in ours:
        for other in found:
            _warn_of_model(text, ours[wanted][0], other)
        return ours[wanted][0]
    if len(found) > 1:
        both = " and ".join(f"{name!r} of {drivers.package_of(name)}" for name in found)
        raise ChoiceError(f"model {text!r} is of the drivers {both}: give the name of one, or uninstall the other")
    if found:
        return found[0]
    near = get_close_matches(wanted, [*names, *ours, *others], 1)
    hint = f"did you mean {names.get(near[0]) or (ours | others)[near[0]][0]!r}? " if near else ""
    raise ChoiceError(f"driver {shorten(written(text))} is unknown; {hint}there are: {', '.join(drivers.names())}")


def _warn_of_model(text: str, ours: str, other: str) -> None:
    remedy = "that one needs another name" if _folded(other) == _folded(text) else f"{other!r} chooses that one"
    chosen, passed_over = (f"{name!r} of {drivers.package_of(name)}" for name in (ours, other))
    _log.warning("model %r: the driver %s is used, not %s; %s", text, chosen, passed_over, remedy)


def _models(names: Sequence[str]) -> dict[str, list[str]]:
    """The drivers by the models that they are for, without those of installed packages that cannot be used."""
    found: dict[str, list[str]] = {}
    for name in names:
        with suppress(drivers.DriverError):
            found.setdefault(_folded(drivers.find(name).model), []).append(name)
    return found


def _folded(text: str) -> str:
    """A name as it is compared (Unicode, canonical caseless matching)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
