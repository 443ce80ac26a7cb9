"""Random published figures of a month, followed back to registers, readings and batches, and computed by hand.

    GET indicators, bills, clusters ─▶ some at random ─▶ GET trace ─▶ registers ─▶ raw rows as CSV, batches
                   │                                                                    │ own arithmetic
                   └──────────────────────────── equal? ◀───────────────────────────────┘

`PARKGRID_AUDIT_FIGURES` says how many (8, by night 24), `PARKGRID_AUDIT_SEED` which; every failure prints the seed.
"""

import csv
import io
import os
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import openpyxl
import psycopg
import pyarrow.parquet as pq
import pytest

from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_servers.database import RunningDatabase
from tests.accounting.audit import demo_month
from tests.accounting.audit.demo_month import ACCOUNTS, MONTH, PARK, PLAN_ID, QUARTER, SHARES, TERMS, ms
from tests.accounting.audit.figures import CLUSTER, ENERGIES, Agreed, Evidence, Span, bill, cluster, indicator
from tests.accounting.audit.raw import QUARTER_MS, Rows, devices, looked_at, meters
from tests.accounting.clusters_feed import OUTPUT_100M
from tests.api.conftest import Api, running
from tests.conftest import _close_to_visitors as close_to_visitors
from tests.conftest import temporary_database

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = int(os.environ.get("PARKGRID_AUDIT_FIGURES", "0"))
SEED = int(os.environ.get("PARKGRID_AUDIT_SEED") or random.SystemRandom().randrange(10**6))
DAY_MS = 86_400_000
SPAN = (ms("01 00:00"), ms("01 00:00") + 30 * DAY_MS)
DEVICES = ("grid", "pv-1", "pv-2", "storage-1", "charger-2")
_RANGE = re.compile(r"\[(\d+),(\d+)\)")


@dataclass(frozen=True)
class Published:
    """A figure as the api publishes it."""

    address: str
    value: Decimal
    coverage_pct: float | None = None
    estimated_pct: float | None = None

    @property
    def kind(self) -> str:
        return self.address.partition("/")[0]


@dataclass
class Audit:
    """Everything that an auditor has: a way to ask, and the raw rows."""

    dsn: str
    api: Api
    evidence: Evidence = field(init=False)

    def __post_init__(self) -> None:
        """Take the raw rows out."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            known = devices(connection, PARK)
            declared = {
                (name, signal): meters(connection, device, signal)
                for name, device in known.items()
                for signal in device.signals
                if signal.endswith(("_kwh", "_kvarh"))
            }
            self.committed = _committed(connection)
        self.evidence = Evidence(known, Rows(self.dsn, known), declared, *SPAN)

    async def published(self, random_: random.Random) -> list[Published]:
        """All that is published of the month, of some of its days and of some devices."""
        days = [ms(f"{number:02} 00:00") for number in (6, 9, 12, 15, 18, 20, 22, 30, *random_.sample(range(1, 31), 2))]
        named = [MONTH, *(f"{MONTH}-{(day - SPAN[0]) // DAY_MS + 1:02}" for day in days)]
        found = []
        for period in dict.fromkeys(named):
            found += await self.indicators(period)
            found += await self.indicators(period, gateway="gw-1", device=random_.choice(DEVICES))
        for account in ACCOUNTS:
            found += await self.lines(account)
        answer = await self.api.get("/clusters", quarter=QUARTER)
        figures = [each for one in answer["clusters"] for each in one["figures"] if each["value"] is not None]
        return [*found, *(_told(each) for each in figures if each["name"] in CLUSTER)]

    async def indicators(self, period: str, **scope: str) -> list[Published]:
        """The indicators of a period that have a value."""
        answer = await self.api.get(f"/parks/{PARK}/indicators", period=period, **scope)
        return [_told(each) for each in answer["indicators"] if each["value"] is not None]

    async def lines(self, account: str) -> list[Published]:
        """The lines of an account's bill, and their total."""
        told = (await self.api.get(f"/accounts/{account}/bills/{MONTH}"))["bill"]
        lines = [Published(line["address"], Decimal(line["amount_cny"])) for line in told["lines"]]
        total = re.sub(r"[^/@]+(@\d+)?$", r"total\1", lines[0].address)
        return [*lines, Published(total, Decimal(told["total_cny"]))]

    async def disagreements(self, figure: Published) -> list[str]:
        """What is wrong with a figure; nothing, it is hoped."""
        traced = await self.api.get(f"/trace/{figure.address}")
        wrong = [] if traced["equal"] else ["its own trace says that it does not come out again"]
        wrong += _differs("the trace shows", traced["published"], figure.value, figure.kind)
        named = {(each["source"]["device"], each["source"]["signal"]) for each in traced["registers"]}
        value, needed, others = self._by_hand(figure)
        wrong += _differs("by hand", figure.value, value, figure.kind)
        wrong += others
        if not needed <= named or (figure.kind != "bill" and named != needed):
            wrong.append(f"registers {sorted(named ^ needed)}")
        for each in traced["registers"]:
            wrong += self._register(each)
        return [f"{figure.address}: {what}" for what in wrong]

    def _by_hand(self, figure: Published) -> tuple[Any, set[tuple[str, str]], list[str]]:
        kind, *parts = figure.address.partition("@")[0].split("/")
        if kind == "bill":
            terms = next(each for each in TERMS if each.account == parts[1])
            agreed = Agreed(
                terms.demand_basis, terms.capacity_kva, terms.contracted_kw, str(terms.power_factor_standard)
            )
            lines = bill(self.evidence, PLAN_ID, ACCOUNTS[parts[1]], agreed)
            needed = {each for each in self.evidence.declared if each[0] in ACCOUNTS[parts[1]] and _billed(self, each)}
            return lines.get(parts[3]), needed, []
        if kind == "cluster":
            held = [(account, Fraction(share) / 100, of) for _, name, of, account, share in SHARES if name == parts[0]]
            output = Fraction(OUTPUT_100M[parts[0]]) * 10_000 * Fraction(held[0][2]) / 100
            shares = [(account, share) for account, share, _ in held]
            value, needed = cluster(self.evidence, ACCOUNTS, shares, output, parts[1])
            return value, needed, []
        *device, name, period = parts[1:]
        start_ms = SPAN[0] if period == MONTH else ms(f"{period[-2:]} 00:00")
        stop_ms = SPAN[1] if period == MONTH else start_ms + DAY_MS
        found = indicator(Span(self.evidence, start_ms, stop_ms, device[-1] if device else None), name)
        wrong = _differs("coverage by hand", figure.coverage_pct, found.coverage_pct, "ratio")
        wrong += _differs("estimated by hand", figure.estimated_pct, found.estimated_pct, "ratio")
        return found.value, found.registers, wrong

    def _register(self, traced: dict[str, Any]) -> list[str]:
        """A register of a trace: every interval, every batch, every reading."""
        device, signal = traced["source"]["device"], traced["source"]["signal"]
        slots = self.evidence.slots((device, signal))
        wrong = []
        for each in traced["intervals"]:
            slot = slots.get(each["at_ms"])
            mine = (None, "missing") if slot is None else (slot.wh, "estimated" if slot.estimated else "good")
            told = [(each["energy_wh"], each["quality"]), (each["recomputed_wh"], each["recomputed_quality"])]
            wrong += [f"{device}/{signal} at {each['at_ms']}: {one} Wh, by hand {mine}" for one in told if one != mine]
        low, high = traced["intervals"][0]["at_ms"], traced["intervals"][-1]["at_ms"] + QUARTER_MS
        rows = looked_at(self.evidence.rows[device], signal, low, high)
        batches = {
            (each["gateway"], each["epoch"], seq)
            for each in traced["batches"]
            for first, end in _RANGE.findall(each["batches"])
            for seq in range(int(first), int(end))
        }
        if batches != {row.batch for row in rows} or traced["readings"] != len(rows):
            wrong.append(f"{device}/{signal}: {traced['readings']} readings of batches that are not those of its rows")
        if not batches <= self.committed:
            wrong.append(f"{device}/{signal}: batches that were never committed: {sorted(batches - self.committed)}")
        return wrong


def _billed(audit: Audit, register: tuple[str, str]) -> bool:
    """Whether a bill counts a register: import and reactive energy of its meters."""
    device, signal = register
    return audit.evidence.devices[device].kind in {"grid_meter", "meter"} and signal != "energy_export_kwh"


def _committed(connection: "psycopg.Connection[Any]") -> set[tuple[str, int, int]]:
    rows = connection.execute(
        "SELECT park || '/' || gateway, epoch, lower(r), upper(r)"
        " FROM base.gateway_epoch JOIN base.park USING (park_id) CROSS JOIN unnest(committed) AS r"
    )
    return {(gateway, epoch, seq) for gateway, epoch, first, end in rows for seq in range(first, end)}


def _told(told: dict[str, Any]) -> Published:
    return Published(told["address"], Decimal(repr(told["value"])), told.get("coverage_pct"), told.get("estimated_pct"))


def _differs(what: str, one: Any, other: Any, kind: str) -> list[str]:
    """Money to the cent, all else to nine digits."""
    if one is None or other is None:
        return [] if one is other else [f"{what} {one}, published or by hand {other}"]
    first, second = (Fraction(Decimal(str(each))) if not isinstance(each, Fraction) else each for each in (one, other))
    close = Fraction(0) if kind == "bill" else Fraction(1, 10**9) * max(1, abs(first), abs(second))
    return [] if abs(first - second) <= close else [f"{what} {float(one)}, not {float(other)}"]


@pytest.fixture(scope="module")
def kept(database_server: RunningDatabase, template_database: str, tmp_path_factory: Any) -> Iterator[str]:
    """The name of a database that holds the month."""
    folder: Path = tmp_path_factory.mktemp("september")
    with temporary_database(database_server.dsn, template_database) as (name, dsn):
        demo_month.make(dsn, folder)
        close_to_visitors(database_server.dsn, name)
        yield name


@pytest.fixture
def copy(database_server: RunningDatabase, kept: str) -> Iterator[str]:
    """The month in a database of the test's own."""
    with temporary_database(database_server.dsn, kept) as (_, dsn):
        yield dsn


@pytest.fixture
async def api(copy: str) -> AsyncIterator[Api]:
    async with running(ApiSettings(DatabaseSettings(copy))) as found:
        yield found


def drawn(random_: random.Random, published: Sequence[Published], count: int) -> list[Published]:
    """Half indicators, a quarter bill lines, a quarter figures of clusters."""
    found = []
    for kind, number in (("indicator", (count + 1) // 2), ("bill", (count + 2) // 4), ("cluster", (count + 3) // 4)):
        of_kind = [each for each in published if each.kind == kind]
        found += random_.sample(of_kind, min(number, len(of_kind)))
    return found


async def test_random_published_figures_are_what_their_raw_rows_give(copy: str, api: Api, nightly: bool) -> None:
    figures = FIGURES or (24 if nightly else 8)
    print(f"PARKGRID_AUDIT_SEED={SEED} PARKGRID_AUDIT_FIGURES={figures}")  # noqa: T201 - how to do it again
    random_ = random.Random(SEED)
    audit = Audit(copy, api)
    published = await audit.published(random_)
    names = {each.address.split("/")[-2] for each in published if each.kind == "indicator"}
    assert names == ENERGIES.keys(), "every indicator of such a park is published, and no other"
    assert len(published) > 250
    wrong = [what for each in drawn(random_, published, figures) for what in await audit.disagreements(each)]
    assert not wrong, f"seed {SEED}: {len(wrong)} disagreements, the first: {wrong[:40]}"


async def test_the_month_has_all_its_troubles(copy: str, api: Api) -> None:
    """What is audited is no month of sunshine: the planted troubles are there, as the raw rows show them."""
    evidence = Audit(copy, api).evidence
    of_grid = [slot.estimated for slot in evidence.slots(("grid", "energy_import_kwh")).values()]
    # Nothing between 17:15 and 21:15 of the 6th, 16 quarters; on the 12th nothing true between 02:45 and 03:15.
    assert sum(of_grid) == 16 + 2
    assert len(of_grid) == 30 * 96
    wraps = [row.texts["energy_import_kwh"] for row in evidence.rows["grid"]]
    falls = sum(Decimal(new) < Decimal(old) for old, new in zip(wraps, wraps[1:], strict=False))
    assert falls > 5, "six or seven roll-overs and a false zero"
    # Exchanged at 14:07: two stretches of the ordinary length, nothing lost.
    (exchanged,) = (evidence.slots((demo_month.CHANGED[0], "energy_import_kwh"))[at] for at in [ms("15 14:00")])
    assert exchanged.wh > 1_000
    assert not exchanged.estimated
    late = (await api.get(f"/accounts/park-main/bills/{MONTH}"))["revisions"]
    assert [each["revision"] for each in late] == [1, 2]
    # 18 quarters of an hour a week late: no longer estimated, now that they are there.
    assert not any(
        evidence.slots(("grid", "energy_import_kwh"))[at].estimated for at in range(*demo_month.LATE, QUARTER_MS)
    )


INTERVAL = (
    "UPDATE base.interval_energy SET energy_wh = energy_wh + 1 WHERE at = '2026-09-16 09:15+08' AND register_id ="
    " (SELECT register_id FROM public.registers WHERE device = 'pv-3' AND signal = 'energy_generated_kwh')"
)
BILL = (
    "UPDATE base.bill_closing SET document = jsonb_set(document, '{lines,0,amount_cny}',"
    " to_jsonb(((document #>> '{lines,0,amount_cny}')::numeric + 0.01)::text))"
    " WHERE account = 'park-main' AND revision = 2"
)
RAW = (
    "UPDATE base.grid_meter SET energy_import_kwh = energy_import_kwh + 1 WHERE at = '2026-09-16 09:15+08'"
    " AND device_id = (SELECT device_id FROM public.devices WHERE device = 'grid')"
)
BATCH = (
    "UPDATE base.storage SET seq = 9999 WHERE at = '2026-09-16 09:15+08'"
    " AND device_id = (SELECT device_id FROM public.devices WHERE device = 'storage-1')"
)


async def test_a_tampered_month_is_found_out(copy: str, api: Api) -> None:
    """One watt-hour, one cent, one count and one batch number, each at another figure."""

    async def audited(name: str, **scope: str) -> list[str]:
        audit = Audit(copy, api)
        told = await (audit.lines("park-main") if name == "bill" else audit.indicators(MONTH, **scope))
        (figure,) = told[:1] if name == "bill" else [each for each in told if f"/{name}/" in each.address]
        return await audit.disagreements(figure)

    for statement, said, name, scope in (
        (INTERVAL, "pv-3/energy_generated_kwh at", "pv_specific_yield_kwh_per_kwp", {"device": "pv-3"}),
        (BILL, "by hand", "bill", {}),
        (BATCH, "never committed", "storage_equivalent_full_cycles", {"device": "storage-1"}),
        (RAW, "grid/energy_import_kwh at", "maximum_demand_kw", {"device": "grid"}),
    ):
        place = {"gateway": "gw-1", **scope} if scope else {}
        assert await audited(name, **place) == []
        with psycopg.connect(copy, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # who tampers goes past triggers too
            assert connection.execute(statement).rowcount == 1
        wrong = await audited(name, **place)
        assert any(said in each for each in wrong), (name, wrong)


FORMS = {
    "indicators": (f"/parks/{PARK}/indicators", {"period": MONTH}, "value"),
    "bill": (f"/accounts/park-main/bills/{MONTH}", {}, "amount_cny"),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_random_figure_is_the_same_number_in_every_form(api: Api, name: str) -> None:
    path, question, column = FORMS[name]
    answer = await api.get(path, **question)
    rows = answer["indicators"] if name == "indicators" else answer["bill"]["lines"]
    one = random.Random(SEED).choice([row for row in rows if row[column] is not None])
    told = {}
    for form in ("csv", "xlsx", "parquet"):
        body = (await api.client.get(f"/api/v1{path}", params={**question, "format": form})).content
        told[form] = next(row[column] for row in _table(form, body) if row["address"] == one["address"])
    # Sheets and texts show six decimals of a ratio, and cents of money.
    digits = 6 if name == "indicators" else 2
    numbers = {form: round(Decimal(str(value)), digits) for form, value in told.items()}
    assert set(numbers.values()) == {round(Decimal(str(one[column])), digits)}, (SEED, one["address"], told)


def _table(form: str, body: bytes) -> list[dict[str, Any]]:
    if form == "csv":
        return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    if form == "parquet":
        return pq.read_table(io.BytesIO(body)).to_pylist()
    head, *rows = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0].iter_rows(values_only=True)
    names = [str(cell).partition(" ")[0] for cell in head]
    return [dict(zip(names, row, strict=True)) for row in rows]
