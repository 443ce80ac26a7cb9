"""Cluster figures traced: the stated outputs with their sources, and every energy from its registers once more."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from parkgrid_accounting.address import ClusterAddress
from parkgrid_accounting.clusters.figures import ClusterFigures, cluster_figures, revisions
from parkgrid_accounting.statements import statement
from parkgrid_accounting.trace.answer import Definition, Input, NotTracedError, Rule, Trace, same
from parkgrid_accounting.trace.registers import RegisterTrace, Source, sources, trace_register
from parkgrid_database.connection import Connection
from parkgrid_domain.clusters.energy import Metered
from parkgrid_domain.clusters.figures import BY_NAME, ClusterFigure
from parkgrid_domain.clusters.quarter import quarter
from parkgrid_domain.period import month_of

_ENERGIES = frozenset({"energy", "pv_energy", "storage_energy", "elasticity", "pv_share", "storage_share"})


def trace_cluster(connection: Connection, address: ClusterAddress) -> Trace:
    """A figure of a cluster for a quarter, with everything behind it. Raises `NotTracedError`."""
    try:
        when = quarter(address.period.text)
    except ValueError as error:
        raise NotTracedError(str(error)) from None
    published = _figure(cluster_figures(connection, when), address)
    if address.revision not in {None, published.revision}:
        raise NotTracedError(
            f"{address}: the figure's revision is {published.revision}; former outputs are listed at "
            f"/api/v1/clusters/{address.cluster}"
        )
    meters = _Meters(connection, address.cluster if _counts_energy(address.figure) else None)
    again = _figure(cluster_figures(connection, when, meters), address)
    return _trace(connection, address, (published, again), meters)


def _trace(
    connection: Connection, address: ClusterAddress, figures: tuple[ClusterFigure, ClusterFigure], meters: "_Meters"
) -> Trace:
    published, again = figures
    defined = BY_NAME[published.name]
    notes = ["energies of other clusters' accounts are taken as stored"] if meters.traced else []
    return Trace(
        address=str(address),
        definition=Definition(
            defined.name, defined.zh, defined.en, defined.formula, defined.unit, "; ".join(published.sources)
        ),
        published=published.value,
        recomputed=again.value,
        equal=same(published.value, again.value),
        unit=published.unit,
        coverage_pct=published.coverage_pct,
        estimated_pct=published.estimated_pct,
        basis=published.basis("en"),
        basis_zh=published.basis("zh"),
        unavailable=published.unavailable.en if published.unavailable else None,
        unavailable_zh=published.unavailable.zh if published.unavailable else None,
        details={name: None if told is None else str(told) for name, told in published.details.items()},
        rules=tuple(
            Rule(
                f"output {each.output.quarter} {each.output.basis.value}",
                f"{each.output.output_100m_cny} 亿元",
                f"revision {each.output.revision}, {each.output.file} {each.output.cell}",
                each.output.source,
            )
            for each in revisions(connection, address.cluster)
            if each.current
        ),
        inputs=tuple(_input(each) for each in meters.traced),
        registers=tuple(meters.traced),
        notes=tuple(notes),
    )


def _figure(figures: ClusterFigures, address: ClusterAddress) -> ClusterFigure:
    try:
        cluster = figures[address.cluster]
    except KeyError:
        known = ", ".join(each.cluster.id for each in figures.clusters)
        raise NotTracedError(f"no cluster {address.cluster!r}: there are {known}") from None
    try:
        return cluster[address.figure]
    except KeyError:
        raise NotTracedError(f"no figure {address.figure!r}: there are {', '.join(BY_NAME)}") from None


def _counts_energy(figure: str) -> bool:
    return figure in _ENERGIES or figure.startswith("intensity")


class _Meters:
    """Puts energies from readings in the place of those that are stored, for the accounts of one cluster."""

    def __init__(self, connection: Connection, cluster: str | None) -> None:
        self._connection = connection
        rows = connection.execute(statement("traces/cluster_accounts"), {"cluster": cluster}).fetchall()
        self._accounts = {(park, account) for park, account in rows}
        self._zones: dict[str, str] = dict(connection.execute("SELECT park, time_zone FROM public.parks").fetchall())
        self.traced: list[RegisterTrace] = []

    def __call__(self, stored: list[Metered]) -> list[Metered]:
        return [self._again(each) if (each.park, each.account) in self._accounts else each for each in stored]

    def _again(self, stored: Metered) -> Metered:
        span = month_of(stored.month, ZoneInfo(self._zones[stored.park]))
        found = [
            trace_register(self._connection, source, span.start_ms, span.end_ms) for source in self._sources(stored)
        ]
        self.traced += found
        told = [(trace.source.period_s, each) for trace in found for each in trace.intervals]
        known_s = sum(period_s for period_s, each in told if each.recomputed_wh is not None)
        estimated_s = sum(period_s for period_s, each in told if each.recomputed_quality == "estimated")
        energy_wh = sum(each.recomputed_wh for each in found) if known_s else None
        return replace(stored, energy_wh=energy_wh, known_s=known_s, estimated_s=estimated_s)

    def _sources(self, stored: Metered) -> list[Source]:
        rows = self._connection.execute(
            statement("intervals/registers_of_scope"),
            {
                "park": stored.park,
                "gateway": None,
                "device": None,
                "device_class": stored.device_class,
                "line": None,
                "transformer": None,
                "account": stored.account,
                "signals": [stored.signal],
                "unit": "kWh",
            },
        ).fetchall()
        return sources(self._connection, park=stored.park, registers=[row[1] for row in rows])


def _input(traced: RegisterTrace) -> Input:
    source = traced.source
    return Input(
        name=source.signal,
        unit=source.unit,
        value=traced.energy_wh / 1000,
        recomputed=traced.recomputed_wh / 1000,
        known=traced.good + traced.estimated,
        count=len(traced.intervals),
        estimated=traced.estimated,
        registers=(f"{source.park}/{source.gateway}/{source.device}/{source.signal}",),
    )
