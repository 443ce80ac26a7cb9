"""Stamps of wrong clocks, over the wire: what is believed is stored, the rest is quarantined with its reason."""

import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from parkgrid_contract.announcement import Birth, Device, encode_birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Sample
from parkgrid_ingest.settings import AdmissionSettings
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.rounds import run_rounds
from parkgrid_servers.broker import RunningBroker
from tests.ingest.chain import (
    EPOCH,
    GATEWAY,
    Until,
    batch,
    introduce,
    last_ack,
    query,
    reasons,
    serving,
    settings_for,
    telemetry,
)
from tests.ingest.readings import drain

DAY = 86_400_000
NEVER_SET_MS = 946_684_800_000
"""2000-01-01T00:00Z."""
PARTS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'base.meter'::regclass"


@pytest.fixture
def now_ms() -> int:
    return time.time_ns() // 1_000_000 // 1_000 * 1_000


def born(now_ms: int, *, simulated: bool) -> bytes:
    meter = Device("m-1", "meter", ("active_power_kw", "energy_import_kwh"), period_s=60.0)
    return encode_birth(Birth("0.1.0", EPOCH, now_ms, (meter,), simulated=simulated))


def counted(at_ms: int, kwh: float) -> Sample:
    return Sample("m-1", at_ms, {"active_power_kw": 6.0, "energy_import_kwh": kwh})


def stored_at(dsn: str) -> list[int]:
    return [row[0] for row in query(dsn, "SELECT (extract(epoch FROM at) * 1000)::int8 FROM public.meter ORDER BY at")]


def test_a_clock_that_was_never_set_costs_a_line_of_quarantine(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, now_ms: int
) -> None:
    """The seen case: 752 partitions and 627,264 rows of intervals out of one batch."""
    with serving(settings_for(broker, dsn), until):
        introduce(peer, born(now_ms, simulated=False))
        wrong = [counted(NEVER_SET_MS + n * 10 * DAY, 50_000.0 + n) for n in range(752)]
        right = [counted(now_ms - (30 - n) * 60_000, 50_000.0 + n / 10) for n in range(30)]
        peer.send(telemetry(), [batch(1, *wrong, *right)])
        until(lambda: (ack := last_ack(peer)) and ack.covers(1), "the batch")
    assert stored_at(dsn) == [each.at_ms for each in right]
    # The last of them is the 24th of July 2020.
    assert reasons(dsn) == {"time_too_old": 752}
    ((content, location),) = query(dsn, "SELECT content, location FROM public.quarantine LIMIT 1")
    assert location == "at"
    assert content.startswith(f"{NEVER_SET_MS}: 2000-01-01T00:00Z is before 20")
    with closing(open_store(dsn)) as store, psycopg.connect(dsn, autocommit=True) as connection:
        drain(store, now_ms)
        run_rounds(connection, now_ms)
        # Half an hour of readings lies in three quarters of an hour at most, each closed by a later reading.
        assert query(dsn, "SELECT count(*) FROM interval_energy")[0][0] <= 3
        if store.kind == "postgres":
            assert query(dsn, PARTS)[0][0] <= 3


def test_what_a_gateway_read_before_it_was_connected_is_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, now_ms: int
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer, born(now_ms, simulated=False))
        samples = [counted(now_ms - days * DAY, 1_000.0 - days) for days in (200, 93, 91, 30, 0)]
        peer.send(telemetry(), [batch(seq, each) for seq, each in enumerate(samples, 1)])
        until(lambda: (ack := last_ack(peer)) and ack.through == 5, "the batches")
    assert stored_at(dsn) == [now_ms - days * DAY for days in (91, 30, 0)]
    assert reasons(dsn) == {"time_too_old": 2}


def test_a_simulated_gateway_lives_on_its_own_time_also_after_a_restart(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, now_ms: int
) -> None:
    """A replay of 2015 says so in its birth; a live neighbour of the same park does not become older by it."""
    past = 1_420_070_400_000  # 2015-01-01T00:00Z
    live = Gateway(GATEWAY.park, "gw-live")
    with serving(settings_for(broker, dsn), until):
        introduce(peer, born(now_ms, simulated=True))
        introduce(peer, born(now_ms, simulated=False), live)
        peer.send(telemetry(), [batch(1, counted(past, 1.0))])
        peer.send(telemetry(live), [batch(1, counted(past, 1.0))])
        until(lambda: all((ack := last_ack(peer, each)) and ack.covers(1) for each in (GATEWAY, live)), "both")
    with serving(settings_for(broker, dsn), until):
        peer.send(telemetry(), [batch(2, counted(past + 60_000, 2.0))])
        peer.send(telemetry(live), [batch(2, counted(past + 60_000, 2.0))])
        until(lambda: all((ack := last_ack(peer, each)) and ack.covers(2) for each in (GATEWAY, live)), "both again")
    assert stored_at(dsn) == [past, past + 60_000]
    assert query(dsn, "SELECT gateway, reason, sum(occurrences) FROM public.quarantine GROUP BY 1, 2") == [
        ("gw-live", "time_too_old", 2)
    ]


def test_where_nobody_lives_on_a_time_of_its_own_calling_oneself_simulated_changes_nothing(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, now_ms: int
) -> None:
    """Four counters of a thousand devices with a stamp a year since 2000 are 3.6 billion rows of intervals."""
    past = 1_420_070_400_000
    settings = replace(settings_for(broker, dsn), admission=AdmissionSettings(own_time=False))
    for seq in (1, 2):  # the second after a restart
        with serving(settings, until):
            introduce(peer, born(now_ms, simulated=True))
            peer.send(telemetry(), [batch(seq, counted(past + seq, 1.0), counted(now_ms + seq, 2.0))])
            until(lambda covered=seq: (ack := last_ack(peer)) and ack.covers(covered), "the batch")
    assert stored_at(dsn) == [now_ms + 1, now_ms + 2]
    assert reasons(dsn) == {"time_too_old": 2}


def test_the_limits_are_settings(broker: RunningBroker, dsn: str, peer: Any, until: Until, now_ms: int) -> None:
    """A logger whose memory of ten years is sent once."""
    past = 1_420_070_400_000
    settings = settings_for(broker, dsn)
    with serving(replace(settings, admission=AdmissionSettings(late_days=0, before_known_days=0)), until):
        introduce(peer, born(now_ms, simulated=False))
        peer.send(telemetry(), [batch(1, counted(past, 1.0), counted(now_ms, 2.0))])
        until(lambda: (ack := last_ack(peer)) and ack.covers(1), "the batch")
    assert stored_at(dsn) == [past, now_ms]
