"""Options of the fault tests, and what both brokers' rounds share."""

import os
import time
from zlib import crc32

import pytest

from tests.faults.rounds import NIGHTLY_ROUNDS, OF_ONE_SYSTEM, Loop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-rounds", type=int, default=None, help="rounds of the fault loop (default 20)")
    parser.addoption(
        "--fault-seed", type=int, default=None, help="seed of the fault loop (default: a new one, printed)"
    )
    parser.addoption("--hostile-s", type=float, default=8.0, help="how long the hostile gateway sends (default 8 s)")
    parser.addoption("--fault-kind", action="append", default=[], help="only faults whose name contains this")


@pytest.fixture(scope="session")
def loop(pytestconfig: pytest.Config, nightly: bool) -> Loop:
    """The loop that was asked for, with one seed in all processes of a run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    drawn = (crc32(run.encode()) if run else time.time_ns()) % 1_000_000
    named = pytestconfig.getoption("--fault-rounds", None)
    rounds = named or (NIGHTLY_ROUNDS if nightly else None)
    return Loop(
        seed=pytestconfig.getoption("--fault-seed", None) or drawn,
        rounds=rounds,
        of_one_system=rounds if rounds and nightly else OF_ONE_SYSTEM,
        kinds=pytestconfig.getoption("--fault-kind", []),
    )
