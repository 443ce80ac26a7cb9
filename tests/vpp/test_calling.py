"""What a call takes by default."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from parkgrid_domain.vpp.documents import Event
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.calling import Call, call
from parkgrid_vpp.errors import PilotError
from tests.vpp.small_pilot import PACK, START, registry, rules, written

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("before", "bids_end", "opt_out_ends"),
    [(HOUR, HOUR / 2, HOUR / 4), (48 * HOUR, 24 * HOUR, 12 * HOUR), (168 * HOUR, 24 * HOUR, 12 * HOUR)],
)
def test_bids_end_soon_enough_before_an_event_for_its_baselines(
    before: timedelta, bids_end: timedelta, opt_out_ends: timedelta
) -> None:
    """A week ahead half of the time is 3.5 days: as many like days were not read then, and no load had a baseline."""
    pilot = Pilot()
    written(pilot, [*rules(), *registry()])
    wanted = Call("ev-1", "shave", Decimal(600), START, START + HOUR, (), PACK)
    event = call(pilot, wanted, START - before)[-1].document
    assert isinstance(event, Event)
    assert (START - event.bids_until, START - event.opt_out_until) == (bids_end, opt_out_ends)


def test_opting_out_does_not_end_before_bids_do() -> None:
    pilot = Pilot()
    written(pilot, [*rules(), *registry()])
    wanted = Call("ev-1", "shave", Decimal(600), START, START + HOUR, (), PACK, bids_until=START - 2 * HOUR)
    event = call(pilot, wanted, START - 168 * HOUR)[-1].document
    assert isinstance(event, Event)
    assert event.opt_out_until == START - 2 * HOUR


@pytest.mark.parametrize(
    ("until", "baselines"),
    [
        # Wednesday 24 June, 14:00 to 15:00. Friday 19 is a holiday, so the workdays before are 23, 22, 18, 17.
        (datetime(2026, 6, 18, 7, tzinfo=UTC), True),
        (datetime(2026, 6, 18, 6, 59, tzinfo=UTC), False),
    ],
)
def test_bids_that_end_too_early_for_a_baseline_are_refused(until: datetime, baselines: bool) -> None:
    """Two workdays may be passed over unread; a third one that is not over when bids end leaves no load a baseline."""
    pilot = Pilot()
    written(pilot, [*rules(), *registry()])
    wanted = Call("ev-1", "shave", Decimal(600), START, START + HOUR, (), PACK, bids_until=until)
    published = START - 168 * HOUR
    if baselines:
        assert call(pilot, wanted, published)[-1].subject == "ev-1"
    else:
        with pytest.raises(
            PilotError, match=r"3 days that workday-5 compares with .* --bids-until 2026-06-18T15:00 or"
        ):
            call(pilot, wanted, published)
    # An event that is awarded from above takes no bids, and a storage alone needs no baseline.
    assert call(pilot, replace(wanted, setup="upstream"), published)
    storage_only = Pilot()
    written(storage_only, [*rules(), *(each for each in registry() if each[0] not in ("load-1", "con-1"))])
    assert call(storage_only, wanted, published)
