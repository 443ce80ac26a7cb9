"""Modbus devices whose registers stand where they are set: a change has an instant that can be measured from."""

import asyncio
import threading
import time
from contextlib import AbstractContextManager
from typing import Self

from parkgrid_bench.devices import Load
from parkgrid_bench.figures import BenchmarkError
from parkgrid_edge.drivers import find
from parkgrid_edge.protocols.registers import Register
from parkgrid_servers import process

_PATIENCE_S = 10.0


class Dial(Load, AbstractContextManager["Dial"]):
    """One device of a driver on a port of its own, served by a thread while the context lasts."""

    def __init__(self, driver: str, **values: float) -> None:
        super().__init__(find(driver))
        self.driver = driver
        self.port = process.free_port()
        self._set = dict(values)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"dial {driver}", daemon=True)
        self._serving = threading.Event()

    def turn(self, signal: str, value: float) -> float:
        """Set a signal, in the catalogue's unit; the instant of it, in milliseconds since the epoch."""
        at_ms = time.time() * 1000
        self._set[signal] = value
        return at_ms

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._serving.wait(_PATIENCE_S):
            raise BenchmarkError(f"no device on port {self.port} after {_PATIENCE_S:g} s")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)

    def _value(self, register: Register) -> float:
        # What nobody sets stands still, so that only the turned register moves a number.
        return self._set.get(register.signal, 0.0) if register.states is None else float(min(register.states.values()))

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", self.port))
        self._serving.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
