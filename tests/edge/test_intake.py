"""Intake and ledger: what is taken is what will be stored, and the ledger says so."""

import json

import pytest

from parkgrid_contract.sample import Quality, Sample, measured
from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge.delivery import intake as module
from parkgrid_edge.delivery.intake import Intake
from parkgrid_edge.delivery.ledger import Ledger

pytestmark = pytest.mark.edge


def one(device="m-1", at_ms=1, **values) -> Sample:
    return Sample(device, at_ms, values)


def test_what_was_measured_is_taken_as_it_is_and_the_unknown_stays_out():
    intake = Intake([("m-1", "meter", frozenset())])
    sample = measured(CATALOGUE["meter"], "m-1", 5, {"active_power_kw": 1.23456, "frequency_hz": 71.0})
    strange = Sample("m-1", 6, {"active_power_kw": 1.0, "colour": 7.0}, {"colour": Quality.BAD})
    intake.accept(sample)
    intake.accept(strange)
    taken = intake.take()
    assert taken[0] is sample
    assert taken[1] == Sample("m-1", 6, {"active_power_kw": 1.0}, {})
    assert intake.take() == []
    assert intake.take_refused() == 0


def test_only_the_wanted_signals_are_reported_and_nothing_is_no_sample():
    intake = Intake([("m-1", "meter", frozenset({"demand_kw"}))])
    intake.accept(one(active_power_kw=1.0))
    intake.accept(one(at_ms=2, active_power_kw=1.0, demand_kw=2.0))
    assert [sample.values for sample in intake.take()] == [{"demand_kw": 2.0}]


def test_strangers_and_second_readings_of_one_instant_are_refused_and_counted():
    intake = Intake([("m-1", "meter", frozenset())])
    intake.accept(one("stranger", demand_kw=1.0))
    intake.accept(one(demand_kw=1.0))
    intake.accept(one(demand_kw=2.0))
    assert len(intake) == 1
    assert intake.take_refused() == 2
    assert intake.take_refused() == 0


def test_a_stalled_disk_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(module, "MOST_SAMPLES", 3)
    intake = Intake([("m-1", "meter", frozenset())])
    for at_ms in range(5):
        intake.accept(one(at_ms=at_ms, demand_kw=1.0))
    assert (len(intake), intake.take_refused()) == (3, 2)
    intake.take()
    intake.accept(one(at_ms=9, demand_kw=1.0))
    assert len(intake) == 1


def test_the_ledger_is_whole_lines_and_numbers_go_on(tmp_path):
    path = tmp_path / "proof" / "ledger.jsonl"
    ledger = Ledger(path)
    number = ledger.offered([one(demand_kw=1.5)])
    ledger.accepted(number, 77, 42)
    ledger.close()
    again = Ledger(path)
    assert again.offered([one(at_ms=2, demand_kw=2.5)]) == 2
    again.close()
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {"offered": [{"device": "m-1", "at": 1, "values": {"demand_kw": 1.5}}], "n": 1},
        {"accepted": 42, "epoch": 77, "n": 1},
        {"offered": [{"device": "m-1", "at": 2, "values": {"demand_kw": 2.5}}], "n": 2},
    ]
