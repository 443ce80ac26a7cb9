"""The year before the first `up`: a history of every park, and what its operators would have agreed, closed and stated.

    readings ─▶ roll-ups ─▶ intervals ─▶ supply agreements ─▶ closed months         readings ─▶ live
                                   ├────▶ the pilot's year: events, statements  (`pilot.past`)
                                   └────▶ cluster figures of the plan      (`join`: to the present)

Each park's span is noted in the data folder before anything is made, so that an interrupted `up` goes on with the very
span; what was made whole, or had readings of its own, is left alone for ever.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from parkgrid_accounting.bills.closings import close_month
from parkgrid_accounting.bills.errors import BillError
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_accounting.clusters.intake import take_enterprises, take_outputs
from parkgrid_contract.time import SHANGHAI, SystemClock, from_ms
from parkgrid_demo.example_outputs import outputs
from parkgrid_demo.pilot import past
from parkgrid_demo.prefill import HistorySpan, go_on, prefill
from parkgrid_demo.prefill_rows import BATCH_MS
from parkgrid_domain.clusters import enterprise_file, output_file
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import example, examples
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.catching_up import Progress, metering
from parkgrid_metering.rounds import run_rounds
from parkgrid_simulators import history
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.state import ParkState

DAYS = 365
FINE_DAYS = 2
"""Whole days by the minute before the present one: a chart of 24 hours never begins before them."""
_DAY_MS = 86_400_000
_DENSE_MS = 1_800_000
_LONGEST_JOIN_MS = 3_600_000
_READINGS_SHARE, _BILLS_FROM, _PILOT_FROM, _FIGURES_FROM = 0.88, 0.92, 0.95, 0.99
"""Where on the bar readings end, and where bills, the pilot's year and the clusters begin."""
_BY = "parkgrid up"
_OLD_PLAN, _NEW_PLAN = "guangdong-2021-tou", "retail-curve-2026"
_POWER_FACTOR = Decimal("0.9")
_CLUSTERS = {
    "pingshan-park": "new-energy",
    "biling-ic-park": "semiconductors-ic",
    "julongshan-pedf": "smart-terminals",
}
"""Park to the cluster of the plan whose place it lies in."""
_AGREED_KW = {"pingshan-park": 2_100, "biling-ic-park": 4_100, "julongshan-pedf": 640}
"""Agreed demand: a year's greatest quarters of an hour were 1,935, 3,768 and 573 kW, about nine tenths of it."""
_ABOVE_THE_CAP = 1.4
"""Agreed demand of any other park over the import that its storage holds it to, while there is something in it."""
_EXAMPLE = "示例企业，并非真实 Example enterprise, nobody real"


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a history that has just been made ends, and how its park goes on."""

    scenario: Scenario
    span: HistorySpan
    state: ParkState
    read_every_s: int


@dataclass(frozen=True, slots=True)
class Noted:
    """The history of one park, as the data folder keeps it."""

    start_ms: int
    end_ms: int
    complete: bool = False


def fill(
    dsn: str,
    data_dir: Path,
    parks: Mapping[Path, Scenario],
    until_ms: int,
    tell: Progress,
    done: Callable[[str], None],
    read_every_s: Mapping[str, int] | None = None,
) -> Sequence[Handover] | None:
    """Make what is missing of the year before `until_ms`; None if there was nothing to make.

    `parks` are scenarios by the file that their live simulation starts from. `done` is told the name of every phase
    that has ended. `read_every_s` says, by park, how often its live devices are read. Raises `PrefillError`,
    `StoreError`.
    """
    path = data_dir / "history.json"
    notes = _read(path)
    notes |= {each.park: _note(dsn, each, until_ms, notes.get(each.park)) for each in parks.values()}
    _write(path, notes)
    open_parks = {
        state: past.with_answers(each, notes[each.park].start_ms, notes[each.park].end_ms)
        for state, each in parks.items()
        if not notes[each.park].complete
    }
    if not open_parks:
        return None
    with metering(dsn):
        handovers = _readings(dsn, notes, open_parks, tell, read_every_s or {})
    done("readings")
    with psycopg.connect(dsn, autocommit=True) as connection:
        tell("energy of every quarter of an hour", _READINGS_SHARE)
        run_rounds(connection, SystemClock().now_ms())
        done("intervals")
        for scenario in open_parks.values():
            tell(f"bills of {scenario.park}", _BILLS_FROM)
            _accounts(connection, scenario, notes[scenario.park])
        done("bills")
    if any(each.park == past.PARK for each in open_parks.values()):
        noted = notes[past.PARK]
        past.make(dsn, tuple(parks.values()), noted.start_ms, noted.end_ms, _from(tell, _PILOT_FROM))
        done("pilot")
    tell("figures of the clusters", _FIGURES_FROM)
    _figures(dsn, data_dir, tuple(parks.values()))
    done("clusters")
    _write(path, notes | {each.park: _complete(notes[each.park]) for each in open_parks.values()})
    return handovers


def join(dsn: str, handovers: Iterable[Handover], now_ms: int) -> None:
    """Readings from the end of each history to the first live one, or to the present, and as dense as the live ones."""
    with closing(open_store(dsn)) as store:
        for each in handovers:
            until_ms = _first_after(dsn, each) or now_ms
            if each.span.end_ms < until_ms <= each.span.end_ms + _LONGEST_JOIN_MS:
                go_on(store, each.scenario, each.span, each.state, until_ms, each.read_every_s)


def _from(tell: Progress, least: float) -> Progress:
    """The part of the bar that is left, for something that counts its own."""
    return lambda what, share: tell(what, least + share * (_FIGURES_FROM - least))


def _first_after(dsn: str, handover: Handover) -> int | None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_FIRST_AFTER, (handover.scenario.park, from_ms(handover.span.end_ms))).fetchone()
    return row[0] if row else None


def _readings(
    dsn: str,
    notes: Mapping[str, Noted],
    parks: Mapping[Path, Scenario],
    tell: Progress,
    read_every_s: Mapping[str, int],
) -> Sequence[Handover]:
    spans: dict[HistorySpan, dict[Path, Scenario]] = {}
    for state, scenario in parks.items():
        spans.setdefault(_span(scenario, notes[scenario.park]), {})[state] = scenario
    handovers: list[Handover] = []
    with closing(open_store(dsn)) as store:
        for span, members in spans.items():
            by_park = {scenario.park: (state, scenario) for state, scenario in members.items()}
            made = prefill(
                store,
                dsn,
                list(members.values()),
                span,
                states={park: state for park, (state, _) in by_park.items()},
                dense_s=read_every_s,
                tell=lambda what, share: tell(what, _READINGS_SHARE * share),
            )
            handovers += [
                Handover(by_park[each.park][1], span, each.state, read_every_s.get(each.park, 1))
                for each in made
                if each.state is not None
            ]
    return handovers


def _span(scenario: Scenario, noted: Noted) -> HistorySpan:
    """A quarter of an hour apart, the last days by the minute, the last half hour as the live park is read.

    Charts of a day begin in the days by the minute; what is metered again as the live park sets in lies in the rest.
    """
    fine_ms = history.midnight_after(scenario, noted.end_ms - (1 + FINE_DAYS) * _DAY_MS)
    dense_ms = noted.end_ms - _DENSE_MS
    later = noted.start_ms < fine_ms < dense_ms
    return HistorySpan(noted.start_ms, noted.end_ms, fine_from_ms=fine_ms if later else None, dense_from_ms=dense_ms)


def _note(dsn: str, scenario: Scenario, until_ms: int, noted: Noted | None) -> Noted:
    """A year of whole days; a park that has readings of its own needs none, and one that was interrupted goes on."""
    if noted is not None and (noted.complete or _has_readings(dsn, scenario, noted.end_ms)):
        return noted
    end_ms = until_ms // BATCH_MS * BATCH_MS
    if noted is not None:
        return Noted(noted.start_ms, max(noted.end_ms, end_ms))
    start_ms = history.midnight_after(scenario, end_ms - (DAYS + 1) * _DAY_MS)
    return Noted(start_ms, end_ms, complete=_has_readings(dsn, scenario, 0))


def _has_readings(dsn: str, scenario: Scenario, from_instant_ms: int) -> bool:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(_HAS_READINGS, (scenario.park, from_ms(from_instant_ms))).fetchone()
    return found == (True,)


def _complete(noted: Noted) -> Noted:
    return Noted(noted.start_ms, noted.end_ms, complete=True)


def _read(path: Path) -> dict[str, Noted]:
    with suppress(FileNotFoundError):
        return {park: Noted(**each) for park, each in json.loads(path.read_text("utf-8")).items()}
    return {}


def _write(path: Path, notes: Mapping[str, Noted]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps({park: asdict(each) for park, each in notes.items()}, indent=1), "utf-8")
    part.replace(path)


def _accounts(connection: psycopg.Connection[Any], scenario: Scenario, noted: Noted) -> None:
    """Supply agreements of the connection point's account, and its past months closed."""
    account = account_of(scenario)
    if not account:
        return
    begin, change = _first_of_month(noted.start_ms), example(_NEW_PLAN).valid_from
    for plan_id, first, end in ((_OLD_PLAN, min(begin, change), change), (_NEW_PLAN, change, None)):
        load_plan(connection, examples()[plan_id], f"{plan_id}.toml", _BY)
        if end is None or first < end:
            terms = Terms(
                account, scenario.park, "contracted_demand", None, _agreed_kw(scenario), _POWER_FACTOR, "10 kV"
            )
            agree(connection, Agreement(terms, plan_id, first, end, "example of the demonstration district"), _BY)
    for month in _past_months(noted):
        # A month that cannot be closed, because the run was interrupted for long, stays open and says why on the page.
        with suppress(BillError):
            close_month(connection, account, month, _BY)


def _agreed_kw(scenario: Scenario) -> Decimal:
    """The demand of the supply agreement."""
    known = _AGREED_KW.get(scenario.park)
    return Decimal(known or round(_ABOVE_THE_CAP * scenario.strategy.peak_import_kw))


def account_of(scenario: Scenario) -> str:
    """The account of the connection point."""
    return next(each.point.account for each in scenario.devices if each.device_class == "grid_meter")


def _first_of_month(at_ms: int) -> date:
    return from_ms(at_ms).astimezone(SHANGHAI).date().replace(day=1)


def _past_months(noted: Noted) -> Iterator[str]:
    """The whole months of a history."""
    month = _first_of_month(noted.start_ms - 1)
    while (month := _next_month(month)) and _next_month(month) <= _first_of_month(noted.end_ms):
        yield f"{month:%Y-%m}"


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _figures(dsn: str, data_dir: Path, scenarios: Sequence[Scenario]) -> None:
    """The plan's outputs, by quarter, and whose account is whose."""
    now = datetime.now(UTC)
    stated = data_dir / "example-outputs.csv"
    _csv(stated, (column.heading for column in output_file.COLUMNS), outputs(now.astimezone(SHANGHAI).date()))
    accounts, known = data_dir / "example-enterprises.csv", list(_known(scenarios))
    taken_in = [take_outputs(dsn, stated, _BY, now)]
    if known:
        _csv(accounts, (column.heading for column in enterprise_file.COLUMNS), map(_enterprise, known))
        taken_in.append(take_enterprises(dsn, accounts, _BY, now))
    for taken in taken_in:
        if taken.mistakes:
            raise RuntimeError("\n".join(each.text("en") for each in taken.mistakes))


def _known(scenarios: Iterable[Scenario]) -> Iterator[Scenario]:
    return (each for each in scenarios if each.park in _CLUSTERS and account_of(each))


def _enterprise(scenario: Scenario) -> Sequence[str]:
    return (
        f"example-{scenario.park}", f"示例企业（{scenario.name_zh}）", f"Example enterprise of {scenario.name_en}",
        _CLUSTERS[scenario.park], "1", scenario.park, account_of(scenario), "100", "2025-01", "", _EXAMPLE,
    )  # fmt: skip


def _csv(path: Path, heading: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(heading), *rows])


_FIRST_AFTER = """
SELECT (extract(epoch FROM min(m.at)) * 1000)::int8
FROM public.grid_meter m JOIN public.devices d USING (park_id, device_id) WHERE d.park = %s AND m.at >= %s
"""
_HAS_READINGS = """
SELECT EXISTS (
    SELECT FROM public.grid_meter m JOIN public.devices d USING (park_id, device_id) WHERE d.park = %s AND m.at >= %s
)
"""
