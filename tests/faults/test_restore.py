"""A database is restored from a backup under load: gateways send again what it lacks, and what is gone has a name.

devices ─ two gateways, with devices of the same names ─ broker ─ ingest ─ database ◀─ an older copy of its folder
            └─ ledgers, outside the system
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from parkgrid_proof.ledger import read_offers
from parkgrid_servers.broker import find_mosquitto
from tests.faults.rounds import logs, tell
from tests.faults.system import Edge, System, describe, end, kill, running_system, until

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
