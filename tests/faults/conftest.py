"""Options of the fault tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-rounds", type=int, default=None, help="rounds of the fault loop (default 20)")
    parser.addoption(
        "--fault-seed", type=int, default=None, help="seed of the fault loop (default: a new one, printed)"
    )
    parser.addoption("--hostile-s", type=float, default=8.0, help="how long the hostile gateway sends (default 8 s)")
    parser.addoption("--fault-kind", action="append", default=[], help="only faults whose name contains this")
