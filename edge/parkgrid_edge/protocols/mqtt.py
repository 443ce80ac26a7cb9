"""One connection to the broker: the only place at the edge that knows paho.

paho runs inside the event loop through its socket callbacks, since its own thread can stall `publish()` for up to a
second. Every connection gets a fresh client: after a reconnect paho would hand over everything it remembers at once,
whatever its in-flight limit says (eclipse-paho/paho.mqtt.python#492). What has to survive is in the outbox.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from parkgrid_contract.broker import tls_context
from parkgrid_edge.settings import UplinkSettings

CONNECT_TIMEOUT_S = 10.0
_QOS = 1


class LinkError(Exception):
    """The broker cannot be reached, refused us, or is gone; a later try may work."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we vanish."""

    topic: str
    payload: bytes


class Link:
    """A connection that is opened once and used until it is lost.

    `on_message` hears topic, payload, and whether it is what the broker had kept when the topic was asked for.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        client_id: str,
        will: Will,
        on_message: Callable[[str, bytes, bool], None],
        on_published: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._on_published = on_published
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._misc: asyncio.TimerHandle | None = None
        self._client = _client(settings, client_id, will)

    @property
    def lost(self) -> "asyncio.Future[str]":
        """Done when the connection is over, with the reason."""
        return self._lost

    async def connect(self) -> None:
        """Connect and wait until the broker has accepted us. Raises `LinkError`."""
        try:
            await self._open_socket()
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._accepted
        except (OSError, ValueError, TimeoutError) as error:
            self.close()
            raise LinkError(_reason(error)) from error
        except BaseException:
            self.close()
            raise

    def subscribe(self, topics: list[str]) -> None:
        """Ask for topics at QoS 1. Raises `LinkError`."""
        code, _ = self._client.subscribe([(topic, _QOS) for topic in topics])
        _check(code)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message over at QoS 1; its number comes back through `on_published`. Raises `LinkError`."""
        info = self._client.publish(topic, payload, _QOS, retain)
        _check(info.rc)
        return info.mid

    def close(self, reason: str = "closed") -> None:
        """Cut the connection without a word, so that the broker speaks our will."""
        self._finish(reason)
        connection = self._client.socket()
        if connection is not None:
            self._drop(connection)
            connection.close()

    def disconnect(self) -> None:
        """Take leave, so that the broker keeps our will to itself."""
        self._client.disconnect()
        self._client.loop_write()
        self.close("disconnected")

    async def _open_socket(self) -> None:
        # Name lookup, TCP and TLS block, so they run in a thread; the callbacks come later, they belong to the loop.
        settings = self._settings
        # paho gives up after twice its keep-alive; the promise is one and a half times the stated one.
        keepalive_s = max(1, settings.keepalive_s * 3 // 4)
        opening = asyncio.ensure_future(
            asyncio.to_thread(self._client.connect, settings.host, settings.port, keepalive_s),
        )
        try:
            _check(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(self._abandon)
            raise
        connection = self._client.socket()
        if connection is None:
            raise LinkError("the broker closed the connection at once")
        self._attach(connection)

    def _abandon(self, opened: "asyncio.Future[MQTTErrorCode]") -> None:
        """Close a connection that came up after nobody wanted it any more."""
        if not opened.cancelled() and opened.exception() is None:
            self.close()

    def _attach(self, connection: Any) -> None:
        client = self._client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda _client, _data, message: self._on_message(
            message.topic, bytes(message.payload), message.retain
        )
        client.on_publish = lambda _client, _data, mid, _reason, _properties: self._on_published(mid)
        client.on_socket_close = lambda _client, _data, closing: self._drop(closing)
        client.on_socket_register_write = lambda _client, _data, s: self._loop.add_writer(s, client.loop_write)
        client.on_socket_unregister_write = lambda _client, _data, s: self._remove_writer(s)
        # Small packets must not wait for the acknowledgement of the one before: that costs 40 ms each.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(connection, self._read, connection)
        self._tick()

    def _read(self, connection: Any) -> None:
        self._client.loop_read()
        pending = getattr(connection, "pending", None)
        # TLS may hold decrypted bytes that the socket no longer announces.
        while pending is not None and self._client.socket() is connection and pending():
            self._client.loop_read()

    def _tick(self) -> None:
        """Paho's own clock: keep-alive."""
        if not self._lost.done():
            self._misc = self._loop.call_later(min(1.0, self._settings.keepalive_s / 4), self._tick)
            self._client.loop_misc()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._accepted.done():
            return
        if reason.is_failure:
            self._accepted.set_exception(LinkError(f"the broker refused the connection: {reason}"))
        else:
            self._accepted.set_result(None)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._finish(str(reason))

    def _finish(self, reason: str) -> None:
        if self._misc:
            self._misc.cancel()
        if not self._lost.done():
            self._lost.set_result(reason)
        if not self._accepted.done():
            self._accepted.set_exception(LinkError(reason))
            self._accepted.exception()

    def _drop(self, connection: Any) -> None:
        if connection.fileno() >= 0:
            self._loop.remove_reader(connection)
            self._loop.remove_writer(connection)

    def _remove_writer(self, connection: Any) -> None:
        if connection.fileno() >= 0:
            self._loop.remove_writer(connection)


def _client(settings: UplinkSettings, client_id: str, will: Will) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=True,
        protocol=paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(0)
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.will_set(will.topic, will.payload, _QOS, retain=True)
    if settings.username is not None or settings.password is not None:
        client.username_pw_set(settings.username or client_id, settings.password)
    if settings.secure:
        try:
            client.tls_set_context(tls_context(settings.tls_ca, settings.tls_cert, settings.tls_key))
        except OSError as error:
            raise LinkError(f"the certificates cannot be used: {error}") from error
    return client


def _check(code: int) -> None:
    if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise LinkError(paho.error_string(MQTTErrorCode(code)))


def _reason(error: Exception) -> str:
    return str(error) or f"no answer within {CONNECT_TIMEOUT_S:.0f} s"
