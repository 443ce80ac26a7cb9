"""A named crash point kills its own process at the stated pass, and costs nothing otherwise."""

import signal
import subprocess
import sys

import pytest

from parkgrid_contract.crash import armed, crash_point

PROGRAM = """
from parkgrid_contract.crash import crash_point
for number in range(3):
    crash_point("edge.before_commit")
    crash_point("ingest.after_copy")
    print(number, flush=True)
"""


def run(at: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PARKGRID_CRASH_AT": at, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout


@pytest.mark.process
@pytest.mark.edge
@pytest.mark.parametrize(
    ("at", "printed"),
    [("edge.before_commit", ""), ("edge.before_commit:2", "0\n"), ("ingest.after_copy:3", "0\n1\n")],
)
def test_dies_by_sigkill_at_the_stated_pass(at, printed):
    assert run(at) == (-signal.SIGKILL, printed)


@pytest.mark.process
@pytest.mark.edge
@pytest.mark.parametrize("at", ["", "edge.before_commi", "edge.before_commit:4"])
def test_lives_when_another_point_or_a_later_pass_is_armed(at):
    assert run(at) == (0, "0\n1\n2\n")


@pytest.mark.edge
def test_a_wrong_count_is_told_and_not_ignored():
    with pytest.raises(ValueError, match="name or name:n"):
        armed({"PARKGRID_CRASH_AT": "edge.before_commit:soon"})
    assert armed({}) == ("", 1)
    crash_point("edge.before_commit")
