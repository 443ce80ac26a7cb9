"""Capability of a pool of 1,000 resources for the next 24 hours, from stored forecasts and states of charge."""

import time
from datetime import UTC, datetime, timedelta

import psycopg

from parkgrid_bench.figures import Figure, Progress
from parkgrid_bench.stack import Stack
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import AnyDocument, Location, Phase, Resource, Term, kind_of
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.capability import PilotCapability, capability
from parkgrid_vpp.forecast import LONG

RESOURCES = 1_000
_PARK, _GATEWAY = "bench-pool", "pool-1"
_NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
_EVERY = 5
"""Each fifth resource is a storage, all others are loads."""
_BEHIND = 50
"""Resources behind one transformer."""
_LOAD_KW, _STORAGE_KW = 80.0, 95.0
"""Of a load that draws 120 kW, what it declares; of the storage of vpp.md 5.2, what it can give for four hours."""
_CLOSE = 1e-6


def measure(stack: Stack, runs: int, tell: Progress, resources: int = RESOURCES) -> Figure:
    """The figure `vpp_capability_1000`: seconds for the capability of a pool."""
    figure = Figure("vpp_capability_1000")
    pilot = _pilot(resources)
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        tell(f"vpp_capability_1000: storing {resources:,} resources")
        _fill(connection, resources)
        for number in range(runs + 1):
            started = time.monotonic()
            found = capability(connection, pilot, _NOW)
            seconds = time.monotonic() - started
            figure.correct = figure.correct and _correct(found, resources)
            # The first one warms up.
            if number:
                figure.ratios.append(seconds)
                tell(f"vpp_capability_1000: {seconds:.2f} s")
    figure.detail = f"{resources:,} resources x 96 quarter hours, up and down, with what limits each"
    return figure


def _correct(found: PilotCapability, resources: int) -> bool:
    """Whether the pool is the sum that the fixed loads and storages come to, in every quarter hour."""
    storages = len(range(0, resources, _EVERY))
    expected = storages * _STORAGE_KW + (resources - storages) * _LOAD_KW
    return bool(abs(found.pool.up.kw - expected).max() < _CLOSE) and len(found.resources) == resources


def _pilot(resources: int) -> Pilot:
    """The registry of the pool, followed without a database."""
    pilot = Pilot()
    acts: list[tuple[str, AnyDocument]] = [
        ("station", Location("station", "s", None, "declared", "", None, None)),
        ("line", Location("line", "l", "station", "declared", "", None, None)),
    ]
    for number in range(0, resources, _BEHIND):
        name = f"tr-{number // _BEHIND}"
        acts.append((name, Location("transformer", name, "line", "declared", "", None, 100_000_000)))
        acts.append((f"acc-{name}", Location("account", name, name, "declared", "", _PARK, None)))
    for number in range(resources):
        acts.append((f"r-{number}", _resource(number)))
        acts += ((f"r-{number}", Phase(phase, _NOW.date(), "")) for phase in ("registered", "active"))
    for subject, document in acts:
        entry = Entry.after(pilot.head, kind_of(document), subject, _NOW, "bench", forms.document(document))
        pilot.follow([entry])
    return pilot


def _resource(number: int) -> Resource:
    stored = number % _EVERY == 0
    device = f"{_PARK}/{_GATEWAY}/r-{number}"
    signal = "energy_charged_kwh" if stored else "energy_import_kwh"
    return Resource(
        *(f"r-{number}", f"r-{number}", _PARK, f"acc-tr-{number // _BEHIND}"),
        "storage" if stored else "interruptible",
        *(500_000 if stored else 80_000, 500_000 if stored else 0, 50_000, 0, 240, 0),
        meter=(Term(f"{device}/{signal}", 1),),
        baseline="zero" if stored else "workday-5",
    )


def _fill(connection: Connection, resources: int) -> None:
    """Parks, devices, states of charge, and a week of forecasts, of which the newest counts."""
    bounds = {"park": _PARK, "gateway": _GATEWAY, "resources": resources, "every": _EVERY, "now": _NOW}
    connection.execute("INSERT INTO base.park (park) VALUES (%(park)s)", bounds)
    connection.execute(_INSERT_GATEWAY, bounds)
    connection.execute(_INSERT_DEVICES, bounds)
    connection.execute(_INSERT_SOC, bounds)
    for back in range(28, -1, -1):
        issued = _NOW - timedelta(hours=6 * back)
        connection.execute(_INSERT_FORECASTS, bounds | {"issued": issued, "quarters": LONG, "kw": 0 if back else 120})
    connection.execute("ANALYZE base.vpp_forecast")


_INSERT_GATEWAY = """
INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)
VALUES (%(park)s, %(gateway)s, 1, 'bench', true, now())
"""

_INSERT_DEVICES = """
INSERT INTO base.device (park_id, park, gateway, device, device_class, name, model, firmware, period_s, ratings,
                         signals, station, line, transformer, account)
SELECT park_id, park, %(gateway)s, 'r-' || n, CASE WHEN n %% %(every)s = 0 THEN 'storage' ELSE 'meter' END, '', '',
       '', 60, '{"capacity_kwh": 1000, "rated_power_kw": 500}', '{}', '', '', '', ''
FROM base.park CROSS JOIN generate_series(0, %(resources)s - 1) AS n WHERE park = %(park)s
"""

_INSERT_SOC = """
INSERT INTO base.storage_newest (park_id, device_id, at, received_at, epoch_id, seq, soc_pct)
SELECT park_id, device_id, %(now)s, %(now)s, 1, 1, 500 FROM base.device
WHERE park = %(park)s AND device_class = 'storage'
"""

_INSERT_FORECASTS = """
INSERT INTO base.vpp_forecast (park, resource, issued_at, method, start_at, mean_w, scored, mae_w, bias_w, held)
SELECT %(park)s, 'r-' || n, %(issued)s, 'seasonal_naive', %(issued)s,
       array_fill(%(kw)s * 1000::int8, ARRAY[%(quarters)s]),
       672, 1000, 0, 640
FROM generate_series(0, %(resources)s - 1) AS n WHERE n %% %(every)s <> 0
"""
