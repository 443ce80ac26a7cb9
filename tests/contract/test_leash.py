"""A child on a leash ends with its starter, also with one that was gone before the child could ask for it."""

import os
import signal
import subprocess
import sys

import pytest

from parkgrid_contract.leash import leash

pytestmark = pytest.mark.process


def test_a_child_whose_starter_is_gone_already_does_not_begin() -> None:
    nobody = 2**22 + 1
    begun = [sys.executable, "-c", "print('begun')"]
    late = subprocess.run(begun, preexec_fn=leash(signal.SIGTERM, nobody), capture_output=True, check=False)
    assert (late.returncode, late.stdout) == (1, b"")
    in_time = subprocess.run(begun, preexec_fn=leash(signal.SIGTERM, os.getpid()), capture_output=True, check=False)
    assert (in_time.returncode, in_time.stdout) == (0, b"begun\n")
