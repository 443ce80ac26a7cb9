"""One park of `parkgrid up`: its simulator and its gateway agent, with their files in the data folder."""

import contextlib
import dataclasses
import json
import re
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from parkgrid import toml_writer
from parkgrid.local_system import LocalSystem
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import AcceleratedClock
from parkgrid_ingest.store import Park
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from parkgrid_servers import unprivileged
from parkgrid_simulators.scenario import DEFAULT, Scenario, load_scenario

GATEWAY = "gw-1"
_READS_PER_SECOND = 1.0
"""How often a device is read at most, in seconds of this machine: accelerated time lengthens the period instead."""
_ADDED_PERIOD_S = 5.0
"""How often devices of the second and further parks are read at most: one machine plays a whole district."""
PORTS = 40
"""Consecutive ports kept for the simulated devices of a park, so that they come back on the same ones."""


class SimulatedPark:
    """One simulated park; the first of a run has the plain file names, which it had when there was only one."""

    def __init__(
        self, scenario: Path, data_dir: Path, *, first: bool, ledger: Path | None, control: bool = False
    ) -> None:
        self.path = scenario
        self.scenario: Scenario = load_scenario(scenario)
        self.ledger = ledger
        self._suffix = "" if scenario.stem in _PLAIN else f"-{self.scenario.park}"
        self._first = first
        self._control = control
        self._ports = 0
        self._data_dir = data_dir
        # Root's simulators and agents are somebody else, who writes in a folder of its own.
        self._own = data_dir
        if unprivileged.user() is not None:
            former = (f"park{self._suffix}.json", f"outbox{self._suffix}.db")
            self._own = unprivileged.taken_along(data_dir / "parks", data_dir, former)
            self._hand_over()
        self._document: Mapping[str, Any] = {}

    @property
    def park(self) -> str:
        """Its identifier."""
        return self.scenario.park

    @property
    def gateway(self) -> Gateway:
        """The address of its gateway."""
        return Gateway(self.park, GATEWAY)

    @property
    def state(self) -> Path:
        """Where its simulation keeps the registers of the last midnight."""
        return self._own / f"park{self._suffix}.json"

    @property
    def control_url(self) -> str:
        """Where its control port answers, if it has one: known once its simulator has been started."""
        return f"http://127.0.0.1:{self._ports + PORTS - 1}"

    @property
    def edge_file(self) -> Path:
        """The settings of its agent."""
        return self._data_dir / f"edge{self._suffix}.toml"

    @property
    def read_every_s(self) -> int:
        """Seconds between two readings of its devices in real time."""
        return round(1 / _READS_PER_SECOND if self._first else _ADDED_PERIOD_S)

    async def start_simulator(self, system: LocalSystem, clock: AcceleratedClock | None, ports: int) -> None:
        """The park behind Modbus from a port on, on the run's clock."""
        endpoints = self._own / f"endpoints{self._suffix}.json"
        endpoints.unlink(missing_ok=True)
        self._hand_over()
        arguments = ["parkgrid_simulators", "--endpoints-out", str(endpoints), "--port-base", str(ports)]
        arguments += ["--scenario", str(self._readable_scenario()), "--state", str(self.state)]
        self._ports = ports
        if self._control:
            # The last of the ports kept for this park: a free one elsewhere might be one of another park.
            arguments += ["--control-port", str(ports + PORTS - 1)]
        if clock:
            arguments += ["--wall-start-ms", str(clock.wall_start_ms), "--start-ms", str(clock.start_ms)]
            arguments += ["--speed", str(clock.speed)]

        async def ready() -> bool:
            return endpoints.exists()

        await system.start_command(f"simulators{self._suffix}", arguments, ready)
        self._document = json.loads(endpoints.read_text("utf-8"))
        describe(system.dsn, park_of(self._document))

    async def start_edge(self, system: LocalSystem, clock: AcceleratedClock | None, since: datetime | None) -> None:
        """The agent; up when the store has heard of it since an instant."""
        unprivileged.own_file(toml_writer.write(self.edge_file, self._edge_settings(system, clock)))
        self._hand_over()

        async def ready() -> bool:
            return _heard_of(system.dsn, self.park, since)

        await system.start_command(f"edge{self._suffix}", ["parkgrid_edge", "--config", str(self.edge_file)], ready)

    async def stop_edge(self, system: LocalSystem) -> None:
        """Read no more devices."""
        await system.supervisor.remove(f"edge{self._suffix}")

    def _readable_scenario(self) -> Path:
        """The scenario, or for root's simulator a copy: ours may lie where it may not go."""
        if self._own == self._data_dir:
            return self.path
        copy = self._data_dir / f"scenario{self._suffix}.toml"
        copy.write_text(self.path.read_text("utf-8"), "utf-8")
        return unprivileged.own_file(copy)

    def _hand_over(self) -> None:
        """What root wrote or a former version left, to those who go on with it."""
        if self._own != self._data_dir:
            unprivileged.own_folder(self._own)
            if self.ledger:
                unprivileged.own_folder(self.ledger.parent)

    def _edge_settings(self, system: LocalSystem, clock: AcceleratedClock | None) -> dict[str, Any]:
        """The agent's settings: every device of the simulated park, on the park's own clock."""
        speed = clock.speed if clock else 1.0
        least_s = speed / _READS_PER_SECOND if self._first else max(_ADDED_PERIOD_S, speed / _READS_PER_SECOND)
        document: dict[str, Any] = {
            "park": self._document["park"],
            "gateway": GATEWAY,
            "simulated": True,
            "health_s": 10.0 * speed,
            # Kept beside the database itself: 20 MB are enough to see what a restore does.
            "outbox": {"path": self._own / f"outbox{self._suffix}.db", "keep_acknowledged_share": 0.04},
            "uplink": system.mqtt_settings(str(self.gateway)),
            "clock": dataclasses.asdict(clock) if clock else None,
            "devices": [device_settings(endpoint, least_s) for endpoint in self._document["endpoints"]],
        }
        if self.ledger:
            document["ledger"] = {"path": self.ledger}
        return document


_PLAIN = (DEFAULT.stem, "park")
"""The standard park, also with another seed."""


def seeded(scenario: Path, seed: int | None, data_dir: Path) -> Path:
    """A scenario, with another seed if one is asked for."""
    if seed is None:
        return scenario
    text = re.sub(r"^seed = .*$", f"seed = {seed}", scenario.read_text("utf-8"), flags=re.MULTILINE)
    path = data_dir / ("park.toml" if scenario == DEFAULT else scenario.name)
    path.write_text(text, "utf-8")
    return path


def newest_ms(dsn: str) -> int | None:
    """The newest reading of a connection point, in milliseconds since the epoch."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT (extract(epoch FROM max(at)) * 1000)::int8 FROM grid_meter_newest").fetchone()
    return row[0] if row else None


def park_of(document: Mapping[str, Any]) -> Park:
    """What people call a simulated park and where it lies, from the document of its endpoints."""
    told = (document[key] for key in ("park", "district", "name_zh", "name_en", "zone", "latitude", "longitude"))
    return Park(*told)


def describe(dsn: str, park: Park) -> None:
    """Name a park in a migrated database."""
    with contextlib.closing(open_store(dsn, StoreSettings())) as store:
        store.describe_park(park)


def device_settings(endpoint: Mapping[str, Any], least_s: float) -> dict[str, Any]:
    """One device of a simulated park as the agent's settings name it, read no more often than every `least_s`."""
    kept = ("class", "driver", "name", "ratings", "point", "connection")
    period_s = max(float(endpoint["period_s"]), least_s)
    return {"id": endpoint["device"], "period_s": period_s} | {name: endpoint[name] for name in kept}


def waiting(outbox: Path) -> int:
    """How many batches of an outbox that nobody uses now the store has not confirmed; others may be kept there."""
    with contextlib.closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as connection:
        query = "SELECT count(*) FROM batch WHERE seq > (SELECT through FROM state)"
        return int(connection.execute(query).fetchone()[0])


def _heard_of(dsn: str, park: str, since: datetime | None) -> bool:
    """Whether the store has heard of the gateway since the run began."""
    with psycopg.connect(dsn) as connection:
        query = "SELECT 1 FROM gateways WHERE park = %s AND gateway = %s AND online AND last_seen_at >= %s"
        return connection.execute(query, (park, GATEWAY, since)).fetchone() is not None
