"""Stated outputs put together: of a quarter alone, since January, of a year; absent parts make no sum.

stated 累计 Q1 ── Q2 ── Q3 ── Q4        of Q3 alone = cumulative Q3 - (since January until Q2)
stated 当季 Q1 ── Q2 ── Q3 ── Q4        since January until Q3 = Q1 + Q2 + Q3
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from parkgrid_domain.clusters.output_file import Basis
from parkgrid_domain.clusters.quarter import QUARTERS, Quarter
from parkgrid_domain.clusters.reason import Reason, reason


@dataclass(frozen=True, slots=True)
class Output:
    """A stated output, as it is current or was."""

    cluster: str
    quarter: Quarter
    basis: Basis
    output_100m_cny: Decimal
    """亿元."""
    revision: int
    source: str
    file: str
    file_digest: str
    cell: str
    entered_by: str
    entered_at: datetime
    example: bool = False
    """Whether its note says 示例 or example: a figure to look at, no statistics."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An output with what it was put together from, or why there is none."""

    output_100m_cny: Decimal | None
    parts: tuple[Output, ...] = ()
    unavailable: Reason | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Who states its parts, each once."""
        return tuple(dict.fromkeys(f"{part.source}（{part.file} {part.cell}）" for part in self.parts))

    @property
    def example(self) -> bool:
        """Whether any part of it is an example."""
        return any(part.example for part in self.parts)

    @property
    def revision(self) -> int | None:
        """1 when every part is as first stated; one more for each revision of a part."""
        return 1 + sum(part.revision - 1 for part in self.parts) if self.parts else None


def is_example(note: str) -> bool:
    """Whether a note marks its figure as an example."""
    return note.strip().casefold() in {"示例", "example"}


class Outputs:
    """The current stated outputs of one cluster by quarter."""

    def __init__(self, outputs: Iterable[Output]) -> None:
        self._by_quarter: Mapping[Quarter, Output] = {output.quarter: output for output in outputs}

    def since_january(self, quarter: Quarter) -> Amount:
        """The output from January to the end of a quarter."""
        parts: list[Output] = []
        for each in reversed(quarter.of_year):
            stated = self._by_quarter.get(each)
            if stated is None:
                return Amount(None, (), reason("no_output", quarter=each))
            parts.append(stated)
            if stated.basis is Basis.CUMULATIVE:
                break
        return Amount(sum((part.output_100m_cny for part in parts), Decimal()), tuple(reversed(parts)))

    def alone(self, quarter: Quarter) -> Amount:
        """The output of the three months of a quarter."""
        stated = self._by_quarter.get(quarter)
        if stated is None:
            return Amount(None, (), reason("no_output", quarter=quarter))
        if stated.basis is Basis.QUARTER or quarter.number == 1:
            return Amount(stated.output_100m_cny, (stated,))
        earlier = self.since_january(quarter.before)
        if earlier.output_100m_cny is None:
            return Amount(None, (), earlier.unavailable)
        parts = (*earlier.parts, stated)
        difference = stated.output_100m_cny - earlier.output_100m_cny
        if difference < 0:
            return Amount(None, parts, reason("falling", quarter=quarter, before=quarter.before))
        return Amount(difference, parts)

    def annual(self, year: int) -> Amount:
        """The output of a whole year."""
        return self.since_january(Quarter(year, QUARTERS))

    def newest_year(self, until: Quarter) -> int | None:
        """The newest whole year, not after a quarter, whose output is stated."""
        last = until.year if until.number == QUARTERS else until.year - 1
        years = {quarter.year for quarter in self._by_quarter if quarter.year <= last}
        return next(
            (year for year in sorted(years, reverse=True) if self.annual(year).output_100m_cny is not None), None
        )
