"""The statement of an award: what stands at which level, how money is shared, and properties of both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import Contract, Statement
from parkgrid_domain.vpp.pack import Pack, Unverified, published
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_domain.vpp.settlement import Quarter, settle
from parkgrid_domain.vpp.statement import Identity, Member, figures_differ, statement, unverifies

START = datetime(2026, 7, 15, 6, tzinfo=UTC)
PACKS = published()
SHIPPED = PACKS["guangdong-2026"]
GUANGDONG = replace(SHIPPED, unverified=Unverified(Decimal(0), "verified"))
"""Nothing is asked of how much must be verified."""
EACH = replace(GUANGDONG, covers=False)
IDENTITY = Identity("ev-1", "aw-1", "op-1")


def contract(operator: str = "30", penalty: str = "100") -> Contract:
    shares = (Decimal(operator), 100 - Decimal(operator), Decimal(penalty), 100 - Decimal(penalty))
    return Contract("op-1", "acc-1", "day_ahead", date(2026, 1, 1), None, (), 30, *shares, "", "")


def member(
    name: str, award_kw: int, baseline_kw: Sequence[float], metered_kw: Sequence[float], unsure: str = ""
) -> Member:
    """Four quarter hours; `unsure` says of each by a letter whether it is: e estimated, f finding."""
    why = {"e": "estimated", "f": "finding", ".": ""}
    quarters = tuple(
        Quarter(
            START + place * QUARTER, award_kw * 250, int(base * 250), int(metered * 250), why[(unsure or "....")[place]]
        )
        for place, (base, metered) in enumerate(zip(baseline_kw, metered_kw, strict=True))
    )
    return Member(name, award_kw * 1000, f"con-{name}", contract(), quarters, "0" * 64)


def of(pack: Pack, *members: Member, price: str = "1.5") -> Statement:
    return statement(pack, "shave", Decimal(price), members, IDENTITY)


def money(found: Statement) -> Mapping[str, tuple[Decimal, Decimal]]:
    return {line.resource: (line.payment, line.penalty) for line in found.lines}


def test_a_storage_behind_a_site_meter_is_paid_once() -> None:
    """vpp.md 5.1: base 3,000 kW, metered 2,200 while a storage gives 500: load 300 + storage 500 = 800, never 1,300.

    The site's meter shows 2,200; the load is what it would show without the storage: 2,200 + 500.
    """
    load = member("load", 300, [3000] * 4, [2200 + 500] * 4)
    storage = member("storage", 500, [0] * 4, [-500] * 4)
    found = of(GUANGDONG, load, storage)
    assert [each.moved_wh for each in found.quarters] == [800 * 250] * 4
    assert found.payment == 1200
    assert money(found) == {"load": (450, 0), "storage": (750, 0)}


@pytest.mark.parametrize(
    ("pack", "payment", "penalty", "parts"),
    [
        # 200 kWh awarded, 160 moved: 80 % is paid.
        (GUANGDONG, "240.00", "0.00", {"a": ("210.00", "0.00"), "b": ("30.00", "0.00")}),
        # a 140 of 100: 120 count. b 20 of 100: nothing counts, 30 kWh x 1.5 x 0.5.
        (EACH, "180.00", "22.50", {"a": ("180.00", "0.00"), "b": ("0.00", "22.50")}),
    ],
)
def test_whether_one_covers_another_is_the_packs(
    pack: Pack, payment: str, penalty: str, parts: Mapping[str, tuple[str, str]]
) -> None:
    found = of(pack, member("a", 100, [500] * 4, [360] * 4), member("b", 100, [500] * 4, [480] * 4))
    assert (str(found.payment), str(found.penalty)) == (payment, penalty)
    assert {name: tuple(map(str, each)) for name, each in money(found).items()} == parts
    assert bool(found.intervals) == pack.covers
    assert all(bool(each.intervals) != pack.covers for each in found.resources)


def test_what_is_unverified_of_one_resource_leaves_the_award() -> None:
    found = of(GUANGDONG, member("a", 100, [500] * 4, [400] * 4), member("b", 200, [500] * 4, [500] * 4, "ffef"))
    assert [each.award_wh for each in found.quarters] == [25_000] * 4
    assert {each.verdict for each in found.quarters} == {"delivered"}
    assert money(found) == {"a": (150, 0), "b": (0, 0)}
    assert found.resources[1].note == "estimated 1, finding 3"


def test_an_award_of_which_too_little_is_verified_is_paid_nothing_and_silence_is_charged() -> None:
    """By hand: a delivers 100 kW whole, b is to do 200 and is silent for three quarter hours: 50 % are verified.

    Silent for the whole hour 33.3 % are: of 300 kWh awarded 100 are shown, half of them are 150: 50 kWh x 1.5 x 0.5.
    """
    a, b = member("a", 100, [500] * 4, [400] * 4), member("b", 200, [500] * 4, [300] * 4, "fff.")
    assert of(SHIPPED, a, b).payment == 225
    silent = of(SHIPPED, a, replace(b, quarters=tuple(replace(each, unsure="missing") for each in b.quarters)))
    assert (silent.payment, silent.penalty, silent.intervals[0].award_kwh) == (0, Decimal("37.50"), 300)
    assert {each.verdict for each in silent.resources[1].quarters} == {"unverified"}, "it is not told as a breach"
    assert money(silent) == {"a": (0, 0), "b": (0, Decimal("37.50"))}
    assert silent.resources[1].note.endswith("33.3 % of the award is verified, less than 50 %: nothing is paid")
    spared = of(replace(SHIPPED, unverified=Unverified(Decimal(50), "verified")), a, replace(b, quarters=silent_of(b)))
    assert (spared.payment, spared.penalty) == (0, 0)


def silent_of(one: Member, reason: str = "missing") -> tuple[Quarter, ...]:
    return tuple(replace(each, unsure=reason) for each in one.quarters)


def test_where_nobody_covers_another_each_is_silent_for_itself() -> None:
    a, b = member("a", 100, [500] * 4, [400] * 4), member("b", 200, [500] * 4, [300] * 4)
    found = of(replace(SHIPPED, covers=False), a, replace(b, quarters=silent_of(b)))
    # b: half of 200 kWh x 1.5 x 0.5.
    assert money(found) == {"a": (150, 0), "b": (0, 75)}


@pytest.mark.parametrize("reason", ["no_baseline", "not_eligible"])
def test_what_was_known_with_the_award_is_no_silence(reason: str) -> None:
    a, b = member("a", 100, [500] * 4, [400] * 4), member("b", 200, [500] * 4, [300] * 4)
    assert money(of(SHIPPED, a, replace(b, quarters=silent_of(b, reason)))) == {"a": (150, 0), "b": (0, 0)}


def test_where_nobody_is_verified_the_first_reason_stands() -> None:
    found = of(
        GUANGDONG, member("a", 100, [500] * 4, [400] * 4, "e..."), member("b", 200, [500] * 4, [500] * 4, "f...")
    )
    assert (found.quarters[0].verdict, found.quarters[0].unsure, found.quarters[0].award_wh) == (
        "unverified",
        "estimated",
        75_000,
    )


def test_an_estimate_that_the_pack_counts_is_paid_and_still_named() -> None:
    counting = replace(GUANGDONG, estimated="counts")
    found = of(counting, member("a", 100, [500] * 4, [400] * 4, "e..."))
    assert (found.payment, found.quarters[0].verdict) == (150, "delivered")
    assert (found.resources[0].quarters[0].verdict, found.resources[0].quarters[0].unsure) == ("delivered", "estimated")


def test_only_a_verified_pack_is_payable() -> None:
    one = member("a", 100, [500] * 4, [400] * 4)
    assert of(GUANGDONG, one).status == "simulation"
    assert of(replace(GUANGDONG, status="verified"), one).status == "payable"


def test_a_statement_of_nobody_is_empty() -> None:
    found = of(GUANGDONG)
    assert (found.payment, found.penalty, found.lines, found.quarters) == (0, 0, (), ())


def test_a_revision_counts_only_where_a_figure_differs() -> None:
    before = member("a", 100, [500] * 4, [400] * 4)
    same = replace(before, readings="1" * 64)
    other = member("a", 100, [500] * 4, [400, 400, 400, 401])
    assert not figures_differ(of(GUANGDONG, before), of(GUANGDONG, same))
    assert figures_differ(of(GUANGDONG, before), of(GUANGDONG, other))


def test_late_data_may_verify_and_may_not_unverify() -> None:
    sure = of(GUANGDONG, member("a", 100, [500] * 4, [500] * 4))
    doubtful = of(GUANGDONG, member("a", 100, [500] * 4, [500] * 4, "...f"))
    assert unverifies(sure, doubtful)
    assert not unverifies(doubtful, sure)
    assert not unverifies(doubtful, doubtful)


powers = st.integers(-(10**6), 10**6)
rows = st.lists(
    st.tuples(powers, powers, st.sampled_from(["", "", "", "estimated", "finding", "missing"])), min_size=4, max_size=4
)
resources = st.lists(
    st.tuples(st.integers(1, 4_000), rows, st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=5
)
packs = st.builds(
    lambda name, covers: replace(PACKS[name], covers=covers, unverified=GUANGDONG.unverified),
    st.sampled_from(sorted(PACKS)),
    st.booleans(),
)
prices = st.decimals("0.01", 5, places=4)
Told = Sequence[tuple[int, Sequence[tuple[int, int, str]], int, int]]


def members(told: Told) -> list[Member]:
    return [
        Member(
            f"r-{number}",
            award * 100,
            f"c-{number}",
            contract(str(share), str(penalty)),
            tuple(Quarter(START + place * QUARTER, award * 25, *row) for place, row in enumerate(quarters)),
            "0" * 64,
        )
        for number, (award, quarters, share, penalty) in enumerate(told)
    ]


@given(packs, resources, prices)
def test_parts_are_the_whole_and_the_document_is_read_back(pack: Pack, told: Told, price: Decimal) -> None:
    found = statement(pack, "shave", price, members(told), IDENTITY)
    assert sum(line.payment for line in found.lines) == found.payment
    assert sum(line.penalty for line in found.lines) == found.penalty
    assert found.net == found.payment - found.penalty
    for line in found.lines:
        assert line.operator_part + line.user_part == line.payment - line.penalty
        assert line.payment >= 0
        assert line.penalty >= 0
    for place, whole in enumerate(found.quarters):
        sure = [each.quarters[place] for each in found.resources if each.quarters[place].verdict != "unverified"]
        if sure:
            assert whole.award_wh == sum(each.award_wh for each in sure)
            assert whole.moved_wh == sum(each.moved_wh or 0 for each in sure)
        else:
            assert whole.verdict == "unverified"
    assert forms.read(Statement, forms.document(found)) == found


@given(packs, resources, prices)
def test_who_cannot_be_verified_is_neither_paid_nor_punished(pack: Pack, told: Told, price: Decimal) -> None:
    unknown = [
        (award, [(base, metered, "finding") for base, metered, _ in quarters], *shares)
        for award, quarters, *shares in told
    ]
    mixed = [*told, *unknown]  # type: ignore[list-item]
    found = statement(pack, "shave", price, members(mixed), IDENTITY)  # type: ignore[arg-type]
    alone = statement(pack, "shave", price, members(told), IDENTITY)
    assert (found.payment, found.penalty) == (alone.payment, alone.penalty)
    assert found.lines[: len(told)] == alone.lines
    assert all((line.payment, line.penalty) == (0, 0) for line in found.lines[len(told) :])


@given(packs, resources, prices, st.integers(0, 3), st.integers(0, 10**6))
def test_more_response_of_one_never_pays_the_award_less(
    pack: Pack, told: Told, price: Decimal, place: int, more: int
) -> None:
    before = members(told)
    quarters = list(before[0].quarters)
    metered = quarters[place].metered_wh
    assert metered is not None
    quarters[place] = replace(quarters[place], metered_wh=metered - more)
    after = [replace(before[0], quarters=tuple(quarters)), *before[1:]]
    assert statement(pack, "shave", price, after, IDENTITY).net >= statement(pack, "shave", price, before, IDENTITY).net


@given(st.sampled_from([SHIPPED, replace(SHIPPED, covers=False)]), resources, st.integers(0, 3))
def test_silence_of_more_than_half_never_pays_more_than_it_shows(pack: Pack, told: Told, place: int) -> None:
    """Whoever is silent for three of four quarter hours is paid nothing, and charged no less than for no response."""
    price = Decimal("1.5")
    one = members(told)[0]
    failed = [replace(each, metered_wh=each.baseline_wh, unsure="") for each in one.quarters]
    hidden = [replace(each, unsure="missing") if at != place else each for at, each in enumerate(failed)]
    honest, silent = (
        statement(pack, "shave", price, [replace(one, quarters=tuple(each))], IDENTITY) for each in (failed, hidden)
    )
    assert silent.net == honest.net
    assert honest.payment == 0


@given(packs, resources, prices)
def test_a_smaller_award_never_raises_the_penalty(pack: Pack, told: Told, price: Decimal) -> None:
    smaller = [(max(1, award // 2), *rest) for award, *rest in told]
    one, other = (statement(pack, "shave", price, members(each), IDENTITY) for each in (told, smaller))  # type: ignore[arg-type]
    assert other.penalty <= one.penalty


@given(resources, prices)
def test_the_lines_of_a_pack_that_covers_nobody_are_each_ones_own(told: Told, price: Decimal) -> None:
    """Each line is within a cent of what the resource would have been paid alone."""
    found = statement(EACH, "shave", price, members(told), IDENTITY)
    for line, each in zip(found.lines, members(told), strict=True):
        alone = settle(EACH, "shave", price, each.quarters)
        assert abs(line.payment - alone.payment_cny) <= Decimal("0.02")
        assert abs(line.penalty - alone.penalty_cny) <= Decimal("0.02")
