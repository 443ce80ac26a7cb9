"""amqtt as the broker of last resort, in a process of its own: `python -m parkgrid.amqtt_broker --port 1883`.

It may lose what it acknowledged and forgets everything when it ends; the commit acknowledgement makes that harmless.
"""

import argparse
import asyncio
import logging
import signal

_PLUGINS: dict[str, dict[str, object]] = {
    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
}


def main() -> None:
    """Serve on the loopback interface until SIGTERM or SIGINT."""
    arguments = argparse.ArgumentParser(description="The fallback MQTT broker, for this machine only.")
    arguments.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(arguments.parse_args().port))


async def serve(port: int) -> None:
    """Run the broker until a signal asks it to end."""
    from amqtt.broker import Broker

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    broker = Broker({"listeners": listeners, "plugins": _PLUGINS})
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    main()
