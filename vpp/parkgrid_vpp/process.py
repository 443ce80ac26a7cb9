"""The pilot's process: `python -m parkgrid_vpp --config vpp.toml` moves events on until it is stopped."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from parkgrid_contract.settings import SettingsError, load
from parkgrid_database.errors import StoreError
from parkgrid_vpp.service import Service
from parkgrid_vpp.settings import VppSettings

_WRONG = 2
_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT: exit status 0; 1 for an unusable database, 2 for wrong settings."""
    options = _options(arguments)
    try:
        settings = load(VppSettings, options.config, os.environ, "vpp")
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return _WRONG
    if options.check:
        sys.stdout.write("the settings are valid\n")
        return 0
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    service = Service(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop.set())
    try:
        service.run()
    except (StoreError, OSError) as error:
        sys.stderr.write(f"the pilot's process cannot run: {error}\n")
        return _FAILED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="vpp", description="Moves the events of the virtual power plant pilot on: award, baselines, statements."
    )
    parser.add_argument("--config", type=Path, help="TOML file; environment variables PARKGRID_VPP_… override it")
    parser.add_argument("--check", action="store_true", help="check the settings and exit")
    return parser.parse_args(arguments)
