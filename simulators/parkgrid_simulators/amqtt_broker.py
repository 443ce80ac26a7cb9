"""amqtt as a broker of its own process, for this machine only: `python -m parkgrid_simulators.amqtt_broker 1883`."""

import asyncio
import logging
import signal
import sys
from typing import Any

from amqtt.broker import Broker

ANYBODY: dict[str, Any] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


def listening(port: int, plugins: dict[str, Any]) -> dict[str, Any]:
    """Settings of a broker on a loopback port."""
    return {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins}


async def serve(broker: Broker) -> None:
    """Run a broker until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


async def _main(port: int) -> None:
    await serve(Broker(listening(port, ANYBODY)))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_main(int(sys.argv[1])))
