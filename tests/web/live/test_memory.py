"""Live data through one open page, by night an hour of it: what it remembers of it must not grow."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.feed import Feed, devices, now_ms
from tests.web.conftest import Visit
from tests.web.live.hurried import hurried

pytestmark = pytest.mark.browser
WARM_UP = 600
"""Events, one a second."""
HALF, NIGHTLY_HALF = 500, 1_500
POWERS = {
    "grid-1": {"active_power_kw": 120.0},
    "pv-1": {"active_power_kw": 40.0},
    "pv-2": {"active_power_kw": 30.0},
    "bess-1": {"active_power_kw": -20.0, "soc_pct": 60.0},
    "load-1": {"active_power_kw": 140.0},
    "gun-1": {"active_power_kw": 30.0},
}
COLLECTIONS = 3
"""What is held is what remains of several collections: one beside a running event may leave something."""
GROWTH_MB = 0.25
"""Noise of two collected heaps; 500 remembered events of 1.5 kB would be three times as much."""


def test_live_data_leaves_no_trace(
    feed: Feed, serve: Callable[..., Any], visit: Callable[..., Visit], nightly: bool
) -> None:
    half = NIGHTLY_HALF if nightly else HALF
    feed.announce(devices(period_s=60))
    feed.write(POWERS, now_ms())
    with hurried(serve().url) as hurry:
        seen = visit(hurry).open(lang="en", view="park")
        seen.page.wait_for_selector(".pulse.live")
        session = seen.page.context.new_cdp_session(seen.page)

        def held_after(events: int) -> tuple[float, int]:
            """Once the page shows what the last event says: its numbers moved on (120 kW and its number % 97)."""
            # A busy machine draws later than events are sent.
            seen.until_number("grid", f"{120 + events % 97} kW", 120_000)
            seen.until("document.querySelector('main .skeleton') === null")
            heaps = []
            for _ in range(COLLECTIONS):
                session.send("HeapProfiler.collectGarbage")
                heaps.append(session.send("Runtime.getHeapUsage")["usedSize"] / 1e6)
                seen.page.wait_for_timeout(300)
            return min(heaps), session.send("Memory.getDOMCounters")["nodes"]

        hurry.pass_events(WARM_UP)
        early = held_after(WARM_UP)
        hurry.pass_events(half)
        middle = held_after(WARM_UP + half)
        hurry.pass_events(half)
        late = held_after(WARM_UP + 2 * half)
    told = ", ".join(f"{heap:.2f} MB, {nodes} nodes" for heap, nodes in (early, middle, late))
    sys.stdout.write(f"heap after ten minutes, half of the rest and all of it: {told}\n")
    # What is remembered of events grows in both halves; code compiled late and the like grow once.
    assert min(middle[0] - early[0], late[0] - middle[0]) < GROWTH_MB, (early, middle, late)
    assert min(middle[1] - early[1], late[1] - middle[1]) < 100, (early, middle, late)
    assert seen.complaints == []
