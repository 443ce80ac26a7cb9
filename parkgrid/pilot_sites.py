"""The site programs of a demonstration of the pilot, as one process beside the others."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from parkgrid.local_system import LocalSystem
from parkgrid.simulated_park import SimulatedPark
from parkgrid_demo.pilot.answering import Manner
from parkgrid_demo.pilot.registry import PilotPark
from parkgrid_servers import unprivileged


async def start_sites(
    system: LocalSystem,
    parks: Iterable[tuple[PilotPark, SimulatedPark]],
    *,
    port: int,
    seed: int,
    every_s: float,
    token: str | None = None,
    manners: Mapping[str, Manner] | None = None,
) -> None:
    """One program for each operator, with the resources of its parks; they ask the page's port every `every_s`."""
    steered: dict[str, dict[str, Any]] = {}
    for park, simulated in parks:
        for name, devices, kind in park.steered():
            told = {"control_url": simulated.control_url, "devices": devices, "kind": kind}
            steered.setdefault(park.operator_of(name), {})[name] = told
    common = {"api_url": f"http://127.0.0.1:{port}", "seed": seed, "every_s": every_s, "token": token}
    documents = [
        common | {"operator": operator, "steered": each, "manners": dict(manners or {})}
        for operator, each in sorted(steered.items())
    ]
    config = system.data_dir / "sites.json"
    config.write_text(json.dumps(documents), "utf-8")
    unprivileged.own_file(config)
    await system.start_command("sites", ["parkgrid_demo.pilot.site", "--config", str(config)], _at_once)


async def _at_once() -> bool:
    """What a site does is seen in its meters; nobody waits for its program."""
    return True
