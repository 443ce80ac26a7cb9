"""Entries that a restored store lacks, read back from bundles: the same bytes, in their order, up to the first hole.

    digests that something vouches for ─┐
    entries of the bundles ─────────────┴▶ plan: 41 42 43 │ 44 is in no bundle │ 45 46      only 41 to 43 are appended

A digest is vouched for by the signature of the centre over a bundle's chain, by the file of issued digests and the copy
beside it, by a head that a person copied from paper, or by what the database was told; and the digest of an entry
vouches for the one before, which it contains. A bundle without a signature gives contents, but vouches for nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from parkgrid_contract.crash import crash_point
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.documents import Loss
from parkgrid_domain.vpp.forms import DocumentError
from parkgrid_domain.vpp.ledger import START, ChainError, Entry, canonical
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.refusals import LEDGER
from parkgrid_vpp import ledger_copy
from parkgrid_vpp import verify as verifier
from parkgrid_vpp.centre_key import CentreKey
from parkgrid_vpp.closed import COMMAND, Held, Lacking, closed, note
from parkgrid_vpp.errors import ReadBackError
from parkgrid_vpp.issued import GivenUp, given_up_in
from parkgrid_vpp.ledger import Act, alone, write
from parkgrid_vpp.statements import statement


@dataclass(frozen=True, slots=True)
class Source:
    """What one bundle, file or person says."""

    name: str
    digests: Mapping[int, str]
    """Of the chain."""
    vouches: bool
    """Whether its digests are to be believed."""
    entries: Mapping[int, Entry] = field(default_factory=dict)
    """Their contents agree with their digests."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be appended and what is lost, as far as is known."""

    head: int
    """Of the store."""
    appended: tuple[Entry, ...]
    vouched: Mapping[int, tuple[str, str]]
    """Entries after the head of the store: digest, and what vouches for it."""
    behind: Mapping[int, Entry]
    """Entries that a bundle holds, but behind a hole: they cannot be appended."""
    given_up: tuple[str, ...] = ()
    """Sources that tell of a history that a person gave up."""

    @property
    def missing(self) -> list[int]:
        """Entries that stay missing."""
        return list(range(self.head + len(self.appended) + 1, max(self.vouched, default=0) + 1))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of reading back."""

    plan: Plan
    head: int
    """The last entry of the ledger now."""
    is_open: bool
    """Whether it takes entries again."""


def read_bundle(path: Path, keys: Sequence[bytes]) -> Source:
    """A bundle that the verifier accepts. Raises `ReadBackError` for one that was altered, with what differs."""
    report = verifier.report_on(path, [])
    if report.refusal is not None:
        raise ReadBackError(f"{path.name} is not read back: {report.refusal.sentence('en')}")
    try:
        # The file might be another one by now: what is taken from it is checked once more.
        files = verifier.read_archive(path)
        manifest = verifier.check_manifest(files)
        verifier.check_files(files, manifest)
        chain = verifier.read_chain(files, manifest)
        verifier.read_entries(files, chain)
    except (verifier.Refused, OSError) as error:
        raise ReadBackError(f"{path.name} changed while it was read") from error
    entries = (ledger_copy.parsed(line) for line in files["entries.jsonl"].splitlines())
    signature = bytes.fromhex(files["signature"].decode().strip())
    signed = any(verifier.signed(key, files["manifest.json"], signature) for key in keys)
    return Source(path.name, dict(enumerate(chain, 1)), signed, {each.number: each for each in entries})


def read_copy(folder: Path) -> Source:
    """The copy of the ledger in a folder of issued digests, where there is one. Raises `IssuedError`."""
    entries = {each.number: each for each in ledger_copy.read(folder)}
    return Source(ledger_copy.NAME, {number: each.digest for number, each in entries.items()}, True, entries)


def plan(store: Sequence[str], sources: Iterable[Source], given_up: GivenUp = frozenset()) -> Plan:
    """What of the sources follows on a store whose digests are given, from entry 1 on.

    Raises `ReadBackError` where a source tells another history than the store or than another source.
    """
    known = {number: (digest, "the ledger") for number, digest in enumerate(store, 1)}
    given = list(sources)
    aside = [each for each in given if _was_given_up(store, each, given_up)]
    used = [each for each in given if each not in aside]
    contents: dict[int, Entry] = {}
    for source in used:
        for number, entry in source.entries.items():
            contents.setdefault(number, entry)
        for number, digest in source.digests.items():
            if source.vouches:
                _agree(known, number, digest, source.name)
    _vouch_backwards(known, contents, len(store))
    for source in used:
        for number, digest in source.digests.items():
            if number in known:
                _agree(known, number, digest, source.name)
    return _planned(len(store), known, contents, [each.name for each in aside])


def _planned(
    head: int, known: Mapping[int, tuple[str, str]], contents: Mapping[int, Entry], given_up: Sequence[str]
) -> Plan:
    """What follows on the head without a hole, and what does not."""
    later = {number: each for number, each in known.items() if number > head}
    appended: list[Entry] = []
    for number in range(head + 1, max(later, default=0) + 1):
        if number not in later or number not in contents:
            break
        appended.append(contents[number])
    after = head + len(appended)
    behind = {number: each for number, each in sorted(contents.items()) if number > after and number in later}
    return Plan(head, tuple(appended), later, behind, tuple(given_up))


def _was_given_up(store: Sequence[str], source: Source, given_up: GivenUp) -> bool:
    other = {
        (number, digest)
        for number, digest in source.digests.items()
        if number > len(store) or store[number - 1] != digest
    }
    return bool(other) and other <= given_up


def _agree(known: dict[int, tuple[str, str]], number: int, digest: str, source: str) -> None:
    said, by = known.setdefault(number, (digest, source))
    if said != digest:
        raise ReadBackError(
            f"{source} has another entry {number} than {by}: two histories. Nothing is read back; find out which of"
            " them is false, and leave it out"
        )


def _vouch_backwards(known: dict[int, tuple[str, str]], contents: dict[int, Entry], head: int) -> None:
    """A digest that is believed covers the digest of the entry before."""
    for number in range(max(known, default=0), head, -1):
        entry = contents.get(number)
        if number not in known or entry is None:
            continue
        _agree(known, number, entry.digest, "a bundle")
        if number > 1:
            _agree(known, number - 1, entry.previous, f"entry {number}")
        elif entry.previous != START:
            raise ReadBackError("entry 1 carries a digest of an entry before it")


def read_back(
    connection: Connection, sources: Sequence[Source], by: str, *, none_issued: bool = False, dry_run: bool = False
) -> Outcome:
    """Append what the sources hold and the ledger lacks, in one transaction, and note what stays missing.

    Raises `ReadBackError` and writes nothing where a source is another history, where nothing vouches for what the
    sources hold, or where nothing was given; `LedgerError`, `StoreError`.
    """
    if not by.strip():
        raise ReadBackError("say who reads it back")
    pilot = Pilot()
    with translated(), connection.transaction(force_rollback=dry_run), alone(connection, pilot):
        rows = connection.execute(statement("issued/digests_from"), {"first": 1}).fetchall()
        told = connection.execute(statement("issued/all_open")).fetchall()
        noted = [Source(source, {number: digest}, vouches=True) for number, digest, source in told]
        store = [digest for _, digest in rows]
        found = plan(store, [*noted, *sources], given_up_in(connection))
        _refuse_what_nobody_vouches_for(store, sources, found)
        _refuse_nothing(sources, found, none_issued=none_issued)
        for number, (digest, source) in found.vouched.items():
            note(connection, {number: digest}, source)
        for entry in found.appended:
            _append(connection, pilot, entry)
        state = closed(connection, pilot)
        if isinstance(state, Held):
            compared = ", ".join(each.name for each in sources) or "nothing was issued"
            connection.execute(statement("issued/compared"), {"told": compared[:2000], "by": by})
            state = closed(connection, pilot)
    return Outcome(found, 0 if pilot.head is None else pilot.head.number, state is None)


def _refuse_what_nobody_vouches_for(store: Sequence[str], sources: Sequence[Source], found: Plan) -> None:
    for source in sources:
        beyond = [n for n in source.digests if n > len(store) and n not in found.vouched]
        if beyond and source.name not in found.given_up:
            raise ReadBackError(
                f"{source.name} goes up to entry {max(beyond)}, but nothing vouches for entry {min(beyond)}: it is not"
                " signed by a key that was given. Give the centre's key (--key), the folder of issued digests"
                " (--issued), or a head that was printed (--head NUMBER:DIGEST)"
            )


def _refuse_nothing(sources: Sequence[Source], found: Plan, *, none_issued: bool) -> None:
    if not sources and not found.vouched and not none_issued:
        raise ReadBackError(
            "name every bundle that there is, also those of the operators; if none was ever issued, say so with"
            " --none-issued"
        )
    if none_issued and (sources or found.vouched):
        raise ReadBackError("--none-issued is not true: entries are known that were issued")


def _append(connection: Connection, pilot: Pilot, entry: Entry) -> None:
    try:
        pilot.follow([entry])
    except (ChainError, DocumentError, KeyError) as error:
        raise ReadBackError(f"entry {entry.number} is not read back: {error}") from error
    names = ("number", "kind", "subject", "at", "by", "previous", "digest")
    values = {name: getattr(entry, name) for name in names} | {"document": canonical(entry.document)}
    connection.execute(statement("ledger/append"), values)
    crash_point("vpp.read_back")


def lines(outcome: Outcome) -> list[str]:
    """What a person reads."""
    found = outcome.plan
    said = [f"read back: entry {each.number}: {each.kind} {each.subject}" for each in found.appended]
    said += [f"{name} tells of a history that was given up" for name in found.given_up]
    for number in found.missing:
        entry = found.behind.get(number)
        digest, source = found.vouched.get(number, ("", ""))
        if entry is not None:
            what = f"{entry.kind} {entry.subject}, held by a bundle, but an entry before it is missing"
        else:
            what = f"no bundle here holds it; digest {digest[:12]}…, {source}" if digest else "nothing is known of it"
        said.append(f"missing: entry {number}: {what}")
    last = "the ledger takes entries again" if outcome.is_open else "the ledger stays closed"
    if found.missing:
        last += (
            ": give further bundles, also those of other operators; what is lost for ever: "
            "`parkgrid vpp ledger give-up --help`"
        )
    return [*said, f"the ledger ends at entry {outcome.head}; {last}"]


def give_up(connection: Connection, key: CentreKey, by: str, reason: str, at: datetime) -> Entry:
    """Declare that what is missing is lost for ever: an entry that the centre signs, after which the ledger goes on.

    Raises `ReadBackError` where nothing is missing; `RefusedActError`, `LedgerError`, `StoreError`.
    """
    pilot = Pilot()
    with alone(connection, pilot):
        state = closed(connection, pilot)
        if not isinstance(state, Lacking):
            raise ReadBackError(f"nothing is known to be missing: compare ledger and bundles (`{COMMAND}`) first")
        head = state.head.number
        rows = connection.execute(statement("issued/all_open")).fetchall()
        after = min(head, min(number for number, *_ in rows) - 1) if rows else head
        loss = Loss(after, state.issued.number, state.issued.digest, reason.strip(), "0" * 128)
        signed = Loss(loss.after, loss.through, loss.digest, loss.reason, key.sign(loss.signed(by)).hex())
        (entry,) = write(connection, pilot, [Act(LEDGER, signed)], by, at)
        if isinstance(closed(connection, pilot), Held):
            connection.execute(statement("issued/compared"), {"told": f"given up by entry {entry.number}", "by": by})
    return entry
