"""Clusters over HTTP: every figure with its target, progress, intensity and source; revisions; refusals."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_domain.clusters.figures import DEFINITIONS
from parkgrid_domain.clusters.plan import plan
from tests.accounting.clusters_feed import NOW, outputs
from tests.accounting.test_clusters_figures import feed as feed_clusters
from tests.api.conftest import Api, running

VEHICLES = "intelligent-connected-vehicles"


@pytest.fixture
async def clusters(dsn: str) -> AsyncIterator[Api]:
    feed_clusters(dsn)
    async with running(ApiSettings(DatabaseSettings(dsn))) as found:
        yield found


def by_name(cluster: dict) -> dict:
    return {figure["name"]: figure for figure in cluster["figures"]}


async def test_all_clusters_with_figure_target_progress_intensity_and_source(clusters: Api) -> None:
    answer = await clusters.get("/clusters", quarter="2024-Q2")
    assert (answer["plan"], answer["valid_from"], answer["quarter"]) == ("pingshan-6-plus-3", "2024-02-18", "2024-Q2")
    assert [each["cluster"] for each in answer["clusters"]] == [cluster.id for cluster in plan().clusters]
    for cluster in answer["clusters"]:
        assert [figure["name"] for figure in cluster["figures"]] == [each.name for each in DEFINITIONS]
        figures = by_name(cluster)
        assert figures["quarter_output"]["value"] > 0
        assert figures["quarter_output"]["sources"][0].startswith("区统计局 2024")
        for name in ("target_2025", "progress_2025", "required_growth_2025", "intensity"):
            assert (figures[name]["value"] is None) == bool(
                figures[name]["unavailable"] and figures[name]["unavailable_zh"]
            )
    vehicles = by_name(answer["clusters"][0])
    assert vehicles["target_2025"]["value"] == 4000
    assert vehicles["progress_2025"] | {"formula": ""} == {
        "name": "progress_2025",
        "name_zh": "2025年目标完成率",
        "name_en": "Progress to 2025",
        "unit": "%",
        "formula": "",
        "value": 78.025,
        "bound": "exact",
        "output_share_pct": None,
        "basis": "",
        "basis_zh": "",
        "example": False,
        "unavailable": None,
        "unavailable_zh": None,
        "coverage_pct": None,
        "estimated_pct": None,
        "sources": ["深坪府〔2024〕1 号（2024-02-18）三（一）1（2）"],
        "revision": None,
        "details": {"year": 2023, "since_base": 0},
        "address": f"cluster/{VEHICLES}/progress_2025/2024-Q2",
    }
    # 497,315 kWh over 0.125 % of 850.3 亿元; see the golden folder.
    assert vehicles["intensity"]["value"] == pytest.approx(46.7896036693)
    assert (vehicles["intensity"]["bound"], vehicles["intensity"]["coverage_pct"]) == ("metered_part", 100)
    for name in ("energy", "intensity", "intensity_equivalent", "pv_share"):
        assert vehicles[name]["output_share_pct"] == 0.125
        assert vehicles[name]["basis"] == "metered enterprises only: 0.125 % of the cluster's output"
        assert vehicles[name]["basis_zh"] == "仅为计量企业，占集群产值 0.125 %"
    assert vehicles["intensity_equivalent"]["value"] == pytest.approx(0.00575044229096)
    assert answer["parks"] == [
        {
            "park": "gaoxin-nan",
            "name_zh": "高新南",
            "name_en": "Gaoxin South",
            "simulated": False,
            "energy_kwh": 994_630,
            "attributed_kwh": 679_315,
            "unattributed_kwh": 315_315,
            "coverage_pct": 100,
            "estimated_pct": 0,
        }
    ]


async def test_one_cluster_of_the_newest_quarter(clusters: Api) -> None:
    newest = await clusters.get(f"/clusters/{VEHICLES}")
    assert (newest["quarter"], newest["kind"], newest["parks"][1]) == ("2024-Q2", "competitive", "gaoxin-nan")
    earlier = await clusters.get(f"/clusters/{VEHICLES}", quarter="2023年第二季度")
    assert earlier["quarter"] == "2023-Q2"
    assert by_name(earlier)["cumulative_output"]["value"] == 1450
    assert by_name(earlier)["energy"]["unavailable"] == "0.0 % of the intervals are known, less than 90 %"


async def test_stated_quarters_with_former_figures(clusters: Api, dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("产业集群,季度,口径,产值（万元）,来源\n新能源,2024-Q2,当季,1512500.50,核定数\n", "utf-8")
    assert outputs(dsn, file).revised == 1
    former, current = (await clusters.get("/clusters/new-energy/quarters"))["quarters"]
    assert (former["output_100m_cny"], former["current"], former["revision"]) == (150.75, False, 1)
    assert current | {"file_digest": "", "note": ""} == {
        "quarter": "2024-Q2",
        "revision": 2,
        "current": True,
        "basis": "quarter",
        "output_100m_cny": 151.25005,
        "stated": "1512500.50",
        "unit": "万元",
        "source": "核定数",
        "note": "",
        "file": "r.csv",
        "cell": "D2",
        "file_digest": "",
        "entered_by": "李伟",
        "entered_ms": round(NOW.timestamp() * 1000),
    }
    figures = by_name(await clusters.get("/clusters/new-energy"))
    assert (figures["quarter_output"]["value"], figures["quarter_output"]["revision"]) == (151.25005, 2)


async def test_without_any_output_the_last_quarter_is_told_with_reasons(dsn: str) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn))) as empty:
        answer = await empty.get("/clusters")
        assert {by_name(each)["quarter_output"]["unavailable"] for each in answer["clusters"]} == {
            f"no output is stated for {answer['quarter']}"
        }
        assert by_name(answer["clusters"][0])["progress_2025"]["value"] == 78.025
        assert (await empty.get("/clusters/new-energy/quarters"))["quarters"] == []


async def test_refusals(clusters: Api) -> None:
    (mistake,) = await clusters.refused("/clusters", 422, quarter="2024-05")
    assert mistake == {"field": "quarter", "value": "2024-05", "remedy": "must be a quarter such as 2024-Q2"}
    for path in ("/clusters/real-estate", "/clusters/real-estate/quarters"):
        (mistake,) = await clusters.refused(path, 404)
        assert (mistake["field"], mistake["value"]) == ("cluster", "real-estate")
    await clusters.refused("/clusters/Real%20Estate", 422)
    await clusters.refused("/clusters", 422, year="2024")
