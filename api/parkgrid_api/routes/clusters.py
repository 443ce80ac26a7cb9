"""Industrial clusters: the plan, progress to its targets, energy beside output, and every stated figure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request, Response

from parkgrid_accounting.address import ClusterAddress
from parkgrid_accounting.clusters.figures import (
    ClusterFigures,
    ClusterQuarter,
    cluster_figures,
    newest_quarter,
    revisions,
)
from parkgrid_api.answers.clusters import (
    ClusterFigureShape,
    ClusterQuarters,
    ClusterShape,
    ClustersShape,
    StatedQuarter,
)
from parkgrid_api.http import parameters
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.problems import not_found
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services, answer
from parkgrid_contract.time import SHANGHAI, from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.clusters.figures import BY_NAME, ClusterFigure
from parkgrid_domain.clusters.plan import Cluster, plan
from parkgrid_domain.clusters.quarter import Quarter
from parkgrid_domain.clusters.quarter import quarter as read_quarter
from parkgrid_domain.period import period

_SOURCE = "深坪府〔2024〕1 号（2024-02-18）三（一）1（2）"
_FIGURE_EXAMPLE: ClusterFigureShape = {
    "name": "progress_2025",
    "name_zh": "2025年目标完成率",
    "name_en": "Progress to 2025",
    "unit": "%",
    "formula": "100 * newest annual output / target_2025",
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
    "sources": [_SOURCE],
    "revision": None,
    "details": {"year": 2023, "since_base": 0.0},
    "address": "cluster/intelligent-connected-vehicles/progress_2025/2024-Q2",
}
_CLUSTER_EXAMPLE: ClusterShape = {
    "cluster": "intelligent-connected-vehicles",
    "name_zh": "智能网联汽车",
    "name_en": "Intelligent connected vehicles",
    "kind": "competitive",
    "fields_zh": ["整车研发制造", "三电系统", "感知决策系统"],
    "places_zh": ["高新北", "高新南", "坪环-江岭"],
    "pattern_zh": "全域联动、三区协同、多点共促",
    "parks": ["gaoxin-bei", "gaoxin-nan", "pinghuan-jiangling"],
    "source": _SOURCE,
    "quarter": "2024-Q2",
    "figures": [_FIGURE_EXAMPLE],
}
_CLUSTERS_EXAMPLE: ClustersShape = {
    "plan": "pingshan-6-plus-3",
    "plan_zh": "坪山区“6＋3”产业集群",
    "plan_en": "Pingshan “6+3” industrial clusters",
    "valid_from": "2024-02-18",
    "quarter": "2024-Q2",
    "clusters": [_CLUSTER_EXAMPLE],
    "parks": [
        {
            "park": "gaoxin-nan",
            "name_zh": "高新南",
            "name_en": "Gaoxin South",
            "simulated": False,
            "energy_kwh": 99463.0,
            "attributed_kwh": 79570.4,
            "unattributed_kwh": 19892.6,
            "coverage_pct": 99.2,
            "estimated_pct": 0.4,
        },
    ],
}
_QUARTERS_EXAMPLE: ClusterQuarters = {
    "cluster": "intelligent-connected-vehicles",
    "quarters": [
        {
            "quarter": "2024-Q2",
            "revision": 1,
            "current": True,
            "basis": "quarter",
            "output_100m_cny": 850.3,
            "stated": "850.30",
            "unit": "亿元",
            "source": "区统计局快报",
            "note": "",
            "file": "outputs.xlsx",
            "cell": "D2",
            "file_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "entered_by": "李伟",
            "entered_ms": 1795392000000,
        },
    ],
}


def _read_quarter(text: str) -> Quarter:
    try:
        return read_quarter(text)
    except ValueError:
        raise ValueError(told("must be a quarter such as 2024-Q2", "必须是季度，例如 2024-Q2")) from None


_CLUSTER = parameters.path_name("cluster", "intelligent-connected-vehicles")
_QUARTER = Parameter(
    "quarter",
    "A quarter; without it the newest that an output is stated for, else the last one that is over.",
    _read_quarter,
    {"type": "string", "pattern": "^[0-9]{4}-Q[1-4]$"},
    "2024-Q2",
)


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("industrial clusters")
    one = (_CLUSTER,)
    described_one = described("One cluster in a quarter", ClusterShape, _CLUSTER_EXAMPLE, (*one, _QUARTER))
    described_quarters = described("Every output stated for a cluster", ClusterQuarters, _QUARTERS_EXAMPLE, one)

    async def figures(wanted: Quarter | None) -> ClusterFigures:
        fallback = _last_over(services.clock.now_ms())

        def ask(connection: Connection) -> ClusterFigures:
            return cluster_figures(connection, wanted or newest_quarter(connection) or fallback)

        return await services.figures.ask(ask)

    @router.get("/clusters", **described("All clusters in a quarter", ClustersShape, _CLUSTERS_EXAMPLE, (_QUARTER,)))
    async def list_clusters(request: Request) -> Response:
        found = await figures(parameters.read(request, (_QUARTER,))["quarter"])
        return answer(_document(found))

    @router.get("/clusters/{cluster}", **described_one)
    async def show_cluster(request: Request) -> Response:
        values = parameters.read(request, (*one, _QUARTER))
        cluster = _known(values["cluster"])
        found = await figures(values["quarter"])
        return answer(_cluster(found[cluster.id], found.quarter))

    @router.get("/clusters/{cluster}/quarters", **described_quarters)
    async def list_quarters(request: Request) -> Response:
        cluster = _known(parameters.read(request, one)["cluster"])
        found = await services.figures.ask(lambda connection: revisions(connection, cluster.id))
        quarters: list[StatedQuarter] = [
            {
                "quarter": str(each.output.quarter),
                "revision": each.output.revision,
                "current": each.current,
                "basis": each.output.basis.value,
                "output_100m_cny": float(each.output.output_100m_cny),
                "stated": each.stated,
                "unit": each.unit,
                "source": each.output.source,
                "note": each.note,
                "file": each.output.file,
                "cell": each.output.cell,
                "file_digest": each.output.file_digest,
                "entered_by": each.output.entered_by,
                "entered_ms": to_ms(each.output.entered_at),
            }
            for each in found
        ]
        return answer(ClusterQuarters(cluster=cluster.id, quarters=quarters))

    return router


def _known(name: str) -> Cluster:
    cluster = plan().cluster(name)
    if cluster is None:
        path = "/api/v1/clusters"
        raise not_found("cluster", name, told(f"see {path} for the clusters of the plan", f"规划中的产业集群见 {path}"))
    return cluster


def _last_over(now_ms: int) -> Quarter:
    """The newest quarter that is over."""
    today = from_ms(now_ms).astimezone(SHANGHAI)
    return Quarter(today.year, (today.month + 2) // 3).before


def _document(found: ClusterFigures) -> ClustersShape:
    known = found.plan
    return {
        "plan": known.id,
        "plan_zh": known.name_zh,
        "plan_en": known.name_en,
        "valid_from": known.valid_from.isoformat(),
        "quarter": str(found.quarter),
        "clusters": [_cluster(each, found.quarter) for each in found.clusters],
        "parks": [
            {
                "park": each.park,
                "name_zh": each.name_zh,
                "name_en": each.name_en,
                "simulated": each.simulated,
                "energy_kwh": _number(each.energy_kwh),
                "attributed_kwh": float(each.attributed_kwh),
                "unattributed_kwh": _number(each.unattributed_kwh),
                "coverage_pct": each.coverage_pct,
                "estimated_pct": each.estimated_pct,
            }
            for each in found.parks
        ],
    }


def _cluster(found: ClusterQuarter, quarter: Quarter) -> ClusterShape:
    cluster = found.cluster
    return {
        "cluster": cluster.id,
        "name_zh": cluster.name_zh,
        "name_en": cluster.name_en,
        "kind": cluster.kind.value,
        "fields_zh": list(cluster.fields_zh),
        "places_zh": list(cluster.places_zh),
        "pattern_zh": cluster.pattern_zh,
        "parks": list(cluster.parks),
        "source": cluster.source,
        "quarter": str(quarter),
        "figures": [_figure(cluster, each, quarter) for each in found.figures],
    }


def _figure(cluster: Cluster, figure: ClusterFigure, quarter: Quarter) -> ClusterFigureShape:
    definition, why = BY_NAME[figure.name], figure.unavailable
    return {
        "name": figure.name,
        "name_zh": definition.zh,
        "name_en": definition.en,
        "unit": figure.unit,
        "formula": definition.formula,
        "value": _number(figure.value),
        "bound": figure.bound.value,
        "output_share_pct": _number(figure.output_share_pct),
        "basis": figure.basis("en"),
        "basis_zh": figure.basis("zh"),
        "example": figure.example,
        "unavailable": why.en if why else None,
        "unavailable_zh": why.zh if why else None,
        "coverage_pct": figure.coverage_pct,
        "estimated_pct": figure.estimated_pct,
        "sources": list(figure.sources),
        "revision": figure.revision,
        "details": _numbers(figure.details),
        "address": str(ClusterAddress(cluster.id, figure.name, period(str(quarter)))),
    }


def _numbers(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in details.items()}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
