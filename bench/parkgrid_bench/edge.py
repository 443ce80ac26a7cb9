"""(f) What a gateway agent costs in memory and in Modbus requests per value, with 50 devices x 20 signals."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from parkgrid_bench.figures import BenchmarkError, Figure, Progress
from parkgrid_bench.stack import PARK, Stack
from parkgrid_edge.drivers import find
from parkgrid_servers import process

DEVICES = 50
SIGNALS = 20
DRIVER = "huawei_sun2000"
TABLE = "pv_inverter"
_WARM_UP_S = 10.0
_WINDOW_S = 4.0
_PATIENCE_S = 60.0


def measure(stack: Stack, pairs: int, tell: Progress) -> Iterator[Figure]:
    """The figures `edge_rss_mb` and `modbus_requests`; a pair is one window of the same run."""
    memory, requests = Figure("edge_rss_mb"), Figure("modbus_requests")
    tell(f"edge: an agent with {DEVICES} devices x {SIGNALS} signals, once a second")
    counts = stack.folder / "modbus-counts.json"
    with modbus_devices(stack.folder, DRIVER, counts) as port:
        settings = agent_settings(stack, "bench-edge", port, DEVICES, 1.0)
        with agent(stack.folder, "bench-edge", settings) as running:
            _await_values(stack, running)
            time.sleep(_WARM_UP_S)
            for number in range(1, pairs + 1):
                asked, values = _counts(counts)["requests"], _values(stack)
                time.sleep(_WINDOW_S)
                # Both counters are read together at the end of the window; half a second of delay is in both ends.
                asked, values = _counts(counts)["requests"] - asked, _values(stack) - values
                memory.ratios.append(resident_mb(running.pid))
                requests.ratios.append(asked / values if values else float("inf"))
                tell(f"edge: window {number} of {pairs}: {memory.ratios[-1]:.1f} MB, {asked} requests, {values} values")
            requests.correct = _counts(counts)["writes"] == 0
    memory.correct = memory.correct and min(memory.ratios) > 0
    memory.detail = f"{median(memory.ratios):.1f} MB resident, outbox and uplink at work"
    requests.detail = f"one request for {1 / requests.ratio:.1f} values, no write request"
    yield memory
    yield requests


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise BenchmarkError(f"process {pid} has no resident memory")


@contextmanager
def modbus_devices(folder: Path, driver: str, counts: Path) -> Iterator[int]:
    """A process that answers as devices of a driver; its port."""
    port = process.free_port()
    command = [sys.executable, "-m", "parkgrid_bench.devices", "--port", str(port), "--driver", driver]
    child = process.start(process.Child("devices", [*command, "--counts", str(counts)], folder / "devices.log"))
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not counts.exists():
            if time.monotonic() > deadline or child.poll() is not None:
                raise BenchmarkError(f"the simulated devices did not start:\n{process.tail(folder / 'devices.log')}")
            time.sleep(0.05)
        yield port
    finally:
        process.stop(child, signal.SIGTERM)
        counts.unlink(missing_ok=True)


def agent_settings(
    stack: Stack, gateway: str, port: int, devices: int, period_s: float, driver: str = DRIVER, flush_s: float = 1.0
) -> str:
    """The settings of an agent that polls so many devices behind one port."""
    names = json.dumps([register.signal for register in find(driver).registers][:SIGNALS])
    lines = [
        f'park = "{PARK}"\ngateway = "{gateway}"\nsimulated = true',
        f'[outbox]\npath = "{stack.folder / gateway}.outbox"\nflush_s = {flush_s}\nmax_mb = 4000.0',
        f'[uplink]\nhost = "{stack.broker.host}"\nport = {stack.broker.port}',
    ]
    for number in range(devices):
        lines.append(
            f'[[devices]]\nid = "device-{number:02d}"\ndriver = "{driver}"\nperiod_s = {period_s}\nsignals = {names}'
        )
        lines.append(f'[devices.connection]\nkind = "tcp"\nhost = "127.0.0.1"\nport = {port}\nunit = {number + 1}')
    return "\n".join(lines) + "\n"


@contextmanager
def agent(folder: Path, gateway: str, settings: str) -> Iterator[process.Process]:
    """A running gateway agent."""
    file = folder / f"{gateway}.toml"
    file.write_text(settings, "utf-8")
    command = [sys.executable, "-m", "parkgrid_edge", "--config", str(file)]
    running = process.start(process.Child(gateway, command, folder / f"{gateway}.log"))
    try:
        yield running
    finally:
        process.stop(running, signal.SIGTERM)


def _await_values(stack: Stack, running: process.Process) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not _values(stack):
        if time.monotonic() > deadline or running.poll() is not None:
            raise BenchmarkError(f"the agent stored nothing:\n{process.tail(stack.folder / 'bench-edge.log')}")
        time.sleep(0.2)


def _values(stack: Stack) -> int:
    """Values of the agent that are stored by now."""
    [(rows,)] = stack.query(
        f"SELECT count(*) FROM base.{TABLE} JOIN public.devices USING (park_id, device_id)"  # noqa: S608 - a constant
        " WHERE (park, gateway) = (%s, 'bench-edge')",
        PARK,
    )
    return int(rows) * SIGNALS


def _counts(file: Path) -> dict[str, int]:
    while True:
        try:
            found: dict[str, int] = json.loads(file.read_text("utf-8"))
        except ValueError:
            time.sleep(0.01)  # read in the middle of a write
        else:
            return found
