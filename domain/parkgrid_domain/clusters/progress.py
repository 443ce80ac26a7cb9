"""Progress to the targets of the plan, from stated outputs."""

from dataclasses import replace
from decimal import Decimal

from parkgrid_domain.clusters.figures import BY_NAME, ClusterFigure
from parkgrid_domain.clusters.outputs import Amount, Outputs
from parkgrid_domain.clusters.plan import Cluster, PlanFigure
from parkgrid_domain.clusters.quarter import Quarter
from parkgrid_domain.clusters.reason import reason

_HUNDRED = Decimal(100)


def progress_figures(cluster: Cluster, outputs: Outputs, quarter: Quarter) -> list[ClusterFigure]:
    """Outputs of a quarter and what is still to be done until each target year."""
    newest = newest_annual(cluster, outputs, quarter)
    figures = [
        _planned("base_output", cluster.base, cluster),
        _stated("quarter_output", outputs.alone(quarter)),
        _stated("cumulative_output", outputs.since_january(quarter)),
        _growth(outputs, quarter),
        newest,
    ]
    for name in BY_NAME:
        if name.startswith("target_"):
            figures += _towards(cluster, newest, int(name.removeprefix("target_")))
    return figures


def newest_annual(cluster: Cluster, outputs: Outputs, quarter: Quarter) -> ClusterFigure:
    """The output of the newest whole year that is over at the end of a quarter; the plan's base until one is stated."""
    year = outputs.newest_year(quarter)
    base = cluster.base
    if year is not None and (base is None or year >= base.year):
        return _stated("annual_output", outputs.annual(year), year=year)
    if base is None:
        return _none("annual_output", "no_annual")
    return ClusterFigure(
        "annual_output",
        _unit("annual_output"),
        base.output_100m_cny,
        sources=(base.source,),
        details={"year": base.year},
    )


def required_growth_pct(output: Decimal, target: Decimal, years: int) -> Decimal:
    """The annual growth in per cent that brings an output (above 0) to a target in so many years (at least 1)."""
    return _HUNDRED * (((target / output).ln() / years).exp() - 1)


def growth_pct(new: Decimal, old: Decimal) -> Decimal:
    """The growth in per cent from an old amount (above 0) to a new one."""
    return _HUNDRED * (new / old - 1)


def _towards(cluster: Cluster, newest: ClusterFigure, year: int) -> list[ClusterFigure]:
    progress, growth = f"progress_{year}", f"required_growth_{year}"
    target = cluster.target(year)
    planned = _planned(f"target_{year}", target, cluster)
    if target is None:
        return [planned, _none(progress, "no_target"), _none(growth, "no_target")]
    if newest.value is None:
        return [planned, _none(progress, "no_annual"), _none(growth, "no_annual")]
    done = _HUNDRED * newest.value / target.output_100m_cny
    reached = int(newest.details["year"] or 0)
    sources = tuple(dict.fromkeys((*newest.sources, target.source)))
    details = {"year": reached, "since_base": _since_base(cluster, newest.value, target)}
    of_newest = replace(newest, sources=sources, details=details)
    figures = [planned, replace(of_newest, name=progress, unit="%", value=done)]
    if reached >= year:
        why = reason("target_over", year=year, pct=f"{done:.2f}")
        return [*figures, ClusterFigure(growth, _unit(growth), unavailable=why, sources=sources)]
    if newest.value == 0:
        return [*figures, _none(growth, "zero", what_zh="产值", what_en="the output")]
    needed = required_growth_pct(newest.value, target.output_100m_cny, year - reached)
    details = {"year": reached, "years": year - reached}
    return [*figures, replace(of_newest, name=growth, unit=_unit(growth), value=needed, details=details)]


def _since_base(cluster: Cluster, output: Decimal, target: PlanFigure) -> Decimal | None:
    """How much of the way from the base to the target is done, in per cent."""
    if cluster.base is None or cluster.base.output_100m_cny == target.output_100m_cny:
        return None
    base = cluster.base.output_100m_cny
    return _HUNDRED * (output - base) / (target.output_100m_cny - base)


def _growth(outputs: Outputs, quarter: Quarter) -> ClusterFigure:
    name = "cumulative_growth"
    new, old = outputs.since_january(quarter), outputs.since_january(quarter.year_before)
    if new.output_100m_cny is None or old.output_100m_cny is None:
        return ClusterFigure(name, "%", unavailable=new.unavailable or old.unavailable)
    if old.output_100m_cny == 0:
        return _none(name, "zero", what_zh="上年同期产值", what_en="the output of the year before")
    both = Amount(None, (*new.parts, *old.parts))
    value = growth_pct(new.output_100m_cny, old.output_100m_cny)
    return ClusterFigure(name, "%", value, sources=both.sources, revision=both.revision, example=both.example)


def _stated(name: str, amount: Amount, **details: int) -> ClusterFigure:
    return ClusterFigure(
        name,
        _unit(name),
        amount.output_100m_cny,
        amount.unavailable,
        sources=amount.sources,
        revision=amount.revision,
        example=amount.example,
        details=details,
    )


def _planned(name: str, figure: PlanFigure | None, cluster: Cluster) -> ClusterFigure:
    if figure is None:
        code = "no_base" if name == "base_output" else "no_target"
        return ClusterFigure(name, _unit(name), unavailable=reason(code), sources=(cluster.source,))
    details = {"year": figure.year}
    return ClusterFigure(name, _unit(name), figure.output_100m_cny, sources=(figure.source,), details=details)


def _none(name: str, code: str, **fields: object) -> ClusterFigure:
    return ClusterFigure(name, _unit(name), unavailable=reason(code, **fields))


def _unit(name: str) -> str:
    return BY_NAME[name].unit
