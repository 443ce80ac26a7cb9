"""A month of the demonstration district, once a session; tests read it and change nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from parkgrid_dashboards.board import Site
from parkgrid_dashboards.check import Document
from parkgrid_dashboards.provision import documents
from tests.conftest import temporary_database
from tests.dashboards import demo

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase


@dataclass(frozen=True, slots=True)
class District:
    """A database full of data and the instant at which they end."""

    dsn: str
    now: datetime


@pytest.fixture(scope="session")
def district(
    database_server: "RunningDatabase", template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[District]:
    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        yield District(dsn, demo.fill(dsn, tmp_path_factory.mktemp("clusters")))


@pytest.fixture(scope="session")
def boards() -> list[Document]:
    return documents(Site())
