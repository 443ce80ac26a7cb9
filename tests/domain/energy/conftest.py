"""Options of the tests of registers."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the loop over corrupted registers is."""
    parser.addoption("--corruption-seeds", type=int, default=None, help="registers of the loop (default: a fixed few)")
