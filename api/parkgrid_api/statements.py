"""The SQL of the role, from the folder `sql`; identifiers are filled in from the catalogue, values are always bound.

Statements are rendered once: composing one takes as long as asking it.
"""

from collections.abc import Iterable
from functools import cache, lru_cache

from psycopg import sql

from parkgrid_api.resolution import RAW, Resolution
from parkgrid_contract.signals import CATALOGUE, Signal, SignalKind
from parkgrid_database.sql_files import sql_text

POWER_CLASSES = ("pv_inverter", "storage", "grid_meter", "meter", "charger")
"""The classes whose active power makes up the balance of a park."""
ENERGY_COUNTERS = (
    ("pv_inverter", "energy_generated_kwh"),
    ("storage", "energy_charged_kwh"),
    ("storage", "energy_discharged_kwh"),
    ("grid_meter", "energy_import_kwh"),
    ("grid_meter", "energy_export_kwh"),
    ("meter", "energy_import_kwh"),
    ("charger", "energy_delivered_kwh"),
    ("charger", "energy_returned_kwh"),
)
_COLUMNS = {
    SignalKind.GAUGE: (("mean", ""), ("min", "_min"), ("max", "_max")),
    SignalKind.COUNTER: (("first", "_first"), ("last", "_last")),
    SignalKind.STATE: (("last", ""),),
}
"""What a roll-up keeps of a signal: the name in the answer and what its column's name ends in."""
_NEWEST = "_newest"
"""What the view of the newest row of each device is called after its class."""
_MOST_HISTORIES = 512
"""Statements kept: signals can be asked for in more orders than memory holds."""


@cache
def text(name: str) -> str:
    """The text of one SQL file."""
    return sql_text("parkgrid_api", name)


@cache
def plain(name: str) -> bytes:
    """A statement without identifiers to fill in."""
    return text(name).encode()


def _template(file: str, /, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text(file)).format(**parts)


def relation(device_class: str, suffix: str = "") -> sql.Identifier:
    """The view of a class that is in the catalogue; `KeyError` for any other name."""
    return sql.Identifier("public", CATALOGUE[device_class].name + suffix)


def _all_of(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL("\nUNION ALL\n").join(parts)


def _by_class(name: str, classes: Iterable[str], suffix: str = "") -> sql.Composed:
    return _all_of(
        _template(name, relation=relation(device_class, suffix), device_class=sql.Literal(device_class))
        for device_class in classes
    )


@cache
def latest() -> bytes:
    """The newest row of every device of a park."""
    classes = _by_class("latest_of_class", CATALOGUE, _NEWEST)
    return _template("latest", classes=classes, names=sql.Literal(list(CATALOGUE))).as_bytes()


@cache
def district() -> bytes:
    """The newest power of every device of every park, and the state of charge of what stores."""
    classes = _all_of(
        _template(
            "district_of_class",
            relation=relation(device_class, _NEWEST),
            soc_pct=sql.SQL("r.soc_pct" if "soc_pct" in CATALOGUE[device_class].by_name else "NULL::float8"),
        )
        for device_class in POWER_CLASSES
    )
    return _template("district", classes=classes, names=sql.Literal(list(POWER_CLASSES))).as_bytes()


@cache
def newest() -> bytes:
    """The newest instants of a park's power readings."""
    return _by_class("newest_of_class", POWER_CLASSES, _NEWEST).as_bytes()


@cache
def day_power(suffix: str) -> bytes:
    """The power curves of a park's classes from one roll-up."""
    return _template("day_power", classes=_by_class("day_of_class", POWER_CLASSES, suffix)).as_bytes()


@cache
def energies() -> bytes:
    """What every energy register of a park gained, by class and signal."""
    signals: dict[str, list[str]] = {}
    for device_class, signal in ENERGY_COUNTERS:
        signals.setdefault(device_class, []).append(CATALOGUE[device_class].by_name[signal].name)
    # One branch a class, however many registers it has: planning a branch takes longer than answering it.
    classes = (
        _template(
            "energies_of_class",
            relation=relation(device_class),
            device_class=sql.Literal(device_class),
            signals=sql.Literal(names),
            reading=_named_column(names),
        )
        for device_class, names in signals.items()
    )
    return _template("energies", classes=_all_of(classes)).as_bytes()


def _named_column(names: Iterable[str]) -> sql.Composable:
    """The column that is called as `s.name` says."""
    cases = (sql.SQL("WHEN {} THEN {}").format(sql.Literal(name), sql.Identifier("r", name)) for name in names)
    return sql.SQL("CASE s.name {} END").format(sql.SQL(" ").join(cases))


@lru_cache(maxsize=_MOST_HISTORIES)
def history(device_class: str, signals: tuple[str, ...], resolution: Resolution) -> bytes:
    """The history of one device of a class: names from the catalogue only, `KeyError` for any other."""
    catalogue = CATALOGUE[device_class]
    chosen = [(signal, _endings(signal, resolution)) for signal in map(catalogue.by_name.__getitem__, signals)]
    note = "flags" if resolution is RAW else "samples"
    columns = [note, *(signal.name + ending for signal, endings in chosen for _, ending in endings)]
    return _template(
        "history",
        note_name=sql.Literal(f'],"{note}":['),
        note=_flags() if resolution is RAW else _listed("samples"),
        curves=sql.SQL(", ").join(_curve(signal, endings) for signal, endings in chosen),
        columns=sql.SQL(", ").join(sql.Identifier("h", column) for column in columns),
        relation=relation(device_class, resolution.suffix),
    ).as_bytes()


def _endings(signal: Signal, resolution: Resolution) -> tuple[tuple[str, str], ...]:
    return (("value", ""),) if resolution is RAW else _COLUMNS[signal.kind]


def _curve(signal: Signal, endings: Iterable[tuple[str, str]]) -> sql.Composable:
    """One member of the object of curves, as text: names are the catalogue's, so nothing is to be escaped."""
    parts = [
        sql.SQL("concat({}, {}, ']')").format(sql.Literal(f'"{part}":['), _listed(signal.name + ending))
        for part, ending in endings
    ]
    return sql.SQL("concat({}, concat_ws(',', {}), '}}')").format(
        sql.Literal(f'"{signal.name}":{{'), sql.SQL(", ").join(parts)
    )


def _listed(column: str) -> sql.Composable:
    """A column's values as JSON writes them; cheaper than by way of arrays and json."""
    return sql.SQL("string_agg(coalesce({}::text, 'null'), ',')").format(sql.Identifier("r", column))


def _flags() -> sql.Composable:
    return sql.SQL("string_agg(json_build_array(r.at_ms, r.flags)::text, ',') FILTER (WHERE r.flags IS NOT NULL)")
