"""The bad-input matrix over the wire: everything ends stored, flagged, quarantined or refused; neighbours survive."""

from typing import Any

import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import Ack
from parkgrid_contract.topics import Channel, topic
from parkgrid_servers.broker import RunningBroker
from tests.ingest.chain import (
    AT,
    EPOCH,
    GATEWAY,
    Until,
    batch,
    birth,
    covered,
    introduce,
    last_ack,
    query,
    reasons,
    sample,
    serving,
    settings_for,
    stored,
    telemetry,
)

NEIGHBOUR = f'{{"device":"m-2","at":{AT},"values":{{"active_power_kw":7}}}}'


def with_neighbour(bad: str, seq: int = 1) -> bytes:
    envelope = f'{{"epoch":{EPOCH},"seq":{seq},"floor":1,"backlog":false,"samples":['
    return f"{envelope}{bad},{NEIGHBOUR}]}}".encode()


def bad_sample(device: str = '"m-1"', at: str = str(AT), values: str = '{"active_power_kw":1}', more: str = "") -> str:
    return f'{{"device":{device},"at":{at},"values":{values}{more}}}'


BAD_SAMPLES = {
    "number-nan-text": (bad_sample(values='{"active_power_kw":"NaN"}'), "not_a_number"),
    "number-comma": (bad_sample(values='{"active_power_kw":"12,5"}'), "not_a_number"),
    "number-hex": (bad_sample(values='{"active_power_kw":"0x10"}'), "not_a_number"),
    "number-bool": (bad_sample(values='{"active_power_kw":true}'), "not_a_number"),
    "number-null": (bad_sample(values='{"active_power_kw":null}'), "not_a_number"),
    "number-overflow": (bad_sample(values='{"active_power_kw":1e999}'), "not_a_number"),
    "number-list": (bad_sample(values='{"active_power_kw":[1]}'), "not_a_number"),
    "number-1e308": (bad_sample(values='{"active_power_kw":1e308}'), "not_representable"),
    "number-2-53": (bad_sample(values='{"energy_import_kwh":9007199254740993}'), "not_representable"),
    "number-20-digits": (bad_sample(values='{"energy_import_kwh":99999999999999999999}'), "not_representable"),
    "time-absent": ('{"device":"m-1","values":{"active_power_kw":1}}', "time_missing"),
    "time-text": (bad_sample(at='"2026-01-01"'), "wrong_shape"),
    "time-leap-second": (bad_sample(at='"2016-12-31T23:59:60Z"'), "wrong_shape"),
    "time-seconds": (bad_sample(at=str(AT // 1000)), "time_too_old"),
    "time-nanoseconds": (bad_sample(at=str(AT * 1_000_000)), "time_in_future"),
    "time-1970": (bad_sample(at="0"), "time_too_old"),
    "time-1999": (bad_sample(at="946684799999"), "time_too_old"),
    "time-2106": (bad_sample(at="4294967296000"), "time_in_future"),
    "time-year-292e9": (bad_sample(at="9223372036854775807000"), "time_in_future"),
    "unknown-device": (bad_sample(device='"m-9"'), "unknown_device"),
    "unknown-signal": (bad_sample(values='{"mood":1}'), "unknown_signal"),
    "unknown-signal-nul": (bad_sample(values='{"mo\\u0000od":1}'), "unknown_signal"),
    "unknown-signal-html": (bad_sample(values='{"<script>alert(1)</script>":1}'), "unknown_signal"),
    "unknown-signal-sql": (bad_sample(values='{"x\'; DROP TABLE base.meter; --":1}'), "unknown_signal"),
    "unknown-signal-surrogate": (bad_sample(values='{"\\ud800":1}'), "unknown_signal"),
    "unknown-quality": (bad_sample(more=',"flags":{"active_power_kw":"superb"}'), "unknown_quality"),
    "identity-path": (bad_sample(device='"../m-1"'), "wrong_identity"),
    "identity-nul": (bad_sample(device='"m-1\\u0000"'), "wrong_identity"),
    "identity-number": (bad_sample(device="7"), "wrong_identity"),
    "identity-long": (bad_sample(device='"' + "m" * 64 + '"'), "wrong_identity"),
    "shape-number": ("7", "wrong_shape"),
    "shape-no-values": (f'{{"device":"m-1","at":{AT}}}', "wrong_shape"),
    "shape-empty": (bad_sample(values="{}"), "empty"),
}


def test_every_bad_sample_is_quarantined_with_its_reason_and_its_neighbour_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    """The matrix in one run: each case in a batch of its own, beside a valid neighbour at its own instant."""
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        payloads = [
            with_neighbour(bad, seq).replace(
                NEIGHBOUR.encode(), NEIGHBOUR.replace(str(AT), str(AT + seq * 1_000)).encode()
            )
            for seq, (bad, _) in enumerate(BAD_SAMPLES.values(), 1)
        ]
        peer.send(telemetry(), payloads)
        until(lambda: covered(peer, range(1, len(payloads) + 1)), "every batch")
    assert stored(dsn) == {("m-2", seq): (7.0, None) for seq in range(1, len(payloads) + 1)}
    found = dict(query(dsn, "SELECT seq, reason FROM public.quarantine"))
    assert {name: found.get(seq) for seq, name in enumerate(BAD_SAMPLES, 1)} == {
        name: reason for name, (_, reason) in BAD_SAMPLES.items()
    }
    assert len(query(dsn, "SELECT * FROM public.devices")) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-0.0", 0.0), ("5e-324", 0.0), ("600000", 600_000.0), ("1.5", 1.5), ("-2000000", -2_000_000.0)],
)
def test_strange_but_storable_numbers_are_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until, value: str, expected: float
) -> None:
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [with_neighbour(bad_sample(values=f'{{"active_power_kw":{value}}}'))])
        until(lambda: covered(peer, [1]), "the acknowledgement")
    beyond = abs(expected) > 500_000
    assert stored(dsn) == {("m-1", 0): (None if beyond else expected, None), ("m-2", 0): (7.0, None)}
    flagged = query(dsn, "SELECT flags, untrusted FROM public.meter WHERE flags IS NOT NULL")
    assert flagged == ([({"active_power_kw": "out_of_range"}, {"active_power_kw": expected})] if beyond else [])


BAD_PAYLOADS = {
    "empty": (b"", "empty"),
    "random": (bytes(range(256)), "not_text"),
    "text": (b"hello", "not_json"),
    "list": (b"[]", "wrong_shape"),
    "utf-16": ("{}".encode("utf-16"), "not_text"),
    "deep": (b"[" * 10_000, "too_deep"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(100), "not_text"),
    "large": (b" " * 300_000, "too_large"),
    "no-seq": (b'{"epoch":1}', "wrong_shape"),
}


def test_unreadable_payloads_are_refused_and_the_next_batch_is_stored(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        peer.send(telemetry(), [payload for payload, _ in BAD_PAYLOADS.values()])
        peer.send("parkgrid/v1/Park/../telemetry".replace("..", "%2e%2e"), [b"{}"])
        peer.publish(topic(GATEWAY, Channel.STATUS), b"{")
        peer.publish(topic(Gateway("park", "gw-2"), Channel.BIRTH), b'{"epoch":"x"}', retain=True)
        peer.send(telemetry(), [batch(1, sample(0))])
        until(lambda: covered(peer, [1]), "the neighbour")
        until(lambda: service.metrics.value("refused_total", reason="wrong_topic") == 1, "the counts")
    found = {row[0] for row in query(dsn, "SELECT reason FROM public.quarantine")}
    assert {reason for _, reason in BAD_PAYLOADS.values()} | {"wrong_topic", "not_json"} <= found
    assert stored(dsn) == {("m-1", 0): (0.5, 100.0)}
    assert query(dsn, "SELECT gateway FROM public.gateways") == [("gw-1",)]


def test_a_batch_that_stays_unreadable_does_not_hold_its_gateway_for_ever(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    broken = batch(1, sample(0)).replace(b'"active_power_kw"', b'"energy_import_kwh"')
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        peer.send(telemetry(), [broken, batch(2, sample(1))])
        until(lambda: covered(peer, [2]), "the neighbour")
        assert last_ack(peer) == Ack(EPOCH, 0, ((2, 2),))
        peer.send(telemetry(), [broken, broken])
        until(lambda: covered(peer, [1, 2]), "the broken one to be passed")
    assert set(stored(dsn)) == {("m-1", 1)}
    assert reasons(dsn)["duplicate_key"] >= 1


def test_the_payload_cannot_speak_for_another_gateway(broker: RunningBroker, dsn: str, peer: Any, until: Until) -> None:
    other = Gateway("park", "gw-2")
    with serving(settings_for(broker, dsn), until):
        introduce(peer)
        introduce(peer, birth(devices=("m-7",)), other)
        forged = batch(1, sample(0)).replace(b'{"epoch"', b'{"park":"park","gateway":"gw-1","epoch"')
        peer.send(telemetry(other), [forged])
        peer.send(telemetry(), [batch(1, sample(3))])
        until(lambda: covered(peer, [1]), "the honest batch")
        until(lambda: last_ack(peer, other) is not None, "the forged batch")
    assert set(stored(dsn)) == {("m-1", 3)}
    assert query(dsn, "SELECT gateway, device, reason FROM public.quarantine") == [("gw-2", "m-1", "unknown_device")]


def test_a_flood_of_made_up_names_is_counted_and_bounded(
    broker: RunningBroker, dsn: str, peer: Any, until: Until
) -> None:
    with serving(settings_for(broker, dsn), until) as service:
        introduce(peer)
        flood = [
            batch(seq, Sample("m-1", AT + seq * 1_000, {f"n_{seq}_{n}": 1.0 for n in range(2_000)}))
            # Within its share of time: of more than that the rest waits until its gateway sends it again.
            for seq in range(1, 9)
        ]
        peer.send(telemetry(), flood)
        peer.send(telemetry(), [batch(9, sample(0))])
        until(lambda: covered(peer, range(1, 10)), "every batch")
        until(lambda: service.metrics.value("refused_total", reason="unknown_signal") == 16_000, "the count")
        suppressed = service.metrics.value("quarantine_suppressed_total")
    rows = query(dsn, "SELECT count(*) FROM public.quarantine")[0][0]
    assert 500 <= rows < 2_000
    assert suppressed == 16_000 - rows
    assert set(stored(dsn)) == {("m-1", 0)}
