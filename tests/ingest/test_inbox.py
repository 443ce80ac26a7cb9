"""The inbox: bounded, fair between gateways, and never waiting for a broker that waits for us."""

import threading
import time

import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.topics import Channel
from parkgrid_ingest.inbox import Inbox, Message

FLOODER, QUIET = Gateway("park", "flooder"), Gateway("park", "quiet")


def message(gateway: Gateway = QUIET, size: int = 100, mid: int = 1) -> Message:
    return Message("topic", gateway, Channel.TELEMETRY, b"x" * size, 0, 1, mid, 1)


def test_it_says_when_the_socket_should_be_left_unread() -> None:
    by_number = Inbox(max_messages=3, max_bytes=10_000)
    by_bytes = Inbox(max_messages=100, max_bytes=250)
    for number in range(3):
        assert not by_number.full
        assert not by_bytes.full
        by_number.put(message(mid=number), str(QUIET))
        by_bytes.put(message(mid=number), str(QUIET))
    assert by_number.full
    assert by_bytes.full
    by_bytes.take(1_000, 0)
    assert not by_bytes.full


def test_a_gateway_keeps_its_order() -> None:
    inbox = Inbox(1_000, 1_000_000)
    for number in range(30):
        inbox.put(message(FLOODER if number % 3 else QUIET, mid=number), str(FLOODER if number % 3 else QUIET))
    taken = inbox.take(10_000, 0)
    for gateway in (FLOODER, QUIET):
        mids = [each.mid for each in taken if each.gateway == gateway]
        assert mids == sorted(mids)
    assert len(taken) == 30
    assert (inbox.messages, inbox.bytes) == (0, 0)


def test_a_flooding_gateway_does_not_keep_another_one_waiting() -> None:
    inbox = Inbox(10_000, 10_000_000, quantum_bytes=1_000)
    for number in range(1_000):
        inbox.put(message(FLOODER, mid=number), str(FLOODER))
    inbox.put(message(QUIET, mid=7), str(QUIET))
    taken = inbox.take(2_000, 0)
    assert [each.mid for each in taken if each.gateway == QUIET] == [7]
    assert sum(len(each.payload) for each in taken) <= 3_000
    seen = len(taken)
    while inbox.messages:
        seen += len(inbox.take(2_000, 0))
    assert seen == 1_001
    assert inbox.bytes == 0


def test_of_a_flooder_the_last_birth_is_kept_and_handed_out_last() -> None:
    """Also when its lane has room again: an older word must not come after a newer one."""
    inbox = Inbox(200, 10_000_000)
    inbox.put(message(QUIET), str(QUIET))
    left_out = [inbox.put(message(FLOODER, mid=number), str(FLOODER)) for number in range(1, 151)]
    assert sum(each is not None for each in left_out) == 50

    def birth(mid: int) -> Message:
        return Message("topic", FLOODER, Channel.BIRTH, b"x", 0, 1, mid, 1)

    assert inbox.put(birth(201), str(FLOODER)) is None
    inbox.take(2_000, 0)
    former = inbox.put(birth(202), str(FLOODER))
    assert former is not None
    assert former.mid == 201
    taken: list[Message] = []
    while inbox.messages:
        taken += inbox.take(2_000, 0)
    assert [each.mid for each in taken if each.channel is Channel.BIRTH] == [202]


@pytest.mark.timing
def test_take_waits_for_the_first_message_and_then_not_for_a_silent_broker() -> None:
    inbox = Inbox(1_000, 1_000_000)
    timer = threading.Timer(0.05, lambda: inbox.put(message(), str(QUIET)))
    timer.start()
    started = time.monotonic()
    taken = inbox.take(1_000, timeout_s=10.0, linger_s=5.0)
    assert len(taken) == 1
    assert time.monotonic() - started < 2.0
    timer.join()


@pytest.mark.timing
def test_what_gathered_during_a_commit_is_taken_at_once() -> None:
    inbox, taken = Inbox(1_000_000, 1_000_000_000), threading.Event()

    def keep_sending() -> None:
        while not taken.wait(0.0002):
            inbox.put(message(), "quiet")

    inbox.put(message(), "quiet")
    sender = threading.Thread(target=keep_sending)
    sender.start()
    started = time.monotonic()
    found = inbox.take(1_000_000, timeout_s=10.0, linger_s=5.0)
    taken.set()
    sender.join()
    assert found
    assert time.monotonic() - started < 2.0


def test_take_gives_nothing_after_its_time() -> None:
    assert Inbox(10, 10).take(100, timeout_s=0.01) == []


def test_everything_put_by_another_thread_is_taken_once() -> None:
    inbox = Inbox(100_000, 100_000_000)
    numbers = range(5_000)
    producer = threading.Thread(target=lambda: [inbox.put(message(mid=number), str(QUIET)) for number in numbers])
    producer.start()
    taken: list[int] = []
    deadline = time.monotonic() + 20
    while len(taken) < len(numbers) and time.monotonic() < deadline:
        taken += [each.mid for each in inbox.take(3_000, 0.1, 0.001)]
    producer.join()
    assert taken == list(numbers)
