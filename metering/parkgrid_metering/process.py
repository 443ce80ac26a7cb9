"""The metering process: it turns stored readings into energy of intervals.

What else is to happen when intervals have changed is given to it: `python -m parkgrid.metering` puts both together.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from parkgrid_contract.settings import SettingsError, load
from parkgrid_database.errors import StoreError
from parkgrid_metering.service import Follow, Service
from parkgrid_metering.settings import MeteringSettings

_WRONG = 2
_FAILED = 1


def run(follow: Follow, arguments: Sequence[str] | None = None) -> int:
    """Run metering until SIGTERM or SIGINT: exit status 0; 1 for an unusable database, 2 for wrong settings."""
    options = _options(arguments)
    try:
        settings = load(MeteringSettings, options.config, os.environ, "metering")
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
    service = Service(settings, follow)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop.set())
    try:
        service.run()
    except (StoreError, OSError) as error:
        sys.stderr.write(f"metering cannot run: {error}\n")
        return _FAILED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="metering", description="Computes 15-minute energy from stored readings; earlier values are kept."
    )
    parser.add_argument("--config", type=Path, help="TOML file; environment variables PARKGRID_METERING_… override it")
    parser.add_argument("--check", action="store_true", help="check the settings and exit")
    return parser.parse_args(arguments)
