"""Options of the emulated gateways, and where they are installed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import open_folder
from tests.emulated.machines import Machine, MissingError, installed


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak-s", type=float, default=600.0, help="how long emulated gateways run (default 600 s)")


@pytest.fixture
def emulated() -> Iterator[Callable[[Machine], Path]]:
    """A function that installs an emulated gateway, gone after the test; gives the environment of its agent."""
    with open_folder() as folder:

        def made(machine: Machine) -> Path:
            try:
                return installed(machine, folder / machine.name)
            except MissingError as error:
                pytest.skip(str(error))

        yield made
