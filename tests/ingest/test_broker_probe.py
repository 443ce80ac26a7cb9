"""When a broker is asked for an probe, and when it is left: by hand, second by second."""

from parkgrid_ingest.broker_probe import AFTER_S, PATIENCE_S, BrokerProbe


def trusted(at: float) -> BrokerProbe:
    """A broker that gave an probe at an instant."""
    probe = BrokerProbe()
    probe.come_back(at)
    return probe


def test_nothing_is_asked_while_messages_come():
    probe = trusted(100.0)
    for second in range(101, 200):
        assert not probe.due(second)
        probe.hear(second)


def test_silence_is_asked_about_once():
    probe = trusted(100.0)
    assert not probe.due(100 + AFTER_S - 0.1)
    assert probe.due(100 + AFTER_S)
    assert not probe.due(100 + AFTER_S + 1)


def test_a_missing_echo_is_waited_for_and_then_missed_once():
    probe = trusted(100.0)
    asked = 100 + AFTER_S
    assert probe.due(asked)
    assert not probe.missed(asked + PATIENCE_S - 0.1)
    assert probe.missed(asked + PATIENCE_S)
    assert not probe.missed(asked + PATIENCE_S + 0.1), "a new silence begins"


def test_any_message_is_as_good_as_the_echo():
    probe = trusted(100.0)
    assert probe.due(100 + AFTER_S)
    probe.hear(107.0)
    assert not probe.missed(107 + PATIENCE_S)


def test_a_broker_that_never_gave_one_is_never_left():
    probe = BrokerProbe(heard_at=100.0)
    assert probe.due(100 + AFTER_S)
    assert not probe.missed(100 + AFTER_S + PATIENCE_S)
    assert probe.due(100 + 2 * AFTER_S + PATIENCE_S), "but asked again"
