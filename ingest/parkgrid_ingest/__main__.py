"""`python -m parkgrid_ingest --config ingest.toml`: the process that stores what the gateways send."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from parkgrid_contract.settings import SettingsError, load
from parkgrid_database.errors import StoreError
from parkgrid_ingest.service import Service
from parkgrid_ingest.settings import IngestSettings

_WRONG = 2
_FAILED = 1
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_SWITCH_S = 0.003
"""How long the writer's decoding may keep the socket's thread waiting: an acknowledgement needs several turns."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ingest until SIGTERM or SIGINT: 0; 1 for an unusable database, 2 for wrong settings or certificates."""
    options = _options(arguments)
    try:
        settings = load(IngestSettings, options.config, os.environ, "ingest")
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
    try:
        service = Service(settings)
    except OSError as error:
        sys.stderr.write(f"the certificates of mqtt cannot be used: {error}\n")
        return _WRONG
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop.set())
    # Readings hold no cycles and up to a tenth of the time (2 to 9 %) went into looking for some; the libraries' own
    # are still found.
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 100)
    sys.setswitchinterval(_SWITCH_S)
    try:
        service.run()
    except (StoreError, OSError) as error:
        sys.stderr.write(f"ingest cannot run: {error}\n")
        return _FAILED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ingest", description="Stores what the gateways send, exactly once.")
    parser.add_argument("--config", type=Path, help="TOML file; environment variables PARKGRID_INGEST_… override it")
    parser.add_argument("--check", action="store_true", help="check the settings and exit")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
