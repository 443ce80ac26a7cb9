"""Admission: every value ends stored, stored with a flag, or quarantined with a reason; a valid neighbour survives."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason
from parkgrid_contract.sample import Quality
from parkgrid_ingest.admission import Arrival, admit
from parkgrid_ingest.decode import Reading, decode
from parkgrid_ingest.quarantine import DetailBudget, Refused
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit
from parkgrid_ingest.settings import AdmissionSettings

GATEWAY = Gateway("park", "gw-1")
NOW = 1_795_000_000_000
DAY = 86_400_000
DEVICES = {"m-1": (11, "meter"), "m-2": (12, "meter"), "pv-1": (21, "pv_inverter"), "gw-1": (31, "gateway")}


def arrival(*readings: Reading, seq: int = 1, received_ms: int = NOW) -> Arrival:
    return Arrival(BatchHeader(GATEWAY, 5, seq, 1, False, received_ms), readings, (), DEVICES, rated_kw={12: 100.0})


def reading(device: str = "m-1", at_ms: int = NOW, flags: Any = None, **values: float) -> Reading:
    return Reading(device, at_ms, values, flags) if flags else Reading(device, at_ms, values)


def admitted(*arrivals: Arrival, budget: DetailBudget | None = None) -> tuple[Commit, Refused]:
    refused = Refused(budget or DetailBudget())
    return admit(arrivals, refused), refused


def only(commit: Commit) -> ClassRows:
    (rows,) = commit.rows
    return rows


def row(rows: ClassRows, index: int) -> dict[str, int]:
    """The values of a row that are present."""
    found = {}
    for name, column in rows.values.items():
        present = rows.present.get(name)
        if present is None or present[index]:
            found[name] = int(column[index])
    return found


def table(rows: ClassRows) -> dict[tuple[int, int], dict[str, int]]:
    return {(int(rows.device_id[n]), int(rows.at_ms[n])): row(rows, n) for n in range(len(rows.batch))}


def test_readings_become_columns_of_scaled_integers() -> None:
    commit, refused = admitted(
        arrival(reading(active_power_kw=12.345, energy_import_kwh=1000.5), seq=1),
        arrival(reading("m-2", active_power_kw=-1, energy_import_kwh=7), reading("pv-1", limit_pct=99.95), seq=2),
    )
    assert [header.seq for header in commit.batches] == [1, 2]
    meter, inverter = commit.rows
    assert (meter.device_class, inverter.device_class) == ("meter", "pv_inverter")
    assert meter.batch.tolist() == [0, 1]
    assert table(meter) == {
        (11, NOW): {"active_power_kw": 12_345, "energy_import_kwh": 1_000_500},
        (12, NOW): {"active_power_kw": -1_000, "energy_import_kwh": 7_000},
    }
    assert table(inverter) == {(21, NOW): {"limit_pct": 1_000}}  # 999.5 steps go to the even neighbour
    assert meter.batch.dtype == np.int32
    assert meter.at_ms.dtype == np.int64
    assert all(column.dtype == np.int64 for column in meter.values.values())
    assert not refused.counts


def test_readings_with_different_signals_share_a_table_with_gaps() -> None:
    commit, _ = admitted(
        arrival(
            reading(at_ms=NOW, active_power_kw=1),
            reading(at_ms=NOW + 1, frequency_hz=50, active_power_kw=2),
            reading(at_ms=NOW + 2, active_power_kw=3, frequency_hz=51),
        )
    )
    assert table(only(commit)) == {
        (11, NOW): {"active_power_kw": 1_000},
        (11, NOW + 1): {"frequency_hz": 5_000, "active_power_kw": 2_000},
        (11, NOW + 2): {"frequency_hz": 5_100, "active_power_kw": 3_000},
    }


def test_what_is_present_everywhere_needs_no_mask() -> None:
    commit, _ = admitted(arrival(reading(active_power_kw=1), reading("m-2", active_power_kw=2)))
    assert set(only(commit).present.values()) == {None}


def test_out_of_range_is_stored_with_a_flag() -> None:
    commit, refused = admitted(arrival(reading(frequency_hz=80.5, active_power_kw=1), reading("m-2", frequency_hz=50)))
    rows = only(commit)
    assert table(rows)[11, NOW] == {"frequency_hz": 8_050, "active_power_kw": 1_000}
    assert table(rows)[12, NOW] == {"frequency_hz": 5_000}
    assert list(rows.flags.values()) == [b'{"frequency_hz":"out_of_range"}']
    assert not refused.counts


@pytest.mark.parametrize("soc", [-0.2, 130.0])
def test_an_impossible_state_of_charge_is_flagged(soc: float) -> None:
    refused = Refused(DetailBudget())
    header = BatchHeader(GATEWAY, 5, 1, 1, False, NOW)
    storage = Arrival(header, [reading("b-1", soc_pct=soc)], (), {"b-1": (1, "storage")}, rated_kw={})
    assert json.loads(only(admit([storage], refused)).flags[0]) == {"soc_pct": "out_of_range"}


def test_a_power_beyond_a_fifth_above_the_rating_is_flagged_whoever_sent_it() -> None:
    """m-2 is rated 100 kW: 120 kW may be, 120.001 kW in either direction may not. m-1 has no rating."""
    powers = {
        "active_power_kw": 119.0,
        "active_power_a_kw": -120.001,
        "demand_kw": 429_496.7,
        "apparent_power_kva": 130,
    }
    commit, _ = admitted(
        arrival(
            reading("m-1", active_power_kw=429_496.0),
            reading("m-2", active_power_kw=-120.001, frequency_hz=50),
            reading("m-2", NOW - 1, active_power_kw=120, frequency_hz=50),
            reading("m-2", NOW - 2, flags={"active_power_kw": Quality.ESTIMATED}, **powers),
            reading("m-2", NOW - 3, flags={"active_power_kw": Quality.BAD}, active_power_kw=500),
        )
    )
    rows = only(commit)
    told = {int(rows.at_ms[index]) - NOW: json.loads(text) for index, text in rows.flags.items()}
    assert told == {
        0: {"active_power_kw": "out_of_range"},
        -2: {"active_power_kw": "estimated", "active_power_a_kw": "out_of_range", "demand_kw": "out_of_range"},
        -3: {"active_power_kw": "bad"},
    }
    assert table(rows)[12, NOW]["active_power_kw"] == -120_001, "the store takes it out of its column"


@pytest.mark.parametrize("rated_kw", [{}, {1: 0.0}, {1: -5.0}])
def test_a_rating_that_says_nothing_bounds_nothing(rated_kw: dict[int, float]) -> None:
    header = BatchHeader(GATEWAY, 5, 1, 1, False, NOW)
    meter = Arrival(header, [reading("m-1", active_power_kw=7)], (), {"m-1": (1, "meter")}, rated_kw=rated_kw)
    assert only(admit([meter], Refused(DetailBudget()))).flags == {}


def test_flags_travel_with_their_row_and_the_worse_one_wins() -> None:
    told = {"frequency_hz": Quality.BAD, "active_power_kw": Quality.ESTIMATED}
    commit, _ = admitted(
        arrival(
            reading(at_ms=NOW - 1, frequency_hz=50),
            reading(flags=told, frequency_hz=90, active_power_kw=600_000.0),
            reading(at_ms=NOW - 2, frequency_hz=51),
        )
    )
    rows = only(commit)
    (index,) = rows.flags
    assert int(rows.at_ms[index]) == NOW
    assert json.loads(rows.flags[index]) == {"frequency_hz": "bad", "active_power_kw": "out_of_range"}


@pytest.mark.parametrize("value", [1e308, -1e308, 2.0**53, 1e17, 99_999_999_999_999_999_999])
def test_a_number_that_no_column_can_hold_is_quarantined_alone(value: float) -> None:
    commit, refused = admitted(
        arrival(reading(energy_import_kwh=value, active_power_kw=3), reading("m-2", frequency_hz=50))
    )
    assert table(only(commit)) == {(11, NOW): {"active_power_kw": 3_000}, (12, NOW): {"frequency_hz": 5_000}}
    (entry,) = commit.quarantined
    assert (entry.reason, entry.location, entry.device) == (Reason.NOT_REPRESENTABLE, "values.energy_import_kwh", "m-1")
    assert entry.content == repr(value)
    assert refused.counts == {"not_representable": 1}
    assert only(commit).flags == {}


def test_a_reading_of_which_nothing_can_be_stored_leaves_no_row() -> None:
    commit, _ = admitted(arrival(reading(active_power_kw=1e300), reading("m-2", active_power_kw=5)))
    assert table(only(commit)) == {(12, NOW): {"active_power_kw": 5_000}}
    commit, _ = admitted(arrival(reading(active_power_kw=1e300)))
    assert commit.rows == []
    assert len(commit.quarantined) == 1


@pytest.mark.parametrize(
    ("at_ms", "reason"),
    [
        (0, Reason.TIME_TOO_OLD),
        (-1, Reason.TIME_TOO_OLD),
        (946_684_799_999, Reason.TIME_TOO_OLD),
        (NOW // 1_000, Reason.TIME_TOO_OLD),  # seconds for milliseconds
        (NOW * 1_000, Reason.TIME_IN_FUTURE),  # microseconds
        (NOW + 300_001, Reason.TIME_IN_FUTURE),
        (4_291_747_200_000, Reason.TIME_IN_FUTURE),  # 2106
        (2**53 - 1, Reason.TIME_IN_FUTURE),
    ],
)
def test_a_stamp_that_cannot_be_believed_is_quarantined_and_its_neighbours_stored(at_ms: int, reason: Reason) -> None:
    commit, refused = admitted(
        arrival(reading(active_power_kw=1), reading(at_ms=at_ms, active_power_kw=2), reading("m-2", active_power_kw=3))
    )
    assert table(only(commit)) == {(11, NOW): {"active_power_kw": 1_000}, (12, NOW): {"active_power_kw": 3_000}}
    (entry,) = commit.quarantined
    assert (entry.reason, entry.location, entry.content) == (reason, "at", str(at_ms))
    assert refused.counts == {reason.value: 1}


@pytest.mark.parametrize("at_ms", [946_684_800_000, NOW - 1, NOW + 300_000])
def test_the_ends_of_believable_time_are_stored(at_ms: int) -> None:
    commit, refused = admitted(arrival(reading(at_ms=at_ms, active_power_kw=2)))
    assert table(only(commit)) == {(11, at_ms): {"active_power_kw": 2_000}}
    assert not refused.counts


def test_a_live_gateway_is_believed_from_its_own_oldest_stamp_on() -> None:
    oldest = NOW - 400 * DAY
    readings = [reading(at_ms=oldest - 1, active_power_kw=1), reading(at_ms=oldest, active_power_kw=2)]
    commit, refused = admitted(replace(arrival(*readings, seq=1), oldest_ms=oldest), arrival(*readings, seq=2))
    rows = only(commit)
    assert list(zip(rows.batch.tolist(), rows.at_ms.tolist(), strict=True)) == [
        (0, oldest),
        (1, oldest - 1),
        (1, oldest),
    ]
    (entry,) = commit.quarantined
    assert (entry.reason, entry.location, entry.batch) == (Reason.TIME_TOO_OLD, "at", 0)
    assert entry.content == f"{oldest - 1}: 2025-10-14T11:06Z is before 2025-10-14T11:06Z"
    assert refused.counts == {"time_too_old": 1}


@pytest.mark.parametrize(
    ("since_days", "settings", "expected_days"),
    [
        (0, AdmissionSettings(), 92),  # connected today: what it read in the quarter before
        (300, AdmissionSettings(), 392),
        (2_000, AdmissionSettings(), 400),  # known for long: an outage of a year and more
        (2_000, AdmissionSettings(late_days=30), 30),
        (2_000, AdmissionSettings(late_days=0), 2_092),
        (2_000, AdmissionSettings(late_days=0, before_known_days=0), None),
        (9_999, AdmissionSettings(late_days=0), None),  # never before 2000
    ],
)
def test_how_far_back_a_live_gateway_is_believed(
    since_days: int, settings: AdmissionSettings, expected_days: int | None
) -> None:
    expected = 946_684_800_000 if expected_days is None else NOW - expected_days * DAY
    assert settings.oldest_ms(NOW - since_days * DAY, NOW) == expected


def test_a_batch_lies_on_forty_days_at_most_and_the_newest_of_them_stay() -> None:
    """A clock that jumps with every reading, in a batch; a neighbour batch of many days is judged by itself."""
    wild = [reading(at_ms=NOW - n * 30 * DAY, active_power_kw=n) for n in range(100)]
    calm = [reading("m-2", at_ms=NOW - n * DAY, active_power_kw=n) for n in range(40)]
    commit, refused = admitted(arrival(*wild, seq=1), arrival(*calm, seq=2))
    rows = only(commit)
    assert sorted(rows.at_ms[rows.batch == 0].tolist()) == [NOW - n * 30 * DAY for n in reversed(range(40))]
    assert sorted(rows.at_ms[rows.batch == 1].tolist()) == [NOW - n * DAY for n in reversed(range(40))]
    assert refused.counts == {"too_many": 60}
    assert {entry.content.split(": ")[1] for entry in commit.quarantined} == {"more than 40 days in one batch"}


def test_each_batch_is_measured_against_its_own_time_of_receipt() -> None:
    late = NOW + 3_600_000
    commit, refused = admitted(
        arrival(reading(at_ms=late, active_power_kw=1), seq=1),
        arrival(reading(at_ms=late, active_power_kw=2), seq=2, received_ms=late),
    )
    assert only(commit).batch.tolist() == [1]
    assert refused.counts == {"time_in_future": 1}
    assert commit.quarantined[0].batch == 0


def test_an_unknown_device_is_quarantined_and_its_neighbours_stored() -> None:
    commit, _ = admitted(arrival(reading("m-9", active_power_kw=1), reading("m-2", active_power_kw=2)))
    assert table(only(commit)) == {(12, NOW): {"active_power_kw": 2_000}}
    (entry,) = commit.quarantined
    assert (entry.reason, entry.device, entry.park, entry.gateway) == (Reason.UNKNOWN_DEVICE, "m-9", "park", "gw-1")
    assert (entry.epoch, entry.seq, entry.batch) == (5, 1, 0)


def test_an_unknown_signal_is_quarantined_and_the_others_of_its_reading_stored() -> None:
    commit, _ = admitted(arrival(reading(active_power_kw=1, mood=7, frequency_hz=50), reading(at_ms=NOW - 1, mood=1)))
    assert table(only(commit)) == {(11, NOW): {"active_power_kw": 1_000, "frequency_hz": 5_000}}
    (entry,) = commit.quarantined
    assert (entry.reason, entry.location, entry.occurrences) == (Reason.UNKNOWN_SIGNAL, "values.mood", 2)


def test_a_signal_of_another_class_is_unknown() -> None:
    _, refused = admitted(arrival(reading(soc_pct=50)))
    assert refused.counts == {"unknown_signal": 1}


def test_a_million_names_are_counted_but_not_written_down() -> None:
    budget = DetailBudget(burst=50, per_s=10)
    names = [{f"made_up_{n}_{m}": 1.0 for m in range(1_000)} for n in range(20)]
    flood = arrival(
        *(Reading("m-1", NOW - n, values) for n, values in enumerate(names)), reading("m-2", frequency_hz=50)
    )
    commit, refused = admitted(flood, budget=budget)
    assert refused.counts == {"unknown_signal": 20_000}
    assert len(commit.quarantined) == 50
    assert sum(refused.suppressed.values()) == 19_950
    assert table(only(commit)) == {(12, NOW): {"frequency_hz": 5_000}}


def test_the_budget_of_one_gateway_is_not_spent_by_another() -> None:
    budget = DetailBudget(burst=2, per_s=1)
    assert [budget.take("park", "a", NOW) for _ in range(3)] == [True, True, False]
    assert budget.take("park", "b", NOW)
    assert budget.take("park", "a", NOW + 1_000)
    assert not budget.take("park", "a", NOW + 1_000)
    assert not budget.take("park", "a", NOW - 5_000)  # a clock that steps back gives nothing


def test_what_decoding_refused_is_quarantined_with_its_batch() -> None:
    payload, refusals = decode(
        b'{"epoch":5,"seq":9,"floor":1,"backlog":false,"samples":['
        b'{"device":"m-1","at":%d,"values":{"active_power_kw":"12,5","frequency_hz":50}}]}' % NOW
    )
    header = BatchHeader(GATEWAY, payload.epoch, payload.seq, payload.floor, payload.backlog, NOW)
    commit, _ = admitted(Arrival(header, payload.samples, refusals, DEVICES, rated_kw={}))
    assert table(only(commit)) == {(11, NOW): {"frequency_hz": 5_000}}
    (entry,) = commit.quarantined
    assert (entry.reason, entry.seq, entry.batch, entry.content) == (Reason.NOT_A_NUMBER, 9, 0, "12,5")


def test_a_flag_of_a_value_that_was_refused_is_not_stored() -> None:
    flags = {"active_power_kw": Quality.ESTIMATED, "mood": Quality.STALE}
    commit, _ = admitted(arrival(reading(flags=flags, active_power_kw=1e300, mood=1, frequency_hz=50)))
    assert table(only(commit)) == {(11, NOW): {"frequency_hz": 5_000}}
    assert only(commit).flags == {}


def test_an_empty_batch_is_committed_so_that_its_gateway_can_go_on() -> None:
    commit, _ = admitted(arrival())
    assert len(commit.batches) == 1
    assert commit.rows == []


def test_nothing_makes_an_empty_commit() -> None:
    commit, _ = admitted()
    assert (list(commit.batches), list(commit.rows), list(commit.quarantined)) == ([], [], [])
