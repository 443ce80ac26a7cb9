"""Industrial clusters for a quarter: stated outputs, targets of the plan and metered energy, from views only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

from psycopg.rows import dict_row

from parkgrid_accounting.clusters.coal import coal_of
from parkgrid_accounting.statements import statement
from parkgrid_database.connection import Connection
from parkgrid_domain.clusters import energy, progress
from parkgrid_domain.clusters.energy import Attribution, Metered, attribute
from parkgrid_domain.clusters.enterprise_file import StatedAccount, StatedEnterprise
from parkgrid_domain.clusters.figures import DEFINITIONS, ClusterFigure
from parkgrid_domain.clusters.intensity import Beside, energy_figures
from parkgrid_domain.clusters.output_file import Basis
from parkgrid_domain.clusters.outputs import Output, Outputs, is_example
from parkgrid_domain.clusters.plan import Cluster, Plan, plan
from parkgrid_domain.clusters.quarter import Quarter, quarter
from parkgrid_domain.period import Period

Shape = TypeVar("Shape")
Remeter: TypeAlias = Callable[[list[Metered]], list[Metered]]
"""Gives the energies to count for those that are stored."""


@dataclass(frozen=True, slots=True)
class ClusterQuarter:
    """One cluster in a quarter: every figure, in the order of the definitions."""

    cluster: Cluster
    figures: tuple[ClusterFigure, ...]

    def __getitem__(self, name: str) -> ClusterFigure:
        """One figure; `KeyError` for a name that is none."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ParkEnergy:
    """The consumption of a park in a quarter and what of it is nobody's."""

    park: str
    energy_kwh: Decimal | None
    attributed_kwh: Decimal
    unattributed_kwh: Decimal | None
    """Below 0 where shares and sub-meters overlap."""
    coverage_pct: float
    estimated_pct: float
    """What of the known part is an estimate."""
    name_zh: str = ""
    name_en: str = ""
    simulated: bool = False
    """Whether readings of it come from simulated devices."""

    def name(self, language: str) -> str:
        """The park in `zh` or `en`; its identifier where nobody named it."""
        return (self.name_zh if language == "zh" else self.name_en) or self.park


@dataclass(frozen=True, slots=True)
class ClusterFigures:
    """All clusters of the plan for a quarter."""

    plan: Plan
    quarter: Quarter
    clusters: tuple[ClusterQuarter, ...]
    parks: tuple[ParkEnergy, ...]

    @property
    def simulated(self) -> bool:
        """Whether some of the energies come from simulated devices."""
        return any(park.simulated for park in self.parks)

    @property
    def example(self) -> bool:
        """Whether some of the outputs are stated as examples."""
        return any(figure.example for each in self.clusters for figure in each.figures)

    def __getitem__(self, cluster: str) -> ClusterQuarter:
        """One cluster; `KeyError` for an id that is none."""
        for each in self.clusters:
            if each.cluster.id == cluster:
                return each
        raise KeyError(cluster)


@dataclass(frozen=True, slots=True)
class OutputRevision:
    """A stated output with what stood in its file and whether it is the current one."""

    output: Output
    note: str
    stated: str
    unit: str
    current: bool


def cluster_figures(
    connection: Connection, period: Quarter | Period, metered: Remeter = lambda found: found
) -> ClusterFigures:
    """Every figure of every cluster for a quarter; `ValueError` for a period that is none.

    `metered` may put other energies in the place of the stored ones: a trace computes them from readings.
    """
    when = period if isinstance(period, Quarter) else quarter(period.text)
    known = plan()
    outputs = [each.output for each in revisions(connection) if each.current]
    enterprises = {each.enterprise: each for each in _all(connection, "clusters/enterprises", StatedEnterprise)}
    accounts = _all(connection, "clusters/enterprise_accounts", StatedAccount)
    now, before = (
        _attribution(connection, each.months, accounts, enterprises, metered) for each in (when, when.year_before)
    )
    coal = coal_of(when)
    clusters = []
    for cluster in known.clusters:
        own = Outputs(output for output in outputs if output.cluster == cluster.id)
        beside = Beside(cluster.id, when, own, now, before, enterprises, coal, known.rules)
        found = {each.name: each for each in (*progress.progress_figures(cluster, own, when), *energy_figures(beside))}
        clusters.append(ClusterQuarter(cluster, tuple(found[each.name] for each in DEFINITIONS)))
    return ClusterFigures(known, when, tuple(clusters), _parks(now, _rows(connection, "clusters/parks")))


def newest_quarter(connection: Connection) -> Quarter | None:
    """The newest quarter that an output is stated for."""
    return max((each.output.quarter for each in revisions(connection)), default=None)


def revisions(connection: Connection, cluster: str | None = None) -> list[OutputRevision]:
    """Every figure ever stated for a cluster, or for all; the current ones are marked."""
    rows = _rows(connection, "clusters/output_revisions", cluster=cluster)
    return [OutputRevision(_output(row), row["note"], row["stated"], row["unit"], row["current"]) for row in rows]


def enterprises_of(connection: Connection) -> tuple[list[StatedEnterprise], list[StatedAccount]]:
    """The enterprises and their parts of accounts as they are now."""
    return (
        _all(connection, "clusters/enterprises", StatedEnterprise),
        _all(connection, "clusters/enterprise_accounts", StatedAccount),
    )


def _output(row: dict[str, Any]) -> Output:
    return Output(
        cluster=row["cluster"],
        quarter=quarter(row["quarter"]),
        basis=Basis(row["basis"]),
        output_100m_cny=row["output_100m_cny"],
        revision=row["revision"],
        source=row["source"],
        file=row["file"],
        file_digest=row["file_digest"],
        cell=row["cell"],
        entered_by=row["entered_by"],
        entered_at=row["entered_at"],
        example=is_example(row["note"]),
    )


def _attribution(
    connection: Connection,
    months: Sequence[date],
    accounts: Sequence[StatedAccount],
    enterprises: dict[str, StatedEnterprise],
    remeter: Remeter,
) -> Attribution:
    classes, signals = zip(*energy.SIGNALS, strict=True)
    values = {"months": list(months), "classes": list(classes), "signals": list(signals)}
    metered = [Metered(**row) for row in _rows(connection, "clusters/energy", **values)]
    return attribute(remeter(metered), accounts, enterprises, months)


def _parks(now: Attribution, registry: list[dict[str, Any]]) -> tuple[ParkEnergy, ...]:
    named, found = {row["park"]: row for row in registry}, []
    for park, energies in sorted(now.parks.items()):
        whole, parts = energies.consumption, now.attributed.get(park, energy.Energies()).consumption
        rest = now.unattributed_wh(park)
        found.append(
            ParkEnergy(
                park,
                whole.energy_kwh if whole else None,
                parts.energy_kwh if parts else Decimal(),
                None if rest is None else rest / 1000,
                whole.coverage_pct if whole else 0.0,
                whole.estimated_pct if whole else 0.0,
                *(named[park][key] for key in ("name_zh", "name_en", "simulated")),
            )
        )
    return tuple(found)


def _all(connection: Connection, name: str, shape: type[Shape]) -> list[Shape]:
    """Every row of a statement as a dataclass that has some of its columns."""
    wanted = [each.name for each in fields(shape)]  # type: ignore[arg-type]  # every shape here is a dataclass
    return [shape(**{key: row[key] for key in wanted}) for row in _rows(connection, name)]


def _rows(connection: Connection, name: str, **values: Any) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        # The text is a file of this package, never input.
        return cursor.execute(statement(name), values).fetchall()
