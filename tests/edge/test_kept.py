"""What stays after the store has confirmed it: bounded, out of the way, and sent again to a store that was restored."""

import copy
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import Ack, Mark, encode_samples
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.delivery.kept import AT_ONCE, Keeping
from parkgrid_edge.delivery.outbox import Outbox, OutboxFullError
from tests.edge.disk import small_disk
from tests.edge.test_outbox import Hand, append_until_refused, sample
from tests.memory import SHARED_MEMORY

pytestmark = pytest.mark.edge

HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000
ALL = Keeping(72 * HOUR_MS, 10**9)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "outbox.db"


def waiting(outbox: Outbox) -> list[OutboxBatch]:
    return outbox.rows(0, 2**53, 10**6)


def fill(outbox: Outbox, first: int, count: int) -> None:
    for number in range(first, first + count):
        outbox.append([sample(number)])


def body(number: int) -> bytes:
    return encode_samples((sample(number),))


def test_what_is_confirmed_waits_no_longer_and_is_counted_apart(path):
    outbox = Outbox.open(path, keeping=ALL)
    fill(outbox, 0, 10)
    size = outbox.stats.bytes
    outbox.trim(Ack(outbox.epoch, 4))
    stats = outbox.stats
    assert (stats.batches, stats.kept, stats.dropped) == (6, 4, 0)
    assert stats.bytes + stats.kept_bytes == size
    assert (outbox.floor, [row.seq for row in waiting(outbox)]) == (5, [5, 6, 7, 8, 9, 10])
    assert outbox.acked == (outbox.epoch, 4)
    confirmed = outbox.acked
    outbox.close()
    again = Outbox.open(path, keeping=ALL)
    # The next epoch numbers what waits, and says what the one before was told.
    assert (again.stats.batches, again.stats.kept, again.floor) == (6, 4, 1)
    assert [row.body for row in waiting(again)] == [body(number) for number in range(4, 10)]
    assert again.acked == confirmed
    again.close()


def test_an_acknowledgement_alone_syncs_nothing_and_keeping_adds_no_transaction(path):
    def commits(keeping: Keeping) -> int:
        outbox = Outbox.open(path.with_name(f"{keeping.ms}.db"), keeping=keeping)
        fill(outbox, 0, 20)
        before = outbox._connection.execute("PRAGMA data_version").fetchone()
        seen: list[str] = []
        outbox._connection.set_trace_callback(seen.append)
        for number in range(20, 40):
            outbox.acknowledge(Ack(outbox.epoch, number - 10))
            outbox.append([sample(number)])
        outbox._connection.set_trace_callback(None)
        assert outbox._connection.execute("PRAGMA data_version").fetchone() == before
        outbox.close()
        return sum(statement == "COMMIT" for statement in seen)

    assert commits(ALL) == commits(Keeping()) == 20


def test_kept_batches_go_when_their_time_is_over_a_bounded_number_at_once(path):
    clock = Hand(NOW_MS)
    outbox = Outbox.open(path, clock=clock, keeping=Keeping(2 * HOUR_MS, 10**9))
    fill(outbox, 0, 300)
    outbox.trim(Ack(outbox.epoch, 300))
    clock.ms += HOUR_MS
    fill(outbox, 300, 1)
    outbox.trim(Ack(outbox.epoch, 301))
    assert outbox.stats.kept == 301
    clock.ms += HOUR_MS
    for round_ in range(1, 5):
        outbox.append([sample(1000 + round_)])
        assert outbox.stats.kept == 301 - min(300, AT_ONCE * round_)
    fill(outbox, 2000, 3)
    # The one that is an hour younger stays, and is still what was said last.
    assert (outbox.stats.kept, outbox.stats.dropped, outbox.acked) == (1, 0, (outbox.epoch, 301))
    outbox.close()


def test_kept_batches_go_although_nothing_new_is_read(path):
    clock = Hand(NOW_MS)
    outbox = Outbox.open(path, clock=clock, keeping=Keeping(HOUR_MS, 10**9))
    fill(outbox, 0, 5)
    outbox.trim(Ack(outbox.epoch, 5))
    clock.ms += HOUR_MS
    outbox.trim()
    assert outbox.stats.kept == 0
    outbox.close()


def test_keeping_is_bounded_in_bytes(path):
    outbox = Outbox.open(path, max_bytes=200_000, keeping=Keeping(72 * HOUR_MS, 30_000))
    for number in range(1000):
        outbox.append([sample(number)])
        outbox.acknowledge(Ack(outbox.epoch, number))
    outbox.trim(Ack(outbox.epoch, 1000))
    stats = outbox.stats
    assert 29_000 < stats.kept_bytes <= 30_000
    assert (stats.batches, stats.dropped, outbox.alarm) == (0, 0, "")
    outbox.close()


def test_kept_batches_make_room_before_anything_that_waits_is_dropped(path):
    outbox = Outbox.open(path, max_bytes=100_000, keeping=Keeping(72 * HOUR_MS, 90_000))
    fill(outbox, 0, 400)
    outbox.trim(Ack(outbox.epoch, 400))
    kept = outbox.stats.kept
    assert kept == 400
    number = 400
    while outbox.stats.kept:
        outbox.append([sample(number)])
        number += 1
        stats = outbox.stats
        assert stats.bytes + stats.kept_bytes <= 100_000
        assert (stats.dropped, outbox.alarm, stats.batches) == (0, "", number - 400)
    while outbox.stats.dropped == 0:
        outbox.append([sample(number)])
        number += 1
    assert outbox.alarm == "dropping"
    assert outbox.floor == 402
    outbox.close()


def test_turned_off_nothing_is_kept_and_what_was_kept_goes(path):
    outbox = Outbox.open(path, keeping=ALL)
    fill(outbox, 0, 5)
    outbox.trim(Ack(outbox.epoch, 5))
    assert outbox.stats.kept == 5
    outbox.close()
    off = Outbox.open(path)
    fill(off, 5, 2)
    assert (off.stats.kept, off.stats.batches) == (0, 2)
    off.trim(Ack(off.epoch, 2))
    assert (off.stats.kept, off.stats.batches, off.stats.dropped) == (0, 0, 0)
    off.close()


def test_a_store_that_was_restored_gets_again_what_it_lacks_and_no_more(path):
    outbox = Outbox.open(path, keeping=ALL)
    fill(outbox, 0, 100)
    outbox.trim(Ack(outbox.epoch, 90))
    told, before = outbox.acked, outbox.epoch
    assert outbox.restore((before, 40)) == 50
    assert outbox.epoch > before
    assert [row.body for row in waiting(outbox)] == [body(number) for number in range(40, 100)]
    assert (outbox.floor, outbox.next_seq, outbox.again) == (1, 61, 50)
    assert (outbox.acked, told) == ((before, 40), (before, 90))
    outbox.trim(Ack(outbox.epoch, 50))
    assert (outbox.again, outbox.stats.kept, outbox.stats.batches) == (0, 90, 10)
    outbox.close()


def test_what_is_gone_is_a_hole_below_the_floor_that_was_confirmed_once(path):
    clock = Hand(NOW_MS)
    outbox = Outbox.open(path, clock=clock, keeping=Keeping(HOUR_MS, 10**9))
    fill(outbox, 0, 60)
    outbox.trim(Ack(outbox.epoch, 60))
    clock.ms += HOUR_MS
    fill(outbox, 60, 40)
    outbox.trim(Ack(outbox.epoch, 90))
    assert outbox.stats.kept == 30
    assert outbox.restore((outbox.epoch, 20)) == 30
    # 21 to 60 were confirmed and are gone, 61 to 90 come again, 91 to 100 never were confirmed.
    assert (outbox.floor, outbox.again, outbox.next_seq) == (41, 70, 81)
    outbox.close()


def test_epochs_before_the_present_one_are_known_by_their_own_numbers(path):
    marks: list[Mark] = []
    for start in (0, 10, 20):
        outbox = Outbox.open(path, keeping=ALL)
        fill(outbox, start, 10)
        outbox.trim(Ack(outbox.epoch, 10))
        assert outbox.acked is not None
        marks.append(outbox.acked)
        outbox.close()
    for held, first in (((marks[1][0], 4), 14), ((marks[0][0], 10), 10), (None, 0)):
        shutil.copy(path, path.with_name("copy.db"))
        outbox = Outbox.open(path.with_name("copy.db"), keeping=ALL)
        assert outbox.restore(held) == 30 - first
        assert [row.body for row in waiting(outbox)] == [body(number) for number in range(first, 30)]
        assert outbox.acked == held
        outbox.close()
    stranger = Outbox.open(path, keeping=ALL)
    # The newest that the store has may be another outbox's, from before this one was put in.
    assert stranger.restore((marks[0][0] - 1, 7)) == 30
    assert stranger.acked is None
    stranger.close()


def test_a_store_that_has_more_than_was_told_is_believed(path):
    outbox = Outbox.open(path, keeping=ALL)
    first = outbox.epoch
    fill(outbox, 0, 10)
    outbox.trim(Ack(first, 6))
    outbox.close()
    outbox = Outbox.open(path, keeping=ALL)
    outbox.trim(Ack(outbox.epoch, 2))
    # It has all ten under the first epoch, and nothing under the second: the same claim must not come again.
    assert outbox.restore((first, 10)) == 0
    assert outbox.acked == (first, 8)
    assert [row.body for row in waiting(outbox)] == [body(8), body(9)]
    outbox.close()


def test_many_starts_without_a_word_of_the_store_keep_the_last_word(path):
    outbox = Outbox.open(path, keeping=ALL)
    fill(outbox, 0, 5)
    outbox.trim(Ack(outbox.epoch, 5))
    told = outbox.acked
    for _ in range(100):
        outbox.close()
        outbox = Outbox.open(path, keeping=ALL)
    assert outbox.acked == told
    (lives,) = outbox._connection.execute("SELECT count(*) FROM life").fetchone()
    assert lives <= 65
    outbox.close()


FORMER = """
CREATE TABLE batch (seq INTEGER PRIMARY KEY, at_ms INTEGER, samples INTEGER, crc INTEGER, body BLOB);
CREATE TABLE state (one INTEGER PRIMARY KEY, epoch INTEGER, base INTEGER, through INTEGER, next_row INTEGER,
    accepted INTEGER, dropped INTEGER, crc INTEGER);
"""


def test_a_file_of_the_former_form_is_opened_and_goes_on(path):
    epoch = 5 << 20
    numbers = (epoch, 3, 7, 10, 20, 4)
    with sqlite3.connect(path) as former:
        former.executescript(FORMER)
        former.execute("PRAGMA journal_mode = WAL")
        former.execute("INSERT INTO state VALUES (1,?,?,?,?,?,?,?)", (*numbers, crc32(b"%d %d %d %d %d %d" % numbers)))
        for row in (OutboxBatch(8, NOW_MS, 1, body(8)), OutboxBatch(9, NOW_MS, 1, body(9))):
            former.execute("INSERT INTO batch VALUES (?,?,?,?,?)", (row.seq, row.at_ms, 1, row.check, row.body))
    former.close()
    outbox = Outbox.open(path, keeping=ALL)
    assert [row.body for row in waiting(outbox)] == [body(8), body(9)]
    assert (outbox.stats.accepted, outbox.stats.dropped, outbox.stats.kept) == (20, 4, 0)
    # Four batches of its last epoch were confirmed; it says so, and a store that lacks them learns of the hole.
    assert outbox.acked == (epoch, 4)
    assert not list(path.parent.glob("*.bad-*"))
    assert outbox.restore((epoch, 2)) == 0
    assert (outbox.floor, outbox.again, [row.seq for row in waiting(outbox)]) == (3, 2, [3, 4])
    outbox.close()


def test_a_salvaged_file_has_what_was_kept_as_well(path):
    outbox = Outbox.open(path, keeping=ALL)
    fill(outbox, 0, 100)
    outbox.trim(Ack(outbox.epoch, 60))
    told = outbox.acked
    outbox.close()
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    again = Outbox.open(path, keeping=ALL)
    assert list(path.parent.glob("*.bad-*"))
    assert (again.stats.batches, again.stats.kept, again.acked) == (40, 60, told)
    assert again.restore(None) == 60
    assert [row.body for row in waiting(again)] == [body(number) for number in range(100)]
    again.close()


def test_nothing_is_kept_on_the_last_tenth_of_a_disk(path, monkeypatch):
    room = os.statvfs(path.parent)
    free = [0.11]
    monkeypatch.setattr(
        os, "statvfs", lambda _: os.statvfs_result([*room[:2], 10**8, 0, round(free[0] * 10**8), *room[5:]])
    )
    clock = Hand(NOW_MS)
    outbox = Outbox.open(path, clock=clock, keeping=ALL)
    fill(outbox, 0, 100)
    outbox.trim(Ack(outbox.epoch, 90))
    assert outbox.stats.kept == 90
    free[0] = 0.09
    clock.ms += 60_000
    for number in range(100, 103):
        outbox.append([sample(number)])
    assert (outbox.stats.kept, outbox.stats.batches, outbox.stats.dropped) == (0, 13, 0)
    free[0] = 0.11
    clock.ms += 60_000
    fill(outbox, 103, 1)
    outbox.trim(Ack(outbox.epoch, 95))
    outbox.trim(Ack(outbox.epoch, 100))
    assert outbox.stats.kept == 10
    outbox.close()


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_on_a_full_disk_kept_batches_make_room(tmp_path):
    with small_disk(tmp_path, 8) as disk:
        outbox = Outbox.open(disk / "outbox.db", keeping=ALL)
        try:
            number = 0
            while outbox.stats.kept_bytes < 3_500_000:
                outbox.append([sample(number, 1200)])
                number += 1
                outbox.acknowledge(Ack(outbox.epoch, number))
            kept = outbox.stats.kept
            # Not one new reading is refused as long as something is only kept.
            while outbox.stats.kept:
                outbox.append([sample(number, 1200)])
                number += 1
            assert (outbox.stats.accepted, outbox.stats.dropped) == (number, 0)
            assert outbox.stats.batches >= kept
            with pytest.raises(OutboxFullError):
                append_until_refused(outbox)
        finally:
            outbox.close()


# The whole of it against a simple store: whatever is done in whatever order, nothing is lost without a name.


@dataclass
class Told:
    """What the store answers."""

    ack: Ack
    lacks: tuple[Mark, Mark | None] | None


@dataclass
class Shop:
    """A store, in as few words as there are."""

    done: dict[int, set[int]] = field(default_factory=dict)
    passed: dict[int, set[int]] = field(default_factory=dict)
    """Epoch to seqs that were below the floor and never came."""
    lost_by_restore: dict[int, set[int]] = field(default_factory=dict)
    bodies: set[bytes] = field(default_factory=set)

    def through(self, epoch: int) -> int:
        done = self.done.get(epoch, set()) | self.passed.get(epoch, set())
        through = 0
        while through + 1 in done:
            through += 1
        return through

    def take(self, epoch: int, row: OutboxBatch, floor: int, acked: Mark | None, again: int) -> Told:
        lacks = None
        if acked and self.through(acked[0]) < acked[1]:
            newest = [each for each in self.done if each <= acked[0] and self.through(each)]
            lacks = (acked, (max(newest), self.through(max(newest))) if newest else None)
        self.done.setdefault(epoch, set()).add(row.seq)
        self.bodies.add(row.body)
        passed = self.passed.setdefault(epoch, set())
        if not lacks:
            new = set(range(1, floor)) - self.done[epoch] - passed
            self.lost_by_restore.setdefault(epoch, set()).update(seq for seq in new if seq <= again)
            passed |= new
        passed -= self.done[epoch]
        return Told(Ack(epoch, self.through(epoch)), lacks)


@dataclass
class World:
    """An outbox, its store, and what was done."""

    folder: Path
    keeping: Keeping
    max_bytes: int
    clock: Hand = field(default_factory=lambda: Hand(NOW_MS))
    shop: Shop = field(default_factory=Shop)
    backups: list[Shop] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    sent: dict[tuple[int, int], bytes] = field(default_factory=dict)
    files: int = 0

    def __post_init__(self) -> None:
        self.outbox = self.opened(self.folder / "outbox.db")

    def opened(self, path: Path) -> Outbox:
        return Outbox.open(path, max_bytes=self.max_bytes, clock=self.clock, keeping=self.keeping)

    def append(self, count: int) -> None:
        for _ in range(count):
            one = Sample("m-1", len(self.accepted) + 1, {"s": 0.5})
            self.outbox.append([one])
            self.accepted.append(encode_samples((one,)))

    def deliver(self, count: int) -> None:
        """Send the first that wait, in the order of the real uplink, and take the store at its word."""
        outbox = self.outbox
        rows = outbox.rows(0, 2**53, count)
        for row in rows:
            if row.seq < outbox.floor:
                continue
            # One number of one epoch never stands for two contents.
            assert self.sent.setdefault((outbox.epoch, row.seq), row.body) == row.body
            told = self.shop.take(outbox.epoch, row, min(outbox.floor, row.seq), outbox.acked, outbox.again)
            outbox.acknowledge(told.ack)
            if told.lacks and told.lacks[0] == outbox.acked:
                outbox.restore(told.lacks[1])
                return

    def live(self, _: int) -> None:
        """The newest overtakes the backlog."""
        self.append(1)
        outbox = self.outbox
        row = outbox.rows(outbox.next_seq - 2, 2**53, 1)[0]
        told = self.shop.take(outbox.epoch, row, min(outbox.floor, row.seq), outbox.acked, outbox.again)
        outbox.acknowledge(told.ack)
        if told.lacks and told.lacks[0] == outbox.acked:
            outbox.restore(told.lacks[1])

    def trim(self, _: int) -> None:
        self.outbox.trim()

    def reopen(self, _: int) -> None:
        path = self.outbox._path
        self.outbox.close()
        self.outbox = self.opened(path)

    def crash(self, _: int) -> None:
        """The file and its log as they are at this moment."""
        self.files += 1
        path, other = self.outbox._path, self.folder / f"outbox-{self.files}.db"
        for suffix in ("", "-wal"):
            if path.with_name(path.name + suffix).exists():
                shutil.copy(path.with_name(path.name + suffix), other.with_name(other.name + suffix))
        self.outbox.close()
        self.outbox = self.opened(other)

    def renew(self, by: int) -> None:
        self.outbox.renew(self.outbox.epoch + by)

    def pass_time(self, hours: int) -> None:
        self.clock.ms += hours * HOUR_MS

    def back_up(self, _: int) -> None:
        self.backups.append(copy.deepcopy(self.shop))

    def restore(self, which: int) -> None:
        if self.backups:
            self.shop = copy.deepcopy(self.backups[which % len(self.backups)])

    def drain(self) -> int:
        """Deliver everything; how many rounds it took."""
        for round_ in range(1, 200):
            self.append(1)
            self.deliver(10**6)
            self.outbox.trim()
            if not self.outbox.stats.batches:
                return round_
        raise AssertionError("sends for ever")

    def check(self) -> None:
        stats = self.outbox.stats
        assert stats.bytes + stats.kept_bytes <= self.max_bytes
        assert stats.accepted == len(self.accepted)
        rows, size = self.outbox._connection.execute("SELECT count(*), total(length(body)) FROM batch").fetchone()
        assert (stats.batches + stats.kept, stats.bytes + stats.kept_bytes) == (rows, int(size) + 64 * rows)


ROUND = ("append", "deliver")
CALM = (*ROUND, *ROUND, "live", "trim", "reopen", "crash", "renew", "pass_time", "back_up")
ONE = st.tuples(st.sampled_from((*CALM, "restore")), st.integers(1, 12))
# A restore that undoes something: what is stored after a backup, then the backup, then more of anything.
UNDONE = st.tuples(
    ONE,
    st.just(("append", 4)),
    st.just(("deliver", 3)),
    st.just(("back_up", 1)),
    ONE,
    st.just(("append", 6)),
    st.just(("deliver", 6)),
    ONE,
).flatmap(lambda steps: st.tuples(*map(st.just, steps), st.tuples(st.just("restore"), st.integers(0, 3)), ONE))
STEPS = st.lists(st.one_of(ONE.map(lambda one: (one,)), UNDONE), max_size=16).map(
    lambda parts: [step for part in parts for step in part]
)
MEMORY = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
"""Where a sync costs nothing."""
MANY = settings(
    max_examples=max(100, settings().max_examples), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def play(steps: list[tuple[str, int]], keeping: Keeping, max_bytes: int) -> World:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder), keeping, max_bytes)
        try:
            for name, number in steps:
                getattr(world, name)(number)
                world.check()
            # One answer of a restored store, at most one more for what was under way, then all is in.
            assert world.drain() <= 4
        finally:
            world.outbox.close()
    return world


@MANY
@given(STEPS)
def test_whatever_happens_a_restored_store_has_everything_again(steps):
    world = play(steps, Keeping(10**12, 10**9), 10**9)
    assert world.shop.bodies == set(world.accepted)
    assert world.outbox.stats.dropped == 0
    assert not any(world.shop.passed.values())


@MANY
@given(STEPS)
def test_whatever_is_gone_from_the_outbox_is_named_by_its_cause(steps):
    world = play(steps, Keeping(5 * HOUR_MS, 700), 3_000)
    missing = set(world.accepted) - world.shop.bodies
    lost = sum(map(len, world.shop.lost_by_restore.values()))
    assert len(missing) <= world.outbox.stats.dropped + lost
    if "restore" not in {name for name, _ in steps}:
        # What overtook and was stored may have been dropped after that: then it is counted, and not missing.
        assert lost == 0
        assert len(missing) <= world.outbox.stats.dropped
