"""What stands at a site of the demonstration: it reads its award through the public API and steers its own devices.

It is no part of the pilot, and a process of its own: `python -m parkgrid_demo.pilot.site --config FILE`. The pilot
learns what it did from the meters alone.

    GET /api/v1/vpp/events, .../awards/{operator}  ─▶  Site  ─▶  PUT /schedules/{device} of the park's control port
"""

import argparse
import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from parkgrid_demo.pilot.answering import BEFORE, Device, Manner, Steering, asked, drawn_manner

_log = structlog.get_logger("demo.site")
_ANSWERS_S = 5.0
_OVER = ("ended", "baseline_computed", "evaluated", "settled", "closed", "cancelled", "superseded", "disputed")


@dataclass(frozen=True, slots=True)
class Steered:
    """A resource and the devices by which a site moves it."""

    resource: str
    control_url: str
    """The control port of its park."""
    devices: tuple[str, ...]
    kind: Steering


@dataclass(slots=True)
class Site:
    """The site program of one operator."""

    api_url: str
    operator: str
    steered: Mapping[str, Steered]
    """By resource."""
    seed: int
    token: str | None = None
    """Of the page, where it asks for one."""
    every_s: float = 0.5
    """Pause between two looks."""
    manners: Mapping[str, Manner] = field(default_factory=dict)
    """How a resource answers; drawn with the seed where nothing is said."""
    done: set[tuple[str, str]] = field(default_factory=set)
    """Event and resource that were asked for."""

    def run(self, stop: threading.Event) -> None:
        """Look for awards until told to stop; an answer that does not come is asked for again."""
        while not stop.wait(self.every_s):
            try:
                self.look()
            except (urllib.error.URLError, OSError, ValueError) as error:
                _log.warning("site_asks_again", operator=self.operator, error=str(error))

    def look(self) -> None:
        """Read every award of this operator, and ask devices where it is time."""
        events = _get(f"{self.api_url}/api/v1/vpp/events", self.token)["events"]
        for event in events:
            if event["state"] in (*_OVER, "published"):
                continue
            try:
                address = f"{self.api_url}/api/v1/vpp/events/{event['event']}/awards/{self.operator}"
                award = _get(address, self.token)
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
            if now < start - BEFORE:
                continue
            self.done.add((award["event"], part["resource"]))
            if now < end:
                self._steer(award, steered, float(part["kw"]), max(start, now), end)

    def _steer(self, award: Mapping[str, Any], steered: Steered, kw: float, start: datetime, end: datetime) -> None:
        manner = self.manner(award["event"], steered.resource)
        _log.info("site_answers", of=award["event"], resource=steered.resource, kw=kw, manner=manner)
        less, share = award["direction"] == "shave", kw / len(steered.devices)
        for name in steered.devices:
            url = f"{steered.control_url}/schedules/{name}"
            told = _get(url)
            device = Device(*(float(told[key]) for key in ("power_kw", "least_kw", "most_kw")))
            wanted = asked(manner, steered.kind, device, share, start, end, less=less)
            if wanted is not None:
                spoken = {"from": wanted.start.isoformat(), "to": wanted.end.isoformat(), "power_kw": wanted.power_kw}
                _put(url, {"entries": [spoken]})

    def manner(self, event: str, resource: str) -> Manner:
        """How a resource answers an event: as it was told, or drawn with the seed."""
        told = self.manners.get(resource)
        return drawn_manner(self.seed, event, resource) if told is None else told

    def _now(self, steered: Steered) -> datetime:
        """The time at the site, by its own devices."""
        told = _get(f"{steered.control_url}/schedules/{steered.devices[0]}")
        return datetime.fromisoformat(told["now"])


def _get(url: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  (our own addresses)
    with urllib.request.urlopen(request, timeout=_ANSWERS_S) as answer:  # noqa: S310
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
    told = (document[name] for name in ("seed", "token", "every_s", "manners"))
    return Site(document["api_url"], document["operator"], steered, *told)


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer awards until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="site", description="Answers awards of the pilot with simulated devices.")
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="JSON file: a list of sites: api_url, operator, steered, seed, token, every_s, manners",
    )
    options = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sites = [site_of(each) for each in json.loads(options.config.read_text("utf-8"))]
    # One that fails ends all: whoever started them starts them again.
    with ThreadPoolExecutor(len(sites)) as threads:
        running = [threads.submit(site.run, stop) for site in sites]
        wait(running, return_when=FIRST_EXCEPTION)
        stop.set()
    for each in running:
        each.result()
    return 0


if __name__ == "__main__":
    sys.exit(main())
