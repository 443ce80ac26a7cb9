"""A bundle out of a real database: what was frozen is found again after late data, and the verifier agrees."""

import asyncio
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_api.vpp import downloads
from parkgrid_domain.vpp.documents import AnyDocument, Bid, Contract, Dispute, Event, State
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp import verify
from parkgrid_vpp.bundle import write as write_bundle
from parkgrid_vpp.bundling import contents
from parkgrid_vpp.centre_key import create, write_public
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.freezing import adjust, freeze
from parkgrid_vpp.ledger import Act, write
from parkgrid_vpp.settling import statements
from tests.api.conftest import running
from tests.logins import acting
from tests.vpp.metered_park import FIVE, NOW_MS, Meters, answering, local
from tests.vpp.small_pilot import DAY, WRITTEN, awards
from tests.vpp.test_settling import PAST, acts_before

LATER_MS = NOW_MS + 60_000
NOW = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def meters(dsn: str) -> Iterator[Meters]:
    with answering(dsn) as made:
        yield made


def settled_twice(
    meters: Meters,
    connection: psycopg.Connection,
    changed: Callable[[list[tuple[str, AnyDocument]]], list[tuple[str, AnyDocument]]] = list,
    between: Callable[[], None] = lambda: None,
) -> None:
    """The event of the settling tests, in the stored ledger: late data of a chosen day, then of the event itself.

    `between` is called when the first statement is written.
    """
    pilot = Pilot()

    def add(*acts: tuple[str, AnyDocument], at: datetime = WRITTEN) -> None:
        write(connection, pilot, [Act(*each) for each in acts], "tester", at)

    meters.run(PAST, without=[("load-1", local("23 14:00"))])
    add(*changed(acts_before()))
    add(("ev-1", awards()), *(("ev-1", each) for each in freeze(connection, pilot, "ev-1", awards())))
    meters.run([(local("23 20:00"), local("24 14:00"))])
    add(*(("ev-1", each) for each in adjust(connection, pilot, "ev-1")))
    offline = [("storage-1", local("24 15:00") + place * FIVE) for place in range(1, 9)]
    meters.run([(local("24 14:00"), local("24 18:00"))], without=offline)
    meters.show(local("24 15:55") + timedelta(seconds=30), 900_000_000)
    states = ("notified", "active", "ending", "ended", "baseline_computed", "evaluated")
    add(*(("ev-1", State(each, None, None, "")) for each in states))
    after = local("24 18:30")
    add(*(("ev-1", each) for each in statements(connection, pilot, "ev-1")), at=after)
    between()
    meters.deliver(now_ms=LATER_MS)
    add(*(("ev-1", each) for each in statements(connection, pilot, "ev-1")), at=after)
    for step in ("raised", "answered", "decided"):
        add(("ev-1", Dispute("d-1", "ev-1-op-1-1", step, "too low", DAY)), at=after)  # type: ignore[arg-type]
    add(*(("ev-1", each) for each in statements(connection, pilot, "ev-1", "dispute d-1")), at=after)


async def downloaded(dsn: str, monkeypatch: pytest.MonkeyPatch, issued: Path) -> bytes:
    """The bundle as the api gives it, with the rights that it has in a deployment."""
    async with running(ApiSettings(DatabaseSettings(dsn, role="parkgrid_api"), issued=issued)) as api:
        answer = await api.client.get("/api/v1/vpp/events/ev-1/bundles/op-1")
        await api.refused("/vpp/events/ev-1/bundles/op-2", 404)
        monkeypatch.setattr(downloads, "LONGEST_S", -1.0)
        (mistake,) = await api.refused("/vpp/events/ev-1/bundles/op-1", 422)
        assert "use `parkgrid vpp bundle ev-1 --operator op-1 --keys FOLDER`" in mistake["remedy"]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="ev-1-op-1.bundle"'
    return answer.content


async def refused_to_give(dsn: str, folder: Path, chain: Sequence[str]) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn, role="parkgrid_api"), issued=folder / "not-mounted")) as api:
        (mistake,) = await api.refused("/vpp/events/ev-1/bundles/op-1", 503)
        assert "is its disk mounted" in mistake["remedy"]
    other = folder / "other"
    other.mkdir()
    (other / "issued-chain.txt").write_text("".join(f"{each}\n" for each in (*chain[:-1], "0" * 64)))
    async with running(ApiSettings(DatabaseSettings(dsn, role="parkgrid_api"), issued=other)) as api:
        (mistake,) = await api.refused("/vpp/events/ev-1/bundles/op-1", 503)
        assert f"entry {len(chain)} is another one than was issued" in mistake["remedy"]


def test_a_bundle_holds_what_was_known_when_each_entry_was_written(
    meters: Meters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        settled_twice(meters, connection)
        found = contents(connection, "ev-1", "op-1", NOW)
        with pytest.raises(PilotError, match="op-2 has no statement"):
            contents(connection, "ev-1", "op-2", NOW)
        key = create(tmp_path)
        path = tmp_path / found.file_name
        # What the page gives is the same but for the signature: recomputed, and refused where a key is given.
        given = asyncio.run(downloaded(meters.park.dsn, monkeypatch, tmp_path))
        # What is given out stands beside it before; where it cannot, nothing is given out.
        assert (tmp_path / "issued-chain.txt").read_text().split() == list(found.chain)
        monkeypatch.undo()
        asyncio.run(refused_to_give(meters.park.dsn, tmp_path, found.chain))
        path.write_bytes(given)
        with zipfile.ZipFile(path) as archive:
            created = datetime.fromisoformat(json.loads(archive.read("manifest.json"))["created"])
            assert archive.read("signature") == b"0" * 128 + b"\n"
        assert given == write_bundle(contents(connection, "ev-1", "op-1", created), None)
    assert verify.main([str(path)]) == 3
    public = write_public(tmp_path, key)
    assert verify.main(["--key", str(public), str(path)]) == 1
    path.write_bytes(write_bundle(found, key))
    report = verify.report_on(path, [key.public])
    assert report.refusal is None, report.refusal.sentence("en")
    assert (report.told["statement"], report.told["revisions"]) == ("ev-1-op-1-3", 3)
    assert report.told["days_looked_at"] == 45
    # A reading of a chosen day came after the baseline was frozen: the bundle has what was known then.
    late = [line for (_, name), lines in found.readings.items() if name == "load-1" for line in map(json.loads, lines)]
    assert {line[2] for line in late if line[1] == "2026-06-23T06:00:00Z"} == {1}


def test_the_command_writes_bundles_that_verify(meters: Meters, tmp_path: Path) -> None:
    keys, out = tmp_path / "keys", tmp_path / "out"
    keys.mkdir()
    run = CliRunner().invoke
    assert run(app, ["vpp", "key", str(keys)]).exit_code == 0
    dsn = ["--dsn", acting(meters.park.dsn, "vpp")]
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        write(connection, Pilot(), [Act(*each) for each in acts_before()], "tester", WRITTEN)
    made = run(app, ["vpp", "bundle", "ev-1", "--keys", str(keys), "--out", str(out), *dsn])
    assert (made.exit_code, "is published: there is a bundle once it has a statement" in made.output) == (1, True)
    assert run(app, ["vpp", "bundle", "ev-9", "--keys", str(keys), *dsn]).exit_code == 1


def test_a_direct_event_has_no_bid_and_is_verified_all_the_same(meters: Meters, tmp_path: Path) -> None:
    """直控 in the pilot's own set-up: its award comes as a file."""
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        settled_twice(meters, connection, directly)
        archive = write_bundle(contents(connection, "ev-1", "op-1", NOW), None)
    (path := tmp_path / "x.bundle").write_bytes(archive)
    report = verify.report_on(path, [])
    assert report.refusal is None, report.refusal.sentence("en")
    assert Decimal(report.told["payment_cny"]) > 0


def directly(acts: list[tuple[str, AnyDocument]]) -> list[tuple[str, AnyDocument]]:
    """The same without a bid, under direct control."""
    told: list[tuple[str, AnyDocument]] = []
    for name, each in acts:
        if isinstance(each, Contract | Event):
            told.append((name, replace(each, type="direct")))
        elif not isinstance(each, Bid):
            told.append((name, each))
    return told
