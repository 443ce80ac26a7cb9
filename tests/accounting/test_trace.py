"""A month through the store and metering, its figures followed back to the readings, and computed again by hand.

What the park did is known here beforehand, in whole Wh every five minutes: no expectation comes from the program.
"""

import json
import math
import random
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.address import AddressError, BillAddress, IndicatorAddress, IntervalAddress
from parkgrid_accounting.bills.bill import bill_of
from parkgrid_accounting.bills.closings import close_month, closed_bill, reopen_touched
from parkgrid_accounting.trace.answer import NotTracedError
from tests.accounting.billing import At
from tests.accounting.february import (
    ACCOUNT,
    AFTER,
    AFTER_MS,
    COUNT,
    MODULUS_WH,
    MONTH,
    QUARTER_MS,
    SIGNALS,
    STEP_MS,
    Month,
    february,
    kept_month,
)
from tests.accounting.february import _outage as outage
from tests.metering.park import EPOCH

__all__ = ["february", "kept_month"]


def interval(register: tuple[str, str], start_ms: int, revision: int | None = None) -> IntervalAddress:
    return IntervalAddress("gaoxin-nan", "gw-1", *register, start_ms, revision)


def test_random_intervals_are_what_the_registers_counted(february: Month) -> None:
    random_ = random.Random(1)
    for _ in range(25):
        register = random_.choice(list(SIGNALS))
        start_ms = MONTH.start_ms + random_.randrange(COUNT // 3) * QUARTER_MS
        places = range((start_ms - MONTH.start_ms) // STEP_MS, (start_ms - MONTH.start_ms) // STEP_MS + 4)
        if any(outage(place) for place in places):
            continue
        found = february.trace(interval(register, start_ms))
        expected = february.wh(register, start_ms, start_ms + QUARTER_MS)
        assert found.published == found.recomputed == expected / 1000
        assert found.equal
        first, *_, last = found.readings
        assert (first.at_ms, last.at_ms) == (start_ms, start_ms + QUARTER_MS)
        assert round((last.value - first.value) * 1000) % MODULUS_WH == expected
        assert {each.epoch for each in found.readings} == {EPOCH}


def test_every_reading_names_the_batch_it_came_in(february: Month) -> None:
    start_ms = MONTH.start_ms + 5 * 86_400_000
    found = february.trace(interval(("pv-1", "energy_generated_kwh"), start_ms))
    for reading in found.readings:
        ((epoch, seq),) = february.park.ask(
            "SELECT e.epoch, r.seq FROM base.pv_inverter r JOIN base.gateway_epoch e USING (park_id, epoch_id) "
            "WHERE r.at = to_timestamp(%s)",
            reading.at_ms / 1000,
        )
        assert (reading.epoch, reading.seq) == (epoch, seq)
    (register,) = found.registers
    (batches,) = register.batches
    assert (batches.gateway, batches.epoch) == ("gaoxin-nan/gw-1", EPOCH)
    assert batches.readings == register.readings >= 4


SPREAD_H = ((10, 12.25), (11, 11.25))
"""The outage and one quarter hour of it."""


def test_an_outage_is_spread_and_traced_as_an_estimate(february: Month) -> None:
    start_ms = MONTH.start_ms + 10 * 86_400_000 + 11 * 3_600_000
    register = ("pv-1", "energy_generated_kwh")
    found = february.trace(interval(register, start_ms))
    assert found.equal
    assert found.details["quality"] == "estimated"
    assert found.details["received"] == 0
    # The readings on both sides: 10:00 and 12:15 local.
    assert [each.at_ms - start_ms for each in found.readings] == [-3_600_000, 4_500_000]
    spread = february.wh(register, start_ms - 3_600_000, start_ms + 4_500_000)
    # Without coordinates by half a sine from 6 to 18 h of the park's clock: an hour is 15 degrees of it.
    whole, part = (math.cos(math.radians(15 * (a - 6))) - math.cos(math.radians(15 * (b - 6))) for a, b in SPREAD_H)
    assert found.details["spread"] == "clock"
    assert found.published == pytest.approx(spread / 1000 * part / whole, abs=0.001)


INDICATORS = {
    # Of what the sun gave, the part that was not exported; of what was used, the part that was not imported.
    "self_consumption_ratio": lambda pv, took, gave: (pv - gave) / pv,  # noqa: ARG005 - of the sun alone
    "self_sufficiency_ratio": lambda pv, took, gave: 1 - took / (took - gave + pv),
    "consumption_kwh": lambda pv, took, gave: took - gave + pv,
    "standard_coal_equivalent_tce": lambda pv, took, gave: took * 0.1229 / 1000,  # noqa: ARG005 - of grid energy alone
}


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_comes_out_again(february: Month, name: str) -> None:
    found = february.trace(IndicatorAddress("gaoxin-nan", name, MONTH))
    energies = (february.kwh(register) for register in reversed(SIGNALS))
    pv, gave, took = energies
    assert found.equal
    assert found.published == found.recomputed == pytest.approx(INDICATORS[name](pv, took, gave), rel=1e-9)
    assert found.coverage_pct == 100
    assert found.estimated_pct == pytest.approx(100 * 9 / 2_688)  # nine quarter hours of the outage
    assert found.definition.formula
    for register in found.registers:
        truth = february.wh((register.source.device, register.source.signal))
        assert register.energy_wh == register.recomputed_wh == truth
        assert len(register.intervals) == 28 * 96
        assert sum(batches.readings for batches in register.batches) == register.readings >= COUNT - 26
    for each in found.inputs:
        assert each.value == each.recomputed
        assert each.known == 2_688


def test_a_bill_line_comes_out_again(february: Month) -> None:
    with february.connection() as connection:
        bill = bill_of(connection, ACCOUNT, "2026-02", clock=At(AFTER))
    assert len(bill.lines) >= 3
    for line in bill.lines:
        found = february.trace(BillAddress("gaoxin-nan", ACCOUNT, MONTH, line.code))
        assert found.equal, line.code
        assert found.published == found.recomputed == line.amount_cny
        if line.price is not None:
            by_hand = (line.quantity * line.price).quantize(Decimal("0.01"), ROUND_HALF_UP)
            assert by_hand == line.amount_cny
    total = february.trace(BillAddress("gaoxin-nan", ACCOUNT, MONTH, "total"))
    assert total.published == total.recomputed == sum(line.amount_cny for line in bill.lines)
    # Import and export of the account's one meter.
    assert {each.source.signal for each in total.registers} >= {"energy_import_kwh"}
    assert bill.energy_kwh == Decimal(february.wh(("grid-1", "energy_import_kwh"))) / 1000
    valley = [line for line in bill.lines if "valley" in line.code and line.unit == "kWh"]
    # Guangdong's valley: 00:00 to 08:00 local.
    steps = february.truth_wh["grid-1", "energy_import_kwh"]
    by_hand_wh = sum(wh for place, wh in enumerate(steps) if (place * 5 // 60) % 24 < 8)
    outage_free = Decimal(by_hand_wh) / 1000
    assert {line.quantity for line in valley} == {outage_free}


def test_a_figure_that_is_not_what_its_readings_give_is_found(february: Month) -> None:
    month = february
    start_ms = MONTH.start_ms + 40 * QUARTER_MS
    register = ("grid-1", "energy_import_kwh")
    with month.connection() as connection:
        connection.execute(
            "UPDATE base.interval_energy SET energy_wh = energy_wh + 1 WHERE at = to_timestamp(%s) "
            "AND register_id = (SELECT register_id FROM base.register JOIN base.device USING (device_id) "
            "WHERE device = 'grid-1' "
            "AND signal = 'energy_import_kwh')",
            (start_ms / 1000,),
        )
    tampered = month.trace(interval(register, start_ms))
    assert not tampered.equal
    assert round((tampered.published - tampered.recomputed) * 1000) == 1  # type: ignore[operator]
    figure = month.trace(IndicatorAddress("gaoxin-nan", "consumption_kwh", MONTH))
    assert not figure.equal
    (wrong,) = [each for each in figure.registers if not each.equal]
    assert [each.at_ms for each in wrong.intervals if not each.equal] == [start_ms]


def test_late_data_former_values_and_closed_months(february: Month) -> None:
    month, park = february, february.park
    with month.connection() as connection:
        first = close_month(connection, ACCOUNT, "2026-02", "anna", clock=At(AFTER))
    register = ("grid-1", "energy_import_kwh")
    # A reading of the outage comes a week late: 11:00 local on the 11th, with the true register.
    at_ms = MONTH.start_ms + 10 * 86_400_000 + 11 * 3_600_000
    before = month.trace(interval(register, at_ms))
    told = (99_000_000 + month.wh(register, MONTH.start_ms, at_ms)) % MODULUS_WH
    late_ms = AFTER_MS + 7 * 86_400_000
    park.store_readings(
        [(park.devices["grid-1"], at_ms, {"energy_import_kwh": told})], "grid_meter", received_ms=late_ms
    )
    park.metered(late_ms + 1_000)
    now = month.trace(interval(register, at_ms))
    assert now.details["revision"] == 2
    assert now.equal
    assert now.published != before.published
    former = month.trace(interval(register, at_ms, 1))
    assert former.published == former.recomputed == before.published
    assert former.equal
    assert "superseded by revision 2" in former.notes[0]
    with pytest.raises(NotTracedError, match="revisions are 1 to 2"):
        month.trace(interval(register, at_ms, 3))
    with month.connection() as connection:
        reopen_touched(connection, datetime(2027, 1, 1, tzinfo=UTC), At(datetime(2026, 3, 10, tzinfo=UTC)))
        second = closed_bill(connection, ACCOUNT, "2026-02")
    assert second.closing is not None
    assert second.closing.revision == 2
    for revision, bill in ((1, first), (2, second), (None, second)):
        found = month.trace(BillAddress("gaoxin-nan", ACCOUNT, MONTH, "total", revision), late_ms)
        assert found.equal, revision
        assert found.published == found.recomputed == bill.total_cny
    with pytest.raises(NotTracedError, match="revisions are 1 to 2"):
        month.trace(BillAddress("gaoxin-nan", ACCOUNT, MONTH, "total", 7), late_ms)


def test_what_does_not_exist_is_refused_in_words(february: Month) -> None:
    for address, said in (
        ("interval/gaoxin-nan/gw-1/pv-9/energy_generated_kwh/2026-02-03T00:00:00Z", "no register"),
        ("interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/2026-02-03T00:07:00Z", "900 s long"),
        ("interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/2027-02-03T00:00:00Z", "nothing is stored"),
        ("bill/gaoxin-nan/0400-%E5%9D%AA%E5%B1%B1%2F1/2026-02/nonsense", "its lines are"),
        ("bill/gaoxin-bei/0400-%E5%9D%AA%E5%B1%B1%2F1/2026-02/total", "belongs to park gaoxin-nan"),
        ("indicator/gaoxin-nan/self_consumption_ratio/2026-02@2", "computed from the intervals"),
        ("cluster/nothing/energy/2026-Q1", "no cluster"),
        ("cluster/nothing/energy/2026-02", "2026-02"),
    ):
        with pytest.raises(NotTracedError, match=said):
            february.trace(address)
    with pytest.raises(AddressError):
        february.trace("nonsense")


def test_the_command_prints_a_tree_and_json(february: Month) -> None:
    address = str(IndicatorAddress("gaoxin-nan", "self_consumption_ratio", MONTH))
    shown = CliRunner().invoke(app, ["trace", address, "--dsn", february.dsn])
    assert shown.exit_code == 0, shown.output
    for part in (address, "equal", "formula", "gaoxin-nan/gw-1/pv-1/energy_generated_kwh", "2688 intervals of 900 s",
                 "modulus 100000000", f"gaoxin-nan/gw-1 epoch {EPOCH}"):  # fmt: skip
        assert part in shown.output, part
    assert len(shown.output.splitlines()) < 60
    full = CliRunner().invoke(app, ["trace", address, "--dsn", february.dsn, "--full"])
    assert len(full.output.splitlines()) > 2 * 2_688
    told = json.loads(CliRunner().invoke(app, ["trace", address, "--dsn", february.dsn, "--json"]).output)
    assert told["equal"] is True
    assert {each["source"]["device"] for each in told["registers"]} == {"grid-1", "pv-1"}


def test_the_command_refuses_in_words(february: Month) -> None:
    for arguments, said in (
        (["trace", "nonsense", "--dsn", february.dsn], "starts with one of"),
        (["trace", "indicator/nowhere/load_factor/2026-02", "--dsn", february.dsn], "nowhere"),
        (["trace", "indicator/p/load_factor/2026", "--dsn", "postgresql://127.0.0.1:1/x"], "database does not answer"),
    ):
        refused = CliRunner().invoke(app, arguments)
        assert refused.exit_code == 2
        assert said in refused.output
        assert "Traceback" not in refused.output
