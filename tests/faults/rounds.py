"""The proof: whatever dies in between, every accepted sample is stored exactly once.

The real chain runs under load; round after round one thing is killed, cut, filled or doubled. After each round
everything accepted so far must be committed, and the ledger must agree with the store: lost 0, duplicated 0, altered 0,
alien 0. Long loop: `pytest tests/faults --fault-rounds 500`. A failure names the seed that repeats it.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from parkgrid_servers.broker import BrokerKind, find_mosquitto
from tests.faults.faults import FAULTS
from tests.faults.system import FaultTestError, System, describe, running_system, until

ROUNDS, NIGHTLY_ROUNDS = 20, 100
FALLBACK_ROUNDS = 16
"""Rounds with amqtt when mosquitto took the first ones: the two loops together pass every kind."""
OF_ONE_SYSTEM = 7
"""Rounds, by day. Each is held against all that was ever accepted, so that the twentieth takes five times the first."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What is asked for: the same for both brokers, whose loops together pass every kind of fault."""

    seed: int
    rounds: int | None
    """None: as many as there are by day."""
    of_one_system: int
    kinds: Sequence[str]
    """Only faults whose name contains one of these; none: all."""

    def faults(self, broker_kind: BrokerKind) -> list[str]:
        """The names of the faults of one broker's rounds; amqtt's follow on mosquitto's where that is installed."""
        deck = deal(self.seed, [name for name in FAULTS if not self.kinds or any(part in name for part in self.kinds)])
        if broker_kind == "mosquitto" or not find_mosquitto():
            return list(islice(deck, self.rounds or ROUNDS))
        return list(islice(deck, ROUNDS, ROUNDS + (self.rounds or FALLBACK_ROUNDS)))


def run(loop: Loop, broker_kind: BrokerKind, folder: Path) -> None:
    """Round after round, some on one system and the next on another."""
    named = list(enumerate(loop.faults(broker_kind), 1))
    for start in range(0, len(named), loop.of_one_system):
        own = folder / f"from-{start + 1}"
        own.mkdir(mode=0o755)
        with running_system(own, broker_kind, loop.seed) as system:
            tell(f"{broker_kind}: {len(named)} rounds, seed {loop.seed}")
            for number, name in named[start : start + loop.of_one_system]:
                one_round(system, number, name, random.Random(f"{loop.seed} {number} {name}"))
            roll_ups_count_every_row(system)


def deal(seed: int, names: list[str]) -> Iterator[str]:
    """Faults in random order for ever; each kind comes once before any comes again."""
    chance = random.Random(seed)
    while True:
        yield from chance.sample(names, len(names))


def one_round(system: System, number: int, name: str, chance: random.Random) -> None:
    started = time.monotonic()
    try:
        system.flowing()
        FAULTS[name](system, chance)
        system.flowing()
        found = system.reconciled()
        system.check_alive()
    except FaultTestError as error:
        raise AssertionError(f"round {number}, {name}: {error}\n{logs(system.folder)}") from error
    tell(f"{number:4} {name:40} {time.monotonic() - started:5.1f} s  {describe(found)}")
    assert found.exact, f"round {number}, {name}: {describe(found)}\n{logs(system.folder)}"
    assert found.conflicting == 0, f"round {number}, {name}: {describe(found)}"
    assert found.quarantined == system.refused, f"round {number}, {name}: {describe(found)}"


def roll_ups_count_every_row(system: System) -> None:
    """The 1-minute roll-up holds as many samples as there are rows: no fault made it miss or double one."""

    def counted() -> bool:
        pairs = [
            system.query(f"SELECT (SELECT sum(samples) FROM public.{name}_1m), (SELECT count(*) FROM public.{name})")
            for name in ("meter", "pv_inverter", "weather")
        ]
        return all(row[0] == row[1] for [row] in pairs)

    system.edge.child.terminate()
    system.edge.child.wait()
    until(counted, "the roll-up agrees with the rows")


def tell(line: str) -> None:
    sys.stderr.write(f"\n{line}")
    sys.stderr.flush()


def logs(folder: Path) -> str:
    """The last lines of every log, for a failure."""
    parts = []
    for path in sorted(folder.rglob("*.log")):
        lines = path.read_text("utf-8", "replace").splitlines()[-12:]
        parts.append("\n".join((f"--- {path.name}", *lines)))
    return "\n".join(parts)
