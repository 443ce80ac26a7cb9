"""The plan against the district's document, figure by figure."""

import copy
import tomllib
from datetime import date
from decimal import Decimal
from importlib import resources

import pytest

from parkgrid_domain.clusters.plan import ClusterKind, plan, read_plan

# Read off 深坪府〔2024〕1 号 (2024-02-18), part 三: 2023 output, targets of 2025 and 2030 in 亿元.
STATED = {
    "智能网联汽车": (3121, 4000, 6000),
    "半导体与集成电路": (150, 300, 1000),
    "高端医疗器械": (100, 130, 300),
    "生物医药": (147, 200, 500),
    "新能源": (543, 700, 1500),
    "智能终端": (350, 500, 1000),
}
POTENTIAL = {"细胞与基因", "低空经济与空天", "文化体育旅游"}


def document() -> dict:
    return tomllib.loads(
        resources.files("parkgrid_domain.clusters").joinpath("data/pingshan_6_plus_3.toml").read_text("utf-8")
    )


def test_the_figures_are_those_of_the_document() -> None:
    found = {
        cluster.name_zh: (cluster.base.output_100m_cny, *(target.output_100m_cny for target in cluster.targets))
        for cluster in plan().clusters
        if cluster.base
    }
    assert found == STATED
    assert {cluster.name_zh for cluster in plan().clusters} == set(STATED) | POTENTIAL
    assert plan().valid_from == date(2024, 2, 18)
    assert plan().target_years == (2025, 2030)


def test_every_figure_names_document_and_clause() -> None:
    for cluster in plan().clusters:
        assert cluster.places_zh
        assert cluster.parks
        assert cluster.name("zh") != cluster.name("en")
        for figure in (cluster.base, *cluster.targets):
            if figure:
                assert figure.source.startswith("深坪府〔2024〕1 号（2024-02-18）三（一）")
        assert (cluster.kind is ClusterKind.POTENTIAL) == (cluster.base is None)


def test_a_park_can_host_several_clusters() -> None:
    hosts = [cluster.id for cluster in plan().clusters if "gaoxin-nan" in cluster.parks]
    assert hosts == ["intelligent-connected-vehicles", "new-energy"]


def test_what_no_cluster_can_have_produced() -> None:
    # Ten times the largest figure of the plan: 10 * 6000; without figures the plan's own bound.
    assert plan().largest_believable_100m_cny(plan().clusters[0]) == Decimal(60_000)
    assert plan().largest_believable_100m_cny(plan().clusters[8]) == Decimal(10_000)
    assert plan().cluster("none-such") is None
    assert plan().clusters[6].target(2025) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda plan: plan["cluster"].append(plan["cluster"][0]), "intelligent-connected-vehicles twice"),
        (lambda plan: plan["cluster"][0].pop("targets"), "has a base and targets"),
        (lambda plan: plan["cluster"][7].update(base=plan["cluster"][0]["base"]), "has neither|has a base and targets"),
        (lambda plan: plan["cluster"][0]["base"].update(output_100m_cny="0"), "above 0"),
        (lambda plan: plan["cluster"][0]["base"].update(output_100m_cny="many"), "not complete"),
        (lambda plan: plan["cluster"][0].pop("name_en"), "name_en"),
    ],
)
def test_a_wrong_plan_is_refused(change, says) -> None:
    wrong = copy.deepcopy(document())
    change(wrong)
    if "neither" in says:
        wrong["cluster"][7]["targets"] = wrong["cluster"][0]["targets"]
        wrong["cluster"][7]["kind"] = "potential"
    with pytest.raises(ValueError, match=says):
        read_plan(wrong)
