"""A database that was restored holds less than was acknowledged: it says so, blames nobody, and is answered once."""

from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, Batch, Restored, decode_ack, encode_ack, encode_batch
from parkgrid_contract.topics import Channel, topic
from parkgrid_ingest.rows import Commit, Committed
from parkgrid_ingest.store.opening import open_store
from parkgrid_servers.broker import RunningBroker
from tests.ingest import chain
from tests.ingest.chain import Until, introduce, last_ack, query, serving, settings_for, telemetry
from tests.ingest.readings import EPOCH, GATEWAY, all_rows, header
from tests.logins import acting

LATER, LAST = EPOCH + 10, EPOCH + 20
GAPS = "SELECT epoch, first_seq, last_seq, cause FROM public.sequence_gaps ORDER BY epoch, first_seq"
RESTORES = (
    "SELECT gateway, acked_epoch, acked_through, held_epoch, held_through FROM public.store_restores ORDER BY 1, 2"
)


@pytest.fixture
def store(dsn):
    with closing(open_store(acting(dsn, "ingest"))) as opened:
        yield opened


def send(store, *seqs: int, epoch: int = EPOCH, floor: int = 1, **more: Any) -> Committed:
    """Batches without rows: watermarks are what this is about."""
    headers = [replace(header(seq, min(floor, seq), epoch=epoch), **more) for seq in seqs]
    return store.commit(Commit(headers))


def told(committed: Committed, epoch: int = EPOCH) -> Ack:
    return committed.acks[GATEWAY, epoch]


def test_a_claim_that_the_store_confirms_changes_nothing(dsn, store):
    send(store, 1, 2, 3)
    assert told(send(store, 4, acked=(EPOCH, 3), floor=4)) == Ack(EPOCH, 4)
    assert told(send(store, 1, epoch=LATER, acked=(EPOCH, 4)), LATER) == Ack(LATER, 1)
    assert all_rows(dsn, RESTORES) == all_rows(dsn, GAPS) == []


def test_a_claim_beyond_the_watermark_is_answered_and_nothing_is_passed(dsn, store):
    send(store, 1, 2, 3)
    # 4 to 9 were stored once. Their gateway holds nothing below 10 that still waits.
    first = send(store, 10, floor=10, acked=(EPOCH, 9))
    restored = Restored((EPOCH, 9), (EPOCH, 3))
    assert told(first) == Ack(EPOCH, 3, ((10, 10),), restored)
    assert [(each.gateway, each.restored, each.is_news) for each in first.older] == [(GATEWAY, restored, True)]
    again = send(store, 11, floor=10, acked=(EPOCH, 9))
    assert told(again) == Ack(EPOCH, 3, ((10, 11),), restored)
    assert [each.is_news for each in again.older] == [False]
    assert all_rows(dsn, GAPS) == []
    assert all_rows(dsn, RESTORES) == [(GATEWAY.gateway, EPOCH, 9, EPOCH, 3)]


def test_what_is_held_is_told_by_the_epochs_up_to_the_claimed_one(dsn, store):
    send(store, 1, 2, 3)
    send(store, 1, 2, epoch=LAST)
    # An epoch between them is gone, and what was stored of a later one proves nothing about it.
    assert told(send(store, 3, epoch=LAST, acked=(LATER, 7)), LAST).restored == Restored((LATER, 7), (EPOCH, 3))
    other = Gateway(GATEWAY.park, "gw-9")
    nothing = store.commit(Commit([replace(header(5, gateway=other), acked=(EPOCH - 1, 4))]))
    assert nothing.acks[other, EPOCH].restored == Restored((EPOCH - 1, 4), None)
    assert all_rows(dsn, RESTORES) == [
        (GATEWAY.gateway, LATER, 7, EPOCH, 3),
        (other.gateway, EPOCH - 1, 4, None, None),
    ]


def test_an_epoch_that_only_this_commit_opens_is_nothing_that_is_held(dsn, store):
    send(store, 1, 2)
    assert told(send(store, 8, epoch=LATER, acked=(LATER, 7), floor=8), LATER) == Ack(
        LATER, 0, ((8, 8),), Restored((LATER, 7), (EPOCH, 2))
    )
    assert all_rows(dsn, GAPS) == []


def test_what_does_not_come_again_is_lost_by_the_restore_and_the_rest_by_its_gateway(dsn, store):
    send(store, 1, 2, 3)
    send(store, 10, floor=10, acked=(EPOCH, 9))
    # The answer: an epoch whose first six numbers were stored before; it kept four of them, and has since dropped two.
    send(store, 3, epoch=LATER, floor=3, acked=(EPOCH, 3), again=6)
    assert all_rows(dsn, GAPS) == [(LATER, 1, 2, "restore")]
    assert told(send(store, 4, 5, 6, epoch=LATER, floor=3, acked=(EPOCH, 3), again=6), LATER) == Ack(LATER, 6)
    send(store, 9, epoch=LATER, floor=9, acked=(LATER, 6))
    assert all_rows(dsn, GAPS) == [(LATER, 1, 2, "restore"), (LATER, 7, 8, "gateway")]
    # One hole that is both.
    send(store, 12, epoch=LAST, floor=12, acked=(LATER, 9), again=4)
    assert all_rows(dsn, GAPS)[2:] == [(LAST, 1, 4, "restore"), (LAST, 5, 11, "gateway")]
    # What comes after all is no gap any more, and the rest keeps its cause.
    send(store, 2, 6, epoch=LAST, floor=12)
    assert all_rows(dsn, GAPS)[2:] == [
        (LAST, 1, 1, "restore"),
        (LAST, 3, 4, "restore"),
        (LAST, 5, 5, "gateway"),
        (LAST, 7, 11, "gateway"),
    ]


def test_nobody_calls_a_hole_of_his_own_a_restore(dsn, store):
    send(store, 1, 2, 3)
    send(store, 9, floor=9, again=8)
    assert all_rows(dsn, GAPS) == [(EPOCH, 4, 8, "gateway")]


def test_a_gateway_is_answered_by_its_newest_claim_and_its_neighbour_as_ever(store):
    other = Gateway(GATEWAY.park, "gw-9")
    send(store, 1, 2)
    store.commit(Commit([header(1, gateway=other)]))
    both = store.commit(
        Commit(
            [
                replace(header(4), acked=(EPOCH, 3)),
                replace(header(1, epoch=LATER), acked=(EPOCH, 5)),
                replace(header(2, gateway=other), acked=(EPOCH, 1)),
            ]
        )
    )
    assert both.acks[GATEWAY, EPOCH].restored == both.acks[GATEWAY, LATER].restored == Restored((EPOCH, 5), (EPOCH, 2))
    assert both.acks[other, EPOCH] == Ack(EPOCH, 2)


def forget_everything(dsn: str) -> None:
    """As a restore of a backup from before the first batch."""
    with psycopg.connect(dsn) as connection:
        connection.execute("DELETE FROM base.sequence_gap")
        connection.execute("DELETE FROM base.gateway_epoch")


def claiming(seq: int, floor: int, acked: tuple[int, int] | None, epoch: int = chain.EPOCH) -> bytes:
    return encode_batch(Batch(epoch, seq, floor, False, (chain.sample(seq),), acked))


def test_ingest_reads_what_it_acknowledged_last_and_tells_the_truth(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    acks = topic(chain.GATEWAY, Channel.ACK)
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [chain.batch(seq, chain.sample(seq)) for seq in (1, 2, 3)])
        until(lambda: last_ack(peer) == Ack(chain.EPOCH, 3), "the acknowledgement")
    forget_everything(dsn)
    # A gateway that the registry does not know: whose word was it?
    peer.publish(topic(Gateway("park", "nobody"), Channel.ACK), encode_ack(Ack(7, 3)), retain=True)
    with serving(settings_for(broker, dsn), until):
        expected = Ack(chain.EPOCH, 0, (), Restored((chain.EPOCH, 3), None))
        until(lambda: decode_ack(peer.payloads(acks)[-1]) == expected, "the truth")
        found = query(dsn, RESTORES)
        assert found == [("gw-1", chain.EPOCH, 3, None, None)]
        # An agent that knows nothing of it goes on: what it does not have is the restore's, not its own.
        peer.send(telemetry(), [chain.batch(4, chain.sample(4), floor=4)])
        until(lambda: last_ack(peer) == Ack(chain.EPOCH, 4), "the next batch")
        assert query(dsn, GAPS) == [(chain.EPOCH, 1, 3, "restore")]
        peer.send(telemetry(), [chain.batch(6, chain.sample(6), floor=6)])
        until(lambda: last_ack(peer) == Ack(chain.EPOCH, 6), "the one after a hole of its own")
        assert query(dsn, GAPS)[1:] == [(chain.EPOCH, 5, 5, "gateway")]
    with serving(settings_for(broker, dsn), until):
        peer.send(telemetry(), [chain.batch(7, chain.sample(7), floor=6)])
        until(lambda: last_ack(peer) == Ack(chain.EPOCH, 7), "an ordinary start")
    assert query(dsn, RESTORES) == found


def test_a_claim_is_heard_behind_the_back_of_a_running_ingest(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [claiming(seq, 1, None) for seq in (1, 2, 3)])
        until(lambda: last_ack(peer) == Ack(chain.EPOCH, 3), "the acknowledgement")
        forget_everything(dsn)
        peer.send(telemetry(), [claiming(4, 4, (chain.EPOCH, 3))])
        restored = Restored((chain.EPOCH, 3), None)
        until(lambda: last_ack(peer) == Ack(chain.EPOCH, 0, ((4, 4),), restored), "the truth")
        # What the gateway does then: an epoch of its own for what it kept.
        introduce(peer, chain.birth(chain.EPOCH + 5))
        again = Batch(chain.EPOCH + 5, 1, 1, True, (chain.sample(1),), None, 3)
        peer.send(telemetry(), [encode_batch(again)])
        until(lambda: last_ack(peer) == Ack(chain.EPOCH + 5, 1), "what came again")
    assert len(chain.stored(dsn)) == 4
    assert query(dsn, GAPS) == []


def test_two_ingests_take_nothing_for_a_restore(broker: RunningBroker, dsn: str, peer: Any, until: Until) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [claiming(seq, 1, None) for seq in range(1, 30)])
        with serving(settings_for(broker, dsn, "ingest-second"), until):
            for seq in range(30, 60):
                peer.send(
                    telemetry(), [claiming(seq, 1, (last.epoch, last.through) if (last := last_ack(peer)) else None)]
                )
            until(lambda: last_ack(peer) == Ack(chain.EPOCH, 59), "everything")
    assert query(dsn, RESTORES) == []
