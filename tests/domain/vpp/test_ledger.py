"""The chain of entries: what it says of one that was altered, left out, exchanged or never there."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from parkgrid_domain.vpp.ledger import START, ChainError, Entry, canonical, check_chain

AT = datetime(2026, 7, 1, 6, 0, 0, 123, tzinfo=UTC)


def chain(count: int) -> list[Entry]:
    found: list[Entry] = []
    for number in range(count):
        head = found[-1] if found else None
        found.append(Entry.after(head, "operator", f"op-{number}", AT, "somebody", {"name": number}))
    return found


def test_the_digest_is_that_of_the_documented_text() -> None:
    (entry,) = chain(1)
    text = '["parkgrid-vpp-1",1,"' + "0" * 64 + '","operator","op-0","2026-07-01T06:00:00Z","somebody",{"name":0}]'
    assert entry.digest == hashlib.sha256(text.encode()).hexdigest()
    assert entry.previous == START
    assert entry.at.microsecond == 0


def test_canonical_text_has_one_form() -> None:
    assert canonical({"乙": 1, "a": [True, None, "é"]}) == '{"a":[true,null,"é"],"乙":1}'
    with pytest.raises(ValueError, match="floating-point"):
        canonical({"a": [{"b": 0.5}]})
    with pytest.raises(ValueError, match="not a text"):
        canonical({1: "a"})


def test_a_whole_chain_is_followed_from_where_one_stands() -> None:
    whole = chain(4)
    head = check_chain(whole[:2])
    assert check_chain(whole[2:], head) == whole[3]
    assert check_chain([], head) == head
    assert check_chain([]) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "resource"),
        ("subject", "op-9"),
        ("at", AT.replace(second=1)),
        ("by", "somebody else"),
        ("document", {"name": 2}),
        ("digest", "0" * 64),
        ("previous", "1" * 64),
        ("number", 5),
    ],
)
def test_an_altered_field_is_found(name: str, value: object) -> None:
    whole = chain(3)
    whole[1] = replace(whole[1], **{name: value})
    with pytest.raises(ChainError, match=r"entry [25]"):
        check_chain(whole)


def test_an_entry_altered_with_its_digest_breaks_the_next() -> None:
    whole = chain(3)
    whole[1] = replace(whole[1], by="somebody else").sealed()
    with pytest.raises(ChainError, match="entry 3 carries another digest"):
        check_chain(whole)


def test_a_missing_and_an_exchanged_entry_are_found() -> None:
    whole = chain(4)
    with pytest.raises(ChainError, match="entry 3 stands where entry 2 belongs"):
        check_chain([whole[0], *whole[2:]])
    with pytest.raises(ChainError):
        check_chain([whole[0], whole[2], whole[1], whole[3]])
    with pytest.raises(ChainError):
        check_chain(whole[1:])
