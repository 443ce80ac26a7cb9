"""The poller: schedules, samples, flags, partial failures, and a silent device among twenty."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator

import pytest
import structlog

from parkgrid_contract.sample import Quality, Sample
from parkgrid_edge.drivers import find
from parkgrid_edge.polling.poller import Pace, PolledDevice, Poller
from parkgrid_edge.protocols.modbus import ModbusConnection
from tests.edge.peer import Device, exception, hang_mid_frame, rtu_peer, silent, tcp_peer, until
from tests.edge.virtual_time import LoopClock

pytestmark = [pytest.mark.edge, pytest.mark.process, pytest.mark.virtual_time]


class SteppedClock:
    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


def floats(values: dict[int, float]) -> dict[int, int]:
    """Words of float32 values at even addresses, written with struct alone."""
    words: dict[int, int] = dict.fromkeys(range(90), 0)
    for address, value in values.items():
        words[address], words[address + 1] = struct.unpack(">HH", struct.pack(">f", value))
    return words


def meter(values: dict[int, float] | None = None) -> Device:
    return Device(floats({52: 1500.0, 70: 50.0, 72: 1234.5, 0: 230.0, **(values or {})}))


def polled(peer, device="m-1", driver="eastron_sdm630", device_class="meter", **more) -> PolledDevice:
    more = {"period_s": 0.2, "unit": 1, "timeout_s": 0.2, **more}
    unit, timeout_s = more.pop("unit"), more.pop("timeout_s")
    if isinstance(peer.port, str):
        connection = ModbusConnection("rtu", serial=peer.port, baud=115_200, unit=unit, timeout_s=timeout_s)
    else:
        connection = ModbusConnection("tcp", host="127.0.0.1", port=peer.port, unit=unit, timeout_s=timeout_s)
    return PolledDevice(device, driver, device_class, more.pop("period_s"), connection, **more)


@contextlib.asynccontextmanager
async def running(poller: Poller) -> AsyncIterator[None]:
    task = asyncio.ensure_future(poller.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def once(*devices, clock=None) -> tuple[list[Sample], Poller]:
    samples: list[Sample] = []
    poller = Poller(devices, clock or SteppedClock(), samples.append)
    await poller.poll_once()
    poller.close()
    return samples, poller


async def test_a_sample_carries_the_time_of_reading_and_rounded_values():
    async with tcp_peer({1: meter({52: 1234.5678, 70: 49.987})}) as peer:
        samples, poller = await once(polled(peer))
    (sample,) = samples
    assert sample.device == "m-1"
    assert sample.at_ms == 1_700_000_000_000
    assert sample.values["active_power_kw"] == 1.235
    assert sample.values["frequency_hz"] == 49.99
    assert sample.values["energy_import_kwh"] == 1234.5
    assert sample.flags == {}
    assert poller.reads_failed == 0
    assert poller.states["m-1"].answering is True


async def test_the_ratio_of_the_transformers_is_applied_to_powers_and_energies_only():
    async with tcp_peer({1: meter()}) as peer:
        ((sample,), _) = await once(polled(peer, device_class="grid_meter", ratio=80.0))
    assert sample.values["active_power_kw"] == 120.0
    assert sample.values["energy_import_kwh"] == 98_760.0
    assert sample.values["voltage_a_v"] == 230.0
    assert sample.values["frequency_hz"] == 50.0


async def test_what_cannot_be_true_is_flagged_and_kept():
    async with tcp_peer({1: meter({70: 500.0, 52: 13_000.0})}) as peer:
        ((sample,), _) = await once(polled(peer))
    assert sample.values["frequency_hz"] == 500.0
    assert sample.flags == {"frequency_hz": Quality.OUT_OF_RANGE}


async def test_absent_is_absent_and_never_zero():
    async with tcp_peer({1: meter({70: float("nan"), 52: float("inf")})}) as peer:
        ((sample,), _) = await once(polled(peer))
    assert "frequency_hz" not in sample.values
    assert "active_power_kw" not in sample.values
    assert sample.values["energy_import_kwh"] == 1234.5


async def test_a_device_reports_only_the_signals_that_are_wanted():
    async with tcp_peer({1: meter()}) as peer:
        ((sample,), poller) = await once(polled(peer, signals=("active_power_kw", "frequency_hz")))
    assert set(sample.values) == {"active_power_kw", "frequency_hz"}
    assert poller.signals("m-1") == ("active_power_kw", "frequency_hz")


async def test_no_answer_is_no_sample():
    async with tcp_peer({1: meter()}) as peer:
        peer.misbehave(1, silent)
        samples, poller = await once(polled(peer))
    assert samples == []
    assert poller.reads_failed == 1
    state = poller.states["m-1"]
    assert (state.answering, state.failed) == (False, 1)
    assert "no answer within 0.2 s" in state.last_error


async def test_a_busy_device_gives_a_gap_not_a_zero():
    async with tcp_peer({1: meter()}) as peer:
        peer.misbehave(1, exception(peer, 6))
        samples, poller = await once(polled(peer))
        assert samples == []
        assert "device busy" in poller.states["m-1"].last_error


async def test_one_refused_register_costs_itself_only_and_is_reported_once():
    words = Device(dict.fromkeys(range(30000, 42000), 7))
    del words.words[32087]  # internal temperature: not there
    async with tcp_peer({1: words}) as peer:
        samples: list[Sample] = []
        device = polled(peer, driver="huawei_sun2000", device_class="pv_inverter", timeout_s=5)
        poller = Poller([device], SteppedClock(), samples.append)
        with structlog.testing.capture_logs() as logs:
            await poller.poll_once()
            learned = poller.requests
            await poller.poll_once()
            await poller.poll_once()
        poller.close()
    assert len(samples) == 3
    assert all("temperature_c" not in sample.values for sample in samples)
    assert all(len(sample.values) == 21 for sample in samples)  # 23 rows, without it and the unknown state 7
    assert (poller.requests - learned) / 2 <= 6
    assert [log["signals"] for log in logs if log["event"] == "registers_left_out"] == [["temperature_c"]]


async def test_a_refused_bridge_is_read_around_without_losing_a_value():
    words = Device(dict.fromkeys(range(30000, 42000), 7))
    for address in range(32097, 32106):
        del words.words[address]
    async with tcp_peer({1: words}) as peer:
        device = polled(peer, driver="huawei_sun2000", device_class="pv_inverter", timeout_s=5)
        samples: list[Sample] = []
        poller = Poller([device], SteppedClock(), samples.append)
        await poller.poll_once()
        await poller.poll_once()
        poller.close()
    assert all(len(sample.values) == 22 for sample in samples)
    assert poller.reads_failed == 1


async def test_a_device_that_refuses_everything_is_asked_little_and_found_again():
    async with tcp_peer({1: Device()}) as peer:
        samples: list[Sample] = []
        poller = Poller([polled(peer)], SteppedClock(), samples.append)
        await poller.poll_once()
        before = len(peer.requests)
        await poller.poll_once()
        assert len(peer.requests) - before <= 2
        assert samples == []
        peer.devices[1] = meter()
        await poller.poll_once()
        await poller.poll_once()
        poller.close()
    assert len(samples[-1].values) == 18


async def test_what_was_read_before_the_connection_broke_is_kept():
    async with tcp_peer({1: Device(dict.fromkeys(range(30000, 32000), 100))}) as peer:

        async def tired(request, send):
            if request.address < 30_500:
                await send(peer.answer(request))

        peer.misbehave(1, tired)
        samples, poller = await once(polled(peer, driver="lambrecht_ws7", device_class="weather"))
    assert samples[0].values == {"wind_speed_m_s": 10.0, "wind_direction_deg": 10.0, "temperature_c": 10.0}
    assert poller.reads_failed == 1


async def test_identity_is_read_once_and_reported():
    words = dict.fromkeys(range(30000, 42000), 7)
    for start, text in ((30000, "SUN2000-100KTL-M1"), (30015, "HV2040012345")):
        octets = text.encode().ljust(30, b"\x00")
        for at in range(15 if start == 30000 else 10):
            words[start + at] = int.from_bytes(octets[2 * at : 2 * at + 2], "big")
    told = []
    async with tcp_peer({1: Device(words)}) as peer:
        device = polled(peer, driver="huawei_sun2000", device_class="pv_inverter", timeout_s=5)
        poller = Poller(
            [device], SteppedClock(), lambda _: None, identified=lambda name, identity: told.append((name, identity))
        )
        await poller.poll_once()
        after_first = poller.requests
        await poller.poll_once()
        poller.close()
    ((name, identity),) = told
    assert (name, identity.model, identity.serial) == ("m-1", "SUN2000-100KTL-M1", "HV2040012345")
    assert poller.requests - after_first == 1


async def test_one_line_in_the_log_for_each_change():
    async with tcp_peer({1: meter()}) as peer:
        poller = Poller([polled(peer)], SteppedClock(), lambda _: None)
        with structlog.testing.capture_logs() as logs:
            for behaviour in (None, None, silent, silent, silent, None, None):
                peer.misbehave(1, behaviour)
                await poller.poll_once()
        poller.close()
    assert [log["event"] for log in logs] == ["device_answers", "device_silent", "device_answers"]


async def test_what_a_person_must_mend_has_a_name_until_the_device_answers():
    """Once in the log, and with the device's state until it is mended; what passes by itself has none."""

    async def misnumbered(request, send):
        answer = peer.answer(request)
        await send(bytes([answer[1], answer[0]]) + answer[2:])

    problems = []
    async with tcp_peer({1: meter()}) as peer:
        told = []
        poller = Poller(
            [polled(peer)],
            SteppedClock(),
            lambda _: None,
            identified=lambda name, _: told.append(poller.states[name].problem),
        )
        with structlog.testing.capture_logs() as logs:
            for behaviour in (None, silent, misnumbered, misnumbered, silent, None):
                peer.misbehave(1, behaviour)
                await poller.poll_once()
                problems.append(poller.states["m-1"].problem)
        poller.close()
    assert told == ["", "other_transaction", ""], "announced when it changes, and only then"
    assert problems == ["", "", "other_transaction", "other_transaction", "other_transaction", ""]
    events = [(log["event"], log.get("problem")) for log in logs]
    assert events == [
        ("device_answers", None),
        ("device_silent", ""),
        ("device_problem", "other_transaction"),
        ("device_answers", None),
    ]
    assert "any_transaction = true" in logs[2]["reason"]


async def test_stamps_of_one_device_never_repeat():
    async with tcp_peer({1: meter()}) as peer:
        samples: list[Sample] = []
        poller = Poller([polled(peer)], SteppedClock(5_000), samples.append)
        await poller.poll_once()
        await poller.poll_once()
        poller.close()
    assert [sample.at_ms for sample in samples] == [5_000, 5_001]


async def test_every_device_is_read_at_whole_multiples_of_its_period():
    async with tcp_peer({1: meter()}) as peer:
        samples: list[Sample] = []
        async with running(Poller([polled(peer, period_s=0.1)], LoopClock(), samples.append)):
            await until(lambda: len(samples) >= 12)
    late = [sample.at_ms % 100 for sample in samples]
    assert sorted(late)[len(late) // 2] < 30
    numbers = [sample.at_ms // 100 for sample in samples]
    assert sorted(set(numbers)) == numbers


async def test_a_missed_turn_is_skipped_not_made_up_for():
    async with tcp_peer({1: meter()}) as peer:
        samples: list[Sample] = []

        async def slow_once(request, send):
            peer.misbehave(1, None)
            await asyncio.sleep(0.35)
            await send(peer.answer(request))

        async with running(Poller([polled(peer, period_s=0.1, timeout_s=2)], LoopClock(), samples.append)):
            await until(lambda: len(samples) >= 2)
            peer.misbehave(1, slow_once)
            await until(lambda: len(samples) >= 6)
    gaps = [later.at_ms - earlier.at_ms for earlier, later in itertools.pairwise(samples)]
    assert max(gaps) > 300
    assert min(gaps) > 30


async def test_the_period_is_counted_in_the_clocks_seconds():
    clock = LoopClock(speed=50)
    async with tcp_peer({1: meter()}) as peer:
        samples: list[Sample] = []
        async with running(Poller([polled(peer, period_s=10, timeout_s=1)], clock, samples.append, pace=Pace(50))):
            await until(lambda: len(samples) >= 6)
    gaps = [later.at_ms - earlier.at_ms for earlier, later in itertools.pairwise(samples)]
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(10_000, abs=2_000)


async def test_a_clock_put_back_does_not_stop_the_polling():
    clock = LoopClock()

    class Jumping:
        offset = 0

        def now_ms(self) -> int:
            return clock.now_ms() + self.offset

    jumping = Jumping()
    async with tcp_peer({1: meter()}) as peer:
        samples: list[Sample] = []
        async with running(Poller([polled(peer, period_s=0.1)], jumping, samples.append)):
            await until(lambda: len(samples) >= 2)
            jumping.offset = -3_600_000
            count = len(samples)
            await until(lambda: len(samples) >= count + 3, 3)


async def test_an_error_of_the_receiver_is_logged_counted_and_survived():
    samples: list[Sample] = []

    def accept(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) == 1:
            raise OSError("disk full")

    async with tcp_peer({1: meter()}) as peer:
        poller = Poller([polled(peer, period_s=0.1)], LoopClock(), accept)
        with structlog.testing.capture_logs() as logs:
            async with running(poller):
                await until(lambda: len(samples) >= 2)
    assert poller.faults == 1
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["poll_fault"]


def test_writing_is_refused():
    with pytest.raises(ValueError, match="read_only = true"):
        Poller([], LoopClock(), lambda _: None, read_only=False)


async def test_a_whole_run_sends_read_functions_only():
    words = Device(dict.fromkeys(range(30000, 42000), 7))
    async with tcp_peer({1: words, 2: meter(), 3: Device(dict.fromkeys(range(100, 140), 1))}) as peer:
        devices = [
            polled(peer, "pv", "huawei_sun2000", "pv_inverter", unit=1),
            polled(peer, "bat", "huawei_luna2000", "storage", unit=1),
            polled(peer, "m", unit=2),
            polled(peer, "ev", "alpitronic_hypercharger", "charger", unit=3),
            polled(peer, "sun", "sunspec", "pv_inverter", unit=2),
            polled(peer, "wx", "lambrecht_ws7", "weather", unit=1),
        ]
        seen: set[str] = set()
        async with running(Poller(devices, LoopClock(), lambda sample: seen.add(sample.device))):
            await until(lambda: len(seen) >= 4 and len(peer.requests) > 60, 20)
        assert {request.frame[7] for request in peer.requests} <= {3, 4}


def test_a_contiguous_map_costs_at_most_one_request_for_fifteen_values():
    from parkgrid_edge.protocols.registers import blocks

    for name in ("eastron_sdm630", "huawei_sun2000"):
        driver = find(name)
        requests = len(blocks(driver.registers, driver.max_registers, driver.max_gap_registers))
        assert requests / len(driver.signals) <= 1 / 15


async def test_requests_per_value_on_the_wire():
    async with tcp_peer({unit: meter() for unit in range(1, 6)}) as peer:
        samples: list[Sample] = []
        poller = Poller([polled(peer, f"m-{unit}", unit=unit) for unit in range(1, 6)], SteppedClock(), samples.append)
        for _ in range(4):
            await poller.poll_once()
        poller.close()
    values = sum(len(sample.values) for sample in samples)
    assert values == 4 * 5 * 18
    assert len(peer.requests) / values <= 1 / 15


# --- one silent device among twenty ---------------------------------------------------------------------------------

PERIOD_S = 0.25
DEVICES = 20
SICK = 7


def p95(samples: list[tuple[str, float]], skip_s: float, sick: str) -> float:
    start = min(at for _, at in samples) + skip_s
    gaps = []
    for name in {name for name, _ in samples} - {sick}:
        times = [at for found, at in samples if found == name and at >= start]
        gaps += [later - earlier for earlier, later in itertools.pairwise(times)]
    return sorted(gaps)[int(len(gaps) * 0.95)]


async def intervals(devices, spoil, seconds: float) -> tuple[float, float]:
    """p95 of the intervals between samples of the healthy devices, without and with the fault; and the recovery."""
    loop = asyncio.get_running_loop()
    samples: list[tuple[str, float]] = []
    results = []
    recovery = 0.0
    for fault in (False, True):
        samples.clear()
        spoil(fault)
        heard = DEVICES - fault
        poller = Poller(devices, LoopClock(), lambda sample: samples.append((sample.device, loop.time())))
        async with running(poller):
            await until(lambda heard=heard: len({name for name, _ in samples}) >= heard)
            await asyncio.sleep(seconds)
            results.append(p95(samples, 3 * PERIOD_S, f"m-{SICK}"))
            if fault:
                assert f"m-{SICK}" not in {name for name, _ in samples}
                spoil(False)
                recovered = loop.time()
                await until(lambda: any(name == f"m-{SICK}" for name, _ in samples))
                recovery = loop.time() - recovered
    control, sick = results
    structlog.get_logger().info("p95", control_ms=control * 1000, sick_ms=sick * 1000, recovery=recovery / PERIOD_S)
    return sick / control - 1, recovery / PERIOD_S


@pytest.mark.parametrize("fault", ["hangs mid-frame", "silent"])
async def test_nineteen_devices_on_a_bus_do_not_notice_the_twentieth_hanging(fault):
    async with tcp_peer({unit: meter() for unit in range(1, DEVICES + 1)}) as peer:
        peer.delay_s = 0.003
        behaviour = hang_mid_frame(peer) if fault == "hangs mid-frame" else silent
        devices = [
            polled(peer, f"m-{unit}", unit=unit, period_s=PERIOD_S, timeout_s=1.0) for unit in range(1, DEVICES + 1)
        ]
        growth, recovery = await intervals(
            devices, lambda sick: peer.misbehave(SICK, behaviour if sick else None), seconds=3
        )
    assert growth < 0.10
    assert recovery <= 2


async def test_nineteen_devices_on_a_serial_line_do_not_notice_the_twentieth_hanging():
    async with rtu_peer({unit: meter() for unit in range(1, DEVICES + 1)}) as peer:
        peer.delay_s = 0.002
        devices = [
            polled(peer, f"m-{unit}", unit=unit, period_s=PERIOD_S, timeout_s=1.0) for unit in range(1, DEVICES + 1)
        ]
        growth, recovery = await intervals(
            devices, lambda sick: peer.misbehave(SICK, hang_mid_frame(peer, 20) if sick else None), seconds=3
        )
    assert growth < 0.10
    assert recovery <= 2


async def test_nineteen_devices_of_their_own_do_not_notice_the_twentieth_hanging():
    async with contextlib.AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(tcp_peer({1: meter()})) for _ in range(DEVICES)]
        devices = [polled(peer, f"m-{n}", period_s=PERIOD_S, timeout_s=1.0) for n, peer in enumerate(peers, 1)]
        sick_peer = peers[SICK - 1]
        growth, recovery = await intervals(
            devices, lambda sick: sick_peer.misbehave(1, hang_mid_frame(sick_peer) if sick else None), seconds=3
        )
    assert growth < 0.10
    assert recovery <= 2


async def test_a_gateway_that_comes_back_is_polled_within_two_periods():
    async with tcp_peer({unit: meter() for unit in (1, 2, 3)}) as peer:
        samples: list[Sample] = []
        devices = [polled(peer, f"m-{unit}", unit=unit, period_s=0.5) for unit in (1, 2, 3)]
        loop = asyncio.get_running_loop()
        async with running(Poller(devices, LoopClock(), samples.append)):
            await until(lambda: len(samples) >= 3)
            port = peer.port
            await peer.stop()
            await asyncio.sleep(2.0)
            count = len(samples)
            await peer.start(port)
            back = loop.time()
            await until(lambda: len({sample.device for sample in samples[count:]}) == 3)
            assert loop.time() - back <= 2 * 0.5 + 0.1
