"""`python -m parkgrid.metering --config metering.toml`: metering, and behind it the bills of closed months.

    round of metering ─▶ intervals changed ─▶ closed months with changed intervals get a new revision

Metering knows nothing of bills: here it is told what to do when intervals have changed.
"""

import sys
from collections.abc import Sequence

from parkgrid_accounting.bills.following import follow_closings
from parkgrid_metering.process import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run metering until SIGTERM or SIGINT; the exit status."""
    return run(follow_closings, arguments)


if __name__ == "__main__":
    sys.exit(main())
