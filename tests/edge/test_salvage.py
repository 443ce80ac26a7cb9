"""A damaged outbox: it starts at once, what is readable is exact, and the bad file is kept."""

import random
import shutil
import time
from pathlib import Path

import pytest

from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import Ack
from parkgrid_edge.delivery.outbox import Outbox, OutboxError
from parkgrid_edge.delivery.salvage import PAGE_BYTES, salvage

pytestmark = pytest.mark.edge

BATCHES = 60


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> tuple[Path, list[bytes]]:
    """A folder with an outbox as a kill leaves it, part of it still in the log; and the bodies that it holds."""
    folder = tmp_path_factory.mktemp("good")
    outbox = Outbox.open(folder / "live.db")
    kept = []
    for number in range(BATCHES):
        samples = [
            Sample(f"d-{index}", 1 + number, {f"s{each}": number + each / 8 for each in range(30)})
            for index in range(9)
        ]
        kept += [row.body for row in outbox.append(samples)]
    for suffix in ("", "-wal"):
        shutil.copy(folder / f"live.db{suffix}", folder / f"outbox.db{suffix}")
    outbox.close()
    assert (folder / "outbox.db-wal").stat().st_size > PAGE_BYTES
    return folder, kept


def copied(good: Path, folder: Path) -> Path:
    for suffix in ("", "-wal"):
        shutil.copy(good / f"outbox.db{suffix}", folder / f"outbox.db{suffix}")
    return folder / "outbox.db"


def everything(outbox: Outbox) -> list[bytes]:
    """All that can be sent; a batch found damaged on the way makes the outbox heal itself."""
    for _ in range(3):
        try:
            return [row.body for row in outbox.rows(0, 2**53, 10**6)]
        except OutboxError:
            continue
    raise AssertionError("still damaged after healing")


def damage(path: Path, kind: str, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if kind == "flips":
        for _ in range(chance.choice((1, 20, 500))):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif kind == "truncated":
        del content[chance.randrange(len(content)) :]
    elif kind == "zero page":
        start = chance.randrange(len(content) // PAGE_BYTES) * PAGE_BYTES
        content[start : start + PAGE_BYTES] = bytes(PAGE_BYTES)
    else:
        content[:] = chance.randbytes(len(content))
    path.write_bytes(content)


@pytest.mark.timing
@pytest.mark.parametrize("kind", ["flips", "truncated", "zero page", "not a database"])
@pytest.mark.parametrize("seed", range(12))
def test_it_starts_within_five_seconds_with_an_exact_part(good, tmp_path, kind, seed):
    folder, kept = good
    path = copied(folder, tmp_path)
    chance = random.Random(f"{kind} {seed}")
    for victim in (path, path.with_name("outbox.db-wal"))[: 1 + seed % 2]:
        damage(victim, kind, chance)
    started = time.monotonic()
    outbox = Outbox.open(path)
    found = everything(outbox)
    assert time.monotonic() - started < 5
    assert set(found) <= set(kept)
    assert len(found) == len(set(found))
    assert outbox.append([Sample("m-1", 1, {"s": 1.0})])
    if len(found) < BATCHES:
        assert [each.name for each in tmp_path.glob("outbox.db.bad-*Z")]
    outbox.close()
    again = Outbox.open(path)
    assert len(everything(again)) == len(found) + 1
    assert again.epoch > outbox.epoch
    again.close()


def test_one_bad_page_costs_only_its_own_rows(good, tmp_path):
    folder, kept = good
    path = copied(folder, tmp_path)
    outbox = Outbox.open(path)
    outbox.close()
    content = bytearray(path.read_bytes())
    # A page in the middle of the file, whatever it holds.
    middle = len(content) // PAGE_BYTES // 2 * PAGE_BYTES
    content[middle : middle + PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(content)
    found = everything(Outbox.open(path))
    assert BATCHES - 4 <= len(found) <= BATCHES
    assert set(found) <= set(kept)


def test_the_lost_header_costs_nothing_else(good, tmp_path):
    folder, kept = good
    path = copied(folder, tmp_path)
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    outbox = Outbox.open(path)
    assert everything(outbox) == kept
    assert outbox.stats.accepted == 9 * BATCHES
    outbox.close()


def test_what_was_acknowledged_does_not_rise_from_the_dead(good, tmp_path):
    path = copied(good[0], tmp_path)
    outbox = Outbox.open(path)
    outbox.trim(Ack(outbox.epoch, 40))
    held = everything(outbox)
    outbox.close()
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    healed = Outbox.open(path)
    assert everything(healed) == held
    healed.close()


def test_damage_met_while_running_is_healed_too(good, tmp_path):
    folder, kept = good
    path = copied(folder, tmp_path)
    Outbox.open(path).close()
    body = kept[30]
    content = path.read_bytes()
    # One digit inside a reading: SQLite cannot see that, the checksum does.
    place = content.index(body[:200]) + 60
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    outbox = Outbox.open(path)
    epoch = outbox.epoch
    with pytest.raises(OutboxError, match="checksum"):
        outbox.rows(0, 2**53, 10**6)
    assert everything(outbox) == kept[:30] + kept[31:]
    assert outbox.epoch > epoch
    outbox.close()


def test_an_interrupted_salvage_is_finished(good, tmp_path):
    folder, kept = good
    path = copied(folder, tmp_path)
    Outbox.open(path).close()
    # The moment after the bad file was put aside: only the complete new one is there.
    path.rename(tmp_path / "outbox.db.new")
    outbox = Outbox.open(path)
    assert everything(outbox) == kept
    outbox.close()
    # The moment before: the new one may be half written and does not count.
    (tmp_path / "outbox.db.new").write_bytes(b"half")
    outbox = Outbox.open(path)
    assert everything(outbox) == kept
    outbox.close()


def test_random_bytes_hold_nothing_and_raise_nothing(tmp_path):
    path = tmp_path / "noise"
    for seed in range(20):
        noise = bytearray(random.Random(seed).randbytes(PAGE_BYTES * 8))
        for page in range(8):
            noise[page * PAGE_BYTES] = 0x0D
        path.write_bytes(noise)
        assert list(salvage(path)) == []
