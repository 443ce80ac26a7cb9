"""The faults, one function each: break something under load, then mend only what was broken by hand.

A fault returns when the system should recover by itself; the round then waits for it and reconciles.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt

from parkgrid_servers.database import DatabaseStartError
from tests.faults.proxy import Link, Proxy
from tests.faults.replayer import replaying
from tests.faults.system import PARK, Edge, FaultTestError, Ingest, System, end, kill, until

Fault = Callable[[System, random.Random], None]

INGEST_POINTS = ("received", "before_copy", "after_copy", "before_commit", "after_commit", "after_ack")
EDGE_POINTS = ("before_commit", "after_commit", "after_publish", "before_trim")


def broker_killed(system: System, chance: random.Random) -> None:
    system.broker.kill()
    time.sleep(chance.uniform(0, 2))
    system.restart_broker()


def broker_killed_and_its_store_deleted(system: System, chance: random.Random) -> None:
    system.broker.kill()
    time.sleep(chance.uniform(0, 2))
    system.restart_broker(lose_everything=True)


def ingest_killed(system: System, chance: random.Random) -> None:
    time.sleep(chance.uniform(0, 1))
    kill(system.ingest.child)
    time.sleep(chance.uniform(0, 2))
    system.ingest.start()


def ingest_killed_at(point: str, system: System, chance: random.Random) -> None:
    end(system.ingest.child)
    system.ingest.start(f"ingest.{point}:{chance.randint(1, 8)}")
    _died_of_its_crash_point(system.ingest.child)
    system.ingest.start()


def agent_killed(system: System, chance: random.Random) -> None:
    for _ in range(3):
        time.sleep(chance.uniform(0.1, 1.2))
        kill(system.edge.child)
        system.edge.start()


def agent_killed_at(point: str, system: System, chance: random.Random) -> None:
    end(system.edge.child)
    system.edge.start(f"edge.{point}:{chance.randint(1, 8)}")
    _died_of_its_crash_point(system.edge.child)
    system.edge.start()


def database_backend_killed(system: System, chance: random.Random) -> None:
    time.sleep(chance.uniform(0, 1))
    backends = system.query(
        "SELECT pid FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    os.kill(int(str(chance.choice(backends)[0])), signal.SIGKILL)


def database_killed(system: System, chance: random.Random) -> None:
    system.database.kill()
    time.sleep(chance.uniform(0, 2))

    def started() -> bool:
        # Orphaned backends of the killed server hold its memory until they notice.
        with suppress(DatabaseStartError):
            system.restart_database()
            return True
        return False

    until(started, "the database starts again")


def database_away(system: System, chance: random.Random) -> None:
    system.database.stop()
    time.sleep(chance.uniform(3, 5))
    system.restart_database()


def ingest_frozen_and_replaced(system: System, chance: random.Random) -> None:
    frozen = system.ingest
    assert frozen.child is not None
    frozen.child.send_signal(signal.SIGSTOP)
    system.ingest = replace(frozen, name=f"{frozen.name}-r", child=None)
    system.ingest.start()
    time.sleep(chance.uniform(2, 4))
    frozen.child.send_signal(signal.SIGCONT)
    time.sleep(chance.uniform(0, 1.5))
    _one_of(system, frozen, system.ingest, chance)


def two_ingests(system: System, chance: random.Random) -> None:
    first = system.ingest
    second = Ingest("ingest-two", system.folder, first.broker_port, first.dsn, "parkgrid-ingest-two")
    second.start()
    time.sleep(chance.uniform(3, 4))
    _one_of(system, first, second, chance)


def worker_of_several_killed(system: System, chance: random.Random) -> None:
    """Three workers share the telemetry, or one of them takes it where the broker cannot; one dies, and comes back."""
    end(system.ingest.child)
    port, dsn = system.ingest.broker_port, system.ingest.dsn
    names = [f"ingest-{number}" for number in (1, 2, 3)]
    workers = [Ingest(name, system.folder, port, dsn, f"parkgrid-{name}") for name in names]
    try:
        for worker in workers:
            worker.start(more='share = "faults-group"\n')
        system.flowing()
        for doomed in chance.sample(workers, 2):
            time.sleep(chance.uniform(0, 1))
            kill(doomed.child)
            system.flowing()
            doomed.start(more='share = "faults-group"\n')
        system.flowing()
        found = system.reconciled()
        if not found.exact or any(worker.child is None or worker.child.poll() is not None for worker in workers):
            raise FaultTestError(f"of several workers: {found}")
    finally:
        for worker in workers:
            end(worker.child)
    system.ingest.start()


def _one_of(system: System, first: Ingest, second: Ingest, chance: random.Random) -> None:
    """Kill one of two instances; the other one stays."""
    for each in (first, second):
        if each.child is None or each.child.poll() is not None:
            raise FaultTestError(f"{each.name} ended by itself beside another instance")
    doomed, system.ingest = chance.sample((first, second), 2)
    kill(doomed.child)


def link_cut(which: str, system: System, chance: random.Random) -> None:
    _with_link(_proxy(system, which), Link.CUT, chance.uniform(2, 5))


def link_half_open(which: str, system: System, chance: random.Random) -> None:
    _with_link(_proxy(system, which), Link.STALLED, chance.uniform(4, 6))


def link_slow(which: str, system: System, chance: random.Random) -> None:
    _with_link(_proxy(system, which), Link.SLOW, chance.uniform(3, 5))


def link_sliced(which: str, system: System, chance: random.Random) -> None:
    _with_link(_proxy(system, which), Link.SLICED, chance.uniform(3, 5))


def link_flapping(which: str, system: System, chance: random.Random) -> None:
    proxy = _proxy(system, which)
    for _ in range(6):
        _with_link(proxy, Link.CUT, chance.uniform(0.1, 0.5))
        time.sleep(chance.uniform(0.1, 0.8))


def link_reset_in_publish(which: str, system: System, chance: random.Random) -> None:
    proxy = _proxy(system, which)
    for _ in range(4):
        before = proxy.resets
        proxy.set(Link.RESET_IN_PUBLISH, reset_after=chance.randint(1, 3_000))
        proxy.reset_all()
        # Each reset lengthens the pause before the next connection, and a quiet gateway takes its time for the bytes.
        until(lambda before=before: proxy.resets > before, "a connection was reset inside a message", 60)
    proxy.set(Link.OPEN)
    proxy.reset_all()


def deliveries_doubled_and_reordered(system: System, chance: random.Random) -> None:
    with replaying(system.broker.port, chance) as replayer:
        until(lambda: replayer.replayed > 60, "batches replayed", 20)


def outbox_disk_full(system: System, chance: random.Random) -> None:
    """Filled to the last byte; whoever may not mount a small disk gets no smaller one, and skips."""
    if not os.path.ismount(system.outbox_disk):
        return
    filler = system.outbox_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4_096)
    agent = system.edge.child
    assert agent is not None
    time.sleep(chance.uniform(3, 5))
    filler.unlink()
    if agent.poll() is not None:
        raise FaultTestError(f"the agent ended with status {agent.returncode} on a full disk")


def outbox_corrupted(system: System, chance: random.Random) -> None:
    """Bits flip in the outbox of a stopped agent that holds a backlog: salvaged, or said to be gone, never silent."""
    with _visiting_agent(system, "gw-c") as (edge, link):
        link.set(Link.CUT)
        edge.start()
        until(lambda: _holds(edge, 60_000), "a backlog in the outbox")
        kill(edge.child)
        damaged = _flip_bits(edge.outbox, chance)
        ledger_until_here = edge.ledger.stat().st_size
        edge.start()
        until(lambda: edge.ledger.stat().st_size > ledger_until_here, "accepts again within 5 s", 5)
        link.set(Link.OPEN)
        found = system.reconciled(12)
        told = "outbox_salvaged" in edge.log.read_text("utf-8", "replace")
        kept = list(edge.outbox.parent.glob(f"{edge.outbox.name}.bad-*"))
        gaps = system.query("SELECT sum(last_seq - first_seq + 1) FROM sequence_gaps WHERE gateway = %s", edge.gateway)
        outcome = f"{damaged} bytes damaged, salvaged {told}, {found.lost} samples lost, batches said missing: {gaps}"
        if found.duplicated or found.altered or found.alien or (found.lost and not (told and kept)):
            raise FaultTestError(f"{outcome}: {found}")
        if not all(f"/{edge.gateway}/" in line for line in found.examples):
            raise FaultTestError(f"{outcome}: another gateway lost something: {found}")
        end(edge.child)
        if found.lost:
            _forgive(edge.ledger, ledger_until_here)


def outbox_rolled_back(system: System, chance: random.Random) -> None:
    """Yesterday's outbox file is put back: what it still holds is sent again and harms nothing."""
    with _visiting_agent(system, "gw-r") as (edge, link):
        link.set(Link.CUT)
        edge.start()
        until(lambda: _holds(edge, 20_000), "a backlog in the outbox")
        end(edge.child)
        files = {path: path.read_bytes() for path in edge.outbox.parent.glob(f"{edge.outbox.name}*")}
        edge.start()
        link.set(Link.OPEN)
        if system.reconciled().lost:
            raise FaultTestError("the backlog did not arrive")
        end(edge.child)
        for path, content in files.items():
            path.write_bytes(content)
        edge.start()
        time.sleep(chance.uniform(2, 3))
        end(edge.child)


def nonsense_received(system: System, chance: random.Random) -> None:
    """Everything unreadable is refused, each with a reason, and harms no neighbour."""
    payloads = [b"{", b"\xff\xfe{}", b"[" * 10_000, b"[]", b'{"epoch":1,"epoch":1}', b'{"epoch":NaN}', bytes(300_000)]
    chance.shuffle(payloads)
    before = _refusals(system)
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "fault-nonsense")
    client.connect("127.0.0.1", system.broker.port)
    client.loop_start()
    for payload in payloads:
        client.publish(f"parkgrid/v1/{PARK}/{system.edge.gateway}/telemetry", payload, 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    until(lambda: sum(_refusals(system).values()) >= sum(before.values()) + len(payloads), "every refusal is counted")
    reasons = Counter(_refusals(system))
    reasons.subtract(before)
    expected = ("not_json", "not_text", "too_deep", "wrong_shape", "duplicate_key", "not_a_number", "too_large")
    if +reasons != Counter(expected):
        raise FaultTestError(f"refused for other reasons: {dict(+reasons)}")
    system.refused += len(payloads)


def _refusals(system: System) -> dict[str, int]:
    rows = system.query("SELECT reason, sum(occurrences)::int8 FROM quarantine GROUP BY reason")
    return {str(reason): int(str(number)) for reason, number in rows}


@contextmanager
def _visiting_agent(system: System, stem: str) -> Iterator[tuple[Edge, Proxy]]:
    """Another gateway for one round, on a link of its own."""
    link = Proxy(system.broker.port)
    name = f"{stem}{len(system.further_edges)}"
    edge = replace(
        system.edge,
        gateway=name,
        outbox=system.folder / f"{name}.outbox",
        uplink_port=link.port,
        # A backlog is to be there soon.
        period_s=0.2,
        child=None,
    )
    edge.ledger.touch()
    system.further_edges.append(edge)
    try:
        yield edge, link
    finally:
        end(edge.child)
        link.close()


def _holds(edge: Edge, size: int) -> bool:
    return edge.ledger.stat().st_size > size


def _flip_bits(outbox: Path, chance: random.Random) -> int:
    """Flip some bits in the file and its log; number of damaged bytes."""
    damaged = 0
    for path in (outbox, outbox.with_name(f"{outbox.name}-wal")):
        if not path.exists() or not path.stat().st_size:
            continue
        content = bytearray(path.read_bytes())
        for _ in range(chance.choice((1, 3, 20))):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            damaged += 1
        path.write_bytes(content)
    return damaged


def _forgive(ledger: Path, size: int) -> None:
    """What was accepted before byte `size` need not be stored: its loss has been told."""
    content = ledger.read_bytes()
    lines = content[:size].splitlines(keepends=True)
    kept = b"".join(line for line in lines if not line.startswith(b'{"accepted"'))
    ledger.write_bytes(kept + content[size:])


def _with_link(proxy: Proxy, link: Link, seconds: float) -> None:
    proxy.set(link)
    time.sleep(seconds)
    proxy.set(Link.OPEN)


def _proxy(system: System, which: str) -> Proxy:
    return {"edge": system.to_edge, "ingest": system.to_ingest}[which]


def _died_of_its_crash_point(child: "object") -> None:
    until(lambda: child.poll() is not None, "the armed crash point was passed", 30)  # type: ignore[attr-defined]
    status = child.returncode  # type: ignore[attr-defined]
    if status != -signal.SIGKILL:
        raise FaultTestError(f"ended with status {status} instead of dying at its crash point")


FAULTS: dict[str, Fault] = {
    "broker_killed": broker_killed,
    "broker_killed_and_its_store_deleted": broker_killed_and_its_store_deleted,
    "ingest_killed": ingest_killed,
    **{f"ingest_killed_at_{point}": partial(ingest_killed_at, point) for point in INGEST_POINTS},
    "agent_killed": agent_killed,
    **{f"agent_killed_at_{point}": partial(agent_killed_at, point) for point in EDGE_POINTS},
    "database_backend_killed": database_backend_killed,
    "database_killed": database_killed,
    "database_away": database_away,
    "ingest_frozen_and_replaced": ingest_frozen_and_replaced,
    "two_ingests": two_ingests,
    "worker_of_several_killed": worker_of_several_killed,
    **{f"link_cut_{which}": partial(link_cut, which) for which in ("edge", "ingest")},
    **{f"link_half_open_{which}": partial(link_half_open, which) for which in ("edge", "ingest")},
    "link_slow_edge": partial(link_slow, "edge"),
    "link_slow_ingest": partial(link_slow, "ingest"),
    "link_sliced_edge": partial(link_sliced, "edge"),
    "link_sliced_ingest": partial(link_sliced, "ingest"),
    "link_flapping_edge": partial(link_flapping, "edge"),
    "link_reset_in_publish_edge": partial(link_reset_in_publish, "edge"),
    "link_reset_in_publish_ingest": partial(link_reset_in_publish, "ingest"),
    "deliveries_doubled_and_reordered": deliveries_doubled_and_reordered,
    "outbox_disk_full": outbox_disk_full,
    "outbox_corrupted": outbox_corrupted,
    "outbox_rolled_back": outbox_rolled_back,
    "nonsense_received": nonsense_received,
}
