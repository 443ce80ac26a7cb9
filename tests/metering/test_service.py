"""Metering as a process: wakes by news, sleeps otherwise, loses and doubles nothing by kill -9."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from prometheus_client import generate_latest

from parkgrid.metering import main
from parkgrid_metering.errors import FollowError
from parkgrid_metering.service import Service
from parkgrid_metering.settings import DatabaseSettings, MeteringSettings
from tests.ingest.conftest import wait_until
from tests.ingest.readings import drain
from tests.metering.park import MINUTE_MS, meter, ms

ROOT = Path(__file__).parents[2]


def settings(tmp_path, dsn):
    path = tmp_path / "metering.toml"
    path.write_text(f"round_every_s = 0.05\nlook_every_s = 0.5\n[database]\ndsn = {dsn!r}\n", "utf-8")
    return path


@contextmanager
def metering(tmp_path, dsn, crash_at=""):
    environment = os.environ | {"PARKGRID_CRASH_AT": crash_at}
    command = [sys.executable, "-m", "parkgrid.metering", "--config", str(settings(tmp_path, dsn))]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def cpu_s(pid):
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_s_of_a_while(pid):
    """The processor time that it uses in two seconds."""
    before = cpu_s(pid)
    time.sleep(2)
    return cpu_s(pid) - before


def hour(park, device, first):
    number = park.devices[device]
    return [
        (number, at, {"energy_import_kwh": (at - ms("05 00:00")) // MINUTE_MS * 100})
        for at in range(ms(first), ms(first) + 61 * MINUTE_MS, 5 * MINUTE_MS)
    ]


def rows(park):
    return park.ask("SELECT count(*) FROM interval_energy")[0][0]


def test_it_wakes_for_news_sleeps_otherwise_and_ends_when_told(park, dsn, tmp_path):
    park.born(meter())
    with metering(tmp_path, dsn) as process, psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN parkgrid_energy")
        park.store_readings(hour(park, "m-1", "05 00:00"))
        drain(park.store)
        wait_until(lambda: rows(park) == 4, "four intervals")
        assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == ['{"park":"gaoxin-nan"}']
        # Rows are seen before it has looked at closed months, and on a busy machine that takes its time.
        wait_until(lambda: cpu_s_of_a_while(process.pid) < 0.2, "it sleeps: less than a tenth of one processor")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    # Usually in one round; maintenance passes news on in as many parts as it takes.
    assert sum(map(int, re.findall(r"event='round_done' inserted=(\d+)", (tmp_path / "log").read_text()))) == 4


def test_killed_before_its_commit_it_loses_and_doubles_nothing(park, dsn, tmp_path):
    park.born(meter())
    park.store_readings(hour(park, "m-1", "05 00:00"))
    drain(park.store)
    with metering(tmp_path, dsn, "metering.before_commit") as process:
        assert process.wait(120) == -signal.SIGKILL
    assert rows(park) == 0
    assert park.ask("SELECT count(*) > 0 FROM base.energy_dirty") == [(True,)]
    with metering(tmp_path, dsn):
        wait_until(lambda: rows(park) == 4, "four intervals")
    assert set(park.energies().values()) == {(1.5, "good")}
    assert park.ask("SELECT count(*) FROM interval_energy_revisions") == [(0,)]
    assert park.metered().inserted == 0


def test_killed_again_and_again_while_data_come(park, dsn, tmp_path):
    park.born(meter())
    for number in range(4):
        with metering(tmp_path, dsn) as process:
            park.store_readings(hour(park, "m-1", f"05 0{number}:00"))
            drain(park.store)
            time.sleep(0.4 * number)
            process.kill()
    park.metered()
    assert len(park.energies()) == 16
    assert set(park.energies().values()) == {(1.5, "good")}


def test_wrong_settings_are_refused_with_all_problems(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PARKGRID_METERING_DATABASE_DSN", raising=False)
    path = tmp_path / "wrong.toml"
    path.write_text("round_every_s = -1\n[database]\nlock_timeout_s = 0\n", "utf-8")
    assert main(["--config", str(path)]) == 2
    errors = capsys.readouterr().err
    assert all(part in errors for part in ("round_every_s", "database.dsn", "lock_timeout_s"))


def test_right_settings_are_said_to_be_right(tmp_path, capsys):
    assert main(["--config", str(settings(tmp_path, "postgresql://nobody@127.0.0.1/none")), "--check"]) == 0
    assert "valid" in capsys.readouterr().out


def test_a_database_without_schema_is_said_in_words(tmp_path, empty_dsn):
    with metering(tmp_path, empty_dsn) as process:
        assert process.wait(120) == 1
    assert "parkgrid db migrate" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("key", ["round_every_s", "look_every_s", "database.dsn"])
def test_every_setting_has_a_word_of_help(key):
    from dataclasses import fields

    named = {f.name: f for f in fields(MeteringSettings)} | {f"database.{f.name}": f for f in fields(DatabaseSettings)}
    assert named[key].metadata["help"]


def test_what_follows_may_fail_and_rounds_go_on(park, dsn):
    def follow(*_):
        raise FollowError("0319-77 has no plan")

    service = Service(MeteringSettings(DatabaseSettings(dsn), round_every_s=0.05, look_every_s=0.5), follow)
    running = threading.Thread(target=service.run)
    running.start()
    try:
        park.born(meter())
        for number in range(2):
            park.store_readings(hour(park, "m-1", f"05 0{number}:00"))
            drain(park.store)
            wait_until(lambda wanted=4 * number + 4: rows(park) == wanted, "four more intervals")
    finally:
        service.stop.set()
        running.join()
    assert b'parkgrid_metering_failures_total{kind="FollowError"}' in generate_latest(service.metrics.registry)


def test_alone_it_says_what_it_waits_for(tmp_path, dsn, park):
    park.born(meter())
    park.store_readings(hour(park, "m-1", "05 00:00"))
    with metering(tmp_path, dsn):
        # Readings are stored, and nobody is there who rolls them up and passes them on.
        wait_until(lambda: "waits_for_rollups" in (tmp_path / "log").read_text("utf-8"), "a word about it")
    assert "parkgrid ingest run" in (tmp_path / "log").read_text("utf-8")
