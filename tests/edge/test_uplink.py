"""The uplink against a real broker and a stand-in for ingest: nothing accepted is lost, live goes first."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import Ack, encode_samples
from parkgrid_edge.agent import Agent
from parkgrid_edge.delivery import uplink
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.delivery.uplink import LONGEST_DELAY_S, delay_s
from parkgrid_edge.delivery.window import Lane, Window
from parkgrid_edge.settings import ClockSettings, EdgeSettings, LedgerSettings, OutboxSettings, UplinkSettings
from tests.edge.ingest_double import IngestDouble

pytestmark = pytest.mark.edge


def settings(folder: Path, port: int, **uplink) -> EdgeSettings:
    return EdgeSettings(
        OutboxSettings(folder / "outbox.db", flush_s=0.05),
        UplinkSettings(port=port, **{"resend_s": 1.0, "keepalive_s": 5, **uplink}),
        ClockSettings(),
        LedgerSettings(),
        "park-1",
        "gw-1",
        health_s=3600.0,
    )


@contextlib.asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(agent.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(condition, what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"timed out: {what}"
        await asyncio.sleep(0.02)


def accept(agent: Agent, numbers: range) -> set[tuple[str, int]]:
    """Health values of the gateway itself: the one device that needs no driver."""
    for number in numbers:
        agent.accept(Sample("gw-1", 1_700_000_000_000 + number, {"uptime_s": float(number)}))
    return {("gw-1", 1_700_000_000_000 + number) for number in numbers}


async def accept_one_by_one(agent: Agent, numbers: range) -> set[tuple[str, int]]:
    keys = set()
    for number in numbers:
        keys |= accept(agent, range(number, number + 1))
        await agent.flush()
    return keys


async def test_birth_then_status_then_telemetry_and_the_outbox_empties(tmp_path, broker):
    with IngestDouble(broker.port) as ingest:
        agent = Agent(settings(tmp_path, broker.port))
        async with running(agent):
            keys = accept(agent, range(100))
            await until(lambda: set(ingest.stored) == keys, "all stored")
            await until(lambda: agent.outbox.stats.batches == 0, "outbox empty")
        assert ingest.before_birth == 0
        assert ingest.births[0]["devices"][0]["class"] == "gateway"
        await until(lambda: ingest.status == [(True, False), (False, False)], "online, then offline")
        assert not any(backlog for _, _, backlog in ingest.arrived)


async def test_without_acks_nothing_is_trimmed_and_everything_is_sent_again(tmp_path, broker):
    with IngestDouble(broker.port) as ingest:
        ingest.acknowledges = False
        agent = Agent(settings(tmp_path, broker.port))
        async with running(agent):
            keys = await accept_one_by_one(agent, range(5))
            await until(lambda: len(ingest.arrived) >= 10, "sent again on silence")
            assert agent.outbox.stats.batches == 5
            ingest.acknowledges = True
            await until(lambda: set(ingest.stored) == keys, "all stored")
            await until(lambda: agent.outbox.stats.batches == 0, "outbox empty")


async def test_a_broker_that_takes_batches_and_delivers_nothing_is_connected_to_anew(tmp_path, broker):
    """One may go on to deliver to a connection that was cut without its knowledge; a new one gets what is held."""
    with IngestDouble(broker.port) as ingest:
        ingest.acknowledges = False
        agent = Agent(settings(tmp_path, broker.port, resend_s=0.1))
        async with running(agent):
            keys = await accept_one_by_one(agent, range(3))
            await until(lambda: len(ingest.births) >= 2, "a second connection")
            assert agent.outbox.stats.batches == 3
            ingest.acknowledges = True
            await until(lambda: set(ingest.stored) == keys, "all stored")
            await until(lambda: agent.outbox.stats.batches == 0, "outbox empty")


async def test_the_window_is_never_exceeded_even_after_reconnects(tmp_path, broker):
    agent = Agent(settings(tmp_path, broker.port, window=8))
    with IngestDouble(broker.port) as ingest:
        ingest.acknowledges = False
        async with running(agent):
            keys = await accept_one_by_one(agent, range(60))
            for reconnects in range(3):
                await until(lambda reconnects=reconnects: agent.uplink.reconnects == reconnects, "connected")
                seen = len(ingest.arrived)
                await until(lambda seen=seen: len(ingest.arrived) > seen, "sending")
                agent.uplink._link.close("cut by the test")
            assert agent.uplink.highest_in_flight <= 8
            # Without acknowledgements each connection sends a window's worth; what is live by then decides which.
            assert len({seq for _, seq, _ in ingest.arrived}) <= 3 * 8
            ingest.acknowledges = True
            await until(lambda: set(ingest.stored) == keys, "all stored")
        assert agent.uplink.highest_in_flight <= 8
        assert agent.uplink.reconnects == 3


async def test_a_broker_that_lost_everything_costs_only_a_resend(tmp_path, free_port):
    from parkgrid_servers import broker as launcher

    port = free_port()
    first = launcher.start(tmp_path / "first", port)
    agent = Agent(settings(tmp_path, port))
    async with running(agent):
        await until(lambda: agent.uplink.connected, "connected")
        keys = await accept_one_by_one(agent, range(30))
        first.kill()
        keys |= await accept_one_by_one(agent, range(30, 60))
        # Another folder: the store of the first one is gone.
        second = launcher.start(tmp_path / "second", port)
        try:
            with IngestDouble(port) as ingest:
                await until(lambda: set(ingest.stored) == keys, "all stored")
                await until(lambda: agent.outbox.stats.batches == 0, "outbox empty")
                assert ingest.contradicted == []
        finally:
            second.stop()


async def test_live_goes_before_backlog_and_backlog_is_told_apart(tmp_path, broker):
    agent = Agent(settings(tmp_path, broker.port, window=4))
    old = settings(tmp_path, 1)
    offline = Agent(old)
    async with running(offline):
        keys = await accept_one_by_one(offline, range(300))
    await asyncio.sleep(1.2)
    with IngestDouble(broker.port) as ingest:
        async with running(agent):
            await until(lambda: len(ingest.stored) > 5, "backlog flows")
            keys |= await accept_one_by_one(agent, range(1000, 1003))
            await until(lambda: len(ingest.stored) == len(keys), "all stored")
        order = [(seq, backlog) for _, seq, backlog in ingest.arrived]
        live = [place for place, (_, backlog) in enumerate(order) if not backlog]
        assert len(live) == 3
        assert live[-1] < len(order) - 20, "live batches waited for the backlog"


async def test_every_command_is_rejected_and_rubbish_is_survived(tmp_path, broker):
    with IngestDouble(broker.port) as ingest:
        agent = Agent(settings(tmp_path, broker.port))
        async with running(agent):
            await until(lambda: agent.uplink.connected, "connected")
            ingest.publish("command", b"\xff\x00 not json")
            ingest.publish("ack", b"[" * 5000)
            ingest.publish("ack", {"epoch": agent.outbox.epoch, "through": 10**6, "beyond": []})
            document = {"id": "c-1", "park": "park-1", "gateway": "gw-1", "device": "b-1", "signal": "setpoint_kw"}
            more = {"value": 5.0, "not_before": 0, "expires": 2**50, "counter": 1, "issuer": "x", "signature": "00"}
            ingest.publish("command", document | more)
            await until(lambda: ingest.results, "a result")
            assert ingest.results[0]["outcome"] == "rejected"
            assert ingest.results[0]["detail"] == "read-only"
            keys = accept(agent, range(3))
            await until(lambda: set(ingest.stored) == keys, "still works")


async def test_an_epoch_that_was_overtaken_is_renewed(tmp_path, broker):
    with IngestDouble(broker.port) as ingest:
        agent = Agent(settings(tmp_path, broker.port))
        async with running(agent):
            await until(lambda: agent.uplink.connected, "connected")
            known = agent.outbox.epoch + 10**9
            ingest.publish("ack", {"epoch": known, "through": 7, "beyond": []}, retain=True)
            await until(lambda: agent.outbox.epoch > known, "a greater epoch")
            keys = accept(agent, range(3))
            await until(lambda: set(ingest.stored) == keys, "stored under the new epoch")
            assert ingest.epochs[-1] > known
            assert ingest.before_birth == 0


def restored(acked: tuple[int, int], held: tuple[int, int] | None) -> dict[str, object]:
    return {"acked": list(acked), **({"held": list(held)} if held else {})}


async def test_a_restored_store_gets_again_what_it_lacks_once_and_live_goes_first(tmp_path, broker):
    agent = Agent(settings(tmp_path, broker.port, window=8))
    with IngestDouble(broker.port) as ingest:
        async with running(agent):
            old = [Sample("gw-1", 1_700_000_000_000 + number, {"uptime_s": float(number)}) for number in range(600)]
            bodies = [(encode_samples((each,)), 1) for each in old]
            await agent._runner.do(lambda outbox: outbox.append_encoded(bodies))
            first, told = agent.outbox.epoch, (agent.outbox.epoch, 600)
            await until(lambda: agent.outbox.acked == told, "all confirmed")
            arrived = len(ingest.arrived)
            await asyncio.sleep(1.2)  # what is younger than a second counts as live
            for _ in range(5):
                ingest.publish("ack", {"epoch": first, "through": 50, "restored": restored(told, (first, 50))})
            await until(lambda: agent.outbox.epoch != first, "an epoch for what comes again")
            second = agent.outbox.epoch
            live = await accept_one_by_one(agent, range(1000, 1003))
            await until(lambda: agent.outbox.stats.batches == 0, "all confirmed again")
            again = [each for each in ingest.arrived[arrived:] if each[0] == second]
            assert {seq for _, seq, _ in again} == set(range(1, 554))
            # Old readings are marked as such; the new ones did not wait for all of them.
            assert all(backlog for _, seq, backlog in again if seq <= 550)
            places = {seq: place for place, (_, seq, _) in enumerate(again)}
            assert places[551] < places[550]
            assert live <= set(ingest.stored)
            # The same answers again, as a broker may keep them, move nothing.
            ingest.publish("ack", {"epoch": first, "through": 50, "restored": restored(told, (first, 50))}, retain=True)
            await asyncio.sleep(0.5)
            assert agent.outbox.epoch == second
            assert (agent.outbox.stats.batches, agent.outbox.stats.dropped) == (0, 0)
    assert not ingest.contradicted


@pytest.mark.parametrize("acked", [(0, -1), (0, 1), (-1, 0), (1, 0)])
async def test_an_answer_to_what_this_outbox_was_not_told_moves_nothing(tmp_path, broker, acked):
    agent = Agent(settings(tmp_path, broker.port))
    with IngestDouble(broker.port) as ingest:
        async with running(agent):
            await accept_one_by_one(agent, range(20))
            epoch = agent.outbox.epoch
            await until(lambda: agent.outbox.acked == (epoch, 20), "all confirmed")
            ingest.publish(
                "ack", {"epoch": epoch, "through": 0, "restored": restored((epoch + acked[0], 20 + acked[1]), None)}
            )
            keys = await accept_one_by_one(agent, range(30, 33))
            await until(lambda: keys <= set(ingest.stored), "what follows")
            assert agent.outbox.epoch == epoch
            assert not any(seq <= 20 for each, seq, _ in ingest.arrived[20:] if each == epoch)


async def test_answers_in_a_row_are_heeded_one_in_a_while(tmp_path, broker, monkeypatch):
    monkeypatch.setattr(uplink, "_RESTORES_EVERY_S", 2.0)
    agent = Agent(settings(tmp_path, broker.port))
    with IngestDouble(broker.port) as ingest:
        async with running(agent):
            await accept_one_by_one(agent, range(20))
            await until(lambda: agent.outbox.acked == (agent.outbox.epoch, 20), "all confirmed")
            epochs = {agent.outbox.epoch}
            started_s = time.monotonic()
            while time.monotonic() - started_s < 3.0:
                # A store that is restored over and over, or somebody who writes in its name.
                if agent.outbox.acked:
                    ingest.publish("ack", {"epoch": 1, "through": 0, "restored": restored(agent.outbox.acked, None)})
                await accept_one_by_one(agent, range(len(ingest.stored) + 100, len(ingest.stored) + 101))
                await asyncio.sleep(0.05)
                epochs.add(agent.outbox.epoch)
            assert len(epochs) == 3
            await until(lambda: agent.outbox.stats.batches == 0, "all confirmed at last")


async def test_a_healed_outbox_goes_on_under_a_new_birth(tmp_path, broker):
    with IngestDouble(broker.port) as ingest:
        agent = Agent(settings(tmp_path, broker.port))
        async with running(agent):
            first = accept(agent, range(3))
            await until(lambda: set(ingest.stored) == first, "stored")
            await until(lambda: agent.outbox.stats.batches == 0, "trimmed")
            before = agent.outbox.epoch
            content = tmp_path.joinpath("outbox.db").read_bytes()
            tmp_path.joinpath("outbox.db").write_bytes(b"\x55" * len(content))
            tmp_path.joinpath("outbox.db-wal").write_bytes(b"")
            keys = set()
            for number in range(10, 60):
                keys |= await accept_one_by_one(agent, range(number, number + 1))
                if agent.outbox.epoch != before:
                    break
            accepted_after = await accept_one_by_one(agent, range(100, 103))
            await until(lambda: accepted_after <= set(ingest.stored), "stored after healing")
            assert ingest.before_birth == 0


def test_backoff_is_quick_first_then_doubles_to_the_cap_and_jitters():
    assert delay_s(0, 0.99) <= 0.2
    assert [delay_s(attempt, 1.0) for attempt in range(4)] == [0.2, 0.4, 0.8, 1.6]
    assert delay_s(50, 1.0) == LONGEST_DELAY_S
    assert delay_s(50, 0.0) == LONGEST_DELAY_S / 2


def row(seq: int) -> OutboxBatch:
    return OutboxBatch(seq, 0, 1, b"[]")


def taken(window: Window, *, outstanding: int = 0) -> list[tuple[Lane, int]]:
    found = []
    while (one := window.take(1, outstanding=outstanding, backlog_expected=False)) is not None:
        window.sent(one[1].seq, one[0], 0.0)
        found.append((one[0], one[1].seq))
    return found


def test_neither_lane_starves():
    window = Window(8, 0.25)
    window.add_backlog([row(seq) for seq in range(1, 50)], 49)
    for seq in range(100, 150):
        window.add_live(row(seq), 0.0)
    first = taken(window)
    assert [lane for lane, _ in first] == [Lane.LIVE] * 6 + [Lane.BACKLOG] * 2
    # Only backlog: a quarter of the window stays free for the next live batch.
    window = Window(8, 0.25)
    window.add_backlog([row(seq) for seq in range(1, 50)], 49)
    assert len(taken(window)) == 6
    window.add_live(row(50), 0.0)
    assert taken(window) == [(Lane.LIVE, 50)]


def test_acks_free_room_and_what_the_broker_has_not_taken_is_not_doubled():
    window = Window(4, 0.5)
    window.add_backlog([row(seq) for seq in range(1, 10)], 9)
    assert [seq for _, seq in taken(window)] == [1, 2, 3]
    assert window.acknowledge(Ack(5, 1, ((3, 3),))) == 2
    assert taken(window, outstanding=4) == []
    assert [seq for _, seq in taken(window)] == [4, 5]
    # 2 is with the broker and silent, 4 and 5 still wait in the socket.
    window.taken(2)
    assert window.again(before_s=1.0) == 1
    assert window.missing(10) == (0, 10)
    window.add_backlog([row(seq) for seq in range(1, 10)], 9)
    assert [seq for _, seq in taken(window)] == [2]


def test_what_the_broker_passes_over_is_sent_again():
    window = Window(8, 0.5)
    window.add_backlog([row(seq) for seq in range(1, 4)], 3)
    for seq in (1, 2, 3):
        window.sent(seq, Lane.BACKLOG, float(seq))
    assert window.again(before_s=10.0) == 0, "all of them may still wait in the socket"
    window.taken(2)
    # 1 was sent before 2 and was not answered, 3 after it.
    assert window.again(before_s=10.0) == 2
    assert list(window.in_flight) == [3]


def test_live_that_waited_too_long_becomes_backlog():
    window = Window(4, 0.25)
    for seq in (1, 2, 3):
        window.add_live(row(seq), float(seq))
    assert window.missing(4) is None
    window.expire_live(2.5)
    assert window.missing(4) == (0, 3)
