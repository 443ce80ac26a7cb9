"""Who reaches what at a broker: every login against every topic, on the shipped configuration and on those of `up`.

Authority is over (park, gateway): two parks here have a gateway of the same name.
"""

import asyncio
import contextlib
import queue
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from paho.mqtt import client as mqtt

from parkgrid import toml_writer
from parkgrid.local_system import LocalSystem
from parkgrid_contract.broker import broker_address
from parkgrid_contract.broker_probe import answers
from parkgrid_contract.identity import Gateway
from parkgrid_contract.settings import load
from parkgrid_contract.time import SystemClock
from parkgrid_contract.topics import Channel, subscription, topic
from parkgrid_edge.protocols.mqtt import Link, LinkError, Will
from parkgrid_edge.settings import UplinkSettings, load_settings
from parkgrid_ingest.consumer import Consumer
from parkgrid_ingest.inbox import Inbox
from parkgrid_ingest.settings import IngestSettings, MqttSettings
from parkgrid_servers import broker as launcher
from parkgrid_servers.broker_access import INGEST, INGEST_WORKERS, TAP, acl, logins, rights
from tests.servers.shipped_broker import NO_MOSQUITTO, ROOT, certificates, shipped

pytestmark = pytest.mark.process

__all__ = ["certificates"]

GATEWAYS = (Gateway("park-a", "gw-1"), Gateway("park-b", "gw-1"), Gateway("park-a", "gw-2"))
USERS = (INGEST, TAP, *map(str, GATEWAYS))
PROBE_TOPIC = "parkgrid/v1/-/-/echo"
TOPICS = (
    PROBE_TOPIC,
    *(topic(gateway, channel) for gateway in GATEWAYS for channel in Channel),
    *("parkgrid/v1/park-a/gw-1/telemetry/more", "parkgrid/v1/gw-1/telemetry", "other", "parkgrid/v1/ingest/birth"),
)
FILTERS = (
    *("#", "parkgrid/#", "+/+/+/+/+", "parkgrid/v1/+/gw-1/ack", "$SYS/#", "$share/group/parkgrid/#"),
    *map(subscription, Channel),
    *TOPICS,
)
PATIENCE_S = 20.0
KINDS = [pytest.param("shipped", marks=NO_MOSQUITTO), pytest.param("mosquitto", marks=NO_MOSQUITTO), "amqtt"]
Connect = Callable[..., "Client"]


def writes(user: str, name: str) -> bool:
    """What docs/tls.md promises, said once more in other words than the product's."""
    *_, park, gateway, channel = name.split("/") if name.count("/") == 4 else ("", "", "")
    if user == INGEST:
        return name == PROBE_TOPIC or (channel == "ack" and park != "-")
    return f"{park}/{gateway}" == user and channel in {"birth", "status", "telemetry", "result"}


def reads(user: str, name: str) -> bool:
    *_, park, gateway, channel = name.split("/") if name.count("/") == 4 else ("", "", "")
    if user == INGEST:
        return name == PROBE_TOPIC or (park != "-" and channel in {"birth", "status", "telemetry", "result", "ack"})
    if user == TAP:
        return channel in {"birth", "telemetry"}
    return f"{park}/{gateway}" == user and channel in {"ack", "command"}


class Client:
    """One login, connected, that notes what it hears."""

    def __init__(self, port: int, user: str, password: str, client_id: str = "", will: str = "") -> None:
        self.heard: queue.Queue[tuple[str, str]] = queue.Queue()
        self._answers: queue.Queue[object] = queue.Queue()
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id or user, protocol=mqtt.MQTTv311, reconnect_on_failure=False
        )
        self._client.username_pw_set(user, password)
        self._client.on_connect = lambda _c, _d, _f, reason, _p: self._answers.put(reason)
        self._client.on_subscribe = lambda *_: self._answers.put(None)
        self._client.on_message = lambda _c, _d, message: self.heard.put((message.topic, message.payload.decode()))
        if will:
            self._client.will_set(will, f"{user} dies", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.accepted = not self._answers.get(timeout=PATIENCE_S).is_failure

    def subscribe(self, name: str) -> None:
        self._client.subscribe(name, 1)
        self._answers.get(timeout=PATIENCE_S)

    def publish(self, name: str, text: str, *, retain: bool = False) -> None:
        self._client.publish(name, text, 1, retain).wait_for_publish(PATIENCE_S)

    def until(self, last: str) -> set[tuple[str, str]]:
        """Topic and text of everything that came up to a last text."""
        found = set()
        while True:
            name, text = self.heard.get(timeout=PATIENCE_S)
            if text == last:
                return found
            found.add((name, text))

    def vanish(self) -> None:
        """Without a word, so that the broker speaks the will; it may have refused us for the will's topic."""
        connection = self._client.socket()
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def serving(kind: str, folder: Path, certificates: Path, without: str = "") -> Iterator[Connect]:
    """A broker of a kind, and how one signs in to it."""
    with ExitStack() as stack:
        if kind == "shipped":
            running = stack.enter_context(shipped(folder, USERS, certificates, without))
            port, password = running.port, running.password
        else:
            started = launcher.start(folder, prefer=kind, gateways=GATEWAYS)
            stack.callback(started.stop)
            port, password = started.port, started.logins.password

        def connect(user: str, secret: str | None = None, **named: str) -> Client:
            return Client(port, user, password(user) if secret is None else secret, **named)

        connect.port, connect.password = port, password
        yield connect


@pytest.fixture(params=KINDS, scope="module")
def broker_of_kind(request, tmp_path_factory, certificates):
    with serving(request.param, tmp_path_factory.mktemp(request.param), certificates) as connecting:
        yield connecting


@pytest.fixture
def connect(broker_of_kind):
    """How one signs in; whoever did is gone after the test."""
    with ExitStack() as stack:

        def connecting(*arguments: str, **named: str) -> Client:
            return stack.enter_context(contextlib.closing(broker_of_kind(*arguments, **named)))

        connecting.port, connecting.password = broker_of_kind.port, broker_of_kind.password
        yield connecting


def say_last(clients: dict[str, Client]) -> None:
    """Two last messages for each, since a broker may hand over several at a time."""
    for last in ("last but one", "last"):
        for gateway in GATEWAYS:
            clients[INGEST].publish(topic(gateway, Channel.ACK), last)
        clients[str(GATEWAYS[1])].publish(topic(GATEWAYS[1], Channel.TELEMETRY), last)


def told(heard: set[tuple[str, str]], *verbs: str) -> set[tuple[str, str]]:
    return {(name, text) for name, text in heard if text.endswith(verbs)}


def test_only_the_diagonal_passes(connect):
    clients = {user: connect(user) for user in USERS}
    # What is retained before anybody asks is given to the entitled only, too.
    for user, client in clients.items():
        for name in TOPICS:
            client.publish(name, f"{user} kept", retain=True)
    for client in clients.values():
        for name in FILTERS:
            client.subscribe(name)

    for user, client in clients.items():
        for name in TOPICS:
            client.publish(name, f"{user} sends")
    say_last(clients)
    for listener, client in clients.items():
        expected = {
            (name, f"{sender} sends")
            for sender in USERS
            for name in TOPICS
            if writes(sender, name) and reads(listener, name)
        }
        # Each topic has one writer, and what it kept there is what a newcomer gets.
        kept = {(name, text.replace("sends", "kept")) for name, text in expected}
        assert expected, listener
        assert told(client.until("last"), "sends", "kept") == expected | kept


def test_a_will_reaches_no_further_than_its_owner(connect):
    thief = str(GATEWAYS[0])
    clients = {user: connect(user) for user in USERS if user != thief}
    for client in clients.values():
        for name in FILTERS:
            client.subscribe(name)
    for name in TOPICS:
        connect(thief, will=name).vanish()
    # Whoever takes the session over has the former one's will spoken, if it was not yet.
    clients[thief] = connect(thief)
    clients[thief].subscribe(topic(GATEWAYS[0], Channel.ACK))
    say_last(clients)
    for listener, client in clients.items():
        if listener != thief:
            expected = {(name, f"{thief} dies") for name in TOPICS if writes(thief, name) and reads(listener, name)}
            assert told(client.until("last"), "dies") == expected


def test_a_stranger_stays_outside(connect):
    for user in ("", INGEST, TAP, "gw-1", "park-a/gw-3", "#", "park-a/+"):
        for secret in ("", "wrong", connect.password(INGEST) + "x"):
            assert not connect(user, secret, client_id="stranger").accepted, (user, secret)
    assert connect(INGEST).accepted


def test_the_password_of_one_is_not_that_of_another(connect):
    one, other = map(str, GATEWAYS[:2])
    assert not connect(one, connect.password(other)).accepted


def test_a_gateway_that_states_only_its_password_signs_in_as_itself(connect):
    async def dial(gateway: Gateway, password: str) -> None:
        settings = UplinkSettings(port=connect.port, password=password)
        will = Will(topic(gateway, Channel.STATUS), b"gone")
        link = Link(settings, str(gateway), will, lambda *_: None, lambda _: None)
        await link.connect()
        link.close()

    one, other = GATEWAYS[:2]
    asyncio.run(dial(one, connect.password(str(one))))
    with pytest.raises(LinkError, match=r"(?i)not authori"):
        asyncio.run(dial(other, connect.password(str(one))))


@contextmanager
def ingesting(connect: Connect) -> Iterator[tuple[Consumer, Inbox]]:
    settings = MqttSettings(port=connect.port, username=INGEST, password=connect.password(INGEST))
    inbox = Inbox(1_000, 10_000_000)
    consumer = Consumer(settings, inbox, SystemClock())
    consumer.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not consumer.connected:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield consumer, inbox
    finally:
        consumer.stop()


def steal(connect: Connect) -> None:
    """Call oneself like ingest, with a right and with a wrong login."""
    assert connect(str(GATEWAYS[0]), client_id=INGEST).accepted
    assert not connect(INGEST, "wrong", client_id=INGEST).accepted


def test_a_stolen_client_id_does_not_throw_ingest_off(connect):
    with ingesting(connect) as (consumer, inbox):
        steal(connect)
        connect(str(GATEWAYS[1])).publish(topic(GATEWAYS[1], Channel.TELEMETRY), "after the theft")
        taken: list[bytes] = []
        deadline = time.monotonic() + PATIENCE_S
        while b"after the theft" not in taken:
            assert time.monotonic() < deadline
            taken += [message.payload for message in inbox.take(1_000_000, 0.2, 0.0)]
        assert consumer.reconnects == 0
        assert consumer.connected


@NO_MOSQUITTO
def test_without_the_binding_the_theft_succeeds(tmp_path, certificates):
    """So the test above sees what it is there for."""
    with (
        serving("shipped", tmp_path, certificates, without="use_username_as_clientid") as connect,
        ingesting(connect) as (consumer, _),
        contextlib.closing(connect(str(GATEWAYS[0]), client_id=INGEST)),
    ):
        deadline = time.monotonic() + PATIENCE_S
        while not consumer.reconnects:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_the_parts_of_up_sign_in_with_what_their_files_say(server_dir):
    async def start() -> None:
        system = LocalSystem(server_dir, lambda *_: None)
        try:
            await system.start_broker(None, GATEWAYS)
            store = {"store": {"dsn": "host=none"}, "mqtt": system.mqtt_settings(INGEST)}
            ingest = load(IngestSettings, toml_writer.write(server_dir / "ingest.toml", store), {}, "ingest").mqtt
            assert await asyncio.to_thread(signs_in, ingest.port, ingest.username, ingest.password)
            name = str(GATEWAYS[0])
            document = {"park": "park-a", "gateway": "gw-1", "outbox": {"path": server_dir / "outbox.db"}}
            file = toml_writer.write(server_dir / "edge.toml", {**document, "uplink": system.mqtt_settings(name)})
            uplink = load_settings(file, {}).uplink
            assert uplink.username == name
            assert await asyncio.to_thread(signs_in, uplink.port, name, uplink.password)
            reader = broker_address(system.broker.url)
            assert await asyncio.to_thread(signs_in, reader.port, reader.username, reader.password)
            assert not answers("127.0.0.1", reader.port)
        finally:
            await system.supervisor.close()

    asyncio.run(start())


def signs_in(port: int, user: str, password: str) -> bool:
    with contextlib.closing(Client(port, user, password)) as client:
        return client.accepted


def test_the_shipped_access_list_has_the_rules_of_the_product():
    def rules(text: str) -> list[str]:
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    assert rules((ROOT / "docker" / "mosquitto.acl").read_text("utf-8")) == rules(acl())


def test_every_worker_of_ingest_has_the_rights_of_ingest_and_no_other_name_has():
    assert INGEST_WORKERS == ("ingest", "ingest-2", "ingest-3", "ingest-4")
    assert {rights(name) for name in INGEST_WORKERS} == {rights(INGEST)}
    assert not any(rights("ingest-5").may_hear(topic(GATEWAYS[0], channel)) for channel in Channel)


@NO_MOSQUITTO
@pytest.mark.parametrize(("guess", "left"), [("ingest", 40), ("a-name-that-is-known", 20)])
def test_only_who_knows_a_group_of_ingest_takes_anything_from_it(server_dir, guess, left):
    """mosquitto lets anybody subscribe, and hands over only what he may read: his share of a group is lost to it."""
    started = launcher.start(server_dir, prefer="mosquitto", gateways=GATEWAYS)
    worker, gateway, thief = clients = [
        Client(started.port, user, started.login(user)["password"]) for user in (INGEST, *map(str, GATEWAYS[:2]))
    ]
    try:
        worker.subscribe(f"$share/a-name-that-is-known/{subscription(Channel.TELEMETRY)}")
        worker.subscribe(subscription(Channel.STATUS))
        thief.subscribe(f"$share/{guess}/{subscription(Channel.TELEMETRY)}")
        for number in range(40):
            gateway.publish(topic(GATEWAYS[0], Channel.TELEMETRY), str(number))
        gateway.publish(topic(GATEWAYS[0], Channel.STATUS), "last")
        assert len(worker.until("last")) == left
        assert thief.heard.empty()
    finally:
        for client in clients:
            client.close()
        started.stop()


def test_a_name_with_a_wildcard_has_no_rights():
    assert not rights("+/gw-1").write
    assert not rights("#").read


def test_a_folder_keeps_its_secret_to_its_owner(tmp_path):
    first = logins(tmp_path, GATEWAYS)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert logins(tmp_path, GATEWAYS[:1]).password(INGEST) == first.password(INGEST)
    (tmp_path / "other").mkdir()
    assert logins(tmp_path / "other", GATEWAYS).password(INGEST) != first.password(INGEST)
    assert first.secret.hex() not in repr(first)
    assert set(first.names) == {*USERS, *INGEST_WORKERS}
    assert len({first.password(name) for name in first.names}) == len(first.names)


@NO_MOSQUITTO
def test_the_files_of_the_broker_of_up_are_closed_to_others(tmp_path):
    started = launcher.start(tmp_path, prefer="mosquitto", gateways=GATEWAYS)
    started.stop()
    for name in ("passwords", "access", "secret"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600, name
    assert started.url == f"mqtt://tap:{started.logins.password(TAP)}@127.0.0.1:{started.port}"
