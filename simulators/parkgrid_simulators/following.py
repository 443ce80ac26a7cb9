"""A park that follows its clock while nobody asks, so that no request has hours to simulate before it is answered.

Where the machine cannot simulate as fast as a clock of ours runs, that clock waits: it is never further ahead of the
park than `REACH_STEPS` steps, and catches up as soon as it can. So the work of one request has a bound, whatever speed
and step somebody chose, and however long nobody came.
"""

import asyncio

from parkgrid_simulators.clock import ParkClock
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.park import Park

REACH_STEPS = 300
_STRETCH_STEPS = 30
"""A few milliseconds of work, then whoever waits has a turn."""
_PERIOD_S = 0.1


class Follower:
    """Keeps one park at the time of its clock."""

    def __init__(self, park: Park, server: ModbusServer) -> None:
        self._park, self._server = park, server
        self._stretch_ms = _STRETCH_STEPS * park.step_ms
        reach_ms = REACH_STEPS * park.step_ms
        if isinstance(server.clock, ParkClock):
            server.clock.latest = lambda: park.at_ms + reach_ms
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        """Follow no further."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD_S)
            before_ms = None
            while before_ms != self._park.at_ms:
                before_ms = self._park.at_ms
                # Faults that began meanwhile take their snapshot before the park passes their start.
                now_ms = self._server.now_ms()
                self._park.advance_to(min(now_ms, before_ms + self._stretch_ms))
                await asyncio.sleep(0)
