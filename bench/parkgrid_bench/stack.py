"""What the write benchmarks run against: broker, database and ingest as processes, with two announced gateways."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from parkgrid_bench.figures import BenchmarkError
from parkgrid_bench.load import Sent, Spec
from parkgrid_bench.plant import METERS, MeteredSpan, birth
from parkgrid_bench.wire import Publisher
from parkgrid_contract.announcement import encode_birth
from parkgrid_contract.identity import Gateway
from parkgrid_contract.topics import Channel, topic
from parkgrid_servers import broker as brokers
from parkgrid_servers import database as databases
from parkgrid_servers import process

PARK = "bench-park"
GATEWAYS = (Gateway(PARK, "bench-1"), Gateway(PARK, "bench-2"))
_PATIENCE_S = 120.0
_HOURS_BACK = 30


@dataclass(slots=True)
class Stack:
    """A running chain, and where the next rows go."""

    folder: Path
    broker: brokers.RunningBroker
    database: databases.RunningDatabase
    ingest: process.Process
    epoch: int
    next_seq: dict[Gateway, int] = field(default_factory=lambda: dict.fromkeys(GATEWAYS, 1))
    next_ms: int = 0

    def spans(self, rows: int, rows_in_batch: int, gateways: Sequence[Gateway] = GATEWAYS) -> tuple[MeteredSpan, ...]:
        """Fresh spans of so many rows for each gateway: unused numbers and instants."""
        made = []
        for gateway in gateways:
            first_seq = self.next_seq[gateway]
            self.next_seq[gateway] += -(-rows // rows_in_batch)
            made.append(MeteredSpan(gateway, self.epoch, first_seq, self.next_ms, 500, rows))
        self.next_ms = made[-1].end_ms
        return tuple(made)

    def send(self, spec: Spec) -> Sent:
        """Have a load process publish; returns when the broker has everything."""
        load = subprocess.Popen(
            [sys.executable, "-m", "parkgrid_bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with load:
            assert load.stdin is not None  # noqa: S101 - asked for above
            assert load.stdout is not None  # noqa: S101
            load.stdin.write(spec.as_json() + "\n")
            load.stdin.flush()
            if load.stdout.readline() != "ready\n":
                raise BenchmarkError("the load process did not start; its error is above")
            load.stdin.write("go\n")
            load.stdin.flush()
            answer = load.stdout.readline()
        if not answer:
            raise BenchmarkError("the load process failed; its error is above")
        return Sent(**json.loads(answer))

    def committed(self, spans: Sequence[MeteredSpan], rows_in_batch: int) -> float:
        """Wait until the last batch of every span is committed; the monotonic time of it."""
        wanted = {span.gateway.gateway: span.first_seq + -(-span.rows // rows_in_batch) - 1 for span in spans}
        deadline = time.monotonic() + _PATIENCE_S
        with psycopg.connect(self.database.dsn, autocommit=True) as connection:
            while True:
                rows = connection.execute(
                    "SELECT gateway, through FROM public.gateway_epochs WHERE park = %s AND epoch = %s",
                    (PARK, self.epoch),
                    prepare=True,
                ).fetchall()
                now = time.monotonic()
                reached: dict[str, int] = dict(rows)
                if all(reached.get(gateway, 0) >= seq for gateway, seq in wanted.items()):
                    return now
                if now > deadline or self.ingest.poll() is not None:
                    raise BenchmarkError(f"ingest did not commit in time: {rows} of {wanted}\n{self.ingest_log()}")
                time.sleep(0.005)

    def query(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database.dsn) as connection:
            return connection.execute(statement.encode(), arguments).fetchall()

    def start_ingest(self) -> None:
        """Start ingest again after it was ended."""
        self.ingest = _start_ingest(self.folder, self.broker.port, self.database.dsn)

    def ingest_log(self) -> str:
        """The end of ingest's log."""
        return process.tail(self.folder / "ingest.log")


@contextmanager
def running_stack(
    folder: Path, broker: brokers.BrokerKind | None = None, database: databases.RunningDatabase | None = None
) -> Iterator[Stack]:
    """Start broker, database and ingest, announce the gateways, stop it all afterwards."""
    server = database or databases.start(folder / "database")
    bus = brokers.start(folder / "broker", prefer=broker)
    ingest = _start_ingest(folder, bus.port, server.dsn)
    now_ms = time.time_ns() // 1_000_000
    stack = Stack(folder, bus, server, ingest, now_ms // 1000 << 20, next_ms=_evening(now_ms))
    try:
        _announce(stack, now_ms)
        yield stack
    finally:
        process.stop(stack.ingest, signal.SIGTERM)
        bus.stop()
        if database is None:
            server.stop()


def _evening(now_ms: int) -> int:
    """A round instant more than a day ago, so that all rows lie in the past."""
    return (now_ms // 3_600_000 - _HOURS_BACK) * 3_600_000


def _start_ingest(folder: Path, port: int, dsn: str) -> process.Process:
    settings = folder / "ingest.toml"
    settings.write_text(f'[store]\ndsn = "{dsn}"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n', "utf-8")
    command = [sys.executable, "-m", "parkgrid_ingest", "--config", str(settings)]
    return process.start(process.Child("ingest", command, folder / "ingest.log"))


def _announce(stack: Stack, now_ms: int) -> None:
    publisher = Publisher(stack.broker.host, stack.broker.port, "bench-birth")
    for gateway in GATEWAYS:
        publisher.publish_all(topic(gateway, Channel.BIRTH), [encode_birth(birth(stack.epoch, now_ms))], retain=True)
    publisher.close()
    deadline = time.monotonic() + _PATIENCE_S
    while _known(stack) < METERS * len(GATEWAYS):
        if time.monotonic() > deadline or stack.ingest.poll() is not None:
            raise BenchmarkError(f"ingest did not start; its log ends:\n{stack.ingest_log()}")
        time.sleep(0.05)


def _known(stack: Stack) -> int:
    try:
        [(number,)] = stack.query("SELECT count(*) FROM public.devices WHERE park = %s", PARK)
    except psycopg.Error:
        return 0
    return int(number)
