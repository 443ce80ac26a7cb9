"""Whether a broker shares a subscription among several clients: asked of it, since one that does not may claim it."""

import queue
import secrets
import time
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from parkgrid_contract.broker import tls_context
from parkgrid_servers.broker import RunningBroker
from parkgrid_servers.broker_access import INGEST, PROBE_TOPIC

PATIENCE_S = 5.0
"""How long an answer may take."""


def are_there(broker: RunningBroker) -> bool:
    """Publish through a group of one, signed in as ingest, and see whether it comes back."""
    heard: queue.Queue[bytes] = queue.Queue()
    token = secrets.token_bytes(16)
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"parkgrid-ask-{secrets.token_hex(4)}")
    login, address = broker.login(INGEST), broker.address
    client.username_pw_set(login.get("username"), login.get("password"))
    if address.tls:
        client.tls_set_context(tls_context(address.ca, address.cert, address.key))
    filter_ = f"$share/parkgrid-ask-{secrets.token_hex(8)}/{PROBE_TOPIC}"

    def ask(*_: Any) -> None:
        client.subscribe(filter_, 1)

    def answer(*_: Any) -> None:
        client.publish(PROBE_TOPIC, token)

    client.on_connect, client.on_subscribe = ask, answer
    client.on_message = lambda _client, _data, message: heard.put(bytes(message.payload))
    try:
        client.connect(broker.host, broker.port)
    except OSError:
        return False
    client.loop_start()
    try:
        return _comes(heard, token)
    finally:
        client.disconnect()
        client.loop_stop()


def _comes(heard: "queue.Queue[bytes]", token: bytes) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    try:
        while heard.get(timeout=max(0.0, deadline - time.monotonic())) != token:
            pass
    except queue.Empty:
        return False
    return True
