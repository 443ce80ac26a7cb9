"""The MQTT side of ingest: only this file and `read_ahead` know paho.

One thread owns the socket. It reads as long as the inbox has room, acknowledges what the writer has committed, and
publishes the newest acknowledgement of each gateway; an older one that has not left yet is replaced, never queued.

    broker ──▶ socket ──▶ Inbox ──▶ writer ──▶ commit
       ▲                                         │
       └── PUBACK, retained ack ◀── this thread ◀┘
"""

import contextlib
import math
import random
import select
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from parkgrid_contract.broker import tls_context
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import RefusedError
from parkgrid_contract.time import Clock
from parkgrid_contract.topics import Channel, parse_topic, subscription, topic
from parkgrid_ingest.broker_probe import BrokerProbe
from parkgrid_ingest.inbox import Inbox, Message
from parkgrid_ingest.read_ahead import ReadAheadClient, decrypted
from parkgrid_ingest.settings import MqttSettings
from parkgrid_ingest.sharing import Sharing

_log = structlog.get_logger("ingest.consumer")

_FIRST = (Channel.BIRTH, Channel.STATUS)
_LAST_WORDS_S = 5.0
"""How long the acknowledgements that the broker keeps are listened to; then they would only be our own echo."""
_CONNECT_TIMEOUT_S = 5.0
_BACK_OFF_FIRST_S = 0.2
_BACK_OFF_MOST_S = 3.0
_SELECT_S = 0.25
_FULL_S = 0.01
_REST_S = 0.002
_READS_AT_ONCE = 128
_ACKS_IN_FLIGHT = 500
_TOPICS_KNOWN_MAX = 10_000
_REFUSED_SUBSCRIPTION = 128
_NEVER_SUBSCRIBED = "parkgrid/v1/-/-/alive"
_PROBE_TOPIC = "parkgrid/v1/-/-/echo"
_TAKEN_OVER_S = 5.0
_Address = tuple[str, Gateway | None, Channel | None]


class Consumer:
    """A connection to the broker that comes back by itself."""

    def __init__(
        self,
        settings: MqttSettings,
        inbox: Inbox,
        clock: Clock,
        *,
        first: Callable[[], bool] = lambda: True,
        storing: Callable[[], bool] = lambda: True,
    ) -> None:
        """`first`: whether this worker of a group acts where only one may; `storing`: whether the store takes rows."""
        self._settings = settings
        self._inbox = inbox
        self._clock = clock
        self._first = first
        self._storing = storing
        self._sharing = Sharing(settings.share, _PROBE_TOPIC)
        self._takes: str | None = None
        self._deciding = False
        self._told_alone = False
        self._away_since: float | None = time.monotonic()
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._supervise, name="ingest-mqtt", daemon=True)
        self._stopping = threading.Event()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._lock = threading.Lock()
        self._done: deque[tuple[int, int, int]] = deque()
        self._acks: dict[tuple[Gateway, int], bytes] = {}
        self._acks_in_flight: set[int] = set()
        self._topics: dict[str, _Address] = {}
        self._left_out: Counter[Gateway | None] = Counter()
        self._asking = False
        self._connection = 0
        self._last_sent = 0.0
        self._rest_until = 0.0
        self._probe = BrokerProbe()
        self._may_be_refused: dict[int | None, str] = {}
        """Without harm: what was subscribed to, by the number of its packet."""
        self._telemetry_mid: int | None = None
        self._listens_until = math.inf
        self._refused_connection = ""
        self._failure = ""
        self.connected = False
        """Whether the subscriptions stand."""
        self.received = 0
        """Messages read since the start."""
        self.reconnects = 0
        """Connections lost or refused since the start."""
        self.paused_s = 0.0
        """Seconds in which the socket was left unread because the inbox was full."""

    @property
    def away_s(self) -> float:
        """Seconds since it has had no connection; 0 while it has one."""
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def shared(self) -> bool:
        """Whether it takes a share of the telemetry, and not all of it."""
        return self._takes is not None and self._takes != subscription(Channel.TELEMETRY)

    def start(self) -> None:
        """Begin to connect and read."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is still to be acknowledged, disconnect and end the thread."""
        self._stopping.set()
        self._wake()
        self._thread.join(timeout=10.0)
        self._wake_reader.close()
        self._wake_writer.close()

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Tell the broker that these need not come again. For any thread."""
        self._done.extend((message.connection, message.mid, message.qos) for message in messages if message.qos)
        self._wake()

    def publish_ack(self, gateway: Gateway, epoch: int, payload: bytes) -> None:
        """Publish a gateway's acknowledgement soon; only the newest of an epoch is sent. For any thread."""
        with self._lock:
            self._acks[gateway, epoch] = payload

    def ask_again(self) -> None:
        """Have the broker hand over every retained birth and status once more. For any thread."""
        self._asking = True
        self._wake()

    def left_out(self) -> Counter[Gateway | None]:
        """How many messages of whom had no place in the inbox since the last question: each gateway sends again."""
        found, self._left_out = self._left_out, Counter()
        return found

    def flush(self) -> None:
        """Send what `publish_ack` left. For any thread."""
        self._wake()

    # The network thread

    def _new_client(self) -> ReadAheadClient:
        settings = self._settings
        client = ReadAheadClient(
            CallbackAPIVersion.VERSION2,
            client_id=settings.name,
            # A broker goes on giving its share to a worker that it keeps a session for, dead or not.
            clean_session=bool(settings.share),
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_ACKS_IN_FLIGHT)
        client.username_pw_set(settings.username, settings.password)
        if settings.secure:
            client.tls_set_context(tls_context(settings.tls_ca, settings.tls_cert, settings.tls_key))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        # Without this, paho would write from inside ack() and publish(), one system call in each.
        client.on_socket_register_write = lambda *_: None
        return client

    def _supervise(self) -> None:
        """Connect, serve, and after a loss try again with growing, jittered pauses."""
        pause_s = _BACK_OFF_FIRST_S
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self._serve()
            except Exception as error:  # noqa: BLE001 - the supervisor of this thread: logs, counts, backs off
                self._note_unreachable(f"{type(error).__name__}: {error}")
            self._close()
            if self._stopping.is_set():
                break
            self.reconnects += 1
            lived_s = time.monotonic() - started
            pause_s = _BACK_OFF_FIRST_S if lived_s > _TAKEN_OVER_S else min(pause_s * 2, _BACK_OFF_MOST_S)
            self._stopping.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        self._close()

    def _note_unreachable(self, error: str) -> None:
        """Log a failure once, until it is another one or the connection stood in between."""
        if error != self._failure:
            _log.warning("mqtt_unreachable", host=self._settings.host, port=self._settings.port, error=error)
        self._failure = error

    def _serve(self) -> None:
        """One connection, from CONNECT to its end."""
        self._client.forget_ahead()
        self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        fresh: Any = self._client.socket()
        if fresh is not None:
            # An acknowledgement is a few bytes that a gateway waits for: it must not wait for more to join it.
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection += 1
        self._last_sent = time.monotonic()
        while (connection := self._client.socket()) is not None:
            if self._stopping.is_set():
                self._finish()
                return
            self._step(connection)

    def _step(self, connection: Any) -> None:
        full = self._inbox.full
        ahead = not full and (self._client.has_ahead or decrypted(connection) > 0)
        before = time.monotonic()
        rest_s = 0.0 if ahead or full else self._rest_until - before
        waiting = [self._wake_reader] if full or rest_s > 0 else [self._wake_reader, connection]
        writing = [connection] if self._client.want_write() else []
        timeout_s = 0.0 if ahead else _FULL_S if full else rest_s if rest_s > 0 else _SELECT_S
        readable, writable, _ = select.select(waiting, writing, [], timeout_s)
        if self._wake_reader in readable:
            with contextlib.suppress(BlockingIOError):
                self._wake_reader.recv(65_536)
        if ahead or connection in readable:
            self._read()
            # A broker hands over message by message, and to wake for each takes the processor from the writer.
            self._rest_until = time.monotonic() + _REST_S
        if self._asking and self.connected:
            self._asking = False
            self._client.subscribe([(subscription(each), 1) for each in _FIRST])
            self._hear_last_words()
        self._divide(full=full)
        if self.connected and time.monotonic() > self._listens_until:
            self._listens_until = math.inf
            self._client.unsubscribe(subscription(Channel.ACK))
        # First what a gateway waits for.
        self._send_acks()
        self._send_done()
        if writable or self._client.want_write():
            self._last_sent = time.monotonic()
            self._client.loop_write()
        if full:
            self.paused_s += time.monotonic() - before
            self._stay_alive()
            self._probe.hear(time.monotonic())
        else:
            self._client.loop_misc()
            self._listen()

    def _read(self) -> None:
        """Read packets until the socket or the room in the inbox is exhausted."""
        for _ in range(_READS_AT_ONCE):
            before = self.received
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or self.received == before:
                return
            if self._inbox.full:
                return

    def _divide(self, *, full: bool) -> None:
        """In a group: find out whether the broker shares, and take what is this worker's part now."""
        if not self._settings.share or self._away_since is not None:
            return
        now = time.monotonic()
        if full:
            self._sharing.hear(now)
        if self._sharing.missed(now):
            self._alone()
        elif self._takes is None and self._sharing.due(now):
            self._client.disconnect()  # what it gets on this connection is no answer to a second question
            return
        takes = self._sharing.takes(first=self._first(), storing=self._storing())
        if takes != self._takes:
            if self._takes:
                self._client.unsubscribe(self._takes)
            self._take(takes)
        if self._deciding and self._sharing.supported is not None and takes is None:
            # It hears births, and stands by.
            self._deciding, self.connected = False, True

    def _alone(self) -> None:
        if not self._told_alone:
            _log.warning(
                "broker_does_not_share",
                remedy="none needed: one worker of the group takes all telemetry, the others stand by. For several "
                "at once the broker needs shared subscriptions ($share), and must let ingest read and write its echo",
            )
        self._told_alone = True
        self._hear_echoes()

    def _hear_echoes(self) -> None:
        """After the question, which would come through here as well."""
        if self._sharing.question:
            self._client.unsubscribe(self._sharing.question)
        self._may_be_refused[self._client.subscribe(_PROBE_TOPIC)[1]] = _PROBE_TOPIC

    def _take(self, takes: str | None) -> None:
        """Subscribe to telemetry, or to none."""
        self._takes = takes
        self._telemetry_mid = self._client.subscribe(takes, 1)[1] if takes else None

    def _listen(self) -> None:
        """Leave a broker that holds the connection and hands nothing over."""
        now = time.monotonic()
        if not self.connected:
            return
        if self._probe.missed(now):
            _log.warning("mqtt_mute", remedy="none needed: ingest reconnects, the broker kept the messages")
            self.connected = False
            self._client.disconnect()
        elif self._probe.due(now):
            self._client.publish(_PROBE_TOPIC)

    def _stay_alive(self) -> None:
        """Show the broker a sign of life although its answers are left unread.

        paho's own ping would count the unread answer as a dead connection, so the sign is a request without effect.
        """
        now = time.monotonic()
        if now - self._last_sent > self._settings.keepalive_s / 2:
            self._last_sent = now
            self._client.unsubscribe(_NEVER_SUBSCRIBED)
            self._client.loop_write()

    def _send_done(self) -> None:
        done = self._done
        while done:
            connection, mid, qos = done.popleft()
            # On another connection the same number may name another message, and the broker sends this one again.
            if connection == self._connection:
                self._client.ack(mid, qos)

    def _send_acks(self) -> None:
        if not self._acks or not self.connected:
            return
        with self._lock:
            room = _ACKS_IN_FLIGHT - len(self._acks_in_flight)
            # A retained topic keeps what comes last, so the newest epoch of a gateway goes last.
            leaving = sorted(self._acks, key=lambda key: key[1])[: max(0, room)]
            payloads = [(gateway, self._acks.pop((gateway, epoch))) for gateway, epoch in leaving]
        for gateway, payload in payloads:
            sent = self._client.publish(topic(gateway, Channel.ACK), payload, qos=1, retain=True)
            self._acks_in_flight.add(sent.mid)

    def _finish(self) -> None:
        """Send everything that was committed, then say goodbye."""
        deadline = time.monotonic() + _CONNECT_TIMEOUT_S
        while (connection := self._client.socket()) is not None and time.monotonic() < deadline:
            self._send_done()
            self._send_acks()
            if not self._client.want_write() and not self._acks:
                break
            select.select([], [connection], [], 0.1)
            self._client.loop_write()
        self._client.disconnect()
        self._client.loop_write()

    def _close(self) -> None:
        self.connected = False
        self._takes = None
        self._note_away()
        self._acks_in_flight.clear()
        connection = self._client.socket()
        if connection is not None:
            self._client.disconnect()
            self._client.loop_write()
            connection.close()

    def _wake(self) -> None:
        # A full pipe means that the thread is already being woken; a closed one that it has ended.
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_writer.send(b"\0")

    # paho's callbacks, all called in the network thread

    def _on_connect(self, client: Client, _data: object, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            if str(reason) != self._refused_connection:
                _log.error("mqtt_refused", reason=str(reason), client_id=self._settings.name)
            self._refused_connection = str(reason)
            return
        self._refused_connection = ""
        self._away_since = None
        self._deciding = True
        client.subscribe([(subscription(channel), 1) for channel in _FIRST])
        self._may_be_refused = {}
        if self._settings.share:
            self._take(None)
            self._sharing.begin(time.monotonic())
            self._may_be_refused[client.subscribe(self._sharing.question)[1]] = self._sharing.question
        else:
            self._hear_echoes()
        self._hear_last_words()
        if not self._settings.share:
            # In a packet of its own, so that retained births arrive before the first telemetry.
            self._take(subscription(Channel.TELEMETRY))

    def _note_away(self) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()

    def _hear_last_words(self) -> None:
        """Ask for what was acknowledged last: the database may have been restored from before it."""
        heard = subscription(Channel.ACK)
        self._may_be_refused[self._client.subscribe(heard, 0)[1]] = heard
        self._listens_until = time.monotonic() + _LAST_WORDS_S

    def _on_subscribe(self, client: Client, _data: object, mid: int, reasons: list[Any], _properties: Any) -> None:
        refused = any(reason.value >= _REFUSED_SUBSCRIPTION for reason in reasons)
        if mid in self._may_be_refused:
            if self._may_be_refused[mid] == self._sharing.question and self._sharing.asking:
                self._on_question(client, refused=refused)
            return
        if refused:
            _log.error("mqtt_subscription_refused", client_id=self._settings.name, remedy="grant read access")
            client.disconnect()
        elif mid == self._telemetry_mid:
            self.connected, self._deciding = True, False
            self._failure = ""
            # At once, to learn whether this broker gives one.
            self._probe.hear(-math.inf)
            _log.info("mqtt_connected", host=self._settings.host, port=self._settings.port)

    def _on_question(self, client: Client, *, refused: bool) -> None:
        """The broker has taken the question whether it shares, or refused it."""
        if refused:
            self._sharing.refused(time.monotonic())
            self._alone()
        else:
            client.publish(_PROBE_TOPIC, self._sharing.token)

    def _on_echo(self, payload: bytes, now: float) -> None:
        if self._sharing.answered(payload):
            _log.info("broker_shares")
            self._told_alone = False
            self._hear_echoes()
        self._probe.come_back(now)

    def _on_disconnect(self, _client: Client, _data: object, _flags: Any, reason: Any, _properties: Any) -> None:
        if self.connected and not self._stopping.is_set():
            _log.warning(
                "mqtt_lost",
                reason=str(reason),
                remedy=f"if it repeats, look for a second client called {self._settings.name!r}",
            )
        self.connected = False
        self._note_away()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            text = message.topic
        except UnicodeDecodeError:
            text = "�"
        now = time.monotonic()
        if text == _PROBE_TOPIC:
            self._on_echo(bytes(message.payload), now)
            return
        self._probe.hear(now)
        self._sharing.hear(now)
        self.received += 1
        lane, gateway, channel = self._topics.get(text) or self._parse(text)
        if channel is Channel.ACK and not message.retain:
            return  # our own words of this moment
        left_out = self._inbox.put(
            Message(
                text,
                gateway,
                channel,
                bytes(message.payload),
                self._clock.now_ms(),
                self._connection,
                message.mid,
                message.qos,
                bool(message.retain),
            ),
            lane,
        )
        if left_out is not None:
            self._left_out[left_out.gateway] += 1
            self.acknowledge([left_out])

    def _on_publish(self, _client: Client, _data: object, mid: int, _reason: Any, _properties: Any) -> None:
        self._acks_in_flight.discard(mid)

    def _parse(self, text: str) -> _Address:
        """Lane, gateway and channel of a topic; all strange topics share a lane."""
        parsed: _Address
        try:
            gateway, channel = parse_topic(text)
            parsed = (str(gateway), gateway, channel)
        except RefusedError:
            parsed = ("", None, None)
        if len(self._topics) >= _TOPICS_KNOWN_MAX:
            self._topics.clear()
        self._topics[text] = parsed
        return parsed
