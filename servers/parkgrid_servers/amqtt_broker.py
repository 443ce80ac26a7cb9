"""amqtt as the broker of last resort, in a process of its own: `python -m parkgrid_servers.amqtt_broker --port 1883`.

It may lose what it acknowledged and forgets everything when it ends; the commit acknowledgement makes that harmless.
With logins it keeps to the same rules as the access list of mosquitto (`parkgrid_servers.broker_access`).
"""

import argparse
import asyncio
import logging
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from amqtt.adapters import BufferReader, ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.connect import ConnectPacket
from amqtt.session import Session

from parkgrid_contract.identity import Gateway
from parkgrid_servers.broker_access import Logins, logins, rights

_EVERYBODY: dict[str, dict[str, object]] = {
    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
}


class _Steady(dict[Any, Any]):
    """Goes through a copy: the library waits in between, and a subscription then ended another one's connection."""

    def __iter__(self) -> Iterator[Any]:
        return iter(list(super().keys()))

    def items(self) -> Any:
        return list(super().items())


class GuardedBroker(Broker):  # type: ignore[misc]  # the library is not annotated
    """A broker that lets only its logins in, each with its own topics and under its own name."""

    def __init__(self, config: dict[str, Any], known: Logins) -> None:
        super().__init__(config)
        self._known = known
        self._subscriptions = _Steady()

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> Any:
        """Refuse a stranger before his client identifier can end or take over anybody's session."""
        connect = await ConnectPacket.from_stream(reader)
        if connect.payload is None or not self._lets_in(connect):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise AMQTTError(f"refused: {connect.username!r} from {remote_address}:{remote_port}")
        # As `use_username_as_clientid` of mosquitto has it.
        connect.payload.client_id, connect.payload.client_id_is_random = connect.username, False
        return await super()._initialize_client_session(
            BufferReader(connect.to_bytes()), writer, remote_address, remote_port
        )

    def _lets_in(self, connect: ConnectPacket) -> bool:
        """Whether name and password are right and the will is on a topic of its own."""
        name = connect.username
        if name is None or not self._known.right(name, connect.password):
            return False
        return not connect.will_flag or rights(name).may_write(connect.will_topic or "")

    async def _authenticate(self, session: Session, _: Any) -> bool:
        """Whoever has a session was let in."""
        return session.username is not None

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        own = rights(session.username or "")
        if action == Action.PUBLISH:
            return own.may_write(topic)
        return topic in own.read if action == Action.SUBSCRIBE else own.may_hear(topic)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on the loopback interface until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="The fallback MQTT broker, for this machine only.")
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--logins", type=Path, help="folder with the secret of its logins; without it all are let in")
    parser.add_argument("gateways", nargs="*", help="the gateways that are let in, as park/gateway")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    gateways = [Gateway(*name.split("/")) for name in options.gateways]
    asyncio.run(serve(options.port, logins(options.logins, gateways) if options.logins else None))


async def serve(port: int, known: Logins | None) -> None:
    """Run the broker until a signal asks it to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    config: dict[str, Any] = {"listeners": listeners, "plugins": {} if known else _EVERYBODY}
    broker = GuardedBroker(config, known) if known else Broker(config)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    main()
