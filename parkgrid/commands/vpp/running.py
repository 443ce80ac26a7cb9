"""`parkgrid vpp run`: the process that moves events on."""

from pathlib import Path
from typing import Annotated

import typer

from parkgrid.commands.outcome import finish


def run(
    config: Annotated[
        Path | None, typer.Option(help="TOML file; environment variables (PARKGRID_VPP_…) override it.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the settings and list all mistakes; start nothing.")
    ] = False,
) -> None:
    """Move events on until Ctrl-C or SIGTERM: clear, freeze baselines, settle, revise.

    For example:

        parkgrid vpp run --config vpp.toml
    """
    from parkgrid_vpp.process import main

    finish(lambda: main([*(["--config", str(config)] if config else []), *(["--check"] if check else [])]))
