"""What registers say of a resource: formula, reasons why it is not sure, lines and digest, what is refused."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest import mock

import psycopg
import pytest

from parkgrid_domain.vpp.clearing import SiteMeters
from parkgrid_domain.vpp.documents import Term
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp import evidence as vpp_evidence
from parkgrid_vpp.evidence import EvidenceError, beside, read, site_meters, waiting
from parkgrid_vpp.statements import statement
from tests.accounting.billing import correct, new_park, register
from tests.logins import acting
from tests.vpp.metered_park import local

START = local("24 14:00")
SITE, STORAGE, SILENT, POWER = (
    f"park-a/gw-1/{name}/energy_import_kwh" for name in ("site", "storage", "silent", "power")
)
QUARTERS = tuple(START + place * QUARTER for place in range(6))
LATER = START + timedelta(hours=5)


@pytest.fixture
def numbers(dsn: str) -> Iterator[tuple[psycopg.Connection, dict[str, int]]]:
    """Four registers; six quarter hours of the site, of the storage and of one metered by power."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        new_park(connection, "park-a")
        numbers = {
            name: register(connection, name, park="park-a", device_class="meter")
            for name in ("site", "storage", "silent", "power")
        }
        connection.execute("UPDATE base.register SET method = 'power' WHERE register_id = %s", (numbers["power"],))
        for place, at in enumerate(QUARTERS):
            quality = {2: 2, 3: 0}.get(place, 1)
            store(connection, numbers["site"], at, 1_000 + place if quality else None, quality)
            store(connection, numbers["storage"], at, 100, 1)
            store(connection, numbers["power"], at, 7, 1)
        yield connection, numbers


def store(connection: psycopg.Connection, number: int, at: datetime, energy: int | None, quality: int) -> None:
    connection.execute(
        "INSERT INTO base.interval_energy (park_id, register_id, at, period_s, energy_wh, quality, expected, received,"
        " valid, estimated, late, revision, changed_at, cause, first_at, first_steps, last_at, last_steps)"
        " SELECT park_id, register_id, %s, 900, %s, %s, 15, 15, 15, 0, 0, 1, %s, 'metered', %s, 5, %s, NULL"
        " FROM base.register WHERE register_id = %s",
        (at, energy, quality, at + timedelta(hours=1), at - timedelta(milliseconds=1), at + QUARTER, number),
    )


def test_a_formula_adds_and_takes_out_and_says_what_is_not_sure(numbers):
    connection, _ = numbers
    found = read(connection, {SITE, STORAGE}, QUARTERS).metered((Term(SITE, 1), Term(STORAGE, -1)), QUARTERS)
    assert list(found.energy_wh.values()) == [900, 901, 902, 904, 905]
    assert found.unsure == {QUARTERS[2]: "estimated", QUARTERS[3]: "missing"}
    assert list(found.load().energy_wh) == [QUARTERS[place] for place in (0, 1, 4, 5)]


def test_what_is_not_there_or_integrated_from_power_is_not_sure(numbers):
    connection, _ = numbers
    evidence = read(connection, {SITE, SILENT, POWER, "park-b/gw-1/none/energy_import_kwh"}, QUARTERS)
    reasons = {
        name: set(evidence.metered((Term(name, 1),), QUARTERS[:2]).unsure.values())
        for name in (SILENT, POWER, "park-b/gw-1/none/energy_import_kwh")
    }
    assert list(reasons.values()) == [{"missing"}, {"by_power"}, {"missing"}]
    assert evidence.metered((), QUARTERS[:1]).unsure == {QUARTERS[0]: "missing"}
    assert read(connection, (), QUARTERS).registers == {}


def test_what_power_stood_in_for_stays_so_once_the_counter_answers(numbers):
    """Else an event would be sure afterwards, and the digest of what was frozen would be found no more."""
    connection, ids = numbers
    meter, asked = (Term(POWER, 1),), frozenset(QUARTERS[:4])
    before = read(connection, {POWER}, asked)
    connection.execute(
        "UPDATE base.register SET method = 'register', counted_from = %s WHERE register_id = %s",
        (QUARTERS[4], ids["power"]),
    )
    after = read(connection, {POWER}, QUARTERS)
    assert after.digest(meter, asked) == before.digest(meter, asked)
    assert after.metered(meter, QUARTERS).unsure == dict.fromkeys(QUARTERS[:4], "by_power")


def test_a_finding_touches_its_quarter_hour_and_the_neighbours(numbers):
    connection, ids = numbers
    connection.execute(
        "INSERT INTO base.register_finding (park_id, register_id, at, kind, from_at, energy_wh, readings, found_at)"
        " SELECT park_id, register_id, %s, 'jumped', %s, 0, 0, now() FROM base.register WHERE register_id = %s",
        (QUARTERS[3] + timedelta(minutes=2), QUARTERS[3] + timedelta(minutes=1, milliseconds=500), ids["storage"]),
    )
    meter = (Term(STORAGE, 1),)
    evidence = read(connection, {STORAGE}, QUARTERS)
    assert evidence.metered(meter, QUARTERS).unsure == dict.fromkeys(QUARTERS[2:5], "finding")
    (told,) = evidence.findings(meter, QUARTERS)
    assert (told.kind, told.from_, told.at) == (
        "jumped",
        QUARTERS[3] + timedelta(minutes=1),
        QUARTERS[3] + timedelta(minutes=2),
    )
    assert evidence.findings(meter, QUARTERS[:2]) == ()
    assert evidence.totals(meter, (QUARTERS[:2], QUARTERS[1:3])) == [200, None]


def test_lines_are_canonical_and_their_digest_is_that_of_the_text(numbers):
    connection, ids = numbers
    correct(connection, ids["storage"], QUARTERS[0], 101, LATER, "late data")
    meter, asked = (Term(STORAGE, -1), Term(SITE, 1)), frozenset(QUARTERS[:1])
    now, then = (read(connection, {SITE, STORAGE}, asked, as_of=at) for at in (None, LATER - QUARTER))
    rest = "1782280799999,5,1782281700000,null]"
    site = f'["{SITE}","2026-06-24T06:00:00Z",1,"good",1000,{rest}'
    assert list(now.lines(meter, asked)) == [site, f'["{STORAGE}","2026-06-24T06:00:00Z",2,"good",101,{rest}']
    lines = [site, f'["{STORAGE}","2026-06-24T06:00:00Z",1,"good",100,{rest}']
    assert list(then.lines(meter, asked)) == lines
    assert then.digest(meter, asked) == hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert sorted(beside(asked)) == [START - QUARTER, START, START + QUARTER]


def test_what_cannot_be_read_is_refused_with_the_remedy(numbers):
    connection, _ = numbers
    with pytest.raises(EvidenceError, match="'site' is not the address of a register: park/gateway/device/signal"):
        read(connection, {"site"}, QUARTERS)
    many = frozenset(START + place * QUARTER for place in range(40_000))
    with pytest.raises(EvidenceError, match="600 registers over 40000 quarter hours are too many"):
        read(connection, {f"p/g/d-{number}/s" for number in range(600)}, many)


def test_resources_of_several_parks_are_read_park_by_park(numbers):
    """The same names in two parks are two registers, and each park is asked about its own alone."""
    connection, ids = numbers
    new_park(connection, "park-b")
    other = register(connection, "site", park="park-b", device_class="meter")
    site_b = SITE.replace("park-a", "park-b")
    for place, at in enumerate(QUARTERS):
        store(connection, other, at, 50 + place, 1)
    with mock.patch.object(vpp_evidence, "_rows", wraps=vpp_evidence._rows) as rows:
        found = read(connection, {SITE, STORAGE, site_b}, QUARTERS)
    meter = (Term(SITE, 1), Term(site_b, 1))
    assert list(found.metered(meter, QUARTERS).energy_wh.values()) == [1050, 1052, 1054, 1058, 1060]
    parks = dict(connection.execute("SELECT park, park_id FROM parks").fetchall())
    assert [tuple(call.args[1:3]) for call in rows.call_args_list] == [
        (parks["park-a"], [ids["site"], ids["storage"]]),
        (parks["park-b"], [other]),
    ]
    assert found.numbers(meter) == {(parks["park-a"], ids["site"]), (parks["park-b"], other)}
    connection.execute("UPDATE base.register SET settled_to = %s WHERE register_id <> %s", (LATER, ids["storage"]))
    assert waiting(connection, {site_b, STORAGE, SITE}, LATER) == [STORAGE]
    assert waiting(connection, {site_b, SITE, STORAGE}, LATER + QUARTER) == [SITE, STORAGE, site_b]


def test_registers_that_are_not_metered_so_far_are_named(numbers, dsn):
    connection, ids = numbers
    connection.execute("UPDATE base.register SET settled_to = %s WHERE register_id = %s", (LATER, ids["site"]))
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as mine:
        assert waiting(mine, {SITE, STORAGE}, LATER) == [STORAGE]
        assert waiting(mine, {SITE}, LATER + QUARTER) == [SITE]
        assert waiting(mine, (), LATER) == []


def test_a_grid_meter_stays_one_and_is_the_only_one_or_not(numbers):
    connection, _ = numbers
    assert site_meters(connection, {SITE, STORAGE}) == SiteMeters(frozenset(), frozenset())
    connection.execute("UPDATE base.device SET device_class = 'grid_meter' WHERE device = 'site'")
    alone = SiteMeters(frozenset({SITE}), frozenset({"park-a"}))
    assert site_meters(connection, {SITE, STORAGE}) == alone
    connection.execute("UPDATE base.device SET retired = true WHERE device = 'site'")
    register(connection, "site", park="park-a", device_class="meter")
    assert site_meters(connection, {SITE, STORAGE}) == alone, "a gateway that calls it a meter now moves no wire"
    register(connection, "site-2", park="park-a", device_class="grid_meter")
    assert site_meters(connection, {SITE, STORAGE}) == SiteMeters(frozenset({SITE}), frozenset())


def test_the_table_of_intervals_is_never_scanned(numbers):
    """Each register and span is a search in the primary key, also where a thousand registers are asked for."""
    connection, _ = numbers
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(FILL)
    connection.execute("ANALYZE base.interval_energy")
    spans = [START + timedelta(days=-place) for place in range(46)]
    values = {"registers": list(range(1, 1_001)), "starts": spans, "stops": [at + 20 * QUARTER for at in spans]}
    values["park_id"] = 1
    asked = b"EXPLAIN " + statement("evidence/intervals").encode()
    plan = "\n".join(line for (line,) in connection.execute(asked, values | {"none": -1, "as_of": None}))
    assert "Seq Scan on interval_energy" not in plan
    assert "Index Scan using interval_energy_pkey" in plan
    assert re.search(r"Index Cond: \(\(park_id = '?1\b.*\) AND \(register_id = k.register_id\) AND \(at >= ", plan)


FILL = """
INSERT INTO base.interval_energy
    (park_id, register_id, at, period_s, energy_wh, quality, expected, received, valid, estimated, late, revision,
     changed_at, cause)
SELECT 1, number, at, 900, 1, 1, 1, 1, 1, 0, 0, 1, at, 'metered'
FROM generate_series('2026-05-01'::timestamptz, '2026-05-21'::timestamptz, '15 minutes') AS at
CROSS JOIN generate_series(100, 120) AS number
"""
