"""Rounds of faults with mosquitto. Those with amqtt are a file of their own: another process of the run takes it."""

import pytest

from parkgrid_servers.broker import find_mosquitto
from tests.faults.faults import FAULTS
from tests.faults.rounds import run

pytestmark = pytest.mark.faults


def test_nothing_accepted_is_lost_or_doubled(loop, server_dir, capsys):
    if not find_mosquitto():
        pytest.skip("mosquitto is not installed: the same rounds run with the fallback broker")
    with capsys.disabled():
        run(loop, "mosquitto", server_dir)


def test_the_two_loops_together_pass_every_kind(loop):
    if loop.rounds or loop.kinds or not find_mosquitto():
        pytest.skip("other rounds than those of every day were asked for")
    assert sorted(loop.faults("mosquitto") + loop.faults("amqtt")) == sorted(FAULTS)
