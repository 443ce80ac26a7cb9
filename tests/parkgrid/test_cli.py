"""The front door: help that teaches, errors that say what to do, exit statuses that programs can trust."""

import re
import socket
import subprocess
import sys
import textwrap

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid.data_folder import PlaceError, page_port


def parkgrid(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    command = [sys.executable, "-m", "parkgrid.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "command",
    [
        "replay",
        "doctor",
        "tap",
        "simulate",
        "edge run",
        "ingest run",
        "api run",
        "db migrate",
        "db status",
        "db backup",
        "db restore",
        "db verify",
    ],
)
def test_every_command_explains_itself(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"])
    assert shown.exit_code == 0
    assert "usage" in shown.output.lower()
    if command in {"replay", "tap", "db backup", "db verify"}:
        assert re.search(rf"^ +parkgrid {command}", shown.output, re.MULTILINE), "an example"


@pytest.mark.process
def test_the_first_command_explains_itself_with_an_example():
    shown = parkgrid("up", "--help")
    assert shown.returncode == 0
    assert "usage" in shown.stdout.lower()
    assert "parkgrid up" in shown.stdout


@pytest.mark.process
def test_an_installed_package_says_where_benchmarks_are():
    script = "import sys; sys.modules['parkgrid_bench'] = None; from parkgrid.cli import app; app(['bench', '--json'])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "benchmarks are not in the wheels: run `uv run parkgrid bench` in a clone of the repository\n"


@pytest.mark.process
def test_help_loads_nothing_heavy():
    script = (
        "import sys, parkgrid.cli; print([m for m in ('psycopg', 'fastapi', 'numpy', 'pvlib') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.process
def test_wrong_edge_settings_are_all_said_at_once(tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text(
        textwrap.dedent("""
            park = "p"
            gateway = "gw-1"
            gatway = "twice"
            [outbox]
            path = "/nowhere/outbox.db"
            [[devices]]
            id = "pv-1"
            driver = "huawei_sun2000"
            period_s = -1
            signals = ["active_power_kw", "activ_power_kw"]
            connection = {host = "127.0.0.1"}
            [[devices]]
            id = "pv-1"
            driver = "huawei_sun2000"
            connection = {host = "127.0.0.1"}
        """),
    )
    shown = parkgrid("edge", "check", "--config", str(file))
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    for said in ("gatway", "did you mean 'gateway'", "period_s = -1", "must be between 0.01", "activ_power_kw", "pv-1"):
        assert said in shown.stderr
    assert all(line.startswith(str(file)) for line in shown.stderr.splitlines())


@pytest.mark.process
@pytest.mark.parametrize("role", ["edge", "ingest", "api"])
def test_a_missing_file_is_said_without_a_traceback(role, tmp_path):
    shown = parkgrid(role, "run", "--config", str(tmp_path / "none.toml"))
    assert shown.returncode == 2
    assert "none.toml" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("up", "--for", "1", "--dsn", "postgresql://me:topsecret@127.0.0.1:1/x"), "does not answer"),
        (("up", "--for", "1", "--speed", "5000"), "--speed"),
        (("replay", "/nonexistent"), "is not a directory"),
        (("replay", ".", "--from", "yesterday"), "2016-08-01T00:00-08:00"),
        (("tap", "--broker", "mqtt://127.0.0.1:1"), "--broker"),
        (("db", "migrate", "--dsn", "postgresql://me:topsecret@127.0.0.1:1/x"), "127.0.0.1"),
    ],
)
def test_what_a_user_can_mend_is_said_in_words(arguments, said):
    shown = parkgrid(*arguments)
    assert shown.returncode in {1, 2}
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr
    assert "topsecret" not in shown.stderr + shown.stdout


def test_the_schema_is_migrated_and_listed(empty_dsn):
    before = parkgrid("db", "status", "--dsn", empty_dsn)
    assert before.returncode == 1
    assert "pending" in before.stdout
    migrated = parkgrid("db", "migrate", "--dsn", empty_dsn)
    assert migrated.returncode == 0
    assert "applied  0001_" in migrated.stdout
    after = parkgrid("db", "status", "--dsn", empty_dsn)
    assert after.returncode == 0
    assert "pending" not in after.stdout
    assert parkgrid("db", "migrate", "--dsn", empty_dsn).stdout == "the schema is up to date\n"


def test_the_doctor_ends_with_one_for_a_problem(free_port, server_dir):
    silent = f"mqtt://127.0.0.1:{free_port()}"
    shown = parkgrid("doctor", "--data-dir", str(server_dir), "--port", str(free_port()), "--mqtt-url", silent)
    assert shown.returncode == 1
    assert "problem  broker" in shown.stdout
    assert "-> start it, or leave --mqtt-url out" in shown.stdout


def test_a_taken_port_is_refused_with_a_remedy_and_passed_over_by_default(free_port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PlaceError, match=f"port {port} is taken: choose another with --port"):
            page_port(port)
        assert page_port(None) != port
        assert page_port(0) != port
    assert page_port(port) == port
