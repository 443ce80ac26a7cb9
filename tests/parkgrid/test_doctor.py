"""The doctor says what is in the way and what to do about it."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from parkgrid import doctor
from parkgrid.data_folder import occupied
from parkgrid.doctor import State, Surroundings
from parkgrid.running_instance import Running, note


def test_an_old_python_is_a_problem_with_a_remedy():
    finding = doctor.python_version((3, 9, 2))
    assert finding.state is State.PROBLEM
    assert "3.11" in finding.remedy


def test_missing_packages_are_named():
    finding = doctor.packages(("structlog", "no-such-distribution"))
    assert finding.state is State.PROBLEM
    assert finding.found == "missing: no-such-distribution"
    assert "pip install" in finding.remedy


@pytest.mark.parametrize(
    ("now_s", "kernel_state", "state"),
    [(0.0, 0, State.PROBLEM), (1_795_000_000.0, 5, State.NOTE), (1_795_000_000.0, 0, State.OK)],
)
def test_the_clock(now_s, kernel_state, state):
    assert doctor.clock(now_s, kernel_state).state is state


@pytest.mark.process
def test_a_taken_port_is_named_with_a_way_out():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        finding = doctor.port(number)
    assert finding.state is State.PROBLEM
    assert str(number) in finding.found
    assert "--port" in finding.remedy
    assert doctor.port(number).state is State.OK


@pytest.mark.process
def test_a_port_that_a_running_up_may_have_is_no_problem(tmp_path):
    with socket.socket() as taken, occupied(tmp_path):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert doctor.port(number, tmp_path).state is State.PROBLEM
        note(tmp_path, Running("dbname=parkgrid", "mqtt://127.0.0.1"))
        assert doctor.port(number, tmp_path).state is State.NOTE


def test_a_folder_that_does_not_exist_yet_is_judged_by_its_parent(tmp_path):
    finding = doctor.disk(tmp_path / "not" / "yet")
    assert "durable write" in finding.found
    assert not (tmp_path / "not").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_needs_room_for_the_demonstration_and_a_used_one_for_what_comes(server_dir, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000_000))
    finding = doctor.disk(server_dir)
    assert finding.state is State.PROBLEM
    assert "2.0 GB free" in finding.found
    assert "free 2.5 GB" in finding.remedy
    assert "--no-history" in finding.remedy
    # Where `up` keeps it.
    cluster = server_dir / "database" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n", "ascii")
    assert doctor.disk(server_dir).state is State.NOTE
    (finding,) = doctor.database(server_dir, None)
    assert finding.state is State.PROBLEM
    assert "PostgreSQL 9" in finding.found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")
def test_root_is_told_that_a_closed_folder_will_not_do(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (finding,) = doctor.database(closed / "data", None)
    assert finding.state is State.PROBLEM
    assert "unprivileged" in finding.found
    assert "/var/lib/parkgrid" in finding.remedy


def test_a_given_database_is_looked_into(empty_dsn, tmp_path):
    findings = list(doctor.database(tmp_path, empty_dsn))
    assert [finding.state for finding in findings] == [State.OK]
    assert findings[0].found.startswith("PostgreSQL 1")


def test_a_silent_database_and_broker_are_problems_without_their_password(tmp_path, free_port):
    port = free_port()
    (finding,) = doctor.database(tmp_path, f"postgresql://me:topsecret@127.0.0.1:{port}/x")
    assert finding.state is State.PROBLEM
    assert "topsecret" not in finding.found + finding.remedy
    assert doctor.broker(f"mqtt://127.0.0.1:{port}").state is State.PROBLEM


def test_a_given_broker_answers(broker):
    assert doctor.broker(broker.url).state is State.OK


def test_the_whole_examination_covers_every_subject(server_dir: Path, free_port):
    findings = list(doctor.examine(Surroundings(server_dir, free_port())))
    subjects = [finding.subject for finding in findings]
    assert subjects == ["Python", "packages", "page", "clock", "disk", "port", "database", "broker"]
    assert all(finding.remedy for finding in findings if finding.state is State.PROBLEM)
