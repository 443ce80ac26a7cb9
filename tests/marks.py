"""What a test needs, as marks: found from its fixtures, and held to while it runs.

`database` and `browser` follow from fixtures, `process` from fixtures too or from the test's own mark; a test without
any of them is `unit`. A unit test that starts a process, opens a socket or connects to a database all the same fails
and says which mark it lacks. Nothing here is imported that a bare edge does not have.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

NEEDED_BY_FIXTURE = {
    "database_server": "database",
    "browser": "browser",
    "broker": "process",
    "built_page": "process",
    "free_port": "process",
    "parkgrid_broker": "process",
    "parkgrid_device": "process",
    "parkgrid_park": "process",
    "serve": "process",
    "server_dir": "process",
}
"""A fixture that brings more than Python, and the mark of every test that uses it."""
NO_UNIT = frozenset(("database", "process", "browser", "faults", "timing"))
_STARTS = ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
_WATCHED = frozenset((*_STARTS, "socket.bind", "socket.connect"))
"""What Python reports to an audit hook when a process is started or a socket opened to others."""


def mark(item: pytest.Item) -> None:
    """Give a test the marks that its fixtures call for; `unit` when nothing else is there."""
    needed = {NEEDED_BY_FIXTURE[name] for name in getattr(item, "fixturenames", ()) if name in NEEDED_BY_FIXTURE}
    for name in sorted(needed):
        item.add_marker(name)
    if not needed and NO_UNIT.isdisjoint(each.name for each in item.iter_markers()):
        item.add_marker("unit")


def _imports() -> bool:
    """Whether a module is being imported now: a library may look at the machine then, as pvlib's do."""
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


class Watch:
    """A plug-in that lets no test be `unit` that reaches beyond its own process."""

    def __init__(self) -> None:
        self._unit = False
        self._done: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if self._unit and event in _WATCHED and not _imports():
            self._done.append(f"{event} {details[-1] if event.startswith('socket') else details[0]!r}")

    def pytest_collection_finish(self) -> None:
        """Hear of the database driver too: it connects below Python, where no audit hook is."""
        if "psycopg" in sys.modules:
            from psycopg import BaseConnection

            # What every way to connect comes through; only the driver's own code has a name for it.
            connect = BaseConnection._connect_gen.__func__

            def heard(*arguments: Any, **named: Any) -> Any:
                if self._unit:
                    self._done.append("psycopg.connect")
                return connect(*arguments, **named)

            BaseConnection._connect_gen = classmethod(heard)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """From here on a unit test is watched, with the making of its fixtures."""
        self._unit, self._done = item.get_closest_marker("unit") is not None, []
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Fail the unit test that was none."""
        result = yield
        if self._done:
            first = ", ".join(list(dict.fromkeys(self._done))[:3])
            pytest.fail(f"marked unit, but it did: {first}. Mark it `process`.", pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        """Servers of a session are ended when its last test is."""
        self._unit = False
        return (yield)
