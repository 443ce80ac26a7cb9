"""SunSpec discovery and decoding against maps written word by word from the published models."""

import pytest

from parkgrid_contract.signals import CATALOGUE, OPERATING_STATES
from parkgrid_contract.time import SystemClock
from parkgrid_edge.polling.poller import PolledDevice, Poller
from parkgrid_edge.protocols import sunspec
from parkgrid_edge.protocols.modbus import ModbusConnection, PermanentError
from parkgrid_edge.protocols.registers import Encoding
from parkgrid_edge.protocols.sunspec_models import BATTERY_STATES, DER_STATES, INVERTER_STATES, MODELS
from tests.edge.peer import Device, silent, tcp_peer

pytestmark = [pytest.mark.edge, pytest.mark.process]

NONE16, NONE_S, NONE_SF = 0xFFFF, 0x8000, 0x8000


def text(value: str, words: int) -> list[int]:
    octets = value.encode().ljust(2 * words, b"\x00")
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, 2 * words, 2)]


def common(maker: str = "Acme", name: str = "Sun-5", firmware: str = "1.2", serial: str = "S-77") -> list[int]:
    return [
        *(1, 66),
        *text(maker, 16),
        *text(name, 16),
        *text("", 8),
        *text(firmware, 8),
        *text(serial, 16),
        *(1, 0x8000),
    ]


def model(number: int, length: int, points: dict[int, int | list[int]]) -> list[int]:
    """A model with the given words at their offsets (counted from its id); the rest not implemented."""
    words = [NONE16] * (length + 2)
    words[:2] = [number, length]
    for offset, value in points.items():
        many = value if isinstance(value, list) else [value]
        words[offset : offset + len(many)] = [word & 0xFFFF for word in many]
    return words[: length + 2]


def layout(text: str) -> dict[int, int | list[int]]:
    """Words by offset: `14: 4321 1 | 24: 18 54919` is 14 → 4321, 15 → 1, 24 → 18, 25 → 54919."""
    points: dict[int, int | list[int]] = {}
    for part in text.split("|"):
        start, words = part.split(":")
        points[int(start)] = [int(word) for word in words.split()]
    return points


def device(*models: list[int], base: int = 40_000) -> Device:
    words = [0x5375, 0x6E53]
    for one in models:
        words += one
    words += [0xFFFF, 0]
    return Device(dict(enumerate(words, base)))


# Model 103, offsets as published: 14 W, 15 W_SF, 16 Hz, 24 WH, 26 WH_SF, 38 St …
INVERTER = layout(
    "3: 101 102 103 -1 | 10: 2301 2302 2303 -1 | 14: 4321 1 | 16: 5001 -2 | 20: -150 1 | 22: 998 -1"
    "| 24: 18 54919 0 | 27: 88 -1 6005 -1 4400 1 451 | 37: -1 4"
)
EXPECTED_INVERTER = {
    "current_a_a": 10.1,
    "current_b_a": 10.2,
    "current_c_a": 10.3,
    "voltage_a_v": 230.1,
    "voltage_b_v": 230.2,
    "voltage_c_v": 230.3,
    "active_power_kw": 43.21,
    "frequency_hz": 50.01,
    "reactive_power_kvar": -1.5,
    "power_factor": 0.998,
    "energy_generated_kwh": 1234.567,
    "dc_current_a": 8.8,
    "dc_voltage_v": 600.5,
    "dc_power_kw": 44.0,
    "temperature_c": 45.1,
    "operating_state": OPERATING_STATES.index("running"),
}


async def polled(peer, device_class: str, polls: int = 1) -> tuple[list[dict], Poller]:
    samples: list[dict] = []
    settings = PolledDevice(
        "d-1", "sunspec", device_class, 1.0, ModbusConnection("tcp", host="127.0.0.1", port=peer.port, timeout_s=1)
    )
    poller = Poller([settings], SystemClock(), lambda sample: samples.append(dict(sample.values)))
    for _ in range(polls):
        await poller.poll_once()
    poller.close()
    return samples, poller


async def values(board: Device, device_class: str) -> dict:
    async with tcp_peer({1: board}) as peer:
        (sample,), _ = await polled(peer, device_class)
    return sample


@pytest.mark.parametrize("base", [40_000, 0, 50_000])
async def test_an_inverter_is_found_at_any_of_the_three_bases(base):
    assert await values(device(common(), model(103, 50, INVERTER), base=base), "pv_inverter") == EXPECTED_INVERTER


async def test_single_and_split_phase_inverters_have_the_same_layout():
    for number in (101, 102):
        assert await values(device(common(), model(number, 50, INVERTER)), "pv_inverter") == EXPECTED_INVERTER


async def test_an_unknown_model_is_passed_over_by_its_length():
    board = device(common(), model(64_999, 37, {}), model(120, 26, {}), model(103, 50, INVERTER))
    assert await values(board, "pv_inverter") == EXPECTED_INVERTER


async def test_maker_model_firmware_and_serial_are_told():
    async with tcp_peer({1: device(common(), model(103, 50, INVERTER))}) as peer:
        _, poller = await polled(peer, "pv_inverter")
    identity = poller.states["d-1"].identity
    assert (identity.model, identity.firmware, identity.serial) == ("Acme Sun-5", "1.2", "S-77")
    assert set(identity.signals) == set(EXPECTED_INVERTER)


async def test_the_float_inverter():
    def f(pair: str) -> list[int]:
        return [int(word, 16) for word in pair.split()]

    points = {
        22: f("4640 E6B6"),  # 12345.678 W
        24: f("4248 0000"),  # 50.0 Hz
        16: f("4366 0000"),  # 230.0 V
        32: f("4996 B438"),  # 1234567.0 Wh
        48: 5,
    }
    board = device(common(), model(113, 60, {**{at: [0x7FC0, 0] for at in range(2, 48, 2)}, **points}))
    assert await values(board, "pv_inverter") == {
        "active_power_kw": 12.346,
        "frequency_hz": 50.0,
        "voltage_a_v": 230.0,
        "energy_generated_kwh": 1234.567,
        "operating_state": OPERATING_STATES.index("limited"),
    }


async def test_strings_of_model_160():
    modules = {10 + 20 * n + 9: 800 + n for n in range(5)} | {10 + 20 * n + 10: 6000 + n for n in range(5)}
    board = device(common(), model(103, 50, INVERTER), model(160, 8 + 100, {2: -2, 3: -1, 8: 5, **modules}))
    found = await values(board, "pv_inverter")
    assert found["string_1_current_a"] == 8.0
    assert found["string_4_current_a"] == 8.03
    assert found["string_2_voltage_v"] == 600.1
    assert set(found) - set(EXPECTED_INVERTER) == {
        f"string_{n}_{q}" for n in range(1, 5) for q in ("current_a", "voltage_v")
    }


METER = layout(
    "3: 100 -5 30 -1 | 8: 2300 2310 2320 | 15: -1 5000 -2 -1234 -400 -410 -424 1 1300 | 27: 1 55 | 32: 1 -95 | 37: 0"
    "| 38: 0 5000 | 46: 1 0 | 54: 1"
)


@pytest.mark.parametrize("number", [201, 202, 203, 204])
async def test_a_meter_with_export_negative_and_import_positive(number):
    found = await values(device(common(), model(number, 105, METER)), "grid_meter")
    assert found["active_power_kw"] == -12.34
    assert found["current_b_a"] == -0.5
    assert found["energy_export_kwh"] == 50.0
    assert found["energy_import_kwh"] == 655.36
    assert found["power_factor"] == -0.95
    assert found["reactive_power_kvar"] == 0.55


@pytest.mark.parametrize("number", [211, 212, 213, 214])
async def test_a_float_meter(number):
    points = {28: [0x4640, 0xE6B6], 52: [0x3F40, 0], 60: [0x447A, 0], 68: [0x4996, 0xB438]}
    found = await values(
        device(common(), model(number, 124, {**{at: [0x7FC0, 0] for at in range(2, 124, 2)}, **points})), "meter"
    )
    assert found == {
        "active_power_kw": 12.346,
        "power_factor": 0.75,
        "energy_export_kwh": 1.0,
        "energy_import_kwh": 1234.567,
    }


async def test_an_accumulator_of_zero_is_not_implemented():
    found = await values(device(common(), model(203, 105, {**METER, 38: [0, 0]})), "meter")
    assert "energy_export_kwh" not in found
    assert found["energy_import_kwh"] == 655.36


DER = layout(
    "4: 3 | 10: 4321 | 12: -20 99 | 17: 0 5001 0 0 18 54919 0 0 0 500 | 36: 30 | 45: 70 | 47: 2300"
    "| 68: 71 | 70: 2310 | 91: 72 | 93: 2320 | 113: -1 -1 -2 0 -2 0 0 0 0 0"
)


async def test_a_der_inverter_whose_states_begin_at_zero():
    found = await values(device(common(), model(701, 153, DER)), "pv_inverter")
    assert found["operating_state"] == OPERATING_STATES.index("running")
    assert found["active_power_kw"] == 4.321
    assert found["frequency_hz"] == 50.01
    assert found["energy_generated_kwh"] == 1234.567
    assert found["voltage_c_v"] == 232.0
    assert found["current_b_a"] == 7.1
    assert found["power_factor"] == 0.99


async def test_the_newer_model_wins_where_two_say_the_same():
    found = await values(device(common(), model(103, 50, INVERTER), model(701, 153, DER)), "pv_inverter")
    assert found["active_power_kw"] == 4.321
    assert found["dc_voltage_v"] == 600.5


async def test_storage_from_its_capacity_and_its_ac_side():
    board = device(common(), model(701, 153, DER), model(713, 7, {2: 2000, 3: 1234, 4: 617, 5: 990, 6: 0, 7: 1, 8: -1}))
    found = await values(board, "storage")
    assert found["soc_pct"] == 61.7
    assert found["soh_pct"] == 99.0
    assert found["stored_energy_kwh"] == 12.3
    assert found["active_power_kw"] == 4.321
    assert found["energy_discharged_kwh"] == 1234.567
    assert found["energy_charged_kwh"] == 0.5


BATTERY = layout(
    "4: 500 600 | 11: 553 | 13: 98 0 321 | 22: 3 | 34: 7205 | 37: 3345 | 40: 3300 | 44: -125 | 47: -901"
    "| 52: 0 0 2 0 -1 0 0 -1 -3 -1 0 1"
)


async def test_a_battery_base_alone_gives_its_dc_side_as_its_power():
    assert await values(device(common(), model(802, 62, BATTERY)), "storage") == {
        "charge_limit_kw": 50.0,
        "discharge_limit_kw": 60.0,
        "soc_pct": 55.3,
        "soh_pct": 98.0,
        "cycle_count": 321.0,
        "operating_state": OPERATING_STATES.index("running"),
        "dc_voltage_v": 720.5,
        "cell_voltage_max_v": 3.345,
        "cell_voltage_min_v": 3.3,
        "dc_current_a": -12.5,
        "dc_power_kw": -9.01,
        "active_power_kw": -9.01,
    }


def ports(*types: int) -> list[int]:
    points: dict[int, int | list[int]] = {5: 250, 6: 1800, 15: -1, 16: -1, 17: 0, 18: 0, 19: 0}
    for index, kind in enumerate(types):
        start = 20 + 25 * index
        points |= {start: kind, start + 10: 100 + index, start + 11: 7200 + index, start + 12: 900}
    return model(714, 18 + 25 * len(types), points)


async def test_dc_ports_tell_a_storage_from_an_inverter():
    battery = await values(device(common(), ports(1)), "storage")
    assert (battery["dc_voltage_v"], battery["dc_power_kw"], battery["dc_current_a"]) == (720.0, 1.8, 25.0)
    array = await values(device(common(), model(701, 153, DER), ports(0, 0)), "pv_inverter")
    assert (array["string_1_voltage_v"], array["string_2_voltage_v"]) == (720.0, 720.1)
    assert array["string_2_current_a"] == 10.1


async def test_the_scale_factor_is_read_with_every_poll():
    board = device(common(), model(103, 50, INVERTER))
    address = 40_000 + 2 + 68 + 15
    async with tcp_peer({1: board}) as peer:
        samples: list[dict] = []
        settings = PolledDevice("d", "sunspec", "pv_inverter", 1.0, ModbusConnection(host="127.0.0.1", port=peer.port))
        poller = Poller([settings], SystemClock(), lambda sample: samples.append(dict(sample.values)))
        await poller.poll_once()
        board.words[address] = 2
        await poller.poll_once()
        board.words[address] = NONE_SF
        await poller.poll_once()
        poller.close()
    assert [sample.get("active_power_kw") for sample in samples] == [43.21, 432.1, None]


async def test_after_discovery_a_poll_is_one_request():
    async with tcp_peer({1: device(common(), model(103, 50, INVERTER))}) as peer:
        await polled(peer, "pv_inverter", polls=1)
        first = len(peer.requests)
        await polled(peer, "pv_inverter", polls=5)
        assert len(peer.requests) - 2 * first == 4


@pytest.mark.parametrize(
    ("board", "reason"),
    [
        (Device(dict.fromkeys(range(66_000), 7)), 'no "SunS"'),
        (Device(), 'no "SunS"'),
        (device(model(103, 50, INVERTER)), "no common model"),
        (device(common(), model(64_999, 5, {})), "no inverter, meter or storage"),
        (Device({40_000: 0x5375, 40_001: 0x6E53, **dict.fromkeys(range(40_002, 66_000), 0)}), "no end"),
        (Device({40_000: 0x5375, 40_001: 0x6E53, 40_002: 1, 40_003: 65_000}), "no end"),
        (device(common(), model(203, 105, METER)), "it is a meter, the settings say pv_inverter"),
    ],
)
async def test_what_cannot_be_used_is_named_and_gives_no_sample(board, reason):
    async with tcp_peer({1: board}) as peer:
        samples, poller = await polled(peer, "pv_inverter")
    assert samples == []
    assert reason in poller.states["d-1"].last_error


async def test_a_device_replaced_while_it_was_away_is_discovered_anew():
    async with tcp_peer({1: device(common(), model(103, 50, INVERTER))}) as peer:
        samples: list[dict] = []
        connection = ModbusConnection(host="127.0.0.1", port=peer.port, timeout_s=0.1)
        poller = Poller(
            [PolledDevice("d", "sunspec", "pv_inverter", 1.0, connection)],
            SystemClock(),
            lambda sample: samples.append(dict(sample.values)),
        )
        await poller.poll_once()
        peer.misbehave(1, silent)
        await poller.poll_once()
        await poller.poll_once()
        peer.misbehave(1, None)
        peer.devices[1] = device(
            common(name="Sun-6"), model(64_999, 9, {}), model(103, 50, {**INVERTER, 14: [1000, 1]})
        )
        await poller.poll_once()
        poller.close()
    assert [sample["active_power_kw"] for sample in samples] == [43.21, 10.0]
    assert poller.states["d"].identity.model == "Acme Sun-6"


async def test_a_shorter_model_is_read_as_far_as_it_goes():
    found = await values(device(common(), model(103, 30, INVERTER)), "pv_inverter")
    assert "operating_state" not in found
    assert found["dc_voltage_v"] == 600.5


# --- models that are in the chain and say nothing --------------------------------------------------------------------

# Model 701 of the published test device of pysunspec2 1.3.7 (sunspec2/tests/test_data/device_1547.json, Apache-2.0):
# W 9800, Var 200, PF 985, Hz 60010, TotWhInj 150, TmpCab 550 …, scale factors at 113 in the order A V Hz W PF VA Var.
DER_1547 = layout(
    "2: 3 2 4 | 10: 9800 10000 200 985 411 2400 2400 0 60010 0 0 0 150 0 0 0 0 | 35: 450 550 650 500 400 420"
    "| 41: 3200 3333 80 984 137 120 120 | 64: 3300 3333 80 986 136 120 120 | 87: 3500 3333 40 987 138 120 120"
    "| 113: -1 -1 -3 0 -3 0 0 3 3 -1"
)
EXPECTED_1547 = {
    "operating_state": OPERATING_STATES.index("limited"),
    "active_power_kw": 9.8,
    "reactive_power_kvar": 0.2,
    "power_factor": 0.985,
    "frequency_hz": 60.01,
    "energy_generated_kwh": 150.0,
    "temperature_c": 55.0,
    "current_a_a": 13.7,
    "current_b_a": 13.6,
    "current_c_a": 13.8,
    "voltage_a_v": 12.0,
    "voltage_b_v": 12.0,
    "voltage_c_v": 12.0,
}
# Signed points and scale factors say 0x8000 for "not implemented", the others 0xFFFF, which `model` fills in.
EMPTY_DER = dict.fromkeys((*range(10, 15), *range(35, 46), *range(64, 69), *range(87, 92), *range(113, 123)), 0x8000)


@pytest.mark.parametrize("fill", [0xFFFF, 0x8000, 0])
@pytest.mark.parametrize("length", [7, 43])
async def test_an_inverter_with_an_empty_capacity_model_is_what_its_settings_say(fill, length):
    empty = model(713, length, dict.fromkeys(range(2, length + 2), fill))
    board = device(common(), model(701, 153, DER_1547), empty)
    assert await values(board, "pv_inverter") == EXPECTED_1547
    storage = await values(board, "storage")
    assert (storage["active_power_kw"], storage["energy_discharged_kwh"]) == (9.8, 150.0)
    assert not storage.get("soc_pct")


async def test_a_scale_factor_alone_makes_no_battery():
    board = device(common(), model(701, 153, DER_1547), model(713, 7, {7: 1, 8: -1}))
    assert await values(board, "pv_inverter") == EXPECTED_1547


@pytest.mark.parametrize(
    "battery",
    [
        model(713, 7, {2: 2000, 3: 0, 4: 0, 5: 990, 7: 1, 8: -1}),  # flat, and still a battery
        model(802, 62, BATTERY),
        ports(0, 1),
    ],
)
async def test_an_inverter_with_a_battery_is_no_inverter(battery):
    async with tcp_peer({1: device(common(), model(701, 153, DER_1547), battery)}) as peer:
        samples, poller = await polled(peer, "pv_inverter")
    assert samples == []
    assert "it is a storage, the settings say pv_inverter" in poller.states["d-1"].last_error


@pytest.mark.parametrize(
    "battery",
    [
        model(802, 62, {22: 1, 44: 0x8000, 47: 0x8000, 52: [0x8000] * 12}),  # "disconnected", not a figure beside it
        model(714, 18 + 25, {15: -1, 16: -1, 17: 0, 20: 1, 30: 0x8000, 31: 0xFFFF, 32: 0x8000}),
        model(714, 18 + 25, {5: 250, 6: 1800, 15: -1, 16: -1, 17: 0, 20: 5, 30: 0, 31: 0, 32: 0}),
    ],
)
async def test_a_battery_that_is_not_connected_makes_no_storage(battery):
    found = await values(device(common(), model(701, 153, DER_1547), battery), "pv_inverter")
    assert found.items() >= EXPECTED_1547.items()


async def test_an_empty_newer_model_leaves_the_word_to_the_older_one():
    board = device(common(), model(103, 50, INVERTER), model(701, 153, EMPTY_DER))
    assert await values(board, "pv_inverter") == EXPECTED_INVERTER
    nothing = dict.fromkeys(range(2, 52), 0x8000)
    board = device(common(), model(103, 50, nothing), model(701, 153, DER_1547))
    assert await values(board, "pv_inverter") == EXPECTED_1547


async def test_an_empty_float_meter_leaves_the_word_to_the_integers():
    empty = {at: [0x7FC0, 0] for at in range(2, 124, 2)}
    found = await values(device(common(), model(203, 105, METER), model(213, 124, empty)), "grid_meter")
    assert (found["active_power_kw"], found["energy_import_kwh"]) == (-12.34, 655.36)


async def test_a_storage_whose_ac_side_says_nothing_gives_its_dc_side_as_its_power():
    found = await values(device(common(), model(701, 153, EMPTY_DER), model(802, 62, BATTERY)), "storage")
    assert (found["active_power_kw"], found["dc_power_kw"], found["soc_pct"]) == (-9.01, -9.01, 55.3)


async def test_an_inverter_that_measures_its_heat_sink_only_has_a_temperature():
    board = device(common(), model(103, 50, {**INVERTER, 33: [0x8000, 523, 0x8000, 0x8000]}))
    assert (await values(board, "pv_inverter"))["temperature_c"] == 52.3
    board = device(common(), model(701, 153, {**DER_1547, 36: [0x8000, 0x8000, 0x8000, 0x8000, 420]}))
    assert (await values(board, "pv_inverter"))["temperature_c"] == 42.0


@pytest.mark.parametrize(("line", "volts"), [([2400, 2310], 231.0), ([2400, 0xFFFF], 240.0)])
async def test_total_and_average_of_a_single_phase_inverter_are_its_phase(line, volts):
    phases = dict.fromkeys((45, 68, 91), 0x8000) | dict.fromkeys((47, 70, 93), 0xFFFF)
    board = device(common(), model(701, 153, {**DER_1547, **phases, 2: 0, 15: line}))
    found = await values(board, "pv_inverter")
    assert (found["current_a_a"], found["voltage_a_v"]) == (41.1, volts)
    three = device(common(), model(701, 153, {**DER_1547, **phases, 2: 2}))
    assert not {"current_a_a", "voltage_a_v"} & set(await values(three, "pv_inverter"))


async def test_a_meter_behind_an_inverter_is_read_as_one_and_has_its_own_name():
    board = device(common(), model(103, 50, INVERTER), common("Wattnode", "WN-3", "7", "M-9"), model(203, 105, METER))
    async with tcp_peer({1: board}) as peer:
        (found,), poller = await polled(peer, "grid_meter")
        assert (found["active_power_kw"], found["energy_import_kwh"]) == (-12.34, 655.36)
        assert poller.states["d-1"].identity.serial == "M-9"
        (found,), poller = await polled(peer, "pv_inverter")
        assert found == EXPECTED_INVERTER
        assert poller.states["d-1"].identity.serial == "S-77"


async def test_ports_whose_type_is_refused_are_no_reason_to_give_up():
    board = device(common(), model(103, 50, INVERTER), ports(0))
    start = 40_002 + 68 + 52
    for address in range(start + 20, start + 45):
        del board.words[address]
    board.words[start + 45] = 0xFFFF
    assert (await values(board, "pv_inverter"))["active_power_kw"] == 43.21


async def test_the_counter_that_was_read_goes_on_being_read_after_an_absence():
    """Two counters of one thing stand at different numbers: to change between them would be a jump."""
    older = model(103, 50, INVERTER)
    asleep, awake = model(701, 153, EMPTY_DER), model(701, 153, DER_1547)
    async with tcp_peer({1: device(common(), older, asleep)}) as peer:
        samples: list[dict] = []
        connection = ModbusConnection(host="127.0.0.1", port=peer.port, timeout_s=0.1)
        poller = Poller(
            [PolledDevice("d", "sunspec", "pv_inverter", 1.0, connection)],
            SystemClock(),
            lambda sample: samples.append(dict(sample.values)),
        )
        await poller.poll_once()
        peer.misbehave(1, silent)
        await poller.poll_once()
        await poller.poll_once()
        peer.misbehave(1, None)
        peer.devices[1] = device(common(), older, awake)
        await poller.poll_once()
        poller.close()
    assert [sample["energy_generated_kwh"] for sample in samples] == [1234.567, 1234.567]


def test_every_signal_is_in_the_catalogue_and_every_state_has_a_meaning():
    for number, classes in MODELS.items():
        for device_class, points in classes.items():
            for point in points:
                assert point.signal in CATALOGUE[device_class].by_name, (number, point.signal)
    assert [INVERTER_STATES[code] for code in range(1, 9)] == [DER_STATES[code] for code in range(8)]
    for states in (INVERTER_STATES, DER_STATES, BATTERY_STATES):
        assert all(0 <= state < len(OPERATING_STATES) for state in states.values())


async def test_discovery_asks_the_bases_in_order_and_passes_refusals_on():
    asked = []

    async def read(address, _count):
        asked.append(address)
        raise PermanentError(2)

    with pytest.raises(sunspec.NotSunSpecError):
        await sunspec.discover(read, "pv_inverter")
    assert asked == [40_000, 0, 50_000]


def test_points_of_one_model_do_not_overlap():
    for classes in MODELS.values():
        for points in classes.values():
            taken: dict[int, str] = {}
            for point in points:
                for word in range(point.offset, point.offset + point.encoding.words):
                    assert taken.setdefault(word, point.name) == point.name
            assert all(point.exponent not in taken for point in points if point.exponent is not None)
            assert all(point.encoding is not Encoding.BCD16 for point in points)
