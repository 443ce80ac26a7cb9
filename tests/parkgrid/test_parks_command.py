"""`parkgrid parks`: a person says where a park lies, and is told when the park or the place does not exist."""

from datetime import UTC, datetime

import psycopg
from typer.testing import CliRunner

from parkgrid.cli import app
from tests.accounting.billing import new_park, register

AT = datetime(2026, 6, 1, 4, tzinfo=UTC)
PV = "energy_generated_kwh"
INTERVAL = """
INSERT INTO base.interval_energy (park_id, register_id, at, period_s, energy_wh, quality, expected, received, valid,
                                  estimated, late, revision, changed_at, cause)
SELECT park_id, register_id, '2026-06-01T04:00Z', 900, 1, %(quality)s, 1, 1, 1, 0, 0, 1, now(), 'metered'
FROM base.register WHERE register_id = %(register)s
"""


def run(*arguments: str):
    return CliRunner().invoke(app, ["parks", *arguments])


def test_a_park_is_placed_and_listed(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO base.park (park) VALUES ('gaoxin-nan'), ('elsewhere')")
    placed = run("place", "gaoxin-nan", "--latitude", "22.69", "--longitude", "114.35", "--dsn", dsn)
    assert (placed.exit_code, placed.output) == (0, "gaoxin-nan: 22.69 °N, 114.35 °E\n")
    assert run("list", "--dsn", dsn).output.splitlines() == [
        "elsewhere  Asia/Shanghai  no coordinates",
        "gaoxin-nan  Asia/Shanghai  22.69 °N, 114.35 °E",
    ]


def test_a_park_that_is_placed_elsewhere_has_its_gaps_spread_anew(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        new_park(connection, "gaoxin-nan")
        signals = {name: register(connection, name, PV, device_class="pv_inverter") for name in ("pv-1", "pv-2")}
        for name, quality in (("pv-1", 2), ("pv-2", 1)):
            connection.execute(INTERVAL, {"register": signals[name], "quality": quality})
        for _ in range(2):
            run("place", "gaoxin-nan", "--latitude", "22.69", "--longitude", "114.35", "--dsn", dsn)
            found = connection.execute("SELECT register_id, from_at, cause FROM base.register_dirty").fetchall()
            assert found == [(signals["pv-1"], AT, "coordinates of the park")], "at the same place nothing is done"


def test_a_place_that_is_none_and_a_park_that_nobody_knows_are_refused(dsn):
    unknown = run("place", "gaoxin", "--latitude", "22.69", "--longitude", "114.35", "--dsn", dsn)
    assert unknown.exit_code == 1
    assert "no park 'gaoxin'" in unknown.output
    assert "parkgrid parks list" in unknown.output
    impossible = run("place", "gaoxin", "--latitude", "114.35", "--longitude", "22.69", "--dsn", dsn)
    assert impossible.exit_code == 2
    assert "90" in impossible.output
