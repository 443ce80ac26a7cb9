"""Every driver of this repository passes the checks that a maker runs on his own; what only these can show is here."""

import importlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_edge.driver_checks import driver_checks, round_trip_problem
from parkgrid_edge.drivers import find, own_names
from parkgrid_edge.protocols.frames import Read, checksum, rtu_answer
from parkgrid_edge.protocols.registers import Table, read
from tests.edge.golden_words import GOLDEN

pytestmark = pytest.mark.edge

CHECKS = [check for name in own_names() for check in driver_checks(find(name), GOLDEN.get(name))]


@pytest.mark.process
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.driver}: {check}")
def test_every_driver_passes_the_checks(check):
    check()


@pytest.mark.parametrize("name", own_names())
def test_every_file_of_a_driver_says_which_document_it_follows(name):
    driver = find(name)
    docstring = importlib.import_module(f"parkgrid_edge.drivers.{name}").__doc__ or ""
    assert "Document:" in docstring
    assert driver.vendor.split()[0].lower() in docstring.lower()


# What a DJSF1352-RN of 250 A answered with nothing connected, as EN+ recorded it: voltage, current, broken wire and
# temperature; power; energies, ratios, inputs and alarms.
ACREL_EXCHANGES = (
    ("01 03 00 00 00 06 C5 C8", "01 03 0C 00 00 00 03 00 00 00 02 00 00 01 4D 3F E5"),
    ("01 03 00 08 00 02 45 C9", "01 03 04 00 00 00 05 3A 30"),
    ("01 03 00 0C 00 08 84 0F", "01 03 10 00 00 52 1A 00 00 00 00 00 01 00 FA 00 00 00 00 59 85"),
)


def test_a_recorded_direct_current_meter_is_read_as_it_showed():
    memory: dict[int, int] = {}
    for asked, answered in ACREL_EXCHANGES:
        request, answer = bytes.fromhex(asked), bytes.fromhex(answered)
        unit, function, address, count = struct.unpack(">BBHH", request[:-2])
        assert checksum(request[:-2]) == request[-2:]
        question = Read(unit, Table.HOLDING, address, count)
        assert question.function == function
        assert rtu_answer(answer, question) == answer
        memory |= dict(enumerate(struct.unpack(f">{count}H", answer[3:-2]), address))
    found = {row.signal: read(row, memory) for row in find("acrel_djsf1352").registers}
    assert found == {
        "voltage_v": 0,
        "current_a": 0,
        "active_power_kw": 0,
        "energy_import_kwh": 21.018,
        "energy_export_kwh": 0,
        "fault_code": 0,
    }
    # Four digits show 1.2 times 1,000 V, 250 A and 250 kW with these points, and with no smaller ones.
    assert [memory[address] for address in (1, 3, 9)] == [3, 2, 5]


ROWS = [row for name in own_names() for row in find(name).registers]


@given(data=st.data(), row=st.sampled_from(ROWS))
def test_what_a_row_decodes_it_encodes_again(data, row):
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=row.encoding.words, max_size=row.encoding.words))
    assert not round_trip_problem(row, words)
