"""`--pictures DIR`: take the pictures of README and docs from the demonstration district of `parkgrid up`."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures", type=Path, metavar="DIR", help="write the pictures of the docs here, from `parkgrid up`"
    )
