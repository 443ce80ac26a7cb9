"""Emulated gateways under their ordinary load for ten minutes: nothing is lost, and they stay as large as they were.

A simulated park for each ─ Modbus TCP ─▶ agent, emulated ─▶ mosquitto ─▶ ingest ─▶ database

A third agent runs without an emulator, to tell what the emulator itself costs. The figures are of this machine and its
emulator; a gateway's own are others.
"""

import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from parkgrid_proof.reconcile import reconcile
from parkgrid_servers import process
from parkgrid_servers.broker import RunningBroker
from parkgrid_simulators.running_park import RunningPark, start_park
from tests.emulated.machines import MACHINES, Machine, resident_kb
from tests.faults.rounds import tell
from tests.faults.system import PARK, Ingest, describe, end, until

pytestmark = [pytest.mark.nightly, pytest.mark.process]

MOST_OWN_MB = 45
"""As for an agent that is not emulated, see `test_fifty_devices_fit_into_a_small_gateway`."""
MOST_GROWTH_MB = 2.0
"""Of the agent's own memory. The emulator beside it keeps what it has translated, and grows by that."""
SETTLED = 0.2
"""Part of the soak after which an agent has done each thing once."""
LOOK_S = 5.0


@dataclass
class Soaked:
    """One agent, and what was seen of it."""

    name: str
    command: Sequence[str]
    park: RunningPark
    folder: Path
    broker_port: int
    child: process.Process | None = None
    whole_mb: list[float] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)
    cpu_s: list[tuple[float, float]] = field(default_factory=list)
    """Time of a look, and processor time until then."""

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.name}.ledger"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start the agent on each device of its park, each read once a second."""
        config = self.folder / f"{self.name}.toml"
        lines = [
            f'park = "{PARK}"\ngateway = "gw-{self.name}"\nsimulated = true',
            f'[outbox]\npath = "{self.folder}/{self.name}.outbox"',
            f'[uplink]\nhost = "127.0.0.1"\nport = {self.broker_port}',
            f'[ledger]\npath = "{self.ledger}"',
        ]
        for name, device in self.park.devices.items():
            known = device.endpoint.device
            lines.append(f'[[devices]]\nid = "{name}"\ndriver = "{known.driver}"\nclass = "{known.device_class}"')
            host, port, unit = device.address
            lines.append(f'[devices.connection]\nkind = "tcp"\nhost = "{host}"\nport = {port}\nunit = {unit}')
        config.write_text("\n".join(lines) + "\n", "utf-8")
        self.ledger.touch()
        self.child = process.start(process.Child(self.name, [*self.command, "--config", str(config)], self.log))

    def look(self) -> None:
        """Note memory and processor time."""
        assert self.child is not None
        assert self.child.poll() is None, process.tail(self.log)
        whole, own = resident_kb(self.child.pid)
        self.whole_mb.append(whole / 1024)
        self.own_mb.append(own / 1024)
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        self.cpu_s.append((time.monotonic(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")))

    def cpu_share(self) -> float:
        """Of one processor, since it has settled."""
        (from_s, before_s), (to_s, after_s) = self.cpu_s[int(len(self.cpu_s) * SETTLED)], self.cpu_s[-1]
        return (after_s - before_s) / (to_s - from_s)


def grown(sizes: Sequence[float]) -> tuple[float, float]:
    """The size after settling and at the end, each of several looks."""
    settled = int(len(sizes) * SETTLED)
    few = max(1, (len(sizes) - settled) // 6)
    return statistics.median(sizes[settled : settled + few]), statistics.median(sizes[-few:])


@contextmanager
def soaked(folder: Path, broker_port: int, commands: dict[str, Sequence[str]], dsn: str) -> Iterator[list[Soaked]]:
    """Ingest and an agent for each command, each with a park of its own; all end by their own pid."""
    ingest = Ingest("ingest", folder, broker_port, dsn)
    with ExitStack() as parks:
        agents = [
            Soaked(name, command, parks.enter_context(start_park(None)), folder, broker_port)
            for name, command in commands.items()
        ]
        try:
            ingest.start()
            for each in agents:
                each.start()
            yield agents
        finally:
            for each in agents:
                end(each.child)
            end(ingest.child)


def test_emulated_gateways_deliver_everything_and_do_not_grow(
    emulated: Callable[[Machine], Path],
    broker: RunningBroker,
    dsn: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    if broker.kind != "mosquitto":
        pytest.skip("mosquitto is not installed")
    commands = {machine.name: [str(emulated(machine) / "bin" / "parkgrid-edge")] for machine in MACHINES}
    here = f"{platform.machine()}-itself"
    commands[here] = [sys.executable, "-m", "parkgrid_edge"]
    seconds = pytestconfig.getoption("--soak-s")
    with soaked(tmp_path, broker.port, commands, dsn) as agents:
        for each in agents:
            until(lambda each=each: each.ledger.stat().st_size > 0, f"{each.name} accepts readings", 120)
        deadline_s = time.monotonic() + seconds
        while (left_s := deadline_s - time.monotonic()) > 0:
            time.sleep(min(LOOK_S, left_s))
            for each in agents:
                each.look()
        for each in agents:
            assert each.child is not None
            assert process.stop(each.child, signal.SIGTERM, 60.0) == 0, process.tail(each.log)
        ledgers = [each.ledger for each in agents]
        until(lambda: not reconcile(ledgers, dsn).lost, "everything that was accepted is stored")
    found = reconcile(ledgers, dsn)
    tell(f"{seconds:.0f} s: {describe(found)}")
    for each in agents:
        (own, own_after), (whole, whole_after) = grown(each.own_mb), grown(each.whole_mb)
        memory = f"{whole:.1f} → {whole_after:.1f} MB"
        if each.name != here:
            memory = f"{own:.1f} → {own_after:.1f} MB, with the emulator {memory}"
        tell(f"{each.name}: {len(each.park.devices)} devices, {each.cpu_share():.1%} of a processor, {memory}")
        before, after = (whole, whole_after) if each.name == here else (own, own_after)
        assert after <= MOST_OWN_MB
        assert after - before <= MOST_GROWTH_MB
    assert found.exact, describe(found)
    assert found.stored >= 0.98 * seconds * sum(len(each.park.devices) for each in agents)
    assert not found.quarantined
    assert not found.conflicting
