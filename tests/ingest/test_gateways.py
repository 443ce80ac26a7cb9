"""Quotas, retired gateways, runaway epochs, and a database that was exchanged: what of gateways is believed."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.ranges import MAX_EPOCH
from parkgrid_contract.telemetry import decode_ack
from parkgrid_contract.topics import Channel, topic
from parkgrid_ingest.quota import exceeded
from parkgrid_ingest.settings import QuotaSettings
from parkgrid_servers.broker import RunningBroker
from tests.ingest.chain import (
    EPOCH,
    GATEWAY,
    Until,
    batch,
    birth,
    covered,
    introduce,
    query,
    reasons,
    sample,
    serving,
    settings_for,
    stored,
    telemetry,
)

OTHER = Gateway("park", "gw-2")
QUOTA = QuotaSettings(
    parks=2, gateways_per_park=2, devices_per_gateway=3, devices_per_park=4, devices=5, signals_per_device=2
)
KNOWN = {Gateway("a", "g1"): {"d1": 1, "d2": 1, "d3": 1}, Gateway("b", "g1"): {"d1": 1}}


@pytest.mark.parametrize(
    ("gateway", "devices", "signals", "name"),
    [
        (Gateway("a", "g1"), 3, 1, None),
        (Gateway("a", "g1"), 4, 1, "devices_per_gateway"),
        (Gateway("a", "g2"), 1, 1, None),
        (Gateway("a", "g2"), 2, 1, "devices_per_park"),
        (Gateway("b", "g2"), 1, 1, None),
        (Gateway("b", "g2"), 2, 1, "devices"),
        (Gateway("c", "g1"), 1, 1, "parks"),
        (Gateway("b", "g1"), 1, 3, "signals_per_device"),
    ],
)
def test_each_quota_is_told_by_its_setting(gateway: Gateway, devices: int, signals: int, name: str | None) -> None:
    announced = tuple(Device(f"d{n}", "meter", ("x",) * signals) for n in range(1, devices + 1))
    told = exceeded(QUOTA, KNOWN, gateway, Birth("1", 1, 1, announced))
    assert (told is None) if name is None else (told is not None and f"[quota] {name} of ingest" in told)


def test_the_gateways_of_a_park_are_bounded_and_a_lowered_quota_stops_nobody() -> None:
    known = {Gateway("a", f"g{n}"): {"d": 1} for n in range(5)}
    one = Birth("1", 1, 1, (Device("d", "meter", ()),))
    assert exceeded(replace(QUOTA, devices_per_park=9, devices=9), known, Gateway("a", "g9"), one) == (
        "6 gateways per park, at most 2: raise [quota] gateways_per_park of ingest, or remove some"
    )
    assert exceeded(QUOTA, known, Gateway("a", "g1"), one) is None


def test_a_birth_beyond_the_quota_is_refused_whole_and_told(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    settings = replace(settings_for(broker, dsn), quota=QuotaSettings(gateways_per_park=1))
    with serving(settings, until):
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the first gateway")
        introduce(peer, birth(devices=("m-7",)), OTHER)
        until(lambda: reasons(dsn), "the refusal")
    assert query(dsn, "SELECT gateway, reason, content FROM quarantine") == [
        ("gw-2", "quota", "2 gateways per park, at most 1: raise [quota] gateways_per_park of ingest, or remove some")
    ]
    assert query(dsn, "SELECT DISTINCT gateway FROM devices") == [("gw-1",)]


def command(dsn: str, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["gateway", *arguments, "--dsn", dsn])
    assert done.exit_code == 0, done.output
    return done.output


WHO = ("--by", "Li Wei", "--reason", "test")


def test_a_gateway_is_retired_removed_and_readmitted_while_ingest_runs(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        introduce(peer, birth(devices=tuple(f"x-{n}" for n in range(50))), OTHER)
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the first batch")
        until(lambda: query(dsn, "SELECT count(*) FROM devices") == [(52,)], "both births")
        assert "50 devices without a reading were removed" in command(dsn, "remove", "park/gw-2", *WHO)
        assert query(dsn, "SELECT count(*) FROM devices") == [(2,)]
        assert "1 devices have readings" in command(dsn, "remove", "park/gw-1", *WHO)
        # The broker still keeps both births: asked again, it has them refused.
        until(lambda: query(dsn, "SELECT count(*) FROM quarantine WHERE reason = 'retired'") == [(2,)], "the refusals")
        peer.send(telemetry(), [batch(2, sample(1))])
        assert query(dsn, "SELECT count(*) FROM gateways") == [(0,)]
        assert "retired" in command(dsn, "list")
        assert "its next birth counts" in command(dsn, "readmit", "park/gw-1")
        until(lambda: query(dsn, "SELECT count(*) FROM devices WHERE NOT retired") == [(2,)], "its devices")
        peer.send(telemetry(), [batch(3, sample(2))])
        until(lambda: covered(peer, [3]), "its readings")
    assert set(stored(dsn)) == {("m-1", 0), ("m-1", 2)}


def test_an_epoch_that_ran_away_is_told_to_its_gateway_and_forgotten_by_readmit(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.publish(topic(GATEWAY, Channel.BIRTH), birth(2**53 - 1, ()))
        peer.publish(topic(GATEWAY, Channel.BIRTH), birth(MAX_EPOCH, ()))
        until(lambda: query(dsn, "SELECT count(*) FROM devices WHERE retired") == [(2,)], "the runaway")
        until(lambda: reasons(dsn) == {"out_of_bounds": 1}, "the refusal")
        peer.publish(topic(GATEWAY, Channel.BIRTH), birth(EPOCH + 1), retain=True)
        acks = topic(GATEWAY, Channel.ACK)
        until(lambda: any(decode_ack(each).epoch == MAX_EPOCH for each in peer.payloads(acks)), "the ack above it")
        command(dsn, "readmit", "park/gw-1")
        until(lambda: query(dsn, "SELECT count(*) FROM devices WHERE NOT retired") == [(2,)], "its devices")


def test_after_a_restored_database_no_reading_is_stored_under_anothers_number(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the first batch")
        with psycopg.connect(dsn) as connection:
            # As after a restore to a time before these births: their numbers belong to another park's devices.
            connection.execute("INSERT INTO base.park (park) VALUES ('elsewhere')")
            connection.execute(
                "INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)"
                " VALUES ('elsewhere', 'gw', 1, '', true, now())"
            )
            connection.execute("UPDATE base.device SET park = 'elsewhere', gateway = 'gw', device = 'other-' || device")
            connection.execute("DELETE FROM base.gateway_birth WHERE park = 'park'")
        peer.send(telemetry(), [batch(2, sample(1))])
        until(lambda: query(dsn, "SELECT count(*) FROM devices WHERE park = 'park'") == [(2,)], "the births again")
        peer.send(telemetry(), [batch(2, sample(1))])
        until(lambda: covered(peer, [2]), "the second batch")
    rows = query(dsn, "SELECT d.park, count(*) FROM meter JOIN devices AS d USING (device_id) GROUP BY 1")
    assert dict(rows) == {"elsewhere": 1, "park": 1}
