"""What may be written in the pilot and what may not, and what the ledger comes to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Award,
    Awards,
    Bid,
    Contract,
    Dispute,
    Location,
    OptOut,
    Part,
    Phase,
    Resource,
    State,
    Statement,
    kind_of,
)
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import Pilot, late_steps
from parkgrid_domain.vpp.refusals import refusal
from tests.vpp.settled_pilot import acts
from tests.vpp.small_pilot import (
    START,
    WRITTEN,
    awards,
    before_the_event,
    bid,
    event,
    registry,
    rules,
    written,
)


def pilot_of(acts: Iterable[tuple[str, AnyDocument]]) -> Pilot:
    pilot = Pilot()
    written(pilot, acts)
    return pilot


def refused(pilot: Pilot, subject: str, document: AnyDocument, at=WRITTEN) -> str:
    reason = refusal(pilot, subject, document, at)
    assert reason
    return reason


def state(name: str, **more: str) -> State:
    return State(name, more.get("award"), more.get("by_event"), "")  # type: ignore[arg-type]


def test_an_account_has_one_operator_of_a_type_at_a_time() -> None:
    pilot = pilot_of([*rules(), *registry()])
    other = replace(pilot.contracts["con-1"], operator="op-2")
    assert "con-1" in refused(pilot, "con-2", other)
    assert not refusal(pilot, "con-2", replace(other, type="hour"), WRITTEN)
    ended = replace(pilot.contracts["con-1"], valid_to=date(2026, 5, 1))
    written(pilot, [("con-1", ended)])
    assert not refusal(pilot, "con-2", replace(other, valid_from=date(2026, 5, 1)), WRITTEN)
    assert refused(pilot, "con-2", replace(other, valid_from=date(2026, 4, 30)))


def test_shares_are_a_hundred() -> None:
    pilot = pilot_of([*rules(), *registry()])
    assert "100" in refused(pilot, "con-1", replace(pilot.contracts["con-1"], operator_pct=Decimal(31)))


def test_a_resource_goes_through_its_phases_in_order() -> None:
    pilot = pilot_of([*rules(), *registry()[:8]])
    day = date(2026, 5, 1)
    assert "registered" in refused(pilot, "load-1", Phase("active", day, ""))
    written(pilot, [("load-1", Phase("registered", day, ""))])
    assert refused(pilot, "load-1", Phase("registered", day, ""))
    assert "before" in refused(pilot, "load-1", Phase("documents", day - timedelta(days=1), ""))
    steps = ("documents", "joint_test", "announced", "active", "suspended", "active", "left")
    written(pilot, [("load-1", Phase(step, day, "")) for step in steps])  # type: ignore[arg-type]
    assert pilot.phase("load-1") == "left"
    assert refused(pilot, "load-1", Phase("active", day, ""))


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("load-1", {"baseline": "zero"}, "what is drawn anyway by a resource of kind interruptible"),
        ("storage-1", {"meter": "+-"}, "energy_discharged_kwh of a storage counts with -1"),
        ("storage-1", {"meter": "discharged"}, "without park-a/gw-1/storage-1/energy_charged_kwh"),
        ("load-1", {"meter": "many"}, "names 501 registers: at most 500"),
        ("load-1", {"name_en": "Load \ud800"}, ""),
    ],
)
def test_a_formula_that_would_be_paid_for_nothing(name: str, changes: dict[str, str], reason: str) -> None:
    pilot = pilot_of([*rules(), *registry()])
    resource = pilot.resources[name]
    charged, discharged = pilot.resources["storage-1"].meter
    meters = {
        "+-": (charged, replace(discharged, sign=1)),
        "discharged": (discharged,),
        "many": tuple(replace(charged, register=f"park-a/gw-1/d-{n}/energy_import_kwh") for n in range(501)),
    }
    more: dict[str, Any] = {key: meters[value] if key == "meter" else value for key, value in changes.items()}
    changed = replace(resource, **more)
    if reason:
        assert reason in refused(pilot, name, changed)
    else:
        with pytest.raises(forms.DocumentError, match="half a character"):
            forms.read(Resource, forms.document(changed))


def test_places_stand_under_one_another() -> None:
    pilot = pilot_of(registry()[:6])
    assert list(pilot.path("acc-1")) == ["acc-1", "tr-1", "line-1", "sta-1"]
    assert "lies under a line" in refused(
        pilot, "tr-2", Location("transformer", "T", "sta-1", "declared", "", None, None)
    )
    assert "not known" in refused(pilot, "line-2", Location("line", "L", "sta-9", "declared", "", None, None))
    assert "document" in refused(pilot, "sta-2", Location("station", "S", None, "verified", "", None, None))
    assert refused(pilot, "tr-1", Location("line", "L", "sta-1", "declared", "", None, None))


def test_what_is_not_proven_is_never_awarded() -> None:
    pilot = pilot_of(before_the_event())
    written(pilot, [("tr-1", replace(pilot.locations["tr-1"], provenance="unverified"))])
    assert pilot.unproven("load-1") == ["tr-1"]
    assert "never awarded" in refused(pilot, "ev-1", awards())


def test_bids_end() -> None:
    pilot = pilot_of([*rules(), *registry(), ("ev-1", event())])
    last = event().bids_until
    assert not refusal(pilot, "ev-1", bid(), last)
    assert "were taken until" in refused(pilot, "ev-1", bid(), last + timedelta(seconds=1))
    twice = replace(bid(), parts=(Part("load-1", 100), Part("load-1", 100)))
    assert "each once" in refused(pilot, "ev-1", twice)
    written(pilot, [("ev-1", bid()), ("ev-1", replace(bid(), bid="bid-2", price=Decimal(2)))])
    assert pilot.events["ev-1"].bids["op-1"].bid.price == 2


def test_an_event_is_on_the_clock_of_shenzhen() -> None:
    """The verifier knows no other: an event of another zone would be settled, and nobody could recompute it."""
    pilot = pilot_of([*rules(), *registry()])
    for zone in ("Asia/Singapore", "PRC", "nowhere"):
        assert f"the zone is {zone}" in refused(pilot, "ev-1", replace(event(), zone=zone))


def test_an_event_goes_one_way() -> None:
    pilot = pilot_of(before_the_event())
    book = pilot.events["ev-1"]
    assert refused(pilot, "ev-1", state("active"))
    written(pilot, [("ev-1", awards())])
    assert "once" in refused(pilot, "ev-1", awards())
    assert refused(pilot, "ev-1", state("acknowledged"))
    written(pilot, [("ev-1", state("notified")), ("ev-1", state("acknowledged", award="aw-1"))])
    assert book.state == "notified"
    assert refused(pilot, "ev-1", state("ended"))
    written(pilot, [("ev-1", state("active")), ("ev-1", state("ended"))])
    assert "broken off" in refused(pilot, "ev-1", state("cancelled"))
    assert refused(pilot, "ev-1", state("active"))
    assert refused(pilot, "ev-1", state("settled"))
    assert refused(pilot, "ev-1", state("closed"))


@pytest.mark.parametrize("steps", [[], ["notified"], ["notified", "active"], ["notified", "active", "ending"]])
def test_an_event_is_broken_off_from_any_state_before_its_end(steps: list[str]) -> None:
    pilot = pilot_of([*before_the_event(), ("ev-1", awards())])
    written(pilot, [("ev-1", state(each)) for each in steps])
    assert "by_event" in refused(pilot, "ev-1", state("superseded"))
    written(pilot, [("ev-1", state("cancelled"))])
    assert refused(pilot, "ev-1", state("active"))
    assert not pilot.events["ev-1"].alive


def test_a_resource_is_not_promised_twice() -> None:
    pilot = pilot_of([*before_the_event(), ("ev-1", awards())])
    start = START + timedelta(hours=1)
    written(pilot, [("ev-2", replace(event(start), bids_until=event().bids_until))])
    second = Awards(Decimal(3), (Award("aw-2", "bid-2", "op-1", 100_000, (Part("load-1", 100_000),)),), (), 0)
    assert "ev-1" in refused(pilot, "ev-2", second)
    written(pilot, [("ev-1", state("cancelled"))])
    assert not refusal(pilot, "ev-2", second, WRITTEN)


def test_an_opt_out_in_time_excuses_and_a_late_one_does_not() -> None:
    pilot = pilot_of([*before_the_event(), ("ev-1", awards())])
    book = pilot.events["ev-1"]
    out = OptOut("op-1", "load-1", "the chiller is repaired")
    assert "no contract" in refused(pilot, "ev-1", replace(out, operator="op-2"))
    written(pilot, [("ev-1", out)], book.event.opt_out_until + timedelta(seconds=1))
    assert book.excused("op-1") == frozenset()
    again = "load-1 has opted out of ev-1 already: once more changes nothing"
    assert refusal(pilot, "ev-1", out, book.event.opt_out_until + timedelta(seconds=2)) == again
    written(pilot, [("ev-1", out)], book.event.opt_out_until)
    assert book.excused("op-1") == {"load-1"}
    assert refusal(pilot, "ev-1", out, book.event.opt_out_until) == again
    assert refusal(pilot, "ev-1", replace(out, resource="storage-1"), book.event.opt_out_until) == ""


def test_a_clock_that_is_set_back_brings_no_opt_out_in_time() -> None:
    """The event has begun, so that its last instant to opt out is past, whatever a clock says: 900 yuan were 750."""
    pilot = pilot_of([*before_the_event(), ("ev-1", awards()), ("ev-1", state("notified"))])
    out, early = OptOut("op-1", "load-1", "repair"), START - timedelta(hours=5)
    assert not refusal(pilot, "ev-1", out, early)
    written(pilot, [("ev-1", state("active"))], START)
    assert "set the clock right" in refused(pilot, "ev-1", out, early)
    assert not refusal(pilot, "ev-1", out, START), "too late, as it is: it is recorded and changes nothing"


def test_an_old_bid_that_comes_once_more_does_not_bring_its_price_back() -> None:
    pilot = pilot_of([*before_the_event(), ("ev-1", replace(bid(), bid="bid-2", price=Decimal("3.4")))])
    assert "the bid bid-1 is there already" in refused(pilot, "ev-1", bid())


def test_a_dispute_needs_a_statement() -> None:
    pilot = pilot_of([*before_the_event(), ("ev-1", awards())])
    assert "not a statement" in refused(
        pilot, "ev-1", Dispute("dis-1", "ev-1-op-1-1", "raised", "meter changed", date(2026, 8, 1))
    )


def test_disputes_are_few_and_have_their_time() -> None:
    """Whoever may write could else keep an award from being closed, or raise one when nobody remembers."""
    pilot = Pilot()
    for at, act in acts(START):
        entry = Entry.after(pilot.head, kind_of(act.document), act.subject, at, "x", forms.document(act.document))
        pilot.follow([entry])
    (at, told), *_ = pilot.events["ev-1"].disputes["dis-1"]
    day = at.astimezone(SHANGHAI).date()
    new = replace(told, dispute="dis-2", due=day + timedelta(days=10))
    assert refusal(pilot, "ev-1", new, at) == "the dispute dis-1 about ev-1-op-1-1 is open: it is decided first"
    answered, decided = (replace(told, step=step) for step in ("answered", "decided"))  # type: ignore[arg-type]
    assert "give a day from 2026-06-24 to 2026-08-23" in refusal(
        pilot, "ev-1", replace(answered, due=day + timedelta(days=61)), at
    )
    late = at + timedelta(days=11)
    assert told.due == date(2026, 7, 4)
    written(pilot, [("ev-1", replace(answered, due=date(2026, 7, 10)))], late)
    written(pilot, [("ev-1", decided)], late + timedelta(days=5))
    assert late_steps(pilot.events["ev-1"].disputes["dis-1"]) == [False, True, False]
    assert "it may be disputed for 30 days" in refusal(
        pilot, "ev-1", replace(new, due=date(2026, 8, 1)), at + timedelta(days=30, seconds=1)
    )
    for number in (2, 3):
        again = replace(new, dispute=f"dis-{number}")
        written(pilot, [("ev-1", again), ("ev-1", replace(again, step="decided"))], at + timedelta(days=number))
    assert refusal(pilot, "ev-1", replace(new, dispute="dis-4"), at + timedelta(days=4)) == (
        "ev-1-op-1-1 was disputed 3 times: at most 3 are taken"
    )


def test_no_statement_is_older_than_the_end_of_its_event() -> None:
    pilot = Pilot()
    for at, act in acts(START):
        if isinstance(act.document, Statement):
            break
        entry = Entry.after(pilot.head, kind_of(act.document), act.subject, at, "x", forms.document(act.document))
        pilot.follow([entry])
    end = pilot.events["ev-1"].event.to
    assert "it has no statement at" in refusal(pilot, "ev-1", act.document, end - timedelta(seconds=1))
    assert refusal(pilot, "ev-1", act.document, end) == ""


def test_what_is_registered_later_takes_the_place_of_what_was() -> None:
    pilot = pilot_of([*rules(), *registry()])
    written(pilot, [("load-1", replace(pilot.resources["load-1"], up_w=1))])
    assert pilot.resources["load-1"].up_w == 1


def test_contracts_and_bids_name_what_is_known() -> None:
    pilot = pilot_of([*rules(), *registry(), ("ev-1", event())])
    contract: Contract = pilot.contracts["con-1"]
    assert "not registered" in refused(pilot, "con-9", replace(contract, operator="op-9"))
    assert "not a resource" in refused(pilot, "con-1", replace(contract, resources=("load-9",)))
    assert "not published" in refused(pilot, "ev-9", bid())
    unknown = Bid("bid-1", "op-1", Decimal(1), (Part("load-9", 100),))
    assert "load-9" in refused(pilot, "ev-1", unknown)
