"""The proof: whatever dies in between, every accepted sample is stored exactly once.

The real chain runs under load; round after round one thing is killed, cut, filled or doubled. After each round
everything accepted so far must be committed, and the ledger must agree with the store: lost 0, duplicated 0, altered 0,
alien 0. Long loop: `pytest tests/faults --fault-rounds 500`. A failure names the seed that repeats it.
"""

import random
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from parkgrid_servers.broker import find_mosquitto
from tests.faults.faults import FAULTS
from tests.faults.system import FaultTestError, System, describe, running_system, until

ROUNDS, NIGHTLY_ROUNDS = 20, 100
FALLBACK_ROUNDS = 15
"""Rounds with amqtt when mosquitto took the first ones: the two loops together pass every kind."""
OF_ONE_SYSTEM = 7
"""Rounds, by day. Each is held against all that was ever accepted, so that the twentieth takes five times the first."""

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("broker_kind", ["mosquitto", "amqtt"])
def test_nothing_accepted_is_lost_or_doubled(broker_kind, request, server_dir, capsys, nightly):
    if broker_kind == "mosquitto" and not find_mosquitto():
        pytest.skip("mosquitto is not installed: the same rounds run with the fallback broker")
    seed = request.config.getoption("--fault-seed", None) or time.time_ns() % 1_000_000
    rounds = request.config.getoption("--fault-rounds", None) or (NIGHTLY_ROUNDS if nightly else None)
    wanted = request.config.getoption("--fault-kind", [])
    deck = deal(seed, [name for name in FAULTS if not wanted or any(part in name for part in wanted)])
    if broker_kind == "amqtt" and find_mosquitto():
        deck, rounds = islice(deck, ROUNDS, None), rounds or FALLBACK_ROUNDS
    rounds = rounds or ROUNDS
    named = list(enumerate(islice(deck, rounds), 1))
    of_one = rounds if nightly else OF_ONE_SYSTEM
    for start in range(0, rounds, of_one):
        folder = server_dir / f"from-{start + 1}"
        folder.mkdir(mode=0o755)
        with running_system(folder, broker_kind, seed) as system, capsys.disabled():
            tell(f"{broker_kind}: {rounds} rounds, seed {seed}")
            for number, name in named[start : start + of_one]:
                one_round(system, number, name, random.Random(f"{seed} {number} {name}"))
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
