"""One altered value of a bundle is found and named, whatever an attacker makes good afterwards."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parkgrid_vpp import verify
from tests.vpp import alterations
from tests.vpp.alterations import Bundle, alter_any, alter_line
from tests.vpp.fabricated import FOREIGN, KEY, RULE, Wish, made

SHORT = RULE.replace("look_back_days = 12", "look_back_days = 7").replace("candidates = 4", "candidates = 2")
SHORT = SHORT.replace("chosen = 3", "chosen = 1").replace("least_days = 4", "least_days = 2")
SMALL = Wish(hours=1, rule=SHORT, resources=("storage-1", "site-1", "load-4", "guns-2"))
SEED = 20261130


@cache
def original() -> bytes:
    return made(SMALL).bundle


def report(tmp_path: Path, bundle: Bundle) -> verify.Report:
    path = tmp_path / "x.bundle"
    path.write_bytes(bundle.packed())
    return verify.report_on(path, [KEY.public])


def altered(seed: int, make: Callable[[Bundle, random.Random], Bundle]) -> Bundle:
    """The original with one value altered."""
    return make(Bundle.of(original()), random.Random(SEED + seed))


def nothing_made_good(bundle: Bundle, chance: random.Random) -> Bundle:
    alter_any(bundle, chance)
    return bundle


def digests_made_good(bundle: Bundle, chance: random.Random) -> Bundle:
    alter_any(bundle, chance)
    return bundle.digested() if bundle.named[0] not in ("manifest.json", "signature") else bundle


MADE_GOOD = {"digest", "previous", "readings", "supersedes"}
"""What an attacker computes again, so that an alteration of it is undone."""


def all_made_good(bundle: Bundle, chance: random.Random) -> Bundle:
    name = chance.choice(("entries.jsonl", "readings.jsonl", "declarations.jsonl"))
    alter_line(bundle, name, chance, lambda _, path: path[-1] not in MADE_GOOD)
    return bundle.chained().digested()


def signed_by_another(bundle: Bundle, chance: random.Random) -> Bundle:
    return all_made_good(bundle, chance).signed(FOREIGN)


@pytest.mark.parametrize("make", [nothing_made_good, digests_made_good, all_made_good, signed_by_another])
def test_each_alteration_is_found_and_named(
    tmp_path: Path, make: Callable[[Bundle, random.Random], Bundle], nightly: bool
) -> None:
    for seed in range(250 if nightly else 25):
        bundle = altered(seed, make)
        found = report(tmp_path, bundle)
        assert found.code == verify.ALTERED, (seed, bundle.named)
        assert found.refusal is not None
        assert found.refusal.item, (seed, bundle.named)
        # The outermost guard is for what nobody thought of: an altered value is not among that.
        assert "Error:" not in found.refusal.said, (seed, bundle.named, found.refusal.said)
        if make is nothing_made_good:
            assert names(found.refusal.item, bundle), (seed, bundle.named, found.refusal.item)


def names(item: str, bundle: Bundle) -> bool:
    """Whether an item is the altered one, or what stands for it in the entry, the chain or the manifest."""
    near = {"readings.jsonl": "readings", "declarations.jsonl": "declarations", "manifest.json": ""}
    return any(word in item for word in (*bundle.named[:1], *bundle.named[-1:], near.get(bundle.named[0], "\n")))


def test_the_original_is_verified_and_made_good_stays_the_same(tmp_path: Path) -> None:
    assert report(tmp_path, Bundle.of(original())).code == verify.VERIFIED
    again = Bundle.of(original()).chained().digested().signed(KEY)
    assert again.files == Bundle.of(original()).files
    assert report(tmp_path, again).code == verify.VERIFIED


FREE = {
    *("name_zh", "name_en", "note", "type", "notice_class", "target_w", "short_w", "bids_until", "opt_out_until"),
    *("findings", *MADE_GOOD),
}
"""What no money follows from: words for a reader, and deadlines that are kept all the same."""
BOUND = ("event", "award", "frozen", "adjusted", "statement")


def of_money(line: dict[str, object], path: alterations.Path) -> bool:
    """Whether a value of an entry is one that money follows from, or that follows from the readings."""
    return line["kind"] in BOUND and line["subject"] == "ev-1" and path[0] == "document" and FREE.isdisjoint(path)


def of_energy(line: list[Any], path: alterations.Path) -> bool:
    """Whether a value of a reading is one that the energy of a quarter hour of event or window follows from."""
    counts = line[2][1][11:13] in ("04", "06") and line[2][3] == "good" and line[1] != "load-4"
    return counts and path in ((2, 4), (2, 6), (2, 8))


def test_the_true_key_does_not_help_where_money_does_not_follow(tmp_path: Path, nightly: bool) -> None:
    for seed in range(400 if nightly else 25):
        chance = random.Random(SEED + seed)
        bundle = Bundle.of(original())
        if seed % 2:
            alter_line(bundle, "entries.jsonl", chance, of_money)
        else:
            alter_line(bundle, "readings.jsonl", chance, of_energy, by=10_000)
        found = report(tmp_path, bundle.chained().digested().signed(KEY))
        assert found.code == verify.ALTERED, (seed, bundle.named)
        assert found.refusal is not None
        assert "signature" not in found.refusal.item
        assert "Error:" not in found.refusal.said, (seed, bundle.named, found.refusal.said)
