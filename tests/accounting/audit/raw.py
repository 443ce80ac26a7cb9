"""Raw rows as an auditor gets them: CSV out of the views of the device classes, and registers cut by hand.

Nothing here uses the program's own arithmetic: whole numbers, one loop over readings, one over edges.
"""

import csv
import io
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import psycopg

from parkgrid_domain.sun import sun_path

QUARTER_MS = 900_000
CELL_MS = 300_000
LONG_MS = 945_000
"""A stretch is ordinary up to a quarter of an hour and a twentieth more."""


@dataclass(frozen=True)
class Device:
    """A device as the registry shows it."""

    device_id: int
    name: str
    kind: str
    account: str
    ratings: Mapping[str, float]
    signals: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One raw row: every signal as text, its qualities, and the batch that it came in."""

    at_ms: int
    texts: Mapping[str, str]
    flags: Mapping[str, str]
    batch: tuple[str, int, int]
    """Gateway, epoch, sequence number."""


@dataclass(frozen=True)
class Meter:
    """What was declared of a register from an instant on."""

    from_ms: int
    modulus: int | None
    ratio: Fraction
    initial: int | None
    final: int | None


@dataclass(frozen=True)
class Slot:
    """Energy of a quarter of an hour in Wh."""

    wh: int
    estimated: bool


def devices(connection: "psycopg.Connection[Any]", park: str) -> dict[str, Device]:
    """Every device of a park by name."""
    rows = connection.execute(
        "SELECT device_id, device, device_class, account, ratings, signals FROM public.devices WHERE park = %s", (park,)
    )
    return {row[1]: Device(*row[:5], tuple(row[5])) for row in rows}


@dataclass
class Rows:
    """The raw rows of devices by name, each taken out when it is first asked for."""

    dsn: str
    devices: Mapping[str, Device]
    taken: dict[str, list[Row]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> list[Row]:
        if name not in self.taken:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                self.taken[name] = _rows_of(connection, self.devices[name])
        return self.taken[name]


def _rows_of(connection: "psycopg.Connection[Any]", device: Device) -> list[Row]:
    """The raw rows of a device in their order, by way of CSV."""
    names = ", ".join(f"r.{name}" for name in device.signals)
    query = (
        "COPY (SELECT (date_part('epoch', r.at) * 1000)::int8 AS at_ms, r.flags, e.park || '/' || e.gateway AS gateway,"
        f" e.epoch, r.seq, {names} FROM public.{device.kind} r JOIN public.gateway_epochs e USING (park_id, epoch_id)"
        f" WHERE r.device_id = {device.device_id} ORDER BY r.at) TO STDOUT (FORMAT csv, HEADER)"
    )
    with connection.cursor().copy(query.encode()) as copy:
        text = b"".join(bytes(piece) for piece in copy).decode()
    return [
        Row(
            int(line["at_ms"]),
            line,
            json.loads(line["flags"] or "{}"),
            (line["gateway"], int(line["epoch"]), int(line["seq"])),
        )
        for line in csv.DictReader(io.StringIO(text))
    ]


def meters(connection: "psycopg.Connection[Any]", device: Device, signal: str) -> list[Meter]:
    """What was declared of a register, the oldest first."""
    rows = connection.execute(
        "SELECT (date_part('epoch', d.valid_from) * 1000)::int8, d.modulus_steps, d.ratio_numerator,"
        " d.ratio_denominator, d.initial_steps, d.final_steps FROM base.register_declaration d"
        " JOIN base.register r USING (register_id) WHERE r.device_id = %s AND r.signal = %s ORDER BY d.valid_from",
        (device.device_id, signal),
    )
    found = [Meter(0, None, Fraction(1), None, None)]
    for at_ms, modulus, top, bottom, initial, final in rows:
        found.append(Meter(at_ms, None if modulus is None else int(modulus), Fraction(top, bottom), initial, final))
    return found


def steps(text: str) -> int:
    """The whole thousandths of a kWh that a reading in kWh shows."""
    value = Decimal(text) * 1000
    assert value == int(value), text
    return int(value)


def usable(rows: Sequence[Row], signal: str) -> list[tuple[int, int, bool]]:
    """Instant, steps and whether flagged estimated, of every reading that may be used."""
    found = []
    for row in rows:
        quality = row.flags.get(signal, "good")
        if row.texts[signal] and quality in {"good", "estimated"}:
            found.append((row.at_ms, steps(row.texts[signal]), quality == "estimated"))
    return found


def cut(
    rows: Sequence[Row], signal: str, known: Sequence[Meter], start_ms: int, stop_ms: int, *, sun: bool = False
) -> dict[int, Slot]:
    """The quarters of an hour of a register between two instants, by their start; one that is missing is not there.

    `sun`: what was counted in a gap is spread by the height of the sun.
    """
    times, counts, doubts = _counted(_without_dips(usable(rows, signal)), known)
    doubted = [0]
    for doubt in doubts:
        doubted.append(doubted[-1] + doubt)
    slots = {}
    for at_ms in range(start_ms, stop_ms, QUARTER_MS):
        if not times or at_ms < times[0] or at_ms + QUARTER_MS > times[-1]:
            continue
        low, high = bisect_right(times, at_ms) - 1, bisect_left(times, at_ms + QUARTER_MS)
        wh = _count_at(times, counts, at_ms + QUARTER_MS, sun=sun) - _count_at(times, counts, at_ms, sun=sun)
        slots[at_ms] = Slot(wh, doubted[high + 1] > doubted[low + 1])
    return slots


def _without_dips(read: list[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """A reading below the one before it, to which the register then returns, is false."""
    false = {place for place in range(1, len(read) - 1) if read[place][1] < read[place - 1][1] <= read[place + 1][1]}
    return [each for place, each in enumerate(read) if place not in false]


def _counted(read: Sequence[tuple[int, int, bool]], known: Sequence[Meter]) -> tuple[list[int], list[int], list[bool]]:
    """The count in Wh since the first reading at every reading and exchange; what leads up to each may be in doubt."""
    times, counts, doubts = [read[0][0]], [0], [False]

    def add(at_ms: int, wh: int, *, doubt: bool) -> None:
        doubts.append(doubt or at_ms - times[-1] > LONG_MS)
        times.append(at_ms)
        counts.append(counts[-1] + wh)

    for (before_ms, before, guessed), (at_ms, now, guessed_now) in zip(read, read[1:], strict=False):
        old = [each for each in known if each.from_ms <= before_ms][-1]
        new = [each for each in known if each.from_ms <= at_ms][-1]
        if new.final is not None and new.initial is not None and before_ms < new.from_ms < at_ms:
            add(new.from_ms, _wh(new.final, old) - _wh(before, old), doubt=guessed)
            add(at_ms, _wh(now, new) - _wh(new.initial, new), doubt=guessed_now)
        elif now >= before:
            add(at_ms, _wh(now, old) - _wh(before, old), doubt=guessed or guessed_now)
        elif old.modulus and 10 * (old.modulus - before + now) <= old.modulus:
            add(at_ms, _wh(old.modulus, old) - _wh(before, old) + _wh(now, old), doubt=guessed or guessed_now)
        else:
            add(at_ms, _wh(now, old), doubt=True)
    return times, counts, doubts


def _wh(register: int, meter: Meter) -> int:
    """Primary Wh of a register, rounded half up."""
    return (2 * register * meter.ratio.numerator + meter.ratio.denominator) // (2 * meter.ratio.denominator)


def _count_at(times: Sequence[int], counts: Sequence[int], at_ms: int, *, sun: bool) -> int:
    """The count at an instant: a straight line between the readings beside it, or by the sun, rounded half up."""
    low = bisect_right(times, at_ms) - 1
    if times[low] == at_ms:
        return counts[low]
    span, rise = times[low + 1] - times[low], counts[low + 1] - counts[low]
    since = at_ms - times[low]
    if sun and span > LONG_MS and (light := _light(times[low], times[low + 1])):
        since, span = _light(times[low], at_ms), light
    return counts[low] + (2 * rise * since + span) // (2 * span)


def _light(from_ms: int, to_ms: int) -> int:
    """The sine of the sun's height in 4096ths, added up by cells of five minutes."""
    first, last = from_ms // CELL_MS, to_ms // CELL_MS
    begun = _bright(first) * (from_ms - first * CELL_MS) // CELL_MS
    return sum(map(_bright, range(first, last))) + _bright(last) * (to_ms - last * CELL_MS) // CELL_MS - begun


@cache
def _bright(cell: int) -> int:
    """In the middle of a cell, over the demonstration park."""
    path = sun_path(np.array([cell * CELL_MS + CELL_MS // 2]), 22.69, 114.35, 101_325.0)
    return max(0, round(4096 * math.cos(math.radians(float(path.zenith[0])))))


def looked_at(rows: Sequence[Row], signal: str, start_ms: int, stop_ms: int) -> list[Row]:
    """The rows with a reading in a span, and those from the usable reading before it to the one after it."""
    there = [row for row in rows if row.texts[signal] or signal in row.flags]
    times = [at_ms for at_ms, _, _ in usable(rows, signal)]
    before, after = [each for each in times if each <= start_ms], [each for each in times if each >= stop_ms]
    low = before[-1] if before else start_ms
    high = after[0] if after else stop_ms
    return [row for row in there if low <= row.at_ms <= high]
