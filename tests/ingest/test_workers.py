"""Several ingest workers of one group: what is accepted is stored once and acknowledged, whoever of them dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from parkgrid_contract.announcement import Status, decode_birth, encode_status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, Restored, decode_ack, encode_ack
from parkgrid_contract.topics import Channel, topic
from parkgrid_ingest import answers, turn
from parkgrid_ingest.answers import Answers
from parkgrid_ingest.inbox import Message
from parkgrid_ingest.metrics import Metrics
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.rows import BatchHeader, Commit
from parkgrid_ingest.settings import IngestSettings
from parkgrid_ingest.sharing import Sharing
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.turn import Turn
from parkgrid_servers import broker as launcher
from parkgrid_servers.broker import RunningBroker
from tests.ingest.chain import (
    AT,
    EPOCH,
    Until,
    batch,
    birth,
    introduce,
    query,
    reasons,
    sample,
    serving,
    settings_for,
    telemetry,
)

GATEWAYS = tuple(Gateway("park", f"gw-{number}") for number in range(1, 6))
BATCHES = range(1, 41)
SAMPLES = 3
RESEND_S = 1.0


def of_group(broker: RunningBroker, dsn: str, name: str) -> IngestSettings:
    settings = settings_for(broker, dsn, name)
    return replace(settings, mqtt=replace(settings.mqtt, share="tests-group"))


@contextmanager
def process(folder: Path, settings: IngestSettings) -> Iterator[subprocess.Popen[bytes]]:
    """One worker as a process; its log is `NAME.log`."""
    name = settings.mqtt.client_id
    path = folder / f"{name}.toml"
    path.write_text(
        f'[mqtt]\nport = {settings.mqtt.port}\nclient_id = "{name}"\nshare = "tests-group"\nkeepalive_s = 5\n'
        f'[store]\ndsn = "{settings.store.dsn}"\nmigrate = false\n',
        "utf-8",
    )
    with (folder / f"{name}.log").open("ab") as log:
        command = [sys.executable, "-m", "parkgrid_ingest", "--config", str(path)]
        child = subprocess.Popen(command, env=dict(os.environ), stderr=log)
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
            child.wait(10)


def logged(folder: Path, name: str, text: str) -> bool:
    return f"event='{text}'" in (folder / f"{name}.log").read_text("utf-8")


def offered(gateway: Gateway) -> dict[int, bytes]:
    """The batches of a gateway; every reading is its gateway's, its batch's and its place's own."""
    place = GATEWAYS.index(gateway)
    return {
        seq: batch(
            seq,
            *(sample((seq - 1) * SAMPLES + n, active_power_kw=place * 1_000 + seq + n / 10) for n in range(SAMPLES)),
        )
        for seq in BATCHES
    }


EXPECTED = {
    (gateway.gateway, (seq - 1) * SAMPLES + n): place * 1_000 + seq + n / 10
    for place, gateway in enumerate(GATEWAYS)
    for seq in BATCHES
    for n in range(SAMPLES)
}


def stored(dsn: str) -> dict[tuple[str, int], float]:
    rows = query(
        dsn,
        "SELECT gateway, (extract(epoch FROM at) * 1000)::int8, active_power_kw"
        " FROM public.meter JOIN public.devices USING (device_id)",
    )
    found = {(gateway, (at - AT) // 1_000): value for gateway, at, value in rows}
    assert len(found) == len(rows), "a reading is stored twice"
    return found


def told_online(dsn: str) -> bool | None:
    """What the first gateway's status says; None while none was written."""
    rows = query(dsn, "SELECT online FROM public.gateways WHERE gateway = 'gw-1' AND status_at IS NOT NULL")
    return rows[0][0] if rows else None


class Heard:
    """The broker's side: notes acknowledgements."""

    def __init__(self) -> None:
        self.acks: list[Ack] = []

    def acknowledge(self, messages: Sequence[Message]) -> None:
        raise AssertionError(messages)

    def publish_ack(self, gateway: Gateway, epoch: int, payload: bytes) -> None:
        ack = decode_ack(payload)
        assert (gateway, epoch) == (GATEWAYS[0], ack.epoch)
        self.acks.append(ack)

    def flush(self) -> None:
        """Nothing waits here."""

    def ask_again(self) -> None:
        raise AssertionError("nobody changed the registry")


class Outboxes:
    """What the outboxes of some gateways do: send, and send again after a silence what is not acknowledged."""

    def __init__(self, peer: Any, batches: Mapping[Gateway, Mapping[int, bytes]]) -> None:
        self._peer = peer
        self._batches = batches
        self._sent: dict[tuple[Gateway, int], float] = {}

    def acks(self, gateway: Gateway) -> list[Ack]:
        return [decode_ack(payload) for payload in self._peer.payloads(topic(gateway, Channel.ACK))]

    def waiting(self) -> list[tuple[Gateway, int]]:
        said = {gateway: self.acks(gateway) for gateway in self._batches}
        return [
            (gateway, seq)
            for gateway, batches in self._batches.items()
            for seq in batches
            if not any(ack.epoch == EPOCH and ack.covers(seq) for ack in said[gateway])
        ]

    def send(self, most: int = 1_000_000) -> bool:
        """Send some of what waits; whether nothing does any more."""
        waiting, now = self.waiting(), time.monotonic()
        due = [each for each in waiting if now - self._sent.get(each, -RESEND_S) >= RESEND_S][:most]
        for gateway, seq in due:
            self._peer.client.publish(telemetry(gateway), self._batches[gateway][seq], qos=1)
            self._sent[gateway, seq] = now
        return not waiting


def kept(broker: RunningBroker, new_peer: Any, until: Until) -> dict[Gateway, Ack]:
    """The acknowledgement of each gateway that the broker keeps."""
    late = new_peer(broker, "parkgrid/v1/+/+/ack")
    until(lambda: len({message.topic for message in late.messages}) == len(GATEWAYS), "what the broker keeps")
    late.close()
    return {each: decode_ack(late.payloads(topic(each, Channel.ACK))[0]) for each in GATEWAYS}


def everything_is_right(dsn: str, broker: RunningBroker, new_peer: Any, until: Until) -> None:
    assert stored(dsn) == EXPECTED
    assert query(dsn, "SELECT * FROM public.conflicts") == []
    assert reasons(dsn) == {}
    done = Ack(EPOCH, BATCHES[-1])
    until(lambda: set(kept(broker, new_peer, until).values()) == {done}, "no kept acknowledgement that lies behind")
    assert query(dsn, "SELECT DISTINCT through FROM base.gateway_epoch") == [(BATCHES[-1],)]


@pytest.mark.parametrize("count", [2, 3])
def test_workers_share_the_telemetry_of_several_gateways(
    broker: RunningBroker, dsn: str, peer: Any, new_peer: Any, until: Until, count: int
) -> None:
    outboxes = Outboxes(peer, {gateway: offered(gateway) for gateway in GATEWAYS})
    with ExitStack() as stack:
        workers = [stack.enter_context(serving(of_group(broker, dsn, f"w-{n}"), until)) for n in range(count)]
        until(lambda: all(each.consumer.shared for each in workers), "all shares")
        for gateway in GATEWAYS[:3]:
            introduce(peer, gateway=gateway)
        # The others come while the first are sending, and everything comes twice.
        for place, gateway in enumerate(GATEWAYS):
            if place >= 3:
                introduce(peer, gateway=gateway)
            peer.send(telemetry(gateway), [payload for payload in offered(gateway).values() for _ in range(2)])
        until(outboxes.send, "every batch to be acknowledged", 40)
        everything_is_right(dsn, broker, new_peer, until)
        took = [each.metrics.value("batches_total") for each in workers]
        assert sum(took) >= 2 * len(GATEWAYS) * len(BATCHES)
        assert min(took) > 0.5 * sum(took) / count, "the broker gives everybody a share"
        assert [each.turn.first for each in workers].count(True) == 1


@pytest.mark.parametrize("count", [2, 3])
def test_a_worker_that_is_killed_loses_nothing(
    broker: RunningBroker, dsn: str, peer: Any, new_peer: Any, until: Until, tmp_path: Path, count: int
) -> None:
    outboxes = Outboxes(peer, {gateway: offered(gateway) for gateway in GATEWAYS})
    with ExitStack() as stack:
        names = [f"w-{number}" for number in range(count)]
        workers = [stack.enter_context(process(tmp_path, of_group(broker, dsn, name))) for name in names]
        until(lambda: all(logged(tmp_path, name, "broker_shares") for name in names), "the shares")
        for gateway in GATEWAYS:
            introduce(peer, gateway=gateway)
        until(lambda: outboxes.send(20) or len(stored(dsn)) > len(EXPECTED) / 8, "some of it")
        # One that is the first of the group, with messages that it has not acknowledged.
        [victim] = [number for number, name in enumerate(names) if logged(tmp_path, name, "first")]
        outboxes.send(50)
        workers[victim].kill()
        until(lambda: outboxes.send(20), "every batch to be acknowledged", 40)
        heard = [name for name in names if name != names[victim]]
        until(lambda: any(logged(tmp_path, name, "first") for name in heard), "another first")
        peer.publish(topic(GATEWAYS[0], Channel.STATUS), encode_status(Status(True, EPOCH, AT)), retain=True)
        until(lambda: told_online(dsn) is True, "its first status")
        everything_is_right(dsn, broker, new_peer, until)
        # Nothing is kept for the dead one any more: what is sent once arrives.
        more = range(BATCHES[-1] + 1, BATCHES[-1] + 41)
        peer.send(telemetry(GATEWAYS[0]), [batch(seq, floor=1) for seq in more])
        until(lambda: outboxes.acks(GATEWAYS[0])[-1] == Ack(EPOCH, more[-1]), "the batches that were sent once")


def test_a_frozen_worker_is_replaced_as_the_first_and_wakes_up_as_another(
    broker: RunningBroker, dsn: str, peer: Any, new_peer: Any, until: Until, tmp_path: Path
) -> None:
    outboxes = Outboxes(peer, {gateway: offered(gateway) for gateway in GATEWAYS})
    with process(tmp_path, of_group(broker, dsn, "w-1")) as frozen:
        until(lambda: logged(tmp_path, "w-1", "first"), "the first")
        with process(tmp_path, of_group(broker, dsn, "w-2")):
            until(lambda: logged(tmp_path, "w-2", "broker_shares"), "the second")
            for gateway in GATEWAYS:
                introduce(peer, gateway=gateway)
            until(lambda: outboxes.send(20) or len(stored(dsn)) > len(EXPECTED) / 8, "some of it")
            frozen.send_signal(signal.SIGSTOP)
            name = topic(GATEWAYS[0], Channel.STATUS)
            peer.publish(name, encode_status(Status(False, EPOCH, AT)), retain=True)
            until(outboxes.send, "every batch to be acknowledged", 40)
            until(lambda: told_online(dsn) is False, "another first, and the status that nobody had written", 30)
            peer.publish(name, encode_status(Status(True, EPOCH, AT)), retain=True)
            until(lambda: told_online(dsn) is True, "the next status")
            # It finds the older status in its socket, and may not write it any more.
            frozen.send_signal(signal.SIGCONT)
            until(lambda: logged(tmp_path, "w-1", "mqtt_lost"), "its broken connection", 30)
            until(lambda: (tmp_path / "w-1.log").read_text("utf-8").count("mqtt_connected") == 2, "its return", 30)
            assert told_online(dsn) is True
            everything_is_right(dsn, broker, new_peer, until)


@pytest.mark.process
def test_on_a_broker_that_does_not_share_one_works_and_another_takes_over(
    tmp_path: Path, dsn: str, new_peer: Any, until: Until
) -> None:
    fallback = launcher.start(tmp_path / "amqtt", prefer="amqtt")
    peer = new_peer(fallback, "parkgrid/v1/+/+/ack")
    outboxes = Outboxes(peer, {gateway: offered(gateway) for gateway in GATEWAYS})
    try:
        with process(tmp_path, of_group(fallback, dsn, "w-1")) as first:
            until(lambda: logged(tmp_path, "w-1", "first"), "the first")
            with process(tmp_path, of_group(fallback, dsn, "w-2")):
                until(lambda: logged(tmp_path, "w-2", "broker_does_not_share"), "the word")
                for gateway in GATEWAYS:
                    introduce(peer, gateway=gateway)
                until(lambda: outboxes.send(20) or len(stored(dsn)) > len(EXPECTED) / 8, "some of it")
                assert not logged(tmp_path, "w-2", "first")
                first.kill()
                until(lambda: outboxes.send(20), "every batch to be acknowledged", 40)
        assert stored(dsn) == EXPECTED
        assert query(dsn, "SELECT * FROM public.conflicts") == []
    finally:
        peer.close()
        fallback.stop()


def test_a_worker_that_cannot_store_leaves_its_share_to_the_others(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    outboxes = Outboxes(peer, {gateway: offered(gateway) for gateway in GATEWAYS})
    with (
        serving(of_group(broker, dsn, "w-1"), until) as one,
        serving(of_group(broker, dsn, "w-2"), until) as other,
    ):
        until(lambda: one.consumer.shared and other.consumer.shared, "both shares")
        until(lambda: one.turn.first or other.turn.first, "a first")
        failing, well = (one, other) if one.turn.first else (other, one)
        for gateway in GATEWAYS:
            introduce(peer, gateway=gateway)
        monkeypatch.setattr(type(failing), "_storing", property(lambda self: self is not failing))
        until(lambda: not failing.consumer.shared and well.turn.first and not failing.turn.first, "its leave")
        before = failing.metrics.value("batches_total")
        until(outboxes.send, "every batch to be acknowledged", 40)
        assert failing.metrics.value("batches_total") == before
        assert stored(dsn) == EXPECTED
        monkeypatch.undo()
        until(lambda: failing.consumer.shared, "its return")


def test_an_acknowledgement_that_came_out_of_turn_does_not_stay(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    gateway = GATEWAYS[0]
    name = topic(gateway, Channel.ACK)
    with serving(of_group(broker, dsn, "w-1"), until) as worker, closing(open_store(dsn)) as other:
        until(lambda: worker.consumer.shared, "its share")
        introduce(peer, gateway=gateway)
        peer.send(telemetry(gateway), [batch(1, sample(0))])
        until(
            lambda: decode_ack(peer.payloads(name)[-1]) == Ack(EPOCH, 1) if peer.payloads(name) else None, "an answer"
        )
        # Another worker commits, and what it says comes to the broker before what this one had to say.
        headers = [BatchHeader(gateway, EPOCH, seq, 1, False, AT) for seq in (2, 3)]
        assert other.commit(Commit(headers)).acks == {(gateway, EPOCH): Ack(EPOCH, 3)}
        until(lambda: decode_ack(peer.payloads(name)[-1]) == Ack(EPOCH, 3), "the right answer")
    # What lies behind at the start of a worker is put right as well, though no batch comes.
    peer.publish(name, encode_ack(Ack(EPOCH, 2)), retain=True)
    with serving(of_group(broker, dsn, "w-2"), until):
        until(lambda: decode_ack(peer.payloads(name)[-1]) == Ack(EPOCH, 3), "the right answer again")


def test_a_group_tells_a_restore_from_what_the_broker_keeps_and_takes_nothing_back(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    gateway = GATEWAYS[0]
    name = topic(gateway, Channel.ACK)
    with closing(open_store(dsn)) as store:
        store.register(gateway, decode_birth(birth()))
        store.commit(Commit([BatchHeader(gateway, EPOCH, seq, 1, False, AT) for seq in (1, 2, 3)]))
    introduce(peer, gateway=gateway)
    # Said before the database was restored.
    peer.publish(name, encode_ack(Ack(EPOCH, 9)), retain=True)
    restored = Ack(EPOCH, 3, (), Restored((EPOCH, 9), (EPOCH, 3)))
    with (
        serving(of_group(broker, dsn, "w-1"), until) as one,
        serving(of_group(broker, dsn, "w-2"), until) as other,
    ):
        until(lambda: one.consumer.shared and other.consumer.shared, "both shares")
        until(lambda: restored in map(decode_ack, peer.payloads(name)), "the word of the restore")
        until(lambda: not one._writer.answers._last and not other._writer.answers._last, "a second look")
    said = [decode_ack(payload) for payload in peer.payloads(name)]
    # A birth is answered by what is committed.
    assert set(said[1:]) <= {restored, Ack(EPOCH, 3)}
    found = query(dsn, "SELECT gateway, acked_through, held_through FROM public.store_restores")
    assert found == [(gateway.gateway, 9, 3)]


@pytest.mark.parametrize(
    ("said", "committed", "told"),
    [
        (Ack(5, 2), Ack(5, 3), True),
        (Ack(5, 2, ((4, 4),)), Ack(5, 2, ((4, 5),)), True),
        (Ack(5, 2), Ack(6, 0, ((2, 2),)), True),
        (Ack(5, 2), Ack(5, 2), False),
        (Ack(5, 9), Ack(5, 3), False),
        (Ack(5, 2), Ack(4, 7), False),
        (Ack(5, 2, (), Restored((5, 9), (5, 2))), Ack(5, 3), False),
    ],
)
def test_a_second_look_says_more_or_nothing(
    said: Ack, committed: Ack, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "QUIET_S", 0.0)
    bus = Heard()
    looking = Answers(bus, Metrics(), looks_again=True)
    looking.publish(GATEWAYS[0], said)
    if looking.waits:
        looking.look_again(lambda _: {GATEWAYS[0]: committed})
    assert bus.acks == ([said, committed] if told else [said])
    # What was said then is looked at as well.
    if looking.waits:
        looking.look_again(lambda _: {GATEWAYS[0]: committed})
    assert len(bus.acks) == 1 + told
    assert not looking.waits


def test_an_epoch_that_another_worker_took_up_brings_its_devices_along(dsn: str) -> None:
    gateway, later = GATEWAYS[0], EPOCH + 1
    with closing(open_store(dsn)) as own, closing(open_store(dsn)) as others:
        registry = Registry(own)
        _born(registry, gateway, EPOCH, ["m-1"])
        other = Registry(others)
        other.load()
        _born(other, gateway, later, ["m-1", "m-2"])
        assert set(registry.devices(gateway) or ()) == {"m-1"}
        assert registry.knows(gateway, later)
        assert registry.devices(gateway) == other.devices(gateway)
        assert set(registry.devices(gateway) or ()) == {"m-1", "m-2"}
        assert not registry.knows(gateway, later + 1)


def test_only_the_first_writes_a_birth_that_is_known(dsn: str) -> None:
    gateway = GATEWAYS[0]
    with closing(open_store(dsn)) as own, closing(open_store(dsn)) as others:
        first, other = Registry(own), Registry(others)
        assert _born(other, gateway, EPOCH, ["m-1"], first=False), "nobody knew it: its batches need not wait"
        assert _born(first, gateway, EPOCH, ["m-1", "m-2"])
        # Late, and from before what the first has written.
        assert not _born(other, gateway, EPOCH, ["m-1"], first=False, at_ms=AT - 1)
        assert query(dsn, "SELECT device FROM public.devices WHERE NOT retired ORDER BY 1") == [("m-1",), ("m-2",)]
        assert other.devices(gateway) == first.devices(gateway)


def test_of_a_group_one_is_the_first_until_its_session_ends(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "SILENT_S", 1.0)
    able, taken = {"a": True, "b": True}, []
    one, other, stranger = (
        Turn(group, lambda name=name: able.get(name, True), lambda name=name: taken.append(name))
        for group, name in (("g", "a"), ("g", "b"), ("h", "c"))
    )
    with psycopg.connect(dsn, autocommit=True) as first, psycopg.connect(dsn, autocommit=True) as second:
        with psycopg.connect(dsn, autocommit=True) as third:
            stranger.look(third)
        for _ in range(2):
            one.look(first)
            other.look(second)
        assert (one.first, other.first, stranger.first, taken) == (True, False, True, ["c", "a"])
        able["a"] = False
        one.look(first)
        other.look(second)
        assert (one.first, other.first, taken) == (False, True, ["c", "a", "b"])
        able["a"] = True
        one.look(first)
        assert not one.first
        # It is frozen: it says nothing, and the server ends its session.
        deadline = time.monotonic() + 10
        while not one.first:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            one.look(first)
        with pytest.raises(psycopg.OperationalError):
            other.look(second)
        other.lost()
        assert not other.first


def test_who_is_the_first_believes_it_only_as_long_as_the_server_answers(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    one = Turn("g", lambda: True, lambda: taken.append(1))
    with psycopg.connect(dsn, autocommit=True) as session:
        one.look(session)
        one.look(session)
        assert one.first
        assert len(taken) == 1
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + turn.TRUST_S + 0.1)
        assert not one.first
        one.look(session)
        assert one.first
        assert len(taken) == 2, "what came while it did not believe it is to be asked for again"


def test_only_what_comes_back_through_the_group_counts_as_sharing() -> None:
    plain, shared = "parkgrid/v1/+/+/telemetry", "$share/g/parkgrid/v1/+/+/telemetry"
    sharing = Sharing("g", "echo")
    sharing.begin(100.0)
    assert sharing.question.startswith("$share/g-")
    assert sharing.question.endswith("/echo")
    assert sharing.takes(first=True, storing=True) is None
    assert not sharing.answered(b"another worker's")
    assert not sharing.missed(104.9)
    sharing.hear(104.9)  # births of thousands, before the answer
    assert not sharing.missed(109.8)
    assert sharing.missed(109.9)
    assert sharing.supported is False
    assert (sharing.takes(first=True, storing=True), sharing.takes(first=False, storing=True)) == (plain, None)
    assert not sharing.answered(sharing.token), "too late: another subscription to the same topic stands by now"
    assert not sharing.due(409.8)
    assert sharing.due(409.9)
    sharing.begin(500.0)
    assert sharing.answered(sharing.token)
    assert sharing.takes(first=False, storing=True) == shared
    assert sharing.takes(first=True, storing=False) is None
    assert Sharing("", "echo").takes(first=True, storing=False) == plain


def _born(
    registry: Registry, gateway: Gateway, epoch: int, devices: Sequence[str], *, first: bool = True, at_ms: int = AT
) -> bool:
    payload = birth(epoch, devices)
    announced = replace(decode_birth(payload), at_ms=at_ms)
    return registry.born(gateway, announced, payload + b" " * (at_ms != AT), first=first)
