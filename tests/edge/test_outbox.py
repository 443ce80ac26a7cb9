"""The outbox against a real SQLite: durable, bounded, numbered, never the same number twice."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from parkgrid_contract.ranges import MAX_EPOCH, MAX_PAYLOAD_BYTES, MAX_SEQ
from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import MAX_BATCH_BYTES, Ack, decode_batch, encode_samples, frame_batch
from parkgrid_edge.delivery.outbox import Outbox, OutboxError, OutboxFullError, split
from tests.edge.disk import small_disk

pytestmark = pytest.mark.edge


class Hand:
    """A clock that is set by hand."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms


def sample(number: int, signals: int = 3) -> Sample:
    return Sample("m-1", 1_700_000_000_000 + number, {f"s{index}": number + index / 4 for index in range(signals)})


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "outbox.db"


def bodies(outbox: Outbox) -> list[bytes]:
    return [row.body for row in outbox.rows(0, 2**53, 10**6)]


def test_what_was_appended_is_there_after_opening_again(path):
    outbox = Outbox.open(path)
    first, second = outbox.append([sample(1), sample(2)]), outbox.append([sample(3)])
    assert [row.seq for row in (*first, *second)] == [1, 2]
    assert first[0].body == encode_samples((sample(1), sample(2)))
    outbox.close()
    again = Outbox.open(path)
    assert bodies(again) == [encode_samples((sample(1), sample(2))), encode_samples((sample(3),))]
    assert (again.stats.accepted, again.stats.batches, again.stats.dropped) == (3, 2, 0)
    assert again.epoch > outbox.epoch
    assert (again.floor, again.next_seq) == (1, 3)
    again.close()


def test_durability_is_what_was_asked_for(path):
    outbox = Outbox.open(path)
    pragma = outbox._connection.execute
    assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
    assert pragma("PRAGMA synchronous").fetchone() == (2,)
    outbox.close()


def test_large_collections_are_split_into_batches_that_fit():
    samples = [sample(number, 60) for number in range(500)]
    parts = split(samples)
    assert len(parts) > 1
    assert sum(count for _, count in parts) == 500
    joined = b"[" + b",".join(body[1:-1] for body, _ in parts) + b"]"
    assert joined == encode_samples(tuple(samples))
    for body, count in parts:
        payload = frame_batch(MAX_EPOCH, MAX_SEQ, MAX_SEQ, backlog=False, samples=body)
        assert len(payload) <= MAX_BATCH_BYTES <= MAX_PAYLOAD_BYTES
        assert len(decode_batch(payload).batch.samples) == count


def test_only_an_ack_of_this_epoch_shrinks_it(path):
    outbox = Outbox.open(path)
    for number in range(10):
        outbox.append([sample(number)])
    outbox.trim(Ack(outbox.epoch - 1, 10))
    outbox.trim(Ack(outbox.epoch + 1, 10))
    assert outbox.stats.batches == 10
    outbox.trim(Ack(outbox.epoch, 4))
    assert (outbox.floor, outbox.stats.batches, outbox.next_seq) == (5, 6, 11)
    outbox.trim(Ack(outbox.epoch, 2))
    assert outbox.floor == 5
    outbox.trim(Ack(outbox.epoch, 10))
    assert (outbox.floor, outbox.stats.batches, outbox.stats.bytes) == (11, 0, 0)
    outbox.close()


def test_acks_beyond_a_hole_wait_for_the_hole(path):
    outbox = Outbox.open(path)
    for number in range(6):
        outbox.append([sample(number)])
    outbox.trim(Ack(outbox.epoch, 1, ((4, 6),)))
    assert [row.seq for row in outbox.rows(0, 100, 100)] == [2, 3, 4, 5, 6]
    outbox.close()
    again = Outbox.open(path)
    # A new epoch starts behind what was acknowledged, without holes that nobody lost.
    assert [row.seq for row in again.rows(0, 100, 100)] == [1, 2, 3, 4, 5]
    again.close()


def test_the_deferred_ack_goes_with_the_next_append(path):
    outbox = Outbox.open(path)
    outbox.append([sample(1)])
    outbox.acknowledge(Ack(outbox.epoch, 1))
    assert outbox.stats.batches == 1
    outbox.append([sample(2)])
    assert [row.seq for row in outbox.rows(0, 100, 100)] == [2]
    outbox.close()


def test_the_oldest_go_when_it_outgrows_its_bound_and_are_counted(path):
    outbox = Outbox.open(path, max_bytes=100_000)
    for number in range(1000):
        outbox.append([sample(number), sample(number + 5000)])
    stats = outbox.stats
    assert stats.bytes <= 100_000
    assert outbox.alarm == "dropping"
    assert stats.accepted == 2000
    assert stats.dropped == 2000 - 2 * stats.batches
    # The hole is visible on the wire: the floor has passed it.
    assert outbox.floor == 1001 - stats.batches
    outbox.trim(Ack(outbox.epoch, 1000))
    outbox.append([sample(1)])
    assert outbox.alarm == ""
    dropped = stats.dropped
    outbox.close()
    again = Outbox.open(path)
    assert (again.stats.accepted, again.stats.dropped) == (2001, dropped)
    again.close()


def test_dropped_batches_show_as_a_hole_after_a_restart(path):
    outbox = Outbox.open(path, max_bytes=100_000)
    for number in range(1000):
        outbox.append([sample(number)])
    held = outbox.stats.batches
    outbox.close()
    again = Outbox.open(path)
    assert again.floor == 1001 - held
    again.close()


def test_yesterdays_file_cannot_pass_as_new(path, tmp_path):
    outbox = Outbox.open(path)
    outbox.append([sample(1)])
    outbox.close()
    shutil.copy(path, tmp_path / "yesterday")
    outbox = Outbox.open(path)
    known = outbox.epoch
    outbox.append([sample(2)])
    outbox.close()
    shutil.copy(tmp_path / "yesterday", path)
    restored = Outbox.open(path)
    # The same number for other content, but under an epoch of its own.
    assert restored.append([sample(99)])[0].seq == 2
    assert restored.epoch != known
    restored.renew(above=known + 10**12)
    assert restored.epoch > known + 10**12
    assert [row.seq for row in restored.rows(0, 100, 100)] == [1, 2]
    restored.close()


@pytest.mark.parametrize("moved_ms", [3_600_000, -3_600_000, -1_799_999_000_000, 2_500_000_000_000])
def test_the_epoch_grows_whatever_the_clock_does(path, moved_ms):
    clock = Hand(1_800_000_000_000)
    outbox = Outbox.open(path, clock=clock)
    before = outbox.epoch
    outbox.append([sample(1)])
    clock.ms += moved_ms
    outbox.append([sample(2)])
    outbox.close()
    again = Outbox.open(path, clock=clock)
    assert before < again.epoch <= MAX_EPOCH
    assert again.stats.batches == 2
    again.close()


def test_a_second_agent_on_the_same_file_is_refused(path):
    outbox = Outbox.open(path)
    with pytest.raises(OutboxError, match="locked"):
        Outbox.open(path)
    assert outbox.append([sample(1)])[0].seq == 1
    outbox.close()


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_refuses_new_samples_keeps_old_ones_and_recovers(tmp_path):
    with small_disk(tmp_path, 4) as disk:
        outbox = Outbox.open(disk / "outbox.db")
        try:
            _fill_and_recover(outbox)
        finally:
            outbox.close()
        again = Outbox.open(disk / "outbox.db")
        again.close()
        assert again.stats.dropped == outbox.stats.dropped


def _fill_and_recover(outbox: Outbox) -> None:
    kept: list[bytes] = []
    refused = 0
    for number in range(400):
        one = sample(number, 1200)
        try:
            kept += [row.body for row in outbox.append([one])]
        except OutboxFullError:
            refused += 1
    assert refused > 0
    assert outbox.alarm == "disk_full"
    assert (outbox.stats.accepted, outbox.stats.dropped) == (400 - refused, refused)
    assert bodies(outbox) == kept
    # Nobody else frees space: what the store acknowledges makes room, over and over.
    for _ in range(3):
        held = outbox.next_seq - outbox.floor
        outbox.trim(Ack(outbox.epoch, outbox.next_seq - 2))
        assert outbox.stats.batches == 1 < held
        assert outbox.append([sample(1)])
        assert outbox.alarm == ""
        with pytest.raises(OutboxFullError):
            append_until_refused(outbox)


def append_until_refused(outbox: Outbox) -> None:
    for number in range(1000):
        outbox.append([sample(number, 1200)])


_APPENDING = """
import sys
from pathlib import Path
from parkgrid_contract.sample import Sample
from parkgrid_edge.delivery.outbox import Outbox, OutboxError
outbox = Outbox.open(Path(sys.argv[1]))
for number in range(20):
    try:
        outbox.append([Sample("m-1", number + 1, {"s": float(number)})])
        print("accepted", number, flush=True)
    except OutboxError:
        print("refused", number, flush=True)
print("epoch", outbox.epoch, "dropped", outbox.stats.dropped)
"""


@pytest.mark.process
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to make a sync fail")
def test_a_failed_sync_accepts_nothing_and_the_file_is_opened_again(path):
    inject = "--inject=fdatasync,fsync:error=EIO:when=12..14"
    script = ["strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", inject, "-o", "/dev/null"]
    ran = subprocess.run(
        [*script, sys.executable, "-c", _APPENDING, str(path)], capture_output=True, text=True, check=False
    )
    if "ptrace" in ran.stderr.lower():
        pytest.skip("strace may not attach here")
    lines = [line.split() for line in ran.stdout.splitlines() if line.startswith(("accepted", "refused"))]
    accepted = {int(number) for word, number in lines if word == "accepted"}
    assert len(lines) == 20
    assert 0 < len(accepted) < 20, ran.stderr
    outbox = Outbox.open(path)
    stored = [decode_batch(frame_batch(1, 1, 1, backlog=False, samples=body)) for body in bodies(outbox)]
    assert accepted <= {int(found.batch.samples[0].values["s"]) for found in stored}
    assert outbox.stats.accepted >= len(accepted)
    outbox.close()


def test_a_file_that_another_program_holds_is_waited_for(path):
    Outbox.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    outbox = Outbox(path, 10**9, Hand(1_800_000_000_000))
    with pytest.raises(OutboxError):
        outbox.append([sample(1)])
    other.execute("ROLLBACK")
    other.close()
    assert outbox.append([sample(2)])[0].seq == 1
    assert outbox.stats.dropped == 1
    outbox.close()
