"""`parkgrid vpp verify` and `parkgrid vpp key`: what proves a payment to others."""

from pathlib import Path
from typing import Annotated

import typer


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
