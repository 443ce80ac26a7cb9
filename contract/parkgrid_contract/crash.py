"""Named points at which a process can be told to kill itself, so that a test can cut it between any two steps.

`PARKGRID_CRASH_AT="name"` or `"name:n"`, set before the start, kills the process with SIGKILL at the first or n-th pass
of the point `name`: no handler runs, nothing is flushed, exactly as when the power goes. Without it a point costs one
comparison.
"""

import os
import signal
from collections.abc import Mapping

ENVIRONMENT = "PARKGRID_CRASH_AT"


def armed(environment: Mapping[str, str]) -> tuple[str, int]:
    """The point to die at and the pass that kills; an empty name when no point is armed."""
    name, _, passes = environment.get(ENVIRONMENT, "").partition(":")
    if passes and not passes.isdecimal():
        raise ValueError(f"{ENVIRONMENT}={environment[ENVIRONMENT]!r}: give name or name:n, n a whole number from 1")
    return name, int(passes or 1)


_NAME, _LEFT = armed(os.environ)


def crash_point(name: str) -> None:
    """Die here by SIGKILL if this point was armed and its count has been reached; otherwise do nothing."""
    if name == _NAME:
        _pass_armed()


def _pass_armed() -> None:
    global _LEFT  # noqa: PLW0603 - the count belongs to the process, like the environment that set it
    _LEFT -= 1
    if _LEFT <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
