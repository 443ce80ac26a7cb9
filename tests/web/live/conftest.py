"""`--outages FILE`: stage every outage with pages open, and write what they say after 5, 20 and 60 s as a table."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--outages", type=Path, metavar="FILE", help="stage all outages (a quarter of an hour); the table goes here"
    )
