"""A database is restored from a backup under load: gateways send again what it lacks, and what is gone has a name.

devices ─ two gateways, with devices of the same names ─ broker ─ ingest ─ database ◀─ an older copy of its folder
            └─ ledgers, outside the system

And the pilot's ledger: what was issued after the backup is missed, and read back from the bundles.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_domain.vpp.documents import Operator
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_proof.ledger import read_offers
from parkgrid_servers import process
from parkgrid_servers.broker import find_mosquitto
from parkgrid_vpp.errors import ClosedLedgerError
from parkgrid_vpp.ledger import Act, write
from tests.conftest import temporary_database
from tests.database.test_backup import programs_for
from tests.faults.rounds import logs, tell
from tests.faults.system import Edge, System, describe, end, kill, running_system, until
from tests.logins import acting
from tests.vpp.metered_park import answering
from tests.vpp.test_bundling import NOW, settled_twice

pytestmark = pytest.mark.faults


@pytest.fixture(params=["mosquitto", "amqtt"])
def system(request: pytest.FixtureRequest, server_dir: Path, nightly: bool) -> Iterator[System]:
    if request.param == "mosquitto" and not find_mosquitto():
        pytest.skip("mosquitto is not installed: the same runs with the fallback broker")
    if request.param == "amqtt" and find_mosquitto() and not nightly:
        pytest.skip("the fallback broker has its turn by night")
    with running_system(server_dir, request.param, 1) as running:
        yield running


def second_gateway(system: System) -> Edge:
    """Its devices have the names of the first one's, and are others."""
    edge = replace(system.edge, gateway="gw-2", outbox=system.folder / "gw-2.outbox", child=None)
    system.further_edges.append(edge)
    edge.start()
    until(lambda: edge.ledger.stat().st_size > 2_000, "the second gateway accepts")
    return edge


def go_on(system: System, seconds: float) -> None:
    """Load, all of which is acknowledged in the end."""
    time.sleep(seconds)
    exact(system, "before a restore")


def exact(system: System, when: str) -> None:
    started_s = time.monotonic()
    found = system.reconciled()
    tell(f"{when:44} {time.monotonic() - started_s:5.1f} s  {describe(found)}")
    assert found.exact, f"{when}: {describe(found)}\n{logs(system.folder)}"
    assert (found.conflicting, found.quarantined) == (0, 0), f"{when}: {describe(found)}"


def told(edge: Edge, event: str) -> list[str]:
    return [line for line in edge.log.read_text("utf-8", "replace").splitlines() if event in line]


def gaps(system: System) -> dict[str, int]:
    rows = system.query("SELECT cause, sum(last_seq - first_seq + 1)::int8 FROM sequence_gaps GROUP BY cause")
    return {str(cause): int(str(number)) for cause, number in rows}


def newest_age_s(system: System) -> float:
    [[age]] = system.query("SELECT extract(epoch FROM now() - max(at))::float8 FROM base.meter")
    return float(str(age))


def test_a_restored_database_gets_everything_again(system, capsys, nightly):
    with capsys.disabled():
        second = second_gateway(system)
        edges = (system.edge, second)
        go_on(system, 4)
        first = system.back_up()
        go_on(system, 6)

        # Behind the back of a running ingest; one gateway has begun another epoch since the backup.
        end(system.edge.child)
        system.edge.start()
        go_on(system, 4)
        system.restore(first)
        until(lambda: all(told(edge, "store_restored") for edge in edges), "both gateways hear of it")
        assert newest_age_s(system) < 10, "live readings waited for old ones"
        exact(system, "restored behind a running ingest")
        noted = system.query("SELECT DISTINCT gateway FROM store_restores ORDER BY 1")
        assert noted == [("gw-1",), ("gw-2",)]

        # Once more the same backup. The broker has lost what it kept, ingest begins anew, an agent was killed.
        go_on(system, 3)
        until(lambda: not any(told(edge, "epoch_overtaken") for edge in edges), "nobody is overtaken", 1)
        kill(system.edge.child)
        end(system.ingest.child)
        system.broker.kill()
        system.restore(first)
        system.restart_broker(lose_everything=True)
        system.edge.start()
        system.ingest.start()
        exact(system, "restored again, the broker knows nothing")

        # A younger backup: what the store has need not come again.
        second_backup = system.back_up()
        go_on(system, 21)  # one answer in 20 s counts
        before = [len(told(edge, "sent_again")) for edge in edges]
        end(system.ingest.child)
        system.restore(second_backup)
        system.ingest.start()
        until(
            lambda: all(len(told(edge, "sent_again")) > number for edge, number in zip(edges, before, strict=True)),
            "both gateways send again",
        )
        exact(system, "restored from a younger backup")
        batches = [int(told(edge, "sent_again")[-1].split("batches=")[1].split()[0]) for edge in edges]
        tell(f"batches sent again: {batches}")
        # A batch at most each tenth of a second; everything since the beginning would be thousands.
        assert all(0 < number < 450 for number in batches)
        # Nobody sends again and again.
        settled = [len(told(edge, "sent_again")) for edge in edges]
        time.sleep(22 if nightly else 4)
        assert [len(told(edge, "sent_again")) for edge in edges] == settled
        exact(system, "later")
        assert gaps(system) == {}


def test_what_cannot_come_again_is_a_gap_named_restore(system, capsys):
    with capsys.disabled():
        end(system.edge.child)
        system.edge.keep_h = 4 / 3600
        system.edge.start()
        go_on(system, 3)
        backup = system.back_up()
        go_on(system, 12)
        system.restore(backup)
        until(lambda: told(system.edge, "sent_again"), "the gateway sends again what it has")
        system.flowing()
        until(lambda: gaps(system).get("restore", 0) > 0, "the gap")
        lost = lost_batches(system)
        until(lambda: lost_batches(system) == gaps(system)["restore"], "each lost batch is in the gap", 20)
        tell(f"batches lost: {lost}, gaps: {gaps(system)}")
        assert gaps(system).keys() == {"restore"}
        found = system.reconciled(8)
        assert (found.duplicated, found.altered, found.alien, found.conflicting) == (0, 0, 0, 0), describe(found)
        assert 0 < found.lost <= 12 * 30
        [[accepted, dropped]] = system.query(
            "SELECT max(samples_accepted), max(samples_dropped) FROM base.gateway WHERE at > now() - INTERVAL '10 s'"
        )
        assert (int(str(accepted)) > 0, dropped) == (True, 0)


def lost_batches(system: System) -> int:
    """Batches that the outbox accepted, none of whose readings is stored, of those that had the time to arrive."""
    rows = system.query(
        "SELECT d.device, (extract(epoch FROM t.at) * 1000)::int8 FROM devices AS d JOIN ("
        " SELECT device_id, at FROM base.meter UNION ALL SELECT device_id, at FROM base.pv_inverter"
        " UNION ALL SELECT device_id, at FROM base.weather UNION ALL SELECT device_id, at FROM base.gateway"
        ") AS t USING (device_id)"
    )
    stored = {(device, int(str(at))) for device, at in rows}
    offers = [offer for offer in read_offers(system.edge.ledger) if offer.seq is not None]
    until_ms = max(at for _, at in stored) - 3_000
    return sum(
        all((sample["device"], sample["at"]) not in stored for sample in offer.samples)
        for offer in offers
        if all(sample["at"] < until_ms for sample in offer.samples)
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def raw(dsn: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT number, kind, subject, at, by, document, previous, digest FROM base.vpp_entry ORDER BY number"
        ).fetchall()


@contextmanager
def pilots_process(dsn: str, issued: Path, folder: Path) -> Iterator[Path]:
    """The pilot's process over a database, with the folder of what was issued; its log."""
    settings, log = folder / f"vpp-{time.monotonic_ns()}.toml", folder / f"vpp-{time.monotonic_ns()}.log"
    settings.write_text(
        f'issued = "{issued}"\nlook_every_s = 0.2\nrevise_every_s = 0.2\nclose_after_days = 0.00001\n'
        f'[database]\ndsn = "{acting(dsn, "vpp")}"\n',
        "utf-8",
    )
    child = process.start(process.Child("vpp", [sys.executable, "-m", "parkgrid_vpp", "--config", str(settings)], log))
    try:
        yield log
    finally:
        end(child)


def said(log: Path, words: str) -> bool:
    return words in log.read_text("utf-8", "replace")


def act(dsn: str, name: str) -> int:
    """An act of a person; its number."""
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        return write(connection, Pilot(), [Act(name, Operator("九", "Nine"))], "a person", NOW)[0].number


def with_one_byte_changed(bundle: Path, to: Path) -> Path:
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    to.write_bytes(data)
    return to


def test_a_ledger_behind_issued_statements_is_read_back_from_their_bundles(dsn, empty_dsn, server_dir):
    issued, keys, file = server_dir / "issued", server_dir / "keys", server_dir / "a.backup"
    issued.mkdir()
    keys.mkdir()
    assert run("vpp", "key", keys).exit_code == 0

    def issue(of: str, to: Path) -> Path:
        made = run("vpp", "bundle", "ev-1", "--keys", keys, "--out", to, "--dsn", acting(of, "vpp"))
        assert made.exit_code == 0, made.output
        return to / "ev-1-op-1.bundle"

    def back_up() -> None:
        issue(dsn, issued).rename(issued / "first.bundle")
        assert run("db", "backup", file, "--dsn", dsn).exit_code == 0

    def read_back(of: str, *what: object, status: int) -> dict:
        told = run("vpp", "ledger", "read-back", *what, "--by", "Li Wei", "--dsn", acting(of, "vpp"), "--json")
        assert told.exit_code == status, told.output
        return json.loads(told.stdout) if told.stdout else {"said": told.stderr}

    key = ("--key", keys / "centre.pub")
    with answering(dsn) as meters, psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        settled_twice(meters, connection, between=back_up)
    held = json.loads(run("db", "verify", file, "--dsn", dsn, "--json").stdout.splitlines()[-1])["head"]["number"]
    # An act that is in no bundle, and behind it what the process does: it settles and closes the event.
    hole = act(dsn, "op-9")
    with pilots_process(dsn, issued, server_dir) as log:
        until(lambda: raw(dsn)[-1][1] == "state" and '"state":"closed"' in str(raw(dsn)[-1][5]), "the event is closed")
        newest = len(raw(dsn))
        until(lambda: (issued / "ledger-copy.jsonl").read_bytes().count(b"\n") == newest, "the copy is kept")
    last = issue(dsn, issued)
    original = raw(dsn)
    assert held < hole - 1 < hole < newest

    # Restored by the command: the missing entries are named, and the ledger takes none.
    restored = run("db", "restore", file, "--dsn", empty_dsn, "--bundles", issued, "--json")
    assert restored.exit_code == 3, restored.output
    assert f"the pilot's ledger ends at entry {held}, bundles know of {newest}" in restored.stdout
    assert "parkgrid vpp ledger read-back" in restored.stdout
    with pytest.raises(ClosedLedgerError, match="nobody has compared"):
        act(empty_dsn, "op-10")
    with pilots_process(empty_dsn, issued, server_dir) as log:
        until(lambda: said(log, "ledger_closed"), "the process says so")
        checked = run("vpp", "ledger", "check", "--dsn", acting(empty_dsn, "vpp"))
        assert (checked.exit_code, f"{held} entries" in checked.stdout) == (1, True)
        assert f"entry {newest} (" in checked.stderr
        assert f"第 {newest} (" in checked.stderr
        refused = run(
            "vpp", "dispute", "raise", "ev-1-op-1-1", "--text", "x", "--by", "x", "--dsn", acting(empty_dsn, "vpp")
        )
        assert (refused.exit_code, "the ledger takes no entry" in refused.stderr) == (1, True)
        # A bundle that was altered, one that is older than the backup, the newest one with its hole.
        altered = with_one_byte_changed(last, server_dir / "altered.bundle")
        assert "altered.bundle is not read back" in read_back(empty_dsn, altered, *key, status=1)["said"]
        old = read_back(empty_dsn, issued / "first.bundle", *key, status=3)
        assert (old["read_back"], old["missing"]) == ([], list(range(held + 1, newest + 1)))
        some = read_back(empty_dsn, last, *key, status=3)
        assert some["read_back"] == list(range(held + 1, hole))
        assert (some["missing"], some["open"]) == (list(range(hole, newest + 1)), False)
        assert raw(empty_dsn) == original[: hole - 1]
        # The process would settle the event; it has written nothing.
        time.sleep(1)
        assert (len(raw(empty_dsn)), said(log, "ledger_open")) == (hole - 1, False)
        # The copy holds the act that is in no bundle.
        rest = read_back(empty_dsn, "--issued", issued, status=0)
        assert (rest["read_back"], rest["missing"], rest["open"]) == (list(range(hole, newest + 1)), [], True)
        assert raw(empty_dsn) == original
        until(lambda: said(log, "ledger_open"), "the process goes on")
    assert run("vpp", "ledger", "check", "--dsn", acting(empty_dsn, "vpp")).exit_code == 0
    assert act(empty_dsn, "op-10") == newest + 1
    assert run("db", "verify", file, "--dsn", empty_dsn).exit_code == 1  # it has more than the backup

    # Restored by other means, which leave no mark, and with every copy lost: the process notices by the digests.
    (issued / "ledger-copy.jsonl").unlink()
    with ExitStack() as ended:
        _, third = ended.enter_context(temporary_database(dsn))
        subprocess.run([programs_for(third).folder / "pg_restore", "--dbname", third, file], check=True)
        log = ended.enter_context(pilots_process(third, issued, server_dir))
        until(lambda: said(log, "ledger_closed"), "the process notices")
        assert len(raw(third)) == held
        assert read_back(third, last, *key, status=3)["read_back"] == list(range(held + 1, hole))
        given = ("--keys", keys, "--by", "Li Wei", "--reason", "the copy burnt")
        gone_on = run("vpp", "ledger", "give-up", *given, "--dsn", acting(third, "vpp"), "--json")
        assert gone_on.exit_code == 0, gone_on.output
        (loss,) = json.loads(gone_on.stdout)["entries"]
        assert (loss["number"], loss["kind"]) == (hole, "loss")
        until(lambda: '"state":"closed"' in str(raw(third)[-1][5]), "the process settles again")
        until(lambda: list(issued.glob("given-up-chain-*.txt")) != [], "the digests of the lost history are put aside")
