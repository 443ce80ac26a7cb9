"""The bench measures what it says: equal rows on both ways, medians of pairs, one complete table."""

import json
import socket
import threading

import pytest

from parkgrid_bench import month_bill, plant, scale, vpp_capability, vpp_statement, writing
from parkgrid_bench.__main__ import main, table
from parkgrid_bench.figures import BARS, Bar, Figure, Leg, finish, run_pairs
from parkgrid_bench.stack import running_stack
from parkgrid_bench.wire import Publisher, pace
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.telemetry import decode_batch
from parkgrid_servers.broker import start

NAMES = [
    *("ingest_1000", "ingest_200", "ingest_20", "latency_p50", "latency_p99", "outbox"),
    *("history_api", "rollup", "close_day", "edge_rss_mb", "modbus_requests", "drain", "drain_live_p99"),
    *("month_bill", "vpp_statement_1000", "vpp_capability_1000"),
    *("page_pixel_p95", "page_cores_100", "page_year_ms"),
]
SPAN = plant.MeteredSpan(Gateway("p", "g"), 5, 11, 1_795_000_000_000, 500, 120)


def test_the_bars_are_the_promised_ones():
    assert list(BARS) == NAMES
    assert [str(BARS[name]) for name in ("ingest_1000", "rollup", "edge_rss_mb")] == [">= 0.25", ">= 10", "<= 45"]
    assert Bar(0.5, "higher", "").met(0.5)
    assert not Bar(0.5, "higher", "").met(0.49)
    assert Bar(2, "lower", "").met(2)
    assert not Bar(2, "lower", "").met(2.1)


def test_pairs_alternate_after_a_warm_up_and_the_median_counts():
    order = []
    rates = iter([9.0, 1.0, 3.0, 2.0])

    def baseline():
        order.append("A")
        return Leg(2.0, correct=True)

    def ours():
        order.append("B")
        return Leg(next(rates), correct=True)

    figure = Figure("outbox")
    legs = list(run_pairs(figure, baseline, ours, 3, lambda _: None))
    assert order == ["A", "B"] * 4
    assert figure.as_json() == {"ratio": 1.0, "min": 0.5, "max": 1.5, "pairs": 3, "correct": True}
    assert finish(figure, "x/s", legs).detail == "2 against 2 x/s"
    assert figure.met


def test_one_wrong_answer_makes_a_figure_wrong_even_in_the_warm_up():
    answers = iter([False, True])
    figure = Figure("outbox")
    list(run_pairs(figure, lambda: Leg(1, correct=True), lambda: Leg(9, correct=next(answers)), 1, lambda _: None))
    assert not figure.correct
    assert not figure.met


def test_payloads_hold_every_row_once_within_the_catalogue():
    batches = [decode_batch(payload) for payload in plant.payloads(SPAN, 50)]
    assert [found.refusals for found in batches] == [()] * 3
    assert [(found.batch.epoch, found.batch.seq, len(found.batch.samples)) for found in batches] == [
        (5, 11, 50),
        (5, 12, 50),
        (5, 13, 20),
    ]
    samples = [sample for found in batches for sample in found.batch.samples]
    assert len({(sample.device, sample.at_ms) for sample in samples}) == SPAN.rows
    assert max(sample.at_ms for sample in samples) < SPAN.end_ms == SPAN.start_ms + 3 * 500
    signals = CATALOGUE["meter"].by_name
    assert all(len(sample.values) == 20 for sample in samples)
    steps = [signals[name].steps(value) for sample in samples for name, value in sample.values.items()]
    assert sum(steps) == plant.step_sum(SPAN.rows)
    assert all(signals[name].low <= value <= signals[name].high for s in samples for name, value in s.values.items())


def test_samples_are_the_payloads_rows():
    [first, *_] = plant.payloads(SPAN, 50)
    assert plant.samples(SPAN, 0, 50) == decode_batch(first).batch.samples


def test_copy_buffers_are_what_postgresql_reads(dsn):
    import psycopg

    names = ["park_id", "device_id", "at", "flags", *(signal.name for signal in plant.SIGNALS)]
    columns = [("park_id", 4), ("device_id", 4), ("at", 8), ("flags", 0), *((name, 8) for name in names[4:])]
    with psycopg.connect(dsn) as connection:
        kinds = ["int4", "int4", "timestamptz", "jsonb", *["int8"] * 20]
        connection.execute(f"CREATE TEMPORARY TABLE t ({', '.join(map(' '.join, zip(names, kinds, strict=True)))})")
        for buffer in plant.copy_buffers(SPAN, columns, {"park_id": 3, "device_id": 7}, 70):
            with connection.cursor().copy("COPY t FROM STDIN (FORMAT binary)") as copy:
                copy.write(buffer)
        total = " + ".join(names[4:])
        found = connection.execute(
            f"SELECT count(*), sum({total})::int8, array_agg(DISTINCT park_id), min(device_id), max(device_id),"
            " count(flags), (extract(epoch FROM max(at)) * 1000)::int8 FROM t"
        ).fetchone()
    assert found == (120, plant.step_sum(120), [3], 7, 56, 0, SPAN.end_ms - 500)


@pytest.mark.process
def test_the_publisher_delivers_everything_once_to_a_real_broker(tmp_path):
    running = start(tmp_path / "broker")
    try:
        listener = Publisher(running.host, running.port, "listener")
        got = []
        listener.subscribe("bench/#", lambda topic, payload: got.append((topic, payload)))
        listener.read(5)
        publisher = Publisher(running.host, running.port, "publisher", window=7)
        sent = [b"%d:" % number + bytes(number * 40) for number in range(300)]
        publisher.publish_all("bench/t", sent)
        while len(got) < len(sent):
            listener.read(5)
        publisher.close()
        listener.close()
    finally:
        running.stop()
    assert got == [(b"bench/t", payload) for payload in sent]


@pytest.mark.process
def test_the_publisher_tells_when_the_broker_refuses_it():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x20\x02\x00\x05")

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ConnectionError, match="refused nobody"):
            Publisher("127.0.0.1", server.getsockname()[1], "nobody")
        thread.join()


def test_pace_is_steady_whatever_the_work_takes():
    instants = pace(4.0, lambda: 100.0)
    assert [next(iter(instants)) for _ in range(3)] == [100.0, 100.25, 100.5]


def test_both_ways_store_the_same_rows(server_dir, monkeypatch):
    monkeypatch.setattr(writing, "VALUES", {1_000: 200_000})
    lines = []
    with running_stack(server_dir) as stack:
        figure, rate = writing.measure(stack, 1_000, 1, lines.append)
        raw = stack.query("SELECT count(*) FROM bench_raw.meter")
        ours = stack.query("SELECT count(*) FROM base.meter")
        different = stack.query(
            "SELECT count(*) FROM base.meter o JOIN bench_raw.meter r USING (park_id, device_id, at)"
            " WHERE (o.active_power_kw, o.energy_import_kwh, o.fault_code)"
            " IS DISTINCT FROM (r.active_power_kw, r.energy_import_kwh, r.fault_code)"
        )
    assert figure.correct
    assert rate > 0
    assert raw == ours == [(20_000,)]
    assert different == [(0,)]
    assert len(lines) == 1
    assert table([figure]).row_count == 1


def test_bills_and_a_pool_hold_what_the_database_says(server_dir):
    with running_stack(server_dir) as stack:
        figure = month_bill.measure(stack, 1, lambda _: None, accounts=3)
        assert figure.correct
        assert len(figure.ratios) == 1
        assert stack.query("SELECT count(*) FROM public.interval_energy WHERE park = 'bench-bills'") == [(3 * 2976,)]
        # The same stack, because each costs seconds to start.
        pool = vpp_capability.measure(stack, 1, lambda _: None, resources=12)
        assert pool.correct
        assert len(pool.ratios) == 1


def test_a_statement_moves_what_the_database_says(server_dir):
    with running_stack(server_dir) as stack:
        figure = vpp_statement.measure(stack, 1, lambda _: None, resources=6)
    assert figure.correct
    assert len(figure.ratios) == 1


@pytest.mark.parametrize("arguments", [["--only", "ingest_1000,speed"], ["--pairs", "0"]])
def test_a_wrong_question_is_told_at_once(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_json_is_one_object(monkeypatch, capsys):
    figure = Figure("outbox", [0.7, 0.8, 0.9])
    monkeypatch.setattr("parkgrid_bench.__main__.run", lambda *_: [figure])
    assert main(["--json", "--only", "outbox"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "outbox": {"ratio": 0.8, "min": 0.7, "max": 0.9, "pairs": 3, "correct": True}
    }
    figure.correct = False
    assert main(["--only", "outbox"]) == 1


@pytest.mark.process
def test_a_database_that_does_not_answer_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert main(["--only", "outbox", "--dsn", f"postgresql://u:secret@127.0.0.1:{port}/d"]) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}/d does not answer" in said
    assert "secret" not in said


def test_growth_is_of_a_park_and_of_an_answer():
    """Ten times the parks: a commit that costs a park a fifth more, a list that takes ten times as long in all."""
    answers = {"live": 5.0, "day": 8.0, "devices": 4.0, "parks": 10.0, "district": 20.0, "gateways": 10.0}
    more = answers | {"parks": 100.0, "district": 400.0, "gateways": 50.0}
    sizes = [scale.Size(10, 1.0, 2.0, 4.0, answers), scale.Size(100, 1.2, 2.0, 2.0, more)]
    flat = {"live": 1.0, "day": 1.0, "devices": 1.0}
    assert scale.growth(sizes) == {
        "commit": 1.2, "rollup": 1.0, "metering": 0.5, **flat, "parks": 1.0, "district": 2.0, "gateways": 0.5
    }  # fmt: skip


@pytest.mark.parametrize("numbers", ["ten", "100,10", "0,5", "10,20000", "", "10,10"])
def test_numbers_of_parks_ascend_and_have_bounds(numbers, capsys):
    with pytest.raises(SystemExit):
        main(["scale", "--parks", numbers])
    assert "--parks" in capsys.readouterr().err


@pytest.mark.process
def test_scale_measures_two_sizes_on_a_server_of_its_own(capsys, monkeypatch):
    monkeypatch.setattr(scale, "_ASKED", 1)
    monkeypatch.setattr(scale, "_KEPT_S", 0.0)
    assert main(["scale", "--parks", "1,3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(size["parks"], size["rows"]) for size in told["sizes"]] == [(1, 61 * 20), (3, 3 * 61 * 20)]
    assert set(told["sizes"][0]["answers_ms"]) == {"live", "day", "devices", "parks", "district", "gateways"}
    assert set(told["growth"]) == {"commit", "rollup", "metering", *told["sizes"][0]["answers_ms"]}
