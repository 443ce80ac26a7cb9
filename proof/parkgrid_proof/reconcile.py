"""Holds the ledgers of the gateways against the store: what was lost, doubled, altered or appeared from nowhere.

    ledgers ─▶ temporary table of expected rows (integer steps of the catalogue) ─┐
                                                                                  ├─▶ counted by SQL in one snapshot
    base.<class>, quarantine, conflicts ──────────────────────────────────────────┘

The snapshot is taken before the ledgers are read, so that traffic may go on meanwhile: nothing can be stored in it
that was not offered before. `settled` bounds the other side: the sizes of the ledgers when the last acceptance that
must be stored had been written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import UNTRUSTED, Quality
from parkgrid_contract.signals import CATALOGUE, DeviceClass
from parkgrid_contract.time import from_ms
from parkgrid_ingest.columns import OVERLOAD, POWERS
from parkgrid_proof.ledger import epochs, read_offers

EXAMPLES = 10
"""Findings of each kind that are described; all are counted."""
_LATEST_MS = 4_102_444_800_000
"""2100: a stamp beyond it is refused by every rule and may not fit a database timestamp."""
_Devices = Mapping[tuple[Gateway, str], tuple[int, int, str, float | None]]
"""Park, number, class and rated power of each device."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the comparison found, in samples."""

    accepted: int
    """Distinct samples (device and time) that an outbox accepted."""
    stored: int
    """Rows in the store."""
    lost: int
    """Accepted, but neither stored nor recorded as refused."""
    duplicated: int
    """Rows beyond the first of the same device and time."""
    altered: int
    """Stored with values or flags that nobody offered for that device and time."""
    alien: int
    """Stored, but never offered."""
    quarantined: int
    """Refusals that the store counts."""
    conflicting: int
    """Second, different readings of the same device and time, recorded beside the first."""
    repeated: int = 0
    """Accepted, and stored before with the same content."""
    examples: tuple[str, ...] = ()
    """The first findings in words."""

    @property
    def exact(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.duplicated or self.altered or self.alien)

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return {name: value for name, value in asdict(self).items() if name != "examples"}


def reconcile(
    ledgers: Sequence[Path],
    dsn: str,
    *,
    settled: Mapping[Path, int] | None = None,
    received_since: datetime | None = None,
) -> Reconciliation:
    """Compare ledgers with the store behind `dsn`, which must show the `base` tables.

    `settled` gives the size of each ledger up to which acceptances must be stored; without it all of them must.
    `received_since` tells rows of earlier runs apart, which other ledgers tell about: what they hold is not lost, and
    what nobody offered now is not alien.
    """
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SET LOCAL timezone = 'UTC'")
        comparison = _Comparison(connection, received_since)
        comparison.load(ledgers, settled or {})
        found = comparison.count()
        connection.rollback()
    return found


class _Comparison:
    """One snapshot of the store with the ledgers in a temporary table beside it."""

    def __init__(self, connection: "psycopg.Connection[Any]", received_since: datetime | None) -> None:
        self._connection = connection
        self._since = received_since
        self._devices = _devices(connection)
        self._epochs = _epochs(connection)
        self._classes = [name for name in CATALOGUE if self._scalar(_EXISTS, (f"base.{name}",))]
        connection.execute(_TABLES)

    def load(self, ledgers: Sequence[Path], settled: Mapping[Path, int]) -> None:
        with self._connection.cursor().copy(_COPY) as copy:
            copy.set_types(["int4", "text", "text", "text", "int4", "int4", "timestamptz", "int8", "int8", "jsonb"])
            for number, ledger in enumerate(ledgers):
                gateway = self._gateway_of(ledger)
                for row in _expected(ledger, settled.get(ledger), gateway, self._devices):
                    copy.write_row((number, *row))
        self._connection.execute(_INDEX)
        self._connection.execute(self._stored_view())

    def count(self) -> Reconciliation:
        counts, examples = {}, []
        for kind, query in _FINDINGS.items():
            found = self._connection.execute(sql.SQL(query), {"since": self._since}).fetchall()
            counts[kind] = sum(row[0] for row in found)
            examples += [f"{kind}: {row[1]}" for row in found[:EXAMPLES] if row[0] and row[1]]
        return Reconciliation(**counts, examples=tuple(examples))

    def _gateway_of(self, ledger: Path) -> Gateway | None:
        """The gateway that wrote a ledger, by an epoch that the store knows; None when nothing of it arrived.

        A ledger without any such epoch (its agent always died before the second line) can only be the only gateway's.
        """
        found = next((self._epochs[epoch] for epoch in epochs(ledger) if epoch in self._epochs), None)
        everyone = set(self._epochs.values())
        return found or (next(iter(everyone)) if len(everyone) == 1 else None)

    def _stored_view(self) -> sql.Composed:
        """All rows of all classes in the shape of the expected ones."""
        fresh = sql.SQL("received_at >= {}").format(sql.Literal(self._since)) if self._since else sql.SQL("true")
        parts = [
            sql.SQL(_STORED).format(table=sql.Identifier("base", name), name=sql.Literal(name), fresh=fresh)
            for name in self._classes
        ]
        return sql.SQL(_STORED_TABLE).format(rows=sql.SQL(" UNION ALL ").join(parts))

    def _scalar(self, query: str, arguments: tuple[object, ...]) -> Any:
        row = self._connection.execute(query.encode(), arguments).fetchone()
        return row[0] if row else None


def _devices(connection: "psycopg.Connection[Any]") -> _Devices:
    rows = connection.execute(
        "SELECT park, gateway, device, park_id, device_id, device_class, (ratings ->> 'rated_power_kw')::float8"
        " FROM public.devices ORDER BY retired DESC"
    )
    return {(Gateway(park, gateway), device): tuple(known) for park, gateway, device, *known in rows}


def _epochs(connection: "psycopg.Connection[Any]") -> Mapping[int, Gateway]:
    rows = connection.execute("SELECT epoch, park, gateway FROM public.gateway_epochs")
    return {epoch: Gateway(park, gateway) for epoch, park, gateway in rows}


def _expected(
    ledger: Path, settled: int | None, gateway: Gateway | None, devices: _Devices
) -> Iterator[tuple[object, ...]]:
    """One row for each sample of a ledger: identity, numbers, time, acceptance and expected content."""
    address = (gateway.park, gateway.gateway) if gateway else ("", "")
    for offer in read_offers(ledger, settled):
        for sample in offer.samples:
            known = devices.get((gateway, sample["device"])) if gateway else None
            at = from_ms(sample["at"]) if 0 <= sample["at"] < _LATEST_MS else None
            content = expected_content(CATALOGUE[known[2]], sample, known[3]) if known else {}
            numbers = known[:2] if known else (None, None)
            yield *address, sample["device"], *numbers, at, offer.epoch, offer.seq, Jsonb(content)


def expected_content(
    device_class: DeviceClass, sample: Mapping[str, Any], rated_power_kw: float | None = None
) -> Mapping[str, Any]:
    """What the store must hold of a sample: integer steps of the values that fit, the flags, what is not trusted."""
    steps: dict[str, int] = {}
    flags: dict[str, str] = {}
    told = sample.get("flags", {})
    most_kw = OVERLOAD * rated_power_kw if rated_power_kw and rated_power_kw > 0 else inf
    for name, value in sample["values"].items():
        signal = device_class.by_name.get(name)
        if signal is None or abs(signal.steps(value)) > signal.storage_limit:
            continue
        steps[name] = signal.steps(value)
        if name in told:
            flags[name] = told[name]
        impossible = not signal.low <= value <= signal.high or (name in POWERS and abs(value) > most_kw)
        if impossible and told.get(name) != Quality.BAD.value:
            flags[name] = Quality.OUT_OF_RANGE.value
    untrusted = {name: device_class.by_name[name].value(steps.pop(name)) for name in flags if flags[name] in UNTRUSTED}
    return {"values": steps, "flags": flags, "untrusted": untrusted}


_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"

_TABLES = """
CREATE TEMPORARY TABLE expected (
    ledger int4, park text, gateway text, device text, park_id int4, device_id int4, at timestamptz,
    epoch int8, seq int8, content jsonb
) ON COMMIT DROP
"""

_COPY = "COPY expected FROM STDIN (FORMAT binary)"

_INDEX = "CREATE INDEX ON expected (park_id, device_id, at); ANALYZE expected"

_STORED = """
SELECT {name} AS device_class, park_id, device_id, at, jsonb_build_object(
           'values', jsonb_strip_nulls(
               to_jsonb(t) - '{{park_id,device_id,at,received_at,epoch_id,seq,flags,untrusted}}'::text[]),
           'flags', coalesce(flags, '{{}}'::jsonb),
           'untrusted', coalesce(untrusted, '{{}}'::jsonb)) AS content, {fresh} AS fresh
FROM {table} t
WHERE {fresh} OR EXISTS (
    SELECT FROM expected e WHERE e.park_id = t.park_id AND e.device_id = t.device_id AND e.at = t.at
)"""

# `offered`: somebody offered a sample of that device and time; `genuine`: with exactly this content.
_STORED_TABLE = """
CREATE TEMPORARY TABLE stored ON COMMIT DROP AS
SELECT s.*, e.device_id IS NOT NULL AS offered, coalesce(e.genuine, false) AS genuine
FROM ({rows}) s
LEFT JOIN LATERAL (
    SELECT e.device_id, bool_or(e.content = s.content) AS genuine
    FROM expected e WHERE e.park_id = s.park_id AND e.device_id = s.device_id AND e.at = s.at GROUP BY e.device_id
) e ON true;
CREATE INDEX ON stored (park_id, device_id, at);
ANALYZE stored
"""

# Each query gives (number, description); the first rows of each serve as examples.
_FINDINGS = {
    "accepted": "SELECT count(DISTINCT (ledger, device, at)), '' FROM expected WHERE seq IS NOT NULL",
    "stored": "SELECT count(*), '' FROM stored WHERE fresh",
    "repeated": """
SELECT count(DISTINCT (e.ledger, e.device, e.at)), ''
FROM expected e JOIN stored s USING (park_id, device_id, at, content)
WHERE e.seq IS NOT NULL AND NOT s.fresh""",
    "lost": """
SELECT count(*), format('%%s/%%s/%%s at %%s, epoch %%s seq %%s', park, gateway, device, at, min(epoch), min(seq))
FROM expected e
WHERE seq IS NOT NULL
  AND NOT EXISTS (SELECT FROM stored s
                  WHERE s.park_id = e.park_id AND s.device_id = e.device_id AND s.at = e.at
                    AND (s.content = e.content OR (s.fresh AND NOT s.genuine)))
  AND NOT EXISTS (SELECT FROM public.conflicts c
                  WHERE c.park_id = e.park_id AND c.device_id = e.device_id AND c.at = e.at)
  AND NOT EXISTS (SELECT FROM public.quarantine q
                  WHERE (q.park, q.gateway) = (e.park, e.gateway)
                    AND ((q.epoch, q.seq) = (e.epoch, e.seq) OR q.epoch > e.epoch)
                    AND coalesce(q.device, '') IN ('', e.device))
GROUP BY park, gateway, device, at""",
    "duplicated": """
SELECT count(*) - 1, format('%%s/%%s/%%s at %%s, %%s times', park, gateway, device, at, count(*))
FROM stored JOIN public.devices USING (park_id, device_id)
GROUP BY park, gateway, device, at HAVING count(*) > 1""",
    "altered": """
SELECT 1, format('device %%s at %%s holds %%s instead of %%s', s.device_id, s.at, s.content,
                 (SELECT e.content FROM expected e
                  WHERE e.park_id = s.park_id AND e.device_id = s.device_id AND e.at = s.at LIMIT 1))
FROM stored s WHERE fresh AND offered AND NOT genuine""",
    "alien": """
SELECT 1, format('device %%s at %%s: %%s', s.device_id, s.at, s.content)
FROM stored s WHERE fresh AND NOT offered""",
    "quarantined": "SELECT coalesce(sum(occurrences), 0)::int8, '' FROM public.quarantine",
    "conflicting": """
SELECT count(*), format('%%s at %%s: %%s is stored, %%s was refused', d.device, c.at, c.kept, c.refused)
FROM public.conflicts c JOIN public.devices d USING (park_id, device_id)
WHERE %(since)s::timestamptz IS NULL
   OR (c.received_at >= %(since)s
       AND EXISTS (SELECT FROM expected e
                   WHERE e.park_id = c.park_id AND e.device_id = c.device_id AND e.at = c.at))
GROUP BY d.device, c.at, c.kept, c.refused""",
}
