"""A chain that was cut off is read back to what it was, up to the first hole, and never becomes another one."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import Operator
from parkgrid_domain.vpp.ledger import Entry, check_chain
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp import ledger_copy, verify
from parkgrid_vpp.centre_key import create
from parkgrid_vpp.closed import MEMORY, Held, Lacking, closed, note
from parkgrid_vpp.errors import ClosedLedgerError, IssuedError, ReadBackError
from parkgrid_vpp.issued import NAME, Issued, given_up_in, keep, read
from parkgrid_vpp.ledger import Act, entries, follow, write
from parkgrid_vpp.ledger_copy import Copy
from parkgrid_vpp.read_back import Source, give_up, lines, plan, read_back, read_copy
from tests.logins import acting

NOW = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)


def chain_of(count: int, word: str = "One", start: Sequence[Entry] = ()) -> list[Entry]:
    """A chain of registered operators, going on from a beginning."""
    made = list(start)
    for number in range(len(made) + 1, count + 1):
        told = forms.document(Operator(word, f"{word} {number}"))
        made.append(Entry.after(made[-1] if made else None, "operator", f"op-{number}", NOW, "the bureau", told))
    return made


def digests(chain: Sequence[Entry]) -> dict[int, str]:
    return {each.number: each.digest for each in chain}


def bundle(chain: Sequence[Entry], inside: set[int], *, vouches: bool = True, name: str = "a.bundle") -> Source:
    """What a bundle says that was taken at the head of `chain` and holds some of its entries."""
    return Source(name, digests(chain), vouches, {each.number: each for each in chain if each.number in inside})


@st.composite
def cut_chains(draw: st.DrawFn) -> tuple[list[Entry], int, list[Source], set[int]]:
    """A chain, where it was cut, bundles taken at random heads with random entries, and what they hold together."""
    chain = chain_of(draw(st.integers(1, 14)))
    cut = draw(st.integers(0, len(chain)))
    sources, held = [], set[int]()
    for place in range(draw(st.integers(1, 5))):
        head = draw(st.integers(1, len(chain)))
        inside = draw(st.sets(st.integers(1, head)))
        vouches = draw(st.booleans())
        sources.append(bundle(chain[:head], inside, vouches=vouches, name=f"{place}.bundle"))
        held |= inside
    return chain, cut, sources, held


@given(cut_chains())
@settings(max_examples=400, deadline=None)
def test_what_is_read_back_is_the_original_up_to_the_first_hole(case):
    chain, cut, sources, held = case
    found = plan([each.digest for each in chain[:cut]], sources)
    whole = chain[:cut] + list(found.appended)
    assert whole == chain[: len(whole)]
    check_chain(whole)
    # Vouched for is what a signed bundle's chain covers, and nothing else in these bundles.
    vouched = max((len(each.digests) for each in sources if each.vouches), default=0)
    hole = next((number for number in range(cut + 1, vouched + 1) if number not in held), max(cut, vouched) + 1)
    assert len(whole) == max(cut, min(hole - 1, max(vouched, cut)))
    assert found.missing == list(range(hole, vouched + 1))
    assert set(found.behind) == {number for number in held if hole < number <= vouched}


@given(cut_chains(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_chain_that_went_on_differently_is_never_mixed_with_the_first(case, data):
    chain, cut, sources, _ = case
    ahead = [each for each in sources if each.vouches and len(each.digests) > cut]
    more = data.draw(st.integers(1, 4))
    other = chain_of(cut + more, "Other", chain[:cut])
    if ahead:
        with pytest.raises(ReadBackError, match="two histories"):
            plan([each.digest for each in other], sources)
    else:
        with suppress(ReadBackError):
            assert plan([each.digest for each in other], sources).appended == ()


def test_another_history_in_a_bundle_is_refused() -> None:
    chain = chain_of(6)
    other = chain_of(6, "Other", chain[:4])
    store = [each.digest for each in chain[:3]]
    for second in (bundle(other, {5, 6}, name="b.bundle"), bundle(other, {5, 6}, vouches=False, name="b.bundle")):
        with pytest.raises(ReadBackError, match=r"b\.bundle has another entry 5 than a\.bundle: two histories"):
            plan(store, [bundle(chain, {4, 5, 6}), second])
        with pytest.raises(ReadBackError, match="two histories"):
            plan(store, [second, bundle(chain, {4, 5, 6})])


def test_a_head_that_was_printed_vouches_for_what_leads_to_it() -> None:
    """Each entry contains the digest of the one before: bundles without a signature need no more."""
    chain = chain_of(6)
    store, unsigned = [each.digest for each in chain[:3]], bundle(chain, {4, 5, 6}, vouches=False)
    assert plan(store, [unsigned]).appended == ()
    head = Source("--head 6", {6: chain[5].digest}, vouches=True)
    assert plan(store, [unsigned, head]).appended == tuple(chain[3:])
    with_hole = bundle(chain, {4, 6}, vouches=False)
    found = plan(store, [with_hole, head])
    assert (found.appended, found.missing) == ((), [4, 5, 6])
    forged = bundle(chain_of(6, "Forged", chain[:3]), {4, 5, 6}, vouches=False)
    with pytest.raises(ReadBackError, match="two histories"):
        plan(store, [forged, head])


@pytest.fixture
def connection(dsn: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as opened:
        yield opened


def written(connection: psycopg.Connection, count: int, pilot: Pilot | None = None, word: str = "One") -> list[Entry]:
    pilot = pilot or Pilot()
    follow(connection, pilot)
    first = 1 if pilot.head is None else pilot.head.number + 1
    acts = [Act(f"op-{number}", Operator(word, f"{word} {number}")) for number in range(first, first + count)]
    return write(connection, pilot, acts, "the bureau", NOW)


def cut(dsn: str, head: int) -> None:
    """As after a restore of a backup that was made when the ledger ended at `head`."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM base.vpp_entry WHERE number > %s", (head,))


def raw(connection: psycopg.Connection) -> list[tuple]:
    return connection.execute(
        "SELECT number, kind, subject, at, by, document, previous, digest FROM base.vpp_entry ORDER BY number"
    ).fetchall()


def refused(connection: psycopg.Connection, pilot: Pilot | None = None) -> ClosedLedgerError:
    with pytest.raises(ClosedLedgerError) as caught:
        write(connection, pilot or Pilot(), [Act("op-99", Operator("九", "Nine"))], "somebody", NOW)
    return caught.value


def test_a_ledger_behind_what_was_issued_is_closed_until_it_is_read_back(
    connection: psycopg.Connection, dsn: str, tmp_path: Path
) -> None:
    chain = written(connection, 7)
    before = raw(connection)
    keep(tmp_path, [each.digest for each in chain])
    cut(dsn, 4)
    issued = Issued(tmp_path)
    for source, missing in issued.compare(connection).items():
        assert (source, missing) == (NAME, digests(chain[4:]))
        note(connection, missing, source)
    error = refused(connection)
    for text in (error.en, error.zh):
        assert f"4 ({chain[3].digest[:12]}…)" in text
        assert f"7 ({chain[6].digest[:12]}…)" in text
        assert "parkgrid vpp ledger read-back" in text
        assert NAME in text
    # The database itself refuses what did not ask, and reading goes on.
    other = chain_of(5, "Other", chain[:4])[-1]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="entry 5 is refused"):
        connection.execute(
            "INSERT INTO base.vpp_entry VALUES (5, 'operator', 'x', now(), 'x', '{}', %s, %s)",
            (other.previous, other.digest),
        )
    assert [each.number for each in entries(connection)] == [1, 2, 3, 4]
    # One entry is in no bundle: what comes before it is read back, and the ledger stays closed.
    found = read_back(connection, [bundle(chain, {5, 7})], "Li Wei")
    assert ([each.number for each in found.plan.appended], found.plan.missing, found.is_open) == ([5], [6, 7], False)
    assert "missing: entry 6: no bundle here holds it" in "\n".join(lines(found))
    assert "missing: entry 7: operator op-7, held by a bundle, but an entry before it is missing" in lines(found)
    refused(connection)
    dry = read_back(connection, [bundle(chain, {5, 6, 7})], "Li Wei", dry_run=True)
    assert (dry.is_open, len(raw(connection))) == (True, 5)
    found = read_back(connection, [bundle(chain, {6}, vouches=False), bundle(chain, {7})], "Li Wei")
    assert (found.head, found.is_open, found.plan.missing) == (7, True, [])
    assert raw(connection) == before
    assert written(connection, 1)[0].number == 8


def test_what_nobody_vouches_for_is_not_read_back(connection: psycopg.Connection, dsn: str) -> None:
    chain = written(connection, 6)
    cut(dsn, 3)
    before = raw(connection)
    with pytest.raises(ReadBackError, match=r"a\.bundle goes up to entry 6, but nothing vouches for entry 4"):
        read_back(connection, [bundle(chain, {4, 5, 6}, vouches=False)], "Li Wei")
    forged = bundle(chain_of(6, "Forged", chain[:3]), {4, 5, 6}, vouches=False)
    with pytest.raises(ReadBackError, match="two histories"):
        read_back(connection, [forged, Source("paper", {6: chain[5].digest}, vouches=True)], "Li Wei")
    with pytest.raises(ReadBackError, match="--none-issued"):
        read_back(connection, [], "Li Wei")
    with pytest.raises(ReadBackError, match="who"):
        read_back(connection, [bundle(chain, {4})], " ")
    # A document whose digest is right but whose form is none.
    bad = Entry.after(chain[2], "operator", "op-4", NOW, "x", {"name": "none"})
    with pytest.raises(ReadBackError, match="entry 4 is not read back"):
        read_back(connection, [Source("b.bundle", {4: bad.digest}, vouches=True, entries={4: bad})], "Li Wei")
    assert (raw(connection), connection.execute("SELECT count(*) FROM base.vpp_issued").fetchone()) == (before, (0,))


def test_a_process_notices_that_the_store_went_back_behind_it(connection: psycopg.Connection, dsn: str) -> None:
    """Without the file: whoever had read an entry knows that it is gone, and tells the others."""
    pilot = Pilot()
    chain = written(connection, 6, pilot)
    follow(connection, pilot)
    cut(dsn, 4)
    assert follow(connection, pilot) == 4
    assert pilot.head is not None
    assert (pilot.head.number, pilot.gone) == (4, (6, chain[5].digest))
    assert MEMORY in refused(connection, pilot).en
    # Another writer, which never saw the entry, is told by the database.
    state = closed(connection, fresh := Pilot())
    follow(connection, fresh)
    state = closed(connection, fresh)
    assert isinstance(state, Lacking)
    assert (state.issued.number, state.parts_at) == (6, None)
    assert read_back(connection, [bundle(chain, {5, 6})], "Li Wei").is_open
    assert write(connection, pilot, [Act("op-7", Operator("七", "Seven"))], "x", NOW)[0].number == 7
    assert pilot.gone is None


def test_a_running_writer_does_not_leave_a_hole(connection: psycopg.Connection, dsn: str) -> None:
    """Before, it went on behind an entry that was not there any more."""
    pilot = Pilot()
    written(connection, 6, pilot)
    cut(dsn, 4)
    refused(connection, pilot)
    assert [row[0] for row in raw(connection)] == [1, 2, 3, 4]


def test_a_restore_holds_the_ledger_until_somebody_has_compared(connection: psycopg.Connection) -> None:
    chain = written(connection, 3)
    with_hold = "INSERT INTO base.vpp_restore (state, told, by) VALUES ('restored', 'a.backup', 'parkgrid db restore')"
    connection.execute(with_hold)
    error = refused(connection)
    assert "a.backup" in error.en
    assert "a.backup" in error.zh
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="nobody compared"):
        connection.execute("INSERT INTO base.vpp_entry VALUES (4, 'x', 'x', now(), 'x', '{}', 'x', 'x')")
    with pytest.raises(ReadBackError):
        read_back(connection, [], "Li Wei")
    assert read_back(connection, [bundle(chain, {1, 2, 3})], "Li Wei").is_open
    assert written(connection, 1)[0].number == 4
    connection.execute(with_hold)
    pilot = Pilot()
    follow(connection, pilot)
    assert isinstance(closed(connection, pilot), Held)
    assert read_back(connection, [], "Li Wei", none_issued=True).is_open
    told = connection.execute("SELECT state, told, by FROM vpp_restores ORDER BY row_number").fetchall()
    assert told[1] == ("compared", "a.bundle", "Li Wei")
    assert told[3] == ("compared", "nothing was issued", "Li Wei")


def test_what_is_lost_for_ever_is_given_up_by_whoever_has_the_key(
    connection: psycopg.Connection, dsn: str, tmp_path: Path
) -> None:
    chain, key = written(connection, 7), create(tmp_path)
    keep(tmp_path, [each.digest for each in chain])
    Copy(tmp_path).keep(connection, [each.digest for each in chain], frozenset())
    cut(dsn, 4)
    with pytest.raises(ReadBackError, match="nothing is known to be missing"):
        give_up(connection, key, "Li Wei", "burnt", NOW)
    assert not read_back(connection, [bundle(chain, {5, 7})], "Li Wei").is_open
    entry = give_up(connection, key, "Li Wei", "both copies burnt", NOW)
    told = entry.document
    assert (entry.number, entry.kind, entry.subject, entry.by) == (6, "loss", "ledger", "Li Wei")
    assert (told["after"], told["through"], told["digest"]) == (5, 7, chain[6].digest)
    pilot = Pilot()
    follow(connection, pilot)
    ((_, loss),) = pilot.losses
    assert verify.signed(key.public, loss.signed("Li Wei"), bytes.fromhex(loss.signature))
    assert not verify.signed(key.public, loss.signed("Somebody"), bytes.fromhex(loss.signature))
    assert closed(connection, pilot) is None
    assert written(connection, 2)[-1].number == 8
    # What tells of the lost history is put aside, and a bundle of it is named.
    issued = Issued(tmp_path)
    assert issued.compare(connection) == {}
    assert Copy(tmp_path).keep(connection, issued.chain, given_up_in(connection)) == {}
    assert read(tmp_path) == [row[-1] for row in raw(connection)]
    assert [each.number for each in ledger_copy.read(tmp_path)] == list(range(1, 9))
    assert len(list(tmp_path.glob("given-up-*"))) == 2
    found = read_back(connection, [bundle(chain, {7}, name="old.bundle")], "Li Wei")
    assert (found.plan.given_up, found.is_open) == (("old.bundle",), True)


def test_a_ledger_that_went_on_before_anybody_noticed_is_closed_and_can_only_be_given_up(
    connection: psycopg.Connection, dsn: str, tmp_path: Path
) -> None:
    chain = written(connection, 7)
    keep(tmp_path, [each.digest for each in chain])
    cut(dsn, 4)
    written(connection, 5, word="Other")
    found = Issued(tmp_path).compare(connection)
    assert found == {NAME: digests(chain[4:])}
    note(connection, found[NAME], NAME)
    error = refused(connection)
    assert "entry 5 is another one than was issued" in error.en
    assert "第 5 条" in error.zh
    with pytest.raises(ReadBackError, match="two histories"):
        read_back(connection, [bundle(chain, {5, 6, 7})], "Li Wei")
    entry = give_up(connection, create(tmp_path), "Li Wei", "it went on for a day", NOW)
    assert (entry.number, entry.document["after"], entry.document["through"]) == (10, 4, 7)
    assert Issued(tmp_path).compare(connection) == {}
    assert written(connection, 1)[0].number == 11


def test_the_copy_brings_back_what_no_bundle_holds(connection: psycopg.Connection, dsn: str, tmp_path: Path) -> None:
    chain = written(connection, 7)
    copy, all_digests = Copy(tmp_path), [each.digest for each in chain]
    copy.keep(connection, all_digests[:3], frozenset())
    copy.keep(connection, all_digests, frozenset())
    path = tmp_path / ledger_copy.NAME
    assert path.stat().st_mode & 0o777 == 0o600
    whole = path.read_bytes()
    # A line that was cut off by a loss of power is written again, by whatever process comes next.
    path.write_bytes(whole[:-20])
    assert [each.number for each in ledger_copy.read(tmp_path)] == [1, 2, 3, 4, 5, 6]
    Copy(tmp_path).keep(connection, all_digests, frozenset())
    assert path.read_bytes() == whole
    before = raw(connection)
    cut(dsn, 0)
    assert Copy(tmp_path).keep(connection, [], frozenset()) == {7: chain[6].digest}
    found = read_back(connection, [read_copy(tmp_path)], "Li Wei")
    assert (found.head, found.is_open, raw(connection)) == (7, True, before)
    path.write_bytes(whole.replace(b"One 3", b"Own 3"))
    with pytest.raises(IssuedError, match=r"line 3 of .* was altered"):
        read_copy(tmp_path)


def test_the_file_of_issued_digests(tmp_path: Path) -> None:
    chain = [each.digest for each in chain_of(9)]
    assert read(tmp_path) == []
    assert keep(tmp_path, chain[:3]) == {}
    path = tmp_path / NAME
    assert path.read_text() == "".join(f"{each}\n" for each in chain[:3])
    # Cut off while it was written: nothing of that line was issued.
    path.write_text(path.read_text() + chain[3][:40])
    assert read(tmp_path) == chain[:3]
    assert keep(tmp_path, chain) == {}
    assert read(tmp_path) == chain
    # A chain behind it changes nothing; one that differs is told with all that it lacks.
    assert keep(tmp_path, chain[:5]) == dict(enumerate(chain[5:], 6))
    other = chain[:5] + [each.digest for each in chain_of(9, "Other")[5:]]
    assert keep(tmp_path, other) == dict(enumerate(chain[5:], 6))
    assert read(tmp_path) == chain
    given_up = frozenset(enumerate(chain, 1))
    assert keep(tmp_path, other, given_up) == {}
    assert read(tmp_path) == other
    (aside,) = tmp_path.glob("given-up-chain-*.txt")
    assert aside.read_text().split() == chain
    path.write_text("no digest\n")
    with pytest.raises(IssuedError, match=r"line 1 .* is damaged"):
        keep(tmp_path, chain)
    with pytest.raises(IssuedError, match="is its disk mounted"):
        keep(tmp_path / "nowhere", chain)


def test_the_verifier_says_of_two_histories_that_a_loss_was_declared() -> None:
    chain = [each.digest for each in chain_of(7)]
    other = chain[:4] + [each.digest for each in chain_of(8, "Other")[4:]]
    loss = {"entry": 5, "after": 4, "through": 7, "digest": chain[6], "reason": "burnt"}

    def history(losses: list[dict[str, object]], lost: list[str]) -> tuple[str, str]:
        told = {"losses": losses} if losses else {}
        new = verify.Report("new.bundle", verify.VERIFIED, told, other, None)
        old = verify.Report("old.bundle", verify.VERIFIED, {}, lost, None)
        found = verify.second_history([old, new])
        assert found is not None
        assert "二份历史" in found.sentence("zh")
        return found.code, found.said

    assert history([loss], chain) == ("declared", "5")
    assert history([], chain) == ("history", "5")
    # A loss of other entries explains nothing, nor does one whose digest the old bundle does not have.
    assert history([loss | {"digest": other[6]}], chain) == ("history", "5")
    assert history([loss | {"after": 5}], chain) == ("history", "5")
    assert history([loss], chain[:6]) == ("history", "5")
