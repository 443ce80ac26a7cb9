"""The pilot's year of the first `up`: called and answered before the live park begins, settled from its registers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import psycopg
import pytest

from parkgrid_demo import district, prefill
from parkgrid_demo.pilot import past, past_events, past_registry
from parkgrid_demo.pilot.past_events import past_events as events_of
from parkgrid_domain.calendar import packaged
from parkgrid_domain.vpp.documents import PhaseName, Statement
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_simulators.scenario import SCENARIOS, load_scenario
from parkgrid_simulators.weather import PINGSHAN
from parkgrid_vpp import verify
from parkgrid_vpp.bundle import write as write_bundle
from parkgrid_vpp.bundling import contents
from parkgrid_vpp.centre_key import load_or_create, write_public
from parkgrid_vpp.ledger import entries, follow

WEST = load_scenario(past.SCENARIO)
UNTIL_MS = PINGSHAN.midnight_ms(date(2026, 5, 28)) + 5 * 60_000
FIRST = PINGSHAN.midnight_ms(date(2026, 3, 27))
"""When the history begins: 62 whole days before."""
SILENT = 6
"""Which of the events has a meter that says nothing."""


@contextmanager
def here(_parks: int, _parts: int) -> Iterator[None]:
    """Readings of one park are made in this process."""
    yield None


@pytest.fixture
def made(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Pilot]:
    """Nine weeks of the park that answers, with seven events a day or two apart, and the ledger of it."""
    monkeypatch.setattr(district, "DAYS", 62)
    monkeypatch.setattr(past_events, "FIRST_AFTER", timedelta(days=45))
    monkeypatch.setattr(past, "FIRST_AFTER", timedelta(days=45))
    monkeypatch.setattr(past_registry, "_ACTIVE_AFTER", timedelta(days=40))
    monkeypatch.setattr(past_events, "_APART", timedelta(days=2))
    monkeypatch.setattr(past_events, "_COUNT", 7)
    monkeypatch.setattr(prefill, "_workers", here)
    # The district's other parks are registered, and have no readings here.
    names = ("pingshan_park", "biling_ic_park", "julongshan_pedf_office")
    make, others = past.make, [load_scenario(SCENARIOS / f"{name}.toml") for name in names]
    monkeypatch.setattr(past, "make", lambda dsn, scenarios, *rest: make(dsn, [*scenarios, *others], *rest))
    assert fill(dsn, tmp_path) == ["readings", "intervals", "bills", "pilot", "clusters"]
    assert fill(dsn, tmp_path) == []
    return dsn, followed(dsn)


def fill(dsn: str, folder: Path) -> list[str]:
    phases: list[str] = []
    parks = {folder / "park.json": WEST}
    district.fill(dsn, folder, parks, UNTIL_MS, lambda _what, _share: None, phases.append, {WEST.park: 5})
    return phases


def followed(dsn: str) -> Pilot:
    pilot = Pilot()
    with psycopg.connect(dsn, autocommit=True) as connection:
        follow(connection, pilot)
    return pilot


def statements(pilot: Pilot) -> list[Statement]:
    books = pilot.events.values()
    return [found for book in books for award in book.statements if (found := book.latest(award))]


def test_events_of_several_kinds_are_settled_from_the_registers(made: tuple[str, Pilot], tmp_path: Path) -> None:
    dsn, pilot = made
    # Entries are in the order of their time, and none is of the future.
    with psycopg.connect(dsn, autocommit=True) as connection:
        written = [each.at for each in entries(connection)]
    assert written == sorted(written)
    assert written[-1] < datetime.fromtimestamp(UNTIL_MS / 1000, UTC)
    # In nine weeks none has left yet.
    assert {pilot.phase(name) for name in pilot.resources} == set(get_args(PhaseName)[:5])
    told = statements(pilot)
    assert {book.event.direction for book in pilot.events.values()} == {"shave", "fill"}
    assert {book.event.notice_class for book in pilot.events.values()} == {"day_ahead", "hour", "fast"}
    verdicts = {quarter.verdict for each in told for one in each.resources for quarter in one.quarters}
    assert verdicts == {"delivered", "partial", "not_delivered", "unverified"}
    assert all(each.status == "simulation" for each in told)
    # Guns gave back, by their own registers.
    guns = [one for each in told for one in each.resources if one.resource == "west-v2g"]
    assert min(quarter.metered_wh or 0 for one in guns for quarter in one.quarters) < 0
    # What was asked of the sites is what was awarded: clearing came to the same before there was a reading.
    cleared = past._awarded(past.PilotPark(WEST, past.SCENARIO), past._day(FIRST), UNTIL_MS)
    assert [awards for _, awards in cleared] == [book.awards for book in pilot.events.values()]
    silent_is_unverified(pilot)
    verifier_agrees(dsn, pilot, tmp_path)


def silent_is_unverified(pilot: Pilot) -> None:
    """The meter that said nothing leaves quarter hours that nobody judges; its neighbours are judged."""
    book = list(pilot.events.values())[SILENT]
    (told,) = [book.latest(award) for award in book.statements if award.endswith("operator-one")]
    assert told is not None
    unsure = {one.resource: [quarter.unsure for quarter in one.quarters if quarter.unsure] for one in told.resources}
    assert unsure == {"west-storage": [], "west-chiller": ["estimated"] * 4, "west-compressor": []}


def verifier_agrees(dsn: str, pilot: Pilot, folder: Path) -> None:
    """A stranger computes the first event and the one with a silent meter again, to the cent."""
    keys, public = folder / "keys", folder / "public"
    for each in (keys, public):
        each.mkdir()
    key = load_or_create(keys)
    trusted = write_public(public, key)
    names = list(pilot.events)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in (names[0], names[SILENT]):
            path = public / f"{name}.bundle"
            path.write_bytes(write_bundle(contents(connection, name, "operator-one", datetime.now(UTC)), key))
            assert verify.main([str(path), "--key", str(trusted)]) == 0


def test_a_year_that_no_calendar_knows_has_no_events() -> None:
    """A later year begins without a pilot's history instead of without the demonstration."""
    last = max(packaged().years)
    assert list(events_of(date(last, 12, 1), datetime(last + 1, 12, 1, tzinfo=UTC), packaged())) == []
    known = list(events_of(date(last - 1, 12, 1), datetime(last, 12, 1, tzinfo=UTC), packaged()))
    assert len(known) == 20
    assert {each.fate for each in known} == {"settled", "cancelled", "opted_out", "silent", "disputed"}
