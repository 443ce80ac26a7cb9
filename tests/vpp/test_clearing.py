"""Clearing: the cheapest first, nothing beyond the target, no resource twice, and a reason for every loser."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.rule_file import version_of
from parkgrid_domain.vpp import clearing, forms
from parkgrid_domain.vpp.clearing import FromAbove, SiteMeters, clear, from_above, shared, shown_w
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Awards,
    Bid,
    CapabilityTest,
    Contract,
    FindingTold,
    HeldQuarter,
    IntervalTold,
    KnownLater,
    Line,
    Location,
    Operator,
    OptOut,
    Part,
    Phase,
    QuarterTold,
    Resource,
    Rules,
    SettledResource,
    Term,
)
from parkgrid_domain.vpp.ledger import canonical
from parkgrid_domain.vpp.pack import read_pack
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.refusals import refusal
from parkgrid_vpp import awarding, verify
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.ledger import MOST_BYTES
from parkgrid_vpp.settling import price_of
from tests.vpp.alterations import leaves, put
from tests.vpp.small_pilot import (
    BASELINE,
    PACK,
    PARK,
    START,
    WRITTEN,
    awards,
    bid,
    event,
    registry,
    rules,
    tried,
    written,
)

_RESOURCES = ("r-0", "r-1", "r-2", "r-3", "r-4")
_MOST_W = 300_000


def pilot_of(*more: tuple[str, AnyDocument]) -> Pilot:
    pilot = Pilot()
    written(pilot, [*rules(), *registry(), tried(), ("ev-1", event()), *more])
    return pilot


def cleared(*bids: Bid, before: Sequence[tuple[str, AnyDocument]] = ()) -> Awards:
    return clear(pilot_of(*before, *[("ev-1", each) for each in bids]), "ev-1", PACK)


def reasons(found: Awards) -> dict[str | None, str]:
    return {each.resource: each.reason for each in found.losers}


def test_a_bid_within_the_target_is_awarded_whole() -> None:
    found = cleared(bid())
    assert found == replace(awards(), awards=(replace(awards().awards[0], award="ev-1-op-1"),))


def test_nobody_bids() -> None:
    assert cleared() == Awards(Decimal(0), (), (), 600_000)


def test_a_price_outside_the_bounds_of_the_pack_is_refused_whole() -> None:
    found = cleared(replace(bid(), price=Decimal("3.51")))
    assert (found.awards, found.short_w) == ((), 600_000)
    assert reasons(found) == {
        None: "the price 3.51 yuan/kWh lies outside the bounds of guangdong-2026, 0.07 to 3.5 yuan/kWh"
    }


def test_a_price_that_the_market_fixes_is_paid() -> None:
    fixed = read_pack(PACK.text.replace("least_cny", "fixed_cny_per_kwh = 2.5\nleast_cny"), "fixed.toml")
    assert clear(pilot_of(("ev-1", bid())), "ev-1", fixed).price == Decimal("2.5")


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ([("load-1", Phase("suspended", date(2026, 6, 1), ""))], "not active: load-1 is suspended"),
        (
            [
                ("load-1", Phase("suspended", date(2026, 6, 1), "")),
                ("load-1", Phase("active", START.date() + timedelta(days=1), "again from the day after")),
            ],
            "not active: load-1 is suspended",
        ),
        (
            [("tr-1", Location("transformer", "T", "line-1", "unverified", "", None, None))],
            "not proven where it lies: tr-1",
        ),
        ([("ev-1", OptOut("op-1", "load-1", "maintenance"))], "opted out"),
        (
            [("con-1", replace(next(d for _, d in registry() if isinstance(d, Contract)), valid_to=START.date()))],
            "no contract of the type day_ahead of op-1 for load-1 is in force on 2026-06-24",
        ),
    ],
)
def test_a_part_that_may_not_be_awarded_is_told_why(before: Sequence[tuple[str, AnyDocument]], reason: str) -> None:
    assert reasons(cleared(bid(), before=before))["load-1"] == reason


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ([], "this text of the baseline was not tried"),
        ([tried(digest="0" * 64)], "this text of the baseline was not tried"),
        ([tried(rrmse_pct=Decimal("20.5"))], "RRMSE is 20.5 %, at most 20 % is allowed"),
        ([tried(days=9)], "9 days could be compared, 20 are needed"),
        (
            [tried(to=date(2025, 6, 22))],
            "it was tried up to 2025-06-22, not within the 366 days before 2026-06-24: try it again",
        ),
    ],
)
def test_a_load_whose_baseline_may_not_be_paid_by_sets_no_price(
    known: Sequence[tuple[str, AnyDocument]], why: str
) -> None:
    """Nothing of it could be paid and nothing charged, but its 3.4 yuan would be the price of the storage."""
    pilot = Pilot()
    written(pilot, [*rules(), *registry(), *other_operator()])
    pilot.rules["0" * 64] = Rules("baseline", BASELINE, "another text")
    written(pilot, [*known, ("ev-1", event())])
    storage, dear = (bid().parts[:1], Bid("bid-2", "op-2", Decimal("3.4"), bid().parts[1:]))
    written(pilot, [("ev-1", replace(bid(), parts=storage)), ("ev-1", dear)])
    found = clear(pilot, "ev-1", PACK)
    assert ([each.operator for each in found.awards], found.price) == (["op-1"], 3)
    assert reasons(found)["load-1"].startswith(f"load-1 cannot be paid by its baseline workday-5: {why}")
    written(pilot, [("ev-2", replace(event(), setup="upstream"))])
    given = [FromAbove("up-1", "op-2", 100_000, (Part("load-1", 100_000),))]
    assert "cannot be paid by its baseline" in from_above(pilot, "ev-2", Decimal(3), given).losers[0].reason
    named = replace(event(), rules=replace(event().rules, baselines={}))
    written(pilot, [tried(), ("ev-3", named), ("ev-3", replace(dear, bid="bid-3"))])
    assert reasons(clear(pilot, "ev-3", PACK))["load-1"].endswith("the event does not name this baseline")
    written(pilot, [("ev-4", event(START + timedelta(days=1))), ("ev-4", replace(dear, bid="bid-4"))])
    assert clear(pilot, "ev-4", PACK).price == Decimal("3.4")


@pytest.mark.parametrize("direction", ["fill", "shave"])
def test_what_settles_on_its_own_meter_is_not_paid_for_a_whole_site(direction: Literal["fill", "shave"]) -> None:
    """Its baseline is zero: filling a valley, all that the site draws anyway would be paid."""
    pilot = pilot_of(("ev-2", replace(event(), direction=direction)))
    grid = f"{PARK}/gw-1/grid-1/energy_import_kwh"
    storage = pilot.resources["storage-1"]
    written(pilot, [("storage-1", replace(storage, meter=(Term(grid, 1), *storage.meter)))])
    written(pilot, [("ev-2", replace(bid(), parts=bid().parts[:1]))])
    found = clear(pilot, "ev-2", PACK, SiteMeters({grid}))
    assert found.awards == ()
    assert reasons(found)["storage-1"].startswith(f"storage-1 settles on its own meter, but {grid} is a grid meter's")
    assert clear(pilot, "ev-2", PACK).awards[0].w == 500_000


def test_more_than_a_resource_is_registered_with_is_refused() -> None:
    found = cleared(replace(bid(), parts=(Part("load-1", 200_100),)))
    assert reasons(found) == {"load-1": "200100 W is more than the 200000 W that load-1 is registered with"}


def test_a_bid_that_is_too_small_or_shrinks_sets_no_price() -> None:
    """Of 100 W at 3.4 yuan the whole bid is refused; of 10 kW of which 9 opt out the price goes back to 3."""
    small = Bid("bid-2", "op-2", Decimal("3.4"), (Part("load-1", 9_900),))
    found = cleared(replace(bid(), parts=(Part("storage-1", 500_000),)), small, before=other_operator())
    assert (found.price, reasons(found)) == (
        3,
        {None: "9900 W may be awarded, which is less than the least bid of 10000 W"},
    )
    dear = Bid("bid-2", "op-2", Decimal("3.4"), (Part("load-1", 9_000), Part("load-2", 1_000)))
    pilot = pilot_of(*other_operator(), ("ev-1", replace(bid(), parts=(Part("storage-1", 500_000),))), ("ev-1", dear))
    written(pilot, [("ev-1", clear(pilot, "ev-1", PACK))])
    book = pilot.events["ev-1"]
    assert price_of(book, PACK) == Decimal("3.4")
    written(pilot, [("ev-1", OptOut("op-2", "load-1", "repair"))])
    assert price_of(book, PACK) == 3
    assert price_of(book, replace(PACK, bidding=replace(PACK.bidding, price_after_opt_out="stands"))) == Decimal("3.4")


def other_operator() -> list[tuple[str, AnyDocument]]:
    """The load, and a second one beside it, are offered by the second operator; the storage stays with the first."""
    load, contract = (next(d for name, d in registry() if name == each) for each in ("load-1", "con-1"))
    assert isinstance(load, Resource)
    assert isinstance(contract, Contract)
    second = replace(load, meter=(Term(f"{PARK}/gw-1/load-2/energy_import_kwh", 1),), account="acc-2")
    moved = replace(contract, operator="op-2", account="acc-2", resources=("load-1", "load-2"))
    acts: list[tuple[str, AnyDocument]] = [("acc-2", Location("account", "0302", "tr-1", "declared", "", PARK, None))]
    acts += [("load-1", replace(load, account="acc-2")), ("load-2", second), tried("load-2"), ("con-2", moved)]
    return acts + [("load-2", each) for name, each in registry() if name == "load-1" and isinstance(each, Phase)]


def test_a_contract_of_another_type_is_none() -> None:
    quick, direct = replace(event(), notice_class="fast"), replace(event(), type="direct", setup="upstream")
    pilot = pilot_of(("ev-2", quick), ("ev-2", bid()), ("ev-3", direct))
    wanted = {each.reason for each in clear(pilot, "ev-2", PACK).losers if each.resource == "load-1"}
    assert wanted == {"no contract of the type hour of op-1 for load-1 is in force on 2026-06-24"}
    given = [FromAbove("up-1", "op-1", 100_000, (Part("load-1", 100_000),))]
    assert "of the type direct" in from_above(pilot, "ev-3", Decimal(3), given).losers[0].reason
    contract = next(each for _, each in registry() if isinstance(each, Contract))
    written(pilot, [("con-0", replace(contract, type="direct")), ("con-2", replace(contract, type="hour"))])
    found = clear(pilot, "ev-2", PACK)
    assert len(found.awards[0].parts) == 2
    written(pilot, [("ev-2", found)])
    assert {name for name, _ in pilot.events["ev-2"].contracts.values()} == {"con-2"}


@pytest.mark.parametrize(
    ("reached", "held_w", "most_w"), [(5, [-190_000, -200_000], 200_000), (None, [-90_000, -120_000], 120_000)]
)
def test_no_more_is_awarded_than_was_shown(reached: int | None, held_w: list[int], most_w: int) -> None:
    """The agreed step where nine tenths of it were reached, else the most that was held for a quarter hour."""
    quarters = tuple(HeldQuarter(700_000 + each, Decimal("0.9")) for each in held_w)
    minutes = (700_000,) * 15, (500_000,) * 30
    begin = WRITTEN - timedelta(days=1)
    test = CapabilityTest(begin, -200_000, 30, 700_000, *minutes, 2, reached, quarters, None)
    assert shown_w([test], "shave") == most_w
    assert shown_w([test], "fill") is None
    pilot = pilot_of(("storage-1", test), ("ev-1", bid()))
    told = reasons(clear(pilot, "ev-1", PACK))
    assert told["storage-1"].startswith(f"500000 W is more than the {most_w} W that storage-1 showed in its last test")
    # From above it is spread by what was shown.
    written(pilot, [("ev-2", replace(event(), setup="upstream"))])
    parts = from_above(pilot, "ev-2", Decimal(3), [FromAbove("up-1", "op-1", 600_000)]).awards[0].parts
    assert {each.resource: each.w for each in parts}["storage-1"] == most_w


def test_a_storage_behind_a_grid_meter_is_taken_out_or_not_awarded_beside_it() -> None:
    """The site's meter falls by what the storage gives: both would be paid for the same kWh."""
    register, storage = f"{PARK}/gw-1/load-1/energy_import_kwh", pilot_of().resources["storage-1"]
    pilot = pilot_of(("ev-1", bid()))
    assert len(clear(pilot, "ev-1", PACK).awards[0].parts) == 2, "a sub-meter shows no storage"
    found = clear(pilot, "ev-1", PACK, SiteMeters({register}))
    assert [each.resource for each in found.awards[0].parts] == ["storage-1"]
    assert reasons(found)["load-1"].startswith("the meter of load-1 shows what storage-1 does as well")
    load = pilot.resources["load-1"]
    meter = (*load.meter, *(Term(each.register, -each.sign) for each in storage.meter))  # type: ignore[arg-type]
    written(pilot, [("load-1", replace(load, meter=meter))])
    assert len(clear(pilot, "ev-1", PACK, SiteMeters({register})).awards[0].parts) == 2


def test_a_load_with_a_meter_of_its_own_is_taken_out_of_its_site_or_not_awarded_beside_it() -> None:
    """A chiller and the whole site: 100 kWh less of the chiller are 100 kWh less at the grid meter, and paid once."""
    grid = f"{PARK}/gw-1/grid-1/energy_import_kwh"
    pilot = pilot_of()
    load, contract = pilot.resources["load-1"], pilot.contracts["con-1"]
    without = tuple(replace(each, sign=-each.sign) for each in pilot.resources["storage-1"].meter)  # type: ignore[arg-type]
    steps = ("registered", "documents", "joint_test", "announced", "active")
    written(
        pilot,
        [
            ("site-1", replace(load, meter=(Term(grid, 1), *without))),
            tried("site-1"),
            ("con-1", replace(contract, resources=(*contract.resources, "site-1"))),
            *(("site-1", Phase(step, date(2026, 5, 1), "")) for step in steps),  # type: ignore[arg-type]
            ("ev-1", replace(bid(), parts=(Part("load-1", 100_000), Part("site-1", 100_000)))),
        ],
    )
    found = clear(pilot, "ev-1", PACK, SiteMeters({grid}))
    assert [(each.resource, each.w) for each in found.awards[0].parts] == [("load-1", 100_000)]
    assert reasons(found)["site-1"].startswith("the meter of site-1 shows what load-1 does as well")
    whole = (Term(grid, 1), *without, *(replace(each, sign=-1) for each in load.meter))
    written(pilot, [("site-1", replace(load, meter=whole))])
    assert len(clear(pilot, "ev-1", PACK, SiteMeters({grid})).awards[0].parts) == 2


def test_what_lies_behind_the_only_grid_meter_of_a_park_is_behind_it_from_any_account() -> None:
    """The site is one operator's, the storage in an account of its own another's: 100 kWh would be paid to both."""
    grid = f"{PARK}/gw-1/grid-1/energy_import_kwh"
    pilot = pilot_of()
    load, storage, contract = pilot.resources["load-1"], pilot.resources["storage-1"], pilot.contracts["con-1"]
    written(
        pilot,
        [
            ("acc-2", Location("account", "0302", "tr-1", "declared", "", PARK, None)),
            ("load-1", replace(load, meter=(Term(grid, 1),))),
            ("storage-1", replace(storage, account="acc-2")),
            ("con-2", replace(contract, operator="op-2", account="acc-2", resources=("storage-1",))),
            ("ev-1", replace(bid(), parts=(Part("load-1", 100_000),))),
            ("ev-1", Bid("bid-2", "op-2", Decimal("3.2"), (Part("storage-1", 100_000),))),
        ],
    )
    found = clear(pilot, "ev-1", PACK, SiteMeters({grid}, {PARK}))
    assert [each.operator for each in found.awards] == ["op-2"]
    assert reasons(found)["load-1"].startswith("the meter of load-1 shows what storage-1 does as well")
    # With two grid meters nobody knows what is behind which: the account decides.
    assert len(clear(pilot, "ev-1", PACK, SiteMeters({grid})).awards) == 2


def test_what_is_counted_twice_does_not_make_up_the_least_bid() -> None:
    """9.9 and 0.1 kW on one register: 100 W would be awarded, and set the price of all at 3.5 yuan."""
    pilot = pilot_of(*same_load_again(), ("ev-1", replace(bid(), price=Decimal("0.5"), parts=bid().parts[:1])))
    load, contract = pilot.resources["load-2"], pilot.contracts["con-1"]
    written(
        pilot,
        [
            ("acc-2", Location("account", "0302", "tr-1", "declared", "", PARK, None)),
            ("load-1", replace(load, account="acc-2")),
            ("load-2", replace(load, account="acc-2")),
            ("con-2", replace(contract, operator="op-2", account="acc-2", resources=("load-1", "load-2"))),
            ("ev-1", Bid("bid-2", "op-2", Decimal("3.5"), (Part("load-1", 100), Part("load-2", 9_900)))),
        ],
    )
    found = clear(pilot, "ev-1", PACK)
    assert ([each.operator for each in found.awards], found.price) == (["op-1"], Decimal("0.5"))
    assert reasons(found)[None] == "100 W may be awarded, which is less than the least bid of 10000 W"


def test_a_storage_that_is_not_awarded_is_taken_out_of_its_site_all_the_same() -> None:
    """Charged in the hours before, it would raise the baseline by the factor of the day: 1,000 to 1,200 kW."""
    register = f"{PARK}/gw-1/load-1/energy_import_kwh"
    only = ("ev-1", replace(bid(), parts=(Part("load-1", 100_000),)))
    pilot = pilot_of(only)
    found = clear(pilot, "ev-1", PACK, SiteMeters({register}))
    assert found.awards == ()
    assert reasons(found)["load-1"].endswith("out of the formula of load-1, else its charging is in the baseline")
    written(pilot, [("storage-1", Phase("left", date(2026, 6, 1), ""))])
    assert clear(pilot, "ev-1", PACK, SiteMeters({register})).awards[0].w == 100_000


def test_a_wrong_value_in_an_award_file_is_refused_in_words() -> None:
    """Each value of a good file is replaced by others: what is told is a document's or the pilot's own error."""
    pilot = pilot_of(("ev-2", replace(event(), setup="upstream")))
    good = {
        "price": "3",
        "awards": [
            {"award": "up-1", "operator": "op-1", "w": 100_000, "parts": [{"resource": "load-1", "w": 100_000}]}
        ],
    }
    strange = (None, True, -1, 0, 50, 10**30, 1.5, "", "x", "999", "load-9", [], [[]], {}, "\ud800", "0" * 5000)
    refused = 0
    for path, _ in list(leaves(good)):
        for value in strange:
            told = json.loads(json.dumps(good))
            put(told, path, value)
            try:
                found = awarding._given(pilot, "ev-2", awarding.read_given(json.dumps(told)), SiteMeters())
            except (forms.DocumentError, PilotError) as error:
                assert str(error)
                refused += 1
            else:
                assert refusal(pilot, "ev-2", found, WRITTEN) == ""
    assert refused > 50


def test_a_resource_elsewhere_and_one_that_needs_more_notice() -> None:
    pilot = pilot_of(("line-2", Location("line", "L", "sta-1", "declared", "", None, None)))
    late = replace(event(), targets=("line-2",), bids_until=START - timedelta(minutes=10), opt_out_until=START)
    near = replace(late, targets=())
    written(
        pilot,
        [("ev-2", late), ("ev-3", near), ("ev-2", replace(bid(), bid="b-2")), ("ev-3", replace(bid(), bid="b-3"))],
    )
    assert set(reasons(clear(pilot, "ev-2", PACK)).values()) == {"not under the targets: line-2"}
    found = clear(pilot, "ev-3", PACK)
    assert reasons(found) == {"load-1": "needs 30 min of notice; between award and begin are 10 min"}
    assert found.awards[0].parts == (Part("storage-1", 500_000),)


def test_the_same_resource_is_not_awarded_in_two_events_that_overlap() -> None:
    """Two events on one transformer, half an hour of both at the same time."""
    pilot = pilot_of(("ev-1", bid()))
    written(pilot, [("ev-2", event(START + timedelta(minutes=90)))])
    written(pilot, [("ev-2", replace(bid(), bid="bid-2")), ("ev-1", clear(pilot, "ev-1", PACK))])
    found = clear(pilot, "ev-2", PACK)
    assert (found.awards, found.short_w) == ((), 600_000)
    assert set(reasons(found).values()) == {
        f"{name} is awarded in ev-1, which overlaps" for name in ("storage-1", "load-1")
    }


def same_load_again() -> list[tuple[str, AnyDocument]]:
    """Another resource of the same account whose formula counts the load's register too."""
    load, contract = (next(d for name, d in registry() if name == each) for each in ("load-1", "con-1"))
    assert isinstance(load, Resource)
    assert isinstance(contract, Contract)
    acts: list[tuple[str, AnyDocument]] = [("load-2", load), tried("load-2")]
    acts.append(("con-1", replace(contract, resources=(*contract.resources, "load-2"))))
    return acts + [("load-2", each) for name, each in registry() if name == "load-1" and isinstance(each, Phase)]


def test_one_register_is_not_awarded_twice() -> None:
    """Two resources with one register: each would be paid for the same kWh."""
    both = replace(bid(), parts=(Part("load-1", 100_000), Part("load-2", 100_000)))
    pilot = pilot_of(*same_load_again(), ("ev-1", both))
    found = clear(pilot, "ev-1", PACK)
    assert [part.resource for part in found.awards[0].parts] == ["load-1"]
    register = f"{PARK}/gw-1/load-1/energy_import_kwh"
    assert reasons(found)["load-2"].startswith(f"the register {register} of load-2 is counted for load-1:")
    written(pilot, [("ev-1", found), ("ev-2", event(START + timedelta(hours=1)))])
    given = [FromAbove("up-1", "op-1", 100_000, (Part("load-2", 100_000),))]
    (first, _) = from_above(pilot, "ev-2", Decimal(3), given).losers
    assert "counted for load-1 in ev-1: it is not paid twice" in first.reason
    written(pilot, [("ev-1", OptOut("op-1", "load-1", "repair"))])
    assert from_above(pilot, "ev-2", Decimal(3), given).short_w == 500_000, "who opted out counts nothing"


def test_a_bid_cannot_make_an_award_that_is_too_long_to_be_written() -> None:
    """Reasons and losers beyond what a document holds: the event would have no award for anybody."""
    places = tuple(f"line-{number:059}" for number in range(12))
    pilot = pilot_of(*[(each, Location("line", "L", "sta-1", "declared", "", None, None)) for each in places])
    written(pilot, [("ev-2", replace(event(), targets=places)), ("ev-2", bid())])
    found = clear(pilot, "ev-2", PACK)
    assert forms.read(Awards, forms.document(found)) == found
    resource, pilot = pilot.resources["load-1"], pilot_of()
    names = [f"r-{number}" for number in range(2_600)]
    pilot.resources.update(dict.fromkeys(names, resource))
    parts = tuple(Part(each, 100) for each in names)
    written(pilot, [("ev-1", Bid(f"b-{who}", who, Decimal(1), parts)) for who in ("op-1", "op-2")])
    found = clear(pilot, "ev-1", PACK)
    assert len(found.losers) == forms.MOST_ITEMS
    assert found.losers[-1].reason == "201 more that get nothing or less are not told"
    assert forms.read(Awards, forms.document(found)) == found


@pytest.mark.parametrize(
    ("bounds", "awarded"),
    [
        # Two hours are eight quarter hours of each resource.
        ({"MOST_QUARTERS": 16}, ["storage-1", "load-1"]),
        ({"MOST_QUARTERS": 15}, ["storage-1"]),
        # Four statements of ten lines for each of the storage's two registers; of the load's one the same, and
        # forty-five days of the event, no window, and the quarter hours beside.
        ({"MOST_READINGS": 4 * 10 * 2 + 4 * 10 + 45 * (8 + 4) + 2}, ["storage-1", "load-1"]),
        ({"MOST_READINGS": 4 * 10 * 2 + 4 * 10 + 45 * (8 + 4) + 1}, ["storage-1"]),
    ],
)
def test_an_award_that_nobody_could_verify_is_not_given(
    bounds: dict[str, int], awarded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in bounds.items():
        monkeypatch.setattr(clearing, name, most)
    pilot = pilot_of(("ev-1", bid()), ("ev-2", replace(event(), setup="upstream")))
    above = from_above(pilot, "ev-2", Decimal(3), [FromAbove("up-1", "op-1", 600_000, bid().parts)])
    for found in (clear(pilot, "ev-1", PACK), above):
        assert [each.resource for each in found.awards[0].parts] == awarded
        if len(awarded) == 1:
            assert "call a shorter event, or offer less through one operator" in reasons(found)["load-1"]


def test_the_largest_award_has_a_statement_that_is_stored_and_read() -> None:
    """Each quarter hour with long figures, by resource and by interval; 5,000 resources, 5,000 days known later."""
    at, wh, yuan = START, -999_999_999, Decimal("999999.12345678")
    quarter = QuarterTold(at, wh, wh, wh, "not_eligible", wh, "not_delivered")
    interval = IntervalTold(at, *[Decimal("999999.999")] * 3, yuan, yuan, 1)
    finding = FindingTold("p" * 60, "jumped", at, at)
    name = "r" * 20
    resource = SettledResource(name, "n" * 200, "5" * 64, (finding,), (), ())
    line = Line(name, name, *[Decimal("999999.99")] * 4)
    later = KnownLater(name, START.date(), wh, wh)
    size = {each: len(canonical(forms.document(each))) + 1 for each in (quarter, interval, resource, line, later)}
    most = (size[quarter] + size[interval]) * clearing.MOST_QUARTERS
    most += forms.MOST_ITEMS * (size[resource] + size[line] + size[later])
    assert most < MOST_BYTES < verify.MOST_LINE - 10_000
    assert clearing.MOST_READINGS < verify.MOST_LINES


def test_a_contract_does_not_follow_a_resource_to_another_account() -> None:
    pilot = pilot_of(("acc-2", Location("account", "0302", "tr-1", "declared", "", PARK, None)), ("ev-1", bid()))
    written(pilot, [("load-1", replace(pilot.resources["load-1"], account="acc-2"))])
    told = reasons(clear(pilot, "ev-1", PACK))
    assert told == {"load-1": "no contract of the type day_ahead of op-1 for load-1 is in force on 2026-06-24"}


def test_an_award_from_above_is_shared_in_proportion() -> None:
    assert shared(300_000, [("a", 400_000), ("b", 200_000)]) == (Part("a", 200_000), Part("b", 100_000))
    assert shared(1_000, [("a", 300), ("b", 300), ("c", 350)]) == (Part("a", 300), Part("b", 300), Part("c", 300))
    assert shared(100, [("a", 300), ("b", 300)]) == (Part("a", 100),)
    assert shared(100, []) == ()


@given(st.integers(1, 10_000).map(lambda n: 100 * n), st.lists(st.integers(0, 500_000), max_size=6))
def test_what_is_shared_is_never_more_than_each_can(total: int, most: list[int]) -> None:
    parts = {part.resource: part.w for part in shared(total, [(f"r-{n}", each) for n, each in enumerate(most)])}
    can = [each // 100 * 100 for each in most]
    assert sum(parts.values()) == min(total, sum(can))
    assert all(0 < w <= can[int(name[2:])] and w % 100 == 0 for name, w in parts.items())


def wide_pilot() -> Pilot:
    """Five resources behind one account that three operators may offer, each by a contract of another type."""
    acts: list[tuple[str, AnyDocument]] = [("op-3", Operator("三号运营商", "Operator three"))]
    for name in _RESOURCES:
        meter = (Term(f"{PARK}/gw-1/{name}/energy_import_kwh", 1),)
        load = Resource("负荷", "Load", PARK, "acc-1", "interruptible", _MOST_W, 0, 1000, 0, 60, 60, meter, BASELINE)
        acts += [(name, load), tried(name)]
        acts += [(name, replace(each, on=date(2026, 5, 1))) for _, each in registry() if isinstance(each, Phase)][:5]
    contract = next(each for _, each in registry() if isinstance(each, Contract))
    for number, kind in enumerate(("day_ahead", "hour", "direct"), 1):
        operator = f"op-{number}"
        acts.append((f"con-{number}", replace(contract, operator=operator, type=kind, resources=_RESOURCES)))  # type: ignore[arg-type]
    return pilot_of(*acts)


_WIDE = wide_pilot()
_ANY = PACK.text.replace('"fits"', '"any"')
"""Rules that take every type of contract, and bids of any size."""
_ANY = _ANY.replace("least_kw = 10", "least_kw = 0")
_PARTS = st.dictionaries(
    st.sampled_from(_RESOURCES), st.integers(1, _MOST_W // 100 + 50).map(lambda n: 100 * n), min_size=1
)
_BIDS = st.lists(st.tuples(st.sampled_from(["0.05", "1", "2", "2", "3.5", "4"]), _PARTS), min_size=1, max_size=3)


def wide_cleared(offers: list[tuple[str, dict[str, int]]], target_w: int) -> tuple[list[Bid], Awards]:
    """Offers of several operators for one event, in their order, in a pilot that is used again."""
    _WIDE.events.clear()
    _WIDE.bids.clear()
    bids = [
        Bid(f"bid-{n}", f"op-{n + 1}", Decimal(price), tuple(Part(name, w) for name, w in parts.items()))
        for n, (price, parts) in enumerate(offers)
    ]
    digest, called = version_of(_ANY), event(target_w=target_w)
    called = replace(called, rules=replace(called.rules, pack=digest))
    written(_WIDE, [(digest, Rules("pack", "any", _ANY)), ("ev-9", called), *[("ev-9", each) for each in bids]])
    return bids, clear(_WIDE, "ev-9", read_pack(_ANY, "any.toml"))


@given(_BIDS, st.integers(1, 12_000).map(lambda n: 100 * n))
def test_what_clearing_always_keeps_to(offers: list[tuple[str, dict[str, int]]], target_w: int) -> None:
    bids, found = wide_cleared(offers, target_w)
    parts = [(award, part) for award in found.awards for part in award.parts]
    assert sum(part.w for _, part in parts) + found.short_w == target_w, "the target is the awards and what is short"
    assert all(award.w == sum(part.w for part in award.parts) for award in found.awards)
    assert len({part.resource for _, part in parts}) == len(parts), "no resource twice"
    asked = {(each.bid, part.resource): part.w for each in bids for part in each.parts}
    got = {(award.bid, part.resource): part.w for award, part in parts}
    told = {(each.bid, each.resource) for each in found.losers}
    whole = {each.bid for each in found.losers if each.resource is None}
    for key, w in asked.items():
        assert got.get(key, 0) == w or key in told or key[0] in whole, "who gets less than asked is told why"
    assert all(got.get(key, 0) <= w for key, w in asked.items())
    assert all(each.reason for each in found.losers)
    assert found.price == max(
        (each.price for each in bids if each.bid in {award.bid for award in found.awards}), default=0
    )


@given(_BIDS, st.integers(1, 12_000).map(lambda n: 100 * n))
def test_no_cheaper_or_earlier_bid_loses_while_it_could_serve(
    offers: list[tuple[str, dict[str, int]]], target_w: int
) -> None:
    bids, found = wide_cleared(offers, target_w)
    order = {each.bid: (each.price, number) for number, each in enumerate(bids)}
    got = {part.resource: award.bid for award in found.awards for part in award.parts}
    for loser in found.losers:
        if loser.reason.startswith(("not needed", "cut")):
            assert all(order[award.bid] <= order[loser.bid] for award in found.awards), (
                "only dearer ones are not needed"
            )
        elif "which is cheaper or earlier" in loser.reason and loser.resource:
            assert order[got[loser.resource]] < order[loser.bid]
    if found.short_w:
        assert not any(each.reason.startswith(("not needed", "cut")) for each in found.losers)


def test_a_bid_whose_statement_could_not_be_named_is_refused() -> None:
    pilot, name = Pilot(), "op-" + "x" * 53
    written(pilot, [*rules(), *registry(), (name, Operator("长", "Long")), ("ev-1", event())])
    assert "have more than 58 characters together" in refusal(pilot, "ev-1", replace(bid(), operator=name), WRITTEN)
