"""What the routes share: settings, database, registry, cache and the stream; built once a process."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakValueDictionary

import msgspec
from starlette.responses import Response

from parkgrid_api import statements
from parkgrid_api.answers.parks import Device, Park
from parkgrid_api.answers.present import GatewayState, Overview
from parkgrid_api.cache import AnswerCache
from parkgrid_api.database import Commits, Database
from parkgrid_api.figures import Figures
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import not_found
from parkgrid_api.live import Reading, dc_bus, flow, flow_document, loss_kw, newest_ms, pv_of_use
from parkgrid_api.page import Page
from parkgrid_api.settings import ApiSettings
from parkgrid_api.stream import Hub
from parkgrid_api.troubles import troubles
from parkgrid_api.vpp.downloads import Downloads
from parkgrid_api.vpp.follower import PilotFollower
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import Clock

_REGISTRY_AGE_S = 10.0
_REGISTRY_MISS_AGE_S = 0.5
_MOST_PARKS = 10_000
_encode = msgspec.json.Encoder().encode


def answer(document: Any) -> Response:
    """An answer that nobody may keep."""
    return sent(_encode(document))


def sent(body: bytes) -> Response:
    """Already encoded JSON that nobody may keep."""
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Known:
    """A park with its devices, as last read."""

    park: Park
    number: int
    """Inside the server only: a restore may number the parks anew."""
    devices: dict[tuple[str, str], Device]
    """By gateway and name."""
    read_at: float


class Registry:
    """Parks with their devices as last read, each by itself: what one park costs does not grow with their number.

    A name that is not known is looked up again before it is refused.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._known: dict[str, _Known] = {}

    async def parks(self) -> list[Park]:
        """Every park."""
        rows = await self._database.rows(statements.plain("parks"), {"park": None, "limit": _MOST_PARKS})
        return [_numbered(row)[1] for row in rows]

    async def park(self, name: str) -> Park:
        """One park; a 404 when there is none of that name."""
        return (await self._of(name)).park

    async def key(self, name: str) -> dict[str, Any]:
        """What statements about one park are given; a 404 when there is none of that name."""
        return {"park": name, "park_id": (await self._of(name)).number}

    async def filter(self, name: str | None) -> dict[str, Any]:
        """What statements about a park or all of them are given; of a name that is not known, nothing is found."""
        found = None if name is None else await self._find(name)
        return {"park": name, "park_id": found and found.number}

    async def devices(self, park: str) -> list[Device]:
        """The devices of a park."""
        return list((await self._of(park)).devices.values())

    async def device(self, gateway: Gateway, name: str) -> Device:
        """One device; a 404 when there is none of that name."""
        key = (gateway.gateway, name)
        found = await self._find(gateway.park)
        if found and key not in found.devices:
            found = await self._find(gateway.park, _REGISTRY_MISS_AGE_S)
        if found is None or key not in found.devices:
            path = f"/api/v1/parks/{gateway.park}/devices"
            raise not_found("device", f"{gateway}/{name}", told(f"see {path}", f"见 {path}"))
        return found.devices[key]

    async def _of(self, name: str) -> _Known:
        found = await self._find(name)
        if found is None:
            raise not_found(
                "park", name, told("see /api/v1/parks for the parks that exist", "现有园区见 /api/v1/parks")
            )
        return found

    async def _find(self, name: str, most_s: float = _REGISTRY_AGE_S) -> _Known | None:
        """A park as it was read at most so long ago."""
        if (found := self._fresh(name, most_s)) is not None:
            return found
        # Whoever waits for a park waits for that one only, however many names are asked for that do not exist.
        async with self._reading.setdefault(name, asyncio.Lock()):
            # Somebody else may have read it meanwhile.
            return self._fresh(name, most_s) or await self._read(name)

    def _fresh(self, name: str, most_s: float) -> _Known | None:
        found = self._known.get(name)
        return found if found and time.monotonic() - found.read_at <= most_s else None

    async def _read(self, name: str) -> _Known | None:
        of = {"park": name, "limit": 1}
        parks = await self._database.rows(statements.plain("parks"), of)
        if not parks:
            self._known.pop(name, None)
            return None
        number, park = _numbered(parks[0])
        devices = await self._database.rows_of(Device, statements.plain("devices"), of)
        named = {(row["gateway"], row["device"]): row for row in devices}
        found = self._known[name] = _Known(park, number, named, time.monotonic())
        return found


def _numbered(row: dict[str, Any]) -> tuple[int, Park]:
    """The number of a park, which no answer shows, and what answers tell of it."""
    return row.pop("park_id"), cast("Park", row)


@dataclass(slots=True)
class Services:
    """Everything a route may use."""

    settings: ApiSettings
    clock: Clock
    database: Database
    figures: Figures
    pilot: PilotFollower
    downloads: Downloads
    commits: Commits
    registry: Registry
    cache: AnswerCache
    page: Page
    live: "LiveView"
    hub: Hub

    @classmethod
    def of(cls, settings: ApiSettings, clock: Clock, page: Page) -> "Services":
        """The services of one process; nothing connects yet."""
        database = Database(settings.database)
        commits = Commits(database, clock, demonstration=settings.demonstration)
        registry = Registry(database)
        live = LiveView(database, registry, clock, commits)
        figures = Figures(settings)
        pilot = PilotFollower(figures)
        return cls(
            settings=settings,
            clock=clock,
            database=database,
            figures=figures,
            pilot=pilot,
            downloads=Downloads(pilot, figures, settings.issued),
            commits=commits,
            registry=registry,
            cache=AnswerCache(commits, settings.limits.cache_mb * 1_048_576, time.monotonic),
            page=page,
            live=live,
            hub=Hub(live.encoded, commits, settings.stream, settings.limits),
        )


class LiveView:
    """The present of a park, from two statements."""

    def __init__(self, database: Database, registry: Registry, clock: Clock, commits: Commits) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._commits = commits

    async def encoded(self, park: str) -> bytes:
        """The overview that every event of the stream carries."""
        document, _ = await self.overview(park)
        return _encode(document)

    async def overview(self, park: str) -> tuple[Overview, list[Reading]]:
        """The flow and the gateways, and the readings that they come from."""
        key = await self._registry.key(park)
        rows = await self._database.rows(statements.latest(), key)
        gateways = await gateway_rows(self._database, key, self._clock.now_ms())
        now_ms = self._clock.now_ms()
        readings = [Reading.of_row(row) for row in rows]
        figures = flow(readings, now_ms)
        on_its_way = self._commits.demonstration()
        document: Overview = {
            "park": park,
            "as_of_ms": now_ms,
            "newest_ms": newest_ms(readings),
            "simulated": any(gateway["simulated"] for gateway in gateways),
            "flow": flow_document(figures),
            "loss_kw": loss_kw(figures),
            "pv_of_use": pv_of_use(figures),
            "dc": dc_bus(readings, now_ms),
            "gateways": gateways,
            "chain": self._commits.chain().document(),
            "troubles": [
                each.document() for each in troubles(readings, gateways, self._commits.chain(), now_ms, on_its_way)
            ],
            "demonstration": None if on_its_way is None else on_its_way.document(),
        }
        return document, readings


async def gateway_rows(
    database: Database, of: Mapping[str, Any], now_ms: int, limit: int = 1_000
) -> list[GatewayState]:
    """The gateways of a park, or of all, with the age of their last sign of life; `of` is as the registry gives it."""
    rows = await database.rows_of(GatewayState, statements.plain("gateways"), {**of, "limit": limit})
    for row in rows:
        seen = row["last_seen_ms"]
        row["last_seen_age_s"] = None if seen is None else max(0.0, (now_ms - seen) / 1000)
    return rows
