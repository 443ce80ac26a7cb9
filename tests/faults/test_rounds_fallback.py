"""Rounds of faults with amqtt, which go on where those with mosquitto end."""

import pytest

from tests.faults.rounds import run

pytestmark = pytest.mark.faults


def test_nothing_accepted_is_lost_or_doubled(loop, server_dir, capsys):
    with capsys.disabled():
        run(loop, "amqtt", server_dir)
