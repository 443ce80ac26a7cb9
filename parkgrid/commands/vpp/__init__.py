"""`parkgrid vpp`: the virtual power plant pilot, by command what a person must do; a file for each kind of act."""

import typer

from parkgrid.commands.vpp import ledger, proof, registry, registry_file

app = typer.Typer(
    help=(
        "The virtual power plant pilot: call events, bid, award, settle, dispute, check.\n\n"
        "Every act is one entry of a chained ledger, with the name of who did it (`--by`). Money is marked "
        "模拟 / simulation unless it comes from a verified settlement pack."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(ledger.app, name="ledger")
app.add_typer(registry_file.app, name="registry")
app.command("phase")(registry.phase)
app.command("verify")(proof.verify)
app.command("key")(proof.key)
