"""What stands at a site of the demonstration: it reads its award through the public API and steers its own devices.

It is no part of the pilot, and a process of its own: `python -m parkgrid_demo.pilot.site --config FILE`. The pilot
learns what it did from the meters alone.

    GET /api/v1/vpp/events, .../awards/{operator}  ─▶  Site  ─▶  PUT /schedules/{device} of the park's control port
"""

import argparse
import json
import random
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import structlog

_log = structlog.get_logger("demo.site")
Manner: TypeAlias = Literal["whole", "partly", "late", "not_at_all"]
_MANNERS: tuple[Manner, ...] = ("whole", "whole", "whole", "partly", "late", "not_at_all")
_LATE = timedelta(minutes=30)
_BEFORE = timedelta(minutes=6)
"""So long before the event it looks at what a load draws, and asks its devices."""
_PARTLY = 0.7
_MORE = 1.02
"""A site that means to deliver asks for a little more than it must."""
_ANSWERS_S = 5.0
_OVER = ("ended", "baseline_computed", "evaluated", "settled", "closed", "cancelled", "superseded", "disputed")


@dataclass(frozen=True, slots=True)
class Steered:
    """A resource and the devices by which a site moves it."""

    resource: str
    control_url: str
    """The control port of its park."""
    devices: tuple[str, ...]
    kind: Literal["storage", "v2g", "load"]


@dataclass(slots=True)
class Site:
    """The site program of one operator."""

    api_url: str
    operator: str
    steered: Mapping[str, Steered]
    """By resource."""
    seed: int
    manners: Mapping[str, Manner] = field(default_factory=dict)
    """How a resource answers; drawn with the seed where nothing is said."""
    done: set[tuple[str, str]] = field(default_factory=set)
    """Event and resource that were asked for."""

    def run(self, stop: threading.Event, every_s: float = 0.5) -> None:
        """Look for awards until told to stop; an answer that does not come is asked for again."""
        while not stop.wait(every_s):
            try:
                self.look()
            except (urllib.error.URLError, OSError, ValueError) as error:
                _log.warning("site_asks_again", operator=self.operator, error=str(error))

    def look(self) -> None:
        """Read every award of this operator, and ask devices where it is time."""
        events = _get(f"{self.api_url}/api/v1/vpp/events")["events"]
        for event in events:
            if event["state"] in (*_OVER, "published"):
                continue
            try:
                award = _get(f"{self.api_url}/api/v1/vpp/events/{event['event']}/awards/{self.operator}")
            except urllib.error.HTTPError as error:
                error.close()
                continue  # nothing was awarded to this operator
            self._answer(award)

    def _answer(self, award: Mapping[str, Any]) -> None:
        start, end = (datetime.fromtimestamp(award[name] / 1000, UTC) for name in ("from_ms", "to_ms"))
        for part in award["parts"]:
            steered = self.steered.get(part["resource"])
            if steered is None or part["opted_out"] or (award["event"], part["resource"]) in self.done:
                continue
            now = self._now(steered)
            if now < start - _BEFORE:
                continue
            self.done.add((award["event"], part["resource"]))
            if now < end:
                self._steer(award, steered, float(part["kw"]), max(start, now), end)

    def _steer(self, award: Mapping[str, Any], steered: Steered, kw: float, start: datetime, end: datetime) -> None:
        manner = self.manner(award["event"], steered.resource)
        _log.info("site_answers", of=award["event"], resource=steered.resource, kw=kw, manner=manner)
        if manner == "not_at_all":
            return
        kw *= _PARTLY if manner == "partly" else _MORE
        start = min(start + _LATE, end - timedelta(minutes=1)) if manner == "late" else start
        less = award["direction"] == "shave"
        for device in steered.devices:
            told = _get(f"{steered.control_url}/schedules/{device}")
            wanted = _wanted_kw(steered, told, kw / len(steered.devices), less=less)
            entry = {"from": start.isoformat(), "to": end.isoformat(), "power_kw": wanted}
            _put(f"{steered.control_url}/schedules/{device}", {"entries": [entry]})

    def manner(self, event: str, resource: str) -> Manner:
        """How a resource answers an event: as it was told, or drawn with the seed."""
        told = self.manners.get(resource)
        return random.Random(f"{self.seed}/{event}/{resource}").choice(_MANNERS) if told is None else told  # noqa: S311

    def _now(self, steered: Steered) -> datetime:
        """The time at the site, by its own devices."""
        told = _get(f"{steered.control_url}/schedules/{steered.devices[0]}")
        return datetime.fromisoformat(told["now"])


def _wanted_kw(steered: Steered, told: Mapping[str, Any], kw: float, *, less: bool) -> float:
    """The power to ask of a device, with the sign of its own power: a storage discharges with positive power."""
    if steered.kind == "storage":
        wanted = kw if less else -kw
    elif steered.kind == "v2g":
        wanted = -kw if less else kw
    else:
        wanted = float(told["power_kw"]) + (-kw if less else kw)
    return round(min(max(wanted, float(told["least_kw"])), float(told["most_kw"])), 3)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=_ANSWERS_S) as answer:  # noqa: S310  (our own addresses)
        return json.load(answer)


def _put(url: str, body: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=_ANSWERS_S).close()  # noqa: S310


def site_of(document: Mapping[str, Any]) -> Site:
    """The site program that a document of settings describes."""
    steered = {
        name: Steered(name, each["control_url"], tuple(each["devices"]), each["kind"])
        for name, each in document["steered"].items()
    }
    return Site(document["api_url"], document["operator"], steered, document["seed"], document["manners"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer awards until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="site", description="Answers awards of the pilot with simulated devices.")
    parser.add_argument(
        "--config", type=Path, required=True, help="JSON file: api_url, operator, steered, seed, manners"
    )
    options = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    site_of(json.loads(options.config.read_text("utf-8"))).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
