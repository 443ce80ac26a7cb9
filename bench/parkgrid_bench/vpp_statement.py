"""The statement of one event with 1,000 resources: from stored intervals to the sealed entry, checked by plain SQL.

500 accounts, each with a load behind the site's meter, a storage taken out of it, and three registers. Frozen as it is
at an award; measured is what is done again and again afterwards: energy of the event and of the chosen days, verdicts,
money, evidence digests, and the entry that is chained.
"""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg

from parkgrid_bench.figures import BenchmarkError, Figure, Progress
from parkgrid_bench.stack import Stack
from parkgrid_database.connection import Connection
from parkgrid_domain import calendar
from parkgrid_domain.rule_file import packaged, version_of
from parkgrid_domain.vpp import forms, pack
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Award,
    Awards,
    Bid,
    Contract,
    Eligibility,
    Event,
    Location,
    Operator,
    Part,
    Resource,
    ResourceKind,
    RuleDigests,
    Rules,
    Statement,
    Term,
    kind_of,
    read,
)
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.freezing import adjust, freeze
from parkgrid_vpp.settling import statements

RESOURCES = 1_000
_PARK, _GATEWAY, _EVENT, _OPERATOR = "bench-vpp", "vpp-1", "bench-event", "bench-operator"
_START = datetime(2026, 7, 15, 6, tzinfo=UTC)
"""14:00 in Shenzhen, a Wednesday."""
_QUARTERS, _PAST_DAYS, _CHOSEN = 8, 21, 10
_LOAD_W, _STORAGE_W = 80_000, 120_000
_PACK = "guangdong-2026"
_IMPORT, _CHARGED, _DISCHARGED = "energy_import_kwh", "energy_charged_kwh", "energy_discharged_kwh"


def measure(stack: Stack, runs: int, tell: Progress, resources: int = RESOURCES) -> Figure:
    """The figure `vpp_statement_1000`: seconds for the statement of all resources, the sealed entry included."""
    figure = Figure("vpp_statement_1000")
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        tell(f"vpp_statement_1000: storing {resources:,} resources x {_PAST_DAYS + 1} days")
        _fill(connection, resources // 2)
        started = time.monotonic()
        pilot = _awarded(connection, resources // 2)
        frozen_s = time.monotonic() - started
        tell(f"vpp_statement_1000: baselines of {resources:,} resources frozen in {frozen_s:.1f} s")
        for number in range(runs + 1):
            started = time.monotonic()
            (made,) = statements(connection, pilot, _EVENT)
            entry = _sealed(pilot, made)
            seconds = time.monotonic() - started
            # The first one warms up.
            if number:
                figure.ratios.append(seconds)
                tell(f"vpp_statement_1000: {seconds:.2f} s")
        figure.correct = _correct(connection, made, resources)
    size = len(entry.document["resources"])
    figure.detail = f"{size:,} resources, {_QUARTERS} quarter hours, {_CHOSEN} chosen days; frozen in {frozen_s:.1f} s"
    return figure


def _sealed(pilot: Pilot, made: Statement) -> Entry:
    """The statement as it would be chained: told, read back, digested."""
    told = forms.document(made)
    read("statement", told)
    return Entry.after(pilot.head, "statement", _EVENT, _START, "bench", told)


def _awarded(connection: Connection, accounts: int) -> Pilot:
    """A pilot with one awarded event whose baselines are frozen and adjusted."""
    pilot = Pilot()
    for subject, document in _registry(accounts):
        _write(pilot, subject, document)
    parts = tuple(Part(f"{kind}-{n}", w) for n in range(accounts) for kind, w in _WATTS.items())
    award = Award("bench-award", "bench-bid", _OPERATOR, sum(each.w for each in parts), parts)
    awards = Awards(Decimal(3), (award,), (), 0)
    _write(pilot, _EVENT, Bid(award.bid or "", _OPERATOR, awards.price, parts))
    (frozen,) = freeze(connection, pilot, _EVENT, awards)
    _write(pilot, _EVENT, awards)
    _write(pilot, _EVENT, frozen)
    for each in adjust(connection, pilot, _EVENT):
        _write(pilot, _EVENT, each)
    return pilot


def _write(pilot: Pilot, subject: str, document: AnyDocument) -> None:
    told = forms.document(document)
    pilot.follow([Entry.after(pilot.head, kind_of(document), subject, _START, "bench", told)])


def _registry(accounts: int) -> Iterator[tuple[str, AnyDocument]]:
    rules = (
        Rules("pack", _PACK, pack.published()[_PACK].text),
        Rules("baseline", _RULE, _RULE_TEXT),
        Rules("calendar", "2026", calendar.packaged().texts["cn-2026.toml"]),
    )
    digests = [version_of(each.text) for each in rules]
    yield from zip(digests, rules, strict=True)
    yield _OPERATOR, Operator("运营商", "Operator")
    good = _good(digests[1])
    for number in range(accounts):
        yield f"account-{number}", Location("account", f"{number}", None, "verified", "bench", _PARK, None)
        yield f"load-{number}", _resource(number, "interruptible", _LOAD_W, _site(number), _RULE)
        yield f"storage-{number}", _resource(number, "storage", _STORAGE_W, _storage(number), "zero")
        yield f"load-{number}", good
        yield f"contract-{number}", _contract(number)
    yield (
        _EVENT,
        Event(
            *("削峰", "Peak shaving", "shave", "invitation", "day_ahead", "pilot"),
            *(_START, _START + _QUARTERS * timedelta(minutes=15), 10**8, ()),
            bids_until=_START - timedelta(hours=20),
            opt_out_until=_START - timedelta(hours=4),
            rules=RuleDigests(digests[0], {_RULE: digests[1]}, {"2026": digests[2]}),
            zone="Asia/Shanghai",
        ),
    )


def _resource(number: int, kind: ResourceKind, watts: int, meter: tuple[Term, ...], rule: str) -> Resource:
    return Resource(
        name_zh=kind,
        name_en=kind,
        park=_PARK,
        account=f"account-{number}",
        kind=kind,
        up_w=watts,
        down_w=0,
        ramp_w_per_min=watts,
        notice_min=30,
        sustain_min=120,
        recovery_min=60,
        meter=meter,
        baseline=rule,
    )


def _contract(number: int) -> Contract:
    return Contract(
        operator=_OPERATOR,
        account=f"account-{number}",
        type="day_ahead",
        valid_from=date(2026, 1, 1),
        valid_to=None,
        resources=(f"load-{number}", f"storage-{number}"),
        notice_min=30,
        operator_pct=Decimal(30),
        user_pct=Decimal(70),
        penalty_operator_pct=Decimal(50),
        penalty_user_pct=Decimal(50),
        equipment="",
        liability="",
    )


def _good(digest: str) -> Eligibility:
    """The load's baseline was found to be good enough."""
    days = date(2025, 7, 1), date(2026, 7, 1)
    return Eligibility(_RULE, digest, *days, 200, Decimal(1), Decimal(1), Decimal(1), passes=True, why="")


def _storage(number: int) -> tuple[Term, ...]:
    return (Term(_address(number, _CHARGED), 1), Term(_address(number, _DISCHARGED), -1))


def _site(number: int) -> tuple[Term, ...]:
    """What the site draws, the storage taken out of it."""
    return (
        Term(_address(number, _IMPORT), 1),
        Term(_address(number, _CHARGED), -1),
        Term(_address(number, _DISCHARGED), 1),
    )


def _address(number: int, signal: str) -> str:
    return f"{_PARK}/{_GATEWAY}/site-{number}/{signal}"


def _fill(connection: Connection, accounts: int) -> None:
    """Three registers an account, with energies that any query can compute again."""
    connection.execute("INSERT INTO base.park (park) VALUES (%s)", (_PARK,))
    connection.execute(_INSERT_GATEWAY, (_PARK, _GATEWAY))
    names = {"park": _PARK, "gateway": _GATEWAY, "accounts": accounts, "signals": [_IMPORT, _CHARGED, _DISCHARGED]}
    connection.execute(_INSERT_DEVICES, names)
    connection.execute(_INSERT_REGISTERS, names)
    day = _START - timedelta(hours=14)
    span = {"start": day - timedelta(days=_PAST_DAYS), "stop": day + timedelta(days=1), "event": _START}
    connection.execute(_INSERT_INTERVALS, names | span)
    connection.execute("ANALYZE base.interval_energy")


def _correct(connection: Connection, made: Statement, resources: int) -> bool:
    """Whether what moved in each quarter hour of the award is what plain SQL says, and every yuan is shared."""
    rows = connection.execute(_EXPECTED, {"park": _PARK, "event": _START, "chosen": _CHOSEN}).fetchall()
    if len(rows) != _QUARTERS:
        raise BenchmarkError(f"{len(rows)} quarter hours have intervals instead of {_QUARTERS}")
    return (
        [each.moved_wh for each in made.quarters] == [moved for (moved,) in rows]
        and len(made.lines) == resources
        and sum(each.operator_part + each.user_part for each in made.lines) == made.net
        and made.payment > 0
        and not made.known_later
    )


_WATTS = {"load": _LOAD_W, "storage": _STORAGE_W}
_RULE = "bench-ten"
_RULE_TEXT = "\n".join(
    line if not line.startswith("name =") else f'name = "{_RULE}"'
    for line in packaged("parkgrid_domain.vpp", "baselines")["caiso-10-of-10"].partition("[adjustment]")[0].splitlines()
)

_INSERT_GATEWAY = """
INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)
VALUES (%s, %s, 1, 'bench', true, now())
"""

_INSERT_DEVICES = """
INSERT INTO base.device (park_id, park, gateway, device, device_class, name, model, firmware, period_s, ratings,
                         signals, station, line, transformer, account)
SELECT park_id, park, %(gateway)s, 'site-' || n, 'meter', '', '', '', 60, '{}', '{}', '', '', '', ''
FROM base.park CROSS JOIN generate_series(0, %(accounts)s - 1) AS n WHERE park = %(park)s
"""

_INSERT_REGISTERS = """
INSERT INTO base.register (park_id, device_id, signal, period_s, method)
SELECT park_id, device_id, signal, 900, 'register' FROM base.device CROSS JOIN unnest(%(signals)s::text[]) AS signal
WHERE park = %(park)s
"""

_INSERT_INTERVALS = """
INSERT INTO base.interval_energy (park_id, register_id, at, period_s, energy_wh, quality, expected, received, valid,
                                  estimated, late, revision, changed_at, cause, first_at, first_steps, last_at,
                                  last_steps)
SELECT r.park_id, r.register_id, at, 900,
       CASE WHEN r.signal = 'energy_import_kwh'
            THEN 100000 + (r.register_id::int8 * 7919 + extract(epoch FROM at)::int8 / 900 * 104729) %% 9973
            ELSE 0 END
       + CASE WHEN at >= %(event)s AND at < %(event)s + INTERVAL '2 hours'
              THEN CASE r.signal WHEN 'energy_import_kwh' THEN -50000 WHEN 'energy_discharged_kwh' THEN 30000 ELSE 0 END
              ELSE 0 END,
       1, 15, 15, 15, 0, 0, 1, %(stop)s, 'metered', at, 1000, at + INTERVAL '15 minutes', 2000
FROM public.registers AS r
CROSS JOIN generate_series(%(start)s::timestamptz, %(stop)s::timestamptz - INTERVAL '15 minutes', '15 minutes') AS at
WHERE r.park = %(park)s
"""

_EXPECTED = """
WITH load AS (
    SELECT r.device, i.at, sum(CASE r.signal WHEN 'energy_charged_kwh' THEN -1 ELSE 1 END * i.energy_wh) AS wh
    FROM public.registers AS r JOIN base.interval_energy AS i USING (park_id, register_id)
    WHERE r.park = %(park)s GROUP BY r.device, i.at
), past AS (
    SELECT DISTINCT %(event)s::timestamptz - day * INTERVAL '1 day' AS start
    FROM generate_series(1, 21) AS day
    WHERE extract(isodow FROM %(event)s::timestamptz - day * INTERVAL '1 day') < 6
    ORDER BY start DESC LIMIT %(chosen)s
), base AS (
    SELECT l.device, l.at - p.start AS place, round(avg(l.wh)) AS wh
    FROM load AS l JOIN past AS p ON l.at >= p.start AND l.at < p.start + INTERVAL '2 hours'
    GROUP BY l.device, l.at - p.start
)
SELECT (sum(b.wh - l.wh) + count(*) * 30000)::int8
FROM base AS b JOIN load AS l ON l.device = b.device AND l.at = %(event)s + b.place
GROUP BY b.place ORDER BY b.place
"""
