"""What a call takes by default."""

from datetime import timedelta
from decimal import Decimal

import pytest

from parkgrid_domain.vpp.documents import Event
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.calling import Call, call
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
