"""`parkgrid vpp ledger`: the chain itself, and what a restored store lacks of it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.commands import outcome
from parkgrid.commands.vpp.session import AsJson, By, Dsn, connected, run, show, tell

if TYPE_CHECKING:
    from parkgrid_database.connection import Connection
    from parkgrid_domain.vpp.pilot import Pilot
    from parkgrid_vpp.read_back import Source

app = typer.Typer(help="The ledger of the pilot: a chain of entries that are never changed.", no_args_is_help=True)
_CLOSED, _MISSING = 1, 3
_HEAD = re.compile(r"([1-9][0-9]{0,9}):([0-9a-f]{64})")


@app.command("check")
def check(dsn: Dsn, as_json: AsJson = False) -> None:
    """Compute every digest of the chain again, print the last one, and say whether the ledger takes entries.

    An altered, missing or doubled entry is named. An empty ledger is "not checked": there is nothing that could be
    valid. Compare the last digest with one that you kept, or that a statement prints. The exit status is 1 where the
    ledger takes no entry: then it lacks what was issued, or a restore was not compared yet. For example:

        parkgrid vpp ledger check
    """
    from parkgrid_domain.vpp.ledger import instant
    from parkgrid_vpp.closed import closed

    def action(connection: "Connection", pilot: "Pilot") -> None:
        head, state = pilot.head, closed(connection, pilot)
        reason = {} if state is None else {"closed": state.error().en}
        if head is None:
            lines = ["not checked: the ledger has no entries"]
            told: dict[str, object] = {"checked": False, "entries": 0}
        else:
            told = {"checked": True, "entries": head.number, "digest": head.digest, "at": instant(head.at)}
            lines = [
                f"{head.number} entries, each follows from the one before",
                f"last {told['at']}  {head.digest}",
            ]
        show(told | reason, lines, as_json=as_json)
        if state is not None:
            typer.echo(str(state.error()), err=True)
            raise typer.Exit(_CLOSED)

    run(dsn, action)


@app.command("read-back")
def read_back(
    dsn: Dsn,
    by: By,
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="BUNDLE...", help="Every bundle that there is, also those of the operators; or folders."
        ),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            "--key", help="The centre's public key (centre.pub): bundles that it signed vouch for their chain."
        ),
    ] = None,
    issued: Annotated[
        Path | None,
        typer.Option(
            envvar="PARKGRID_VPP_ISSUED",
            help="Folder of the file of issued digests: it, the copy of the ledger and the bundles in it are read.",
        ),
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option("--head", help="NUMBER:DIGEST, copied from a printed statement; may be repeated."),
    ] = None,
    none_issued: Annotated[
        bool, typer.Option("--none-issued", help="Nothing was issued after the backup; your name is stored with it.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read back what a restored ledger lacks from the bundles that were issued, and let it take entries again.

    Each bundle is verified first; its entries are appended as they were, with the same digest and instant, in their
    order, up to the first one that no bundle holds. An altered bundle, another history, or a digest that nothing
    vouches for is refused, and then nothing is written. What stays missing is named.

    Exit status 0: nothing is missing any more. 3: some entries are missing, and the ledger stays closed. 1: refused.
    For example:

        parkgrid vpp ledger read-back bundles/*.bundle --key centre.pub --by "Li Wei"

        parkgrid vpp ledger read-back --issued /mnt/issued --by "Li Wei"

        parkgrid vpp ledger read-back --none-issued --by "Li Wei"
    """
    from parkgrid_vpp.read_back import lines
    from parkgrid_vpp.read_back import read_back as take

    def action() -> int:
        sources = _sources(bundles or [], key or [], issued, head or [])
        with connected(dsn) as connection:
            found = take(connection, sources, by, none_issued=none_issued, dry_run=dry_run)
        told = {
            "read_back": [each.number for each in found.plan.appended],
            "missing": found.plan.missing,
            "head": found.head,
            "open": found.is_open,
            "dry_run": dry_run,
        }
        show(told, [*(["nothing is written: --dry-run"] if dry_run else []), *lines(found)], as_json=as_json)
        return 0 if found.is_open else _MISSING

    outcome.finish(action)


@app.command("give-up")
def give_up(
    dsn: Dsn,
    by: By,
    keys: Annotated[Path, typer.Option(help="The folder with centre.key: only who has it may give entries up.")],
    reason: Annotated[str, typer.Option(help="Why they cannot come back; it is stored in the ledger.")],
    as_json: AsJson = False,
) -> None:
    """Declare that issued entries are lost for ever, so that the ledger goes on without them.

    First read back what is left (`parkgrid vpp ledger read-back`). This writes an entry of the kind `loss` with the
    last entry that both histories have, the newest lost one, your name, the reason and the signature of the centre.
    From then on there are two histories, and the verifier says so about bundles of both. What the lost entries settled
    is settled again. It cannot be taken back. For example:

        parkgrid vpp ledger give-up --keys /etc/parkgrid --by "Li Wei" --reason "the operator lost the bundle, too"
    """
    from datetime import UTC, datetime

    from parkgrid_vpp.centre_key import load
    from parkgrid_vpp.read_back import give_up as declare

    def action() -> int:
        signer = load(keys)
        with connected(dsn) as connection:
            entry = declare(connection, signer, by, reason, datetime.now(UTC))
        tell([entry], as_json=as_json)
        return 0

    outcome.finish(action)


def _sources(bundles: list[Path], keys: list[Path], issued: Path | None, heads: list[str]) -> "list[Source]":
    """What was given, each read and checked. Raises `ReadBackError`, `IssuedError`."""
    from parkgrid_vpp import verify as verifier
    from parkgrid_vpp.issued import NAME, read
    from parkgrid_vpp.read_back import Source, read_bundle, read_copy

    try:
        public = [verifier.read_key(path) for path in keys]
    except (OSError, ValueError) as error:
        outcome.refuse(f"--key: {error}")
    found: list[Source] = []
    paths = [*bundles, *([issued] if issued else [])]
    if issued is not None:
        outside = (Source(NAME, dict(enumerate(read(issued), 1)), vouches=True), read_copy(issued))
        found += [each for each in outside if each.digests]
    for text in heads:
        told = _HEAD.fullmatch(text.strip().lower())
        if told is None:
            outcome.refuse(f"--head {text!r}: write the number of an entry and its digest, such as 57:ab12…, 64 digits")
        found.append(Source(f"--head {told[1]}", {int(told[1]): told[2]}, vouches=True))
    files = dict.fromkeys(each for path in paths for each in _files(path))
    return [*found, *(read_bundle(each, public) for each in files)]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("*.bundle"))
    if not path.is_file():
        outcome.refuse(f"{path} is not a file")
    return [path]
