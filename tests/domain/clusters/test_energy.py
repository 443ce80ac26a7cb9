"""Whose energy it is, and what it is per output: computed by hand; the parts always come to the whole."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.clusters.energy import Attribution, Metered, attribute, energies_of
from parkgrid_domain.clusters.enterprise_file import StatedAccount, StatedEnterprise
from parkgrid_domain.clusters.figures import Bound, Coal, CoalFactor
from parkgrid_domain.clusters.intensity import Beside, energy_figures
from parkgrid_domain.clusters.output_file import Basis
from parkgrid_domain.clusters.outputs import Output, Outputs
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.clusters.quarter import Quarter

APRIL = date(2024, 4, 1)
MONTH_S = 30 * 86_400
WHEN = Quarter(2024, 2)
COAL = Coal(CoalFactor(Decimal("0.1229"), "GB/T 2589"), CoalFactor(Decimal("0.3"), "year"))


def metered(account: str, kind: str, signal: str, kwh: float | None, known: float = 1.0, park: str = "p") -> Metered:
    wh = None if kwh is None else round(kwh * 1000)
    return Metered(park, account, kind, signal, APRIL, wh, round(MONTH_S * known), MONTH_S)


def share(
    account: str, enterprise: str, pct: str = "100", start: date = APRIL, end: date | None = None
) -> StatedAccount:
    return StatedAccount("p", account, enterprise, start, end, Decimal(pct), "s")


def enterprise(name: str, cluster: str = "new-energy", output_pct: str | None = None) -> StatedEnterprise:
    return StatedEnterprise(name, cluster, "", "", Decimal(output_pct) if output_pct else None, "s")


def split(rows: list[Metered], accounts: list[StatedAccount], *enterprises: StatedEnterprise) -> Attribution:
    return attribute(rows, accounts, {each.enterprise: each for each in enterprises}, [APRIL])


SITE = [
    metered("A", "grid_meter", "energy_import_kwh", 900),
    metered("A", "grid_meter", "energy_export_kwh", 200),
    metered("A", "pv_inverter", "energy_generated_kwh", 1000),
    metered("A", "storage", "energy_charged_kwh", 100),
    metered("A", "storage", "energy_discharged_kwh", 90),
]


def test_the_balance_of_an_account() -> None:
    """900 - 200 + 1000 + 90 - 100 = 1690; sub-meters do not count where there is a grid meter."""
    found = energies_of([*SITE, metered("A", "meter", "energy_import_kwh", 777)])
    assert found.consumption.energy_kwh == 1690
    assert (found.pv.energy_kwh, found.discharged.energy_kwh) == (1000, 90)
    assert energies_of([metered("B", "meter", "energy_import_kwh", 50)]).consumption.energy_kwh == 50
    # Without a meter nobody knows what was used, however much the roof made.
    assert energies_of([metered("B", "pv_inverter", "energy_generated_kwh", 50)]).consumption is None


def test_shares_and_what_is_nobodys() -> None:
    """60 % of 1690 = 1014, 25 % = 422.5; 15 % = 253.5 are nobody's."""
    found = split(SITE, [share("A", "a", "60"), share("A", "b", "25")], enterprise("a"), enterprise("b", "biomedicine"))
    assert found.clusters["new-energy"].energies.consumption.energy_kwh == 1014
    assert found.clusters["biomedicine"].energies.pv.energy_kwh == 250
    assert found.unattributed_wh("p") == Decimal(253_500)


def test_a_share_holds_from_its_first_month_to_its_last() -> None:
    accounts = [share("A", "a", start=date(2024, 5, 1)), share("A", "b", start=date(2023, 1, 1), end=APRIL)]
    found = split(SITE, accounts, enterprise("a"), enterprise("b"))
    assert found.clusters == {}
    assert found.unattributed_wh("p") == 1_690_000


@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.integers(1, 50), st.sampled_from(["new-energy", "biomedicine"])), max_size=4
    ),
    st.lists(st.integers(0, 10**12), min_size=2, max_size=2),
)
def test_the_parts_and_the_rest_are_the_whole(shares, amounts) -> None:
    rows = [
        metered(account, "meter", "energy_import_kwh", wh / 1000) for account, wh in zip("AB", amounts, strict=True)
    ]
    accounts = [share(account, f"e{n}", str(pct)) for n, (account, pct, _) in enumerate(shares)]
    found = split(rows, accounts, *(enterprise(f"e{n}", cluster) for n, (_, _, cluster) in enumerate(shares)))
    parts = sum((each.energies.consumption.energy_wh for each in found.clusters.values()), Decimal())
    assert parts + found.unattributed_wh("p") == sum(row.energy_wh for row in rows)


def beside(
    current: Attribution, past: Attribution, *enterprises: StatedEnterprise, coal: Coal = COAL, **outputs: str
) -> dict:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    stated = [
        Output("new-energy", quarter, Basis.QUARTER, Decimal(outputs[key]), 2, "s", "f", "0" * 64, "D2", "li", moment)
        for key, quarter in (("now", WHEN), ("old", WHEN.year_before))
        if key in outputs
    ]
    everything = Beside(
        "new-energy", WHEN, Outputs(stated), current, past, {e.enterprise: e for e in enterprises}, coal, plan().rules
    )
    return {figure.name: figure for figure in energy_figures(everything)}


NOBODY = split([], [])


def test_intensity_of_a_whole_cluster() -> None:
    """1690 kWh over 0.0001 亿元 (1 万元) = 1690 kWh/万元; * 0.1229 / 1000 = 0.207701 tce; * 0.3 / 1000 = 0.507."""
    owner = enterprise("a", output_pct="100")
    found = beside(split(SITE, [share("A", "a")], owner), NOBODY, owner, now="0.0001")
    assert (found["intensity"].value, found["intensity"].bound) == (1690, Bound.EXACT)
    assert (found["energy"].output_share_pct, found["energy"].basis("en")) == (100, "")
    assert found["intensity_equivalent"].value == Decimal("0.207701")
    assert found["intensity_equal_value"].value == Decimal("0.507")
    assert found["intensity_equal_value"].sources == ("interval_energy", "s（f D2）", "year")
    assert (found["intensity"].revision, found["intensity"].coverage_pct) == (2, 100.0)


def test_intensity_of_the_metered_part() -> None:
    """1690 kWh over 12.5 % of 0.0008 亿元 (1 万元)."""
    owner = enterprise("a", output_pct="12.5")
    found = beside(split(SITE, [share("A", "a")], owner), NOBODY, owner, now="0.0008")
    assert (found["intensity"].value, found["intensity"].bound) == (1690, Bound.METERED_PART)
    # The energy is of this part, too: nobody metered the other 87.5 %.
    for name in ("energy", "pv_energy", "intensity", "intensity_equivalent", "pv_share"):
        assert (found[name].bound, found[name].output_share_pct) == (Bound.METERED_PART, Decimal("12.5")), name
        assert found[name].basis("zh") == "仅为计量企业，占集群产值 12.5 %"
        assert found[name].basis("en") == "metered enterprises only: 12.5 % of the cluster's output"


def test_without_their_part_of_the_output_it_is_at_least_so_much() -> None:
    owner = enterprise("a")
    found = beside(split(SITE, [share("A", "a")], owner), NOBODY, owner, now="0.0008")
    assert (found["intensity"].value, found["intensity"].bound) == (Decimal("211.25"), Bound.AT_LEAST)
    assert (found["energy"].bound, found["energy"].output_share_pct) == (Bound.AT_LEAST, None)
    assert "not stated" in found["energy"].basis("en")


def test_an_account_without_a_meter_makes_the_energy_a_lower_bound() -> None:
    owner = enterprise("a", output_pct="100")
    found = beside(split(SITE, [share("A", "a"), share("Z", "a")], owner), NOBODY, owner, now="0.0001")
    assert (found["energy"].bound, found["intensity"].bound) == (Bound.AT_LEAST, Bound.AT_LEAST)
    assert found["energy"].details == {"accounts": 2, "accounts_metered": 1}


@pytest.mark.parametrize(("known", "published"), [(1.0, True), (0.9, True), (0.8999, False), (0.0, False)])
def test_below_the_least_coverage_there_is_no_number(known: float, published: bool) -> None:
    owner = enterprise("a", output_pct="100")
    rows = [metered("A", "grid_meter", "energy_import_kwh", 900 * known if known else None, known)]
    found = beside(split(rows, [share("A", "a")], owner), NOBODY, owner, now="1")
    assert (found["energy"].value is not None) == published
    assert found["energy"].coverage_pct == pytest.approx(100 * known, abs=1e-3)
    if not published:
        assert found["intensity_equivalent"].unavailable.code == "coverage"
    if known == 0.8999:
        assert found["energy"].unavailable.en == "89.9 % of the intervals are known, less than 90 %"


def test_reasons_instead_of_numbers() -> None:
    owner = enterprise("a", output_pct="100")
    own = split(SITE, [share("A", "a")], owner)
    assert {each.unavailable.code for each in beside(NOBODY, NOBODY, now="1").values()} == {"no_enterprise"}
    assert beside(own, NOBODY, owner)["intensity"].unavailable.code == "no_output"
    assert beside(own, NOBODY, owner, now="0")["intensity"].unavailable.code == "zero"
    assert beside(own, NOBODY, owner, now="1", coal=Coal())["intensity_equal_value"].unavailable.code == "no_coal"
    unmetered = split([], [share("A", "a")], owner)
    assert beside(unmetered, NOBODY, owner, now="1")["energy"].unavailable.code == "no_meter"
    no_roof = split([metered("A", "meter", "energy_import_kwh", 5)], [share("A", "a")], owner)
    assert beside(no_roof, NOBODY, owner, now="1")["pv_share"].unavailable.code == "no_pv"
    negative = split(
        [metered("A", "meter", "energy_import_kwh", 1), metered("A", "meter", "energy_export_kwh", 5)],
        [share("A", "a")],
        owner,
    )
    assert beside(negative, NOBODY, owner, now="1")["intensity"].unavailable.code == "negative_energy"


def test_elasticity() -> None:
    """Energy 1690 after 1300: 30 %; output 120 after 100: 20 %; 30 / 20 = 1.5."""
    owner = enterprise("a")
    old = [metered("A", row.device_class, row.signal, (row.energy_wh or 0) / 1000) for row in SITE]
    old[0] = metered("A", "grid_meter", "energy_import_kwh", 510)
    accounts = [share("A", "a")]
    now, before = split(SITE, accounts, owner), split(old, accounts, owner)
    found = beside(now, before, owner, now="120", old="100")
    assert found["elasticity"].value == Decimal("1.5")
    assert found["elasticity"].revision == 3
    assert beside(now, before, owner, now="100.4", old="100")["elasticity"].unavailable.code == "small_growth"
    assert beside(now, before, owner, now="120")["elasticity"].unavailable.code == "no_output"
    assert beside(now, NOBODY, owner, now="120", old="100")["elasticity"].unavailable.code == "other_enterprises"
    other_meters = split(old[:1], accounts, owner)
    assert beside(now, other_meters, owner, now="120", old="100")["elasticity"].unavailable.code == "other_enterprises"
    assert (
        beside(
            now,
            split([metered("A", r.device_class, r.signal, 1, 0.5) for r in SITE], accounts, owner),
            owner,
            now="2",
            old="1",
        )["elasticity"].unavailable.code
        == "coverage"
    )
    assert beside(now, before, owner, now="1", old="0")["elasticity"].unavailable.code == "zero"


def test_the_share_of_all_parks() -> None:
    """1000 of 1000 + 3000 kWh of PV is 25 %; 90 of 90 kWh from storage is 100 %."""
    owner = enterprise("a")
    rows = [*SITE, metered("Q", "pv_inverter", "energy_generated_kwh", 3000, park="q")]
    found = beside(split(rows, [share("A", "a")], owner), NOBODY, owner, now="1")
    assert (found["pv_share"].value, found["storage_share"].value) == (25, 100)
    rows[-1] = metered("Q", "pv_inverter", "energy_generated_kwh", None, 0.0, park="q")
    found = beside(split(rows, [share("A", "a")], owner), NOBODY, owner, now="1")
    assert (found["pv_share"].unavailable.code, found["pv_share"].coverage_pct) == ("coverage", 50.0)
