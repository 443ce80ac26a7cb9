"""A gateway that means harm, within what its login allows: on its own topics, every bad message there is, on and on."""

import json
import random
from collections.abc import Iterator
from typing import Any

from parkgrid_contract.identity import Gateway
from parkgrid_contract.ranges import MAX_BIRTH_BYTES, MAX_EPOCH, MAX_SEQ
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.topics import Channel, topic
from tests.ingest.test_bad_input import BAD_PAYLOADS, BAD_SAMPLES

SIGNALS = [signal.name for signal in CATALOGUE["meter"].signals]
_DAY_MS = 86_400_000
Sent = tuple[str, bytes]


def messages(gateway: Gateway, epoch: int, now_ms: int, seed: int) -> Iterator[Sent]:
    """Topic and payload, without end; `epoch` is one that its last good birth announced."""
    rng = random.Random(seed)
    seqs = iter(range(1, MAX_SEQ, 2))
    yield topic(gateway, Channel.BIRTH), birth(epoch, now_ms)
    for round_ in range(1_000_000_000):
        for payload in _births(round_, epoch, now_ms):
            yield topic(gateway, Channel.BIRTH), payload
        # A good one again, so that its telemetry is looked at.
        yield topic(gateway, Channel.BIRTH), birth(epoch, now_ms)
        for payload in _statuses(rng):
            yield topic(gateway, Channel.STATUS), payload
        for payload in _telemetry(epoch, now_ms, seqs, rng):
            yield topic(gateway, Channel.TELEMETRY), payload


def birth(epoch: int, now_ms: int, *devices: dict[str, Any], **changes: Any) -> bytes:
    """A birth with one meter unless told otherwise."""
    listed = list(devices) or [device()]
    document = {"agent_version": "1", "epoch": epoch, "at": now_ms, "simulated": True, "devices": listed} | changes
    return json.dumps(document).encode()


def device(**changes: Any) -> dict[str, Any]:
    """A good device, changed."""
    return {"device": "m-1", "class": "meter", "signals": SIGNALS, "period_s": 1.0} | changes


def _births(round_: int, epoch: int, now_ms: int) -> Iterator[bytes]:
    point = {"station": "\ud800"}
    wrong = (
        {"period_s": 1e308}, {"period_s": 0}, {"period_s": -1}, {"period_s": 1e-300}, {"period_s": 10**400},
        {"name": "\ud800"}, {"name": "a\x00b"}, {"name": "x" * 5_000}, {"model": "\x1b[2J"}, {"point": point},
        {"ratings": {"rated_power_kw": 1e308}}, {"ratings": {"register_modulus_kwh": -1e300}},
        {"ratings": {f"r{n}": n for n in range(2_000)}}, {"signals": SIGNALS * 500}, {"signals": ["mood"]},
        {"class": "toaster"}, {"device": "../m"}, {"device": "m" * 64},
    )  # fmt: skip
    for changes in wrong:
        for _ in range(5):
            yield birth(7, now_ms, device(**changes))
    yield birth(2**53 - 1, now_ms)
    yield birth(MAX_EPOCH + 1, now_ms)
    yield birth(0, now_ms)
    yield birth(7, 10**18)
    yield birth(7, -1)
    yield birth(7, now_ms, *(device(device=f"m-{n}") for n in range(1_001)))
    # Within every range: only the quota, and its share of time, stand against these.
    yield birth(epoch, now_ms, *(device(device=f"r{round_}-{n}") for n in range(999)))
    yield b"[" * MAX_BIRTH_BYTES
    yield b'{"a":"' + b"x" * (MAX_BIRTH_BYTES + 1)
    yield birth(7, now_ms)[:-9]
    yield bytes(range(256))


def _statuses(rng: random.Random) -> Iterator[bytes]:
    yield from (b"{", b"[]", b'{"online":1,"epoch":1,"at":1}', b'{"online":true,"epoch":1e300,"at":1}', b"x" * 5_000)
    for _ in range(50):
        told = {"online": rng.random() < 0.5, "epoch": rng.randint(1, MAX_EPOCH), "at": rng.randint(0, 10**12)}
        yield json.dumps(told).encode()


def _telemetry(epoch: int, now_ms: int, seqs: Iterator[int], rng: random.Random) -> Iterator[bytes]:
    yield from (payload for payload, _ in BAD_PAYLOADS.values())
    for bad, _ in BAD_SAMPLES.values():
        yield _frame(epoch, next(seqs), bad)
    yield _frame(epoch, MAX_SEQ, "", floor=MAX_SEQ)
    yield _frame(MAX_EPOCH, 1, "")
    yield _frame(2**53 - 1, 1, "")
    yield _frame(epoch, 2**53, "")
    # Odd numbers only: every batch tears a hole.
    for _ in range(100):
        yield _frame(epoch, next(seqs), _sample(now_ms - rng.randint(0, 10**6), {"active_power_kw": rng.random()}))
    # One instant, ever other values; as many days as stamps; as many sets of signals as samples; made-up names.
    yield _frame(epoch, next(seqs), *(_sample(now_ms, {"active_power_kw": n}) for n in range(500)))
    yield _frame(epoch, next(seqs), *(_sample(now_ms - n * _DAY_MS, {"active_power_kw": 1}) for n in range(300)))
    shapes = (dict.fromkeys(rng.sample(SIGNALS, rng.randint(1, 12)), 1) for _ in range(500))
    yield _frame(epoch, next(seqs), *(_sample(now_ms - n, shape) for n, shape in enumerate(shapes)))
    names = {f"n_{rng.random()}": 1 for _ in range(2_000)}
    yield _frame(epoch, next(seqs), _sample(now_ms, names))
    yield _frame(epoch, next(seqs), *(f'{{"device":"d{n}","at":{now_ms},"values":{{"x":1}}}}' for n in range(500)))


def _sample(at_ms: int, values: dict[str, float]) -> str:
    return json.dumps({"device": "m-1", "at": at_ms, "values": values})


def _frame(epoch: int, seq: int, *samples: str, floor: int = 1) -> bytes:
    listed = ",".join(sample for sample in samples if sample)
    return f'{{"epoch":{epoch},"seq":{seq},"floor":{floor},"backlog":false,"samples":[{listed}]}}'.encode()
