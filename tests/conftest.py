"""What every room's tests share: one database server a session, a fresh migrated database a test, a real broker.

Server-side libraries are imported inside the fixtures, so that the edge's tests run where only the edge is installed.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import structlog
from hypothesis import HealthCheck, settings

from parkgrid_servers import process
from tests import marks, memory

if TYPE_CHECKING:
    from parkgrid_servers.broker import RunningBroker
    from parkgrid_servers.database import RunningDatabase

# A busy machine is no defect: how long an example takes says nothing about the code that it is given to.
for profile, examples in (("ci", 25), ("nightly", 1_000)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )

TEST_DSN = "PARKGRID_TEST_DSN"
_OBJECTS_BETWEEN_SEARCHES = 20_000
_SCRAM_ITERATIONS_SINCE = 160_000
_NO_NEED_TO_LAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


LONGEST_FIRST = (
    "tests/emulated/test_emulated_edge.py",
    "tests/emulated/test_emulated_soak.py",
    "tests/parkgrid/test_replay_year.py",
    "tests/faults/test_rounds.py",
    "tests/faults/test_rounds_fallback.py",
    "tests/web/test_views.py",
    "tests/parkgrid/test_up.py",
    "tests/web/test_page.py",
    "tests/vpp/test_pilot_demo.py",
    "tests/parkgrid/test_your_own_data.py",
    "tests/web/test_energies.py",
    "tests/web/test_whole_chain.py",
    "tests/dashboards/test_check.py",
    "tests/accounting/audit/test_audit.py",
)
"""Files that take minutes: the last one to begin decides when the run ends."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="every test, and the long form of those that have one")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("nightly" if config.getoption("--nightly") else "ci")
    config.pluginmanager.register(marks.Watch())


# First, so that `-m` sees the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each test marked by what it needs; the longest files first; what is `nightly` only when that is asked for."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    if _worker(config) is not None:
        items.sort(key=lambda item: item.nodeid.partition("::")[0].split("/"))
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))
    for item in items:
        marks.mark(item)
    if not config.getoption("--nightly"):
        late = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=late)
        left_out = set(late)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Every second worker reads the files from the end: what one has compiled, the other finds, where all is new."""
    report = yield
    if isinstance(collector, pytest.Directory) and (_worker(collector.config) or 0) % 2:
        report.result.reverse()
    return report


def _worker(config: pytest.Config) -> int | None:
    """Which worker of several this is; none where one process runs all."""
    given = getattr(config, "workerinput", None)
    return int(given["workerid"].removeprefix("gw")) if given else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Garbage is sought once: thousands of tests stay, and going through them each time costs seconds.

    While tests run it is sought more seldom than usual: what they make falls away by itself, but for rings.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES, 10, 10)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The slowest files, where the slowest tests are asked for: a file that many small tests make long shows here."""
    if not (number := config.getoption("durations")):
        return
    spent: dict[str, float] = {}
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            file = report.nodeid.partition("::")[0]
            spent[file] = spent.get(file, 0.0) + report.duration
    terminalreporter.section(f"slowest {number} files")
    for file, seconds in sorted(spent.items(), key=lambda each: -each[1])[:number]:
        terminalreporter.write_line(f"{seconds:.2f}s {file}")


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    """A command that a test runs sends the log to the test's own standard error, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def nightly(pytestconfig: pytest.Config) -> bool:
    """Whether a test that has a long form shall take it."""
    return bool(pytestconfig.getoption("--nightly"))


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that names a free loopback port."""
    return process.free_port


@pytest.fixture
def server_dir() -> Iterator[Path]:
    """A folder for a database server of the test's own: root's `tmp_path` is closed to the server's user."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def database_server() -> "Iterator[RunningDatabase]":
    """One server for the session: the one named by PARKGRID_TEST_DSN, else one started here."""
    from parkgrid_servers import database

    named = os.environ.get(TEST_DSN)
    if named:
        yield database.given(named)
        return
    with memory.open_folder() if memory.has_room() else open_folder() as folder:
        server = database.start(folder, settings=_NO_NEED_TO_LAST)
        _sign_in_quickly(server.dsn)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def template_database(database_server: "RunningDatabase") -> Iterator[str]:
    """The name of a migrated database that each test's own is cloned from."""
    from parkgrid_database.migrate import migrate

    with temporary_database(database_server.dsn) as (name, dsn):
        migrate(dsn)
        _close_to_visitors(database_server.dsn, name)
        yield name


@pytest.fixture
def dsn(database_server: "RunningDatabase", template_database: str) -> Iterator[str]:
    """A fresh, migrated database of the test's own."""
    with temporary_database(database_server.dsn, template_database) as (_, address):
        yield address


@pytest.fixture
def empty_dsn(database_server: "RunningDatabase") -> Iterator[str]:
    """A fresh database without any relation."""
    with temporary_database(database_server.dsn) as (_, address):
        yield address


@pytest.fixture
def broker(tmp_path: Path) -> "Iterator[RunningBroker]":
    """A broker of the test's own: mosquitto when it is installed, else amqtt."""
    from parkgrid_servers import broker as launcher

    running = launcher.start(tmp_path / "broker")
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that a server's unprivileged user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="parkgrid-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_database(server: str, template: str | None = None) -> Iterator[tuple[str, str]]:
    """Name and DSN of a database that is dropped afterwards."""
    name = f"parkgrid_test_{uuid4().hex[:12]}"
    # Copying files is three times as quick as writing them anew through the log.
    clause = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
    _execute(server, f"CREATE DATABASE {name}{clause}")
    try:
        yield name, _with_database(server, name)
    finally:
        _execute(server, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _sign_in_quickly(server: str) -> None:
    """A test connects some ten times; four thousand rounds of a hash for each protect nobody here."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(server, autocommit=True) as connection:
        if connection.info.server_version >= _SCRAM_ITERATIONS_SINCE:
            connection.execute("SET scram_iterations = 1")
            own = {"name": sql.Identifier(connection.info.user), "password": sql.Literal(connection.info.password)}
            connection.execute(sql.SQL("ALTER ROLE {name} PASSWORD {password}").format(**own))


def _close_to_visitors(server: str, name: str) -> None:
    """TimescaleDB's workers visit every database; a template with a visitor cannot be cloned."""
    _execute(server, f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    _execute(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def _execute(server: str, statement: Any) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def _with_database(server: str, name: str) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo(server, dbname=name)
