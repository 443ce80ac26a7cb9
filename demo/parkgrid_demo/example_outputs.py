"""Outputs of the clusters for the demonstration: near the way from the plan's base to its targets, and never on them.

    base ──▶ straight line between the plan's years ──▶ x what a year deviates ──▶ quarters by their season

What deviates is drawn from the names of cluster, year and quarter, so that every demonstration states the same. Each
row says that it is an example: the note 示例 marks every figure that it goes into.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from parkgrid_domain.clusters.plan import Cluster, plan

_SOURCE = "示例：按意见的目标推算并加偏差，非统计数据 Example: from the plan's targets with deviations, no statistics"
_NOTE = "示例"
_SEASON = (Decimal("0.225"), Decimal("0.245"), Decimal("0.255"), Decimal("0.275"))
"""Parts of a year: the first quarter has the new year's holidays."""
_LEAST, _REACH = Decimal("0.012"), Decimal("0.058")
"""A year is off the line by 1.2 to 7 per cent: far enough for nobody to take it for the target itself."""
_ABOVE_IN_TEN = 3
"""So many years of ten lie above the line."""
_QUARTERLY = Decimal("0.02")
"""Most that a quarter's part deviates, either way."""


def outputs(today: date) -> Iterator[Sequence[str]]:
    """The base year as the plan states it, then an example for every quarter that is over."""
    for cluster in plan().clusters:
        stated = _stated(cluster)
        if not stated:
            continue
        base = min(stated)
        title = cluster.base.source if cluster.base else ""
        yield (cluster.id, f"{base}-Q4", "累计", str(stated[base]), "亿元", title, "")
        quarter = 4 * (base + 1)
        while quarter < 4 * today.year + (today.month - 1) // 3:
            amount = _year(cluster, stated, quarter // 4) * _part(cluster, quarter)
            yield (cluster.id, f"{quarter // 4}-Q{quarter % 4 + 1}", "当季", f"{amount:.2f}", "亿元", _SOURCE, _NOTE)
            quarter += 1


def _year(cluster: Cluster, stated: Mapping[int, Decimal], year: int) -> Decimal:
    drawn = _drawn(f"{cluster.id} {year}")
    above = _drawn(f"{cluster.id} {year} side") * 10 < _ABOVE_IN_TEN
    off = _LEAST + _REACH * drawn
    return _on_line(stated, year) * (1 + off / 2 if above else 1 - off)


def _part(cluster: Cluster, quarter: int) -> Decimal:
    """What part of its year a quarter is; the four come to one."""
    first = quarter - quarter % 4
    weights = [
        season * (1 + _QUARTERLY * (2 * _drawn(f"{cluster.id} {first + number}") - 1))
        for number, season in enumerate(_SEASON)
    ]
    return weights[quarter % 4] / sum(weights)


def _drawn(name: str) -> Decimal:
    """A number from 0 to 1 that belongs to a name."""
    return Decimal(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])) / 2**32


def _stated(cluster: Cluster) -> dict[int, Decimal]:
    """Year to output in 亿元, as the plan states them; empty for a cluster without figures."""
    figures = [cluster.base, *cluster.targets] if cluster.base else []
    return {each.year: each.output_100m_cny for each in figures if each is not None}


def _on_line(stated: Mapping[int, Decimal], year: int) -> Decimal:
    """Output of a year between two stated ones; after the last one it stays."""
    if year >= max(stated):
        return stated[max(stated)]
    low, high = max(each for each in stated if each <= year), min(each for each in stated if each > year)
    return stated[low] + (stated[high] - stated[low]) * (year - low) / (high - low)
