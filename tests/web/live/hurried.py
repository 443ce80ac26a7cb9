"""A way to the api on which an hour passes quickly: the stream's own events, handed on many times with later instants.

What is repeated is what the api sent; only its number and its two instants move on, by a second an event.
"""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HEADERS = ("Content-Type", "Cache-Control", "Content-Security-Policy", "ETag")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(slots=True)
class Hurry:
    """How far the hurried time is; events wait until they are released."""

    url: str
    upstream: str
    released: int = 0
    sent: int = 0
    pace_s: float = 0.005
    ended: threading.Event = field(default_factory=threading.Event)

    def pass_events(self, count: int, patience_s: float = 120.0) -> None:
        """Let so many events pass, and wait until they have."""
        self.released += count
        deadline = time.monotonic() + patience_s
        while self.sent < self.released:
            assert time.monotonic() < deadline, f"{self.sent} of {self.released} events were sent"
            time.sleep(0.05)


@contextmanager
def hurried(upstream: str) -> Iterator[Hurry]:
    """Serve an api's addresses at another port, its streams hurried."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    hurry = Hurry(f"http://127.0.0.1:{server.server_port}", upstream)
    _Handler.hurry = hurry
    thread = threading.Thread(target=server.serve_forever, name="hurried")
    thread.start()
    try:
        yield hurry
    finally:
        hurry.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hurry: Hurry

    def do_GET(self) -> None:
        if self.path.endswith("/stream"):
            self._stream()
            return
        request = urllib.request.Request(self.hurry.upstream + self.path, headers={"Host": "127.0.0.1"})  # noqa: S310
        with _OPENER.open(request, timeout=20) as answer:
            body = answer.read()
            self._head(answer.status, answer.headers, len(body))
            self.wfile.write(body)

    def _stream(self) -> None:
        with _OPENER.open(self.hurry.upstream + self.path, timeout=20) as answer:
            self._head(answer.status, answer.headers, None)
            event = _first_event(answer)
            while not self.hurry.ended.is_set():
                if self.hurry.sent and self.hurry.sent >= self.hurry.released:
                    time.sleep(0.01)
                    continue
                self.hurry.sent += 1
                try:
                    self.wfile.write(_later(event, self.hurry.sent))
                except ConnectionError:
                    return
                time.sleep(self.hurry.pace_s)

    def _head(self, status: int, headers: Any, length: int | None) -> None:
        self.send_response(status)
        for name in _HEADERS:
            if headers[name]:
                self.send_header(name, headers[name])
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _first_event(answer: Any) -> dict[str, Any]:
    for line in answer:
        if line.startswith(b"data: "):
            event: dict[str, Any] = json.loads(line[6:])
            return event
    raise AssertionError("the api ended its stream without an event")


def _later(event: dict[str, Any], number: int) -> bytes:
    """The event a second later, every power of it moved a little, so that everything is drawn again."""
    flow = {
        name: figure if figure["kw"] is None else {**figure, "kw": round(figure["kw"] + number % 97, 3)}
        for name, figure in event["flow"].items()
    }
    moved = {name: event[name] + 1_000 * number for name in ("as_of_ms", "newest_ms") if event[name] is not None}
    text = json.dumps({**event, **moved, "flow": flow}, separators=(",", ":"))
    return f"id: {number}\nevent: live\ndata: {text}\n\n".encode()
