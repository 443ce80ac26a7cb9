"""TLS as it ships: certificates by the commands of docs/tls.md, who is let in, and what `mqtts` shows in clear."""

import asyncio
import contextlib
import gc
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkgrid import live_telemetry
from parkgrid_contract.broker import broker_address, tls_context
from parkgrid_contract.identity import Gateway
from parkgrid_contract.settings import load
from parkgrid_contract.telemetry import Batch, encode_batch
from parkgrid_contract.time import SystemClock
from parkgrid_contract.topics import Channel, topic
from parkgrid_edge.protocols.mqtt import Link, LinkError, Will
from parkgrid_edge.settings import UplinkSettings
from parkgrid_ingest.__main__ import main as ingest_main
from parkgrid_ingest.consumer import Consumer
from parkgrid_ingest.inbox import Inbox
from parkgrid_ingest.settings import MqttSettings
from parkgrid_servers import broker as launcher
from tests.servers.shipped_broker import NO_MOSQUITTO, certificates, commands_of, make_certificates, shipped

__all__ = ["certificates"]

# paho leaves a socket whose handshake failed to the garbage collector.
pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")]

GATEWAY = Gateway("pingshan-park", "gw-1")
NAME = "pingshan-park.gw-1"
TELEMETRY = topic(GATEWAY, Channel.TELEMETRY)
PATIENCE_S = 20.0
CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
TLS_HANDSHAKE = 0x16


@pytest.fixture(autouse=True)
def _collected():
    """What a test leaves is collected within it, where the warning is expected."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def running(tmp_path_factory, certificates):
    with shipped(tmp_path_factory.mktemp("broker"), ("ingest",), certificates) as broker:
        yield broker


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """The same names from another authority."""
    return make_certificates(tmp_path_factory.mktemp("others"), commands_of("tls.md"))


def uplink(folder: Path, port: int, name: str = NAME, host: str = "localhost") -> UplinkSettings:
    own = {"tls_cert": folder / f"{name}.crt", "tls_key": folder / f"{name}.key"}
    return UplinkSettings(host, port, tls_ca=folder / "ca.crt", keepalive_s=5, **own)


@contextmanager
def ingesting(settings: MqttSettings, inbox: Inbox) -> Iterator[Consumer]:
    consumer = Consumer(settings, inbox, SystemClock())
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def sign(folder: Path, name: str, subject: str, *, days: str = "825", extensions: str = "client.ext") -> None:
    """One more certificate of the authority in a folder."""
    ask = f"openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '{subject}'"
    grant = f"openssl x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days {days}"
    make_certificates(
        folder, [f"{ask} -keyout {name}.key -out {name}.csr", f"{grant} -extfile {extensions} -out {name}.crt"]
    )


@NO_MOSQUITTO
def test_a_gateway_ingest_and_tap_meet_over_tls_without_a_password(running, certificates):
    sign(certificates, "ingest", "/CN=ingest")
    inbox = Inbox(20, 10_000_000)
    settings = MqttSettings(
        "localhost",
        running.tls_port,
        tls_ca=certificates / "ca.crt",
        tls_cert=certificates / "ingest.crt",
        tls_key=certificates / "ingest.key",
    )
    url = f"mqtts://localhost:{running.tls_port}?ca={certificates}/ca.crt&cert={certificates}/tap.crt"
    heard = live_telemetry.listen(f"{url}&key={certificates}/tap.key", for_s=PATIENCE_S)
    listening = threading.Thread(target=lambda: shown.append(next(heard)))
    shown: list[tuple[str, bytes]] = []
    payloads = [encode_batch(Batch(7, seq, 1, backlog=False, samples=())) for seq in range(1, 301)]
    with ingesting(settings, inbox) as consumer:
        until(lambda: consumer.connected, "ingest's subscriptions")
        listening.start()
        asyncio.run(send(uplink(certificates, running.tls_port), payloads, until_true=lambda: shown))
        # More than the inbox holds at once: what TLS has decrypted already must not be forgotten in a pause.
        taken: list[bytes] = []
        deadline = time.monotonic() + PATIENCE_S
        while set(payloads) - set(taken):
            assert time.monotonic() < deadline
            found = inbox.take(1_000_000, 0.2, 0.0)
            taken += [message.payload for message in found]
            consumer.acknowledge(found)
        assert consumer.reconnects == 0
    listening.join(PATIENCE_S)
    heard.close()
    assert shown[0][0] == TELEMETRY


async def send(settings: UplinkSettings, payloads: list[bytes], until_true: Callable[[], object]) -> None:
    """Everything once, then the last again and again until somebody has seen it."""
    link = Link(settings, str(GATEWAY), Will(topic(GATEWAY, Channel.STATUS), b""), lambda *_: None, lambda _: None)
    await link.connect()
    for payload in payloads:
        link.publish(TELEMETRY, payload)
    while not until_true():
        await asyncio.sleep(0.1)
        link.publish(TELEMETRY, payloads[-1])
    link.disconnect()


def lets_in(port: int, context: ssl.SSLContext) -> bool:
    """Whether the broker takes a client on; with TLS 1.3 a wrong certificate shows when the first answer is read."""
    try:
        with (
            socket.create_connection(("localhost", port), timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(CONNECT)
            return connection.recv(4) == b"\x20\x02\x00\x00"
    except (ssl.SSLError, ConnectionError):
        return False


@NO_MOSQUITTO
def test_only_a_certificate_of_the_own_authority_that_is_valid_and_for_clients_is_let_in(running, certificates, others):
    ca = certificates / "ca.crt"

    def admitted(folder: Path, name: str) -> bool:
        return lets_in(running.tls_port, tls_context(ca, folder / f"{name}.crt", folder / f"{name}.key"))

    assert admitted(certificates, NAME)
    assert not lets_in(running.tls_port, tls_context(ca)), "none"
    assert not admitted(others, NAME), "another authority's"
    sign(certificates, "old", "/CN=pingshan-park\\/gw-1", days="-1")
    assert not admitted(certificates, "old"), "expired"
    assert not admitted(certificates, "broker"), "the broker's own is none of a client"
    make_certificates(
        others, ["openssl req -x509 -newkey rsa:2048 -nodes -subj '/CN=ingest' -keyout self.key -out self.crt"]
    )
    assert not admitted(others, "self"), "signed by itself"


@NO_MOSQUITTO
@pytest.mark.parametrize(("version", "spoken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_older_than_1_2_is_refused(running, certificates, version, spoken):
    files = (certificates / f"{NAME}.crt", certificates / f"{NAME}.key")
    context = tls_context(certificates / "ca.crt", *files)
    # So that it is the broker who refuses, not this side.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match=version) if version == "TLSv1_1" else contextlib.nullcontext():
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    assert lets_in(running.tls_port, context) == spoken


@NO_MOSQUITTO
def test_certificates_hold_under_the_strictest_checks(running, certificates):
    """Newer Pythons than the floor check so by default."""
    context = tls_context(certificates / "ca.crt", certificates / f"{NAME}.crt", certificates / f"{NAME}.key")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert lets_in(running.tls_port, context)


@contextmanager
def recorder(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, bytearray]]:
    """A port that notes what clients say first; with a context it goes on in TLS, without one it hangs up."""
    seen = bytearray()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                if context:
                    context.wrap_socket(connection, server_side=True)
                connection.settimeout(1.0)
                seen.extend(connection.recv(65_536))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], seen
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


async def dial(settings: UplinkSettings) -> None:
    link = Link(settings, str(GATEWAY), Will("t", b""), lambda *_: None, lambda _: None)
    try:
        await link.connect()
    finally:
        link.close()


def from_edge(url: str) -> None:
    with pytest.raises(LinkError):
        asyncio.run(dial(load(UplinkSettings, None, environment("EDGE", url), "edge")))


def from_ingest(url: str) -> None:
    with ingesting(load(MqttSettings, None, environment("INGEST", url), "ingest"), Inbox(10, 1_000)) as consumer:
        until(lambda: consumer.reconnects, "a try of ingest")


def from_tap(url: str) -> None:
    with pytest.raises(live_telemetry.TapError):
        next(live_telemetry.listen(url))


def from_up(url: str) -> None:
    """`up`, `replay` and `doctor` look whether it answers before they give it to their parts."""
    with pytest.raises(launcher.BrokerStartError):
        launcher.given(url)


def environment(role: str, url: str) -> dict[str, str]:
    """What `up` makes of an address for a part, as the environment states it."""
    address = broker_address(url)
    settings = launcher.RunningBroker(address.host, address.port, "url", address).settings("unused")
    return {f"PARKGRID_{role}_{name.upper()}": str(value).lower() for name, value in settings.items()}


@pytest.mark.parametrize("part", [from_edge, from_ingest, from_tap, from_up])
def test_mqtts_says_nothing_in_clear(part):
    """Before: `up --mqtt-url mqtts://…` gave its parts host, port and password, and they sent it as it was."""
    with recorder() as (port, seen):
        part(f"mqtts://the-name:the-secret@127.0.0.1:{port}")
        until(lambda: seen, "the first bytes")
    assert seen[0] == TLS_HANDSHAKE
    assert b"the-secret" not in seen
    assert b"the-name" not in seen


@pytest.mark.parametrize("part", [from_edge, from_ingest, from_tap])
def test_mqtt_is_what_it_was(part):
    """So the test above sees what it is there for."""
    with recorder() as (port, seen):
        part(f"mqtt://the-name:the-secret@127.0.0.1:{port}")
        until(lambda: b"the-secret" in seen, "the password in clear")


@pytest.mark.parametrize("case", ["another authority", "another name", "a gateway's certificate", "expired"])
def test_a_gateway_does_not_speak_to_a_false_broker(certificates, others, case):
    folder, name = {"another authority": (others, "broker"), "a gateway's certificate": (certificates, NAME)}.get(
        case, (certificates, case.replace(" ", "-"))
    )
    if case == "another name":
        (certificates / "name.ext").write_text("subjectAltName=DNS:elsewhere\nextendedKeyUsage=serverAuth\n")
        sign(certificates, name, "/CN=localhost", extensions="name.ext")
    if case == "expired":
        sign(certificates, name, "/CN=broker", days="-1", extensions="broker.ext")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    with recorder(context) as (port, seen), pytest.raises(LinkError, match=r"(?i)certificate"):
        asyncio.run(dial(uplink(certificates, port)))
    assert not seen


def test_files_that_cannot_be_used_are_named(tmp_path, capsys):
    path = tmp_path / "ingest.toml"
    path.write_text(f'[store]\ndsn = "host=none"\n[mqtt]\ntls_ca = "{tmp_path}/missing.crt"\n', "utf-8")
    assert ingest_main(["--config", str(path)]) == 2
    assert "missing.crt" in capsys.readouterr().err
    with pytest.raises(LinkError, match=r"missing\.crt"):
        asyncio.run(dial(UplinkSettings(tls_ca=tmp_path / "missing.crt")))
    with pytest.raises(live_telemetry.TapError, match=r"missing\.crt"):
        next(live_telemetry.listen(f"mqtts://127.0.0.1?ca={tmp_path}/missing.crt"))


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_is_asked(certificates, tmp_path):
    locked = tmp_path / "locked.key"
    command = ["openssl", "ec", "-in", str(certificates / f"{NAME}.key"), "-aes256", "-passout", "pass:x", "-out"]
    subprocess.run([*command, str(locked)], check=True, capture_output=True)
    with pytest.raises(OSError, match="pass phrase"):
        tls_context(certificates / "ca.crt", certificates / f"{NAME}.crt", locked)


def test_both_languages_show_the_same_commands():
    assert commands_of("tls.md") == commands_of("tls.zh.md")
    assert len(commands_of("tls.md")) == 4
