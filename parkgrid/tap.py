"""Live telemetry in plain sight: subscribes, decodes, filters and prints, and changes nothing."""

import json
import queue
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.announcement import decode_birth
from contract.identity import Gateway
from contract.refusal import RefusedError
from contract.sample import Sample
from contract.signals import CATALOGUE
from contract.telemetry import decode_batch, sample_document
from contract.time import SHANGHAI, from_ms
from contract.topics import Channel, parse_topic, subscription

_QUEUE = 10_000
_WAIT_S = 0.2


class TapError(Exception):
    """The broker cannot be listened to; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show; an empty text takes everything."""

    park: str = ""
    gateway: str = ""
    device: str = ""
    signal: str = ""
    backlog: bool = False
    """Whether to show what was sent late, too."""

    def narrow(self, gateway: Gateway, sample: Sample) -> Sample | None:
        """The part of a sample that is wanted."""
        asked = ((self.park, gateway.park), (self.gateway, gateway.gateway), (self.device, sample.device))
        if any(wish not in {"", there} for wish, there in asked):
            return None
        if not self.signal:
            return sample
        values = {name: value for name, value in sample.values.items() if self.signal in name}
        return Sample(sample.device, sample.at_ms, values, sample.flags) if values else None


@dataclass(slots=True)
class Units:
    """The unit of every signal of every device, learned from births."""

    classes: dict[tuple[Gateway, str], str] = field(default_factory=dict)

    def learn(self, gateway: Gateway, payload: bytes) -> None:
        """Take the device classes of a birth."""
        for device in decode_birth(payload).devices:
            self.classes[gateway, device.device] = device.device_class

    def of(self, gateway: Gateway, device: str, signal: str) -> str:
        """The unit of a signal, empty when it is not known."""
        device_class = CATALOGUE.get(self.classes.get((gateway, device), ""))
        known = device_class.by_name.get(signal) if device_class else None
        return known.unit if known else ""


def lines(
    messages: Iterator[tuple[str, bytes]],
    wanted: Wanted,
    *,
    as_json: bool,
) -> Iterator[str]:
    """One line for each wanted sample, and one for each message that cannot be read."""
    units = Units()
    for topic, payload in messages:
        try:
            gateway, channel = parse_topic(topic)
            if channel is Channel.BIRTH:
                units.learn(gateway, payload)
                continue
            decoded = decode_batch(payload)
        except RefusedError as error:
            yield _refused(topic, str(error.refusal), as_json=as_json)
            continue
        for refusal in decoded.refusals:
            yield _refused(topic, str(refusal), as_json=as_json)
        if decoded.batch.backlog and not wanted.backlog:
            continue
        for sample in decoded.batch.samples:
            narrowed = wanted.narrow(gateway, sample)
            if narrowed:
                yield _shown(gateway, narrowed, units, as_json=as_json)


def listen(url: str, *, for_s: float | None = None) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of every birth and batch, until `for_s` seconds are over. Raises `TapError`."""
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    arrived: queue.Queue[tuple[str, bytes]] = queue.Queue(_QUEUE)
    client = _client(parts.username, parts.password, tls=parts.scheme == "mqtts", accept=arrived.put)
    host, port = parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    try:
        client.connect(host, port, keepalive=30)
    except OSError as error:
        raise TapError(f"the broker at {host}:{port} does not answer ({error}): name another with --broker") from error
    client.loop_start()
    end = None if for_s is None else time.monotonic() + for_s
    try:
        while end is None or time.monotonic() < end:
            try:
                yield arrived.get(timeout=_WAIT_S)
            except queue.Empty:
                continue
    finally:
        client.disconnect()
        client.loop_stop()


def _client(
    username: str | None, password: str | None, *, tls: bool, accept: Callable[[tuple[str, bytes]], None]
) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    if username:
        client.username_pw_set(unquote(username), unquote(password or ""))
    if tls:
        client.tls_set_context(ssl.create_default_context())

    def on_connect(connected: mqtt.Client, *_: object) -> None:
        connected.subscribe([(subscription(Channel.BIRTH), 1), (subscription(Channel.TELEMETRY), 0)])

    def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        # A reader that does not keep up slows the network thread down; a tap may lose nothing it shows.
        accept((message.topic, bytes(message.payload)))

    client.on_connect = on_connect
    client.on_message = on_message
    return client


def _shown(gateway: Gateway, sample: Sample, units: Units, *, as_json: bool) -> str:
    if as_json:
        document: Mapping[str, Any] = {"park": gateway.park, "gateway": gateway.gateway, **sample_document(sample)}
        return json.dumps(document, ensure_ascii=False)
    at = from_ms(sample.at_ms).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    values = "  ".join(
        f"{name}={value:g}{units.of(gateway, sample.device, name)}{_flag(sample, name)}"
        for name, value in sample.values.items()
    )
    return f"{at}  {gateway}/{sample.device}  {values}"


def _flag(sample: Sample, name: str) -> str:
    flag = sample.flags.get(name)
    return f" ({flag.value})" if flag else ""


def _refused(topic: str, refusal: str, *, as_json: bool) -> str:
    return json.dumps({"topic": topic, "refused": refusal}) if as_json else f"refused  {topic}  {refusal}"
