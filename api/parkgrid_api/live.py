"""What a park does now: the newest readings, their age, and the flow of power that they add up to. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parkgrid_api.answers import present
from parkgrid_api.answers.present import State

TRANSPORT_S = 3.0
"""What the way of a reading may take (flush window, commit, tick) before two missed periods are meant by its age."""
_UNUSABLE = {"bad", "out_of_range"}
"""What is stale is the last value known: it is shown, as old."""
_POWER = "active_power_kw"
_FLOW_CLASSES = {"pv": "pv_inverter", "storage": "storage", "grid": "grid_meter", "ev": "charger", "load": "meter"}


_ORDER = (State.LIVE, State.STALE, State.INCOMPLETE, State.MISSING)


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest row of one device."""

    gateway: str
    device: str
    device_class: str
    name: str
    period_s: float
    simulated: bool
    at_ms: int | None
    received_ms: int | None
    values: dict[str, float]
    flags: dict[str, str]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Reading":
        """From a row of `latest.sql`."""
        return cls(
            row["gateway"],
            row["device"],
            row["device_class"],
            row["name"],
            row["period_s"],
            row["simulated"],
            row["at_ms"],
            row["received_ms"],
            row["signals"] or {},
            row["flags"] or {},
        )

    @classmethod
    def of_columns(cls, row: Mapping[str, Any]) -> "Reading":
        """From a row of `district.sql`."""
        known = {name: row[name] for name in ("active_power_kw", "soc_pct") if row[name] is not None}
        return cls.of_row({**row, "signals": known | (row["untrusted"] or {})})

    def age_s(self, now_ms: int) -> float | None:
        """Seconds since the reading; simulated time may lie in the past, so there its arrival counts.

        No reading is younger than its arrival, whatever the gateway's clock says.
        """
        known = [self.received_ms] if self.simulated else [self.at_ms, self.received_ms]
        instants = [instant for instant in known if instant is not None]
        return max(0.0, (now_ms - min(instants)) / 1000) if instants else None

    @property
    def delay_s(self) -> float:
        """Seconds from its stamp to its arrival: the way, what waited, and how far the gateway's clock is behind."""
        if self.simulated or self.at_ms is None or self.received_ms is None:
            return 0.0
        return max(0.0, (self.received_ms - self.at_ms) / 1000)

    @property
    def stale_after_s(self) -> float:
        """The age from which the reading is not the present one: two periods and the way."""
        return 2 * self.period_s + TRANSPORT_S

    def stale(self, now_ms: int) -> bool:
        """Whether the reading is older than two periods."""
        age = self.age_s(now_ms)
        return age is None or age > self.stale_after_s

    def usable(self, signal: str) -> float | None:
        """The value of a signal, unless it is absent or its own quality forbids to build on it."""
        return None if self.flags.get(signal) in _UNUSABLE else self.values.get(signal)

    def document(self, now_ms: int) -> present.LiveDevice:
        """The answer's form."""
        return {
            "gateway": self.gateway,
            "device": self.device,
            "device_class": self.device_class,
            "name": self.name,
            "simulated": self.simulated,
            "at_ms": self.at_ms,
            "received_ms": self.received_ms,
            "age_s": self.age_s(now_ms),
            "stale_after_s": self.stale_after_s,
            "stale": self.stale(now_ms),
            "values": self.values,
            "flags": self.flags,
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """One power of the flow, with how far it can be trusted."""

    kw: float | None
    state: State
    age_s: float | None
    stale_after_s: float
    devices: int
    reporting: int
    estimated: bool = False
    measured: bool = True
    """False when the figure closes the balance instead of being read from devices."""
    soc_pct: float | None = None

    def document(self) -> present.Figure:
        """The answer's form; the state of charge only where there is one."""
        document: present.Figure = {
            "kw": self.kw,
            "state": self.state,
            "age_s": self.age_s,
            "stale_after_s": self.stale_after_s,
            "devices": self.devices,
            "reporting": self.reporting,
            "estimated": self.estimated,
            "measured": self.measured,
        }
        return document if self.soc_pct is None else {**document, "soc_pct": self.soc_pct}


_NO_DEVICE = Figure(None, State.NONE, None, TRANSPORT_S, 0, 0)


def flow(readings: Iterable[Reading], now_ms: int) -> dict[str, Figure]:
    """The powers of a park: sources (grid, pv, storage) feed the bus, sinks (load, ev) draw from it, both positive."""
    by_class: dict[str, list[Reading]] = {}
    for reading in readings:
        by_class.setdefault(reading.device_class, []).append(reading)
    figures = {part: _figure(by_class.get(name, []), now_ms) for part, name in _FLOW_CLASSES.items()}
    if figures["load"].state is State.NONE:
        figures["load"] = _closing(figures)
    return figures


def flow_document(figures: Mapping[str, Figure]) -> present.Flow:
    """The answer's form of a flow."""
    return {
        "pv": figures["pv"].document(),
        "storage": figures["storage"].document(),
        "grid": figures["grid"].document(),
        "ev": figures["ev"].document(),
        "load": figures["load"].document(),
    }


def loss_kw(figures: Mapping[str, Figure]) -> float | None:
    """What is left of the balance when every part of it is known; None when it closes by definition or cannot."""
    if not figures["load"].measured or any(figure.state is State.MISSING for figure in figures.values()):
        return None
    return _known(figures["grid"], figures["pv"], figures["storage"]) - _known(figures["load"], figures["ev"])


def pv_of_use(*parks: Mapping[str, Figure]) -> float | None:
    """The part of the present use (load and charging) that photovoltaics cover, 0 to 1; of several, of their sums.

    A park whose load or whose photovoltaics are not known at this moment takes no part; None where nothing is left.
    """
    known = [each for each in parks if each["load"].kw is not None and each["pv"].state is not State.MISSING]
    sun = sum(max(0.0, each["pv"].kw or 0.0) for each in known)
    use = sum(max(0.0, each[name].kw or 0.0) for each in known for name in ("load", "ev"))
    if use <= 0 or all(each["pv"].state is State.NONE for each in known):
        return None
    return round(min(1.0, sun / use), 4)


def dc_bus(readings: Iterable[Reading], now_ms: int) -> present.DcBus | None:
    """A PEDF building's bus: power through its interface (positive from the grid), its voltage, what was asked for.

    None without a bus. It is no part of the balance: its loads and sources are counted themselves.
    """
    buses = [reading for reading in readings if reading.device_class == "dc_bus"]
    if not buses:
        return None
    first = buses[0]
    return {
        **_figure(buses, now_ms).document(),
        "voltage_v": first.usable("voltage_v"),
        "reference_voltage_v": first.usable("reference_voltage_v"),
        "target_power_kw": first.usable("target_power_kw"),
    }


def newest_ms(readings: Iterable[Reading]) -> int | None:
    """The newest instant of any reading."""
    return max((reading.at_ms for reading in readings if reading.at_ms is not None), default=None)


def _figure(readings: Sequence[Reading], now_ms: int) -> Figure:
    if not readings:
        return _NO_DEVICE
    known = [(reading, reading.usable(_POWER)) for reading in readings]
    values = [value for _, value in known if value is not None]
    ages = [age for reading, value in known if value is not None and (age := reading.age_s(now_ms)) is not None]
    charge = [soc for reading in readings if (soc := reading.usable("soc_pct")) is not None]
    return Figure(
        kw=round(sum(values), 3) if values else None,
        state=_state(readings, len(values), now_ms),
        age_s=max(ages, default=None),
        stale_after_s=min(reading.stale_after_s for reading in readings),
        devices=len(readings),
        reporting=len(values),
        estimated=any(reading.flags.get(_POWER) == "estimated" for reading in readings),
        soc_pct=round(sum(charge) / len(charge), 1) if charge else None,
    )


def _state(readings: Sequence[Reading], reporting: int, now_ms: int) -> State:
    if not reporting:
        return State.MISSING
    if reporting < len(readings):
        return State.INCOMPLETE
    old = any(reading.stale(now_ms) or reading.flags.get(_POWER) == "stale" for reading in readings)
    return State.STALE if old else State.LIVE


def _closing(figures: Mapping[str, Figure]) -> Figure:
    """The load as what the sources feed and the chargers do not draw; impossible without the grid."""
    grid = figures["grid"]
    if grid.state is State.NONE:
        return _NO_DEVICE
    parts = [figures[name] for name in ("grid", "pv", "storage", "ev") if figures[name].state is not State.NONE]
    worst = max((part.state for part in parts), key=_ORDER.index)
    supply = _known(grid, figures["pv"], figures["storage"])
    return Figure(
        kw=None if worst is State.MISSING else round(supply - _known(figures["ev"]), 3),
        state=worst,
        age_s=max((part.age_s for part in parts if part.age_s is not None), default=None),
        stale_after_s=min(part.stale_after_s for part in parts),
        devices=0,
        reporting=0,
        estimated=True,
        measured=False,
    )


def _known(*figures: Figure) -> float:
    return round(sum(figure.kw for figure in figures if figure.kw is not None), 3)
