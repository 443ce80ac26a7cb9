"""One dongle or serial port under two names in the settings: noticed, one connection, turns taken as on one bus."""

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import SystemClock
from parkgrid_edge.polling.endpoint import Endpoint, Lines, known_places
from parkgrid_edge.polling.poller import PolledDevice, Poller
from parkgrid_edge.protocols.frames import Read
from parkgrid_edge.protocols.modbus import LinkError, ModbusConnection
from parkgrid_edge.protocols.registers import Table
from parkgrid_edge.settings import check_files, load_settings
from tests.edge.peer import Device, rtu_peer, silent, tcp_peer, until
from tests.edge.test_poller import meter, p95, running
from tests.edge.virtual_time import LoopClock

if TYPE_CHECKING:
    from parkgrid_contract.sample import Sample

pytestmark = pytest.mark.edge

WORDS = Device({address: address for address in range(300)})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names lead to, as a name server would say; changed by the test."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *arguments, **more):
        if not str(host).endswith(".plant"):
            return real(host, port, *arguments, **more)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def device(name: str, host: str, port: int, unit: int = 1, **more) -> PolledDevice:
    more = {"period_s": 0.2, "timeout_s": 0.3, **more}
    connection = ModbusConnection("tcp", host=host, port=port, unit=unit, timeout_s=more.pop("timeout_s"))
    return PolledDevice(name, "eastron_sdm630", "meter", more.pop("period_s"), connection, **more)


async def ask(endpoint: Endpoint, address: int) -> list[int]:
    return await endpoint.read(Read(1, Table.HOLDING, address, 2), 0.5)


@pytest.mark.process
async def test_a_dongle_named_by_host_and_by_address_is_noticed_and_gets_one_connection(names):
    names["dongle.plant"] = ["127.0.0.1"]
    async with tcp_peer({1: meter(), 2: meter()}) as peer:
        samples: list[Sample] = []
        poller = Poller(
            [device("m-1", "dongle.plant", peer.port, 1), device("m-2", "127.0.0.1", peer.port, 2)],
            SystemClock(),
            samples.append,
        )
        under_way = most = 0
        handle = peer.handle

        async def counted(request, send):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            await handle(request, send)
            under_way -= 1

        peer.handle = counted
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await poller.poll_once()
        poller.close()
    assert (peer.connections, most) == (1, 1)
    assert {sample.device for sample in samples} == {"m-1", "m-2"}
    told = [log for log in logs if log["event"] == "line_has_two_names"]
    by_host, by_address = f"tcp://dongle.plant:{peer.port}", f"tcp://127.0.0.1:{peer.port}"
    assert {log["endpoint"]: log["others"] for log in told} == {by_host: (by_address,), by_address: (by_host,)}
    assert told[0]["places"] == [f"127.0.0.1:{peer.port}"]
    assert {state.problem for state in poller.states.values()} == {"two_names"}


@pytest.mark.process
@pytest.mark.parametrize("host", ["LOCALHOST", "127.0.0.1"])
async def test_names_that_differ_in_form_only_are_one_line(host):
    async with tcp_peer({1: meter(), 2: meter()}) as peer:
        poller = Poller(
            [device("m-1", "localhost", peer.port, 1), device("m-2", host, peer.port, 2)],
            SystemClock(),
            lambda _: None,
        )
        await poller.poll_once()
        await poller.poll_once()
        poller.close()
    assert peer.connections == 1


@pytest.mark.process
async def test_a_name_that_leads_elsewhere_later_parts_from_the_line_again(names):
    names["dongle.plant"] = ["127.0.0.1"]
    other_words = Device({address: 1000 + address for address in range(300)})
    async with tcp_peer({1: WORDS}) as here, tcp_peer({1: other_words}, "127.0.0.2", here.port) as there:
        lines = Lines()
        named = Endpoint(ModbusConnection("tcp", host="dongle.plant", port=here.port), lines=lines)
        numbered = Endpoint(ModbusConnection("tcp", host="127.0.0.1", port=here.port), lines=lines)
        assert await ask(numbered, 5) == [5, 6]
        assert await ask(named, 5) == [5, 6]
        assert named.namesakes == (f"tcp://127.0.0.1:{here.port}",)
        names["dongle.plant"] = ["127.0.0.2"]
        assert await ask(named, 5) == [5, 6], "a connection that stands is not left"
        here.cut()
        await asyncio.sleep(0.05)
        assert await ask(named, 5) == [1005, 1006]
        assert await ask(numbered, 5) == [5, 6]
        assert (named.namesakes, numbered.namesakes) == ((), ())
        names["dongle.plant"] = ["127.0.0.1"]
        there.cut()
        await asyncio.sleep(0.05)
        assert await ask(named, 7) == [7, 8]
        assert numbered.namesakes == (f"tcp://dongle.plant:{here.port}",)
        named.close()


@pytest.mark.process
async def test_a_name_that_nobody_knows_is_said_and_asked_for_again(names):
    async with tcp_peer({1: WORDS}) as peer:
        endpoint = Endpoint(ModbusConnection("tcp", host="dongle.plant", port=peer.port), longest_retry_s=0.05)
        with pytest.raises(LinkError, match=r"cannot look up 'dongle.plant': .*not known"):
            await ask(endpoint, 5)
        names["dongle.plant"] = ["127.0.0.1"]
        await asyncio.sleep(0.1)
        assert await ask(endpoint, 5) == [5, 6]
        endpoint.close()


@pytest.mark.process
async def test_one_line_in_two_manners_is_refused_by_name(names):
    names["dongle.plant"] = ["127.0.0.1"]
    async with tcp_peer({1: WORDS}) as peer:
        lines = Lines()
        right = Endpoint(ModbusConnection("tcp", host="127.0.0.1", port=peer.port), lines=lines)
        other = Endpoint(ModbusConnection("rtu_over_tcp", host="dongle.plant", port=peer.port), lines=lines)
        assert await ask(right, 5) == [5, 6]
        with pytest.raises(LinkError, match="use in another manner") as raised:
            await ask(other, 5)
        assert raised.value.problem == "line_settings_differ"
        with pytest.raises(LinkError):
            await ask(other, 5)
        assert await ask(right, 6) == [6, 7]
        assert peer.connections == 1
        right.close()


@pytest.mark.process
@pytest.mark.virtual_time
async def test_a_silent_device_behind_the_second_name_disturbs_nobody_behind_the_first(names):
    names["dongle.plant"] = ["127.0.0.1"]
    loop = asyncio.get_running_loop()
    async with tcp_peer({unit: meter() for unit in range(1, 6)}) as peer:
        peer.delay_s = 0.003
        devices = [
            device(f"m-{unit}", "127.0.0.1", peer.port, unit, period_s=0.25, timeout_s=1.0) for unit in range(1, 5)
        ]
        devices.append(device("m-5", "dongle.plant", peer.port, 5, period_s=0.25, timeout_s=1.0))
        results = []
        samples: list[tuple[str, float]] = []
        for fault in (None, silent):
            peer.misbehave(5, fault)
            samples.clear()
            poller = Poller(devices, LoopClock(), lambda sample: samples.append((sample.device, loop.time())))
            async with running(poller):
                await until(lambda: len({name for name, _ in samples}) >= 4)
                await asyncio.sleep(4)
            results.append(p95(samples, 2.5, "m-5"))
    assert results[1] < 1.3 * results[0]


async def test_a_serial_port_named_by_a_link_is_noticed(tmp_path):
    async with rtu_peer({1: meter(), 2: meter()}) as peer:
        link = tmp_path / "usb-FTDI_FT232R-if00-port0"
        link.symlink_to(peer.port)
        devices = [
            PolledDevice(
                name, "eastron_sdm630", "meter", 1.0, ModbusConnection("rtu", serial=port, baud=115_200, unit=unit)
            )
            for name, port, unit in (("m-1", str(link), 1), ("m-2", peer.port, 2))
        ]
        samples: list[Sample] = []
        poller = Poller(devices, SystemClock(), samples.append)
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await poller.poll_once()
        poller.close()
        (place,) = known_places(devices[1].connection)
    assert [sample.device for sample in samples].count("m-1") == 3
    assert [sample.device for sample in samples].count("m-2") == 3
    told = [log for log in logs if log["event"] == "line_has_two_names"]
    assert told[0]["places"] == [place]


def checked(folder: Path, *connections: str) -> list[str]:
    lines = ['park = "p"', 'gateway = "g"', f'[outbox]\npath = "{folder}/o.db"']
    for number, connection in enumerate(connections):
        lines.append(f'[[devices]]\nid = "m-{number}"\ndriver = "eastron_sdm630"\nconnection = {{ {connection} }}')
    path = folder / "edge.toml"
    path.write_text("\n".join(lines), "utf-8")
    try:
        check_files(load_settings(path, {}), "edge.toml")
    except SettingsError as error:
        return [f"{problem.key}: {problem.remedy}" for problem in error.problems]
    return []


def test_two_speeds_on_one_port_are_refused_also_when_one_name_is_a_link(tmp_path):
    port, link = tmp_path / "ttyUSB0", tmp_path / "by-id"
    port.touch()
    link.symlink_to(port)
    one = f'kind = "rtu", serial = "{port}"'
    assert checked(tmp_path, one, f'kind = "rtu", serial = "{link}", unit = 2') == []
    assert checked(tmp_path, one, f'kind = "rtu", serial = "{link}", unit = 2, baud = 19200, parity = "E"') == [
        f"devices[1].connection.serial: is the port {port}, as is {port} of devices[0]: make baud, parity equal"
    ]


def test_one_host_in_two_manners_is_refused_without_a_network(tmp_path):
    assert checked(tmp_path, 'host = "a.plant"', 'host = "A.plant", unit = 2') == []
    assert checked(tmp_path, 'host = "a.plant"', 'host = "A.plant", unit = 2, any_transaction = true') == [
        "devices[1].connection.any_transaction: devices[0] uses False on the same line a.plant:502: make them equal"
    ]
    assert checked(tmp_path, 'host = "a.plant"', 'kind = "rtu_over_tcp", host = "a.plant", unit = 2') == [
        "devices[1].connection.kind: devices[0] uses 'tcp' on the same line a.plant:502: make them equal"
    ]
    assert checked(tmp_path, 'kind = "rtu_over_tcp", host = "a", any_transaction = true') == [
        "devices[0].connection.any_transaction: only tcp has transaction numbers: remove the line"
    ]
