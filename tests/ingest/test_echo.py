"""When a broker is asked for an echo, and when it is left: by hand, second by second."""

from ingest.echo import AFTER_S, PATIENCE_S, Echo


def trusted(at: float) -> Echo:
    """A broker that gave an echo at an instant."""
    echo = Echo()
    echo.come_back(at)
    return echo


def test_nothing_is_asked_while_messages_come():
    echo = trusted(100.0)
    for second in range(101, 200):
        assert not echo.due(second)
        echo.hear(second)


def test_silence_is_asked_about_once():
    echo = trusted(100.0)
    assert not echo.due(100 + AFTER_S - 0.1)
    assert echo.due(100 + AFTER_S)
    assert not echo.due(100 + AFTER_S + 1)


def test_a_missing_echo_is_waited_for_and_then_missed_once():
    echo = trusted(100.0)
    asked = 100 + AFTER_S
    assert echo.due(asked)
    assert not echo.missed(asked + PATIENCE_S - 0.1)
    assert echo.missed(asked + PATIENCE_S)
    assert not echo.missed(asked + PATIENCE_S + 0.1), "a new silence begins"


def test_any_message_is_as_good_as_the_echo():
    echo = trusted(100.0)
    assert echo.due(100 + AFTER_S)
    echo.hear(107.0)
    assert not echo.missed(107 + PATIENCE_S)


def test_a_broker_that_never_gave_one_is_never_left():
    echo = Echo(heard_at=100.0)
    assert echo.due(100 + AFTER_S)
    assert not echo.missed(100 + AFTER_S + PATIENCE_S)
    assert echo.due(100 + 2 * AFTER_S + PATIENCE_S), "but asked again"
