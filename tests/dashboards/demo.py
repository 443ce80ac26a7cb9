"""A month of the three demonstration parks, with what happens in life: a gateway that was away, a refused value, a
changed meter, supply agreements, quarterly outputs. Stored by the code that stores measured data."""

from contextlib import closing, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import psycopg

from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_accounting.clusters.intake import take_enterprises, take_outputs
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms
from parkgrid_database.errors import StoreUnavailableError
from parkgrid_demo.prefill import HistorySpan, prefill
from parkgrid_domain.energy import Declaration
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import examples
from parkgrid_ingest.rows import BatchHeader, Commit, Quarantined
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering import registers, rounds
from parkgrid_metering.parks import Park
from parkgrid_simulators import history
from parkgrid_simulators.scenario import SCENARIOS, Scenario, load_scenario
from tests.accounting.clusters_feed import OUTPUT_100M, accounts_file, workbook
from tests.dashboards import pilot_of_boards
from tests.ingest.readings import class_rows, drain_history

DAY_MS, QUARTER_MS, MINUTE_MS = 86_400_000, 900_000, 60_000
DAYS = 31
PLAN = "retail-curve-2026"
SITES = ("pingshan_park", "biling_ic_park", "julongshan_pedf_office")
ACCOUNTS = {"pingshan-park": "park-main", "biling-ic-park": "ic-main", "julongshan-pedf": "pedf-main"}
LIMIT_KW = {"pingshan-park": "1600", "biling-ic-park": "4200", "julongshan-pedf": "420"}
CLUSTER = {
    "pingshan-park": "new-energy",
    "biling-ic-park": "semiconductors-ic",
    "julongshan-pedf": "smart-terminals",
}
METER = Device("lab", "meter", ("active_power_kw", "energy_import_kwh"), "实验室", period_s=60.0)
HEALTH = Device("gw-2", "gateway", tuple(CATALOGUE["gateway"].by_name), period_s=60.0)


def fill(dsn: str, folder: Path) -> datetime:
    """Everything that the dashboards show, up to the present quarter of an hour: the end of it."""
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    end_ms = now_ms // QUARTER_MS * QUARTER_MS
    scenarios = [load_scenario(SCENARIOS / f"{site}.toml") for site in SITES]
    with closing(open_store(dsn)) as store:
        # The last day by the minute, as a live park has it.
        fine_ms = history.midnight_after(scenarios[0], end_ms - DAY_MS) - DAY_MS
        _prefill(store, dsn, scenarios, HistorySpan(end_ms - DAYS * DAY_MS, end_ms, fine_from_ms=fine_ms))
        for park in ACCOUNTS:
            _second_gateway(store, park, end_ms)
        drain_history(store)
    with psycopg.connect(dsn, autocommit=True) as connection:
        rounds.run_rounds(connection, now_ms)
        for park, account in ACCOUNTS.items():
            _agreement(connection, park, account)
        _changed_meter(connection, end_ms)
        rounds.run_rounds(connection, now_ms)
        # Noted as the batches came, not as the test runs.
        connection.execute("UPDATE base.sequence_gap SET noted_at = %s", (from_ms(end_ms - MINUTE_MS),))
    _clusters(dsn, folder, from_ms(now_ms))
    with psycopg.connect(dsn, autocommit=True) as connection:
        pilot_of_boards.fill(connection, from_ms(now_ms))
    return from_ms(end_ms)


def _prefill(store: Store, dsn: str, scenarios: list[Scenario], span: HistorySpan) -> None:
    """History goes on where it was when two keepers wanted to refresh the same roll-up."""
    for _ in range(10):
        with suppress(StoreUnavailableError):
            prefill(store, dsn, scenarios, span)
            return
    raise AssertionError("the roll-ups of the history never came to an end")


def _second_gateway(store, park: str, end_ms: int) -> None:
    """The health of an agent for a day, and a meter that it could not reach for six hours of it."""
    gateway, epoch = Gateway(park, "gw-2"), end_ms - DAY_MS
    known = store.register(gateway, Birth("0.1.0", epoch, epoch, (METER, HEALTH), simulated=True))
    (meter, _), (health, _) = known["lab"], known["gw-2"]
    instants = range(end_ms - DAY_MS, end_ms, MINUTE_MS)
    away = range(end_ms - 14 * 3_600_000, end_ms - 8 * 3_600_000)
    metered = [(meter, at, _load(n)) for n, at in enumerate(instants) if at not in away]
    told = [(health, at, _health(n)) for n, at in enumerate(instants)]
    # Batches 2 to 4 never come: the gateway dropped them when its disk was full.
    headers = [
        BatchHeader(gateway, epoch, seq, floor, backlog=False, received_ms=end_ms - MINUTE_MS)
        for seq, floor in ((1, 1), (5, 5))
    ]
    refused = [
        Quarantined(
            park,
            "gw-2",
            epoch,
            1,
            "lab",
            Reason.UNKNOWN_SIGNAL,
            "samples[0].values.activ_power_kw",
            '{"activ_power_kw": 1}',
            0,
        )
    ]
    store.commit(Commit(headers, [class_rows("meter", metered), class_rows("gateway", told, 1)], refused))


def _load(minute: int) -> dict[str, int]:
    """30 kW all day: 0.5 kWh a minute."""
    return {"active_power_kw": 30_000, "energy_import_kwh": 1_000_000 + 500 * minute}


def _health(minute: int) -> dict[str, int]:
    backlog = max(0, 60 - abs(minute - 700))
    return {
        "cpu_pct": 120,
        "memory_used_pct": 410,
        "agent_memory_mb": 620,
        "disk_used_pct": 330,
        "uptime_s": 86_400 + 60 * minute,
        "clock_offset_ms": 12,
        "outbox_batches": 60 * backlog,
        "outbox_mb": 3 * backlog,
        "outbox_oldest_s": 60 * backlog,
        "samples_accepted": 40 * minute,
        "samples_dropped": 3 if minute > 700 else 0,
        "reads_failed": minute // 100,
        "link_reconnects": minute // 700,
    }


def _agreement(connection: psycopg.Connection, park: str, account: str) -> None:
    load_plan(connection, examples()[PLAN], PLAN, "test")
    terms = Terms(account, park, "contracted_demand", None, Decimal(LIMIT_KW[park]), Decimal("0.9"), "10 kV")
    agree(connection, Agreement(terms, PLAN, date(2026, 1, 1)), "test")


def _changed_meter(connection: psycopg.Connection, end_ms: int) -> None:
    """The total meter of one park was exchanged ten days ago: its registers went on from the same reading."""
    at = datetime.fromtimestamp((end_ms - 10 * DAY_MS) / 1000, UTC)
    row = connection.execute(
        "SELECT park_id, register_id, last_register_kwh"
        " FROM interval_energy JOIN registers USING (park_id, register_id)"
        " WHERE registers.park = 'pingshan-park' AND registers.device = 'grid' AND last_at = %s"
        " AND registers.signal = 'energy_import_kwh'",
        (at,),
    ).fetchone()
    assert row is not None
    park_id, register_id, kwh = row
    steps = round(kwh * 1000)
    declaration = Declaration(end_ms - 10 * DAY_MS, None, Fraction(1), initial_steps=steps, final_steps=steps)
    registers.add_declaration(
        Park(connection, park_id), register_id, declaration, ("Li Wei", "meter exchanged", end_ms)
    )


def _quarters(now: datetime) -> list[date]:
    """The first days of the eight quarters before the present one, and of the present one."""
    count = now.year * 4 + (now.month - 1) // 3
    return [date(number // 4, number % 4 * 3 + 1, 1) for number in range(count - 8, count + 1)]


def _energy_of_a_quarter(connection: psycopg.Connection, first: date, end: date) -> None:
    """The quarter before the history: 10 kWh in every interval, as metering leaves them."""
    connection.execute(
        "INSERT INTO base.interval_energy (at, energy_wh, changed_at, park_id, register_id, period_s, expected,"
        " received, valid, estimated, late, revision, quality, cause)"
        " SELECT at, 10000, now(), park_id, register_id, 900, 1, 1, 1, 0, 0, 1, 1, 'new'"
        " FROM base.register JOIN base.device USING (park_id, device_id) CROSS JOIN generate_series("
        " %s::date::timestamp AT TIME ZONE 'Asia/Shanghai',"
        " (%s::date::timestamp AT TIME ZONE 'Asia/Shanghai') - INTERVAL '15 min', '15 min') AS at"
        " WHERE signal LIKE 'energy%%' AND device_class IN ('grid_meter', 'pv_inverter', 'storage')"
        " ON CONFLICT DO NOTHING",
        (first, end),
    )
    connection.execute(
        "SELECT base.count_days(t.park_id, array_agg(t.register_id), array_agg(t.at)) FROM ("
        " SELECT DISTINCT i.park_id, i.register_id, date_trunc('day', i.at, p.time_zone) AS at"
        " FROM base.interval_energy AS i JOIN base.park AS p USING (park_id)"
        " WHERE i.at >= %s::date::timestamp AT TIME ZONE 'Asia/Shanghai'"
        " AND i.at < %s::date::timestamp AT TIME ZONE 'Asia/Shanghai') AS t GROUP BY t.park_id",
        (first, end),
    )


def _clusters(dsn: str, folder: Path, now: datetime) -> None:
    """Outputs of two years; the total meter of each park is one enterprise's."""
    *quarters, present = _quarters(now)
    names = [f"{first.year}-Q{first.month // 3 + 1}" for first in quarters]
    with psycopg.connect(dsn, autocommit=True) as connection:
        _energy_of_a_quarter(connection, quarters[-1], present)
    rows = [
        [cluster, quarter, "当季", float(output) * (1 + number / 100), "亿元", f"区统计局 {quarter} 快报", ""]
        for number, quarter in enumerate(names)
        for cluster, output in OUTPUT_100M.items()
    ]
    taken = take_outputs(dsn, workbook(folder / "outputs.xlsx", rows), "test", now)
    assert not taken.mistakes, taken.mistakes
    lines = [
        f"of-{park},{CLUSTER[park]},10,{park},{account},100,2024-01,,区统计局" for park, account in ACCOUNTS.items()
    ]
    taken = take_enterprises(dsn, accounts_file(folder / "accounts.csv", lines), "test", now)
    assert not taken.mistakes, taken.mistakes
