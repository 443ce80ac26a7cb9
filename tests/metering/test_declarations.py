"""Declarations: kept for ever, refused with a remedy, and changing exactly their register from their instant on."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_metering.declarations import Wish, declare, declared
from parkgrid_metering.errors import DeclarationError
from tests.metering.park import METERED_AT, meter

REGISTER = "gaoxin-nan/gw-1/m-1/energy_import_kwh"


def wish(**more):
    at = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
    return Wish(**({"register": REGISTER, "valid_from": at, "by": "Li Wei", "reason": "work order 4711"} | more))


def filled(park, values):
    """Two meters that read the same."""
    park.born(meter(), meter("m-2"))
    park.register_values(values)
    park.register_values(values, "m-2")
    park.metered()


SWAP = {
    "05 00:45": 9_000_000,
    "05 00:50": 9_000_100,
    "05 00:55": 9_000_200,
    # 01:00 the meter is changed: the old one went to 9,000.300 kWh, the new one began at 0.050 kWh with ratio 80
    "05 01:05": 60,
    "05 01:10": 70,
    "05 01:15": 80,
    "05 01:20": 90,
}


def test_a_meter_swap_with_a_new_ratio_is_counted_on_both_sides(park, dsn):
    """00:45 to 01:00 is 0.300 kWh of the old meter; 01:00 to 01:15 is (0.080 - 0.050) x 80 = 2.4 kWh of the new."""
    filled(park, SWAP)
    others = [row for row in park.ask("SELECT * FROM interval_energy ORDER BY register_id, at") if row[4] != "m-1"]
    undeclared = park.energies()
    with psycopg.connect(dsn, autocommit=True) as connection:
        swap = wish(ratio=Fraction(80), final_kwh=Decimal("9000.3"), initial_kwh=Decimal("0.05"))
        declare(connection, swap, METERED_AT)
    report = park.metered()
    energies = park.energies()
    assert energies["05 00:45"] == (pytest.approx(0.3, abs=1e-9), "good")
    assert energies["05 01:00"] == (pytest.approx(2.4, abs=1e-9), "good")
    assert undeclared != energies
    assert [r for r in park.ask("SELECT * FROM interval_energy ORDER BY register_id, at") if r[4] != "m-1"] == others
    changed = park.ask("SELECT superseded_by, superseded_cause, device FROM interval_energy_revisions")
    assert len(changed) == report.changed > 0
    assert set(changed) == {("Li Wei", "declaration: work order 4711", "m-1")}
    assert park.metered().changed == 0


def test_a_declared_width_turns_a_reset_into_a_roll_over(park, dsn):
    """Undeclared, 9,999.9 to 0.2 kWh may be a reset; with 10,000 kWh it is 0.3 kWh more."""
    filled(park, {"05 00:00": 9_999_700, "05 00:05": 9_999_900, "05 00:10": 200, "05 00:15": 300, "05 00:20": 400})
    assert park.energies()["05 00:00"][1] != "good"
    with psycopg.connect(dsn, autocommit=True) as connection:
        width = wish(valid_from=datetime(2026, 1, 1, tzinfo=UTC), modulus_kwh=Decimal(10_000))
        declare(connection, width, METERED_AT)
    park.metered()
    assert park.energies()["05 00:00"] == (pytest.approx(0.6, abs=1e-9), "good")
    assert park.energies("m-2")["05 00:00"][1] != "good"


def test_a_later_declaration_leaves_what_was_before_it(park, dsn):
    """From 01:00 on everything counts threefold; 00:45 does not, and what is not given goes on."""
    filled(park, {f"05 {minute // 60:02}:{minute % 60:02}": minute * 100 for minute in range(0, 121, 5)})
    with psycopg.connect(dsn, autocommit=True) as connection:
        three = wish(ratio=Fraction(3), modulus_kwh=Decimal(1_000), final_kwh=Decimal(6), initial_kwh=Decimal(6))
        declare(connection, three, METERED_AT)
        half_past = datetime(2026, 3, 5, 1, 30, tzinfo=UTC)
        five = wish(valid_from=half_past, ratio=Fraction(5), final_kwh=Decimal(9), initial_kwh=Decimal(9))
        declare(connection, five, METERED_AT)
        rows = [each for each in declared(connection) if each.register == REGISTER]
    park.metered()
    energies = {at: energy for at, (energy, _) in park.energies().items()}
    assert [energies[f"05 {at}"] for at in ("00:45", "01:00", "01:15", "01:30", "01:45")] == [1.5, 4.5, 4.5, 7.5, 7.5]
    assert [(each.modulus_kwh, each.ratio_numerator) for each in rows] == [(1000.0, 3), (1000.0, 5)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"register": "gaoxin-nan/gw-1/m-1"}, "park/gateway/device/signal"),
        ({"register": "gaoxin-nan/gw-1/m-9/energy_import_kwh"}, "there is gaoxin-nan/gw-1/m-1/energy_import_kwh"),
        ({"by": " "}, "--by"),
        ({"reason": ""}, "--reason"),
        ({"ratio": Fraction(0)}, "80/1"),
        ({"final_kwh": Decimal("1.0005")}, "three decimals"),
        ({"initial_kwh": Decimal(-1)}, "from 0 up"),
        ({"modulus_kwh": Decimal("NaN")}, "--modulus-kwh NaN"),
        ({"modulus_kwh": Decimal(10), "initial_kwh": Decimal(10)}, "ends below"),
    ],
)
def test_what_cannot_be_declared_is_refused_with_a_remedy(park, dsn, change, says):
    park.born(meter())
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        pytest.raises(DeclarationError, match=says.replace("/", ".")),
    ):
        declare(connection, wish(**change), METERED_AT)
    assert park.ask("SELECT count(*) FROM base.register_declaration") == [(0,)]
    assert park.ask("SELECT count(*) FROM base.register_dirty") == [(0,)]


@pytest.mark.parametrize("relation", ["register_declaration", "interval_energy_revision"])
@pytest.mark.parametrize("change", ["UPDATE base.{} SET register_id = 1", "DELETE FROM base.{}", "TRUNCATE base.{}"])
def test_what_was_said_cannot_be_unsaid(dsn, relation, change):
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        pytest.raises(psycopg.IntegrityError, match="append-only"),
    ):
        connection.execute(change.format(relation))


def test_the_command_line_declares_and_lists(park, dsn):
    park.born(meter(ratings={"register_ratio": 20.0}))
    run = CliRunner()
    arguments = ["registers", "declare", REGISTER, "--dsn", dsn, "--from", "2026-03-05T09:00+08:00", "--ratio", "80/1"]
    arguments += ["--modulus-kwh", "10000", "--final-kwh", "81.5", "--by", "Li Wei", "--reason", "new transformer"]
    made = run.invoke(app, arguments)
    assert (made.exit_code, "is computed again" in made.output) == (0, True)
    shown = run.invoke(app, ["registers", "list", "--dsn", dsn]).output.splitlines()
    assert shown[0] == f"{REGISTER}  kWh, 900 s, register"
    assert shown[1].startswith("    from the beginning: width unknown, ratio 20/1 (nameplate, ")
    assert shown[2].startswith(
        "    from 2026-03-05T01:00:00+00:00: width 10000 kWh, ratio 80/1, final 81.500 kWh (Li Wei, "
    )
    wrong = run.invoke(app, [*arguments[:-6], "--final-kwh", "81,5", "--by", "x", "--reason", "y"])
    assert (wrong.exit_code, "81,5" in wrong.output, "Traceback" in wrong.output) == (1, True, False)
