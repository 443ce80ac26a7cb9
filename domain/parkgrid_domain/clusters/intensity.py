"""Energy beside output: kWh and standard coal per 10,000 CNY, elasticity, a cluster's share of PV and storage.

Electricity only: heat and gas are not metered. The coal of a cluster counts all electricity that was used, own PV
included; the coal of a park counts what was purchased, and is called so. Formulas: domain facts C.8 (GB/T 2589 [from
memory]).

Enterprises with meters are seldom the whole cluster: every figure says how much of its output they make.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from parkgrid_domain.clusters.energy import Attribution, ClusterEnergy, Energy
from parkgrid_domain.clusters.enterprise_file import StatedEnterprise
from parkgrid_domain.clusters.figures import BY_NAME, Bound, ClusterFigure, Coal, CoalFactor
from parkgrid_domain.clusters.outputs import Amount, Outputs
from parkgrid_domain.clusters.plan import Rules
from parkgrid_domain.clusters.progress import growth_pct
from parkgrid_domain.clusters.quarter import Quarter
from parkgrid_domain.clusters.reason import Reason, reason

_HUNDRED = Decimal(100)
_KG_PER_TONNE = 1000
_10K_PER_100M = Decimal(10_000)
_METERED = "interval_energy"


@dataclass(frozen=True, slots=True)
class Beside:
    """Everything that the energy figures of one cluster need."""

    cluster: str
    quarter: Quarter
    outputs: Outputs
    now: Attribution
    before: Attribution
    """The same quarter of the year before."""
    enterprises: Mapping[str, StatedEnterprise]
    coal: Coal
    rules: Rules

    @property
    def own(self) -> ClusterEnergy:
        """The cluster's energy of the quarter."""
        return self.now.clusters.get(self.cluster, ClusterEnergy())


def energy_figures(beside: Beside) -> list[ClusterFigure]:
    """The energy figures of a cluster for a quarter."""
    own, total = beside.own.energies, beside.now.total
    energy = _metered(beside, "energy", own.consumption, "no_meter")
    pv = _metered(beside, "pv_energy", own.pv, "no_pv")
    storage = _metered(beside, "storage_energy", own.discharged, "no_storage")
    return [
        energy,
        pv,
        storage,
        *_intensities(beside, energy),
        _elasticity(beside, energy),
        _share(beside, "pv_share", pv, total.pv),
        _share(beside, "storage_share", storage, total.discharged),
    ]


def _metered(beside: Beside, name: str, energy: Energy | None, nothing: str) -> ClusterFigure:
    """An amount of energy, if enough of it is known."""
    own = beside.own
    details = {"accounts": len(own.accounts), "accounts_metered": len(own.metered)}
    found = ClusterFigure(name, "kWh", sources=(_METERED,), details=details)
    if not own.accounts:
        return replace(found, unavailable=reason("no_enterprise"), sources=())
    if energy is None:
        return replace(found, unavailable=reason(nothing), coverage_pct=0.0)
    found = replace(found, coverage_pct=energy.coverage_pct, estimated_pct=energy.estimated_pct)
    if why := _too_little(energy, beside.rules):
        return replace(found, unavailable=why)
    if energy.energy_wh < 0:
        return replace(found, unavailable=reason("negative_energy"))
    bound, output_share_pct = _basis(beside)
    return replace(found, value=energy.energy_kwh, bound=bound, output_share_pct=output_share_pct)


def _too_little(energy: Energy, rules: Rules) -> Reason | None:
    if energy.coverage_pct >= rules.minimum_coverage_pct:
        return None
    # Rounded down: 89.96 % must not be told as 90.0 %.
    shown = int(energy.coverage_pct * 10) / 10
    return reason("coverage", pct=shown, least=f"{rules.minimum_coverage_pct:g}")


def _intensities(beside: Beside, energy: ClusterFigure) -> Iterator[ClusterFigure]:
    electricity = _intensity(beside, energy)
    yield electricity
    yield _coal(beside, "intensity_equivalent", electricity, beside.coal.equivalent)
    yield _coal(beside, "intensity_equal_value", electricity, beside.coal.equal_value)


def _intensity(beside: Beside, energy: ClusterFigure) -> ClusterFigure:
    """Energy per output of the same enterprises; of the whole cluster's output, at least so much, if none is stated."""
    output = beside.outputs.alone(beside.quarter)
    stated = output.output_100m_cny
    found = replace(energy, name="intensity", unit=_unit("intensity"), value=None)
    sources = (*energy.sources, *output.sources)
    found = replace(found, sources=sources, revision=output.revision, example=output.example)
    if energy.value is None or stated is None:
        return replace(found, unavailable=energy.unavailable or output.unavailable)
    if stated == 0:
        return replace(found, unavailable=reason("zero", what_zh="产值", what_en="the output"))
    share_pct = energy.output_share_pct
    value = energy.value / (stated * _10K_PER_100M * (_HUNDRED if share_pct is None else share_pct) / _HUNDRED)
    details = {**energy.details, "energy_kwh": energy.value, "output_100m_cny": stated, "output_share_pct": share_pct}
    return replace(found, value=value, details=details)


def _basis(beside: Beside) -> tuple[Bound, Decimal | None]:
    """How much of the cluster's output stands behind the metered energy, in per cent, if all of that is stated."""
    own = beside.own
    metered = {enterprise for _, _, enterprise, _ in own.metered}
    shares = [beside.enterprises[enterprise].output_share_pct for enterprise in sorted(metered)]
    known = [share for share in shares if share is not None]
    partly = {enterprise for _, _, enterprise, _ in own.accounts - own.metered}
    if len(known) < len(shares) or metered & partly:
        return Bound.AT_LEAST, None
    total = sum(known, Decimal())
    return (Bound.EXACT if total == _HUNDRED else Bound.METERED_PART), total


def _coal(beside: Beside, name: str, electricity: ClusterFigure, factor: CoalFactor | None) -> ClusterFigure:
    found = replace(electricity, name=name, unit=_unit(name), value=None)
    if electricity.value is None:
        return found
    if factor is None:
        return replace(found, unavailable=reason("no_coal", year=beside.quarter.year))
    return replace(
        found,
        value=electricity.value * factor.kgce_per_kwh / _KG_PER_TONNE,
        sources=(*electricity.sources, factor.source),
        details={**electricity.details, "kgce_per_kwh": factor.kgce_per_kwh},
    )


def _elasticity(beside: Beside, energy: ClusterFigure) -> ClusterFigure:
    """Growth of energy over growth of output, on the same quarter of the year before and for the same accounts."""
    found = replace(energy, name="elasticity", unit="1", value=None)
    now, old = (beside.outputs.alone(quarter) for quarter in (beside.quarter, beside.quarter.year_before))
    both = Amount(None, (*now.parts, *old.parts))
    sources = (*energy.sources, *both.sources)
    found = replace(found, sources=sources, revision=both.revision, example=both.example)
    if energy.value is None:
        return found
    earlier = beside.before.clusters.get(beside.cluster, ClusterEnergy())
    past = earlier.energies.consumption
    if (earlier.accounts, earlier.points) != (beside.own.accounts, beside.own.points) or past is None:
        return replace(found, unavailable=reason("other_enterprises"))
    found = _with(found, past)
    why = _too_little(past, beside.rules) or now.unavailable or old.unavailable
    if why or now.output_100m_cny is None or old.output_100m_cny is None:
        return replace(found, unavailable=why)
    if past.energy_wh <= 0 or old.output_100m_cny == 0:
        return replace(found, unavailable=reason("zero", what_zh="上年同期数", what_en="the figure of the year before"))
    of_energy = growth_pct(energy.value, past.energy_kwh)
    of_output = growth_pct(now.output_100m_cny, old.output_100m_cny)
    least = beside.rules.minimum_growth_pct
    if abs(of_output) < least:
        return replace(found, unavailable=reason("small_growth", pct=f"{of_output:.2f}", least=least))
    details = {**energy.details, "energy_growth_pct": of_energy, "output_growth_pct": of_output}
    # Adding 0 turns -0 into 0.
    return replace(found, value=of_energy / of_output + 0, details=details)


def _share(beside: Beside, name: str, own: ClusterFigure, total: Energy | None) -> ClusterFigure:
    """A cluster's part of the energy of all parks."""
    found = replace(own, name=name, unit="%", value=None)
    if own.value is None or total is None:
        return found
    found = _with(found, total)
    if why := _too_little(total, beside.rules):
        return replace(found, unavailable=why)
    if total.energy_wh <= 0:
        return replace(found, unavailable=reason("zero", what_zh="各园区合计", what_en="the sum over all parks"))
    details = {**own.details, "energy_kwh": own.value, "all_parks_kwh": total.energy_kwh}
    return replace(found, value=_HUNDRED * own.value / total.energy_kwh, details=details)


def _with(figure: ClusterFigure, other: Energy) -> ClusterFigure:
    """A figure that rests on other energy as well: as well known as the one that is known less."""
    return replace(
        figure,
        coverage_pct=min(figure.coverage_pct or 0.0, other.coverage_pct),
        estimated_pct=max(figure.estimated_pct or 0.0, other.estimated_pct),
    )


def _unit(name: str) -> str:
    return BY_NAME[name].unit
