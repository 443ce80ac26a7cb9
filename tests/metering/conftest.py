"""What the tests of metering share."""

from collections.abc import Iterator

import pytest

from tests.metering.park import Metering, metering


@pytest.fixture
def park(dsn: str) -> Iterator[Metering]:
    """A park without devices over a fresh database."""
    with metering(dsn) as opened:
        yield opened
