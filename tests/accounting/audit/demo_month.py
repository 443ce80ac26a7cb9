"""September of the demonstration park, with everything that goes wrong in the field, metered, billed and closed.

    prefill ─▶ Spoiled (readings get lost, come late, registers wrap, reset, are exchanged) ─▶ Store ─▶ meter ─▶ close
                  └─ late batches, a week after the closing ──────────────────────────────────▶ meter ──▶ revision 2

28 days are read every 15 minutes, the last ones every minute. It is the last month of its quarter: the park did not
exist before, so the quarter of the clusters is this month.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from parkgrid_accounting.bills.closings import close_month, reopen_touched
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import from_ms
from parkgrid_demo.prefill import HistorySpan, prefill
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import examples
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.declarations import Wish, declare
from parkgrid_metering.rounds import run_rounds
from parkgrid_simulators.scenario import Scenario, load_scenario
from parkgrid_simulators.scenario_tables import DeviceSettings, PointSettings
from tests.accounting.billing import At
from tests.accounting.clusters_feed import accounts_file, enterprises, outputs, quarter_rows, workbook
from tests.ingest.readings import drain

PARK, MONTH, QUARTER = "pingshan-park", "2026-09", "2026-Q3"
QUARTER_MS = 900_000
PLAN_ID = "guangdong-2021-tou"


def ms(text: str) -> int:
    """An instant of September in Shanghai: `18 08:00`."""
    return round(datetime.fromisoformat(f"2026-09-{text}+08:00").timestamp() * 1000)


START_MS, FINE_MS = ms("01 00:00"), ms("30 00:00")
END_MS = FINE_MS + 2 * 86_400_000
"""A day after the month, so that its last edge lies between readings."""
CLOSED_AT = datetime.fromisoformat("2026-10-03T09:00:00+08:00")
LATE_AT = datetime.fromisoformat("2026-10-10T09:00:00+08:00")
MODULI_KWH = {("grid", "energy_import_kwh"): 100_000, ("pv-1", "energy_generated_kwh"): 10_000}
"""Registers that roll over, seven times and twice."""
LOST = (ms("06 17:30"), ms("06 21:15"))
"""The gateway recorded nothing."""
LATE = (ms("18 08:00"), ms("18 12:30"))
"""The link was down; the outbox was carried to the office a week after the bill."""
SILENT = ("pv-2", ms("09 09:00"), ms("09 15:00"))
CHANGED = ("load-machining", ms("15 14:07"), 12_000, 40)
"""A meter is exchanged between two readings: the new one starts at 12 kWh behind transformers of 40 : 1."""
RESET = ("charger-2", ms("20 11:00"))
FALSE_ZERO = ("grid", ms("12 03:00"))
BAD = ("load-fab", ms("22 02:00"))
GUESSED = ("load-office", ms("23 04:00"))
ACCOUNTS = {
    "park-main": ("grid", "pv-1", "pv-2", "pv-3", "storage-1", "charger-1", "charger-2", "charger-3", "charger-4"),
    "tenant-fab": ("load-fab",),
    "tenant-machining": ("load-machining",),
}
TERMS = (
    Terms("park-main", PARK, "measured_demand", Decimal(2500), None, Decimal("0.90")),
    Terms("tenant-fab", PARK, "capacity", Decimal(1000), None, Decimal("0.85")),
    Terms("tenant-machining", PARK, "contracted_demand", None, Decimal(250), Decimal("0.90")),
)
SHARES = (
    # enterprise, cluster, % of the cluster's output, account, % of the account
    ("chips", "semiconductors-ic", "12.5", "tenant-fab", "100"),
    ("lathes", "high-end-medical-devices", "30", "tenant-machining", "60"),
    ("lathes", "high-end-medical-devices", "30", "park-main", "7.5"),
    ("cells", "new-energy", "100", "park-main", "40"),
)


@dataclass
class Spoiled:
    """A store before which readings go through what happens in the field."""

    store: Store
    ids: dict[str, int] = field(default_factory=dict)
    held: list[Commit] = field(default_factory=list)
    counted: int = 0
    """What the register that was reset had counted."""
    final_steps: int = 0
    """What the meter that went away read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def register(self, gateway: Gateway, birth: Any) -> Mapping[str, tuple[int, str]]:
        known = self.store.register(gateway, birth)
        self.ids |= {name: number for name, (number, _) in known.items()}
        return known

    def commit(self, commit: Commit) -> Any:
        for rows in commit.rows:
            self._registers_misbehave(rows)
        fates = [_fate(header) for header in commit.batches]
        late = _part(commit, [fate == "late" for fate in fates])
        if late.batches:
            seqs = [replace(each, received_ms=round(LATE_AT.timestamp() * 1000)) for each in late.batches]
            self.held.append(replace(late, batches=seqs))
        kept = _part(commit, [fate == "kept" for fate in fates])
        return self.store.commit(replace(kept, rows=[self._silenced(rows) for rows in kept.rows]))

    def _registers_misbehave(self, rows: ClassRows) -> None:
        values = rows.values
        for (device, signal), kwh in MODULI_KWH.items():
            if signal in values:
                values[signal][self._of(rows, device)] %= kwh * 1000
        if rows.device_class == "grid_meter":
            values["energy_import_kwh"][self._at(rows, *FALSE_ZERO)] = 0
        if rows.device_class == "meter":
            self._exchange(rows)
        if rows.device_class == "charger":
            after = self._of(rows, RESET[0]) & (rows.at_ms >= RESET[1])
            standing = values["energy_delivered_kwh"]
            if (at := self._at(rows, *RESET)).any():
                self.counted = int(standing[at][0])
            if after.any():
                standing[after] -= self.counted

    def _exchange(self, rows: ClassRows) -> None:
        device, at_ms, initial, ratio = CHANGED
        imported, mine = rows.values["energy_import_kwh"], self._of(rows, device)
        if (before := self._at(rows, device, ms("15 14:00"))).any():
            first, second = (int(imported[each][0]) for each in (before, self._at(rows, device, ms("15 14:15"))))
            self.final_steps = first + (second - first) * 7 // 15
        after = mine & (rows.at_ms >= at_ms)
        if after.any():
            imported[after] = initial + (imported[after] - self.final_steps) // ratio
        self._flag(rows, *BAD, "bad")
        imported[self._at(rows, *BAD)] = 999_999_999
        self._flag(rows, *GUESSED, "estimated")

    def _flag(self, rows: ClassRows, device: str, at_ms: int, quality: str) -> None:
        for place in np.flatnonzero(self._at(rows, device, at_ms)).tolist():
            rows.flags = {**rows.flags, place: f'{{"energy_import_kwh": "{quality}"}}'.encode()}

    def _silenced(self, rows: ClassRows) -> ClassRows:
        device, low, high = SILENT
        return _taken(rows, ~(self._of(rows, device) & (rows.at_ms >= low) & (rows.at_ms < high)))

    def _of(self, rows: ClassRows, device: str) -> Any:
        return rows.device_id == self.ids[device]

    def _at(self, rows: ClassRows, device: str, at_ms: int) -> Any:
        return self._of(rows, device) & (rows.at_ms == at_ms)


def _fate(header: BatchHeader) -> str:
    start_ms = START_MS + (header.seq - 1) * QUARTER_MS
    if LOST[0] <= start_ms < LOST[1]:
        return "lost"
    return "late" if LATE[0] <= start_ms < LATE[1] else "kept"


def _part(commit: Commit, wanted: list[bool]) -> Commit:
    """Some of the batches of a commit, with their rows."""
    mask, number = np.array(wanted), np.cumsum(wanted) - 1
    rows = [_taken(each, mask[each.batch]) for each in commit.rows]
    renumbered = [replace(each, batch=number[each.batch].astype(np.int32)) for each in rows if len(each.batch)]
    return Commit([header for header, kept in zip(commit.batches, wanted, strict=True) if kept], renumbered)


def _taken(rows: ClassRows, wanted: Any) -> ClassRows:
    place = np.cumsum(wanted) - 1
    return ClassRows(
        rows.device_class,
        rows.batch[wanted],
        rows.device_id[wanted],
        rows.at_ms[wanted],
        {name: steps[wanted] for name, steps in rows.values.items()},
        {name: None if mask is None else mask[wanted] for name, mask in rows.present.items()},
        {int(place[row]): flags for row, flags in rows.flags.items() if wanted[row]},
    )


def scenario() -> Scenario:
    """The demonstration park, its devices with their accounts."""
    found = load_scenario()
    return replace(found, devices=tuple(map(_with_account, found.devices)))


def _with_account(device: DeviceSettings) -> DeviceSettings:
    account = next((name for name, devices in ACCOUNTS.items() if device.id in devices), "")
    return replace(device, point=PointSettings("shatian-110kv", "f12", "t1", account))


def make(dsn: str, folder: Path) -> None:
    """The whole month, published."""
    store = open_store(dsn)
    spoiled = Spoiled(store)
    try:
        prefill(spoiled, dsn, [scenario()], HistorySpan(START_MS, END_MS, fine_from_ms=FINE_MS))  # type: ignore[arg-type]
        _publish(dsn, spoiled)
        for commit in spoiled.held:
            store.commit(commit)
        drain(store, round(LATE_AT.timestamp() * 1000))
    finally:
        store.close()
    with psycopg.connect(dsn, autocommit=True) as connection:
        run_rounds(connection, round(LATE_AT.timestamp() * 1000))
        revised = reopen_touched(connection, LATE_AT, At(LATE_AT))
    assert len(revised) == len(TERMS)
    outputs(dsn, workbook(folder / "outputs.xlsx", quarter_rows(QUARTER)))
    rows = [
        f"{who},{cluster},{of_output},{PARK},{account},{part},2026-01,,district bureau"
        for who, cluster, of_output, account, part in SHARES
    ]
    enterprises(dsn, accounts_file(folder / "enterprises.csv", rows))


def _publish(dsn: str, spoiled: Spoiled) -> None:
    """Declare, meter, agree, close."""
    now_ms = round(CLOSED_AT.timestamp() * 1000)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for (device, signal), kwh in MODULI_KWH.items():
            register = f"{PARK}/gw-1/{device}/{signal}"
            wish = Wish(register, from_ms(START_MS), "anna", "nameplate", modulus_kwh=Decimal(kwh))
            declare(connection, wish, now_ms)
        device, at_ms, initial, ratio = CHANGED
        exchange = Wish(
            f"{PARK}/gw-1/{device}/energy_import_kwh",
            from_ms(at_ms),
            "anna",
            "meter exchanged",
            ratio=Fraction(ratio),
            final_kwh=Decimal(spoiled.final_steps) / 1000,
            initial_kwh=Decimal(initial) / 1000,
        )
        declare(connection, exchange, now_ms)
        run_rounds(connection, now_ms)
        load_plan(connection, examples()[PLAN_ID], PLAN_ID, "anna", At(CLOSED_AT))
        for terms in TERMS:
            agree(connection, Agreement(terms, PLAN_ID, date(2026, 1, 1)), "anna", At(CLOSED_AT))
            close_month(connection, terms.account, MONTH, "li", clock=At(CLOSED_AT))
        reopen_touched(connection, CLOSED_AT, At(CLOSED_AT))
