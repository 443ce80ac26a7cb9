"""An MQTT 3.1.1 publisher that costs next to nothing, so that the bench measures the chain and not its load.

A raw socket with a window of unacknowledged QoS 1 messages; paho would take 40 µs a message on the same two cores.
"""

import select
import socket
import time
from collections.abc import Callable, Iterable

_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE = 0x10, 0x30, 0x40, 0x82
_QOS_1, _RETAIN, _KIND = 0x02, 0x01, 0xF0
_ACCEPTED = b"\x20\x02\x00\x00"
_CHUNK = 1 << 18
_PATIENCE_S = 30.0
Received = Callable[[bytes, bytes], None]
"""Told topic and payload of a message."""


class Publisher:
    """One connection to a broker, with as many messages in flight as the window allows."""

    def __init__(self, host: str, port: int, client_id: str, window: int = 500) -> None:
        self._socket = socket.create_connection((host, port), timeout=_PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._window = window
        self._in_flight = 0
        self._next_id = 0
        self._buffer = bytearray()
        self._received: Received = lambda _topic, _payload: None
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + _text(client_id.encode())
        self._socket.sendall(_framed(_CONNECT, body))
        if self._socket.recv(4, socket.MSG_WAITALL) != _ACCEPTED:
            self._socket.close()
            raise ConnectionError(f"the broker at {host}:{port} refused {client_id}")

    def subscribe(self, topic: str, received: Received) -> None:
        """Listen to a topic at QoS 0; messages are seen while publishing, waiting or calling `read`."""
        self._received = received
        self._socket.sendall(_framed(_SUBSCRIBE, b"\xff\xff" + _text(topic.encode()) + b"\x00"))

    def publish_all(self, topic: str, payloads: Iterable[bytes], *, retain: bool = False) -> None:
        """Publish everything at QoS 1 as quickly as the broker takes it, and wait until it has."""
        for payload in payloads:
            self.publish(topic, payload, retain=retain)
        while self._in_flight:
            self.read(_PATIENCE_S)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish one message; waits only while the window is full."""
        while self._in_flight >= self._window:
            self.read(_PATIENCE_S)
        self._next_id = self._next_id % 65_000 + 1
        head = _text(topic.encode()) + self._next_id.to_bytes(2, "big")
        self._in_flight += 1
        self._send(_framed(_PUBLISH | _QOS_1 | (_RETAIN if retain else 0), head, len(payload)) + payload)

    def read(self, timeout_s: float) -> None:
        """Take what the broker has sent, waiting at most so long for something."""
        if not select.select([self._socket], [], [], timeout_s)[0]:
            if timeout_s >= _PATIENCE_S:
                raise ConnectionError(f"the broker did not answer for {timeout_s:.0f} s")
            return
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the broker closed the connection")
        self._buffer += data
        self._parse()

    def close(self) -> None:
        """Disconnect."""
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()

    def _send(self, frame: bytes) -> None:
        """Send while reading: a broker that waits for us to read would otherwise stand against us for ever."""
        self._socket.setblocking(False)
        view = memoryview(frame)
        try:
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    select.select([self._socket], [self._socket], [], _PATIENCE_S)
                    self._socket.setblocking(True)
                    self.read(0)
                    self._socket.setblocking(False)
        finally:
            self._socket.setblocking(True)

    def _parse(self) -> None:
        buffer, start = self._buffer, 0
        while (frame := _frame_at(buffer, start)) is not None:
            kind, body, end = frame
            if kind & _KIND == _PUBACK:
                self._in_flight -= 1
            elif kind & _KIND == _PUBLISH:
                length = int.from_bytes(buffer[body : body + 2], "big")
                topic_end = body + 2 + length
                self._received(bytes(buffer[body + 2 : topic_end]), bytes(buffer[topic_end:end]))
            start = end
        del buffer[:start]


def _frame_at(buffer: bytearray, start: int) -> tuple[int, int, int] | None:
    """First byte, start of the body and end of the frame at `start`, or None while it is incomplete."""
    length = shift = 0
    for place in range(start + 1, min(start + 5, len(buffer))):
        length |= (buffer[place] & 0x7F) << shift
        shift += 7
        if not buffer[place] & 0x80:
            end = place + 1 + length
            return (buffer[start], place + 1, end) if end <= len(buffer) else None
    return None


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def _framed(kind: int, body: bytes, further: int = 0) -> bytes:
    """A frame whose body continues with `further` bytes that the caller appends."""
    length = len(body) + further
    encoded = bytearray()
    while True:
        length, byte = divmod(length, 128)
        encoded.append(byte | (0x80 if length else 0))
        if not length:
            return bytes((kind,)) + bytes(encoded) + body


def pace(rate: float, clock: Callable[[], float] = time.monotonic) -> Iterable[float]:
    """Instants at a steady rate from now on."""
    start, number = clock(), 0
    while True:
        yield start + number / rate
        number += 1
