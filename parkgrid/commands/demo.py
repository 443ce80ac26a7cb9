"""`parkgrid demo`: demonstrations that run by themselves and end."""

from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands.outcome import finish

app = typer.Typer(help="Demonstrations that run by themselves and end.", no_args_is_help=True)


@app.callback()
def demo() -> None:
    """Demonstrations that run by themselves and end."""


@app.command("vpp")
def vpp(
    data_dir: Annotated[Path, typer.Option(help="Folder for data, logs and bundles; a new one for each run.")] = Path(
        "parkgrid-demo-vpp"
    ),
    short: Annotated[bool, typer.Option("--short", help="One park and one call instead of three and two.")] = False,
) -> None:
    """Run a virtual power plant pilot from two calls to statements that anybody can compute again.

    Three simulated parks with storage, V2G guns and interruptible loads answer a valley-filling and a peak-shaving call
    over Modbus, broker and store, sixty times as fast as in reality; some of them answer badly. It takes about ten
    minutes on two cores, with `--short` about three. Bundles of every statement and `centre.pub` are left in the folder
    `bundles`. The last line is one JSON object; the exit status is 0 only if the verifier computes every statement
    again to the cent, the meters agree with what the simulators did, and each of the four verdicts occurs.

    For example:

        parkgrid demo vpp

        parkgrid demo vpp --short --data-dir trial
    """
    from parkgrid.pilot_demo import run

    finish(lambda: run(data_dir, short=short))
