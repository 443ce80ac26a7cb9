"""A park on the real chain beside a stack's broker, database and ingest: devices, agent and api, each in reach."""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parkgrid_bench.dial import Dial
from parkgrid_bench.figures import BenchmarkError
from parkgrid_bench.stack import Stack
from parkgrid_servers import process

PARK = "live-park"
GATEWAY = "gw-live"
METERS = 9
"""Sub-meters beside the connection point, so that an event of the stream carries a park and not one number."""
FIRST_KW = 100.0
_PATIENCE_S = 60.0


@dataclass(slots=True)
class LivePark:
    """The parts that are not the stack's, and how to start each again after it was cut."""

    stack: Stack
    folder: Path
    grid: Dial
    """The meter at the connection point: what a test turns."""
    meter: Dial
    port: int = field(default_factory=process.free_port)
    api: process.Process | None = None
    agent: process.Process | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    def start_api(self) -> None:
        """Serve the page; returns when it answers."""
        settings = self.folder / "live-api.toml"
        settings.write_text(f'port = {self.port}\n[database]\ndsn = "{self.stack.database.dsn}"\n', "utf-8")
        self.api = _start("api", settings, self.folder)
        _until(lambda: _answers(f"{self.url}/healthz"), "the api did not answer", self.folder / "api.log")

    def start_agent(self) -> None:
        """Poll the devices once a second."""
        settings = self.folder / "live-edge.toml"
        settings.write_text(self._edge_settings(), "utf-8")
        self.agent = _start("edge", settings, self.folder)

    def stop(self) -> None:
        """End agent and api."""
        for child in (self.agent, self.api):
            if child is not None:
                process.stop(child, signal.SIGTERM)

    def _edge_settings(self) -> str:
        lines = [
            f'park = "{PARK}"\ngateway = "{GATEWAY}"',
            f'[outbox]\npath = "{self.folder / "live.outbox"}"',
            f'[uplink]\nhost = "{self.stack.broker.host}"\nport = {self.stack.broker.port}\nkeepalive_s = 2',
            _device("grid", "grid_meter", self.grid),
            *(_device(f"load-{number}", "meter", self.meter) for number in range(1, METERS + 1)),
        ]
        return "\n".join(lines) + "\n"


@contextmanager
def living(stack: Stack) -> Iterator[LivePark]:
    """A park of ten meters at 1 s whose connection point draws 100 kW until it is told otherwise."""
    with ExitStack() as opened:
        grid, meter = (
            opened.enter_context(Dial("eastron_sdm630", active_power_kw=kw)) for kw in (FIRST_KW, FIRST_KW / METERS)
        )
        park = LivePark(stack, stack.folder, grid, meter)
        opened.callback(park.stop)
        park.start_agent()
        _until(lambda: _known(stack), "the agent announced nothing", stack.folder / "edge.log")
        park.start_api()
        yield park


def cpu_s(child: process.Process) -> float:
    """Seconds of a processor that a process of ours has used, in user and kernel."""
    fields = Path(f"/proc/{child.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _device(name: str, device_class: str, dial: Dial) -> str:
    return (
        f'[[devices]]\nid = "{name}"\nclass = "{device_class}"\ndriver = "{dial.driver}"\nperiod_s = 1.0\n'
        f'[devices.connection]\nkind = "tcp"\nhost = "127.0.0.1"\nport = {dial.port}\ntimeout_s = 1.0'
    )


def _start(role: str, settings: Path, folder: Path) -> process.Process:
    command = [sys.executable, "-m", f"parkgrid_{role}", "--config", str(settings)]
    return process.start(process.Child(role, command, folder / f"{role}.log"))


def _known(stack: Stack) -> bool:
    statement = "SELECT count(*) FROM public.devices WHERE park = %s"
    return int(stack.query(statement, PARK)[0][0]) > METERS


def _answers(url: str) -> bool:
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  (HTTP OK)
    except (OSError, urllib.error.URLError):
        return False


def _until(condition: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what} after {_PATIENCE_S:g} s; its log ends:\n{process.tail(log)}")
        time.sleep(0.05)
