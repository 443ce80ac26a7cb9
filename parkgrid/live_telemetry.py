"""Live telemetry in plain sight: subscribes, decodes, filters and prints, and changes nothing."""

import contextlib
import json
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from parkgrid_contract.announcement import decode_birth
from parkgrid_contract.broker import BrokerAddress, BrokerAddressError, broker_address
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import RefusedError
from parkgrid_contract.sample import Sample
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.telemetry import decode_batch, sample_document
from parkgrid_contract.time import SHANGHAI, from_ms
from parkgrid_contract.topics import Channel, parse_topic, subscription

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
    """Topic and payload of every birth and batch, until `for_s` seconds are over. Raises `TapError`.

    A connection that ends is the end: the broker was stopped, or another client came with the same login.
    """
    try:
        address = broker_address(url)
        arrived: queue.Queue[tuple[str, bytes] | TapError] = queue.Queue(_QUEUE)
        client = _client(address, arrived.put)
        client.connect(address.host, address.port, keepalive=30)
    except BrokerAddressError as error:
        raise TapError(f"--broker {error}") from error
    except OSError as error:
        raise TapError(
            f"no broker to listen to at {_place(address)} ({error}): start `parkgrid up`, or name another with --broker"
        ) from error
    client.loop_start()
    end = None if for_s is None else time.monotonic() + for_s
    try:
        while end is None or time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                found = arrived.get(timeout=_WAIT_S)
                if isinstance(found, TapError):
                    raise found
                yield found
    finally:
        client.on_disconnect = None
        client.disconnect()
        client.loop_stop()


def _client(address: BrokerAddress, accept: Callable[[tuple[str, bytes] | TapError], None]) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, address.username or "", protocol=mqtt.MQTTv311)
    if address.username:
        client.username_pw_set(address.username, address.password)
    context = address.context()
    if context:
        client.tls_set_context(context)

    def on_connect(connected: mqtt.Client, _data: object, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            who = repr(address.username) if address.username else "a client without a login"
            remedy = "name one as --broker mqtt://name:password@host"
            accept(TapError(f"the broker at {_place(address)} refuses {who} ({reason}): {remedy}"))
            return
        connected.subscribe([(subscription(Channel.BIRTH), 1), (subscription(Channel.TELEMETRY), 0)])

    def on_subscribe(_client: mqtt.Client, _data: object, _mid: int, reasons: list[Any], _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            accept(
                TapError(f"the broker at {_place(address)} does not let {address.username} read births and telemetry")
            )

    def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        # A reader that does not keep up slows the network thread down; a tap may lose nothing it shows.
        accept((message.topic, bytes(message.payload)))

    def on_disconnect(_client: mqtt.Client, _data: object, _flags: Any, reason: Any, _properties: Any) -> None:
        accept(
            TapError(
                f"the broker at {_place(address)} ended the connection ({reason}): it was stopped, refuses our "
                "certificate, or another client came with the same login"
            )
        )

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.on_disconnect = on_disconnect
    return client


def _place(address: BrokerAddress) -> str:
    return f"{address.host}:{address.port}"


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
