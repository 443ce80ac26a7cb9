"""The tables and views of readings, as the catalogue of signals asks for them.

    class ─┬─ raw rows            base.meter          park, device, instant, batch, flags, one column a signal
           ├─ newest row          base.meter_newest   the same, one row a device
           ├─ single readings     base.meter_single   quarters of an hour that hold one reading in their first minute
           └─ 1m, 15m, 1d         base.meter_1m …     sums, counts, extremes, first and last values
                                  public.meter …      each of them in units

Every key is led by the park. Names, types and expressions come from the catalogue, never from input.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from parkgrid_contract.signals import CATALOGUE, DeviceClass, SignalKind
from parkgrid_database import StoreKind
from parkgrid_database.rollups import LEVELS, SINGLE_LEVELS, in_unit, integer, rollup_columns

_KEY = ("park_id", "device_id", "at")
_KEY_COLUMNS = {"park_id": "int4 NOT NULL", "device_id": "int4 NOT NULL", "at": "timestamptz NOT NULL"}
_BATCH_COLUMNS = {
    "received_at": "timestamptz NOT NULL",
    "epoch_id": "int4 NOT NULL",
    "seq": "int8 NOT NULL",
    "flags": "jsonb",
    "untrusted": "jsonb",
}
NEWEST = "newest"
SINGLE = "single"


@dataclass(frozen=True, slots=True)
class _Cut:
    """How TimescaleDB cuts a table by time, and after how long a chunk goes into the columnstore."""

    width: str
    packed_after: str


_CUTS: Mapping[str, _Cut] = {
    "": _Cut("1 day", "7 days"),
    "1m": _Cut("7 days", "14 days"),
    SINGLE: _Cut("30 days", "45 days"),
    "15m": _Cut("30 days", "45 days"),
    "1d": _Cut("365 days", "400 days"),
}
"""By suffix. A chunk of a few rows a device costs more for itself than for what is in it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is to be."""

    name: str
    suffix: str
    """What it is of its class; empty for the raw rows."""
    columns: Mapping[str, str]
    """Name to type, with NOT NULL where it holds."""
    key: tuple[str, ...]
    fillfactor: int | None = None
    """Percent of a page that new rows fill, where rows are replaced in place."""

    def create(self, store: StoreKind) -> list[str]:
        """The statements that make it in a store."""
        lines = [f"    {name} {kind}" for name, kind in self.columns.items()]
        lines.append(f"    PRIMARY KEY ({', '.join(self.key)})")
        cut = _CUTS.get(self.suffix)
        raw = not self.suffix
        by_day = " PARTITION BY RANGE (at)" if raw and store == "postgres" else ""
        room = f" WITH (fillfactor = {self.fillfactor})" if self.fillfactor else ""
        created = "CREATE TABLE base.{} (\n{}\n){}{}".format(self.name, ",\n".join(lines), by_day, room)
        return [created, *(self._as_hypertable(cut) if cut and store == "timescale" else [])]

    def _as_hypertable(self, cut: _Cut) -> list[str]:
        relation = f"base.{self.name}"
        by_time = f"by_range('at', INTERVAL '{cut.width}')"
        packed = "timescaledb.segmentby = 'park_id, device_id', timescaledb.orderby = 'at'"
        return [
            f"SELECT create_hypertable('{relation}', {by_time}, create_default_indexes => false)",
            f"ALTER TABLE {relation} SET (timescaledb.enable_columnstore = true, {packed})",
            f"CALL add_columnstore_policy('{relation}', after => INTERVAL '{cut.packed_after}')",
        ]

    def add(self, names: list[str]) -> str:
        """The statement that adds columns."""
        added = ", ".join(f"ADD COLUMN {name} {self.columns[name]}" for name in names)
        return f"ALTER TABLE base.{self.name} {added}"


@dataclass(frozen=True, slots=True)
class View:
    """A readable form of one table, or of two."""

    name: str
    columns: Mapping[str, str]
    """Name to expression over `base.<name>`."""
    singles: Mapping[str, str] | None = None
    """The same names to expressions over the single readings, which it shows, too."""
    singles_of: str = ""

    def create(self, order: list[str]) -> str:
        """The statement that makes it, or makes it anew with further columns at the end."""
        body = self._select(order, self.columns, self.name)
        if self.singles is not None:
            body += f"\nUNION ALL\n{self._select(order, self.singles, self.singles_of)}"
        return f"CREATE OR REPLACE VIEW public.{self.name} AS\n{body}"

    @staticmethod
    def _select(order: list[str], columns: Mapping[str, str], table: str) -> str:
        listed = ",\n".join(f"    {columns[name]} AS {name}" for name in order)
        return f"SELECT\n{listed}\nFROM base.{table}"


def tables(device_class: DeviceClass) -> list[Table]:
    """Every table of a class."""
    name = device_class.name
    signals = {signal.name: integer(signal) for signal in device_class.signals}
    raw = {**_KEY_COLUMNS, **_BATCH_COLUMNS, **signals}
    rolled = {**_KEY_COLUMNS, "samples": "int8 NOT NULL", **dict(rollup_columns(device_class))}
    return [
        Table(name, "", raw, _KEY),
        Table(f"{name}_{NEWEST}", NEWEST, raw, _KEY[:-1], fillfactor=50),
        Table(f"{name}_{SINGLE}", SINGLE, {**_KEY_COLUMNS, **signals}, _KEY),
        *(Table(f"{name}_{level}", level, rolled, _KEY, fillfactor=80) for level in LEVELS),
    ]


def views(device_class: DeviceClass) -> list[View]:
    """Every view of a class."""
    name = device_class.name
    itself = {column: column for column in (*_KEY_COLUMNS, *_BATCH_COLUMNS)}
    raw = itself | {signal.name: in_unit(signal.name, signal) for signal in device_class.signals}
    rolled, singles = _rolled(device_class), _singles(device_class)
    return [
        View(name, raw),
        View(f"{name}_{NEWEST}", raw),
        *(
            View(f"{name}_{level}", rolled, singles if level in SINGLE_LEVELS else None, f"{name}_{SINGLE}")
            for level in LEVELS
        ),
    ]


def _rolled(device_class: DeviceClass) -> dict[str, str]:
    """The columns of a roll-up in units; a mean is a sum by its count."""
    columns = {name: name for name in (*_KEY_COLUMNS, "samples")}
    for signal in device_class.signals:
        name = signal.name
        if signal.kind is SignalKind.GAUGE:
            columns[name] = in_unit(f"{name}_sum / nullif({name}_count, 0)::float8", signal)
            columns |= {f"{name}_{edge}": in_unit(f"{name}_{edge}", signal) for edge in ("min", "max")}
        elif signal.kind is SignalKind.COUNTER:
            columns |= {f"{name}_{edge}": in_unit(f"{name}_{edge}", signal) for edge in ("first", "last")}
        else:
            columns[name] = in_unit(f"{name}_last", signal)
    return columns


def _singles(device_class: DeviceClass) -> dict[str, str]:
    """A single reading in the columns of a roll-up: it is its mean, least and greatest, its first and its last."""
    columns = {name: name for name in _KEY_COLUMNS} | {"samples": "1::int8"}
    for signal in device_class.signals:
        shown = {
            SignalKind.GAUGE: (signal.name, f"{signal.name}_min", f"{signal.name}_max"),
            SignalKind.COUNTER: (f"{signal.name}_first", f"{signal.name}_last"),
            SignalKind.STATE: (signal.name,),
        }[signal.kind]
        columns |= dict.fromkeys(shown, in_unit(signal.name, signal))
    return columns


def all_tables() -> list[Table]:
    """Every table of readings."""
    return [table for device_class in CATALOGUE.values() for table in tables(device_class)]


def all_views() -> list[View]:
    """Every view of readings."""
    return [view for device_class in CATALOGUE.values() for view in views(device_class)]
