"""What the edge's tests share: loops in virtual time, for those that are marked so."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.edge.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that a test runs in."""
    del config
    return {"loop": VirtualTimeLoop if item.get_closest_marker("virtual_time") else asyncio.SelectorEventLoop}
