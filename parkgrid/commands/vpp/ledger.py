"""`parkgrid vpp ledger`: the chain itself."""

from typing import TYPE_CHECKING

import typer

from parkgrid.commands.vpp.session import AsJson, Dsn, run, show

if TYPE_CHECKING:
    from parkgrid_domain.vpp.pilot import Pilot

app = typer.Typer(help="The ledger of the pilot: a chain of entries that are never changed.", no_args_is_help=True)


@app.command("check")
def check(dsn: Dsn, as_json: AsJson = False) -> None:
    """Compute every digest of the chain again and print the last one.

    An altered, missing or doubled entry is named. An empty ledger is "not checked": there is nothing that could be
    valid. Compare the last digest with one that you kept, or that a statement prints. For example:

        parkgrid vpp ledger check
    """
    from parkgrid_domain.vpp.ledger import instant

    def action(_connection: object, pilot: "Pilot") -> None:
        head = pilot.head
        if head is None:
            show({"checked": False, "entries": 0}, ["not checked: the ledger has no entries"], as_json=as_json)
            return
        told = {"checked": True, "entries": head.number, "digest": head.digest, "at": instant(head.at)}
        lines = [f"{head.number} entries, each follows from the one before", f"last {told['at']}  {head.digest}"]
        show(told, lines, as_json=as_json)

    run(dsn, action)
