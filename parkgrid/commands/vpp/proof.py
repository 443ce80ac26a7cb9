"""`parkgrid vpp bundle`, `verify` and `key`: what proves a payment to others."""

from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands.vpp.session import AsJson, Dsn, EventId, show


def bundle(
    event: EventId,
    dsn: Dsn,
    keys: Annotated[Path, typer.Option(help="The folder with centre.key; `parkgrid vpp key` makes one.")],
    operator: Annotated[str, typer.Option(help="Only the bundle of this operator.")] = "",
    out: Annotated[Path, typer.Option(help="Where the bundles are written.")] = Path(),
    issued: Annotated[
        Path | None,
        typer.Option(
            envvar="PARKGRID_VPP_ISSUED",
            help="Folder of the file of issued digests, which tells a restored store what it lacks.  [default: --out]",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one signed archive for each operator of an event, with everything that its statement rests on.

    Anybody can compute the payment again from it: `parkgrid vpp verify`, or the one file `verify.py` without anything
    else. For example:

        parkgrid vpp bundle ev-1 --keys /etc/parkgrid --out bundles
    """
    from datetime import UTC, datetime

    from parkgrid.commands import outcome
    from parkgrid.commands.vpp.session import reading
    from parkgrid_vpp.bundle import write
    from parkgrid_vpp.bundling import contents, operators_of
    from parkgrid_vpp.centre_key import load
    from parkgrid_vpp.issued import write_bundle
    from parkgrid_vpp.issuing import before_issue

    def action() -> int:
        signer, written = load(keys), []
        with reading(dsn) as (connection, pilot):
            for each in [operator] if operator else operators_of(pilot, event):
                found = contents(connection, event, each, datetime.now(UTC))
                out.mkdir(parents=True, exist_ok=True)
                path = out / found.file_name
                before_issue(connection, issued or out, found.chain)
                write_bundle(path, write(found, signer))
                written.append({"file": str(path), "statement": found.statement})
        lines = [f"{each['file']}: {each['statement']}" for each in written]
        show({"bundles": written}, lines, as_json=as_json)
        return 0

    outcome.finish(action)


def verify(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="One or more bundles.")],
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", help="The centre's public key, from the centre itself; may be repeated."),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of what is printed: en or zh.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Compute every amount of a bundle again from its register readings and rules, without a database.

    The exit status is 0 if all agrees and the key signed it; 3 if all agrees and no key was given, so that the signer
    is unknown; 1 if something was altered, is missing or differs (the first such item is named), or if two bundles
    show different histories; 2 if the command was not understood. The same program is one file without any other:
    `python verify.py`. For example:

        parkgrid vpp verify ev-1-op-1.bundle --key centre.pub

        parkgrid vpp verify *.bundle --key centre.pub --lang zh --json
    """
    from parkgrid_vpp import verify as verifier

    options = [f"--key={path}" for path in key or ()] + [f"--lang={lang}"] + (["--json"] if as_json else [])
    raise typer.Exit(verifier.main([*options, "--", *map(str, bundles)]))


def key(
    folder: Annotated[Path, typer.Argument(help="Where centre.key and centre.pub are written.")],
) -> None:
    """Make the key by which the centre signs bundles: `centre.key` stays secret, `centre.pub` is given to everybody.

    For example:

        parkgrid vpp key /etc/parkgrid
    """
    from parkgrid.commands import outcome
    from parkgrid_vpp.centre_key import PUBLIC, KeyFileError, create

    def action() -> int:
        try:
            made = create(folder)
        except (KeyFileError, OSError) as error:
            typer.echo(f"error: {error}", err=True)
            return outcome.FAILED
        typer.echo(f"{folder / PUBLIC}: {made.public.hex()}")
        return 0

    outcome.finish(action)
